//! Sessions in the memory of this process: for tests, for development, and for whoever runs one
//! process and can do without its sessions after a restart.
//!
//! It is bounded. What would exceed the bounds makes room by ending the sessions that expire
//! soonest, which are those that have been idle the longest. Expired sessions are cleaned up by the
//! writes of others, a few with each, so that nothing runs in the background and nothing ever stops.

mod feeds;
mod key;
mod owners;
mod schedule;
mod shard;
mod shards;
mod slab;

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use self::feeds::Feeds;
use self::shards::{Bounds, SHARDS, Shards};
use crate::store::{
    BoxFuture, ChangeFeed, Created, Cursor, Page, Record, SessionChanges, SessionIndex,
    SessionScan, SessionStore, StoreError, StoreErrorKind, Stored, Updated, Version,
};
use crate::{Clock, SessionId, SystemClock};

/// Keeps sessions in the memory of this process. Clones share them.
///
/// It keeps at most [1,000,000 sessions](Self::with_max_sessions) and at most
/// [256 MiB of documents](Self::with_max_bytes), to which it adds about 150 bytes for a session.
///
/// ```
/// use handstamp::MemoryStore;
///
/// let store = MemoryStore::new().with_max_sessions(10_000).with_max_bytes(16 << 20);
/// assert!(store.is_empty());
/// ```
#[derive(Clone)]
pub struct MemoryStore {
    shards: Arc<Shards>,
    feeds: Arc<Feeds>,
    bounds: Bounds,
    clock: Arc<dyn Clock>,
}

impl MemoryStore {
    /// An empty store.
    #[must_use]
    pub fn new() -> Self {
        Self {
            shards: Arc::new(Shards::new()),
            feeds: Arc::default(),
            bounds: Bounds { sessions: 1_000_000, bytes: 256 << 20 },
            clock: Arc::new(SystemClock),
        }
    }

    /// Tells the time by this clock, for tests.
    #[must_use]
    pub fn with_clock(mut self, clock: Arc<dyn Clock>) -> Self {
        self.clock = clock;
        self
    }

    /// Keeps at most so many sessions, and at least one. One more ends the session that expires
    /// soonest.
    #[must_use]
    pub fn with_max_sessions(mut self, sessions: usize) -> Self {
        self.bounds.sessions = sessions;
        self
    }

    /// Keeps documents of at most so many bytes, all together. More end the sessions that expire
    /// soonest; a document that alone is larger is refused as [`StoreErrorKind::TooLarge`].
    #[must_use]
    pub fn with_max_bytes(mut self, bytes: usize) -> Self {
        self.bounds.bytes = bytes;
        self
    }

    /// How many sessions are kept. Those that have expired count until they are cleaned up.
    #[must_use]
    pub fn len(&self) -> usize {
        self.shards.size().sessions
    }

    /// Whether no session is kept.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    fn check_size(&self, record: &Record) -> Result<(), StoreError> {
        let (bytes, most) = (record.document.len(), self.bounds.bytes);
        if bytes <= most {
            return Ok(());
        }
        let cause =
            format!("the document has {bytes} bytes and the memory store keeps {most} in all");
        Err(StoreError::new(StoreErrorKind::TooLarge, cause))
    }
}

impl SessionStore for MemoryStore {
    async fn load(&self, id: &SessionId) -> Result<Option<Stored>, StoreError> {
        Ok(self.shards.load(id, self.clock.now()))
    }

    async fn create(&self, id: &SessionId, record: &Record) -> Result<Created, StoreError> {
        self.check_size(record)?;
        let created = self.shards.create(id, record, self.clock.now(), self.bounds);
        if matches!(created, Created::Done(_)) {
            self.feeds.tell(id);
        }
        Ok(created)
    }

    async fn update(
        &self,
        id: &SessionId,
        version: Version,
        record: &Record,
    ) -> Result<Updated, StoreError> {
        self.check_size(record)?;
        let updated = self.shards.update(id, version, record, self.clock.now(), self.bounds);
        if matches!(updated, Updated::Done(_)) {
            self.feeds.tell(id);
        }
        Ok(updated)
    }

