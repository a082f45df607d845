//! Stores that break one promise each. The suite has to notice every one of them.

use std::sync::Arc;
use std::time::Duration;

use handstamp::store::{
    BoxFuture, Created, Cursor, Page, Record, SessionIndex, SessionScan, StoreError, Stored,
    Updated, Version,
};
use handstamp::{MemoryStore, SessionId, SessionStore};
use handstamp_testing::store::{
    dropping, expiry, hostile, index_races, lifetimes, outcomes, races, scan, scan_races,
};
use handstamp_testing::{ManualClock, StoreHarness, run};
use tokio::task::yield_now;

const CLEARS_ONE_BY_ONE: u8 = 0;
const FORGETS_THE_CLOCK: u8 = 1;
const IGNORES_CASE: u8 = 2;
const IGNORES_TOUCHES: u8 = 3;
const REVOKES_ONE_BY_ONE: u8 = 4;
const UPDATES_BY_DELETING: u8 = 5;
const UPDATES_IN_TWO_STEPS: u8 = 6;
const UPSERTS: u8 = 7;
const WALKS_BY_NUMBER: u8 = 8;

#[test]
#[should_panic(expected = "the session was ended under neither of its ids")]
fn a_store_that_clears_one_by_one_is_noticed() {
    run(scan_races::clear_ends_a_rotating_session_under_its_old_or_its_new_id::<
        Flawed<CLEARS_ONE_BY_ONE>,
    >());
}

#[test]
#[should_panic]
fn a_store_that_forgets_the_clock_is_noticed() {
    run(expiry::load_of_expired_session_is_missing::<Flawed<FORGETS_THE_CLOCK>>());
}

#[test]
#[should_panic(expected = "found")]
fn a_store_that_ignores_the_case_of_ids_is_noticed() {
    run(hostile::a_session_is_not_found_by_an_id_that_is_merely_similar::<Flawed<IGNORES_CASE>>());
}

#[test]
#[should_panic(expected = "are left instead of")]
fn a_store_that_ignores_touches_is_noticed() {
    run(lifetimes::touch_sets_the_lifetime_longer::<Flawed<IGNORES_TOUCHES>>());
}

#[test]
#[should_panic(expected = "the session was ended under neither of its ids")]
fn a_store_that_revokes_one_by_one_is_noticed() {
    run(index_races::revoke_ends_a_rotating_session_under_its_old_or_its_new_id::<
        Flawed<REVOKES_ONE_BY_ONE>,
    >());
}

#[test]
#[should_panic(expected = "the session lives")]
fn a_store_that_updates_by_deleting_and_creating_is_noticed() {
    run(dropping::a_dropped_update_happened_wholly_or_not_at_all::<Flawed<UPDATES_BY_DELETING>>());
}

#[test]
#[should_panic]
fn a_store_that_updates_in_two_steps_is_noticed() {
    run(races::a_hundred_parallel_increments_end_at_a_hundred::<Flawed<UPDATES_IN_TWO_STEPS>>());
}

#[test]
#[should_panic(expected = "yet update said Done")]
fn a_store_that_upserts_is_noticed() {
    run(outcomes::update_of_deleted_session_is_gone_and_stays_gone::<Flawed<UPSERTS>>());
}

#[test]
#[should_panic(expected = "were not met")]
fn a_store_that_walks_by_number_is_noticed() {
    run(scan::a_walk_meets_what_stays_while_sessions_come_and_go::<Flawed<WALKS_BY_NUMBER>>());
}

struct Flawed<const FLAW: u8> {
    clock: Arc<ManualClock>,
    store: Arc<FlawedStore<FLAW>>,
}

impl<const FLAW: u8> StoreHarness for Flawed<FLAW> {
    type Store = FlawedStore<FLAW>;
    const TOLERANCE: Duration = Duration::ZERO;

    async fn start() -> Self {
        let clock = Arc::new(ManualClock::new());
        let inner = MemoryStore::new().with_clock(clock.clone());
        Self { clock, store: Arc::new(FlawedStore { inner }) }
    }

    fn store(&self) -> Arc<FlawedStore<FLAW>> {
        self.store.clone()
    }

    async fn pass(&self, time: Duration) {
        if FLAW != FORGETS_THE_CLOCK {
            self.clock.advance(time);
        }
    }
}

/// A memory store that is right except for one thing.
#[derive(Debug)]
struct FlawedStore<const FLAW: u8> {
    inner: MemoryStore,
}

