//! A store that tells of changes keeps all of the suite; those that break one promise are noticed.

use std::sync::Arc;
use std::time::Duration;

use handstamp::store::{
    BoxFuture, Change, ChangeFeed, Created, Cursor, Page, Record, SessionChanges, SessionIndex,
    SessionScan, StoreError, Stored, Updated, Version,
};
use handstamp::{MemoryStore, SessionId, SessionStore};
use handstamp_testing::store::changes;
use handstamp_testing::{ManualClock, StoreHarness, changes_suite, run};
use tokio::sync::broadcast;
use tokio::sync::broadcast::error::RecvError;
use tokio::task::yield_now;

const FORGETS_TOUCHES: u8 = 0;
const LOSES_WHAT_A_DROPPED_NEXT_TOOK: u8 = 1;
const TELLS_NOTHING: u8 = 2;
const WATCHES_LATE: u8 = 3;
const IS_RIGHT: u8 = u8::MAX;

changes_suite!(Telling<IS_RIGHT>);

#[test]
#[should_panic(expected = "not within")]
fn a_store_that_forgets_touches_is_noticed() {
    run(changes::a_touched_session_is_told::<Telling<FORGETS_TOUCHES>>());
}

#[test]
#[should_panic(expected = "not within")]
fn a_store_that_loses_what_a_dropped_next_took_is_noticed() {
    run(changes::a_dropped_next_loses_no_change::<Telling<LOSES_WHAT_A_DROPPED_NEXT_TOOK>>());
}

#[test]
#[should_panic(expected = "not within")]
fn a_store_that_begins_to_watch_late_is_noticed() {
    run(changes::a_change_right_after_watch_has_answered_is_told::<Telling<WATCHES_LATE>>());
}

#[test]
#[should_panic(expected = "not within")]
fn a_store_that_tells_nothing_is_noticed() {
    run(changes::a_created_session_is_told::<Telling<TELLS_NOTHING>>());
}

struct Telling<const FLAW: u8> {
    clock: Arc<ManualClock>,
    store: Arc<TellingStore<FLAW>>,
}

impl<const FLAW: u8> StoreHarness for Telling<FLAW> {
    type Store = TellingStore<FLAW>;
    const TOLERANCE: Duration = Duration::ZERO;

    async fn start() -> Self {
        let clock = Arc::new(ManualClock::new());
        let inner = MemoryStore::new().with_clock(clock.clone());
        let (changes, _) = broadcast::channel(100);
        Self { clock, store: Arc::new(TellingStore { inner, changes }) }
    }

    fn store(&self) -> Arc<TellingStore<FLAW>> {
        self.store.clone()
    }

    async fn pass(&self, time: Duration) {
        self.clock.advance(time);
    }
}

/// A memory store that tells of changes.
#[derive(Debug)]
struct TellingStore<const FLAW: u8> {
    inner: MemoryStore,
    changes: broadcast::Sender<Change>,
}

impl<const FLAW: u8> TellingStore<FLAW> {
    fn tell(&self, change: Change) {
        if FLAW != TELLS_NOTHING {
            // Nobody watching is no failure.
            let _ = self.changes.send(change);
        }
    }
}

impl<const FLAW: u8> SessionStore for TellingStore<FLAW> {
    async fn load(&self, id: &SessionId) -> Result<Option<Stored>, StoreError> {
        self.inner.load(id).await
    }

    async fn create(&self, id: &SessionId, record: &Record) -> Result<Created, StoreError> {
        let created = self.inner.create(id, record).await;
        self.tell(Change::One(*id));
        created
    }

    async fn update(
        &self,
        id: &SessionId,
        version: Version,
        record: &Record,
    ) -> Result<Updated, StoreError> {
        let updated = self.inner.update(id, version, record).await;
        self.tell(Change::One(*id));
        updated
    }

    async fn touch(&self, id: &SessionId, lifetime: Duration) -> Result<bool, StoreError> {
        let touched = self.inner.touch(id, lifetime).await;
        if FLAW != FORGETS_TOUCHES {
            self.tell(Change::One(*id));
        }
        touched
    }

    async fn delete(&self, id: &SessionId) -> Result<Option<Arc<[u8]>>, StoreError> {
        let deleted = self.inner.delete(id).await;
        self.tell(Change::One(*id));
        deleted
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

impl<const FLAW: u8> SessionIndex for TellingStore<FLAW> {
    fn list<'a>(
        &'a self,
        owner: &'a str,
    ) -> BoxFuture<'a, Result<Vec<(SessionId, Stored)>, StoreError>> {
        SessionIndex::list(&self.inner, owner)
    }

    fn count<'a>(&'a self, owner: &'a str) -> BoxFuture<'a, Result<usize, StoreError>> {
        SessionIndex::count(&self.inner, owner)
    }

    fn revoke<'a>(
        &'a self,
        owner: &'a str,
        except: Option<&'a SessionId>,
    ) -> BoxFuture<'a, Result<usize, StoreError>> {
        Box::pin(async move {
            let listed = self.list(owner).await?;
            let ended = SessionIndex::revoke(&self.inner, owner, except).await;
            listed.into_iter().for_each(|(id, _)| self.tell(Change::One(id)));
            ended
        })
    }
}

impl<const FLAW: u8> SessionScan for TellingStore<FLAW> {
    fn page<'a>(
        &'a self,
        from: Option<&'a Cursor>,
        most: usize,
    ) -> BoxFuture<'a, Result<Page, StoreError>> {
        SessionScan::page(&self.inner, from, most)
    }

    fn total<'a>(&'a self) -> BoxFuture<'a, Result<usize, StoreError>> {
        SessionScan::total(&self.inner)
    }

    fn clear<'a>(&'a self) -> BoxFuture<'a, Result<usize, StoreError>> {
        Box::pin(async {
            let ended = SessionScan::clear(&self.inner).await;
            self.tell(Change::Any);
            ended
        })
    }
}

impl<const FLAW: u8> SessionChanges for TellingStore<FLAW> {
    fn watch<'a>(&'a self) -> BoxFuture<'a, Result<Box<dyn ChangeFeed>, StoreError>> {
        Box::pin(async {
            let watch = if FLAW == WATCHES_LATE {
                Watch::NotYet(self.changes.clone())
            } else {
                Watch::Begun(self.changes.subscribe())
            };
            Ok(Box::new(Feed::<FLAW>(watch)) as Box<dyn ChangeFeed>)
        })
    }
}

#[derive(Debug)]
struct Feed<const FLAW: u8>(Watch);

#[derive(Debug)]
enum Watch {
    Begun(broadcast::Receiver<Change>),
    NotYet(broadcast::Sender<Change>),
}

impl<const FLAW: u8> ChangeFeed for Feed<FLAW> {
    fn next<'a>(&'a mut self) -> BoxFuture<'a, Option<Change>> {
        Box::pin(async {
            if let Watch::NotYet(sender) = &self.0 {
                self.0 = Watch::Begun(sender.subscribe());
            }
            let Watch::Begun(changes) = &mut self.0 else { return None };
            let change = match changes.recv().await {
                Ok(change) => Some(change),
                Err(RecvError::Lagged(_)) => Some(Change::Any),
                Err(RecvError::Closed) => None,
            };
            if FLAW == LOSES_WHAT_A_DROPPED_NEXT_TOOK {
                yield_now().await;
            }
            change
        })
    }
}
