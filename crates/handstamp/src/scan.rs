//! Finds where the members of a JSON object stand, without looking into their values.
//!
//! A session is read with every request and most of it is never looked at, so this decides what a
//! request costs: a general parser takes several times as long. It finds exactly what a parser finds
//! in every valid object (RFC 8259). Inside a value it only follows strings and brackets: what else is
//! wrong there is noticed by whoever reads the value.

use std::ops::Range;

/// A member of an object: where its name stands, quotes included, and its value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Found {
    pub name: Range<usize>,
    pub value: Range<usize>,
    /// The name has no escapes.
    pub plain: bool,
}

/// Hands each member of the object that is this part of the text to `visit`. `None`: it is no object,
/// or something else stands beside it.
pub(crate) fn members(text: &[u8], part: Range<usize>, visit: impl FnMut(Found)) -> Option<()> {
    let mut at = Cursor { text: text.get(..part.end)?, at: part.start };
    at.skip_space();
    at.expect(b'{')?;
    at.skip_space();
    if at.peek() == Some(b'}') {
        at.at += 1;
        return at.end();
    }
    at.rest(visit)
}

/// Hands the members that begin here to `visit`, up to the end of the object, which is the end of the
/// text: for whoever knows what stands in front.
pub(crate) fn members_from(text: &[u8], at: usize, visit: impl FnMut(Found)) -> Option<()> {
    Cursor { text, at }.rest(visit)
}

struct Cursor<'a> {
    text: &'a [u8],
    at: usize,
}

impl Cursor<'_> {
    /// The members from here to the end of the object.
    fn rest(mut self, mut visit: impl FnMut(Found)) -> Option<()> {
        loop {
            self.skip_space();
            let (name, plain) = self.string()?;
            self.skip_space();
            self.expect(b':')?;
            self.skip_space();
            let value = self.value()?;
            visit(Found { name, value, plain });
            self.skip_space();
            match self.next()? {
                b',' => {}
                b'}' => return self.end(),
                _ => return None,
            }
        }
    }

    /// Nothing but space is left.
    fn end(mut self) -> Option<()> {
        self.skip_space();
        self.peek().is_none().then_some(())
    }

    fn peek(&self) -> Option<u8> {
        self.text.get(self.at).copied()
    }

    fn next(&mut self) -> Option<u8> {
        let byte = self.peek()?;
        self.at += 1;
        Some(byte)
    }

    fn expect(&mut self, byte: u8) -> Option<()> {
        (self.next()? == byte).then_some(())
    }

    fn skip_space(&mut self) {
        while matches!(self.peek(), Some(b' ' | b'\t' | b'\n' | b'\r')) {
            self.at += 1;
        }
    }

    /// A string, quotes included, and whether it has no escapes.
    fn string(&mut self) -> Option<(Range<usize>, bool)> {
        let start = self.at;
        self.expect(b'"')?;
        let mut plain = true;
        loop {
            self.at += until_special(self.text.get(self.at..)?);
            match self.next()? {
                b'"' => return Some((start..self.at, plain)),
                b'\\' => {
                    plain = false;
                    self.next()?;
                }
                // A control character has to be escaped.
                _ => return None,
            }
        }
    }

    fn value(&mut self) -> Option<Range<usize>> {
        let start = self.at;
        match self.peek()? {
            b'"' => {
                self.string()?;
            }
            b'{' | b'[' => self.nested()?,
            _ => self.scalar()?,
        }
        Some(start..self.at)
    }

    /// An object or a list, up to the bracket that closes it.
    fn nested(&mut self) -> Option<()> {
        let mut depth = 0usize;
        loop {
            self.at += until_bracket(self.text.get(self.at..)?);
            match self.peek()? {
                b'"' => {
                    self.string()?;
                    continue;
                }
                b'{' | b'[' => depth += 1,
                _ => depth -= 1,
            }
            self.at += 1;
            if depth == 0 {
                return Some(());
            }
        }
    }

    /// A number, `true`, `false` or `null`.
    fn scalar(&mut self) -> Option<()> {
        let start = self.at;
        while matches!(self.peek(), Some(b'0'..=b'9' | b'-' | b'+' | b'.' | b'e' | b'E')) {
            self.at += 1;
        }
        let rest = &self.text[start..];
        let word =
            [&b"true"[..], b"false", b"null"].into_iter().find(|word| rest.starts_with(word));
        self.at += word.map_or(0, |word| word.len() - (self.at - start));
        (self.at > start).then_some(())
    }
}

/// How many bytes come before the next quote, backslash or control character.
fn until_special(text: &[u8]) -> usize {
    let found = |word: u64| {
        let control = word.wrapping_sub(ONES * 0x20) & !word & HIGHS;
        equal(word, b'"') | equal(word, b'\\') | control
    };
    until(text, found, |byte| matches!(byte, b'"' | b'\\' | 0..0x20))
}

