//! Where a walk through a store's sessions goes on.

use std::fmt::{self, Write};

/// Where a walk goes on. Only the store that made it knows what it means.
///
/// It may be written down and used later. It may hold a session's id, so it is as secret as that.
#[derive(Clone, PartialEq, Eq)]
pub struct Cursor(pub String);

impl Cursor {
    /// A cursor that spells out the bytes of a key, in hexadecimal: for stores that walk in the order of keys.
    /// What others have stored may have a key that is no id, nor even text, and the walk has to get past it.
    /// By the prefix a store tells its cursors from those of stores that walk otherwise.
    pub fn behind(prefix: &str, key: &[u8]) -> Self {
        let mut text = prefix.to_owned();
        for byte in key {
            // To write into a string never fails.
            let _ = write!(text, "{byte:02x}");
        }
        Self(text)
    }

    /// The key that was spelt out behind this prefix. `None`: it is no such cursor.
    pub fn key(&self, prefix: &str) -> Option<Vec<u8>> {
        let digits = self.0.strip_prefix(prefix)?.as_bytes();
        let (pairs, []) = digits.as_chunks() else { return None };
        pairs.iter().map(|[high, low]| Some(digit(*high)? << 4 | digit(*low)?)).collect()
    }
}

fn digit(byte: u8) -> Option<u8> {
    let value = char::from(byte).to_digit(16)?;
    u8::try_from(value).ok()
}

/// Shows nothing of it.
impl fmt::Debug for Cursor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Cursor(..)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cursor_gives_its_key_back_whatever_its_bytes() {
        for key in [b"".as_slice(), b"session-1", b"\0\xff'", "世界".as_bytes()] {
            assert_eq!(Cursor::behind("sid-", key).key("sid-").as_deref(), Some(key));
        }
    }

    #[test]
    fn what_is_no_cursor_of_this_kind_has_no_key() {
        for text in ["", "sid", "sid-6", "sid-6g", "sid-+1", "sid-61 ", "sid-é", "shard-61", "61"]
        {
            assert!(Cursor(text.into()).key("sid-").is_none(), "{text}");
        }
    }
}
