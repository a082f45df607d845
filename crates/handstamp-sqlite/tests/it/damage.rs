use std::fs;

use handstamp::SessionStore;
use handstamp::store::StoreErrorKind;
use handstamp_sqlite::SqliteStore;

use crate::support::{Folder, all_of, failed, id, put, record};

#[tokio::test]
async fn a_file_that_is_no_database_is_corrupt_and_stays_as_it_is() {
    let folder = Folder::new();
    let garbage = "This is a letter to my aunt. ".repeat(1000);
    fs::write(folder.database(), &garbage).unwrap();

    let text = failed(SqliteStore::open(folder.database()), StoreErrorKind::Corrupt);
    assert!(text.contains("sessions.db") && text.contains("damaged"), "{text}");

    assert_eq!(fs::read_to_string(folder.database()).unwrap(), garbage);
    assert_eq!(folder.files(), ["sessions.db"]);
}

#[tokio::test]
async fn damaged_pages_make_errors_that_say_so() {
    let folder = Folder::new();
    let store = folder.open();
    for n in 0..200 {
        put(&store, &id(&format!("secret{n}")), &record(format!("secret {n}").repeat(50))).await;
    }
    drop(store);
    let mut bytes = fs::read(folder.database()).unwrap();
    // The first page tells what kind of file it is; it stays.
    for byte in &mut bytes[4096..] {
        *byte ^= 0x5a;
    }
    fs::write(folder.database(), bytes).unwrap();

    let store = folder.open();
    let error = store.load(&id("secret1")).await.unwrap_err();
    assert_eq!(error.kind(), StoreErrorKind::Corrupt);
    assert!(!all_of(&error).contains("secret"), "{}", all_of(&error));
    failed(
        store.touch(&id("secret1"), std::time::Duration::from_secs(1)).await,
        StoreErrorKind::Corrupt,
    );
    failed(store.create(&id("new"), &record("{}")).await, StoreErrorKind::Corrupt);
    failed(store.index().unwrap().revoke("secret", None).await, StoreErrorKind::Corrupt);
}

#[tokio::test]
async fn a_file_that_was_cut_off_makes_errors_that_say_so() {
    let folder = Folder::new();
    let store = folder.open();
    for n in 0..200 {
        put(&store, &id(&format!("s{n}")), &record("long ".repeat(100))).await;
    }
    drop(store);
    let file = fs::File::options().write(true).open(folder.database()).unwrap();
    file.set_len(3 * 4096).unwrap();

    let text = match SqliteStore::open(folder.database()) {
        Err(error) => failed::<()>(Err(error), StoreErrorKind::Corrupt),
        Ok(store) => failed(store.load(&id("s199")).await, StoreErrorKind::Corrupt),
    };
    assert!(text.contains("damaged"), "{text}");
}

#[tokio::test]
async fn a_table_that_somebody_changed_makes_errors_that_say_so() {
    let folder = Folder::new();
    let store = folder.open();
    put(&store, &id("a"), &record("{}")).await;
    folder.connect().execute_batch("ALTER TABLE sessions RENAME TO gone").unwrap();

    let text = failed(store.load(&id("a")).await, StoreErrorKind::Corrupt);
    assert!(text.contains("schema()"), "{text}");
    failed(store.create(&id("b"), &record("{}")).await, StoreErrorKind::Corrupt);

    folder.connect().execute_batch("ALTER TABLE gone RENAME TO sessions").unwrap();
    assert!(store.load(&id("a")).await.unwrap().is_some());
}
