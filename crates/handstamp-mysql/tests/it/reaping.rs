use std::time::Duration;

use handstamp::SessionStore;
use handstamp_mysql::MySqlOptions;
use mysql_async::prelude::Queryable;
use tokio::time::sleep;

use crate::support::{Database, id, living, put, record, until};

#[tokio::test(flavor = "multi_thread")]
async fn expired_sessions_leave_the_table_without_a_call() {
    let database = Database::new();
    let store = database.store_with(&reaping()).await;
    put(&store, &id("living"), &record("{}")).await;
    database.ask(
        "INSERT INTO sessions (session_id, expires, data) \
         SELECT CONCAT('expired-', seq), UNIX_TIMESTAMP(), '{}' FROM seq_1_to_1700",
    );
    until(|| database.ask("SELECT COUNT(*) FROM sessions") == "1").await;
    living(&store, &id("living")).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn while_another_process_reaps_this_one_does_not() {
    let database = Database::new();
    // The other process, which never comes to its end.
    let mut other = database.connect().await;
    let lock = "SELECT GET_LOCK(CONCAT('handstamp-reaper-', \
                LEFT(SHA2(CONCAT(DATABASE(), '.sessions'), 256), 32)), 0)";
    let taken: Option<i64> = other.query_first(lock).await.unwrap();
    assert_eq!(taken, Some(1));

    let store = database.store_with(&MySqlOptions::new().without_reaping()).await;
    database.ask("INSERT INTO sessions (session_id, expires, data) VALUES ('a', 1, '{}')");
    assert_eq!(store.reap().await.unwrap(), 0);
    assert_eq!(database.ask("SELECT COUNT(*) FROM sessions"), "1");
    assert!(store.load(&id("a")).await.unwrap().is_none());

    other.disconnect().await.unwrap();
    assert_eq!(store.reap().await.unwrap(), 1);
}

/// The lock is the table's, whichever database the connections are to.
#[tokio::test(flavor = "multi_thread")]
async fn a_process_that_is_connected_to_another_database_takes_the_same_lock() {
    let (home, away) = (Database::new(), Database::new());
    let mut other = away.connect().await;
    let lock = "SELECT GET_LOCK(CONCAT('handstamp-reaper-', \
                LEFT(SHA2(CONCAT(DATABASE(), '.sessions'), 256), 32)), 0)";
    let taken: Option<i64> = other.query_first(lock).await.unwrap();
    assert_eq!(taken, Some(1));

    let options = MySqlOptions::new().without_reaping().database_name(&away.name);
    let store = home.store_with(&options).await;
    away.ask("INSERT INTO sessions (session_id, expires, data) VALUES ('a', 1, '{}')");
    assert_eq!(store.reap().await.unwrap(), 0);
    other.disconnect().await.unwrap();
    assert_eq!(store.reap().await.unwrap(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_locked_row_does_not_end_a_run() {
    let database = Database::new();
    let store = database.store_with(&MySqlOptions::new().without_reaping()).await;
    let mut other = database.connect().await;
    database.ask("INSERT INTO sessions (session_id, expires, data) VALUES ('a', 1, '{}')");
    other.query_drop("BEGIN").await.unwrap();
    other.query_drop("SELECT 1 FROM sessions FOR UPDATE").await.unwrap();
    let run = tokio::spawn(async move { store.reap().await });
    // The server has let one statement wait as long as it does, and the next one waits.
    let first = database.waiting().await;
    until(|| ![String::new(), first.clone()].contains(&database.waits())).await;
    assert!(!run.is_finished());
    other.query_drop("ROLLBACK").await.unwrap();
    assert_eq!(run.await.unwrap().unwrap(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn with_the_store_its_reaper_ends() {
    let database = Database::new();
    let store = database.store_with(&reaping()).await;
    database.ask("INSERT INTO sessions (session_id, expires, data) VALUES ('a', 1, '{}')");
    until(|| database.ask("SELECT COUNT(*) FROM sessions") == "0").await;
    drop(store);
    let connections = format!(
        "SELECT COUNT(*) FROM information_schema.processlist WHERE db = '{}' AND id <> CONNECTION_ID()",
        database.name
    );
    until(|| database.ask(&connections) == "0").await;
    database.ask("INSERT INTO sessions (session_id, expires, data) VALUES ('a', 1, '{}')");
    sleep(Duration::from_secs(2)).await;
    assert_eq!(database.ask("SELECT COUNT(*) FROM sessions"), "1");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_store_that_is_told_not_to_reap_does_not() {
    let database = Database::new();
    let store = database.store_with(&MySqlOptions::new().without_reaping()).await;
    database.ask("INSERT INTO sessions (session_id, expires, data) VALUES ('a', 1, '{}')");
    assert!(store.load(&id("a")).await.unwrap().is_none());
    sleep(Duration::from_secs(2)).await;
    assert_eq!(database.ask("SELECT COUNT(*) FROM sessions"), "1");
}

fn reaping() -> MySqlOptions {
    // The shortest interval is a second.
    MySqlOptions::new().reap_every(Duration::ZERO)
}
