//! A JSON object whose values are not looked at.
//!
//! Names and values are slices of the text they came in, so what nobody changes is written back byte
//! for byte: JavaScript's numbers, escapes and key order included.

use std::borrow::Cow;
use std::fmt;
use std::ops::Range;
use std::sync::Arc;

use serde::de::{Deserializer as _, MapAccess, Visitor};
use serde_json::value::RawValue;

/// An ordered JSON object of raw values.
#[derive(Clone, Default)]
pub(crate) struct Object {
    source: Arc<[u8]>,
    members: Vec<Member>,
}

#[derive(Clone)]
struct Member {
    /// As JSON, quotes and escapes included.
    name: Text,
    value: Text,
}

#[derive(Clone)]
enum Text {
    Own(Arc<str>),
    Source(Range<usize>),
}

impl Object {
    /// Reads the top level of an object. `None`: the text is not UTF-8, not JSON or not an object.
    pub(crate) fn parse(source: &Arc<[u8]>) -> Option<Self> {
        let text = std::str::from_utf8(source).ok()?;
        Self::parse_part(source, text)
    }

    /// Reads a part of the source that is an object of its own.
    fn parse_part(source: &Arc<[u8]>, part: &str) -> Option<Self> {
        let mut reader = serde_json::Deserializer::from_str(part);
        let members = reader.deserialize_map(Members { source }).ok()?;
        reader.end().ok()?;
        Some(Self { source: Arc::clone(source), members })
    }

    /// The value of this name, read as an object that shares this one's text.
    pub(crate) fn object(&self, name: &str) -> Option<Self> {
        Self::parse_part(&self.source, self.get(name)?)
    }

    /// The value of this name, as JSON.
    pub(crate) fn get(&self, name: &str) -> Option<&str> {
        self.position(name).map(|at| self.text(&self.members[at].value))
    }

    /// Sets a value: in place if the name is there, at the end otherwise.
    pub(crate) fn set(&mut self, name: &str, value: Arc<str>) {
        match self.position(name) {
            Some(at) => self.members[at].value = Text::Own(value),
            None => self
                .members
                .push(Member { name: Text::Own(to_json(name).into()), value: Text::Own(value) }),
        }
    }

    /// Takes a member out.
    pub(crate) fn remove(&mut self, name: &str) {
        if let Some(at) = self.position(name) {
            self.members.remove(at);
        }
    }

    /// The names, in order, unescaped.
    pub(crate) fn names(&self) -> impl Iterator<Item = Cow<'_, str>> {
        self.members.iter().map(|member| unescape(self.text(&member.name)))
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.members.is_empty()
    }

    /// About how many bytes the JSON has.
    pub(crate) fn size(&self) -> usize {
        self.members
            .iter()
            .map(|member| self.text(&member.name).len() + self.text(&member.value).len() + 2)
            .sum()
    }

    /// Writes the members, without the braces, each with a comma in front unless it is the first of
    /// the text.
    pub(crate) fn write_members(&self, out: &mut String) {
        for member in &self.members {
            write_member(out, self.text(&member.name), self.text(&member.value));
        }
    }

    /// The object as JSON.
    pub(crate) fn to_json(&self) -> String {
        let mut out = String::with_capacity(self.size() + 2);
        out.push('{');
        self.write_members(&mut out);
        out.push('}');
        out
    }

    fn position(&self, name: &str) -> Option<usize> {
        self.members.iter().position(|member| names(self.text(&member.name), name))
    }

    fn text<'a>(&'a self, text: &'a Text) -> &'a str {
        match text {
            Text::Own(text) => text,
            // The range was taken from this very text when it was known to be UTF-8.
            Text::Source(range) => {
                std::str::from_utf8(&self.source[range.clone()]).unwrap_or("null")
            }
        }
    }
}

/// Shows how much there is, never what.
impl fmt::Debug for Object {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Object({})", self.members.len())
    }
}

/// Writes a member into an object that is being written.
pub(crate) fn write_member(out: &mut String, name: &str, value: &str) {
    if !out.ends_with('{') {
        out.push(',');
    }
    out.push_str(name);
    out.push(':');
    out.push_str(value);
}

/// A text as a JSON string.
pub(crate) fn to_json(text: &str) -> String {
    serde_json::to_string(text).unwrap_or_default()
}

/// Whether a JSON string stands for this name.
fn names(json: &str, name: &str) -> bool {
    match json.len().checked_sub(2) {
        Some(length) if length == name.len() => {
            &json[1..=length] == name && !json.contains('\\') || unescape(json) == name
        }
        _ => json.contains('\\') && unescape(json) == name,
    }
}

