//! Session ids: what names a session in the store, and the fingerprint that may be shown of it.
//!
//! Our own ids are 24 bytes from the operating system in base64url, as express-session's are. Other
//! ids are read too, since an Express application may make its own (`genid`), but only if they
//! consist of characters that mean nothing to a file system, to SQL or to a pattern of Redis.

use std::fmt;

use arrayvec::ArrayString;
use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use sha2::{Digest, Sha256};

/// The longest id that is read, in bytes: what express-mysql-session's column holds.
const MAX_LENGTH: usize = 128;

/// The name of a session in the store.
///
/// Whoever holds an id *and* its signature holds the session, so an id has no `Display` and its
/// `Debug` shows the [`Fingerprint`] only. Stores read it with [`as_str`](Self::as_str).
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SessionId(ArrayString<MAX_LENGTH>);

impl SessionId {
    /// Makes a new id: 192 random bits from the operating system, 32 characters.
    ///
    /// # Errors
    /// The operating system has no random bytes to give. No weaker source is tried.
    pub fn random() -> Result<Self, getrandom::Error> {
        let mut bytes = [0; 24];
        getrandom::fill(&mut bytes)?;
        let mut text = ArrayString::new();
        text.push_str(&URL_SAFE_NO_PAD.encode(bytes));
        Ok(Self(text))
    }

    /// Reads an id: 1 to 128 characters of `A-Z a-z 0-9 - _ . ~ + = :`, the first not a dot.
    ///
    /// Anything else is `None`: no such id is ever sent to a store.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let harmless = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.~+=:".contains(&byte);
        if text.is_empty() || text.starts_with('.') || !text.bytes().all(harmless) {
            return None;
        }
        ArrayString::from(text).ok().map(Self)
    }

    /// The id as text, for a store's key.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// What may be shown of this id: to its owner, in a log, on a page.
    #[must_use]
    pub fn fingerprint(&self) -> Fingerprint {
        let digest =
            Sha256::new().chain_update("handstamp fingerprint\0").chain_update(&*self.0).finalize();
        let mut bytes = [0; 8];
        bytes.copy_from_slice(&digest[..8]);
        Fingerprint(bytes)
    }
}

impl fmt::Debug for SessionId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SessionId(#{})", self.fingerprint())
    }
}

/// A short one-way digest of a session id: 16 hexadecimal characters.
///
/// It tells sessions apart and says nothing of the id, so logs may carry it, and a page may use it
/// to name the session that its owner wants to end.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Fingerprint([u8; 8]);

impl Fingerprint {
    /// Reads what `Display` has written.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let digits = text.len() == 16 && text.bytes().all(|byte| byte.is_ascii_hexdigit());
        let number = digits.then(|| u64::from_str_radix(text, 16).ok())??;
        Some(Self(number.to_be_bytes()))
    }
}

impl fmt::Display for Fingerprint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:016x}", u64::from_be_bytes(self.0))
    }
}

impl fmt::Debug for Fingerprint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Fingerprint({self})")
    }
}
