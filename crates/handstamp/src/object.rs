//! A JSON object whose values are not looked at.
//!
//! Names and values are slices of the text they came in, so what nobody changes is written back byte
//! for byte: JavaScript's numbers, escapes and key order included.

use std::borrow::Cow;
use std::collections::HashMap;
use std::fmt;
use std::ops::Range;
use std::sync::Arc;

use crate::scan::{self, Found};

/// Up to so many members, looking through all of them beats a hash table.
const FEW: usize = 32;

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
    /// The name has no escapes: what stands between its quotes is what it says.
    plain: bool,
}

/// Some JSON: a part of the source, or what came in its place.
#[derive(Clone, Debug)]
pub(crate) enum Text {
    Own(Arc<str>),
    Source(Range<usize>),
}

impl Text {
    pub(crate) fn bytes<'a>(&'a self, source: &'a [u8]) -> &'a [u8] {
        match self {
            Self::Own(text) => text.as_bytes(),
            Self::Source(range) => &source[range.clone()],
        }
    }

    fn len(&self) -> usize {
        match self {
            Self::Own(text) => text.len(),
            Self::Source(range) => range.len(),
        }
    }
}

impl Object {
    /// Reads the top level of an object, which is all of the source. `None`: the text is not UTF-8, not
    /// JSON or not an object.
    ///
    /// The members of the names `aside` are not put into the object but returned beside it.
    pub(crate) fn parse<const N: usize>(
        source: &Arc<[u8]>,
        aside: [&str; N],
    ) -> Option<(Self, [Option<Range<usize>>; N])> {
        std::str::from_utf8(source).ok()?;
        Self::parse_part(source, 0..source.len(), aside)
    }

    /// Reads a part of the source that is an object of its own.
    pub(crate) fn parse_part<const N: usize>(
        source: &Arc<[u8]>,
        part: Range<usize>,
        aside: [&str; N],
    ) -> Option<(Self, [Option<Range<usize>>; N])> {
        Self::collect(source, aside, |visit| scan::members(source, part, visit))
    }

    /// Reads the members that begin at this place of the source, up to the object's end.
    pub(crate) fn parse_from<const N: usize>(
        source: &Arc<[u8]>,
        at: usize,
        aside: [&str; N],
    ) -> Option<(Self, [Option<Range<usize>>; N])> {
        std::str::from_utf8(source).ok()?;
        Self::collect(source, aside, |visit| scan::members_from(source, at, visit))
    }

    fn collect<const N: usize>(
        source: &Arc<[u8]>,
        aside: [&str; N],
        scan: impl FnOnce(&mut dyn FnMut(Found)) -> Option<()>,
    ) -> Option<(Self, [Option<Range<usize>>; N])> {
        let mut members: Vec<Member> = Vec::new();
        let mut found = [const { None }; N];
        let mut places = Places::default();
        scan(&mut |Found { name, value, plain }| {
            let inner = &source[name.start + 1..name.end - 1];
            if let Some(at) = aside.iter().position(|aside| aside.as_bytes() == inner) {
                found[at] = Some(value);
                return;
            }
            if members.is_empty() {
                members.reserve(8);
            }
            // Of a name that comes twice the last value counts, at the first place, as in JSON.parse.
            match places.find(&members, source, &source[name.clone()]) {
                Some(at) => members[at].value = Text::Source(value),
                None => members.push(Member {
                    name: Text::Source(name),
                    value: Text::Source(value),
                    plain,
                }),
            }
        })?;
        Some((Self { source: Arc::clone(source), members }, found))
    }

    /// The value of this name, as JSON.
    pub(crate) fn get(&self, name: &str) -> Option<&[u8]> {
        self.position(name).map(|at| self.members[at].value.bytes(&self.source))
    }

