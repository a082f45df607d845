//! A clock that stands still until a test moves it.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use handstamp::{Clock, Timestamp};

/// A clock that a test sets. Share it in an `Arc` with whatever is to follow it.
#[derive(Debug)]
pub struct ManualClock(AtomicU64);

impl ManualClock {
    /// 2026-11-01T12:00:00Z: far from zero, so that nothing works by mistake.
    const START: u64 = 1_793_534_400_000;

    /// A clock that shows a fixed moment in the year 2026.
    #[must_use]
    pub fn new() -> Self {
        Self(AtomicU64::new(Self::START))
    }

    /// Moves the clock forward.
    pub fn advance(&self, time: Duration) {
        self.set(self.now().after(time));
    }

    /// Sets the clock, also backward.
    pub fn set(&self, now: Timestamp) {
        self.0.store(now.as_millis(), Ordering::SeqCst);
    }
}

impl Clock for ManualClock {
    fn now(&self) -> Timestamp {
        Timestamp::from_millis(self.0.load(Ordering::SeqCst))
    }
}

impl Default for ManualClock {
    fn default() -> Self {
        Self::new()
    }
}
