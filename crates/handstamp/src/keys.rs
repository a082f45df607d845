//! The secrets that sign credentials: the first signs, all verify.

use std::fmt;

use base64::{Engine as _, engine::general_purpose::STANDARD_NO_PAD};
use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;

use crate::SessionError;
use crate::credential::{self, percent_encode};

/// The fewest bytes of a secret: the size of what HMAC-SHA256 gives (RFC 2104, section 3).
const MIN_BYTES: usize = 32;

/// The fewest different bytes of a secret. 32 random bytes have fewer than 16 once in 10^13 times.
const MIN_DISTINCT: usize = 10;

/// Words of secrets that stand in documentation, tutorials and templates. Everyone knows them.
const KNOWN: [&str; 12] = [
    "keyboardcat",
    "keyboard cat",
    "changeme",
    "change me",
    "change_me",
    "change-me",
    "change_this",
    "your-secret",
    "your_secret",
    "yoursecret",
    "complex_password_at_least_32_characters",
    "averylogphrasebiggerthanthirtytwochars",
];

/// The secrets that sign session credentials, as express-session's `secret` option: the first signs,
/// all verify. A credential that an older secret verified is re-issued with the first.
///
/// To rotate, put the new secret in front, keep the old one for as long as sessions live, drop it.
///
/// ```
/// use handstamp::Keys;
/// let keys = Keys::new("q7Jc0vX2m9LrT4bWz1Ns8KpYd5Hf3GaE")?.with_old("Zt6RkU1oPw8Vn3Ci0yMj5Qx2Ba9LsDeF")?;
/// # Ok::<(), handstamp::SessionError>(())
/// ```
#[derive(Clone)]
pub struct Keys {
    /// Each is HMAC's state after the secret went in: that work is done once, not per request.
    states: Vec<Hmac<Sha256>>,
}

impl Keys {
    /// Signs with this secret: at least 32 bytes, from a random source.
    ///
    /// # Errors
    /// The secret is too short, has hardly any different bytes, or is one from documentation.
    pub fn new(secret: impl AsRef<[u8]>) -> Result<Self, SessionError> {
        check(secret.as_ref())?;
        Ok(Self::express([secret]))
    }

    /// Verifies with an older secret too.
    ///
    /// # Errors
    /// As [`new`](Self::new): whoever can guess an old secret can sign with it.
    pub fn with_old(mut self, secret: impl AsRef<[u8]>) -> Result<Self, SessionError> {
        check(secret.as_ref())?;
        self.states.push(state(secret.as_ref()));
        Ok(self)
    }

    /// Reads the secrets from an environment variable: one, or several between commas, first the one
    /// that signs.
    ///
    /// # Errors
    /// The variable is not set, or [`new`](Self::new) refuses one of its secrets.
    pub fn from_env(variable: &str) -> Result<Self, SessionError> {
        let value = std::env::var(variable).map_err(|error| {
            let message = format!("the environment variable {variable} holds no session secret; set it to 32 random bytes or more");
            SessionError::config(message).with_source(error)
        })?;
        let mut secrets = value.split(',').map(str::trim).filter(|secret| !secret.is_empty());
        let keys = Self::new(secrets.next().unwrap_or_default())?;
        secrets.try_fold(keys, Self::with_old)
    }

    /// The secrets of an existing Express application, however weak, in its own order.
    ///
    /// This is for moving over without logging anyone out. With no secret at all nothing is ever
    /// verified, and no session can be stored: that is an error of the kind
    /// [`Config`](crate::ErrorKind::Config).
    pub fn express<S: AsRef<[u8]>>(secrets: impl IntoIterator<Item = S>) -> Self {
        Self { states: secrets.into_iter().map(|secret| state(secret.as_ref())).collect() }
    }

    /// The value of a cookie for this id, byte for byte express-session's: `s:`, the id, a dot and its
    /// signature, percent-encoded. `None`: there is no key.
    ///
    /// This is for adapters that serve other stores too, whose ids may be any text. The engine's own
    /// sessions get their credential by [`Answer`](crate::Answer).
    ///
    /// ```
    /// let keys = handstamp::Keys::express(["keyboard cat"]);
    /// let credential = keys.credential("apple").unwrap();
    /// assert_eq!(credential, "s%3Aapple.D8Y%2BpkTAmeR0PobOhY4G97PRW%2Bj7bUnP%2F5m6%2FOn1MCU");
    /// assert_eq!(keys.read_credential(&credential), Some(("apple".to_owned(), 0)));
    /// ```
    #[must_use]
    pub fn credential(&self, id: &str) -> Option<String> {
        credential::sign(id, self).map(|credential| percent_encode(&credential))
    }

