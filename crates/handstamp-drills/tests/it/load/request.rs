//! One request of a visitor: what it does with its session, and how it went.

use std::time::{Duration, Instant};

use handstamp::store::{StoreError, StoreErrorKind};
use handstamp::{ErrorKind, Session, SessionError, SessionManager};

use crate::browser::{Cookie, load};

use super::knowledge::{COUNTER, NAME, NOTES, Sighting};

/// What a request does with its session.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Deed {
    /// Begins a session of this name, where there is none.
    Begin(String),
    Increment,
    Login(String),
    Logout,
    Note(usize, u64),
    Read,
    /// Ends the session and begins another one.
    Regenerate(String),
    Rotate,
}

impl Deed {
    /// Whether the visitor gets another session by it, or none.
    pub(super) fn ends(&self) -> bool {
        matches!(self, Self::Logout | Self::Regenerate(_))
    }

    /// Whether the credential from before shows nothing any more when it is done.
    pub(super) fn closes(&self) -> bool {
        self.ends() || matches!(self, Self::Login(_))
    }

    /// How many deadlines of the store a step may take. A write that another was faster than is done again:
    /// that is the second. So it is when a new session is taken back because the old one could not be ended.
    pub(super) fn deadlines(&self) -> u32 {
        if matches!(self, Self::Read) { 1 } else { 2 }
    }

    fn act(&self, session: &Session) -> Result<(), SessionError> {
        match self {
            Self::Begin(name) => session.insert(NAME, name),
            Self::Increment => {
                session.update(COUNTER, |count: Option<u64>| count.unwrap_or(0) + 1).map(drop)
            }
            Self::Login(user) => session.login(user.as_str()),
            Self::Logout => session.logout(),
            Self::Note(which, value) => session.insert(NOTES[*which], value),
            Self::Read => Ok(()),
            Self::Regenerate(name) => {
                session.regenerate()?;
                session.insert(NAME, name)
            }
            Self::Rotate => session.rotate(),
        }
    }
}

/// How a request went.
#[derive(Debug)]
pub(super) struct Reply {
    /// When it began.
    pub begun: Instant,
    /// What it found; `None` is no session.
    pub found: Option<Sighting>,
    pub outcome: Outcome,
    /// Why it failed, if it has.
    pub error: Option<SessionError>,
    /// How long its longest step took.
    pub longest: Duration,
}

#[derive(Debug, PartialEq, Eq)]
pub(super) enum Outcome {
    /// There was no session to do it with, at the beginning or at the end.
    Absent,
    /// It has been done, and this is the session then. `None`: the client has none any more, or is not to
    /// see it.
    Done(Option<Sighting>, Option<Cookie>),
    /// Saving failed, so it may have been done or not.
    Failed,
    /// The session could not be looked up. Nothing was found, and nothing was done.
    NotFound,
    /// The store answered and said no, so nothing was done.
    Refused,
}

/// Looks the session up, does something with it, and saves it, as an adapter does.
pub(super) async fn request(manager: &SessionManager, cookie: Option<&str>, deed: &Deed) -> Reply {
    let begun = Instant::now();
    let mut reply = Reply {
        begun,
        found: None,
        outcome: Outcome::NotFound,
        error: None,
        longest: Duration::ZERO,
    };
    let session = load(manager, cookie).await;
    reply.longest = begun.elapsed();
    let found = session.and_then(|session| Ok((Sighting::of(&session)?, session)));
    let session = match found {
        Ok((found, session)) => {
            reply.found = found;
            session
        }
        Err(error) => return Reply { error: Some(error), ..reply },
    };
    if reply.found.is_none() != matches!(deed, Deed::Begin(_)) {
        return Reply { outcome: Outcome::Absent, ..reply };
    }
    let saving = Instant::now();
    let outcome = do_and_save(manager, &session, deed).await;
    reply.longest = reply.longest.max(saving.elapsed());
    match outcome {
        Ok(outcome) => Reply { outcome, ..reply },
        Err(error) => Reply { outcome: failure(&error), error: Some(error), ..reply },
    }
}

fn failure(error: &SessionError) -> Outcome {
    match error.store_error().map(StoreError::kind) {
        Some(StoreErrorKind::Refused) => Outcome::Refused,
        _ => Outcome::Failed,
    }
}

async fn do_and_save(
    manager: &SessionManager,
    session: &Session,
    deed: &Deed,
) -> Result<Outcome, SessionError> {
    deed.act(session)?;
    let answer = manager.commit(session).await?;
    if session.is_ended() {
        return Ok(Outcome::Absent);
    }
    Ok(Outcome::Done(Sighting::of(session)?, Cookie::of(&answer)))
}

/// The kind of an error, in a word. `None`: no fault of a server explains it.
pub(super) fn kind(error: &SessionError) -> Option<String> {
    let kind = error.store_error()?.kind();
    (error.kind() == ErrorKind::Store && error.is_temporary()).then(|| format!("{kind:?}"))
}
