//! The credential: a session id and its signature, byte for byte express-session's.
//!
//! `s:` + id + `.` + base64(HMAC-SHA256(secret, id)) without padding. In a cookie it is
//! percent-encoded, as JavaScript's `encodeURIComponent` does it; in other headers it stands as it is.

use std::borrow::Cow;

use crate::{Keys, SessionId};

/// The longest value with one of our ids, in bytes: an id of 128, a signature of 43, percent-encoded.
const MAX_LENGTH: usize = 1024;

/// The longest value that is looked at: browsers keep no longer cookies (RFC 6265bis, section 5.6).
const MAX_ANY_LENGTH: usize = 4096;

/// An id whose signature was found good.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Verified {
    pub id: SessionId,
    /// An older key made the signature: time for a new one.
    pub by_old_key: bool,
}

/// Signs an id. `None`: there is no key.
pub(crate) fn sign(id: &str, keys: &Keys) -> Option<String> {
    Some(format!("s:{id}.{}", keys.sign(id)?))
}

/// Verifies a header's or cookie's value: percent-encoded or not, quoted or not.
///
/// `None`: no credential, a forged one, or one of a key that is no longer known.
pub(crate) fn verify(value: &str, keys: &Keys) -> Option<Verified> {
    if value.len() > MAX_LENGTH {
        return None;
    }
    let verified =
        |id: &str, key| Some(Verified { id: SessionId::parse(id)?, by_old_key: key > 0 });
    read(value, keys, verified)?
}

/// Hands the id of a good credential, whatever characters it has, and the place of its key to `take`.
pub(crate) fn read<T>(value: &str, keys: &Keys, take: impl FnOnce(&str, usize) -> T) -> Option<T> {
    if value.len() > MAX_ANY_LENGTH {
        return None;
    }
    let value = percent_decode(unquote(value));
    // The id itself may hold dots; the signature can't.
    let (id, signature) = value.strip_prefix("s:")?.rsplit_once('.')?;
    Some(take(id, keys.verify(id, signature)?))
}

/// Percent-encodes what `encodeURIComponent` does (ECMA-262, 19.2.6.4).
pub(crate) fn percent_encode(value: &str) -> String {
    let mut encoded = String::with_capacity(value.len() + 16);
    for byte in value.bytes() {
        if byte.is_ascii_alphanumeric() || b"-_.!~*'()".contains(&byte) {
            encoded.push(char::from(byte));
        } else {
            const DIGITS: &[u8; 16] = b"0123456789ABCDEF";
            encoded.push('%');
            encoded.push(char::from(DIGITS[usize::from(byte >> 4)]));
            encoded.push(char::from(DIGITS[usize::from(byte & 15)]));
        }
    }
    encoded
}

/// Undoes `encodeURIComponent`. What is not well-formed stays as it is, as express-session has it.
fn percent_decode(value: &str) -> Cow<'_, str> {
    if !value.contains('%') {
        return Cow::Borrowed(value);
    }
    match decoded_bytes(value).map(String::from_utf8) {
        Some(Ok(decoded)) => Cow::Owned(decoded),
        _ => Cow::Borrowed(value),
    }
}

fn decoded_bytes(value: &str) -> Option<Vec<u8>> {
    let mut decoded = Vec::with_capacity(value.len());
    let mut bytes = value.bytes();
    while let Some(byte) = bytes.next() {
        decoded.push(if byte == b'%' {
            digit(bytes.next()?)? << 4 | digit(bytes.next()?)?
        } else {
            byte
        });
    }
    Some(decoded)
}

fn digit(byte: u8) -> Option<u8> {
    char::from(byte).to_digit(16).and_then(|digit| u8::try_from(digit).ok())
}

