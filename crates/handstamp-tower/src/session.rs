//! The session as a handler gets it: the engine's, marked.

use std::fmt;
use std::marker::PhantomData;
use std::ops::Deref;

/// The session of a request: everything that [`handstamp::Session`] does.
///
/// An application with one kind of session writes `Session`. Where there are several, each has a
/// marker type of its own: `Session<Admin>` beside `Session`; see
/// [`SessionLayer::marked`](crate::SessionLayer::marked).
///
/// As an axum extractor it is created if there is none; `Option<Session>` is `None` then. Neither
/// stores anything before something is written.
pub struct Session<M = ()> {
    session: handstamp::Session,
    marker: PhantomData<fn() -> M>,
}

impl<M> Session<M> {
    pub(crate) fn new(session: handstamp::Session) -> Self {
        Self { session, marker: PhantomData }
    }

    /// The engine's session, without the marker.
    #[must_use]
    pub fn into_inner(self) -> handstamp::Session {
        self.session
    }
}

impl<M> Deref for Session<M> {
    type Target = handstamp::Session;

    fn deref(&self) -> &handstamp::Session {
        &self.session
    }
}

impl<M> Clone for Session<M> {
    fn clone(&self) -> Self {
        Self::new(self.session.clone())
    }
}

impl<M> fmt::Debug for Session<M> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.session.fmt(f)
    }
}
