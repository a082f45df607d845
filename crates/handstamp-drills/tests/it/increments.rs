//! A hundred increments at once end at a hundred, on every store, by two processes, too.

use std::env;
use std::env::consts::EXE_SUFFIX;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

use tempfile::tempdir;
use tokio::task::block_in_place;

use crate::counting::{REQUESTS, begin, count, increment, manager};
use crate::places::{Place, in_every_place};
use crate::store::open;

in_every_place!(a_hundred_at_once_end_at_a_hundred);
in_every_place!(a_hundred_by_two_processes_end_at_a_hundred);

/// By two managers with connections of their own, with a handler that answers at once and with a slow one.
async fn a_hundred_at_once_end_at_a_hundred(place: Place) {
    let folder = tempdir().unwrap();
    let url = place.url(folder.path());
    let space = format!("at_once_{place:?}").to_lowercase();
    let managers = [manager(open(&url, &space).await), manager(open(&url, &space).await)];
    for handler in [Duration::ZERO, Duration::from_millis(10)] {
        let cookie = begin(&managers[0]).await;
        increment(&managers, &cookie, handler).await;
        assert_eq!(count(&managers[0], &cookie).await, Some(2 * REQUESTS), "{handler:?}");
    }
}

async fn a_hundred_by_two_processes_end_at_a_hundred(place: Place) {
    let folder = tempdir().unwrap();
    let url = place.url(folder.path());
    let space = format!("processes_{place:?}").to_lowercase();
    let manager = manager(open(&url, &space).await);
    let cookie = begin(&manager).await;
    let start = || {
        let mut command = Command::new(child());
        command.args([&url, &space, &cookie]).stdin(Stdio::null()).spawn().unwrap()
    };
    block_in_place(|| {
        let children = [start(), start()];
        for mut child in children {
            assert!(child.wait().unwrap().success());
        }
    });
    assert_eq!(count(&manager, &cookie).await, Some(2 * REQUESTS));
}

/// The program of another process. Cargo puts it near the tests' own.
fn child() -> PathBuf {
    let own = env::current_exe().unwrap();
    let folder = own.parent().and_then(Path::parent).unwrap().join("examples");
    let child = folder.join(format!("increments{EXE_SUFFIX}"));
    assert!(
        child.exists(),
        "{} is missing: `cargo test` builds it, but not when it is told to build one test only",
        child.display()
    );
    child
}
