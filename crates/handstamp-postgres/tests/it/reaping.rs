use std::time::Duration;

use handstamp::SessionStore;
use handstamp_testing::servers;
use tokio::sync::Barrier;

use crate::support::{
    ask, client, id, living, options, put, record, somebody_waits, store, table, until,
};

fn make_expired(table: &str, number: usize) {
    ask(&format!(
        "INSERT INTO {table} SELECT 'expired-' || n, '{{}}', now() - interval '1 minute'
         FROM generate_series(1, {number}) n"
    ));
}

fn left(table: &str) -> usize {
    ask(&format!("SELECT count(*) FROM {table}")).parse().unwrap()
}

#[tokio::test]
async fn expired_sessions_are_removed_in_batches_and_each_once_by_two_who_do_it_at_once() {
    let (one, table) = store().await;
    let other = options(&table).connect(&servers::postgres().url()).await.unwrap();
    put(&one, &id("living"), &record("{}")).await;
    make_expired(&table, 2300);

    let start = Barrier::new(2);
    let reap = async |store: &handstamp_postgres::PostgresStore| {
        start.wait().await;
        store.reap().await.unwrap()
    };
    let (by_one, by_other) = tokio::join!(reap(&one), reap(&other));

    // Who came second may have gone home at once, so the rest is left to the first.
    assert_eq!(by_one + by_other + one.reap().await.unwrap(), 2300);
    assert_eq!(left(&table), 1);
    living(&one, &id("living")).await;
    let batches: usize = ask(&format!(
        r#"SELECT sum(calls) FROM pg_stat_statements
           WHERE query LIKE '%"{table}"%' AND query LIKE '%SKIP LOCKED%'"#
    ))
    .parse()
    .unwrap();
    assert!(batches >= 5, "2300 sessions were removed in {batches} batches");
}

/// The second of three batches is held up, by a trigger that waits for a lock.
#[tokio::test]
async fn a_batch_is_over_and_its_locks_are_free_before_the_next_one_begins() {
    let table = table();
    let options = options(&table).timeout(Duration::from_secs(60)).without_reaping();
    let store = options.connect(&servers::postgres().url()).await.unwrap();
    // The oldest go first.
    ask(&format!(
        "INSERT INTO {table} SELECT 'expired-' || n, '{{}}',
         now() - interval '1 day' + n * interval '1 second' FROM generate_series(1, 1200) n;
         CREATE FUNCTION {table}_wait() RETURNS trigger LANGUAGE plpgsql AS
         'BEGIN PERFORM pg_advisory_xact_lock(''{table}''::regclass::oid::bigint); RETURN OLD; END';
         CREATE TRIGGER wait BEFORE DELETE ON {table} FOR EACH ROW
         WHEN (OLD.sid = 'expired-700') EXECUTE FUNCTION {table}_wait()"
    ));
    let other = client().await;
    let lock = format!("BEGIN; SELECT pg_advisory_xact_lock('{table}'::regclass::oid::bigint)");
    other.batch_execute(&lock).await.unwrap();
    let reaper = store.clone();
    let reaping = tokio::spawn(async move { reaper.reap().await.unwrap() });
    somebody_waits(&table).await;

    assert_eq!(left(&table), 700, "the first batch is not committed");
    let free = format!("SELECT count(*) FROM (SELECT FROM {table} FOR UPDATE SKIP LOCKED) free");
    assert_eq!(ask(&free), "200", "another batch is locked than the second");
    // An id of the first batch is free for whoever wants it.
    put(&store, &id("expired-1"), &record("{}")).await;

    assert!(!reaping.is_finished());
    other.batch_execute("COMMIT").await.unwrap();
    assert_eq!(reaping.await.unwrap(), 1200);
    assert_eq!(left(&table), 1);
    living(&store, &id("expired-1")).await;
}

#[tokio::test]
async fn nobody_reaps_while_another_does() {
    let (store, table) = store().await;
    make_expired(&table, 10);
    let other = client().await;
    let lock = format!(
        "BEGIN; SELECT pg_advisory_xact_lock((1751215716::bigint << 32) | '{table}'::regclass::oid::bigint)"
    );
    other.batch_execute(&lock).await.unwrap();
    assert_eq!(store.reap().await.unwrap(), 0);
    assert_eq!(left(&table), 10);
    other.batch_execute("COMMIT").await.unwrap();
    assert_eq!(store.reap().await.unwrap(), 10);
}

#[tokio::test]
async fn a_row_that_somebody_holds_is_passed_over() {
    let (store, table) = store().await;
    make_expired(&table, 10);
    let other = client().await;
    let lock = format!("BEGIN; SELECT FROM {table} WHERE sid = 'expired-5' FOR UPDATE");
    other.batch_execute(&lock).await.unwrap();
    assert_eq!(store.reap().await.unwrap(), 9);
    other
        .batch_execute(&format!("UPDATE {table} SET expire = now() + interval '1 hour'; COMMIT"))
        .await
        .unwrap();
    assert_eq!(store.reap().await.unwrap(), 0);
    living(&store, &id("expired-5")).await;
}

#[tokio::test]
async fn a_store_reaps_by_itself() {
    let table = table();
    let options = options(&table).reap_every(Duration::from_secs(1));
    let _store = options.connect(&servers::postgres().url()).await.unwrap();
    make_expired(&table, 700);
    until("nothing that has expired is left", async || left(&table) == 0).await;
}

#[tokio::test]
async fn a_session_that_is_not_reaped_yet_is_missing() {
    let (store, table) = store().await;
    make_expired(&table, 1);
    assert!(store.load(&id("expired-1")).await.unwrap().is_none());
    assert!(store.delete(&id("expired-1")).await.unwrap().is_none());
    assert_eq!(left(&table), 0);
}

#[tokio::test]
async fn everything_ends_with_the_last_handle() {
    let table = table();
    let url = format!("{}?application_name={table}", servers::postgres().url());
    let store = options(&table).change_events(true).connect(&url).await.unwrap();
    let mut feed = store.changes().unwrap().watch().await.unwrap();
    let open = || {
        ask(&format!("SELECT count(*) FROM pg_stat_activity WHERE application_name = '{table}'"))
    };
    until("all connections are open", async || open() == "6").await;
    let other = store.clone();
    drop(store);
    put(&other, &id("a"), &record("{}")).await;
    drop(other);
    until("all connections are closed", async || open() == "0").await;
    while let Some(change) = feed.next().await {
        assert_eq!(change, handstamp::store::Change::One(id("a")));
    }
}
