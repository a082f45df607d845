use std::env;
use std::process::Command;

use handstamp::SessionStore;
use handstamp::store::StoreErrorKind;
use handstamp_sqlite::SqliteStore;

use crate::support::{
    DATABASE, Folder, arguments, database_of_parent, failed, id, living, put, record, say,
};

#[tokio::test]
async fn a_full_disk_refuses_writes_and_loses_nothing() {
    let folder = Folder::new();
    folder.open();
    // The shell limits how large a file may get: writes fail in the same place as on a full disk.
    let limited = Command::new("sh")
        .args(["-c", r#"trap "" XFSZ; ulimit -f 1000; exec "$0" "$@""#])
        .arg(env::current_exe().unwrap())
        .args(arguments("full_disk::process_on_a_full_disk"))
        .env(DATABASE, folder.database())
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

    // What is there can still be read.
    for n in 0..written {
        living(&store, &id(&format!("s{n}"))).await;
    }
    failed(store.create(&id("large"), &record("x".repeat(1 << 20))).await, StoreErrorKind::Refused);
    say(&written.to_string());
}
