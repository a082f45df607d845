//! The load finds what it is there to find, and nothing where nothing is wrong.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use handstamp::store::{Created, Record, StoreError, StoreErrorKind, Stored, Updated, Version};
use handstamp::{MemoryStore, SessionId, SessionStore};
use handstamp_sqlite::SqliteStore;
use handstamp_testing::{Fault, FaultyStore, Operation};
use tempfile::tempdir;

use crate::load::{Finding, Load, Loss, Report, manager};

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn nothing_in_a_sound_store() {
    let store = MemoryStore::new();
    let load = Load::start(vec![manager(store.clone()), manager(store)], 1).await;
    load.end().await.assert_whole("memory");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn nothing_in_a_file_that_two_processes_share() {
    let folder = tempdir().unwrap();
    let open = || manager(SqliteStore::open(folder.path().join("sessions.db")).unwrap());
    let load = Load::start(vec![open(), open()], 2).await;
    load.end().await.assert_whole("SQLite");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn nothing_when_answers_are_lost() {
    for fault in [
        Fault::Fail(StoreErrorKind::Unavailable),
        Fault::Hang,
        Fault::LoseAnswer(StoreErrorKind::Timeout),
    ] {
        let store = FaultyStore::new(MemoryStore::new());
        let mut load = Load::start(vec![manager(store.clone()), manager(store.clone())], 3).await;
        load.begin_fault(Loss::Nothing);
        for operation in
            [Operation::Create, Operation::Update, Operation::Delete, Operation::Revoke]
        {
            store.inject(operation, fault.clone());
        }
        load.suffer().await;
        store.mend();
        load.heal().await;
        load.end().await.assert_whole(&format!("{fault:?}"));
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn updates_that_are_lost() {
    assert_finds(Finding::LostUpdate, Flaw::Overwrites).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn updates_that_are_done_twice() {
    assert_finds(Finding::WrongAnswer, Flaw::WritesTwice).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn sessions_that_come_back() {
    assert_finds(Finding::Resurrection, Flaw::NeverEnds).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn sessions_of_others() {
    assert_finds(Finding::WrongAnswer, Flaw::MixesUp).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn sessions_that_go() {
    assert_finds(Finding::LostSession, Flaw::Forgets).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn errors_for_which_there_is_no_reason() {
    assert_finds(Finding::ErrorInPeace, Flaw::Refuses).await;
    assert_finds(Finding::StrangeError, Flaw::Damages).await;
}

async fn assert_finds(finding: Finding, flaw: Flaw) {
    let flawed = Flawed { inner: MemoryStore::new(), flaw, loads: Arc::default() };
    let load = Load::start(vec![manager(flawed.clone()), manager(flawed)], 4).await;
    let report: Report = load.end().await;
    assert!(report.count(finding) > 0, "{flaw:?} was not found to be {finding:?}: {report:?}");
}

/// What is wrong with a store.
#[derive(Clone, Copy, Debug)]
enum Flaw {
    /// A session can't be read, now and then.
    Damages,
    /// A session is missing, now and then.
    Forgets,
    /// Loads give another session, now and then.
    MixesUp,
    /// An ending is answered and not done.
    NeverEnds,
    /// An update replaces whatever stands there.
    Overwrites,
    /// A call fails, now and then.
    Refuses,
    /// An update is sent again, as by a driver that has lost the answer to the first.
    WritesTwice,
}

#[derive(Clone, Debug)]
struct Flawed {
    inner: MemoryStore,
    flaw: Flaw,
    loads: Arc<AtomicUsize>,
}

impl SessionStore for Flawed {
    async fn load(&self, id: &SessionId) -> Result<Option<Stored>, StoreError> {
        let now_and_then = self.loads.fetch_add(1, Ordering::Relaxed) % 7 == 6;
        match self.flaw {
            Flaw::Damages if now_and_then => Err(error(StoreErrorKind::Corrupt)),
            Flaw::Refuses if now_and_then => Err(error(StoreErrorKind::Unavailable)),
            Flaw::Forgets if now_and_then => Ok(None),
            Flaw::MixesUp => {
                let page = self.inner.scan().unwrap().page(None, 1).await?;
                Ok(page.sessions.into_iter().next().map(|(_, stored)| stored))
            }
            _ => self.inner.load(id).await,
        }
    }

    async fn create(&self, id: &SessionId, record: &Record) -> Result<Created, StoreError> {
        self.inner.create(id, record).await
    }

    async fn update(
        &self,
        id: &SessionId,
        version: Version,
        record: &Record,
    ) -> Result<Updated, StoreError> {
        // Others get their turn, as they do when there is a network.
        tokio::task::yield_now().await;
        match self.flaw {
            Flaw::NeverEnds if record.lifetime.is_zero() => Ok(Updated::Done(version)),
            Flaw::Overwrites => match self.inner.load(id).await? {
                Some(stored) => self.inner.update(id, stored.version, record).await,
                None => Ok(Updated::Gone),
            },
            Flaw::WritesTwice => {
                let _ = self.inner.update(id, version, record).await?;
                self.inner.update(id, version, record).await
            }
            _ => self.inner.update(id, version, record).await,
        }
    }

    async fn touch(&self, id: &SessionId, lifetime: Duration) -> Result<bool, StoreError> {
        self.inner.touch(id, lifetime).await
    }

    async fn delete(&self, id: &SessionId) -> Result<Option<Arc<[u8]>>, StoreError> {
        self.inner.delete(id).await
    }

    fn index(&self) -> Option<&dyn handstamp::store::SessionIndex> {
        self.inner.index()
    }
}

fn error(kind: StoreErrorKind) -> StoreError {
    StoreError::new(kind, "a flaw")
}
