//! The test application of the dialogues, as an axum router. `dialogues/README.md` of
//! `handstamp-testing` says what it does.

use axum::Router;
use axum::extract::Path;
use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use axum::routing::any;
use handstamp::SessionManager;
use handstamp_testing::dialogue;
use handstamp_tower::{Session, SessionError, SessionLayer};

pub(crate) fn app(manager: SessionManager) -> Router {
    let routes = Router::new()
        .route("/nothing", any(async || "null"))
        .route("/peek", any(peek))
        .route("/{*operations}", any(perform));
    Router::new().nest("/shop", routes.clone()).merge(routes).layer(SessionLayer::new(manager))
}

async fn peek(session: Option<Session>) -> &'static str {
    if session.is_some() { "\"some\"" } else { "\"none\"" }
}

async fn perform(Path(path): Path<String>, session: Session) -> Result<Response, SessionError> {
    let reply = dialogue::perform(&path, &session).await?;
    let mut headers = HeaderMap::new();
    for (name, value) in reply.headers {
        headers.append(HeaderName::try_from(name).unwrap(), HeaderValue::try_from(value).unwrap());
    }
    Ok((StatusCode::from_u16(reply.status).unwrap(), headers, reply.body).into_response())
}
