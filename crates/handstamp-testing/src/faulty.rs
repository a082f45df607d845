//! A store that breaks on command and counts how often it is asked.

use std::collections::HashMap;
use std::future::{Future, pending};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use handstamp::store::{
    BoxFuture, Created, Cursor, Page, Record, SessionChanges, SessionIndex, SessionScan,
    StoreError, StoreErrorKind, Stored, Updated, Version,
};
use handstamp::{SessionId, SessionStore};

use crate::Gate;

/// Wraps a store, to fail, hang or wait where a test says so. Clones share faults and counts. Feeds of
/// changes are the inner store's own.
///
/// ```
/// use handstamp::MemoryStore;
/// use handstamp::store::StoreErrorKind;
/// use handstamp_testing::{Fault, FaultyStore, Operation};
///
/// let store = FaultyStore::new(MemoryStore::new());
/// store.inject(Operation::Load, Fault::Fail(StoreErrorKind::Unavailable));
/// // … a request comes and is answered with 503 …
/// assert_eq!(store.calls(Operation::Update), 0);
/// store.mend();
/// ```
#[derive(Clone, Debug)]
pub struct FaultyStore<S> {
    inner: S,
    state: Arc<Mutex<State>>,
}

/// What can be asked of a store, of its index and of its scan.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Operation {
    /// [`SessionScan::clear`]
    Clear,
    /// [`SessionIndex::count`]
    Count,
    /// [`SessionStore::create`]
    Create,
    /// [`SessionStore::delete`]
    Delete,
    /// [`SessionIndex::list`]
    List,
    /// [`SessionStore::load`]
    Load,
    /// [`SessionScan::page`]
    Page,
    /// [`SessionIndex::revoke`]
    Revoke,
    /// [`SessionScan::total`]
    Total,
    /// [`SessionStore::touch`]
    Touch,
    /// [`SessionStore::update`]
    Update,
}

/// What goes wrong with a call.
#[derive(Clone, Debug)]
pub enum Fault {
    /// It fails, and nothing has happened.
    Fail(StoreErrorKind),
    /// It never answers, and nothing has happened.
    Hang,
    /// It happens, then its answer is lost on the way and an error comes instead.
    LoseAnswer(StoreErrorKind),
    /// It waits at the gate before it happens.
    WaitBefore(Gate),
    /// It happens, then its answer waits at the gate.
    WaitAfter(Gate),
}

#[derive(Debug, Default)]
struct State {
    calls: HashMap<Operation, usize>,
    faults: HashMap<Operation, Planned>,
}

/// A fault and how many more calls it hits; `None`: all.
#[derive(Debug)]
struct Planned {
    fault: Fault,
    left: Option<usize>,
}

impl<S> FaultyStore<S> {
    /// Wraps a store. Nothing goes wrong yet.
    pub fn new(inner: S) -> Self {
        Self { inner, state: Arc::default() }
    }

    /// The store inside, which never fails and does not count.
    pub fn inner(&self) -> &S {
        &self.inner
    }

    /// Makes all calls of this kind go wrong, until [`mend`](Self::mend).
    pub fn inject(&self, operation: Operation, fault: Fault) {
        self.plan(operation, fault, None);
    }

    /// Makes the next so many calls of this kind go wrong.
    pub fn inject_next(&self, calls: usize, operation: Operation, fault: Fault) {
        self.plan(operation, fault, Some(calls));
    }

    /// Takes all faults away. What waits at a gate goes on waiting there.
    pub fn mend(&self) {
        self.state().faults.clear();
    }

    /// How often this was asked, whatever came of it.
    #[must_use]
    pub fn calls(&self, operation: Operation) -> usize {
        self.state().calls.get(&operation).copied().unwrap_or(0)
    }

    /// How often anything was asked: the number of round trips.
    #[must_use]
    pub fn total_calls(&self) -> usize {
        self.state().calls.values().sum()
    }

    /// Starts to count anew and returns how often anything was asked until now.
    pub fn reset_calls(&self) -> usize {
        let total = self.total_calls();
        self.state().calls.clear();
        total
    }

    fn plan(&self, operation: Operation, fault: Fault, left: Option<usize>) {
        self.state().faults.insert(operation, Planned { fault, left });
    }

