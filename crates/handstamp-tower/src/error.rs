//! The error of this crate: the engine's, or a missing layer.

use std::error::Error;
use std::fmt;

use http::header::CACHE_CONTROL;
use http::{HeaderValue, Response, StatusCode};

/// What went wrong with a session. Handlers return it with `?`.
///
/// As a response it is a bare 503 if trying again may help, and a bare 500 otherwise. The visitor
/// learns nothing else; the log gets the error with all its causes.
#[derive(Debug)]
pub struct SessionError(Problem);

#[derive(Debug)]
enum Problem {
    MissingLayer(&'static str),
    Session(handstamp::SessionError),
}

impl SessionError {
    pub(crate) fn missing_layer<M>() -> Self {
        Self(Problem::MissingLayer(std::any::type_name::<M>()))
    }

    /// The engine's error. `None`: there is no layer.
    #[must_use]
    pub fn engine_error(&self) -> Option<&handstamp::SessionError> {
        match &self.0 {
            Problem::MissingLayer(_) => None,
            Problem::Session(error) => Some(error),
        }
    }

    /// The status that visitors get.
    #[must_use]
    pub fn status(&self) -> StatusCode {
        if self.engine_error().is_some_and(handstamp::SessionError::is_temporary) {
            StatusCode::SERVICE_UNAVAILABLE
        } else {
            StatusCode::INTERNAL_SERVER_ERROR
        }
    }

    /// Logs the error and makes the response that says nothing of it.
    pub(crate) fn response<B: Default>(&self) -> Response<B> {
        tracing::error!(error = self as &dyn Error, "{}", Causes(self));
        let mut response = Response::new(B::default());
        *response.status_mut() = self.status();
        response.headers_mut().insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
        response
    }
}

impl fmt::Display for SessionError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.0 {
            Problem::MissingLayer("()") => {
                f.write_str("no SessionLayer is around this route; add one to the router")
            }
            Problem::MissingLayer(marker) => {
                write!(
                    f,
                    "no SessionLayer marked {marker} is around this route; add SessionLayer::new(…).marked()"
                )
            }
            Problem::Session(error) => error.fmt(f),
        }
    }
}

impl Error for SessionError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        self.engine_error()?.source()
    }
}

impl From<handstamp::SessionError> for SessionError {
    fn from(error: handstamp::SessionError) -> Self {
        Self(Problem::Session(error))
    }
}

/// An error and what caused it, in one line.
pub(crate) struct Causes<'a>(pub &'a (dyn Error + 'static));

impl fmt::Display for Causes<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut next = Some(self.0);
        let mut before = "";
        while let Some(error) = next {
            write!(f, "{before}{error}")?;
            before = ": ";
            next = error.source();
        }
        Ok(())
    }
}
