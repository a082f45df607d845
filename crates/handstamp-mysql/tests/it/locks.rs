use std::time::Duration;

use handstamp::SessionStore;
use handstamp::store::StoreErrorKind;
use handstamp_mysql::MySqlOptions;
use handstamp_testing::servers::MariaDb;
use mysql_async::prelude::Queryable;
use mysql_async::{Conn, Error};

use crate::support::{
    Database, failed, id, living, owned, put, record, replace, revoke, text, until,
    until_innodb_says,
};

/// Another transaction has what the revocation wants, wants what the revocation has, and is too large to be
/// the one that the server rolls back.
#[tokio::test(flavor = "multi_thread")]
async fn a_deadlock_is_tried_again() {
    let server = MariaDb::start();
    let options = MySqlOptions::new().create_table_if_missing(true);
    let store = options.connect(&server.url()).await.unwrap();
    for session in ["a", "b"] {
        put(&store, &id(session), &owned("{}", "alice")).await;
    }
    let deadlocks = || server.ask("SHOW GLOBAL STATUS LIKE 'Innodb_deadlocks'");
    assert_eq!(deadlocks(), "Innodb_deadlocks\t0");

    let mut other = Conn::from_url(server.url()).await.unwrap();
    other.query_drop("BEGIN").await.unwrap();
    other.query_drop("CREATE TEMPORARY TABLE ballast (n INT) ENGINE=InnoDB").await.unwrap();
    other.query_drop("INSERT INTO ballast SELECT seq FROM seq_1_to_1000").await.unwrap();
    other.query_drop("UPDATE sessions SET data = '{}{}' WHERE session_id = 'b'").await.unwrap();
    let revocation = tokio::spawn({
        let store = store.clone();
        async move { revoke(&store, "alice").await }
    });
    until_innodb_says(|| somebody_waits(&server)).await;
    other.query_drop("UPDATE sessions SET data = '{}{}' WHERE session_id = 'a'").await.unwrap();
    other.query_drop("COMMIT").await.unwrap();

    assert_eq!(revocation.await.unwrap(), 2);
    assert_eq!(deadlocks(), "Innodb_deadlocks\t1");
}

fn somebody_waits(server: &MariaDb) -> bool {
    let waiting =
        "SELECT COUNT(*) FROM information_schema.innodb_trx WHERE trx_state = 'LOCK WAIT'";
    server.ask(waiting) != "0"
}

#[tokio::test(flavor = "multi_thread")]
async fn a_lock_that_is_held_for_some_seconds_is_waited_for() {
    let database = Database::new();
    let store = database.store().await;
    let version = put(&store, &id("a"), &record(r#"{"n":1}"#)).await;
    let mut other = hold(&database, "a").await;
    let update = tokio::spawn({
        let store = store.clone();
        async move { replace(&store, &id("a"), version, &record(r#"{"n":2}"#)).await }
    });
    // The server has let one statement wait as long as it does, and the next one waits.
    let first = database.waiting().await;
    until(|| ![String::new(), first.clone()].contains(&database.waits())).await;
    assert!(!update.is_finished());
    other.query_drop("ROLLBACK").await.unwrap();
    update.await.unwrap();
    assert_eq!(text(&living(&store, &id("a")).await.document), r#"{"n":2}"#);
}

#[tokio::test]
async fn a_lock_that_is_never_given_back_makes_an_error_after_the_lock_timeout() {
    let database = Database::new();
    let options = MySqlOptions::new().lock_timeout(Duration::from_millis(10));
    let store = database.store_with(&options).await;
    let version = put(&store, &id("a"), &record(r#"{"n":1}"#)).await;
    let _other = hold(&database, "a").await;
    let outcome = store.update(&id("a"), version, &record(r#"{"n":2}"#)).await;
    let said = failed(outcome, StoreErrorKind::Unavailable);
    assert!(said.contains("longer than the lock timeout"), "{said}");
    // Reading does not wait for writers.
    assert_eq!(text(&living(&store, &id("a")).await.document), r#"{"n":1}"#);
    // Neither do other sessions.
    put(&store, &id("b"), &record("{}")).await;
}

/// What a rotation would have to do to escape: create the new session behind the revocation's back.
#[tokio::test(flavor = "multi_thread")]
async fn while_a_revocation_runs_nothing_is_created_behind_its_back() {
    let database = Database::new();
    let store = database.store().await;
    for session in ["b", "c", "d"] {
        put(&store, &id(session), &owned("{}", "alice")).await;
    }
    put(&store, &id("bobs"), &owned("{}", "bob")).await;
    assert_frozen(&database, "d", {
        let store = store.clone();
        async move { revoke(&store, "alice").await }
    })
    .await;
    assert_eq!(store.index().unwrap().count("bob").await.unwrap(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn while_the_last_step_of_a_clear_runs_nothing_is_created_behind_its_back() {
    let database = Database::new();
    let store = database.store().await;
    for session in ["b", "c", "d"] {
        put(&store, &id(session), &owned("{}", "alice")).await;
    }
    // So few sessions are cleared by the last step alone.
    assert_frozen(&database, "d", async move { store.scan().unwrap().clear().await.unwrap() })
        .await;
}

/// Stops an operation at the last of alice's three sessions, and asserts that then none can be created
/// where it has been.
async fn assert_frozen(
    database: &Database,
    last: &str,
    operation: impl Future<Output = usize> + Send + 'static,
) {
    let mut holder = hold(database, last).await;
    let mut creator = database.connect().await;
    creator.query_drop("SET innodb_lock_wait_timeout = 0").await.unwrap();
    let operation = tokio::spawn(operation);
    let waits = format!(
        "SELECT COUNT(*) FROM information_schema.innodb_trx JOIN information_schema.processlist \
         ON id = trx_mysql_thread_id WHERE trx_state = 'LOCK WAIT' AND db = '{}'",
        database.name
    );
    until_innodb_says(|| database.ask(&waits) == "1").await;
    let created = creator
        .query_drop(
            "INSERT INTO sessions (session_id, expires, data, handstamp_owner) VALUES \
             ('a', UNIX_TIMESTAMP() + 100, '{}', UNHEX(SHA2('alice', 256)))",
        )
        .await;
    assert!(
        matches!(&created, Err(Error::Server(error)) if error.code == 1205),
        "it did not have to wait: {created:?}"
    );
    holder.query_drop("ROLLBACK").await.unwrap();
    operation.await.unwrap();
    let left = "SELECT COUNT(*) FROM sessions WHERE handstamp_owner = UNHEX(SHA2('alice', 256))";
    assert_eq!(database.ask(left), "0");
}

/// A transaction that has locked a session.
async fn hold(database: &Database, session: &str) -> Conn {
    let mut connection = database.connect().await;
    connection.query_drop("BEGIN").await.unwrap();
    let lock = format!("SELECT 1 FROM sessions WHERE session_id = '{session}' FOR UPDATE");
    connection.query_drop(lock).await.unwrap();
    connection
}
