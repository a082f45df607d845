//! The time: the system's, unless a test has set it.

use std::sync::atomic::{AtomicU64, Ordering};

use handstamp::{Clock, SystemClock, Timestamp};
use napi_derive::napi;

/// What a test has set, for the whole process, worker threads included; [`UNSET`] otherwise.
static SET: AtomicU64 = AtomicU64::new(UNSET);

/// No moment: none of ours is so late.
const UNSET: u64 = u64::MAX;

/// The clock of everything in the addon: engines and stores have to agree.
#[derive(Clone, Copy, Debug)]
pub(crate) struct ProcessClock;

impl Clock for ProcessClock {
    fn now(&self) -> Timestamp {
        match SET.load(Ordering::Relaxed) {
            UNSET => SystemClock.now(),
            millis => Timestamp::from_millis(millis),
        }
    }
}

/// Stops all clocks of the addon at this moment, in milliseconds since 1970; null lets them go again.
///
/// It is for handstamp's own tests, which is why the package's types don't tell of it. JavaScript's
/// `Date` is not touched.
#[napi]
pub fn set_clock(milliseconds: Option<f64>) {
    // What is negative or no number is 1970.
    let millis =
        milliseconds.map_or(UNSET, |millis| Timestamp::from_millis(millis as u64).as_millis());
    SET.store(millis, Ordering::Relaxed);
}
