//! The load finds what it is there to find, and nothing where nothing is wrong.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use handstamp::store::{Created, Record, StoreError, StoreErrorKind, Stored, Updated, Version};
use handstamp::{MemoryStore, SessionId, SessionStore};
use handstamp_sqlite::SqliteStore;
use handstamp_testing::{Fault, FaultyStore, Operation};
use tempfile::tempdir;
use tokio::time::sleep;

use crate::load::{DEADLINE, Finding, Load, Loss, Report, manager, patient_manager};

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
        load.begin_fault();
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

/// A killed master excuses the loss of what it has answered, and of nothing that somebody else answers
/// before all is well again.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn what_is_lost_after_a_master_was_killed() {
    for (finding, flaw) in [
        (Finding::LostSession, Flaw::Forgets),
        (Finding::LostUpdate, Flaw::Drops),
        (Finding::Resurrection, Flaw::NeverEnds),
    ] {
        let flawed = Flawed::new(flaw);
        flawed.mend();
        let managers = vec![manager(flawed.clone()), manager(flawed.clone())];
        let mut load = Load::start(managers, 5).await;
        load.strike(Loss::Recent(ALWAYS), || {});
        flawed.begin();
        load.work().await;
        flawed.mend();
        load.heal().await;
        assert_found(finding, flaw, &load.end().await);
    }
}

/// It excuses the loss of nothing that other masters have answered, either. What it has answered itself is
/// counted apart.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn what_is_lost_with_a_master_that_had_it_not() {
    let had = lose_with_a_master(|_| true).await;
    had.assert_clean("lost with a master");
    assert!(had.lost_with_server > 0, "{had}");
    let had_not = lose_with_a_master(|_| false).await;
    assert_found(Finding::LostUpdate, Flaw::Drops, &had_not);
}

/// Some updates are lost before a blow is over.
async fn lose_with_a_master(had: fn(&str) -> bool) -> Report {
    let flawed = Flawed::new(Flaw::Drops);
    flawed.mend();
    let managers = vec![manager(flawed.clone()), manager(flawed.clone())];
    let mut load = Load::start(managers, 8).await;
    load.strike_part(Loss::Recent(ALWAYS), had, || {
        flawed.begin();
        flawed.wait_for_drops();
        flawed.mend();
    });
    load.heal().await;
    load.end().await
}

/// The load waits longer than the longest call may take, and finds it because it took so long.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn calls_that_hang() {
    let flawed = Flawed::new(Flaw::Hangs);
    let manager = || patient_manager(flawed.clone(), 4 * HANGING);
    let load = Load::start(vec![manager(), manager()], 6).await;
    assert_found(Finding::HungCall, Flaw::Hangs, &load.end().await);
}

/// Service is back when all processes have it, not when the first has.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_process_that_is_served_late() {
    const LATE: Duration = Duration::from_millis(300);
    let store = MemoryStore::new();
    let cut_off = FaultyStore::new(store.clone());
    let mut load = Load::start(vec![manager(store), manager(cut_off.clone())], 7).await;
    load.begin_fault();
    for operation in [Operation::Load, Operation::Update] {
        cut_off.inject(operation, Fault::Fail(StoreErrorKind::Unavailable));
    }
    load.work().await;
    tokio::join!(load.heal(), async {
        sleep(LATE).await;
        cut_off.mend();
    });
    let report = load.end().await;
    report.assert_whole("a process that is served late");
    assert!(report.recoveries[0].back >= LATE, "{report}");
}

async fn assert_finds(finding: Finding, flaw: Flaw) {
    let flawed = Flawed::new(flaw);
    let load = Load::start(vec![manager(flawed.clone()), manager(flawed)], 4).await;
    assert_found(finding, flaw, &load.end().await);
}

fn assert_found(finding: Finding, flaw: Flaw, report: &Report) {
    assert!(report.count(finding) > 0, "{flaw:?} was not found to be {finding:?}: {report:?}");
}

/// Since before the load began.
const ALWAYS: Duration = Duration::from_secs(3600);

/// How long visitors may take to do a few things. They need milliseconds.
const PATIENCE: Duration = Duration::from_secs(60);

/// Longer than the steps of a request may take together.
const HANGING: Duration = DEADLINE.saturating_mul(2).saturating_add(Duration::from_millis(1200));

/// What is wrong with a store.
#[derive(Clone, Copy, Debug)]
enum Flaw {
    /// A session can't be read, now and then.
    Damages,
    /// An update is answered and not done, as by a master whose replica takes over.
    Drops,
    /// A session is missing, now and then.
    Forgets,
    /// A call is answered much too late, once.
    Hangs,
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
    is_mended: Arc<AtomicBool>,
    loads: Arc<AtomicUsize>,
    drops: Arc<AtomicUsize>,
}

impl Flawed {
    fn new(flaw: Flaw) -> Self {
        let inner = MemoryStore::new();
        Self {
            inner,
            flaw,
            is_mended: Arc::default(),
            loads: Arc::default(),
            drops: Arc::default(),
        }
    }

    /// From now on it is flawed.
    fn begin(&self) {
        self.is_mended.store(false, Ordering::SeqCst);
    }

    /// From now on it is sound.
    fn mend(&self) {
        self.is_mended.store(true, Ordering::SeqCst);
    }

    /// Waits until it has dropped a few updates.
    fn wait_for_drops(&self) {
        let start = Instant::now();
        while self.drops.load(Ordering::SeqCst) < 50 {
            assert!(start.elapsed() < PATIENCE, "nobody updates anything");
            thread::sleep(Duration::from_millis(1));
        }
    }

    fn flaw(&self) -> Option<Flaw> {
        (!self.is_mended.load(Ordering::SeqCst)).then_some(self.flaw)
    }
}

impl SessionStore for Flawed {
    async fn load(&self, id: &SessionId) -> Result<Option<Stored>, StoreError> {
        let number = self.loads.fetch_add(1, Ordering::Relaxed);
        let now_and_then = number % 7 == 6;
        match self.flaw() {
            Some(Flaw::Damages) if now_and_then => Err(error(StoreErrorKind::Corrupt)),
            Some(Flaw::Refuses) if now_and_then => Err(error(StoreErrorKind::Unavailable)),
            Some(Flaw::Forgets) if now_and_then => Ok(None),
            Some(Flaw::Hangs) if number == 100 => {
                sleep(HANGING).await;
                self.inner.load(id).await
            }
            Some(Flaw::MixesUp) => {
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
        match self.flaw() {
            Some(Flaw::Drops) => {
                self.drops.fetch_add(1, Ordering::SeqCst);
                Ok(Updated::Done(version))
            }
            Some(Flaw::NeverEnds) if record.lifetime.is_zero() => Ok(Updated::Done(version)),
            Some(Flaw::Overwrites) => match self.inner.load(id).await? {
                Some(stored) => self.inner.update(id, stored.version, record).await,
                None => Ok(Updated::Gone),
            },
            Some(Flaw::WritesTwice) => {
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
