use std::ops::Range;
use std::time::{Duration, Instant};

use handstamp::SessionStore;
use handstamp::store::StoreErrorKind;
use handstamp_sqlite::SqliteOptions;

use crate::support::{Folder, failed, id, living, put, record};

const TIMEOUT: Duration = Duration::from_millis(200);

/// The timeout, and what a busy machine adds to it.
const IN_TIME: Range<Duration> = TIMEOUT..Duration::from_secs(4);

#[tokio::test]
async fn reads_do_not_wait_for_a_writer() {
    let folder = Folder::new();
    let store = folder.open();
    put(&store, &id("a"), &record("{}")).await;
    let writer = folder.lock();
    for _ in 0..100 {
        living(&store, &id("a")).await;
    }
    assert_eq!(store.index().unwrap().count("nobody").await.unwrap(), 0);
    drop(writer);
}

#[tokio::test]
async fn a_locked_file_makes_writes_unavailable_in_time_and_works_again_afterwards() {
    let folder = Folder::new();
    let store = SqliteOptions::new().busy_timeout(TIMEOUT).open(folder.database()).unwrap();
    let version = put(&store, &id("secret-id"), &record("secret document")).await;

    let lock = folder.lock();
    let begin = Instant::now();
    let outcome = store.update(&id("secret-id"), version, &record("other secret")).await;
    assert!(IN_TIME.contains(&begin.elapsed()), "{:?}", begin.elapsed());
    let text = failed(outcome, StoreErrorKind::Unavailable);
    assert!(text.contains("sessions.db") && text.contains("locked"), "{text}");
    assert!(!text.contains("secret"), "{text}");
    assert_eq!(*living(&store, &id("secret-id")).await.document, *b"secret document");
    drop(lock);

    store.update(&id("secret-id"), version, &record("other secret")).await.unwrap();
    assert_eq!(*living(&store, &id("secret-id")).await.document, *b"other secret");
}

#[tokio::test]
async fn a_file_that_is_locked_altogether_can_not_be_opened() {
    let folder = Folder::new();
    drop(folder.open());
    let other = folder.connect();
    other.execute_batch("PRAGMA locking_mode = EXCLUSIVE; BEGIN EXCLUSIVE").unwrap();

    let options = SqliteOptions::new().busy_timeout(TIMEOUT);
    let begin = Instant::now();
    let text = failed(options.open(folder.database()), StoreErrorKind::Unavailable);
    assert!(IN_TIME.contains(&begin.elapsed()), "{:?}", begin.elapsed());
    assert!(text.contains("locked"), "{text}");

    drop(other);
    options.open(folder.database()).unwrap();
}
