use handstamp::SessionStore;
use handstamp::store::StoreErrorKind;
use handstamp_sqlite::SqliteOptions;

use crate::support::{Folder, failed, id, living, put, record};

#[tokio::test]
async fn any_bytes_come_back_as_they_were() {
    let folder = Folder::new();
    let store = folder.open();
    let all: Vec<u8> = (0..=255).collect();
    let documents: [&[u8]; 6] = [b"", b"\0", b"{}\0{}", b"\xff\xfe", &all, "Grüße".as_bytes()];
    for (n, document) in documents.into_iter().enumerate() {
        let id = id(&n.to_string());
        put(&store, &id, &record(document)).await;
        assert_eq!(*living(&store, &id).await.document, *document);
        assert_eq!(*store.delete(&id).await.unwrap().unwrap(), *document);
    }
}

#[tokio::test]
async fn the_shell_shows_text_as_text() {
    let folder = Folder::new();
    let store = folder.open();
    put(&store, &id("json"), &record(r#"{"who":"Grüße"}"#)).await;
    put(&store, &id("bytes"), &record(b"\xff")).await;
    put(&store, &id("nul"), &record(b"a\0b")).await;

    let connection = folder.connect();
    let column = |sql: &str| connection.query_row(sql, [], |row| row.get::<_, String>(0)).unwrap();
    assert_eq!(column("SELECT sess FROM sessions WHERE sid = 'json'"), r#"{"who":"Grüße"}"#);
    assert_eq!(column("SELECT sess ->> 'who' FROM sessions WHERE sid = 'json'"), "Grüße");
    assert_eq!(column("SELECT typeof(sess) FROM sessions WHERE sid = 'bytes'"), "blob");
    assert_eq!(column("SELECT typeof(sess) FROM sessions WHERE sid = 'nul'"), "blob");
}

#[tokio::test]
async fn a_document_over_the_limit_is_too_large_and_changes_nothing() {
    let folder = Folder::new();
    let store = SqliteOptions::new().max_document_bytes(10).open(folder.database()).unwrap();
    let version = put(&store, &id("a"), &record("0123456789")).await;

    let text = failed(
        store.update(&id("a"), version, &record("0123456789!")).await,
        StoreErrorKind::TooLarge,
    );
    assert!(text.contains("11 bytes") && text.contains("10 allowed"), "{text}");
    failed(store.create(&id("b"), &record("0123456789!")).await, StoreErrorKind::TooLarge);

    let stored = living(&store, &id("a")).await;
    assert_eq!((&*stored.document, stored.version), (b"0123456789".as_slice(), version));
    assert!(store.load(&id("b")).await.unwrap().is_none());
}