/// How many bytes come before the next quote or bracket of either kind.
fn until_bracket(text: &[u8]) -> usize {
    // In ASCII `[` and `{` differ in one bit, and so do `]` and `}`.
    let found = |word: u64| {
        let curly = word | (ONES * 0x20);
        equal(word, b'"') | equal(curly, b'{') | equal(curly, b'}')
    };
    until(text, found, |byte| matches!(byte, b'"' | b'{' | b'[' | b'}' | b']'))
}

const ONES: u64 = u64::from_le_bytes([1; 8]);
const HIGHS: u64 = u64::from_le_bytes([0x80; 8]);

/// The highest bit of the first byte that is this one. Bits behind it may be set wrongly.
fn equal(word: u64, byte: u8) -> u64 {
    let zero = word ^ (ONES * u64::from(byte));
    zero.wrapping_sub(ONES) & !zero & HIGHS
}

/// Looks at eight bytes at a time, and at the rest one by one.
fn until(text: &[u8], found: impl Fn(u64) -> u64, is: impl Fn(u8) -> bool) -> usize {
    let (words, rest) = text.as_chunks::<8>();
    for (count, word) in words.iter().enumerate() {
        let bits = found(u64::from_le_bytes(*word));
        if bits != 0 {
            return count * 8 + bits.trailing_zeros() as usize / 8;
        }
    }
    text.len() - rest.len() + rest.iter().position(|byte| is(*byte)).unwrap_or(rest.len())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::{Map, Value};

    use super::*;

    #[test]
    fn brackets_are_found_at_every_place() {
        for byte in 0..=255 {
            let found = until_bracket(&[&[b'x'; 11][..], &[byte], &[b'y'; 9]].concat());
            assert_eq!(found, if b"\"{}[]".contains(&byte) { 11 } else { 21 }, "{byte}");
        }
    }

    fn found(text: &str) -> Option<Vec<(String, String)>> {
        let mut all = Vec::new();
        members(text.as_bytes(), 0..text.len(), |found| {
            all.push((text[found.name].to_owned(), text[found.value].to_owned()));
        })?;
        Some(all)
    }

    #[test]
    fn members_are_found_with_whatever_space_is_between_them() {
        let pairs = |text| found(text).unwrap();
        assert_eq!(pairs(" { } "), []);
        let expected =
            [("\"a\"", "1"), ("\"b\"", "[ 1 ,\"]\"]")].map(|(a, b)| (a.to_owned(), b.to_owned()));
        assert_eq!(pairs("\n{\t\"a\" : 1 ,\r\"b\":[ 1 ,\"]\"] } "), expected);
        assert_eq!(pairs(r#"{"a\"}":"\\","x":{"y":"{"}}"#).len(), 2);
    }

    #[test]
    fn special_bytes_are_found_at_every_place() {
        for length in 0..40 {
            for at in 0..length {
                for special in [b'"', b'\\', 0, 0x1f, b'\n'] {
                    let mut text = vec![b'x'; length];
                    text[at] = special;
                    assert_eq!(until_special(&text), at);
                }
            }
            for byte in [b'x', b' ', b'!', b'#', 0x7f, 0x80, 0xff] {
                assert_eq!(until_special(&vec![byte; length]), length);
            }
        }
    }

    fn value() -> impl Strategy<Value = Value> {
        let leaf = prop_oneof![
            Just(Value::Null),
            any::<bool>().prop_map(Value::from),
            any::<f64>().prop_map(Value::from),
            any::<i64>().prop_map(Value::from),
            ".{0,12}".prop_map(Value::from),
        ];
        leaf.prop_recursive(4, 32, 6, |inner| {
            prop_oneof![
                prop::collection::vec(inner.clone(), 0..6).prop_map(Value::from),
                prop::collection::btree_map(".{0,8}", inner, 0..6)
                    .prop_map(|map| Value::Object(map.into_iter().collect())),
            ]
        })
    }

    proptest! {
        #[test]
        fn in_every_valid_object_a_parser_finds_the_same(
            members in prop::collection::btree_map(".{0,8}", value(), 0..8),
            pretty in any::<bool>(),
        ) {
            let object: Map<String, Value> = members.into_iter().collect();
            let text = if pretty { serde_json::to_string_pretty(&object) } else { serde_json::to_string(&object) };
            let text = text.unwrap();
            let members = found(&text).unwrap().into_iter();
            let read = |json: String| serde_json::from_str::<Value>(&json).unwrap();
            let scanned: Map<String, Value> =
                members.map(|(name, value)| (serde_json::from_str(&name).unwrap(), read(value))).collect();
            prop_assert_eq!(Value::Object(scanned), read(text));
        }

        #[test]
        fn what_a_parser_takes_for_an_object_is_never_refused(text in r#"[{}\[\],:"\\a-c0-9eE+. \-]{0,24}"#) {
            if serde_json::from_str::<Map<String, Value>>(&text).is_ok() {
                prop_assert!(found(&text).is_some());
            }
        }

        #[test]
        fn any_bytes_are_read_or_refused_without_a_panic(bytes in prop::collection::vec(any::<u8>(), 0..64)) {
            let _ = members(&bytes, 0..bytes.len(), |found| assert!(found.value.end <= bytes.len()));
        }
    }
}
