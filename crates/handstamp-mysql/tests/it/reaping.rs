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

/// Another transaction has a row of the second of three batches.
#[tokio::test(flavor = "multi_thread")]
async fn a_batch_is_over_and_its_locks_are_free_before_the_next_one_begins() {
    let database = Database::new();
    let store = database.store_with(&MySqlOptions::new().without_reaping()).await;
    // Among so many others that the server looks for them in the index. Of a small table it may read all, and
    // then waits for any row that has expired.
    database.ask(
        "INSERT INTO sessions (session_id, expires, data) \
         SELECT CONCAT('living-', seq), 4000000000, '{}' FROM seq_1_to_10000; \
         INSERT INTO sessions (session_id, expires, data) \
         SELECT CONCAT('expired-', seq), seq, '{}' FROM seq_1_to_1200; ANALYZE TABLE sessions",
    );
    let expired = "SELECT COUNT(*) FROM sessions WHERE expires <= UNIX_TIMESTAMP()";
    let mut other = database.connect().await;
    other.query_drop("BEGIN").await.unwrap();
    let lock = "SELECT 1 FROM sessions WHERE session_id = 'expired-700' FOR UPDATE";
    other.query_drop(lock).await.unwrap();
    let run = tokio::spawn({
        let store = store.clone();
        async move { store.reap().await.unwrap() }
    });
    until(|| database.ask(expired) == "700").await;
    // The server lets one statement wait for a second, and the next one waits.
    let first = database.waiting().await;
    until(|| ![String::new(), first.clone()].contains(&database.waits())).await;
    assert_eq!(database.ask(expired), "700");

    let mut third = database.connect().await;
    third.query_drop("SET innodb_lock_wait_timeout = 0").await.unwrap();
    // A row of the third batch, and an id of the first.
    let write = "UPDATE sessions SET data = '{\"n\":1}' WHERE session_id = 'expired-1100'";
    third.query_drop(write).await.unwrap();
    let insert = "INSERT INTO sessions (session_id, expires, data) \
                  VALUES ('expired-1', UNIX_TIMESTAMP() + 3600, '{}')";
    third.query_drop(insert).await.unwrap();

    assert!(!run.is_finished());
    other.query_drop("ROLLBACK").await.unwrap();
    assert_eq!(run.await.unwrap(), 1200);
    assert_eq!(database.ask(expired), "0");
    living(&store, &id("expired-1")).await;
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
