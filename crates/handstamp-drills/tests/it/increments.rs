//! A hundred increments at once end at a hundred, on every store, by two processes, too.

use std::env;
use std::env::consts::EXE_SUFFIX;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use tempfile::tempdir;
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};
use tokio::process::{Child, Command};
use tokio::time::{sleep, timeout};

use crate::counting::{GO, READY, REQUESTS, begin, count, increment, manager};
use crate::places::{Place, in_every_place};
use crate::store::open;

in_every_place!(a_hundred_at_once_end_at_a_hundred);
in_every_place!(a_hundred_by_two_processes_end_at_a_hundred);

/// How long another process may take for a step. It takes a second, so what takes this long never comes.
const PATIENCE: Duration = Duration::from_secs(60);

/// By two managers with connections of their own, with a handler that answers at once and with a slow one.
async fn a_hundred_at_once_end_at_a_hundred(place: Place) {
    let folder = tempdir().unwrap();
    let url = place.url(folder.path());
    let space = format!("at_once_{place:?}").to_lowercase();
    let managers = [manager(open(&url, &space).await), manager(open(&url, &space).await)];
    for handler in [Duration::ZERO, Duration::from_millis(10)] {
        let cookie = begin(&managers[0]).await;
        increment(&managers, &cookie, sleep(handler)).await;
        assert_eq!(count_anew(&url, &space, &cookie).await, Some(2 * REQUESTS), "{handler:?}");
    }
}

/// All requests of both have looked the session up before one of them saves it.
async fn a_hundred_by_two_processes_end_at_a_hundred(place: Place) {
    let folder = tempdir().unwrap();
    let url = place.url(folder.path());
    let space = format!("processes_{place:?}").to_lowercase();
    let cookie = begin(&manager(open(&url, &space).await)).await;
    let start = || {
        let mut command = Command::new(child());
        command.args([&url, &space, &cookie]).stdin(Stdio::piped()).stdout(Stdio::piped());
        command.kill_on_drop(true).spawn().unwrap()
    };
    let mut children = [start(), start()];
    for child in &mut children {
        assert_eq!(said(child).await, READY);
    }
    for child in &mut children {
        child.stdin.as_mut().unwrap().write_all(GO.as_bytes()).await.unwrap();
    }
    for child in &mut children {
        let ended = timeout(PATIENCE, child.wait()).await.expect("it ends");
        assert!(ended.unwrap().success());
    }
    assert_eq!(count_anew(&url, &space, &cookie).await, Some(2 * REQUESTS));
}

/// What somebody sees who has just come: a near cache may not have been told of the last increments.
async fn count_anew(url: &str, space: &str, cookie: &str) -> Option<usize> {
    count(&manager(open(url, space).await), cookie).await
}

/// The next line that a process says.
async fn said(child: &mut Child) -> String {
    let mut line = String::new();
    let mut output = BufReader::new(child.stdout.as_mut().unwrap());
    timeout(PATIENCE, output.read_line(&mut line)).await.expect("it says something").unwrap();
    line
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
