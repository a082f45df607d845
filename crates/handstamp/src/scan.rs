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

/// Whether this text is one value, as far as [`members`] would look into it.
pub(crate) fn is_value(text: &[u8]) -> bool {
    let mut at = Cursor { text, at: 0 };
    at.skip_space();
    at.value().is_some() && at.end().is_some()
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
    #[inline]
    fn string(&mut self) -> Option<(Range<usize>, bool)> {
        let start = self.at;
        self.expect(b'"')?;
        let plain = self.rest_of_string()?;
        Some((start..self.at, plain))
    }

    /// What is left of a string behind its first quote, and whether that has no escapes.
    #[inline]
    fn rest_of_string(&mut self) -> Option<bool> {
        let mut plain = true;
        loop {
            self.skip_ordinary();
            match self.next()? {
                b'"' => return Some(plain),
                b'\\' => {
                    plain = false;
                    self.next()?;
                }
                // A control character has to be escaped.
                _ => return None,
            }
        }
    }

    /// Goes to the next quote, backslash or control character: eight bytes at a time, and at the end
    /// of the text one by one.
    #[inline]
    fn skip_ordinary(&mut self) {
        while let Some(word) = self.text.get(self.at..).and_then(<[u8]>::first_chunk) {
            let special = special(u64::from_le_bytes(*word));
            if special != 0 {
                self.at += special.trailing_zeros() as usize / 8;
                return;
            }
            self.at += 8;
        }
        while self.peek().is_some_and(|byte| !matches!(byte, b'"' | b'\\' | 0..0x20)) {
            self.at += 1;
        }
    }

    fn value(&mut self) -> Option<Range<usize>> {
        let start = self.at;
        match self.peek()? {
            b'"' => {
                self.string()?;
            }
            b'{' | b'[' => self.nested()?,
            b't' => self.word(b"true")?,
            b'f' => self.word(b"false")?,
            b'n' => self.word(b"null")?,
            _ => self.number()?,
        }
        Some(start..self.at)
    }

    /// An object or a list, up to the bracket that closes it.
    ///
    /// Between the strings of a value there are a few bytes at most: one by one is the fastest way.
    fn nested(&mut self) -> Option<()> {
        let mut depth = 0usize;
        loop {
            let byte = self.next()?;
            if !STRUCTURAL[usize::from(byte)] {
                continue;
            }
            match byte {
                b'"' => {
                    self.rest_of_string()?;
                }
                b'{' | b'[' => depth += 1,
                _ => {
                    depth -= 1;
                    if depth == 0 {
                        return Some(());
                    }
                }
            }
        }
    }

    fn word(&mut self, word: &[u8]) -> Option<()> {
        self.text[self.at..].starts_with(word).then(|| self.at += word.len())
    }

    fn number(&mut self) -> Option<()> {
        let start = self.at;
        while matches!(self.peek(), Some(b'0'..=b'9' | b'-' | b'+' | b'.' | b'e' | b'E')) {
            self.at += 1;
        }
        (self.at > start).then_some(())
    }
}

/// Quotes and brackets of either kind.
const STRUCTURAL: [bool; 256] = {
    let mut table = [false; 256];
    let bytes = b"\"{}[]";
    let mut at = 0;
    while at < bytes.len() {
        table[bytes[at] as usize] = true;
        at += 1;
    }
    table
};

/// The highest bit of the first byte that is a quote, a backslash or a control character. Bits behind
/// it may be set wrongly.
fn special(word: u64) -> u64 {
    let quote = word ^ (ONES * u64::from(b'"'));
    let backslash = word ^ (ONES * u64::from(b'\\'));
    let quote = quote.wrapping_sub(ONES) & !quote;
    let backslash = backslash.wrapping_sub(ONES) & !backslash;
    let control = word.wrapping_sub(ONES * 0x20) & !word;
    (quote | backslash | control) & HIGHS
}

const ONES: u64 = u64::from_le_bytes([1; 8]);
const HIGHS: u64 = u64::from_le_bytes([0x80; 8]);

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::{Map, Value};

    use super::*;

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

    /// How many bytes come before the first special one.
    fn ordinary(text: &[u8]) -> usize {
        let mut cursor = Cursor { text, at: 0 };
        cursor.skip_ordinary();
        cursor.at
    }

    #[test]
    fn special_bytes_are_found_at_every_place() {
        for length in 0..40 {
            for at in 0..length {
                for special in [b'"', b'\\', 0, 0x1f, b'\n'] {
                    let mut text = vec![b'x'; length];
                    text[at] = special;
                    assert_eq!(ordinary(&text), at);
                }
            }
            for byte in [b'x', b' ', b'!', b'#', 0x7f, 0x80, 0xff] {
                assert_eq!(ordinary(&vec![byte; length]), length);
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
