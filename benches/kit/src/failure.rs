//! Any error as a response: the benchmark sees the status and gives up.

use std::error::Error;

use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};

/// Any error, for a handler to return with `?`.
#[derive(Debug)]
pub struct Failure(Box<dyn Error + Send + Sync>);

impl<E: Error + Send + Sync + 'static> From<E> for Failure {
    fn from(error: E) -> Self {
        Self(Box::new(error))
    }
}

impl IntoResponse for Failure {
    fn into_response(self) -> Response {
        (StatusCode::INTERNAL_SERVER_ERROR, self.0.to_string()).into_response()
    }
}
