//! Where a walk goes on, as text: behind which `sid`.
//!
//! Others may have made a `sid` that is no id. The walk has to get past it, so its bytes are spelt out
//! in hexadecimal.

use std::fmt::Write;

use handstamp::store::Cursor;

/// Tells our cursors from those of other stores.
const PREFIX: &str = "sid-";

/// What [`sid`] reads.
pub(crate) fn cursor(sid: &str) -> Cursor {
    let mut text = PREFIX.to_owned();
    for byte in sid.bytes() {
        // To write into a string never fails.
        let _ = write!(text, "{byte:02x}");
    }
    Cursor(text)
}

/// The `sid` behind which to go on. `None`: it is no cursor of this kind of store.
pub(crate) fn sid(cursor: &Cursor) -> Option<String> {
    let digits = cursor.0.strip_prefix(PREFIX)?.as_bytes();
    let (pairs, []) = digits.as_chunks() else { return None };
    let bytes: Option<_> =
        pairs.iter().map(|[high, low]| Some(digit(*high)? << 4 | digit(*low)?)).collect();
    // A text of PostgreSQL holds no NUL.
    String::from_utf8(bytes?).ok().filter(|sid| !sid.contains('\0'))
}

fn digit(byte: u8) -> Option<u8> {
    let value = char::from(byte).to_digit(16)?;
    u8::try_from(value).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cursor_gives_its_sid_back() {
        for text in ["", "session-1", "'", "世界"] {
            assert_eq!(sid(&cursor(text)).as_deref(), Some(text));
        }
    }

    #[test]
    fn what_is_no_cursor_is_none() {
        for text in [
            "", "sid", "sid-6", "sid-6g", "sid-+1", "sid-61 ", "sid-é", "shard-61", "61", "sid-ff",
            "sid-00",
        ] {
            assert!(sid(&Cursor(text.into())).is_none(), "{text}");
        }
    }
}
