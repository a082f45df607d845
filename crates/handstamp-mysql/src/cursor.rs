//! Where a walk goes on, as text: behind which session id.
//!
//! Another application may have stored an id that is none of ours. The walk has to get past it, so its
//! bytes are spelt out in hexadecimal.

use std::fmt::Write;

use handstamp::store::Cursor;

/// Tells our cursors from those of other stores.
const PREFIX: &str = "mysql-";

/// What [`place`] reads.
pub(crate) fn cursor(id: &str) -> Cursor {
    let mut text = PREFIX.to_owned();
    for byte in id.bytes() {
        // To write into a string never fails.
        let _ = write!(text, "{byte:02x}");
    }
    Cursor(text)
}

/// The id behind which to go on. `None`: it is no cursor of this kind of store.
pub(crate) fn place(cursor: &Cursor) -> Option<String> {
    let digits = cursor.0.strip_prefix(PREFIX)?.as_bytes();
    let (pairs, []) = digits.as_chunks() else { return None };
    let bytes: Option<Vec<u8>> =
        pairs.iter().map(|[high, low]| Some(digit(*high)? << 4 | digit(*low)?)).collect();
    String::from_utf8(bytes?).ok()
}

fn digit(byte: u8) -> Option<u8> {
    let value = char::from(byte).to_digit(16)?;
    u8::try_from(value).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cursor_gives_its_id_back_whatever_is_in_it() {
        for id in ["", "session-1", "\0'`", "世界"] {
            assert_eq!(place(&cursor(id)).as_deref(), Some(id));
        }
    }

    #[test]
    fn what_is_no_cursor_is_none() {
        for text in ["", "mysql", "mysql-6", "mysql-6g", "mysql-+1", "mysql-ff", "sid-61", "61"] {
            assert!(place(&Cursor(text.into())).is_none(), "{text}");
        }
    }
}
