use std::fs;
use std::path::Path;

use handstamp::SessionStore;
use handstamp::store::{Created, StoreErrorKind};

use crate::support::{Folder, failed, id, living, put, record, start};

#[tokio::test]
async fn writes_that_wait_are_committed_together() {
    let folder = Folder::new();
    let store = folder.open();
    put(&store, &id("first"), &record("{}")).await;
    let before = commits(&folder.beside("-wal"));

    let lock = folder.lock();
    let creates = start((0..200).map(|n| {
        let store = store.clone();
        async move { store.create(&id(&format!("s{n}")), &record("{}")).await }
    }))
    .await;
    drop(lock);
    for created in creates {
        assert!(matches!(created.await.unwrap().unwrap(), Created::Done(_)));
    }

    assert_eq!(commits(&folder.beside("-wal")) - before, 1);
}

#[tokio::test]
async fn a_write_that_fails_leaves_the_others_in_its_group_alone() {
    one_of_a_group_fails("ABORT").await;
}

#[tokio::test]
async fn a_write_that_rolls_the_group_back_fails_alone() {
    one_of_a_group_fails("ROLLBACK").await;
}

/// Among a group of writes there is one that the database refuses, in this way.
async fn one_of_a_group_fails(way: &str) {
    let folder = Folder::new();
    let store = folder.open();
    let trigger = format!(
        "CREATE TRIGGER t BEFORE INSERT ON sessions WHEN NEW.sid = 's5'
         BEGIN SELECT RAISE({way}, 'not this one'); END"
    );
    folder.connect().execute_batch(&trigger).unwrap();
    let version = put(&store, &id("number"), &record("1")).await;

    let lock = folder.lock();
    let mut creates = start((0..10).map(|n| {
        let store = store.clone();
        async move { store.create(&id(&format!("s{n}")), &record("{}")).await }
    }))
    .await;
    let writer = store.clone();
    let update =
        start([async move { writer.update(&id("number"), version, &record("2")).await }]).await;
    drop(lock);

    let refused = creates.remove(5).await.unwrap();
    assert!(failed(refused, StoreErrorKind::Unavailable).contains("not this one"));
    for created in creates {
        assert!(matches!(created.await.unwrap().unwrap(), Created::Done(_)));
    }
    for updated in update {
        updated.await.unwrap().unwrap();
    }
    assert_eq!(*living(&store, &id("number")).await.document, *b"2");
    assert!(store.load(&id("s5")).await.unwrap().is_none());
    assert_eq!(*living(&store, &id("s9")).await.document, *b"{}");
}

#[tokio::test]
async fn a_write_that_is_dropped_before_its_turn_never_happens() {
    let folder = Folder::new();
    let store = folder.open();
    put(&store, &id("kept"), &record("{}")).await;

    let lock = folder.lock();
    let dropped = start([false, true].map(|delete| {
        let store = store.clone();
        async move {
            if delete {
                store.delete(&id("kept")).await.map(drop)
            } else {
                store.create(&id("new"), &record("{}")).await.map(drop)
            }
        }
    }))
    .await;
    for call in dropped {
        call.abort();
        assert!(call.await.unwrap_err().is_cancelled());
    }
    drop(lock);

    // Writes are done in turn, so when this one is done, theirs is over.
    put(&store, &id("last"), &record("{}")).await;
    assert!(store.load(&id("new")).await.unwrap().is_none());
    living(&store, &id("kept")).await;
}

/// How many transactions the write-ahead log holds: of each, the last page has the size of the
/// database beside it (<https://sqlite.org/fileformat2.html#the_write_ahead_log>).
fn commits(log: &Path) -> usize {
    let log = fs::read(log).unwrap();
    let (header, frames) = log.split_at(32);
    let page = u32::from_be_bytes(header[8..12].try_into().unwrap());
    let salt = &header[16..24];
    frames
        .chunks_exact(24 + page as usize)
        .take_while(|frame| &frame[8..16] == salt)
        .filter(|frame| frame[4..8] != [0; 4])
        .count()
}
