//! The processes that the tests of this crate start. It is no example of how to use the store.
//!
//! Some promises are about processes: several share a file, one is killed, one may not write. A test
//! starts this program for each process it needs. The argument is the role that it plays, a variable
//! says where the database is, and what it has to say is on lines that begin with `SAID`. It is an
//! example because that is what `cargo test` builds beside the tests, and with their dependencies.
#![allow(clippy::unwrap_used, reason = "a process that unwraps fails with its line")]

/// What the tests have in common with the processes they start.
#[path = "../tests/it/shared.rs"]
mod shared;

use std::fs::{DirEntry, read_dir, read_to_string};
use std::io::{self, Read};
use std::path::PathBuf;
use std::{env, process};

use handstamp::store::{StoreErrorKind, Updated};
use handstamp::{SessionId, SessionStore};
use handstamp_sqlite::{SqliteOptions, SqliteStore, Synchronous};
use tokio::task::JoinSet;

use crate::shared::{
    DATABASE, INCREMENTS, TASKS, all_of, document, failed, id, living, number, put, record, until,
};

fn main() {
    let role = env::args().nth(1).expect("the role is the argument");
    let database: PathBuf = env::var_os(DATABASE).expect(DATABASE).into();
    match &*role {
        "counts-threads" => count_threads(database),
        "fails-to-open" => fail_to_open(database),
        "fills-the-disk" => fill_the_disk(database),
        "increments" => increment_in_tasks(database),
        "opens-when-told" => open_when_told(database),
        "writes-durably" => write_for_ever(database, Synchronous::Full),
        "writes-quickly" => write_for_ever(database, Synchronous::Normal),
        _ => panic!("there is no role {role}"),
    }
}

fn count_threads(database: PathBuf) {
    assert_eq!(threads(), 0);
    let store = SqliteStore::open(database).unwrap();
    // A thread gives itself its name, so it may be a moment until it is seen.
    until(|| threads() == 3);
    drop(store);
    until(|| threads() == 0);
}

fn threads() -> usize {
    let tasks = read_dir("/proc/self/task").unwrap();
    let name = |task: io::Result<DirEntry>| read_to_string(task.ok()?.path().join("comm")).ok();
    tasks.filter_map(name).filter(|name| name.starts_with("sessions-")).count()
}

fn fail_to_open(database: PathBuf) {
    let error = SqliteStore::open(database).unwrap_err();
    say(&format!("{:?}: {}", error.kind(), all_of(&error)));
}

#[tokio::main(flavor = "current_thread")]
async fn fill_the_disk(database: PathBuf) {
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

    // What is there can still be read.
    for n in 0..written {
        living(&store, &id(&format!("s{n}"))).await;
    }
    failed(store.create(&id("large"), &record("x".repeat(1 << 20))).await, StoreErrorKind::Refused);
    say(&written.to_string());
}

#[tokio::main(worker_threads = 2)]
async fn increment_in_tasks(database: PathBuf) {
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

/// Adds one to the number in a session.
async fn increment(store: &SqliteStore, id: &SessionId) {
    let mut current = living(store, id).await;
    loop {
        let number = number(&current) + 1;
        match store.update(id, current.version, &record(number.to_string())).await.unwrap() {
            Updated::Conflict(other) => current = other,
            Updated::Done(_) => return,
            Updated::Gone => panic!("the session is gone"),
        }
    }
}

#[tokio::main(flavor = "current_thread")]
async fn open_when_told(database: PathBuf) {
    say("ready");
    // The parent lets all go by closing this.
    io::stdin().read_to_end(&mut Vec::new()).unwrap();
    let store = SqliteStore::open(database).unwrap();
    put(&store, &id(&process::id().to_string()), &record("{}")).await;
}

#[tokio::main]
async fn write_for_ever(database: PathBuf, synchronous: Synchronous) {
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

/// Says something to the test that started this process.
fn say(line: &str) {
    println!("SAID {line}");
}
