//! Sessions that were read lately, in this process's memory.
//!
//! # Why it never tells what has been overtaken
//! - **A fill can't overtake a change.** Before a load is sent, a placeholder is put down. A change that is told
//!   takes it away, and a load whose placeholder is gone keeps nothing. So if the server answered the load
//!   before the change, then either the change is told first and nothing is kept, or it is told afterwards and
//!   takes away what was kept.
//! - **What we change ourselves** is taken away before the change is answered, also if nobody waits for it.
//! - **When changes may be missed**, all is dropped, placeholders included, and nothing is kept until they are
//!   told again.
//! - **Whatever happens**, nothing is told that is older than the staleness, counted from before the load was
//!   sent, on a clock that nobody sets. So the bound needs no connection, and no sign that one is lost.

mod cache;

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use handstamp::SessionId;
use handstamp::store::Stored;

use cache::Cache;
pub(crate) use cache::Token;

use crate::connection::{Listener, Signal};
use crate::layout::Layout;

/// The settings of the near cache: see [`RedisOptions::near_cache`](crate::RedisOptions::near_cache).
#[derive(Clone, Debug)]
pub struct NearCache {
    pub(crate) bytes: usize,
    pub(crate) sessions: usize,
    pub(crate) staleness: Duration,
}

impl NearCache {
    /// The default settings.
    #[must_use]
    pub fn new() -> Self {
        Self { bytes: 64 << 20, sessions: 10_000, staleness: Duration::from_secs(5) }
    }

    /// How much memory it takes, in bytes. 64 MiB unless set.
    #[must_use]
    pub fn bytes(mut self, bytes: usize) -> Self {
        self.bytes = bytes;
        self
    }

    /// How many sessions it holds. 10,000 unless set.
    #[must_use]
    pub fn sessions(mut self, sessions: usize) -> Self {
        self.sessions = sessions;
        self
    }

    /// How old an answer may be, at the most. 5 s unless set.
    ///
    /// What another process changes takes effect here within milliseconds, as soon as the server tells. This
    /// is the limit for when it can't: a connection that was cut and looks alive. A sign-out elsewhere is
    /// certain to hold here after this time.
    #[must_use]
    pub fn staleness(mut self, staleness: Duration) -> Self {
        self.staleness = staleness;
        self
    }
}

impl Default for NearCache {
    fn default() -> Self {
        Self::new()
    }
}

/// See the [module docs](self).
#[derive(Debug)]
pub(crate) struct Near {
    layout: Layout,
    cache: Mutex<Cache>,
}

/// What a look into the cache has found.
#[derive(Debug)]
pub(crate) enum Found {
    Session(Stored),
    /// Nothing. What is loaded now may be kept.
    Nothing(Loading),
    /// Nothing, and nothing may be kept.
    Off,
}

/// A load that is under way, since then.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Loading {
    token: Token,
    sent: Instant,
}

impl Near {
    pub(crate) fn new(settings: NearCache, layout: Layout) -> Self {
        Self { layout, cache: Mutex::new(Cache::new(settings)) }
    }

    /// Looks for a session, and puts a placeholder down if it is not there.
    pub(crate) fn look(&self, id: &SessionId) -> Found {
        let now = Instant::now();
        let mut cache = self.cache();
        match cache.look(id, now) {
            Some(stored) => Found::Session(stored),
            None => cache
                .expect(id)
                .map_or(Found::Off, |token| Found::Nothing(Loading { token, sent: now })),
        }
    }

    /// Keeps what was loaded, if its placeholder is still there.
    pub(crate) fn fill(&self, id: &SessionId, loading: Loading, stored: Option<&Stored>) {
        self.cache().fill(id, loading.token, loading.sent, stored);
    }

    /// Takes a session away, now and when this is dropped: for as long as a change of it is under way.
    pub(crate) fn changing(self: &Arc<Self>, id: &SessionId) -> Changing {
        self.forget(id);
        Changing { near: self.clone(), id: *id }
    }

    pub(crate) fn forget(&self, id: &SessionId) {
        self.cache().forget(id);
    }

    /// Whether every change is told from now on.
    pub(crate) fn keep(&self, keeps: bool) {
        self.cache().keep(keeps);
    }

    /// Takes all away.
    pub(crate) fn forget_all(&self) {
        self.cache().forget_all();
    }

    /// Whoever panicked has left the cache whole: it is changed in steps that can't fail.
    fn cache(&self) -> MutexGuard<'_, Cache> {
        self.cache.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Listener for Near {
    fn hear(&self, signal: &Signal<'_>) {
        match signal {
            Signal::All => self.forget_all(),
            Signal::Key(key) => {
                if let Some(id) = self.layout.id(key) {
                    self.forget(&id);
                }
            }
            Signal::Lost => self.keep(false),
            Signal::Watching => self.keep(true),
        }
    }
}

/// A change that is under way.
#[derive(Debug)]
pub(crate) struct Changing {
    near: Arc<Near>,
    id: SessionId,
}

impl Drop for Changing {
    fn drop(&mut self) {
        self.near.forget(&self.id);
    }
}