    /// Counts a call and does with it what was planned.
    async fn call<T>(
        &self,
        operation: Operation,
        happen: impl Future<Output = Result<T, StoreError>>,
    ) -> Result<T, StoreError> {
        let fault = self.state().meet(operation);
        match fault {
            None => happen.await,
            Some(Fault::Fail(kind)) => Err(injected(kind)),
            Some(Fault::Hang) => pending().await,
            Some(Fault::LoseAnswer(kind)) => {
                drop(happen.await);
                Err(injected(kind))
            }
            Some(Fault::WaitBefore(gate)) => {
                gate.pass().await;
                happen.await
            }
            Some(Fault::WaitAfter(gate)) => {
                let answer = happen.await;
                gate.pass().await;
                answer
            }
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<S: SessionStore> SessionStore for FaultyStore<S> {
    async fn load(&self, id: &SessionId) -> Result<Option<Stored>, StoreError> {
        self.call(Operation::Load, self.inner.load(id)).await
    }

    async fn create(&self, id: &SessionId, record: &Record) -> Result<Created, StoreError> {
        self.call(Operation::Create, self.inner.create(id, record)).await
    }

    async fn update(
        &self,
        id: &SessionId,
        version: Version,
        record: &Record,
    ) -> Result<Updated, StoreError> {
        self.call(Operation::Update, self.inner.update(id, version, record)).await
    }

    async fn touch(&self, id: &SessionId, lifetime: Duration) -> Result<bool, StoreError> {
        self.call(Operation::Touch, self.inner.touch(id, lifetime)).await
    }

    async fn delete(&self, id: &SessionId) -> Result<Option<Arc<[u8]>>, StoreError> {
        self.call(Operation::Delete, self.inner.delete(id)).await
    }

    fn index(&self) -> Option<&dyn SessionIndex> {
        self.inner.index().map(|_| self as &dyn SessionIndex)
    }

    fn scan(&self) -> Option<&dyn SessionScan> {
        self.inner.scan().map(|_| self as &dyn SessionScan)
    }

    fn changes(&self) -> Option<&dyn SessionChanges> {
        self.inner.changes()
    }
}

impl<S: SessionStore> SessionIndex for FaultyStore<S> {
    fn list<'a>(
        &'a self,
        owner: &'a str,
    ) -> BoxFuture<'a, Result<Vec<(SessionId, Stored)>, StoreError>> {
        Box::pin(self.call(Operation::List, self.inner_index().list(owner)))
    }

    fn count<'a>(&'a self, owner: &'a str) -> BoxFuture<'a, Result<usize, StoreError>> {
        Box::pin(self.call(Operation::Count, self.inner_index().count(owner)))
    }

    fn revoke<'a>(
        &'a self,
        owner: &'a str,
        except: Option<&'a SessionId>,
    ) -> BoxFuture<'a, Result<usize, StoreError>> {
        Box::pin(self.call(Operation::Revoke, self.inner_index().revoke(owner, except)))
    }
}

impl<S: SessionStore> SessionScan for FaultyStore<S> {
    fn page<'a>(
        &'a self,
        from: Option<&'a Cursor>,
        most: usize,
    ) -> BoxFuture<'a, Result<Page, StoreError>> {
        Box::pin(self.call(Operation::Page, self.inner_scan().page(from, most)))
    }

    fn total<'a>(&'a self) -> BoxFuture<'a, Result<usize, StoreError>> {
        Box::pin(self.call(Operation::Total, self.inner_scan().total()))
    }

    fn clear<'a>(&'a self) -> BoxFuture<'a, Result<usize, StoreError>> {
        Box::pin(self.call(Operation::Clear, self.inner_scan().clear()))
    }
}

impl<S: SessionStore> FaultyStore<S> {
    fn inner_index(&self) -> &dyn SessionIndex {
        self.inner.index().expect("the store inside has an index, or this one would show none")
    }

    fn inner_scan(&self) -> &dyn SessionScan {
        self.inner.scan().expect("the store inside has a scan, or this one would show none")
    }
}

impl State {
    fn meet(&mut self, operation: Operation) -> Option<Fault> {
        *self.calls.entry(operation).or_default() += 1;
        let planned = self.faults.get_mut(&operation)?;
        match &mut planned.left {
            None => {}
            Some(0) => return None,
            Some(left) => *left -= 1,
        }
        Some(planned.fault.clone())
    }
}

fn injected(kind: StoreErrorKind) -> StoreError {
    StoreError::new(kind, "a test has made this call fail")
}
