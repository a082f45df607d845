use std::time::Duration;

use handstamp::SessionStore;
use handstamp::store::{Change, ChangeFeed, StoreErrorKind};
use handstamp_postgres::{PostgresOptions, PostgresStore};
use handstamp_testing::servers;
use tokio::time::timeout;

use crate::support::{ask, id, options, put, record, said, store, table, until};

async fn watch(store: &PostgresStore) -> Box<dyn ChangeFeed> {
    store.changes().unwrap().watch().await.unwrap()
}

async fn next(feed: &mut Box<dyn ChangeFeed>) -> Option<Change> {
    timeout(Duration::from_secs(20), feed.next()).await.expect("a change is told")
}

async fn with_change_events(parameters: &str) -> (PostgresStore, String) {
    let table = table();
    let url = format!("{}?application_name={table}{parameters}", servers::postgres().url());
    (options(&table).change_events(true).connect(&url).await.unwrap(), table)
}

/// How many connections of this application listen.
fn listening(application: &str) -> String {
    ask(&format!(
        "SELECT count(*) FROM pg_stat_activity WHERE application_name = '{application}'
         AND query LIKE 'LISTEN%'"
    ))
}

#[tokio::test]
async fn what_others_write_is_told() {
    let (store, table) = with_change_events("").await;
    let mut feed = watch(&store).await;
    ask(&format!("INSERT INTO {table} VALUES ('theirs', '{{}}', now() + interval '1 hour')"));
    assert_eq!(next(&mut feed).await, Some(Change::One(id("theirs"))));
    ask(&format!("UPDATE {table} SET expire = now() + interval '2 hours'"));
    assert_eq!(next(&mut feed).await, Some(Change::One(id("theirs"))));
    ask(&format!("DELETE FROM {table}"));
    assert_eq!(next(&mut feed).await, Some(Change::One(id("theirs"))));
    ask(&format!("TRUNCATE {table}"));
    assert_eq!(next(&mut feed).await, Some(Change::Any));
    // What is no session is written, and not told.
    ask(&format!("INSERT INTO {table} VALUES (repeat('x', 9000), '{{}}', now())"));
    put(&store, &id("ours"), &record("{}")).await;
    assert_eq!(next(&mut feed).await, Some(Change::One(id("ours"))));
}

#[tokio::test]
async fn a_feed_outlives_a_lost_connection_and_says_so_twice() {
    let (store, table) = with_change_events("").await;
    let mut feed = watch(&store).await;
    ask(&format!(
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity
         WHERE application_name = '{table}' AND query LIKE 'LISTEN%'"
    ));
    assert_eq!(next(&mut feed).await, Some(Change::Any));
    assert_eq!(next(&mut feed).await, Some(Change::Any));
    put(&store, &id("a"), &record("{}")).await;
    assert_eq!(next(&mut feed).await, Some(Change::One(id("a"))));
}

/// Nobody closes the connection, and nothing comes: only a question shows it.
#[tokio::test]
async fn a_connection_that_falls_silent_is_told_and_replaced() {
    let server = servers::postgres();
    let proxy = servers::Proxy::start(server.address());
    let table = table();
    let options = options(&table)
        .timeout(Duration::from_secs(1))
        .change_events(true)
        .change_events_url(server.url_through(&proxy));
    let store = options.connect(&server.url()).await.unwrap();
    let mut feed = watch(&store).await;
    proxy.black_hole();
    assert_eq!(next(&mut feed).await, Some(Change::Any));
    proxy.heal();
    assert_eq!(next(&mut feed).await, Some(Change::Any));
    put(&store, &id("a"), &record("{}")).await;
    assert_eq!(next(&mut feed).await, Some(Change::One(id("a"))));
}

#[tokio::test]
async fn all_feeds_share_a_connection_which_ends_with_the_last() {
    let (store, table) = with_change_events("").await;
    let (first, second) = (watch(&store).await, watch(&store).await);
    assert_eq!(listening(&table), "1");
    drop(first);
    drop(second);
    until("nobody listens", async || listening(&table) == "0").await;
    let mut third = watch(&store).await;
    put(&store, &id("a"), &record("{}")).await;
    assert_eq!(next(&mut third).await, Some(Change::One(id("a"))));
}

#[tokio::test]
async fn a_table_that_tells_of_no_changes_is_refused_until_it_does() {
    let (plain, table) = store().await;
    assert!(plain.changes().is_none());
    let options = PostgresOptions::new().table_name(&table).change_events(true);
    let store = options.connect(&servers::postgres().url()).await.unwrap();
    let error = store.changes().unwrap().watch().await.unwrap_err();
    assert_eq!(error.kind(), StoreErrorKind::Refused);
    assert!(said(&error).contains("migrate"), "{}", said(&error));
    store.migrate().await.unwrap();
    let mut feed = watch(&store).await;
    put(&plain, &id("a"), &record("{}")).await;
    while next(&mut feed).await != Some(Change::One(id("a"))) {}
}

#[tokio::test]
async fn behind_pgbouncer_changes_come_by_a_url_of_their_own() {
    let (through, direct) = (servers::pgbouncer().url(), servers::postgres().url());
    let options = options(&table()).pgbouncer(true).change_events(true);
    let error = options.connect(&through).await.unwrap_err();
    assert!(said(&error).contains("change_events_url"), "{}", said(&error));
    let store = options.change_events_url(direct).connect(&through).await.unwrap();
    let mut feed = watch(&store).await;
    put(&store, &id("a"), &record("{}")).await;
    assert_eq!(next(&mut feed).await, Some(Change::One(id("a"))));
}

#[tokio::test]
async fn a_feed_ends_with_its_store() {
    let (store, _) = with_change_events("").await;
    let mut feed = watch(&store).await;
    drop(store);
    assert_eq!(next(&mut feed).await, None);
}