/// Strips one pair of double quotes: RFC 6265, section 4.1.1 allows them around a cookie's value.
fn unquote(value: &str) -> &str {
    value.strip_prefix('"').and_then(|value| value.strip_suffix('"')).unwrap_or(value)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn keys() -> Keys {
        Keys::express(["keyboard cat"])
    }

    #[test]
    fn cookie_values_are_those_of_express_session() {
        let encoded = |id, keys: Keys| keys.credential(id).unwrap();
        assert_eq!(
            encoded("apple", keys()),
            "s%3Aapple.D8Y%2BpkTAmeR0PobOhY4G97PRW%2Bj7bUnP%2F5m6%2FOn1MCU"
        );
        assert_eq!(
            encoded("a.b.c", Keys::express(["k"])),
            "s%3Aa.b.c.KknhlmRnAWEJEoNMlO85fIMohjxbBPVoeAIqIsEoMg4"
        );
    }

    #[test]
    fn every_spelling_of_a_good_credential_verifies() {
        let raw = "s:apple.D8Y+pkTAmeR0PobOhY4G97PRW+j7bUnP/5m6/On1MCU";
        let encoded = percent_encode(raw);
        let lowercase = encoded.replace("%3A", "%3a").replace("%2B", "%2b").replace("%2F", "%2f");
        for value in [
            raw.to_owned(),
            encoded.clone(),
            lowercase,
            format!("\"{raw}\""),
            format!("\"{encoded}\""),
        ] {
            assert!(
                verify(&value, &keys()).is_some_and(|verified| verified.id.as_str() == "apple"),
                "{value}"
            );
        }
    }

    // S5, S7: what is not signed by us does not exist.
    #[test]
    fn whatever_is_changed_in_a_credential_it_is_refused() {
        let good = "s:apple.D8Y+pkTAmeR0PobOhY4G97PRW+j7bUnP/5m6/On1MCU";
        assert!(verify(good, &keys()).is_some());
        for at in 0..good.len() {
            for byte in [b'A', b'0', b'.', b'=', b'%', 0] {
                let mut bytes = good.as_bytes().to_vec();
                if bytes[at] == byte {
                    continue;
                }
                bytes[at] = byte;
                assert!(
                    verify(&String::from_utf8(bytes).unwrap(), &keys()).is_none(),
                    "byte {at} as {byte}"
                );
            }
        }
        for bad in [
            "",
            "s:",
            "s:.",
            "apple",
            "s:apple",
            "s:apple.",
            &format!("{good}="),
            &format!("{good}A"),
            &good[..good.len() - 1],
        ] {
            assert!(verify(bad, &keys()).is_none(), "{bad}");
        }
    }

    // S6: an id is input even when it is signed.
    #[test]
    fn signed_ids_of_harmful_characters_never_reach_a_store() {
        for id in [
            "../etc/passwd",
            "a/b",
            "a\0b",
            "a\r\nb",
            "*",
            "[a]",
            "'; --",
            "%2e",
            "",
            ".hidden",
            &"a".repeat(129),
        ] {
            let credential = format!("s:{id}.{}", keys().sign(id).unwrap());
            assert!(verify(&credential, &keys()).is_none(), "{id}");
            assert!(verify(&percent_encode(&credential), &keys()).is_none(), "{id}");
        }
    }

    // Other languages' stores may use any id, and express-session signs any.
    #[test]
    fn an_id_of_any_characters_is_signed_and_read_by_who_asks_for_it() {
        let keys = keys();
        for id in ["../etc/passwd", "a.b", "a%2eb", "é \"x\"", "", &"a".repeat(2000)] {
            let credential = keys.credential(id).unwrap();
            assert_eq!(keys.read_credential(&credential), Some((id.to_owned(), 0)));
            assert_eq!(Keys::express(["x"]).read_credential(&credential), None);
        }
        let long = keys.credential(&"a".repeat(4096)).unwrap();
        assert_eq!(keys.read_credential(&long), None);
        assert_eq!(keys.read_credential("s%3Aapple.%"), None);
    }

    #[test]
    fn a_megabyte_is_not_even_looked_at() {
        assert!(verify(&format!("s:{}", "a.".repeat(500_000)), &keys()).is_none());
    }
}
