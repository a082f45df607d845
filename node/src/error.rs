//! Errors, as JavaScript knows them: a `code` to decide by, and a message to read.

use std::error::Error;

use handstamp::store::{StoreError, StoreErrorKind};
use handstamp::{ErrorKind, SessionError};

/// What is thrown at once.
pub(crate) type Thrown = napi::Error<&'static str>;

/// What went wrong: the future `Error` of JavaScript, on whatever thread it happens.
#[derive(Debug)]
pub struct Failure {
    code: &'static str,
    message: String,
}

impl Failure {
    pub(crate) fn closed() -> Self {
        let message = "the session store has been closed; open it again";
        Self { code: "ERR_HANDSTAMP_CLOSED", message: message.into() }
    }

    pub(crate) fn config(message: impl Into<String>) -> Self {
        Self { code: "ERR_HANDSTAMP_CONFIG", message: message.into() }
    }

    pub(crate) fn panic() -> Self {
        let message =
            "handstamp has a bug and panicked; what happened is on stderr, please report it";
        Self { code: "ERR_HANDSTAMP_PANIC", message: message.into() }
    }

    pub(crate) fn value(message: impl Into<String>) -> Self {
        Self { code: "ERR_HANDSTAMP_VALUE", message: message.into() }
    }

    /// The code and the message, for JavaScript to make an `Error` of.
    pub(crate) fn into_words(self) -> Vec<String> {
        vec![self.code.to_owned(), self.message]
    }
}

impl From<SessionError> for Failure {
    fn from(error: SessionError) -> Self {
        match error.store_error() {
            // The session's error says the same as its source.
            Some(error) => Self { code: store_code(error.kind()), message: with_sources(error) },
            None => Self { code: code(error.kind()), message: with_sources(&error) },
        }
    }
}

impl From<StoreError> for Failure {
    fn from(error: StoreError) -> Self {
        SessionError::from(error).into()
    }
}

impl From<getrandom::Error> for Failure {
    fn from(error: getrandom::Error) -> Self {
        SessionError::from(error).into()
    }
}

impl From<Failure> for Thrown {
    fn from(failure: Failure) -> Self {
        Self::new(failure.code, failure.message)
    }
}

fn code(kind: ErrorKind) -> &'static str {
    match kind {
        ErrorKind::Config => "ERR_HANDSTAMP_CONFIG",
        ErrorKind::Conflict => "ERR_HANDSTAMP_CONFLICT",
        ErrorKind::Destroyed => "ERR_HANDSTAMP_DESTROYED",
        ErrorKind::HeadersSent => "ERR_HANDSTAMP_HEADERS_SENT",
        ErrorKind::IdTaken => "ERR_HANDSTAMP_ID_TAKEN",
        ErrorKind::Random => "ERR_HANDSTAMP_RANDOM",
        ErrorKind::ReadOnly => "ERR_HANDSTAMP_READ_ONLY",
        ErrorKind::ReservedKey => "ERR_HANDSTAMP_RESERVED_KEY",
        ErrorKind::Stale => "ERR_HANDSTAMP_STALE",
        ErrorKind::Store => "ERR_HANDSTAMP_STORE",
        ErrorKind::TooLarge => "ERR_HANDSTAMP_TOO_LARGE",
        ErrorKind::Value => "ERR_HANDSTAMP_VALUE",
        _ => "ERR_HANDSTAMP_OTHER",
    }
}

fn store_code(kind: StoreErrorKind) -> &'static str {
    match kind {
        StoreErrorKind::Corrupt => "ERR_HANDSTAMP_STORE_CORRUPT",
        StoreErrorKind::Refused => "ERR_HANDSTAMP_STORE_REFUSED",
        StoreErrorKind::Timeout => "ERR_HANDSTAMP_STORE_TIMEOUT",
        StoreErrorKind::TooLarge => "ERR_HANDSTAMP_STORE_TOO_LARGE",
        StoreErrorKind::Unavailable => "ERR_HANDSTAMP_STORE_UNAVAILABLE",
        _ => "ERR_HANDSTAMP_STORE",
    }
}

/// The message and those of its causes, the nearest first.
fn with_sources(error: &dyn Error) -> String {
    let mut message = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        message.push_str(": ");
        message.push_str(&cause.to_string());
        source = cause.source();
    }
    message
}
