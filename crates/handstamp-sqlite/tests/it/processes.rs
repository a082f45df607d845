use std::io::Read;
use std::sync::Barrier;
use std::{io, thread};

use handstamp::SessionStore;
use handstamp_sqlite::SqliteStore;
use tokio::task::JoinSet;

use crate::support::{
    Folder, database_of_parent, id, increment, living, number, process, put, record, said, say,
};

const TASKS: u64 = 4;
const INCREMENTS: u64 = 25;

#[tokio::test]
async fn increments_by_two_processes_are_all_there() {
    let folder = Folder::new();
    let store = folder.open();
    put(&store, &id("counter"), &record("0")).await;

    let start =
        || process("processes::process_that_increments", &folder.database()).spawn().unwrap();
    let mut children = [start(), start()];
    for child in &mut children {
        assert!(child.wait().unwrap().success());
    }

    assert_eq!(number(&living(&store, &id("counter")).await), 2 * TASKS * INCREMENTS);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "a process of another test"]
async fn process_that_increments() {
    let Some(database) = database_of_parent() else { return };
    let store = SqliteStore::open(database).unwrap();
    let mut tasks = JoinSet::new();
    for _ in 0..TASKS {
        let store = store.clone();
        tasks.spawn(async move {
            for _ in 0..INCREMENTS {
                increment(&store, &id("counter")).await;
            }
        });
    }
    tasks.join_all().await;
}

#[tokio::test]
async fn what_one_process_ends_is_ended_for_the_other() {
    let folder = Folder::new();
    let (ours, theirs) = (folder.open(), folder.open());
    let version = put(&ours, &id("a"), &record("{}")).await;
    assert_eq!(living(&theirs, &id("a")).await.version, version);
    theirs.delete(&id("a")).await.unwrap();
    assert!(ours.load(&id("a")).await.unwrap().is_none());
}

#[tokio::test]
async fn many_processes_may_open_a_new_file_at_once() {
    for _ in 0..3 {
        let folder = Folder::new();
        let start =
            || process("processes::process_that_opens", &folder.database()).spawn().unwrap();
        let mut children: Vec<_> = (0..6).map(|_| start()).collect();
        let mut said: Vec<_> = children.iter_mut().map(said).collect();
        for lines in &mut said {
            assert_eq!(lines.next().as_deref(), Some("ready"));
        }
        for child in &mut children {
            drop(child.stdin.take());
        }
        for child in &mut children {
            assert!(child.wait().unwrap().success());
        }
        let store = folder.open();
        for child in children {
            living(&store, &id(&child.id().to_string())).await;
        }
    }
}

#[tokio::test]
#[ignore = "a process of another test"]
async fn process_that_opens() {
    let Some(database) = database_of_parent() else { return };
    say("ready");
    // The parent lets all go by closing this.
    io::stdin().read_to_end(&mut Vec::new()).unwrap();
    let store = SqliteStore::open(database).unwrap();
    put(&store, &id(&std::process::id().to_string()), &record("{}")).await;
}

#[test]
fn many_threads_may_open_a_new_file_at_once() {
    for _ in 0..10 {
        let folder = Folder::new();
        let barrier = Barrier::new(8);
        thread::scope(|scope| {
            for _ in 0..8 {
                scope.spawn(|| {
                    barrier.wait();
                    folder.open();
                });
            }
        });
    }
}
