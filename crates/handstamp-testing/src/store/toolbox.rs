//! What the tests are written with: a store that is asked briefly, records, races, cut futures.

use std::collections::BTreeSet;
use std::future::{Future, poll_fn};
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::Poll;
use std::time::Duration;

use handstamp::store::{
    Created, Cursor, Page, Record, SessionIndex, SessionScan, Stored, Updated, Version,
};
use handstamp::{SessionId, SessionStore};
use tokio::sync::Barrier;
use tokio::task::yield_now;

use super::StoreHarness;

/// One test: a fresh store and the time that passes for it.
pub(super) struct Trial<H: StoreHarness> {
    harness: H,
    pub(super) store: Caller<H::Store>,
}

impl<H: StoreHarness> Trial<H> {
    /// A lifetime that no test outlives.
    pub(super) const LONG: Duration = H::UNIT.saturating_mul(100);

    pub(super) async fn start() -> Self {
        let harness = H::start().await;
        let store = Caller(harness.store());
        Self { harness, store }
    }

    /// Another caller, for a task of its own.
    pub(super) fn caller(&self) -> Caller<H::Store> {
        Caller(self.harness.store())
    }

    pub(super) async fn pass(&self, time: Duration) {
        self.harness.pass(time).await;
    }

    /// Lets a lifetime pass, and as much more as the store may be wrong about it.
    pub(super) async fn outlive(&self, lifetime: Duration) {
        self.harness.pass(lifetime + H::TOLERANCE).await;
    }

    /// Asserts that a session has so much time left.
    pub(super) fn assert_remaining(&self, stored: &Stored, expected: Duration) {
        let (remaining, tolerance) = (stored.remaining, H::TOLERANCE);
        let wrong_by = remaining.abs_diff(expected);
        assert!(wrong_by <= tolerance, "{remaining:?} are left instead of {expected:?}");
        assert!(!remaining.is_zero(), "what has no time left is missing");
    }

