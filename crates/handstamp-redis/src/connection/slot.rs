//! Which slot of a Cluster a key is in, as the Cluster's specification says: the CRC-16 of its hash tag,
//! or of all of it.

/// How many slots there are.
pub(crate) const SLOTS: u16 = 16384;

/// What a key's slot is made of.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Tag<'a> {
    /// The text between the first brace and the next closing one, if there is any.
    Some(&'a str),
    /// All of the key.
    None,
}

/// The hash tag of a key, or of a prefix of keys.
pub(crate) fn tag(key: &str) -> Tag<'_> {
    let tag = key.split_once('{').and_then(|(_, rest)| rest.split_once('}'));
    match tag {
        Some((tag, _)) if !tag.is_empty() => Tag::Some(tag),
        _ => Tag::None,
    }
}

/// The slot of a key.
pub(crate) fn of(key: &[u8]) -> u16 {
    crc16(tagged(key)) % SLOTS
}

fn tagged(key: &[u8]) -> &[u8] {
    let Some(open) = key.iter().position(|byte| *byte == b'{') else { return key };
    let rest = &key[open + 1..];
    match rest.iter().position(|byte| *byte == b'}') {
        None | Some(0) => key,
        Some(close) => &rest[..close],
    }
}

/// CRC-16/XMODEM.
fn crc16(bytes: &[u8]) -> u16 {
    bytes.iter().fold(0, |crc, byte| {
        (0..8).fold(crc ^ (u16::from(*byte) << 8), |crc: u16, _| {
            if crc & 0x8000 == 0 { crc << 1 } else { (crc << 1) ^ 0x1021 }
        })
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// From the Cluster's specification, and from `CLUSTER KEYSLOT`.
    #[test]
    fn slots_are_those_of_the_server() {
        assert_eq!(crc16(b"123456789"), 0x31C3);
        for (key, slot) in [("foo", 12182), ("{foo}bar", 12182), ("a{foo}", 12182), ("", 0)] {
            assert_eq!(of(key.as_bytes()), slot, "{key}");
        }
        assert_eq!(of(b"{}foo"), crc16(b"{}foo") % SLOTS);
        assert_eq!(of(b"foo{{bar}}zap"), crc16(b"{bar") % SLOTS);
    }

    #[test]
    fn a_tag_is_the_first_between_braces_that_is_not_empty() {
        assert_eq!(tag("a{b}{c}"), Tag::Some("b"));
        for key in ["", "a", "a{", "a}", "}{", "{}a", "{}{a}"] {
            assert_eq!(tag(key), Tag::None, "{key}");
        }
    }
}