    async fn touch(&self, id: &SessionId, lifetime: Duration) -> Result<bool, StoreError> {
        let now = self.clock.now();
        let touched = self.shards.touch(id, now.after(lifetime), now);
        if touched {
            self.feeds.tell(id);
        }
        Ok(touched)
    }

    async fn delete(&self, id: &SessionId) -> Result<Option<Arc<[u8]>>, StoreError> {
        let deleted = self.shards.delete(id, self.clock.now());
        if deleted.is_some() {
            self.feeds.tell(id);
        }
        Ok(deleted)
    }

    fn index(&self) -> Option<&dyn SessionIndex> {
        Some(self)
    }

    fn scan(&self) -> Option<&dyn SessionScan> {
        Some(self)
    }

    fn changes(&self) -> Option<&dyn SessionChanges> {
        Some(self)
    }
}

impl SessionIndex for MemoryStore {
    fn list<'a>(
        &'a self,
        owner: &'a str,
    ) -> BoxFuture<'a, Result<Vec<(SessionId, Stored)>, StoreError>> {
        Box::pin(async { Ok(self.shards.list(owner.into(), self.clock.now())) })
    }

    fn count<'a>(&'a self, owner: &'a str) -> BoxFuture<'a, Result<usize, StoreError>> {
        Box::pin(async { Ok(self.shards.count(owner.into(), self.clock.now())) })
    }

    fn revoke<'a>(
        &'a self,
        owner: &'a str,
        except: Option<&'a SessionId>,
    ) -> BoxFuture<'a, Result<usize, StoreError>> {
        Box::pin(async move {
            let ended = self.shards.revoke(owner.into(), except, self.clock.now());
            if ended > 0 {
                self.feeds.tell_any();
            }
            Ok(ended)
        })
    }
}

impl SessionScan for MemoryStore {
    fn page<'a>(
        &'a self,
        from: Option<&'a Cursor>,
        most: usize,
    ) -> BoxFuture<'a, Result<Page, StoreError>> {
        Box::pin(async move {
            let from = from.map_or(Ok(0), shard_at)?;
            let (sessions, next) = self.shards.page(from, most, self.clock.now());
            Ok(Page { sessions, next: next.map(cursor_at) })
        })
    }

    fn total<'a>(&'a self) -> BoxFuture<'a, Result<usize, StoreError>> {
        Box::pin(async { Ok(self.shards.total(self.clock.now())) })
    }

    fn clear<'a>(&'a self) -> BoxFuture<'a, Result<usize, StoreError>> {
        Box::pin(async {
            let ended = self.shards.clear(self.clock.now());
            self.feeds.tell_any();
            Ok(ended)
        })
    }
}

/// What has expired, or made room for others, is not told.
impl SessionChanges for MemoryStore {
    fn watch<'a>(&'a self) -> BoxFuture<'a, Result<Box<dyn ChangeFeed>, StoreError>> {
        Box::pin(async { Ok(Box::new(self.feeds.watch()) as Box<dyn ChangeFeed>) })
    }
}

/// What [`shard_at`] reads. Not a bare number, which might be another store's cursor.
fn cursor_at(shard: usize) -> Cursor {
    Cursor(format!("shard-{shard}"))
}

fn shard_at(cursor: &Cursor) -> Result<usize, StoreError> {
    let shard = cursor.0.strip_prefix("shard-").and_then(|shard| shard.parse().ok());
    shard.filter(|shard| *shard < SHARDS).ok_or_else(|| {
        let cause = "the cursor is not one of the memory store's; a walk begins without one";
        StoreError::new(StoreErrorKind::Refused, cause)
    })
}

impl Default for MemoryStore {
    fn default() -> Self {
        Self::new()
    }
}

impl fmt::Debug for MemoryStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let size = self.shards.size();
        f.debug_struct("MemoryStore")
            .field("sessions", &size.sessions)
            .field("bytes", &size.bytes)
            .finish_non_exhaustive()
    }
}
