//! Ids, as JavaScript and as the engine know them.

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use handstamp::SessionId;
use napi_derive::napi;
use sha2::{Digest, Sha256};

use crate::answer::at_once;
use crate::error::Thrown;

/// An id that came from JavaScript, where it may be any string.
#[derive(Clone, Debug)]
pub(crate) struct Name {
    text: String,
    id: SessionId,
}

impl Name {
    pub(crate) fn new(text: String) -> Self {
        let id = SessionId::parse(&text).unwrap_or_else(|| stand_in(&text));
        Self { text, id }
    }

    /// The id that stores know.
    pub(crate) fn id(&self) -> SessionId {
        self.id
    }

    /// The text that JavaScript knows this id by, if it is this one.
    pub(crate) fn text_of(&self, id: &SessionId) -> Option<&str> {
        (self.id == *id).then_some(&self.text)
    }
}

/// Makes an id: 24 random bytes as 32 characters, like express-session's own.
#[napi]
pub fn new_id() -> Result<String, Thrown> {
    at_once(|| Ok(SessionId::random()?.as_str().to_owned()))
}

/// What may be shown of an id: 16 hexadecimal characters.
#[napi]
pub fn fingerprint(id: String) -> String {
    Name::new(id).id().fingerprint().to_string()
}

/// The id that takes the place of one that no store must see.
///
/// `genid` may return any string, and express-session hands it to its stores as it is: a path, a
/// pattern of Redis, a line break. Such an id is only ever stored by its digest, always the same one.
fn stand_in(text: &str) -> SessionId {
    let digest = URL_SAFE_NO_PAD.encode(Sha256::digest(text));
    SessionId::parse(&format!("~{digest}")).expect("a tilde and base64url are harmless characters")
}
