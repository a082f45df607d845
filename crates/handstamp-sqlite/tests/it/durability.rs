use handstamp::SessionStore;
use handstamp::store::{Record, Updated};

use crate::support::{Folder, document, id, living, process, put, record, said};

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
async fn what_was_ended_stays_ended_after_a_restart() {
    let folder = Folder::new();
    let store = folder.open();
    let of_alice = Record { owner: Some("alice".into()), ..record("1") };
    put(&store, &id("revoked"), &of_alice).await;
    put(&store, &id("deleted"), &record("1")).await;
    store.index().unwrap().revoke("alice", None).await.unwrap();
    store.delete(&id("deleted")).await.unwrap();
    drop(store);

    let store = folder.open();
    assert!(store.load(&id("revoked")).await.unwrap().is_none());
    assert!(store.load(&id("deleted")).await.unwrap().is_none());
    assert!(store.index().unwrap().list("alice").await.unwrap().is_empty());
}

#[tokio::test]
async fn a_process_that_is_killed_loses_nothing_that_was_answered() {
    survives_kill("writes-durably").await;
}

#[tokio::test]
async fn a_process_that_is_killed_loses_nothing_without_waiting_for_the_disk() {
    survives_kill("writes-quickly").await;
}

async fn survives_kill(role: &str) {
    let folder = Folder::new();
    let mut child = process(role, &folder.database()).spawn().unwrap();
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
