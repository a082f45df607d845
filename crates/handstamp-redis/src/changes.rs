//! Change events: what the server tells of keys, as changes of sessions.
//!
//! All feeds of a store share one connection to each master.

use std::collections::VecDeque;
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};

use handstamp::store::{BoxFuture, Change, ChangeFeed, SessionChanges, StoreError, StoreErrorKind};
use tokio::sync::Notify;

use crate::connection::{Listener, Signal, Tracker};
use crate::error::{failure, refusal};
use crate::layout::Layout;
use crate::store::RedisStore;

/// How many changes wait for who does not ask for them. With one more, they become [`Change::Any`].
const MOST: usize = 4096;

/// The tracker of a store, as long as somebody needs it.
#[derive(Debug, Default)]
pub(crate) struct Watch(Mutex<Watched>);

#[derive(Debug, Default)]
struct Watched {
    tracker: Weak<Tracker>,
    feeds: Vec<Weak<Queue>>,
}

impl Watch {
    /// The tracker that there is, or a new one.
    pub(crate) fn tracker(&self, begin: impl FnOnce() -> Option<Tracker>) -> Option<Arc<Tracker>> {
        let mut watched = self.watched();
        if let Some(tracker) = watched.tracker.upgrade() {
            return Some(tracker);
        }
        let tracker = Arc::new(begin()?);
        watched.tracker = Arc::downgrade(&tracker);
        Some(tracker)
    }

    fn note(&self, queue: &Arc<Queue>) {
        let mut watched = self.watched();
        watched.feeds.retain(|feed| feed.strong_count() > 0);
        watched.feeds.push(Arc::downgrade(queue));
    }

    fn watched(&self) -> MutexGuard<'_, Watched> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The store is closed, so its feeds end.
impl Drop for Watch {
    fn drop(&mut self) {
        for feed in &self.watched().feeds {
            if let Some(queue) = feed.upgrade() {
                queue.close();
            }
        }
    }
}

/// What one feed has not told yet.
#[derive(Debug)]
struct Queue {
    layout: Layout,
    waiting: Mutex<Waiting>,
    more: Notify,
}

#[derive(Debug, Default)]
struct Waiting {
    changes: VecDeque<Change>,
    closed: bool,
}

impl Queue {
    fn new(layout: Layout) -> Self {
        Self { layout, waiting: Mutex::default(), more: Notify::new() }
    }

    fn push(&self, change: Change) {
        let mut waiting = self.waiting();
        if change == Change::Any || waiting.changes.len() >= MOST {
            waiting.changes.clear();
            waiting.changes.push_back(Change::Any);
        } else {
            waiting.changes.push_back(change);
        }
        drop(waiting);
        self.more.notify_one();
    }

    fn close(&self) {
        self.waiting().closed = true;
        self.more.notify_one();
    }

    fn waiting(&self) -> MutexGuard<'_, Waiting> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Listener for Queue {
    fn hear(&self, signal: &Signal<'_>) {
        match signal {
            Signal::Key(key) => {
                if let Some(id) = self.layout.id(key) {
                    self.push(Change::One(id));
                }
            }
            Signal::All | Signal::Lost | Signal::Watching => self.push(Change::Any),
        }
    }
}

struct Feed {
    queue: Arc<Queue>,
    /// It is kept going by who listens.
    _tracker: Arc<Tracker>,
}

/// Shows nothing of what is told.
impl fmt::Debug for Feed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Feed(..)")
    }
}

impl ChangeFeed for Feed {
    fn next<'a>(&'a mut self) -> BoxFuture<'a, Option<Change>> {
        Box::pin(async {
            loop {
                let (change, closed) = {
                    let mut waiting = self.queue.waiting();
                    (waiting.changes.pop_front(), waiting.closed)
                };
                if change.is_some() || closed {
                    return change;
                }
                self.queue.more.notified().await;
            }
        })
    }
}

impl SessionChanges for RedisStore {
    fn watch<'a>(&'a self) -> BoxFuture<'a, Result<Box<dyn ChangeFeed>, StoreError>> {
        Box::pin(async {
            let inner = &self.0;
            let tracker = inner.tracker().ok_or_else(unwatched)?;
            watched(&tracker).await?;
            let queue = Arc::new(Queue::new(inner.layout.clone()));
            let listener: Arc<dyn Listener> = queue.clone();
            tracker.tell(&listener, |watching| {
                if !watching {
                    queue.push(Change::Any);
                }
            });
            inner.watch.note(&queue);
            Ok(Box::new(Feed { queue, _tracker: tracker }) as Box<dyn ChangeFeed>)
        })
    }
}

/// Waits until every change is told.
pub(crate) async fn watched(tracker: &Tracker) -> Result<(), StoreError> {
    let watching = tracker.watching().await;
    watching.map_err(|error| error.map_or_else(unreachable_yet, |error| failure(&error)))
}

fn unwatched() -> StoreError {
    let advice = "changes are told to stores that connect by themselves, with a URL; this one has got a \
                  connection of the application";
    refusal(StoreErrorKind::Refused, advice)
}

fn unreachable_yet() -> StoreError {
    let advice = "not all servers could be watched in time";
    refusal(StoreErrorKind::Unavailable, advice)
}
