//! Sealed documents: encrypted before they go to a store, so that a stolen store tells nothing.
//!
//! `{"cookie":{…},"sealed":"hs1.<key id>.<base64url of nonce and ciphertext>"}` is still a document
//! that express-session and its stores can carry. XChaCha20-Poly1305 with a random nonce of 24
//! bytes; the associated data is the session's id, so what was sealed for one session does not open
//! in another. The cookie object stays outside, because express-session rewrites it when it touches.
//! A document that does not open is no document: nothing falls back to plain.

use std::fmt;
use std::sync::Arc;

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use chacha20poly1305::aead::{Aead, KeyInit as _, Payload};
use chacha20poly1305::{XChaCha20Poly1305, XNonce};
use hmac::Mac as _;

use crate::document::Document;
use crate::object::{Object, to_json, write_member};
use crate::{ErrorKind, SessionConfig, SessionError, SessionId, keys};

const SEALED: &str = "sealed";
const FORMAT: &str = "hs1";
const NONCE: usize = 24;

/// The keys that encrypt documents: the first seals, all open.
///
/// They are derived from secrets of their own. Keep these apart from the ones that sign: a signing
/// secret that leaks must not open the store.
#[derive(Clone)]
pub struct SealingKeys {
    keys: Vec<SealingKey>,
    opens_plain: bool,
}

#[derive(Clone)]
struct SealingKey {
    id: String,
    cipher: XChaCha20Poly1305,
}

impl SealingKeys {
    /// Seals with a key derived from this secret: at least 32 bytes, from a random source.
    ///
    /// # Errors
    /// As [`Keys::new`](crate::Keys::new).
    pub fn new(secret: impl AsRef<[u8]>) -> Result<Self, SessionError> {
        Self { keys: Vec::new(), opens_plain: false }.with_old(secret)
    }

    /// Opens what an older secret sealed. It is sealed with the first one when it is next written.
    ///
    /// # Errors
    /// As [`Keys::new`](crate::Keys::new).
    pub fn with_old(mut self, secret: impl AsRef<[u8]>) -> Result<Self, SessionError> {
        keys::check(secret.as_ref())?;
        self.keys.push(SealingKey::derive(secret.as_ref()));
        Ok(self)
    }

    /// Reads documents that are not sealed, too: for the time after sealing was turned on.
    ///
    /// As long as this is on, whoever can write to the store can put a plain document in the place of
    /// a sealed one.
    #[must_use]
    pub fn insecure_accept_plain(mut self) -> Self {
        self.opens_plain = true;
        self
    }

    fn seal(&self, document: &Document, id: &SessionId) -> Result<Vec<u8>, SessionError> {
        let mut plain = vec![b'{'];
        document.write_contents(&mut plain);
        plain.push(b'}');
        let mut nonce = [0; NONCE];
        getrandom::fill(&mut nonce)?;
        let key = &self.keys[0]; // `new` put one there
        let payload = Payload { msg: &plain, aad: id.as_str().as_bytes() };
        let sealed = key.cipher.encrypt(&XNonce::from(nonce), payload);
        let too_large = "the session is too large to be sealed";
        let sealed = sealed.map_err(|_| SessionError::new(ErrorKind::TooLarge, too_large))?;
        let sealed = URL_SAFE_NO_PAD.encode([&nonce[..], &sealed].concat());
        let envelope = format!("{FORMAT}.{}.{sealed}", key.id);
        let mut out = vec![b'{'];
        write_member(&mut out, b"\"cookie\"", document.cookie_json());
        write_member(&mut out, b"\"sealed\"", to_json(&envelope).as_bytes());
        out.push(b'}');
        Ok(out)
    }

    fn open(
        &self,
        envelope: &str,
        cookie: &[u8],
        id: &SessionId,
        config: &SessionConfig,
    ) -> Option<Document> {
        let (key, sealed) = envelope.split_once('.')?;
        let key = self.keys.iter().find(|candidate| candidate.id == key)?;
        let sealed = URL_SAFE_NO_PAD.decode(sealed).ok()?;
        let (nonce, sealed) = sealed.split_first_chunk::<NONCE>()?;
        let payload = Payload { msg: sealed, aad: id.as_str().as_bytes() };
        let plain = key.cipher.decrypt(&XNonce::from(*nonce), payload).ok()?;
        // Put the cookie back in front: «{…}» becomes «{"cookie":{…},…}».
        let text = [b"{\"cookie\":", cookie, b",", plain.strip_prefix(b"{")?].concat();
        Document::parse(&text.into(), config)
    }
}

impl SealingKey {
    fn derive(secret: &[u8]) -> Self {
        let derived = |label: &str| keys::state(secret).chain_update(label).finalize().into_bytes();
        let id = derived("handstamp sealing key id 1")[..4]
            .iter()
            .map(|byte| format!("{byte:02x}"))
            .collect();
        Self { id, cipher: XChaCha20Poly1305::new(&derived("handstamp sealing key 1")) }
    }
}

impl fmt::Debug for SealingKeys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SealingKeys({})", self.keys.len())
    }
}

/// Writes a document for the store: sealed if there are keys, plain otherwise. A plain one is also
/// returned as it stands in the text.
pub(crate) fn encode(
    document: &Document,
    id: &SessionId,
    config: &SessionConfig,
) -> Result<(Arc<[u8]>, Option<Document>), SessionError> {
    Ok(match &config.sealing {
        Some(keys) => (keys.seal(document, id)?.into(), None),
        None => {
            let (text, placed) = document.to_placed_json();
            // What looks sealed will not be read without keys, so it must not be remembered either.
            let is_readable = envelope(&document.data).is_none();
            (text.into(), placed.out_of_source().filter(|_| is_readable))
        }
    })
}

