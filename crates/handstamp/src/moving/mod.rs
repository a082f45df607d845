//! Moving sessions from one store to another while visitors go on using them.
//!
//! A session that is asked for moves first, by itself and wholly; then it is the new store's, like any
//! other. What nobody asks for is moved by [`BulkMove`].
//!
//! # Why nothing is lost, doubled or brought back
//!
//! Two stores can't be written in one step. A session that is read in `from` and then created in `to`
//! could have been moved *and ended* by others in between, and the copy would bring it back. So it moves
//! in four conditional writes on one key each, called a *passage* (`passage.rs`):
//!
//! 1. `to`: create a **slot** with a random name. No session is there yet, and nobody reads it as one.
//! 2. `from`: replace the session, at the version that was read, by a **claim**: the same document and
//!    the slot's name. This is the step that decides. From here on nobody can write the session in `from`.
//! 3. `to`: replace the slot by the document. Now it lives there.
//! 4. `from`: end the claim.
//!
//! Every process may go on with a passage that another began, from what it finds:
//!
//! | in `to` | in `from` | what it is | what is done |
//! |---|---|---|---|
//! | a session | anything | moved | it is answered |
//! | nothing, or a slot | a session | not moved yet | 1 if there is no slot, then 2 (who waits answers it) |
//! | slot *a* | claim *a* | on its way | 3, then 4 |
//! | nothing, or slot *b* | claim *a* | it arrived and was ended there | 4 |
//! | a slot | nothing | ended before it was claimed | the slot is ended |
//! | nothing | nothing | there is no such session | it is answered |
//!
//! The fourth row is why there are slots. A slot is always older than its claim, and goes only by
//! becoming the session (3), or when `from` has nothing more to claim. So a claim without its slot is the
//! rest of a session that has arrived already: if it isn't in `to` any more, it was ended. A process that
//! read the session in `from`, then slept while others moved and ended it, makes a slot that nobody will
//! ever fill: its claim fails, because what it read is gone. Where the two last rows are concluded from
//! something missing, `to` is read after `from`, because sessions go in that direction only.
//!
//! Whoever stops in the middle (a future that is dropped, a process that is killed, an answer that is
//! lost) leaves one of these rows, and the next one goes on. The document is always whole in one of the
//! stores: it leaves `from` only after it lives in `to`. A move in the other direction may begin anywhere,
//! when nobody goes on with this one: it finds a claim in its new store and the slot in its old one, and
//! puts the document back.
//!
//! Slots and claims carry the session's owner, so that a revocation, which ends what the owner has in
//! `from` and then what the owner has in `to`, meets the session wherever it is on its way.

mod bulk;
mod feed;
mod index;
mod mark;
mod passage;
mod scan;
mod waiting;

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::Duration;

pub use self::bulk::{BulkMove, MoveProgress};
use self::mark::is_mark;
use self::passage::{Found, nothing};
use self::waiting::version_of;
use crate::store::{
    AnyStore, Created, Record, SessionChanges, SessionIndex, SessionScan, SessionStore, StoreError,
    Stored, Updated, Version,
};
use crate::{SealingKeys, SessionConfig, SessionId};

#[doc = include_str!("moving.md")]
#[derive(Clone)]
pub struct MovingStore {
    from: AnyStore,
    to: AnyStore,
    /// How documents are read, to find out whose they are.
    config: Arc<SessionConfig>,
    /// Whether sessions stay where they are.
    waiting: Arc<AtomicBool>,
}

impl MovingStore {
    /// Moves sessions between two stores, which must not be the same.
    pub fn new(from: impl Into<AnyStore>, to: impl Into<AnyStore>) -> Self {
        let config = Arc::new(SessionConfig::strict());
        Self { from: from.into(), to: to.into(), config, waiting: Arc::default() }
    }

    /// Leaves sessions in the old store, and creates new ones there, until it is asked for one that another
    /// process has moved. From then on it moves sessions, too.
    ///
    /// So all processes can be replaced one after the other: those that still know the old store alone see
    /// every session, until [`bulk`](Self::bulk) begins the move in one process. Every call looks into both
    /// stores, so it is for the time of the roll-out.
    #[must_use]
    pub fn waiting(mut self) -> Self {
        self.waiting = Arc::new(AtomicBool::new(true));
        self
    }

