use std::time::Duration;

use handstamp::SessionStore;
use handstamp_testing::servers;
use tokio::sync::Barrier;

use crate::support::{ask, client, id, living, options, put, record, store, table, until};

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
