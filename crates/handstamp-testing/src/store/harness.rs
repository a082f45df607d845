//! What a store brings to be tested: a fresh one, and time that passes.

use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use handstamp::SessionStore;

/// Makes a store for one test and lets time pass for it. What it needs lives as long as it does.
pub trait StoreHarness: Sized + Send + Sync + 'static {
    /// The store to be tested.
    type Store: SessionStore;

    /// The unit in which the tests count lifetimes, at most ten of which pass in any of them.
    ///
    /// Where time is waited for, it should be short, but more than two
    /// [tolerances](Self::TOLERANCE).
    const UNIT: Duration = Duration::from_secs(60);

    /// How far from the truth a remaining lifetime may be, by the store's own rounding and by the
    /// time that a test takes. Zero, if the clock stands still and the store rounds nothing.
    const TOLERANCE: Duration = Duration::from_secs(1);

    /// How often a race is run. A store that is slow may have fewer.
    const ROUNDS: usize = 100;

    /// Makes an empty store that no other test sees.
    fn start() -> impl Future<Output = Self> + Send;

    /// A way to the store: the same one each time or, better where several processes may share the
    /// sessions, another connection to them. The racing tasks ask for one each.
    fn store(&self) -> Arc<Self::Store>;

    /// Lets so much time pass for the store.
    fn pass(&self, time: Duration) -> impl Future<Output = ()> + Send;
}