    /// Sets a value: in place if the name is there, at the end otherwise.
    pub(crate) fn set(&mut self, name: &str, value: Arc<str>) {
        match self.position(name) {
            Some(at) => self.members[at].value = Text::Own(value),
            None => {
                let json = to_json(name);
                let plain = json.len() == name.len() + 2;
                self.members.push(Member {
                    name: Text::Own(json.into()),
                    value: Text::Own(value),
                    plain,
                });
            }
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
        self.members.iter().map(|member| unescape(member.name.bytes(&self.source)))
    }

    /// The members, in order: names unescaped, values as JSON.
    pub(crate) fn iter(&self) -> impl Iterator<Item = (Cow<'_, str>, &[u8])> {
        self.names().zip(self.members.iter().map(|member| member.value.bytes(&self.source)))
    }

    /// Shows the members, in order: names and values as JSON.
    pub(crate) fn each<'a>(&'a self, mut show: impl FnMut(&'a [u8], &'a [u8])) {
        for member in &self.members {
            show(member.name.bytes(&self.source), member.value.bytes(&self.source));
        }
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.members.is_empty()
    }

    /// About how many bytes the JSON has.
    pub(crate) fn size(&self) -> usize {
        self.members.iter().map(|member| member.name.len() + member.value.len() + 2).sum()
    }

    /// Writes the members, without the braces, into an object that is being written.
    pub(crate) fn write_members(&self, out: &mut Vec<u8>) {
        for member in &self.members {
            write_member(out, member.name.bytes(&self.source), member.value.bytes(&self.source));
        }
    }

    /// As [`write_members`](Self::write_members); returns the object that stands in the text then.
    pub(crate) fn move_members(&self, out: &mut Vec<u8>) -> Self {
        let member = |member: &Member| {
            write_member(out, member.name.bytes(&self.source), member.value.bytes(&self.source));
            let value = out.len() - member.value.len()..out.len();
            let name = value.start - 1 - member.name.len()..value.start - 1;
            Member { name: Text::Source(name), value: Text::Source(value), plain: member.plain }
        };
        Self { source: Arc::default(), members: self.members.iter().map(member).collect() }
    }

    /// The same object in a text in which its members stand at the same places.
    pub(crate) fn in_source(self, source: &Arc<[u8]>) -> Self {
        Self { source: Arc::clone(source), ..self }
    }

    pub(crate) fn len(&self) -> usize {
        self.members.len()
    }

    /// The object as JSON.
    pub(crate) fn to_json(&self) -> Vec<u8> {
        let mut out = Vec::with_capacity(self.size() + 2);
        out.push(b'{');
        self.write_members(&mut out);
        out.push(b'}');
        out
    }

    fn position(&self, name: &str) -> Option<usize> {
        let name = name.as_bytes();
        self.members.iter().position(|member| {
            let json = member.name.bytes(&self.source);
            if member.plain {
                json.len() == name.len() + 2 && &json[1..=name.len()] == name
            } else {
                unescape(json).as_bytes() == name
            }
        })
    }
}

/// Shows how much there is, never what.
impl fmt::Debug for Object {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Object({})", self.members.len())
    }
}

/// Writes a member into an object that is being written.
pub(crate) fn write_member(out: &mut Vec<u8>, name: &[u8], value: &[u8]) {
    if !out.ends_with(b"{") {
        out.push(b',');
    }
    out.extend_from_slice(name);
    out.push(b':');
    out.extend_from_slice(value);
}

/// A text as a JSON string.
pub(crate) fn to_json(text: &str) -> String {
    serde_json::to_string(text).unwrap_or_default()
}

/// What a JSON string says. A lone surrogate, which no Rust string can hold, stays escaped.
fn unescape(json: &[u8]) -> Cow<'_, str> {
    let inner = json.get(1..json.len().saturating_sub(1)).unwrap_or_default();
    match serde_json::from_slice::<String>(json) {
        Ok(text) if inner.contains(&b'\\') => Cow::Owned(text),
        _ => String::from_utf8_lossy(inner),
    }
}

/// Where each name stands, for when there are so many that looking through them takes long.
#[derive(Default)]
struct Places<'de>(HashMap<&'de [u8], usize>);