    /// The id in a cookie's value, percent-encoded or not, quoted or not; and which key signed it: 0 is
    /// the one that signs, greater ones are old. `None`: it is no credential, or not one of ours, or
    /// it has more than 4096 bytes.
    ///
    /// The id may be any text, the empty one too: check it before it reaches anything that gives its
    /// characters a meaning. [`SessionId::parse`](crate::SessionId::parse) does.
    #[must_use]
    pub fn read_credential(&self, value: &str) -> Option<(String, usize)> {
        credential::read(value, self, |id, key| (id.to_owned(), key))
    }

    /// The signature of a text: 43 characters of base64 without padding. `None` if there is no key.
    pub(crate) fn sign(&self, text: &str) -> Option<String> {
        let tag = self.states.first()?.clone().chain_update(text).finalize();
        Some(STANDARD_NO_PAD.encode(tag.into_bytes()))
    }

    /// Which key made this signature: 0 is the one that signs, greater ones are old.
    pub(crate) fn verify(&self, text: &str, signature: &str) -> Option<usize> {
        let mut tag = [0; 32];
        // A signature has one spelling: the decoder refuses padding and stray bits (RFC 4648, 3.5).
        let length = STANDARD_NO_PAD.decode_slice(signature, &mut tag).ok()?;
        let verifies = |state: &Hmac<Sha256>| {
            state.clone().chain_update(text).verify_slice(&tag[..length]).is_ok()
        };
        self.states.iter().position(verifies)
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.states.is_empty()
    }
}

impl fmt::Debug for Keys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Keys({})", self.states.len())
    }
}

pub(crate) fn state(secret: &[u8]) -> Hmac<Sha256> {
    Hmac::new_from_slice(secret).expect("HMAC takes a key of any length")
}

pub(crate) fn check(secret: &[u8]) -> Result<(), SessionError> {
    let problem = if secret.len() < MIN_BYTES {
        "is shorter than 32 bytes"
    } else if distinct(secret) < MIN_DISTINCT {
        "has hardly any different characters"
    } else if is_known(secret) {
        "is one from documentation, which everyone knows"
    } else {
        return Ok(());
    };
    let advice = "make one with `openssl rand -base64 32`, or use Keys::express to take over an existing application's";
    Err(SessionError::config(format!("the session secret {problem}; {advice}")))
}

fn distinct(secret: &[u8]) -> usize {
    let mut seen = [false; 256];
    secret.iter().for_each(|&byte| seen[usize::from(byte)] = true);
    seen.iter().filter(|&&seen| seen).count()
}

fn is_known(secret: &[u8]) -> bool {
    let text = String::from_utf8_lossy(secret).to_lowercase();
    KNOWN.iter().any(|known| text.contains(known))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn signatures_are_those_of_express_session() {
        let keys = Keys::express(["keyboard cat"]);
        let signed = |text| keys.sign(text).unwrap();
        assert_eq!(signed("apple"), "D8Y+pkTAmeR0PobOhY4G97PRW+j7bUnP/5m6/On1MCU");
        assert_eq!(signed("%"), "kzQ6x52kKVdF35Qh62AWk4ZekS28K5XYCXKa/OTZ01g");
        assert_eq!(signed("/foo"), "paEKBtAHbV5s1IB8B2zPnzAgYmmnRPIqObW4VRYj/MQ");
    }

    #[test]
    fn the_first_key_signs_and_all_verify() {
        let old = Keys::express(["old"]);
        let new = Keys::express(["new", "old"]);
        assert_eq!(new.verify("id", &old.sign("id").unwrap()), Some(1));
        assert_eq!(new.verify("id", &new.sign("id").unwrap()), Some(0));
        assert_eq!(old.verify("id", &new.sign("id").unwrap()), None);
    }

    #[test]
    fn no_key_verifies_nothing_and_signs_nothing() {
        let none = Keys::express::<&str>([]);
        assert!(none.is_empty() && none.sign("id").is_none() && none.verify("id", "").is_none());
    }

    // S55: default keys are impossible.
    #[test]
    fn weak_and_well_known_secrets_are_refused() {
        let weak = [
            "tiny",
            "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa",
            "keyboard cat keyboard cat keyboard cat",
            "complex_password_at_least_32_characters_long",
            "CHANGE_ME_0123456789_0123456789_abcdef",
        ];
        for secret in weak {
            let error = Keys::new(secret).unwrap_err();
            assert!(!error.to_string().contains(secret), "the secret stands in its error");
        }
        let good = Keys::new("q7Jc0vX2m9LrT4bWz1Ns8KpYd5Hf3GaE").unwrap();
        assert!(good.with_old("short").is_err());
    }
}