impl<const FLAW: u8> FlawedStore<FLAW> {
    /// Answers so late that calls of others come in between, however few processors there are. It matters
    /// where the flaw shows itself between two calls only.
    async fn let_others_go_on(&self) {
        if matches!(FLAW, CLEARS_ONE_BY_ONE | REVOKES_ONE_BY_ONE) {
            for _ in 0..3 {
                yield_now().await;
            }
        }
    }

    async fn overwrite(&self, id: &SessionId, record: &Record) -> Result<Updated, StoreError> {
        self.inner.delete(id).await?;
        yield_now().await;
        Ok(match self.inner.create(id, record).await? {
            Created::Done(version) => Updated::Done(version),
            Created::Duplicate => Updated::Gone,
        })
    }
}

impl<const FLAW: u8> SessionStore for FlawedStore<FLAW> {
    async fn load(&self, id: &SessionId) -> Result<Option<Stored>, StoreError> {
        let lower = SessionId::parse(&id.as_str().to_ascii_lowercase()).expect("still an id");
        match self.inner.load(id).await? {
            None if FLAW == IGNORES_CASE => self.inner.load(&lower).await,
            found => Ok(found),
        }
    }

    async fn create(&self, id: &SessionId, record: &Record) -> Result<Created, StoreError> {
        let created = self.inner.create(id, record).await;
        self.let_others_go_on().await;
        created
    }

    async fn update(
        &self,
        id: &SessionId,
        version: Version,
        record: &Record,
    ) -> Result<Updated, StoreError> {
        match (FLAW, self.inner.load(id).await?) {
            (UPDATES_BY_DELETING, Some(_)) => self.overwrite(id, record).await,
            (UPDATES_IN_TWO_STEPS, Some(current)) if current.version == version => {
                yield_now().await;
                self.overwrite(id, record).await
            }
            (UPSERTS, None) => self.overwrite(id, record).await,
            _ => {
                let updated = self.inner.update(id, version, record).await;
                self.let_others_go_on().await;
                updated
            }
        }
    }

    async fn touch(&self, id: &SessionId, lifetime: Duration) -> Result<bool, StoreError> {
        match FLAW {
            IGNORES_TOUCHES => Ok(self.inner.load(id).await?.is_some()),
            _ => self.inner.touch(id, lifetime).await,
        }
    }

    async fn delete(&self, id: &SessionId) -> Result<Option<Arc<[u8]>>, StoreError> {
        self.inner.delete(id).await
    }

    fn index(&self) -> Option<&dyn SessionIndex> {
        Some(self)
    }

    fn scan(&self) -> Option<&dyn SessionScan> {
        Some(self)
    }
}

impl<const FLAW: u8> SessionIndex for FlawedStore<FLAW> {
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
        if FLAW != REVOKES_ONE_BY_ONE {
            return SessionIndex::revoke(&self.inner, owner, except);
        }
        Box::pin(async move {
            let mut ended = 0;
            for (id, _) in self.list(owner).await? {
                self.let_others_go_on().await;
                ended += usize::from(self.inner.delete(&id).await?.is_some());
            }
            Ok(ended)
        })
    }
}

impl<const FLAW: u8> SessionScan for FlawedStore<FLAW> {
    fn page<'a>(
        &'a self,
        from: Option<&'a Cursor>,
        most: usize,
    ) -> BoxFuture<'a, Result<Page, StoreError>> {
        if FLAW != WALKS_BY_NUMBER {
            return SessionScan::page(&self.inner, from, most);
        }
        Box::pin(async move {
            let mut sessions = SessionScan::page(&self.inner, None, usize::MAX).await?.sessions;
            sessions.sort_by_key(|(id, _)| *id);
            let from = from.map_or(0, |cursor| cursor.0.parse().expect("it is a number"));
            let next = (from + most < sessions.len()).then(|| Cursor((from + most).to_string()));
            let sessions = sessions.into_iter().skip(from).take(most).collect();
            Ok(Page { sessions, next })
        })
    }

    fn total<'a>(&'a self) -> BoxFuture<'a, Result<usize, StoreError>> {
        SessionScan::total(&self.inner)
    }

    fn clear<'a>(&'a self) -> BoxFuture<'a, Result<usize, StoreError>> {
        if FLAW != CLEARS_ONE_BY_ONE {
            return SessionScan::clear(&self.inner);
        }
        Box::pin(async move {
            let mut ended = 0;
            for (id, _) in SessionScan::page(&self.inner, None, usize::MAX).await?.sessions {
                self.let_others_go_on().await;
                ended += usize::from(self.inner.delete(&id).await?.is_some());
            }
            Ok(ended)
        })
    }
}
