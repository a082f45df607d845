//! What a response has to carry: the credential, and words to caches.

use std::sync::Arc;
use std::time::Duration;

use crate::document::Document;
use crate::plan::CredentialOperation;
use crate::{SessionId, SessionManager, Timestamp, credential};

/// What the engine wants said in a response. An adapter puts it into the head.
#[derive(Clone, Debug)]
pub struct Answer {
    credential: Option<CredentialHeader>,
    vary: Option<Arc<str>>,
}

/// A header that carries the credential or takes it away. Its `Debug` shows no value.
#[derive(Clone)]
pub struct CredentialHeader {
    /// The header's name, in lower case: `set-cookie`, or that of the transport.
    pub name: String,
    /// The header's value.
    pub value: String,
}

impl Answer {
    pub(crate) fn new(credential: Option<CredentialHeader>, vary: Option<Arc<str>>) -> Self {
        Self { credential, vary }
    }

    /// The header to add, beside others of its name.
    #[must_use]
    pub fn credential(&self) -> Option<&CredentialHeader> {
        self.credential.as_ref()
    }

    /// The value to add to the header `Vary`: the answer depends on these headers of the request.
    #[must_use]
    pub fn vary(&self) -> Option<&str> {
        self.vary.as_deref()
    }

    /// What `Cache-Control` has to become, given what the handler has set; `None`: it may stay.
    ///
    /// What was made with a session must not be shown to others (OWASP Session Management Cheat
    /// Sheet, «Web Content Caching»), and `no-store` keeps the back button from showing it after
    /// logout. A handler that says `private` or `no-store` itself has thought of it.
    #[must_use]
    pub fn cache_control(&self, current: Option<&[u8]>) -> Option<&'static str> {
        let says = |current: &[u8], word: &str| {
            current
                .split(|&byte| byte == b',')
                .any(|part| part.trim_ascii().eq_ignore_ascii_case(word.as_bytes()))
        };
        let private =
            current.is_some_and(|current| says(current, "private") || says(current, "no-store"));
        (self.vary.is_some() && !private).then_some("no-store")
    }
}

impl std::fmt::Debug for CredentialHeader {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "CredentialHeader({})", self.name)
    }
}

/// Turns the decision about a credential into a header of this transport.
pub(crate) fn credential_header(
    operation: CredentialOperation,
    transport: usize,
    session: Option<(&SessionId, &Document)>,
    manager: &SessionManager,
) -> Option<CredentialHeader> {
    let config = manager.config();
    let way = config.transports.get(transport)?;
    let value = match (operation, session) {
        (CredentialOperation::Issue, Some((id, document))) => {
            // Without a key nothing is ever stored.
            let credential = credential::sign(id.as_str(), manager.keys())?;
            if way.is_cookie() {
                config.cookie.issue(&credential, browser_expiry(document, manager))
            } else {
                credential
            }
        }
        (CredentialOperation::Remove, _) if way.is_cookie() => config.cookie.remove(),
        (CredentialOperation::Remove, _) => String::new(),
        _ => return None,
    };
    Some(CredentialHeader { name: way.response_header().to_owned(), value })
}

/// When and in how long the browser shall drop the cookie; `None` is when it closes.
fn browser_expiry(document: &Document, manager: &SessionManager) -> Option<(Timestamp, Duration)> {
    let (config, now) = (manager.config(), manager.now());
    let lifetime = document.lifetime(config, now);
    document.expiry(config).persistent.then(|| (now.after(lifetime), lifetime))
}
