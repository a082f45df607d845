use std::sync::Arc;
use std::time::Duration;

use handstamp::SessionStore;
use handstamp_sqlite::{SqliteOptions, Synchronous};
use handstamp_testing::ManualClock;
use tokio::task::JoinSet;

use crate::support::{Folder, id, living, put, record, until};

#[tokio::test]
async fn expired_sessions_leave_the_file_in_small_batches_without_a_call() {
    let folder = Folder::new();
    let clock = Arc::new(ManualClock::new());
    let options = SqliteOptions::new()
        .synchronous(Synchronous::Normal)
        .clock(clock.clone())
        .reap_every(Duration::from_millis(10));
    let store = options.open(folder.database()).unwrap();
    let mut creates = JoinSet::new();
    for n in 0..999 {
        let store = store.clone();
        creates.spawn(async move { put(&store, &id(&format!("s{n}")), &record("{}")).await });
    }
    creates.join_all().await;
    put(&store, &id("living"), &record("{}")).await;
    assert!(store.touch(&id("living"), Duration::from_secs(7200)).await.unwrap());

    clock.advance(Duration::from_secs(3600));

    let connection = folder.connect();
    let count = || -> i64 {
        connection.query_row("SELECT count(*) FROM sessions", [], |row| row.get(0)).unwrap()
    };
    // Whenever one looks, some whole batches of 256 are gone.
    until(|| match count() {
        1 => true,
        1000 | 744 | 488 | 232 => false,
        other => panic!("{other} are left"),
    });
    living(&store, &id("living")).await;
}

#[tokio::test]
async fn a_session_that_is_not_reaped_yet_is_missing() {
    let folder = Folder::new();
    let clock = Arc::new(ManualClock::new());
    let options = SqliteOptions::new().clock(clock.clone()).reap_every(Duration::from_secs(3600));
    let store = options.open(folder.database()).unwrap();
    put(&store, &id("a"), &record("{}")).await;
    put(&store, &id("b"), &record("{}")).await;
    clock.advance(Duration::from_secs(3600));

    assert!(store.load(&id("a")).await.unwrap().is_none());
    assert!(store.delete(&id("a")).await.unwrap().is_none());
    let left: i64 =
        folder.connect().query_row("SELECT count(*) FROM sessions", [], |row| row.get(0)).unwrap();
    assert_eq!(left, 1, "what was deleted is gone, what was not is there");
}