    /// Opens sealed documents with these keys, to see whose sessions they are: those of
    /// [`SessionConfig::with_sealing`].
    ///
    /// What they don't open moves all the same, but nobody's: the application can't read it either.
    /// Without keys, a sealed session is refused rather than moved out of its owner's reach.
    #[must_use]
    pub fn with_sealing(mut self, keys: SealingKeys) -> Self {
        self.config = Arc::new(SessionConfig::strict().with_sealing(keys));
        self
    }
}

impl SessionStore for MovingStore {
    async fn load(&self, id: &SessionId) -> Result<Option<Stored>, StoreError> {
        Ok(self.find(id).await?.map(Found::into_stored))
    }

    /// Two processes that create under one id at the same time, one of them waiting and one not, could both
    /// be done. No id is created twice: it is new and random.
    async fn create(&self, id: &SessionId, record: &Record) -> Result<Created, StoreError> {
        let waiting = self.is_waiting();
        let (home, other) = if waiting { (&self.from, &self.to) } else { (&self.to, &self.from) };
        let mut is_free = other.load(id).await?.is_none();
        loop {
            if !is_free && self.find(id).await?.is_some() {
                return Ok(Created::Duplicate);
            }
            match home.create(id, record).await? {
                Created::Done(_) if waiting => {
                    return Ok(Created::Done(version_of(&record.document)));
                }
                Created::Done(version) => return Ok(Created::Done(version)),
                Created::Duplicate => is_free = false,
            }
        }
    }

    async fn update(
        &self,
        id: &SessionId,
        version: Version,
        record: &Record,
    ) -> Result<Updated, StoreError> {
        let mut at = version;
        loop {
            let found = match self.to.update(id, at, record).await? {
                Updated::Done(version) => return Ok(Updated::Done(version)),
                Updated::Conflict(stored) if !is_mark(&stored.document) => Some(Found::To(stored)),
                Updated::Conflict(_) | Updated::Gone => self.find(id).await?,
            };
            match found {
                None => return Ok(Updated::Gone),
                // It has moved, and nobody has written it.
                Some(Found::To(stored)) if version_of(&stored.document) == version => {
                    at = stored.version;
                }
                Some(Found::From(stored)) if version_of(&stored.document) == version => {
                    let updated = self.from.update(id, stored.version, record).await?;
                    if matches!(updated, Updated::Done(_)) {
                        return Ok(Updated::Done(version_of(&record.document)));
                    }
                }
                Some(other) => return Ok(Updated::Conflict(other.into_stored())),
            }
        }
    }

    async fn touch(&self, id: &SessionId, lifetime: Duration) -> Result<bool, StoreError> {
        loop {
            match self.find(id).await? {
                None => return Ok(false),
                Some(Found::To(_)) => return self.to.touch(id, lifetime).await,
                // If others move it at this very moment, it may arrive with the time it had before.
                Some(Found::From(_)) if self.from.touch(id, lifetime).await? => return Ok(true),
                Some(Found::From(_)) => {}
            }
        }
    }

    async fn delete(&self, id: &SessionId) -> Result<Option<Arc<[u8]>>, StoreError> {
        loop {
            match self.find(id).await? {
                None => return Ok(None),
                Some(Found::To(_)) => {
                    let last = self.to.delete(id).await?;
                    return Ok(last.filter(|document| !is_mark(document)));
                }
                Some(Found::From(stored)) => {
                    let ended = self.from.update(id, stored.version, &nothing()).await?;
                    if matches!(ended, Updated::Done(_)) {
                        return Ok(Some(stored.document));
                    }
                }
            }
        }
    }

    fn index(&self) -> Option<&dyn SessionIndex> {
        (self.from.index().is_some() && self.to.index().is_some()).then_some(self)
    }

    fn scan(&self) -> Option<&dyn SessionScan> {
        (self.from.scan().is_some() && self.to.scan().is_some()).then_some(self)
    }

    fn changes(&self) -> Option<&dyn SessionChanges> {
        (self.from.changes().is_some() && self.to.changes().is_some()).then_some(self)
    }
}

impl fmt::Debug for MovingStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("MovingStore")
            .field("from", &self.from)
            .field("to", &self.to)
            .finish_non_exhaustive()
    }
}