impl<'de> Places<'de> {
    /// The place of a name, if it has come before.
    fn find(&mut self, members: &[Member], source: &'de [u8], name: &'de [u8]) -> Option<usize> {
        if members.len() < FEW {
            return members.iter().position(|member| member.name.bytes(source) == name);
        }
        for (at, member) in members.iter().enumerate().skip(self.0.len()) {
            // While an object is read, all its texts stand in the source.
            if let Text::Source(range) = &member.name {
                self.0.insert(&source[range.clone()], at);
            }
        }
        self.0.get(name).copied()
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn object(json: &str) -> Object {
        Object::parse(&json.as_bytes().into(), []).unwrap().0
    }

    fn text(object: &Object) -> String {
        String::from_utf8(object.to_json()).unwrap()
    }

    #[test]
    fn of_many_names_too_the_last_value_counts_at_the_first_place() {
        let members: Vec<String> = (0..1000).map(|at| format!("\"k{}\":{at}", at % 500)).collect();
        let found = object(&format!("{{{}}}", members.join(",")));
        assert_eq!(found.names().count(), 500);
        assert_eq!((found.get("k0"), found.get("k499")), (Some(&b"500"[..]), Some(&b"999"[..])));
    }

    // S54: a document of many keys does not take quadratic time.
    #[test]
    fn half_a_million_members_are_read() {
        let members: Vec<String> = (0..500_000).map(|at| format!("\"k{at}\":1")).collect();
        assert_eq!(object(&format!("{{{}}}", members.join(","))).names().count(), 500_000);
    }

    #[test]
    fn members_are_put_aside() {
        let json = r#"{"a":1,"cookie":{"x":2},"b":3}"#;
        let (rest, [cookie, none]) =
            Object::parse(&json.as_bytes().into(), ["cookie", "none"]).unwrap();
        assert_eq!(text(&rest), r#"{"a":1,"b":3}"#);
        assert_eq!((&json[cookie.unwrap()], none), (r#"{"x":2}"#, None));
    }

    #[test]
    fn what_is_not_changed_is_written_back_byte_for_byte() {
        let json = r#"{"big":12345678901234567890123,"float":1.0,"exp":1E400,"a\u0062":"\ud800 \u00e9 é","":[ 1 , {"x" : null} ]}"#;
        assert_eq!(text(&object(json)), json);
        let mut changed = object(json);
        changed.set("float", "2".into());
        assert_eq!(text(&changed), json.replace("1.0", "2"));
    }

    #[test]
    fn names_are_found_however_they_are_escaped() {
        let found = object(r#"{"a\u0062c":1,"q\"":2,"\ud800":3}"#);
        assert_eq!(found.get("abc"), Some(&b"1"[..]));
        assert_eq!(found.get("q\""), Some(&b"2"[..]));
        assert_eq!(found.get("absent"), None);
        assert_eq!(found.names().collect::<Vec<_>>(), ["abc", "q\"", "\\ud800"]);
    }

    #[test]
    fn of_a_name_that_comes_twice_the_last_value_counts_at_the_first_place() {
        assert_eq!(text(&object(r#"{"a":1,"b":2,"a":3}"#)), r#"{"a":3,"b":2}"#);
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
            assert!(Object::parse(&bad.as_bytes().into(), []).is_none(), "{bad}");
        }
        assert!(
            Object::parse(&[b'{', b'"', 0xff, b'"', b':', b'1', b'}'][..].into(), []).is_none()
        );
    }

    // S54: depth is limited by nothing that could overflow.
    #[test]
    fn a_deep_value_is_carried_without_being_looked_at() {
        let deep = format!("{{\"a\":{}{}}}", "[".repeat(100_000), "]".repeat(100_000));
        assert_eq!(text(&object(&deep)), deep);
    }

    #[test]
    fn members_are_set_in_place_and_removed() {
        let mut object = object(r#"{"a":1,"b":2}"#);
        object.set("a", "10".into());
        object.set("c", "3".into());
        object.remove("b");
        object.remove("absent");
        assert_eq!(text(&object), r#"{"a":10,"c":3}"#);
    }

    proptest! {
        #[test]
        fn any_bytes_are_parsed_or_refused_without_a_panic(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
            let _ = Object::parse(&bytes.into(), []);
        }

        #[test]
        fn any_names_and_values_survive(members in prop::collection::btree_map(".{0,12}", ".{0,20}", 0..12)) {
            let json = serde_json::to_string(&members).unwrap();
            let object = object(&json);
            prop_assert_eq!(text(&object), json);
            for (name, value) in &members {
                let found: String = serde_json::from_slice(object.get(name).unwrap()).unwrap();
                prop_assert_eq!(&found, value);
            }
        }
    }
}