    /// Asserts that a session of its own can be created, updated, touched and deleted.
    pub(super) async fn assert_works(&self) {
        let id = id("a-session-of-its-own");
        let version = self.store.put(&id, &forever::<H>(r#"{"works":1}"#)).await;
        self.store.replace(&id, version, &forever::<H>(r#"{"works":2}"#)).await;
        assert!(self.store.touch(&id, H::UNIT).await);
        assert_text(&self.store.delete(&id).await.unwrap(), r#"{"works":2}"#);
        assert!(self.store.load(&id).await.is_none());
    }
}

/// Calls a store and takes every error for the failure of the test.
pub(super) struct Caller<S>(Arc<S>);

impl<S: SessionStore> Caller<S> {
    /// The store itself, for calls that are not to be finished.
    pub(super) fn raw(&self) -> &S {
        &self.0
    }

    pub(super) async fn load(&self, id: &SessionId) -> Option<Stored> {
        self.0.load(id).await.unwrap()
    }

    /// Loads a session that must be there.
    pub(super) async fn living(&self, id: &SessionId) -> Stored {
        self.load(id).await.expect("the session lives")
    }

    pub(super) async fn create(&self, id: &SessionId, record: &Record) -> Created {
        self.0.create(id, record).await.unwrap()
    }

    /// Creates a session whose id must be free.
    pub(super) async fn put(&self, id: &SessionId, record: &Record) -> Version {
        match self.create(id, record).await {
            Created::Done(version) => version,
            Created::Duplicate => panic!("the id is free, yet create found a duplicate"),
        }
    }

    pub(super) async fn update(
        &self,
        id: &SessionId,
        version: Version,
        record: &Record,
    ) -> Updated {
        self.0.update(id, version, record).await.unwrap()
    }

    /// Updates a session that must still be at this version.
    pub(super) async fn replace(
        &self,
        id: &SessionId,
        version: Version,
        record: &Record,
    ) -> Version {
        match self.update(id, version, record).await {
            Updated::Done(version) => version,
            other => panic!("nobody else has written, yet update said {other:?}"),
        }
    }

    pub(super) async fn touch(&self, id: &SessionId, lifetime: Duration) -> bool {
        self.0.touch(id, lifetime).await.unwrap()
    }

    pub(super) async fn delete(&self, id: &SessionId) -> Option<Arc<[u8]>> {
        self.0.delete(id).await.unwrap()
    }

    pub(super) fn index(&self) -> &dyn SessionIndex {
        self.0.index().expect("a store without an index mounts `store_suite!(…, without index)`")
    }

    pub(super) async fn list(&self, owner: &str) -> Vec<(SessionId, Stored)> {
        self.index().list(owner).await.unwrap()
    }

    /// The ids of an owner's sessions, none of which may be listed twice.
    pub(super) async fn listed(&self, owner: &str) -> BTreeSet<SessionId> {
        distinct(&self.list(owner).await)
    }

    pub(super) async fn count(&self, owner: &str) -> usize {
        self.index().count(owner).await.unwrap()
    }

    pub(super) async fn revoke(&self, owner: &str, except: Option<&SessionId>) -> usize {
        self.index().revoke(owner, except).await.unwrap()
    }

    pub(super) fn scan(&self) -> &dyn SessionScan {
        self.0.scan().expect("a store without a scan mounts `store_suite!(…, without scan)`")
    }

    pub(super) async fn page(&self, from: Option<&Cursor>, most: usize) -> Page {
        self.scan().page(from, most).await.unwrap()
    }

    /// All that a walk in pages of this size meets.
    pub(super) async fn walk(&self, most: usize) -> Vec<(SessionId, Stored)> {
        self.walk_from(None, most).await
    }

    /// All that the rest of a walk meets.
    pub(super) async fn walk_from(
        &self,
        mut from: Option<Cursor>,
        most: usize,
    ) -> Vec<(SessionId, Stored)> {
        let mut met = Vec::new();
        for _ in 0..10_000 {
            let page = self.page(from.as_ref(), most).await;
            met.extend(page.sessions);
            from = page.next;
            if from.is_none() {
                return met;
            }
        }
        panic!("the walk does not end");
    }

    /// The ids that a walk meets, none of which may be met twice.
    pub(super) async fn met(&self, most: usize) -> BTreeSet<SessionId> {
        distinct(&self.walk(most).await)
    }

    pub(super) async fn total(&self) -> usize {
        self.scan().total().await.unwrap()
    }

    pub(super) async fn clear(&self) -> usize {
        self.scan().clear().await.unwrap()
    }
}

fn distinct(sessions: &[(SessionId, Stored)]) -> BTreeSet<SessionId> {
    let ids: BTreeSet<_> = sessions.iter().map(|(id, _)| *id).collect();
    assert_eq!(ids.len(), sessions.len(), "a session is there twice");
    ids
}

pub(super) fn id(text: &str) -> SessionId {
    SessionId::parse(text).expect("the tests use ids that can be")
}

/// The nth id of a test.
pub(super) fn nth_id(n: usize) -> SessionId {
    id(&format!("session-{n}"))
}

pub(super) fn record(document: &str, lifetime: Duration) -> Record {
    Record { document: Arc::from(document.as_bytes()), lifetime, owner: None }
}

/// A record that outlives its test.
pub(super) fn forever<H: StoreHarness>(document: &str) -> Record {
    record(document, Trial::<H>::LONG)
}

pub(super) fn owned(record: Record, owner: &str) -> Record {
    Record { owner: Some(Arc::from(owner)), ..record }
}

/// Compares documents as text, which reads better than bytes when it fails.
#[track_caller]
pub(super) fn assert_text(document: &[u8], expected: &str) {
    assert_eq!(String::from_utf8_lossy(document), expected);
}

/// The document that stands in the way of an update.
#[track_caller]
pub(super) fn conflict(updated: Updated) -> Stored {
    match updated {
        Updated::Conflict(stored) => stored,
        other => panic!("another has written, yet update said {other:?}"),
    }
}

#[track_caller]
pub(super) fn assert_gone(updated: &Updated) {
    assert!(
        matches!(updated, Updated::Gone),
        "there is no such session, yet update said {updated:?}"
    );
}

/// Runs tasks that all start when the last of them is ready, and returns what they returned.
pub(super) async fn race<T, F>(tasks: impl IntoIterator<Item = F>) -> Vec<T>
where
    T: Send + 'static,
    F: Future<Output = T> + Send + 'static,
{
    let tasks: Vec<F> = tasks.into_iter().collect();
    let start = Start::of(tasks.len());
    let running: Vec<_> =
        tasks.into_iter().map(|task| tokio::spawn(start.clone().then(task))).collect();
    let mut results = Vec::new();
    for task in running {
        results.push(task.await.unwrap());
    }
    results
}

/// [`race`] for two tasks of different kinds.
pub(super) async fn race_two<A, B>(
    a: impl Future<Output = A> + Send + 'static,
    b: impl Future<Output = B> + Send + 'static,
) -> (A, B)
where
    A: Send + 'static,
    B: Send + 'static,
{
    let start = Start::of(2);
    let a = tokio::spawn(start.clone().then(a));
    let b = tokio::spawn(start.then(b));
    (a.await.unwrap(), b.await.unwrap())
}

/// Lets tasks go at the same moment.
#[derive(Clone)]
struct Start(Arc<(Barrier, AtomicUsize)>);

impl Start {
    fn of(tasks: usize) -> Self {
        Self(Arc::new((Barrier::new(tasks), AtomicUsize::new(tasks))))
    }

    async fn then<T>(self, task: impl Future<Output = T>) -> T {
        let (barrier, asleep) = &*self.0;
        barrier.wait().await;
        // The barrier wakes one after the other, and the first would be done before the last is up.
        asleep.fetch_sub(1, Ordering::SeqCst);
        while asleep.load(Ordering::SeqCst) > 0 {
            yield_now().await;
        }
        task.await
    }
}

/// Rotates alice's session until the session is ended, a few times at most, and returns its last id.
pub(super) async fn rotate_many_times<H: StoreHarness>(
    store: Caller<H::Store>,
    first: SessionId,
    version: Version,
) -> Option<SessionId> {
    let (mut old, mut version) = (first, version);
    for n in 1..=10 {
        let new = id(&format!("{}{n}", first.as_str()));
        let created =
            store.put(&new, &owned(forever::<H>(&format!(r#"{{"n":{n}}}"#)), "alice")).await;
        let retired = store.update(&old, version, &forever::<H>(r#"{"stub":true}"#)).await;
        (old, version) = (new, created);
        if !matches!(retired, Updated::Done(_)) {
            // The old id was ended, so the rotation takes back what it has made.
            assert_gone(&retired);
            store.delete(&new).await;
            break;
        }
    }
    Some(old)
}

/// Polls a future at most so often, then drops it. `None`: it was dropped unfinished.
pub(super) async fn cut<T>(polls: usize, future: impl Future<Output = T>) -> Option<T> {
    let mut future = pin!(future);
    let mut left = polls;
    poll_fn(|context| {
        if left == 0 {
            return Poll::Ready(None);
        }
        left -= 1;
        match future.as_mut().poll(context) {
            Poll::Ready(output) => Poll::Ready(Some(output)),
            Poll::Pending if left == 0 => Poll::Ready(None),
            Poll::Pending => Poll::Pending,
        }
    })
    .await
}