/// Reads a document of the store. `None`: it is damaged, forged, sealed by an unknown key, or plain
/// where only sealed ones count.
pub(crate) fn decode(
    bytes: &Arc<[u8]>,
    id: &SessionId,
    config: &SessionConfig,
) -> Option<Document> {
    let Some(keys) = &config.sealing else {
        return Document::parse(bytes, config)
            .filter(|document| envelope(&document.data).is_none());
    };
    let (object, []) = Object::parse(bytes, [])?;
    match envelope(&object) {
        Some(envelope) => keys.open(&envelope, object.get("cookie")?, id, config),
        None if keys.opens_plain => Document::parse(bytes, config),
        None => None,
    }
}

/// Whether this is a sealed document, whoever can open it.
pub(crate) fn is_sealed(bytes: &Arc<[u8]>) -> bool {
    Object::parse(bytes, []).is_some_and(|(object, [])| envelope(&object).is_some())
}

/// What is sealed in this document: an application's own key of that name does not look like it.
fn envelope(object: &Object) -> Option<String> {
    let text: String = serde_json::from_slice(object.get(SEALED)?).ok()?;
    text.strip_prefix(FORMAT)?.strip_prefix('.').map(str::to_owned)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Timestamp;

    const FIRST: &str = "q7Jc0vX2m9LrT4bWz1Ns8KpYd5Hf3GaE";
    const SECOND: &str = "Zt6RkU1oPw8Vn3Ci0yMj5Qx2Ba9LsDeF";

    fn document() -> Document {
        let mut document = Document::new(&SessionConfig::strict(), Timestamp::from_millis(1));
        document.data.set("secret", "\"hunter2\"".into());
        document.facts.owner = Some("alice".into());
        document
    }

    fn with(keys: &SealingKeys) -> SessionConfig {
        SessionConfig::strict().with_sealing(keys.clone())
    }

    fn id() -> SessionId {
        SessionId::parse("one").unwrap()
    }

    fn sealed(keys: &SealingKeys) -> Arc<[u8]> {
        encode(&document(), &id(), &with(keys)).unwrap().0
    }

    #[test]
    fn a_sealed_document_opens_as_it_was_and_shows_nothing_but_the_cookie() {
        let keys = SealingKeys::new(FIRST).unwrap();
        let bytes = sealed(&keys);
        let text = std::str::from_utf8(&bytes).unwrap();
        assert!(
            text.starts_with(r#"{"cookie":{"originalMaxAge":null,"#)
                && text.contains(r#","sealed":"hs1."#)
        );
        assert!(!text.contains("hunter2") && !text.contains("secret") && !text.contains("alice"));
        assert_eq!(decode(&bytes, &id(), &with(&keys)).unwrap().to_json(), document().to_json());
        assert_ne!(bytes, sealed(&keys), "the nonce is new each time");
    }

    #[test]
    fn an_older_key_opens_and_the_first_one_seals() {
        let (old, new) = (
            SealingKeys::new(FIRST).unwrap(),
            SealingKeys::new(SECOND).unwrap().with_old(FIRST).unwrap(),
        );
        assert!(decode(&sealed(&old), &id(), &with(&new)).is_some());
        assert!(decode(&sealed(&new), &id(), &with(&old)).is_none());
    }

    // S55: no failure falls back to plain.
    #[test]
    fn whatever_is_tampered_with_does_not_open() {
        let keys = SealingKeys::new(FIRST).unwrap();
        let bytes = sealed(&keys);
        assert!(
            decode(&bytes, &SessionId::parse("two").unwrap(), &with(&keys)).is_none(),
            "another session's"
        );
        assert!(decode(&bytes, &id(), &SessionConfig::strict()).is_none(), "without keys");
        let (plain, _) = encode(&document(), &id(), &SessionConfig::strict()).unwrap();
        assert!(decode(&plain, &id(), &with(&keys)).is_none(), "plain in the place of sealed");
        assert!(decode(&plain, &id(), &with(&keys.clone().insecure_accept_plain())).is_some());
        let start = bytes.windows(4).position(|window| window == b"hs1.").unwrap();
        for at in start..bytes.len() - 2 {
            let mut changed = bytes.to_vec();
            changed[at] = if changed[at] == b'A' { b'B' } else { b'A' };
            let accepting = keys.clone().insecure_accept_plain();
            let opened = decode(&changed.into(), &id(), &with(&accepting));
            // Where the marker itself is broken, it is an application's own text, and says nothing.
            assert!(
                opened.is_none_or(|document| document.data.get("secret").is_none()),
                "byte {at}"
            );
        }
    }

    #[test]
    fn an_applications_own_key_named_sealed_is_no_envelope() {
        let bytes: Arc<[u8]> = br#"{"cookie":{},"sealed":"by wax"}"#[..].into();
        assert_eq!(
            decode(&bytes, &id(), &SessionConfig::strict()).unwrap().data.get("sealed"),
            Some(&b"\"by wax\""[..])
        );
    }

    #[test]
    fn weak_secrets_are_refused() {
        assert!(SealingKeys::new("short").is_err());
    }
}
