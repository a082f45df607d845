//! Documents that were read or written lately, without their text: only where everything stands in it.
//!
//! A visitor's requests read the same document again and again, and finding its members costs more than
//! all else that a read does. The store still is asked every time. What it returns is the text that is
//! known if it is the same writing of the same session: no two have the same version.

use std::fmt;
use std::sync::{Mutex, PoisonError};

use crate::SessionId;
use crate::document::Document;
use crate::store::{Stored, Version};

/// How many are remembered. A visitor comes again within seconds or minutes; then the next one may have
/// the place.
const PLACES: usize = 4096;

/// The last document at each place.
pub(crate) struct Shapes(Box<[Mutex<Option<Box<Shape>>>]>);

struct Shape {
    id: SessionId,
    version: Version,
    /// How long the text is. A store that breaks its promise must not lead out of it.
    length: usize,
    document: Document,
}

impl Shapes {
    pub(crate) fn new() -> Self {
        Self((0..PLACES).map(|_| Mutex::default()).collect())
    }

    /// The document, if it is known where everything stands in it. `hash` is the id's.
    pub(crate) fn get(&self, hash: u64, id: &SessionId, stored: &Stored) -> Option<Document> {
        let place = self.place(hash).lock().unwrap_or_else(PoisonError::into_inner);
        let shape = place.as_ref().filter(|shape| {
            shape.version == stored.version
                && shape.length == stored.document.len()
                && shape.id == *id
        })?;
        Some(shape.document.clone().in_source(&stored.document))
    }

    /// Remembers a document that was taken out of a text of this length.
    pub(crate) fn put(
        &self,
        hash: u64,
        id: SessionId,
        version: Version,
        length: usize,
        document: Document,
    ) {
        let shape = Box::new(Shape { id, version, length, document });
        *self.place(hash).lock().unwrap_or_else(PoisonError::into_inner) = Some(shape);
    }

    fn place(&self, hash: u64) -> &Mutex<Option<Box<Shape>>> {
        &self.0[usize::try_from(hash % PLACES as u64).unwrap_or_default()]
    }
}

/// Shows nothing: it is known by ids.
impl fmt::Debug for Shapes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Shapes")
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::time::Duration;

    use super::*;
    use crate::SessionConfig;

    fn id(text: &str) -> SessionId {
        SessionId::parse(text).unwrap()
    }

    fn stored(document: &str, version: u128) -> Stored {
        Stored {
            document: document.as_bytes().into(),
            version: Version(version),
            remaining: Duration::from_secs(1),
        }
    }

    fn parse(stored: &Stored) -> Document {
        Document::parse(&stored.document, &SessionConfig::strict()).unwrap()
    }

    #[test]
    fn a_known_document_is_what_reading_it_would_make() {
        let shapes = Shapes::new();
        let text = r#"{"cookie":{"originalMaxAge":60000},"a":1.50,"b":{"c":[]},"__handstamp":{"owner":"anna"}}"#;
        let stored = stored(text, 7);
        let taken = parse(&stored).out_of_source().unwrap();
        shapes.put(3, id("a"), Version(7), text.len(), taken);
        let known = shapes.get(3, &id("a"), &stored).unwrap();
        assert_eq!(known.to_json(), parse(&stored).to_json());
        assert_eq!(known.data.get("a"), Some(&b"1.50"[..]));
        assert_eq!(known.facts.owner.as_deref(), Some("anna"));
    }

    #[test]
    fn a_written_document_is_known_as_it_stands_in_its_text() {
        let config = SessionConfig::strict();
        let mut document = parse(&stored(r#"{"cookie":{},"a":1,"b":"é"}"#, 1));
        document.data.set("a", "[1,2]".into());
        document.data.set("new\"", "null".into());
        document.refresh(&config, crate::Timestamp::from_millis(5));
        let (text, placed) = document.to_placed_json();
        assert_eq!(text, document.to_json());
        let text: Arc<[u8]> = text.into();
        let placed = placed.out_of_source().unwrap().in_source(&text);
        assert_eq!(placed.to_json(), *text);
        assert_eq!(placed.data.get("new\""), Some(&b"null"[..]));
    }

    #[test]
    fn another_writing_another_session_and_another_length_are_not_known() {
        let shapes = Shapes::new();
        let text = r#"{"cookie":{},"a":1}"#;
        let known = stored(text, 7);
        shapes.put(3, id("a"), Version(7), text.len(), parse(&known).out_of_source().unwrap());
        assert!(shapes.get(3, &id("a"), &known).is_some());
        assert!(shapes.get(3, &id("b"), &known).is_none());
        assert!(shapes.get(4, &id("a"), &known).is_none());
        assert!(shapes.get(3, &id("a"), &stored(text, 8)).is_none());
        assert!(shapes.get(3, &id("a"), &stored(r#"{"cookie":{}}"#, 7)).is_none());
    }

    #[test]
    fn what_is_too_much_is_not_remembered() {
        let members: String = (0..65).map(|n| format!(",\"{n}\":{n}")).collect();
        let many = stored(&format!("{{\"cookie\":{{}}{members}}}"), 1);
        assert!(parse(&many).out_of_source().is_none());
        let later = stored(r#"{"cookie":{},"__handstamp":{"later":1}}"#, 1);
        assert!(parse(&later).out_of_source().is_none());
    }
}
