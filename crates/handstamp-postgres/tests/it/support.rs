use std::error::Error;
use std::fmt::Write;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use handstamp::store::{Created, Record, StoreError, Stored, Updated, Version};
use handstamp::{SessionId, SessionStore};
use handstamp_postgres::{PostgresOptions, PostgresStore};
use handstamp_testing::servers;
use tokio::time::sleep;
use tokio_postgres::{Client, NoTls};

/// A name that no other test of this run has.
pub(crate) fn table() -> String {
    static NEXT: AtomicUsize = AtomicUsize::new(0);
    format!("session_{}", NEXT.fetch_add(1, Ordering::SeqCst))
}

/// Options for a table of this name, which is made.
pub(crate) fn options(table: &str) -> PostgresOptions {
    PostgresOptions::new().table_name(table).create_table_if_missing(true)
}

/// A store on the shared server, with a table of its own, and the table's name.
pub(crate) async fn store() -> (PostgresStore, String) {
    let table = table();
    (options(&table).connect(&servers::postgres().url()).await.unwrap(), table)
}

/// Asks the shared server, as somebody who is not the store.
pub(crate) fn ask(sql: &str) -> String {
    servers::postgres().ask(sql)
}

/// A connection to the shared server, for what has to hold a lock.
pub(crate) async fn client() -> Client {
    connect(&servers::postgres().url()).await
}

/// A connection that is not the store's.
pub(crate) async fn connect(url: &str) -> Client {
    let (client, connection) = tokio_postgres::connect(url, NoTls).await.unwrap();
    tokio::spawn(connection);
    client
}

pub(crate) fn id(text: &str) -> SessionId {
    SessionId::parse(text).unwrap()
}

/// A record that lives for an hour.
pub(crate) fn record(document: &str) -> Record {
    Record {
        document: Arc::from(document.as_bytes()),
        lifetime: Duration::from_secs(3600),
        owner: None,
    }
}

pub(crate) fn owned(document: &str, owner: &str) -> Record {
    Record { owner: Some(owner.into()), ..record(document) }
}

pub(crate) async fn put(store: &PostgresStore, id: &SessionId, record: &Record) -> Version {
    match store.create(id, record).await.unwrap() {
        Created::Done(version) => version,
        Created::Duplicate => panic!("the id is taken"),
    }
}

pub(crate) async fn living(store: &PostgresStore, id: &SessionId) -> Stored {
    store.load(id).await.unwrap().expect("the session lives")
}

pub(crate) fn text(stored: &Stored) -> &str {
    str::from_utf8(&stored.document).unwrap()
}

#[track_caller]
pub(crate) fn conflict(updated: Updated) -> Stored {
    match updated {
        Updated::Conflict(stored) => stored,
        other => panic!("another has written, yet update said {other:?}"),
    }
}

/// All that an error says, to whoever looks.
pub(crate) fn said(error: &StoreError) -> String {
    let mut said = format!("{error} {error:?}");
    let mut source = error.source();
    while let Some(cause) = source {
        write!(said, ": {cause} {cause:?}").unwrap();
        source = cause.source();
    }
    said
}

/// Waits for what somebody else does, who tells nobody when it is done.
pub(crate) async fn until(what: &str, mut condition: impl AsyncFnMut() -> bool) {
    let begin = Instant::now();
    while !condition().await {
        assert!(begin.elapsed() < Duration::from_secs(30), "not within 30 s: {what}");
        sleep(Duration::from_millis(20)).await;
    }
}

/// Waits until a statement on this table waits for a lock. The server tells nobody.
pub(crate) async fn somebody_waits(table: &str) {
    let waiting = format!(
        r#"SELECT count(*) FROM pg_stat_activity
           WHERE wait_event_type = 'Lock' AND query LIKE '%"{table}"%'"#
    );
    until("a statement waits for the lock", async || ask(&waiting) == "1").await;
}