/// What a JSON string says. A lone surrogate, which no Rust string can hold, stays escaped.
fn unescape(json: &str) -> Cow<'_, str> {
    let inner = json.get(1..json.len().saturating_sub(1)).unwrap_or_default();
    if inner.contains('\\') {
        serde_json::from_str(json).map_or(Cow::Borrowed(inner), Cow::Owned)
    } else {
        Cow::Borrowed(inner)
    }
}

struct Members<'s> {
    source: &'s Arc<[u8]>,
}

impl Members<'_> {
    /// Where in the source a slice of it stands.
    fn locate(&self, raw: &RawValue) -> Text {
        let start = raw.get().as_ptr().addr() - self.source.as_ptr().addr();
        Text::Source(start..start + raw.get().len())
    }
}

impl<'de> Visitor<'de> for Members<'_> {
    type Value = Vec<Member>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JSON object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
        let mut members: Vec<(&str, Member)> = Vec::with_capacity(8);
        while let Some(name) = map.next_key::<RawName<'de>>()? {
            let value = map.next_value::<&'de RawValue>()?;
            let member = Member { name: self.locate(name.0), value: self.locate(value) };
            // Of a name that comes twice the last value counts, at the first place, as in JSON.parse.
            match members.iter_mut().find(|(known, _)| *known == name.0.get()) {
                Some((_, known)) => known.value = member.value,
                None => members.push((name.0.get(), member)),
            }
        }
        Ok(members.into_iter().map(|(_, member)| member).collect())
    }
}

/// A member's name as it stands in the text: serde would unescape a plain string.
struct RawName<'de>(&'de RawValue);

impl<'de> serde::Deserialize<'de> for RawName<'de> {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        <&RawValue>::deserialize(deserializer).map(RawName)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn object(json: &str) -> Object {
        Object::parse(&json.as_bytes().into()).unwrap()
    }

    #[test]
    fn what_is_not_changed_is_written_back_byte_for_byte() {
        let json = r#"{"big":12345678901234567890123,"float":1.0,"exp":1E400,"a\u0062":"\ud800 \u00e9 é","":[ 1 , {"x" : null} ]}"#;
        assert_eq!(object(json).to_json(), json);
        let mut changed = object(json);
        changed.set("float", "2".into());
        assert_eq!(changed.to_json(), json.replace("1.0", "2"));
    }

    #[test]
    fn names_are_found_however_they_are_escaped() {
        let found = object(r#"{"a\u0062c":1,"q\"":2,"\ud800":3}"#);
        assert_eq!(found.get("abc"), Some("1"));
        assert_eq!(found.get("q\""), Some("2"));
        assert_eq!(found.get("absent"), None);
        assert_eq!(found.names().collect::<Vec<_>>(), ["abc", "q\"", "\\ud800"]);
    }

    #[test]
    fn of_a_name_that_comes_twice_the_last_value_counts_at_the_first_place() {
        assert_eq!(object(r#"{"a":1,"b":2,"a":3}"#).to_json(), r#"{"a":3,"b":2}"#);
    }

    #[test]
    fn what_is_not_an_object_is_refused() {
        for bad in [
            "",
            "null",
            "[]",
            "1",
            "\"a\"",
            "{",
            "{\"a\":1}x",
            "{a:1}",
            "{\"a\":1,}",
            "{'a':1}",
            "\u{feff}{}",
        ] {
            assert!(Object::parse(&bad.as_bytes().into()).is_none(), "{bad}");
        }
        assert!(Object::parse(&[b'{', b'"', 0xff, b'"', b':', b'1', b'}'][..].into()).is_none());
    }

    // S54: depth is limited by nothing that could overflow.
    #[test]
    fn a_deep_value_is_carried_without_being_looked_at() {
        let deep = format!("{{\"a\":{}{}}}", "[".repeat(100_000), "]".repeat(100_000));
        assert_eq!(object(&deep).to_json(), deep);
    }

    #[test]
    fn members_are_set_in_place_and_removed() {
        let mut object = object(r#"{"a":1,"b":2}"#);
        object.set("a", "10".into());
        object.set("c", "3".into());
        object.remove("b");
        object.remove("absent");
        assert_eq!(object.to_json(), r#"{"a":10,"c":3}"#);
    }

    proptest! {
        #[test]
        fn any_bytes_are_parsed_or_refused_without_a_panic(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
            let _ = Object::parse(&bytes.into());
        }

        #[test]
        fn any_names_and_values_survive(members in prop::collection::btree_map(".{0,12}", ".{0,20}", 0..12)) {
            let json = serde_json::to_string(&members).unwrap();
            let object = object(&json);
            prop_assert_eq!(object.to_json(), json);
            for (name, value) in &members {
                let found: String = serde_json::from_str(object.get(name).unwrap()).unwrap();
                prop_assert_eq!(&found, value);
            }
        }
    }
}
