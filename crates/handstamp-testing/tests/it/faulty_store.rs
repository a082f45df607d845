//! The faulty store does what a test has planned, and otherwise nothing that can be seen.

use std::pin::pin;
use std::sync::Arc;
use std::task::{Context, Waker};
use std::time::Duration;

use handstamp::store::{Created, Record, StoreErrorKind};
use handstamp::{MemoryStore, SessionId, SessionStore};
use handstamp_testing::{
    Fault, FaultyStore, Gate, ManualClock, Operation, StoreHarness, store_suite,
};

struct Harness {
    clock: Arc<ManualClock>,
    store: Arc<FaultyStore<MemoryStore>>,
}

impl StoreHarness for Harness {
    type Store = FaultyStore<MemoryStore>;
    const TOLERANCE: Duration = Duration::ZERO;

    async fn start() -> Self {
        let clock = Arc::new(ManualClock::new());
        let inner = MemoryStore::new().with_clock(clock.clone());
        Self { clock, store: Arc::new(FaultyStore::new(inner)) }
    }

    fn store(&self) -> Arc<FaultyStore<MemoryStore>> {
        self.store.clone()
    }

    async fn pass(&self, time: Duration) {
        self.clock.advance(time);
    }
}

store_suite!(Harness);

#[tokio::test]
async fn a_fault_hits_one_operation_until_it_is_mended() {
    let store = FaultyStore::new(MemoryStore::new());
    store.inject(Operation::Load, Fault::Fail(StoreErrorKind::Unavailable));
    for _ in 0..3 {
        assert_eq!(store.load(&id()).await.unwrap_err().kind(), StoreErrorKind::Unavailable);
    }
    assert!(matches!(store.create(&id(), &record()).await.unwrap(), Created::Done(_)));
    store.mend();
    assert!(store.load(&id()).await.unwrap().is_some());
}

#[tokio::test]
async fn a_fault_hits_the_next_calls_only() {
    let store = FaultyStore::new(MemoryStore::new());
    store.inject_next(2, Operation::Create, Fault::Fail(StoreErrorKind::Refused));
    assert!(store.create(&id(), &record()).await.is_err());
    assert!(store.create(&id(), &record()).await.is_err());
    assert!(store.inner().is_empty(), "a call that fails does nothing");
    assert!(store.create(&id(), &record()).await.is_ok());
}

#[tokio::test]
async fn a_lost_answer_is_an_error_after_the_deed() {
    let store = FaultyStore::new(MemoryStore::new());
    store.inject(Operation::Create, Fault::LoseAnswer(StoreErrorKind::Timeout));
    let error = store.create(&id(), &record()).await.unwrap_err();
    assert_eq!(error.kind(), StoreErrorKind::Timeout);
    assert_eq!(store.inner().len(), 1);
}

#[test]
fn a_call_that_hangs_does_not_answer() {
    let store = FaultyStore::new(MemoryStore::new());
    store.inject(Operation::Create, Fault::Hang);
    let (id, record) = (id(), record());
    let call = pin!(store.create(&id, &record));
    assert!(call.poll(&mut Context::from_waker(Waker::noop())).is_pending());
    assert!(store.inner().is_empty());
}

#[tokio::test]
async fn a_call_waits_at_a_gate_before_or_after_the_deed() {
    let store = FaultyStore::new(MemoryStore::new());
    for (fault, done) in [(Fault::WaitBefore as fn(Gate) -> Fault, 0), (Fault::WaitAfter, 1)] {
        let gate = Gate::new();
        store.inject(Operation::Create, fault(gate.clone()));
        let task = tokio::spawn({
            let store = store.clone();
            async move { store.create(&id(), &record()).await.map(drop) }
        });
        gate.arrived().await;
        assert_eq!(store.inner().len(), done);
        gate.open();
        task.await.unwrap().unwrap();
        assert_eq!(store.inner().len(), 1);
        store.delete(&id()).await.unwrap();
    }
}

#[tokio::test]
async fn calls_are_counted_whatever_comes_of_them() {
    let store = FaultyStore::new(MemoryStore::new());
    store.inject(Operation::Load, Fault::Fail(StoreErrorKind::Corrupt));
    let _ = store.load(&id()).await;
    let _ = store.load(&id()).await;
    store.touch(&id(), Duration::ZERO).await.unwrap();
    store.index().unwrap().count("alice").await.unwrap();
    store.scan().unwrap().total().await.unwrap();
    assert_eq!(store.calls(Operation::Load), 2);
    assert_eq!(store.calls(Operation::Touch), 1);
    assert_eq!(store.calls(Operation::Count), 1);
    assert_eq!(store.calls(Operation::Total), 1);
    assert_eq!(store.calls(Operation::Update), 0);
    assert_eq!(store.reset_calls(), 5);
    assert_eq!(store.total_calls(), 0);
}

fn id() -> SessionId {
    SessionId::parse("session").expect("it is an id")
}

fn record() -> Record {
    Record { document: Arc::from(*b"{}"), lifetime: Duration::from_secs(60), owner: None }
}
