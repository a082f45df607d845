use std::sync::Barrier;
use std::thread;

use handstamp::SessionStore;

use crate::support::{Folder, INCREMENTS, TASKS, id, living, number, process, put, record, said};

#[tokio::test]
async fn increments_by_two_processes_are_all_there() {
    let folder = Folder::new();
    let store = folder.open();
    put(&store, &id("counter"), &record("0")).await;

    let start = || process("increments", &folder.database()).spawn().unwrap();
    let mut children = [start(), start()];
    for child in &mut children {
        assert!(child.wait().unwrap().success());
    }

    assert_eq!(number(&living(&store, &id("counter")).await), 2 * TASKS * INCREMENTS);
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
        let start = || process("opens-when-told", &folder.database()).spawn().unwrap();
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
