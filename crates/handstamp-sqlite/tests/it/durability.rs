use std::process::Command;

use handstamp::SessionStore;
use handstamp::store::{StoreErrorKind, Updated};
use handstamp_sqlite::{SqliteOptions, SqliteStore, Synchronous};
use tokio::task::JoinSet;

use crate::support::{
    Folder, arguments, database_of_parent, failed, id, living, process, put, record, said, say,
};

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

#[tokio::test]
async fn a_full_disk_refuses_writes_and_loses_nothing() {
    let folder = Folder::new();
    folder.open();
    // The shell limits how large a file may get: writes fail in the same place as on a full disk.
    let limited = Command::new("sh")
        .args(["-c", r#"trap "" XFSZ; ulimit -f 1000; exec "$0" "$@""#])
        .arg(std::env::current_exe().unwrap())
        .args(arguments("durability::process_on_a_full_disk"))
        .env(crate::support::DATABASE, folder.database())
        .output()
        .unwrap();
    let output = String::from_utf8(limited.stdout).unwrap();
    assert!(limited.status.success(), "{output}");

    // There is space again.
    let written: usize =
        output.split_once("SAID ").unwrap().1.lines().next().unwrap().parse().unwrap();
    assert!(written > 10, "{written}");
    let store = folder.open();
    for n in 0..written {
        living(&store, &id(&format!("s{n}"))).await;
    }
    assert!(store.load(&id(&format!("s{written}"))).await.unwrap().is_none());
    put(&store, &id("large"), &record("x".repeat(1 << 20))).await;
}

#[tokio::test]
#[ignore = "a process of another test"]
async fn process_on_a_full_disk() {
    let Some(database) = database_of_parent() else { return };
    let store = SqliteStore::open(database).unwrap();
    let document = record("x".repeat(10_000));
    let mut written = 0;
    let text = loop {
        match store.create(&id(&format!("s{written}")), &document).await {
            Ok(_) => written += 1,
            full => break failed(full, StoreErrorKind::Refused),
        }
    };
    assert!(text.contains("disk"), "{text}");

    // What is there can still be read, and ended.
    for n in 0..written {
        living(&store, &id(&format!("s{n}"))).await;
    }
    failed(store.create(&id("large"), &record("x".repeat(1 << 20))).await, StoreErrorKind::Refused);
    say(&written.to_string());
}
