//! The extractors for axum 0.8.

use axum_core::body::Body;
use axum_core::extract::{FromRequestParts, OptionalFromRequestParts};
use axum_core::response::{IntoResponse, Response};
use http::request::Parts;

use crate::{Session, SessionError, SessionHandle};

/// The session, a new one if there is none.
impl<S: Send + Sync, M: 'static> FromRequestParts<S> for Session<M> {
    type Rejection = SessionError;

    async fn from_request_parts(parts: &mut Parts, _state: &S) -> Result<Self, SessionError> {
        SessionHandle::of(&parts.extensions)?.load(&parts.headers).await
    }
}

/// The session, `None` if the store holds none for this visitor.
impl<S: Send + Sync, M: 'static> OptionalFromRequestParts<S> for Session<M> {
    type Rejection = SessionError;

    async fn from_request_parts(
        parts: &mut Parts,
        _state: &S,
    ) -> Result<Option<Self>, SessionError> {
        let session = SessionHandle::of(&parts.extensions)?.load(&parts.headers).await?;
        Ok((!session.is_new()).then_some(session))
    }
}

impl IntoResponse for SessionError {
    fn into_response(self) -> Response {
        self.response::<Body>()
    }
}
