//! What goes wrong, and the page that visitors see then: it says what they can do, and nothing of the
//! inside.

use std::fmt;

use axum::extract::State;
use axum::http::StatusCode;
use axum::http::header::{CONTENT_LENGTH, CONTENT_TYPE};
use axum::response::{IntoResponse, Response};
use handstamp_tower::SessionError;
use maud::html;

use crate::accounts::AccountsError;
use crate::halves::OtherHalf;
use crate::layout;

/// Why a handler could not do its work.
#[derive(Debug)]
pub(crate) enum AppError {
    Accounts(AccountsError),
    /// The form is not one of ours, or not whole.
    Form,
    /// The form was made for another session.
    ForeignForm,
    Random(getrandom::Error),
    Session(SessionError),
}

impl AppError {
    fn status(&self) -> StatusCode {
        match self {
            Self::Form => StatusCode::BAD_REQUEST,
            Self::ForeignForm => StatusCode::FORBIDDEN,
            Self::Session(error) => error.status(),
            Self::Accounts(_) | Self::Random(_) => StatusCode::INTERNAL_SERVER_ERROR,
        }
    }
}

/// The status alone; [`explain`] makes a page of it.
impl IntoResponse for AppError {
    fn into_response(self) -> Response {
        match self {
            // It logs itself, with all its causes.
            Self::Session(error) => error.into_response(),
            error => {
                if error.status().is_server_error() {
                    tracing::error!("{error}");
                }
                error.status().into_response()
            }
        }
    }
}

impl fmt::Display for AppError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Accounts(error) => error.fmt(f),
            Self::Form => f.write_str("a form that can’t be read"),
            Self::ForeignForm => f.write_str("a form that was made for another session"),
            Self::Random(error) => write!(f, "no random bytes: {error}"),
            Self::Session(error) => error.fmt(f),
        }
    }
}

impl std::error::Error for AppError {}

impl From<AccountsError> for AppError {
    fn from(error: AccountsError) -> Self {
        Self::Accounts(error)
    }
}

impl From<getrandom::Error> for AppError {
    fn from(error: getrandom::Error) -> Self {
        Self::Random(error)
    }
}

impl From<SessionError> for AppError {
    fn from(error: SessionError) -> Self {
        Self::Session(error)
    }
}

impl From<handstamp::SessionError> for AppError {
    fn from(error: handstamp::SessionError) -> Self {
        Self::Session(error.into())
    }
}

/// Gives every failure that has no page yet a friendly one, wherever it comes from.
pub(crate) async fn explain(State(other_half): State<OtherHalf>, response: Response) -> Response {
    let status = response.status();
    let is_page = response
        .headers()
        .get(CONTENT_TYPE)
        .is_some_and(|kind| kind.as_bytes().starts_with(b"text/html"));
    if is_page || !(status.is_client_error() || status.is_server_error()) {
        return response;
    }
    let (mut head, _) = response.into_parts();
    let page = error_page(status, &other_half).into_response();
    // Not the former body's length and kind.
    let (page_head, body) = page.into_parts();
    head.headers.remove(CONTENT_LENGTH);
    head.headers.extend(page_head.headers);
    Response::from_parts(head, body)
}

fn error_page(status: StatusCode, other_half: &OtherHalf) -> maud::Markup {
    let (title, advice) = advice(status);
    layout::bare(
        title,
        other_half,
        &html! {
            h1 { (title) }
            p.lead { (advice) }
            p { a.button href="/" { "Back to the entrance" } }
            p.fine { "Error " (status.as_u16()) }
        },
    )
}

fn advice(status: StatusCode) -> (&'static str, &'static str) {
    match status {
        StatusCode::FORBIDDEN => (
            "This form is out of date",
            "It was made for another session: yours may have ended, or was signed out from elsewhere. \
             Nothing was changed. Go back, load the page again and repeat what you did.",
        ),
        StatusCode::NOT_FOUND => {
            ("There is nothing here", "The address may be misspelt, or the page has moved.")
        }
        StatusCode::METHOD_NOT_ALLOWED => (
            "This address is for a button",
            "It does its work when a button of the site is pressed, and has no page of its own.",
        ),
        StatusCode::SERVICE_UNAVAILABLE => (
            "The cloakroom does not answer",
            "Sessions can’t be read at this moment, and nothing was changed. Try again in a moment.",
        ),
        status if status.is_client_error() => (
            "That could not be read",
            "Something was missing from what your browser sent. Go back and try again.",
        ),
        _ => (
            "Something went wrong here",
            "It is our fault, not yours; it has been noted. Try again in a moment.",
        ),
    }
}

#[cfg(test)]
mod tests {
    use handstamp::store::{StoreError, StoreErrorKind};
    use http_body_util::BodyExt as _;

    use super::*;

    async fn page_of(error: AppError) -> (StatusCode, String) {
        let response = explain(State(OtherHalf::default()), error.into_response()).await;
        let status = response.status();
        let body = response.into_body().collect().await.unwrap().to_bytes();
        (status, String::from_utf8(body.into()).unwrap())
    }

    #[tokio::test]
    async fn a_failing_store_is_a_page_that_does_not_say_how_it_failed() {
        let failure = StoreError::new(StoreErrorKind::Unavailable, "/secret/path is locked");
        let (status, page) = page_of(handstamp::SessionError::from(failure).into()).await;
        assert_eq!(status, StatusCode::SERVICE_UNAVAILABLE);
        assert!(
            page.contains("<h1>The cloakroom does not answer</h1>") && !page.contains("secret")
        );
    }

    #[tokio::test]
    async fn our_own_failures_are_said_to_be_ours() {
        let (status, page) = page_of(AppError::Accounts(AccountsError::Damaged)).await;
        assert_eq!(status, StatusCode::INTERNAL_SERVER_ERROR);
        assert!(page.contains("It is our fault") && !page.contains("hash"));
    }

    #[tokio::test]
    async fn pages_that_say_it_themselves_stay_as_they_are() {
        let page = (StatusCode::NOT_FOUND, axum::response::Html("mine")).into_response();
        let body = explain(State(OtherHalf::default()), page)
            .await
            .into_body()
            .collect()
            .await
            .unwrap()
            .to_bytes();
        assert_eq!(body, "mine");
    }
}
