//! A session, as a handler holds it.

use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crate::apply::{Begun, Place};
use crate::changes::Change;
use crate::document::Document;
use crate::plan::{Held, Intent};
use crate::turn::Turn;
use crate::{Event, SessionError, SessionManager};

/// Its id, its owner, its beginning and its end.
mod life;
/// From memory to the store and back.
mod saving;
/// A session as text, for handlers in another language.
mod snapshot;
/// What a request knows of its session.
mod state;
/// Reading and writing values.
mod values;

pub use snapshot::{LookUp, Snapshot};
pub(crate) use state::{Claim, Presented};

use state::State;

/// A visitor's session.
///
/// All handles (clones) of one request are the same session and see each other's writes. Reading and
/// writing is synchronous and stays in memory; the adapter saves everything when the handler is done,
/// in one step. What other requests wrote meanwhile is merged, key by key.
///
/// A key is a [`Key`](crate::Key) or a plain string. A few names belong to express-session (`cookie`,
/// `id`, `save` …) and are refused.
///
/// ```
/// # fn example(session: &handstamp::Session) -> Result<(), handstamp::SessionError> {
/// use handstamp::Key;
///
/// const VIEWS: Key<u64> = Key::new("views");
///
/// let views = session.update(VIEWS, |views| views.unwrap_or(0) + 1)?;
/// session.insert("theme", "dark")?;
/// let theme: Option<String> = session.get("theme")?;
/// # Ok(())
/// # }
/// ```
#[derive(Clone)]
pub struct Session(Arc<Inner>);

struct Inner {
    manager: SessionManager,
    state: Mutex<State>,
    /// What a rotation has begun that did not come to its end.
    begun: Begun,
    /// One conversation with the store at a time.
    turn: Turn,
}

impl Session {
    pub(crate) fn new(manager: SessionManager, presented: Presented, claim: Claim) -> Self {
        Self(Arc::new(Inner {
            manager,
            state: Mutex::new(State::new(presented, claim)),
            begun: Begun::default(),
            turn: Turn::default(),
        }))
    }

    /// The place of the session in the store, for a look-up by the manager.
    pub(crate) fn place(&self) -> Option<Place> {
        self.state().claim.place
    }

    /// Notes a change and does it on the document. `decide` may find that there is nothing to do.
    fn change(
        &self,
        decide: impl FnOnce(&Document) -> Result<Option<Change>, SessionError>,
    ) -> Result<(), SessionError> {
        let manager = &self.0.manager;
        let mut state = self.state();
        state.check_alive()?;
        if let Some(change) = decide(&state.claim.document)? {
            change.apply(&mut state.claim.document, manager.config(), manager.now())?;
            let kept = state.saving;
            state.changes.push(change, kept);
        }
        Ok(())
    }

    fn state(&self) -> MutexGuard<'_, State> {
        // A panic while it was held came from a closure of the application, before anything changed.
        self.0.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Says so when changes are lost. Nothing can be saved here.
impl Drop for Inner {
    fn drop(&mut self) {
        let state = self.state.get_mut().unwrap_or_else(PoisonError::into_inner);
        let unsaved = !state.changes.is_empty() || state.intent > Intent::Keep;
        let worth = state.claim.held == Held::Stored || !state.claim.document.data.is_empty();
        if unsaved
            && worth
            && state.claim.held != Held::Ended
            && !(state.sent && state.intent == Intent::Destroy)
        {
            let session = state.claim.place.map(|place| place.id.fingerprint());
            self.manager.tell(|| Event::ChangesLost { session });
        }
    }
}

/// Shows neither the id nor any data.
impl fmt::Debug for Session {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.id() {
            Some(fingerprint) => write!(f, "Session(#{fingerprint})"),
            None => f.write_str("Session(new)"),
        }
    }
}
