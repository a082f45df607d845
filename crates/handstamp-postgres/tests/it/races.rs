//! The races that decide about revocations, each run in the one order that would go wrong: a row is kept
//! locked until the statement waits for it, and changed before it goes on.

use std::time::Duration;

use handstamp::SessionStore;
use handstamp::store::{StoreErrorKind, Updated};
use handstamp_postgres::PostgresStore;
use handstamp_testing::servers;
use tokio_postgres::Client;

use crate::support::{
    ask, client, conflict, id, living, options, owned, put, record, somebody_waits, table, text,
};

/// A store that waits long enough for what these tests keep locked.
async fn patient() -> (PostgresStore, String) {
    let table = table();
    let options = options(&table).timeout(Duration::from_secs(60));
    (options.connect(&servers::postgres().url()).await.unwrap(), table)
}

/// Begins to write to a row, and does not commit.
async fn begin_to_write(table: &str, change: &str) -> Client {
    let other = client().await;
    other
        .batch_execute(&format!("BEGIN; UPDATE {table} SET {change} WHERE sid = 'a'"))
        .await
        .unwrap();
    other
}

/// The snapshot has the old id only. It is no owner's any more when the lock is free.
#[tokio::test]
async fn revoke_ends_a_session_that_has_rotated_between_its_snapshot_and_its_delete() {
    let (store, table) = patient().await;
    put(&store, &id("a"), &owned(r#"{"n":1}"#, "alice")).await;
    let rotation = begin_to_write(&table, r#"sess = '{"stub":1}', handstamp_owner = NULL"#).await;
    let revoker = store.clone();
    let revoke =
        tokio::spawn(async move { revoker.index().unwrap().revoke("alice", None).await.unwrap() });
    somebody_waits(&table).await;
    put(&store, &id("b"), &owned(r#"{"n":1}"#, "alice")).await;
    rotation.batch_execute("COMMIT").await.unwrap();

    assert_eq!(revoke.await.unwrap(), 1);
    assert!(store.load(&id("b")).await.unwrap().is_none());
    assert_eq!(text(&living(&store, &id("a")).await), r#"{"stub":1}"#);
}

/// The snapshot has the old id only, and what is ended under it is a stub by then.
#[tokio::test]
async fn clear_ends_a_session_that_has_rotated_between_its_snapshot_and_its_delete() {
    let (store, table) = patient().await;
    put(&store, &id("a"), &owned(r#"{"n":1}"#, "alice")).await;
    let rotation = begin_to_write(&table, r#"sess = '{"stub":1}', handstamp_owner = NULL"#).await;
    let clearer = store.clone();
    let clear = tokio::spawn(async move { clearer.scan().unwrap().clear().await.unwrap() });
    somebody_waits(&table).await;
    put(&store, &id("b"), &owned(r#"{"n":1}"#, "alice")).await;
    rotation.batch_execute("COMMIT").await.unwrap();

    assert_eq!(clear.await.unwrap(), 2);
    assert_eq!(store.scan().unwrap().total().await.unwrap(), 0);
}

/// The second round fails, and the first one has ended nothing.
#[tokio::test]
async fn a_revocation_that_fails_half_way_has_ended_nothing() {
    let table = table();
    let options = options(&table).timeout(Duration::from_secs(4));
    let store = options.connect(&servers::postgres().url()).await.unwrap();
    put(&store, &id("a"), &owned(r#"{"n":1}"#, "alice")).await;
    put(&store, &id("b"), &owned(r#"{"n":1}"#, "alice")).await;
    let rotation = begin_to_write(&table, r#"sess = '{"stub":1}', handstamp_owner = NULL"#).await;
    let revoker = store.clone();
    let revoke = tokio::spawn(async move { revoker.index().unwrap().revoke("alice", None).await });
    somebody_waits(&table).await;
    put(&store, &id("c"), &owned(r#"{"n":1}"#, "alice")).await;
    let other = client().await;
    let lock = format!("BEGIN; SELECT FROM {table} WHERE sid = 'c' FOR UPDATE");
    other.batch_execute(&lock).await.unwrap();
    rotation.batch_execute("COMMIT").await.unwrap();

    assert_eq!(revoke.await.unwrap().unwrap_err().kind(), StoreErrorKind::Timeout);
    living(&store, &id("b")).await;
    living(&store, &id("c")).await;
}

/// A session that its visitor uses is not in its way.
#[tokio::test]
async fn revoke_ends_a_session_that_is_touched_between_its_snapshot_and_its_delete() {
    let (store, table) = patient().await;
    put(&store, &id("a"), &owned(r#"{"n":1}"#, "alice")).await;
    let touch = begin_to_write(&table, "expire = expire + interval '1 minute'").await;
    let revoker = store.clone();
    let revoke =
        tokio::spawn(async move { revoker.index().unwrap().revoke("alice", None).await.unwrap() });
    somebody_waits(&table).await;
    touch.batch_execute("COMMIT").await.unwrap();

    assert_eq!(revoke.await.unwrap(), 1);
    assert!(store.load(&id("a")).await.unwrap().is_none());
}

#[tokio::test]
async fn clear_ends_what_is_created_where_it_has_been() {
    let (store, table) = patient().await;
    ask(&format!(
        "INSERT INTO {table} SELECT 's' || n, '{{}}', now() + interval '1 hour'
         FROM generate_series(1001, 2600) n"
    ));
    let other = client().await;
    let lock = format!("BEGIN; SELECT FROM {table} WHERE sid = 's2550' FOR UPDATE");
    other.batch_execute(&lock).await.unwrap();
    let clearer = store.clone();
    let clear = tokio::spawn(async move { clearer.scan().unwrap().clear().await.unwrap() });
    somebody_waits(&table).await;
    assert_eq!(ask(&format!("SELECT count(*) FROM {table}")), "100");
    put(&store, &id("r"), &record("{}")).await;
    other.batch_execute("COMMIT").await.unwrap();

    assert_eq!(clear.await.unwrap(), 1601);
    assert_eq!(store.scan().unwrap().total().await.unwrap(), 0);
}

/// The snapshot still shows the version that was asked for.
#[tokio::test]
async fn an_update_that_loses_while_it_waits_is_told_what_stands_there_now() {
    let (store, table) = patient().await;
    let version = put(&store, &id("a"), &record(r#"{"n":1}"#)).await;
    let other = begin_to_write(&table, r#"sess = '{"n":2}'"#).await;
    let writer = store.clone();
    let update = tokio::spawn(async move {
        writer.update(&id("a"), version, &record(r#"{"n":3}"#)).await.unwrap()
    });
    somebody_waits(&table).await;
    other.batch_execute("COMMIT").await.unwrap();

    assert_eq!(text(&conflict(update.await.unwrap())), r#"{"n":2}"#);
}

#[tokio::test]
async fn an_update_that_waits_while_the_session_is_ended_is_gone() {
    let (store, table) = patient().await;
    let version = put(&store, &id("a"), &record(r#"{"n":1}"#)).await;
    let other = client().await;
    other.batch_execute(&format!("BEGIN; DELETE FROM {table}")).await.unwrap();
    let writer = store.clone();
    let update = tokio::spawn(async move {
        writer.update(&id("a"), version, &record(r#"{"n":3}"#)).await.unwrap()
    });
    somebody_waits(&table).await;
    other.batch_execute("COMMIT").await.unwrap();

    assert!(matches!(update.await.unwrap(), Updated::Gone));
}

/// Whoever has looked meanwhile has found it missing.
#[tokio::test]
async fn an_update_that_waits_until_the_session_has_expired_does_not_bring_it_back() {
    let (store, table) = patient().await;
    let version = put(&store, &id("a"), &record(r#"{"n":1}"#)).await;
    let other = begin_to_write(&table, "expire = clock_timestamp() + interval '1 second'").await;
    let writer = store.clone();
    let update = tokio::spawn(async move {
        writer.update(&id("a"), version, &record(r#"{"n":3}"#)).await.unwrap()
    });
    somebody_waits(&table).await;
    other.batch_execute("SELECT pg_sleep(1.1); COMMIT").await.unwrap();

    assert!(matches!(update.await.unwrap(), Updated::Gone));
    assert!(store.load(&id("a")).await.unwrap().is_none());
}
