use handstamp::SessionStore;
use handstamp::store::Updated;
use handstamp_sqlite::{SqliteOptions, Synchronous};
use tokio::task::JoinSet;

use crate::support::{Folder, database_of_parent, id, living, process, put, record, said, say};

#[tokio::test]
async fn sessions_survive_a_restart_at_their_versions() {
    let folder = Folder::new();
    let store = folder.open();
    let version = put(&store, &id("a"), &record("1")).await;
    drop(store);

    let store = folder.open();
    assert_eq!(living(&store, &id("a")).await.version, version);
    let updated = store.update(&id("a"), version, &record("2")).await.unwrap();
    assert!(matches!(updated, Updated::Done(_)));
}

#[tokio::test]
async fn a_process_that_is_killed_loses_nothing_that_was_answered() {
    survives_kill("durability::process_that_writes_durably").await;
}

#[tokio::test]
async fn a_process_that_is_killed_loses_nothing_without_waiting_for_the_disk() {
    survives_kill("durability::process_that_writes_quickly").await;
}

async fn survives_kill(test: &str) {
    let folder = Folder::new();
    let mut child = process(test, &folder.database()).spawn().unwrap();
    let mut answered = said(&mut child);
    let mut ids: Vec<String> = answered.by_ref().take(500).collect();
    child.kill().unwrap();
    child.wait().unwrap();
    ids.extend(answered);

    assert!(ids.len() >= 500, "it ended by itself");
    let store = folder.open();
    for id_ in ids {
        // The last line may have been cut off by the end.
        let Some(name) = id_.strip_suffix('.') else { continue };
        assert_eq!(*living(&store, &id(name)).await.document, *document(name).as_bytes());
    }
    let connection = folder.connect();
    let check: String =
        connection.query_row("PRAGMA integrity_check", [], |row| row.get(0)).unwrap();
    assert_eq!(check, "ok");
}

#[test]
#[ignore = "a process of another test"]
fn process_that_writes_durably() {
    write_for_ever(Synchronous::Full);
}

#[test]
#[ignore = "a process of another test"]
fn process_that_writes_quickly() {
    write_for_ever(Synchronous::Normal);
}

#[tokio::main]
async fn write_for_ever(synchronous: Synchronous) {
    let Some(database) = database_of_parent() else { return };
    let store = SqliteOptions::new().synchronous(synchronous).open(database).unwrap();
    let mut writers = JoinSet::new();
    for writer in 0..8 {
        let store = store.clone();
        writers.spawn(async move {
            for n in 0.. {
                let name = format!("w{writer}n{n}");
                put(&store, &id(&name), &record(document(&name))).await;
                say(&format!("{name}."));
            }
        });
    }
    writers.join_all().await;
}

fn document(name: &str) -> String {
    format!("the document of {name} ").repeat(20)
}
