//! A credential as the wire has it. Read strictly: how it is spelt is part of the format.

/// An id and its signature.
#[derive(Clone, Debug)]
pub(super) struct Credential {
    pub id: String,
    pub signature: String,
}

impl Credential {
    /// Reads `s:<id>.<signature>`, the form of headers.
    pub(super) fn from_token(token: &str) -> Option<Self> {
        let (id, signature) = token.strip_prefix("s:")?.rsplit_once('.')?;
        let base64 = |byte: u8| byte.is_ascii_alphanumeric() || b"+/".contains(&byte);
        let good = !id.is_empty()
            && id.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_".contains(&byte))
            && signature.len() == 43
            && signature.bytes().all(base64);
        good.then(|| Self { id: id.into(), signature: signature.into() })
    }

    /// Reads the form of cookies: what JavaScript's `encodeURIComponent` makes of the other one.
    pub(super) fn from_cookie(value: &str) -> Option<Self> {
        let raw = value.replace("%3A", ":").replace("%2B", "+").replace("%2F", "/");
        Self::from_token(&raw).filter(|credential| credential.cookie() == value)
    }

    pub(super) fn token(&self) -> String {
        format!("s:{}.{}", self.id, self.signature)
    }

    pub(super) fn cookie(&self) -> String {
        self.token().replace(':', "%3A").replace('+', "%2B").replace('/', "%2F")
    }
}
