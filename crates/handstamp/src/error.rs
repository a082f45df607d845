//! The engine's one error type: what a developer is told when a session can't do what was asked.
//!
//! Messages name keys and settings, never ids, secrets or values. What a *visitor* is told is the
//! adapter's business and never comes from here.

use std::error::Error;
use std::fmt;

use crate::store::{StoreError, StoreErrorKind};

/// What went wrong with a session. Keeps its source.
///
/// A session that is missing, expired, forged or ended meanwhile is not an error: it is an empty
/// session.
#[derive(Debug)]
pub struct SessionError {
    kind: ErrorKind,
    message: String,
    source: Option<Box<dyn Error + Send + Sync>>,
}

/// Why a session operation failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum ErrorKind {
    /// A setting is wrong or two settings contradict each other.
    Config,
    /// Other requests won every attempt to write. Trying the whole request again may succeed.
    Conflict,
    /// This request has destroyed the session; it can only be regenerated.
    Destroyed,
    /// A credential would have to be sent, but the response head has left already.
    HeadersSent,
    /// The id that a new session was to get names a living session, which stays as it is.
    IdTaken,
    /// The key is not for applications: `cookie`, or a name that express-session's own object has.
    ReservedKey,
    /// The operating system gave no random bytes for an id.
    Random,
    /// The session can only be read: the store failed and the failure policy is
    /// [`Anonymous`](crate::FailurePolicy::Anonymous).
    ReadOnly,
    /// A value was [computed elsewhere](crate::Session::set_computed) from one that has changed meanwhile.
    Stale,
    /// The store failed; the source is a [`StoreError`].
    Store,
    /// The session is larger than the configuration allows.
    TooLarge,
    /// A value could not be turned into JSON, or the stored JSON is not of the type asked for.
    Value,
}

impl SessionError {
    pub(crate) fn new(kind: ErrorKind, message: impl Into<String>) -> Self {
        Self { kind, message: message.into(), source: None }
    }

    pub(crate) fn config(message: impl Into<String>) -> Self {
        Self::new(ErrorKind::Config, message)
    }

    pub(crate) fn with_source(mut self, source: impl Into<Box<dyn Error + Send + Sync>>) -> Self {
        self.source = Some(source.into());
        self
    }

    /// Why the operation failed.
    #[must_use]
    pub fn kind(&self) -> ErrorKind {
        self.kind
    }

    /// The store's own error, if the store failed.
    #[must_use]
    pub fn store_error(&self) -> Option<&StoreError> {
        self.source.as_deref()?.downcast_ref()
    }

    /// Whether trying again later may succeed: the store is or was away or slow, or others won every
    /// time.
    ///
    /// An adapter answers 503 then, and 500 otherwise.
    #[must_use]
    pub fn is_temporary(&self) -> bool {
        let away = |error: &StoreError| {
            matches!(
                error.kind(),
                StoreErrorKind::Timeout | StoreErrorKind::Unavailable | StoreErrorKind::Refused
            )
        };
        matches!(self.kind, ErrorKind::Conflict | ErrorKind::ReadOnly)
            || self.store_error().is_some_and(away)
    }
}

impl fmt::Display for SessionError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl Error for SessionError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        self.source.as_deref().map(|source| source as _)
    }
}

impl From<StoreError> for SessionError {
    fn from(error: StoreError) -> Self {
        Self::new(ErrorKind::Store, error.to_string()).with_source(error)
    }
}

impl From<getrandom::Error> for SessionError {
    fn from(error: getrandom::Error) -> Self {
        let message = "the operating system gave no random bytes for a session id";
        Self::new(ErrorKind::Random, message).with_source(error)
    }
}
