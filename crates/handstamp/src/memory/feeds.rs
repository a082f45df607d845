//! Who watches a memory store, and what each of them has not heard yet.

use std::collections::VecDeque;
use std::fmt;
use std::future::poll_fn;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Poll, Waker};

use crate::SessionId;
use crate::store::{BoxFuture, Change, ChangeFeed};

/// Somebody who does not listen is told that it may be any session, when he has missed so many.
const MOST: usize = 10_000;

/// All who watch a store.
#[derive(Default)]
pub(super) struct Feeds {
    /// How many they are. Most stores have none, and then a write is told to nobody.
    count: AtomicUsize,
    feeds: Mutex<Vec<Arc<Mutex<Unheard>>>>,
}

impl Feeds {
    pub(super) fn watch(self: &Arc<Self>) -> Feed {
        let unheard = Arc::default();
        lock(&self.feeds).push(Arc::clone(&unheard));
        self.count.fetch_add(1, Ordering::SeqCst);
        Feed { feeds: Arc::clone(self), unheard }
    }

    pub(super) fn tell(&self, id: &SessionId) {
        self.tell_all(|| Change::One(*id));
    }

    pub(super) fn tell_any(&self) {
        self.tell_all(|| Change::Any);
    }

    fn tell_all(&self, change: impl Fn() -> Change) {
        if self.count.load(Ordering::SeqCst) == 0 {
            return;
        }
        for unheard in &*lock(&self.feeds) {
            let waker = lock(unheard).add(change());
            if let Some(waker) = waker {
                waker.wake();
            }
        }
    }
}

/// What one of them has not heard yet.
#[derive(Default)]
struct Unheard {
    changes: VecDeque<Change>,
    waker: Option<Waker>,
}

impl Unheard {
    fn add(&mut self, change: Change) -> Option<Waker> {
        if self.changes.len() == MOST {
            self.changes.clear();
            self.changes.push_back(Change::Any);
        } else {
            self.changes.push_back(change);
        }
        self.waker.take()
    }
}

/// One who watches.
pub(super) struct Feed {
    feeds: Arc<Feeds>,
    unheard: Arc<Mutex<Unheard>>,
}

impl ChangeFeed for Feed {
    fn next<'a>(&'a mut self) -> BoxFuture<'a, Option<Change>> {
        Box::pin(poll_fn(|context| {
            let mut unheard = lock(&self.unheard);
            if let Some(change) = unheard.changes.pop_front() {
                return Poll::Ready(Some(change));
            }
            unheard.waker = Some(context.waker().clone());
            Poll::Pending
        }))
    }
}

impl Drop for Feed {
    fn drop(&mut self) {
        lock(&self.feeds.feeds).retain(|unheard| !Arc::ptr_eq(unheard, &self.unheard));
        self.feeds.count.fetch_sub(1, Ordering::SeqCst);
    }
}

impl fmt::Debug for Feed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Feed(of a memory store)")
    }
}

/// Nothing that is done while one of these locks is held can leave something half done.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
