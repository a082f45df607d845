//! Runs one test of a suite, so that whoever mounts a suite needs no async runtime of its own.

use std::future::Future;
use std::time::Duration;

use tokio::runtime::Builder;
use tokio::time::timeout;

/// No promise takes this long to keep, not even on a slow server: what does hangs.
const LIMIT: Duration = Duration::from_secs(300);

/// Runs a test on four threads, also where there are fewer processors.
#[doc(hidden)]
pub fn run(test: impl Future<Output = ()>) {
    let runtime = Builder::new_multi_thread().worker_threads(4).enable_all().build().unwrap();
    let finished = runtime.block_on(async { timeout(LIMIT, test).await });
    assert!(finished.is_ok(), "the test hangs: it did not end within {LIMIT:?}");
}
