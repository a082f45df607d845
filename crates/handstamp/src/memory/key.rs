//! A session id as the memory store keeps it: as short as it is, instead of 128 bytes for each.
//!
//! It has no `Debug`, on purpose: whoever holds an id is half-way into the session.

use crate::SessionId;

/// Ids up to this length need no allocation: ours (32 characters) and UUIDs (36) among them.
const INLINE: usize = 38;

/// The name of a session, in 40 bytes where it can be. The order means nothing.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Key {
    Inline { length: u8, bytes: [u8; INLINE] },
    Boxed(Box<[u8]>),
}

impl Key {
    /// No key comes before this one.
    pub(super) const FIRST: Self = Self::Inline { length: 0, bytes: [0; INLINE] };

    pub(super) fn as_bytes(&self) -> &[u8] {
        match self {
            Self::Inline { length, bytes } => &bytes[..usize::from(*length)],
            Self::Boxed(bytes) => bytes,
        }
    }

    /// The id again; it is always `Some`, since nothing but an id is made a key.
    pub(super) fn to_id(&self) -> Option<SessionId> {
        str::from_utf8(self.as_bytes()).ok().and_then(SessionId::parse)
    }
}

impl From<&[u8]> for Key {
    fn from(id: &[u8]) -> Self {
        let mut bytes = [0; INLINE];
        match (bytes.get_mut(..id.len()), u8::try_from(id.len())) {
            (Some(space), Ok(length)) => {
                space.copy_from_slice(id);
                Self::Inline { length, bytes }
            }
            _ => Self::Boxed(id.into()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_gives_its_id_back_whatever_its_length() {
        for length in [1, 32, 37, 38, 39, 128] {
            let id = SessionId::parse(&"x".repeat(length)).unwrap();
            let key = Key::from(id.as_str().as_bytes());
            assert_eq!(key.as_bytes(), id.as_str().as_bytes());
            assert_eq!(key.to_id(), Some(id));
            assert!(Key::FIRST < key);
        }
    }

    #[test]
    fn a_key_takes_40_bytes() {
        assert_eq!(size_of::<Key>(), 40);
    }
}
