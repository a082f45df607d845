//! Watching what becomes of sessions, whoever changes them.

use std::fmt;

use crate::store::{Change, ChangeFeed};
use crate::{ErrorKind, Fingerprint, SessionError, SessionManager};

/// What [`SessionManager::watch`] has begun. Dropping it ends the watching.
pub struct Watch(Box<dyn ChangeFeed>);

/// What a [`Watch`] tells.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Watched {
    /// Any session may have changed: the connection to the store was lost for a while, or all were ended.
    Any,
    /// This session was written, kept alive or ended, here or by another process.
    One(Fingerprint),
}

impl SessionManager {
    /// Watches all sessions of the store: to close the WebSockets of a visitor who signs out elsewhere.
    ///
    /// What is told is that a session has changed, not how. [`Session::reload`](crate::Session::reload) on a
    /// session that was kept for this tells the rest.
    ///
    /// ```
    /// # use handstamp::{Keys, MemoryStore, SessionManager, Watched};
    /// # async fn example(sessions: SessionManager, socket: handstamp::Session) -> Result<(), handstamp::SessionError> {
    /// let mut changes = sessions.watch().await?;
    /// while let Some(change) = changes.next().await {
    ///     if change == Watched::Any || Some(change) == socket.id().map(Watched::One) {
    ///         // The session of this socket may have been ended: time to look.
    ///     }
    /// }
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// The store failed, or it tells of no changes ([`ErrorKind::Config`]): SQLite's can't.
    pub async fn watch(&self) -> Result<Watch, SessionError> {
        let message = "this session store tells of no changes";
        let none = || SessionError::new(ErrorKind::Config, message);
        let changes = self.store().changes().ok_or_else(none)?;
        Ok(Watch(self.call(changes.watch()).await?))
    }
}

impl Watch {
    /// Waits for the next change. `None`: the store has been closed. Dropping the future loses no change.
    pub async fn next(&mut self) -> Option<Watched> {
        Some(match self.0.next().await? {
            Change::Any => Watched::Any,
            Change::One(id) => Watched::One(id.fingerprint()),
        })
    }
}

impl fmt::Debug for Watch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Watch").field(&self.0).finish()
    }
}
