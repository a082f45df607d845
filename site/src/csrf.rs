//! Forms that only our own pages can make: each carries a random token that the session knows too.
//!
//! The cookie's `SameSite=Lax` keeps other sites' forms from carrying it already; the token also
//! covers signing in, which needs no cookie, and old browsers (OWASP, Cross-Site Request Forgery
//! Prevention Cheat Sheet, «Synchronizer Token Pattern»).

use axum::Form;
use axum::extract::{FromRequest, FromRequestParts as _, Request};
use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use handstamp::{Key, Session};
use maud::{Markup, html};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use subtle::ConstantTimeEq as _;

use crate::app::App;
use crate::error::AppError;
use crate::visitor::Visitor;

const TOKEN: Key<String> = Key::new(NAME);

/// The name of the token, in forms and in the session.
pub(crate) const NAME: &str = "csrf";

/// The token of a session, for a form.
#[derive(Clone)]
pub(crate) struct Token(String);

impl Token {
    /// The session's token, a new one if it has none.
    pub(crate) async fn of(session: &Session) -> Result<Self, AppError> {
        if let Some(token) = session.get(TOKEN)? {
            return Ok(Self(token));
        }
        let fresh = random()?;
        session.update(TOKEN, move |token| token.unwrap_or_else(|| fresh.clone()))?;
        // Should another request of this session be making one too, both pages show the same one.
        session.save().await?;
        Ok(Self(session.get(TOKEN)?.unwrap_or_default()))
    }

    /// Gives the session another token: who knew it before a login must not know it after.
    pub(crate) fn renew(session: &Session) -> Result<(), AppError> {
        Ok(session.insert(TOKEN, random()?)?)
    }

    /// The field that every form starts with.
    pub(crate) fn field(&self) -> Markup {
        html! { input type="hidden" name=(NAME) value=(self.0); }
    }
}

/// A form whose token is the session's. Handlers of POST take this and nothing else.
pub(crate) struct Checked<F> {
    pub visitor: Visitor,
    pub fields: F,
}

#[derive(Deserialize)]
struct Submitted<F> {
    csrf: String,
    #[serde(flatten)]
    fields: F,
}

impl<F: DeserializeOwned> FromRequest<App> for Checked<F> {
    type Rejection = AppError;

    async fn from_request(request: Request, app: &App) -> Result<Self, AppError> {
        let (mut parts, body) = request.into_parts();
        let visitor = Visitor::from_request_parts(&mut parts, app).await?;
        let request = Request::from_parts(parts, body);
        let Form(Submitted { csrf, fields }) =
            Form::from_request(request, app).await.map_err(|_| AppError::Form)?;
        let expected = visitor.session.get(TOKEN)?;
        if !is_same(expected.as_deref(), &csrf) {
            return Err(AppError::ForeignForm);
        }
        Ok(Self { visitor, fields })
    }
}

/// A form without fields of its own: a button.
#[derive(Deserialize)]
pub(crate) struct Button {}

/// Compares in a time that tells nothing of where they differ. A session without a token has no forms.
fn is_same(expected: Option<&str>, given: &str) -> bool {
    expected.is_some_and(|expected| expected.as_bytes().ct_eq(given.as_bytes()).into())
}

fn random() -> Result<String, getrandom::Error> {
    let mut bytes = [0; 24];
    getrandom::fill(&mut bytes)?;
    Ok(URL_SAFE_NO_PAD.encode(bytes))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_sessions_own_token_passes() {
        assert!(is_same(Some("abc"), "abc"));
        for (expected, given) in [(Some("abc"), "abd"), (Some("abc"), "ab"), (Some("abc"), "")] {
            assert!(!is_same(expected, given));
        }
    }

    #[test]
    fn a_session_without_a_token_takes_no_form() {
        assert!(!is_same(None, ""));
        assert!(!is_same(None, "abc"));
    }

    #[test]
    fn tokens_are_random_and_long() {
        let (first, second) = (random().unwrap(), random().unwrap());
        assert_ne!(first, second);
        assert_eq!(first.len(), 32);
    }
}
