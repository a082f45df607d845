//! The visitor's own session as it travels and as it is stored: for the page that shows it.
//!
//! An application has no business here. This reads the store directly, the way a person would who
//! looks into the file, and only ever for the id whose signature the engine has verified.

use std::fmt;
use std::time::{Duration, Instant};

use handstamp::{Session, SessionError, SessionId};
use serde::de::{Deserialize, Deserializer, MapAccess, Visitor};
use serde_json::Value;
use serde_json::value::RawValue;

use crate::app::COOKIE_NAME;
use crate::store::Store;
use crate::text::shorten_middle;

/// The session cookie as the browser has sent it.
pub(crate) struct Cookie {
    value: String,
    id: SessionId,
}

impl Cookie {
    /// The one among the cookies that brought this session.
    pub(crate) fn of(session: &Session, values: &[String]) -> Option<Self> {
        let current = session.id()?;
        let mut found = values.iter().filter_map(|value| {
            let id = SessionId::parse(id_in(value)?)?;
            Some(Self { value: value.clone(), id })
        });
        found.find(|cookie| cookie.id.fingerprint() == current)
    }

    /// What it takes in the header: the name, `=` and the value.
    pub(crate) fn bytes(&self) -> usize {
        COOKIE_NAME.len() + 1 + self.value.len()
    }

    /// The value, with too little of id and signature to be of use to anyone.
    pub(crate) fn shortened(&self) -> String {
        shorten_middle(&self.value, 8)
    }
}

/// The id in a cookie's value: `s:`, percent-encoded, the id, a dot, the signature.
fn id_in(value: &str) -> Option<&str> {
    let signed = value.strip_prefix("s%3A")?;
    signed.rsplit_once('.').map(|(id, _)| id)
}

/// The document as the store holds it.
pub(crate) struct Document {
    pub bytes: usize,
    /// How long the store took to give it.
    pub took: Duration,
    /// How long the store will keep it if nobody comes.
    pub remaining: Duration,
    pub members: Vec<Member>,
}

/// A top-level key of a document and its value, both as JSON.
#[derive(Debug)]
pub(crate) struct Member {
    pub name: String,
    pub json: String,
}

impl Document {
    /// `None`: the store holds none, or one that is no JSON object.
    pub(crate) async fn load(store: &Store, cookie: &Cookie) -> Result<Option<Self>, SessionError> {
        let start = Instant::now();
        let stored = store.store.load(&cookie.id).await?;
        let took = start.elapsed();
        Ok(stored.and_then(|stored| {
            let Members(members) = serde_json::from_slice(&stored.document).ok()?;
            Some(Self { bytes: stored.document.len(), took, remaining: stored.remaining, members })
        }))
    }

    /// Whether the browser keeps the cookie when it closes: express-session's part says so.
    pub(crate) fn is_kept(&self) -> bool {
        let cookie = self.members.iter().find(|member| member.name == "cookie");
        let cookie: Option<Value> =
            cookie.and_then(|member| serde_json::from_str(&member.json).ok());
        cookie.is_some_and(|cookie| cookie.get("expires").is_some_and(|expires| !expires.is_null()))
    }

    /// What the braces and the commas take.
    pub(crate) fn punctuation(&self) -> usize {
        2 + self.members.len().saturating_sub(1)
    }

    /// The bytes that the site's own keys would have as a JSON object.
    pub(crate) fn own_bytes(&self) -> usize {
        let own: Vec<_> = self.members.iter().filter(|member| member.is_own()).collect();
        let commas = own.len().saturating_sub(1);
        2 + commas + own.iter().map(|member| member.bytes()).sum::<usize>()
    }
}

impl Member {
    /// The name in quotes, the colon and the value.
    pub(crate) fn bytes(&self) -> usize {
        let name = serde_json::to_string(&self.name).map_or(0, |name| name.len());
        name + 1 + self.json.len()
    }

    /// Whether the site has put it there, and not handstamp.
    pub(crate) fn is_own(&self) -> bool {
        !matches!(&*self.name, "__handstamp" | "cookie")
    }
}

/// The members of a JSON object in their order, the values byte for byte.
struct Members(Vec<Member>);

impl<'de> Deserialize<'de> for Members {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(MembersVisitor)
    }
}

struct MembersVisitor;

impl<'de> Visitor<'de> for MembersVisitor {
    type Value = Members;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JSON object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Members, A::Error> {
        let mut members = Vec::new();
        while let Some((name, json)) = map.next_entry::<String, Box<RawValue>>()? {
            members.push(Member { name, json: json.get().to_owned() });
        }
        Ok(Members(members))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn document(json: &str) -> Document {
        let Members(members) = serde_json::from_str(json).unwrap();
        Document { bytes: json.len(), took: Duration::ZERO, remaining: Duration::ZERO, members }
    }

    #[test]
    fn the_parts_of_a_document_add_up() {
        for json in ["{}", r#"{"a":1}"#, r#"{"cookie":{"x":[1,2]},"é\"":"ü","__handstamp":{}}"#] {
            let document = document(json);
            let parts: usize = document.members.iter().map(Member::bytes).sum();
            assert_eq!(parts + document.punctuation(), document.bytes, "{json}");
        }
    }

    #[test]
    fn handstamps_own_parts_are_no_data_of_the_site() {
        let document = document(r#"{"cookie":{},"visits":12,"name":"Ada","__handstamp":{}}"#);
        assert_eq!(document.own_bytes(), r#"{"visits":12,"name":"Ada"}"#.len());
    }

    #[test]
    fn an_id_is_read_out_of_a_cookie() {
        assert_eq!(id_in("s%3Aabc.de%2Ff"), Some("abc"));
        assert_eq!(id_in("abc.def"), None);
        assert_eq!(id_in("s%3Aabc"), None);
    }
}
