//! The browser's side: a cookie goes out with a request and comes back with the answer.

use handstamp::{Answer, Session, SessionError, SessionManager};

/// What the client is told to do with its cookie.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Cookie {
    Removed,
    Set(String),
}

impl Cookie {
    /// What an answer says of it; `None` is nothing.
    pub(crate) fn of(answer: &Answer) -> Option<Self> {
        let pair = answer.credential()?.value.split(';').next()?.to_owned();
        Some(if pair.ends_with('=') { Self::Removed } else { Self::Set(pair) })
    }
}

/// Looks up the session of a request that comes with this cookie, as `name=value`.
pub(crate) async fn load(
    manager: &SessionManager,
    cookie: Option<&str>,
) -> Result<Session, SessionError> {
    manager
        .load(|header| cookie.filter(|_| header == "cookie").map(str::as_bytes).into_iter())
        .await
}

/// Saves a session and gives the cookie that the client has then.
///
/// # Panics
/// When saving fails, or when the client gets no cookie though it has none.
pub(crate) async fn save(manager: &SessionManager, session: &Session, cookie: &mut String) {
    match Cookie::of(&manager.commit(session).await.unwrap()) {
        Some(Cookie::Set(new)) => *cookie = new,
        Some(Cookie::Removed) => cookie.clear(),
        None => assert!(!cookie.is_empty(), "no cookie came"),
    }
}
