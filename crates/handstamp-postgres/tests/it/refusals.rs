use std::sync::Arc;
use std::time::{Duration, Instant};

use handstamp::SessionStore;
use handstamp::store::{Cursor, Record, StoreError, StoreErrorKind};
use handstamp_postgres::{Columns, PostgresOptions, PostgresStore};
use handstamp_testing::servers;

use crate::support::{
    ask, client, id, living, options, owned, put, record, said, store, table, text,
};

/// Asserts what kind of error it is, and that it says this.
#[track_caller]
fn assert_error<T: std::fmt::Debug>(
    outcome: Result<T, StoreError>,
    kind: StoreErrorKind,
    advice: &str,
) {
    let error = outcome.unwrap_err();
    let said = said(&error);
    assert_eq!(error.kind(), kind, "{said}");
    assert!(said.contains(advice), "{said}");
    assert!(!said.contains("hunter2"), "{said}");
}

/// The shared server's URL, with another part behind `postgres://`.
fn url(user: &str, parameters: &str) -> String {
    format!("postgres://{user}@{}/postgres{parameters}", servers::postgres().address())
}

#[tokio::test]
async fn what_is_no_json_is_refused_and_not_shown() {
    let (store, _) = store().await;
    let version = put(&store, &id("a"), &record("{}")).await;
    for document in [r#"{"password":"hunter2""#, "hunter2", "", "{\"hunter2\0\":1}"] {
        let bad = record(document);
        let advice = "not JSON";
        assert_error(store.create(&id("b"), &bad).await, StoreErrorKind::Refused, advice);
        assert_error(store.update(&id("a"), version, &bad).await, StoreErrorKind::Refused, advice);
    }
    let bytes = Record { document: Arc::from(b"\"hunter2\xff\"".as_slice()), ..record("") };
    assert_error(store.create(&id("b"), &bytes).await, StoreErrorKind::Refused, "not UTF-8");
    assert_eq!(text(&living(&store, &id("a")).await), "{}");
}

/// Whatever code it has it raised under.
#[tokio::test]
async fn what_a_trigger_says_of_a_row_is_not_shown() {
    let (store, table) = store().await;
    ask(&format!(
        "CREATE FUNCTION {table}_refuse() RETURNS trigger LANGUAGE plpgsql AS
         'BEGIN RAISE ''not %'', NEW.sess USING ERRCODE = NEW.sess->>''code''; END';
         CREATE TRIGGER refuse BEFORE INSERT ON {table}
         FOR EACH ROW EXECUTE FUNCTION {table}_refuse()"
    ));
    for code in ["P0001", "UH001", "42501", "XX000", "53100"] {
        let record = record(&format!(r#"{{"password":"hunter2","code":"{code}"}}"#));
        let said = said(&store.create(&id("a"), &record).await.unwrap_err());
        assert!(said.contains(code) && !said.contains("hunter2"), "{said}");
    }
}

#[tokio::test]
async fn what_is_too_large_is_refused() {
    let table = table();
    let url = servers::postgres().url();
    let store = options(&table).max_document_bytes(10).connect(&url).await.unwrap();
    put(&store, &id("a"), &record(r#"{"a":1234}"#)).await;
    let large = record(r#"{"a":12345}"#);
    let advice = "max_document_bytes";
    assert_error(store.create(&id("b"), &large).await, StoreErrorKind::TooLarge, advice);
}

#[tokio::test]
async fn an_owner_of_any_length_serves_and_one_with_a_nul_is_refused() {
    let (store, _) = store().await;
    let long = "o".repeat(100_000);
    put(&store, &id("a"), &owned("{}", &long)).await;
    assert_eq!(store.index().unwrap().revoke(&long, None).await.unwrap(), 1);
    let nul = store.create(&id("a"), &owned("{}", "a\0")).await;
    assert_error(nul, StoreErrorKind::Refused, "");
}

#[tokio::test]
async fn a_table_that_is_missing_is_told_with_what_makes_it() {
    let table = table();
    let options = PostgresOptions::new().table_name(&table);
    let store = options.connect(&servers::postgres().url()).await.unwrap();
    assert_error(store.load(&id("a")).await, StoreErrorKind::Refused, "migrate");
    assert_error(store.scan().unwrap().total().await, StoreErrorKind::Refused, "migrate");
    store.migrate().await.unwrap();
    assert!(store.load(&id("a")).await.unwrap().is_none());
}

#[tokio::test]
async fn names_that_are_none_are_refused() {
    let url = servers::postgres().url();
    for options in [
        PostgresOptions::new().table_name(""),
        PostgresOptions::new().schema_name("x".repeat(64)),
        PostgresOptions::new().columns(Columns { sid: "a\0".into(), ..Columns::default() }),
    ] {
        assert_error(options.connect(&url).await, StoreErrorKind::Refused, "no name");
    }
}

#[tokio::test]
async fn who_may_not_enter_is_refused_and_the_password_is_not_shown() {
    let nobody = PostgresStore::connect(&url("nobody:hunter2", "")).await;
    assert_error(nobody, StoreErrorKind::Refused, "pg_hba.conf");
    let elsewhere = url("postgres:hunter2", "").replace("/postgres", &format!("/{}", table()));
    let elsewhere = elsewhere.replacen(&format!("/{}", "postgres:"), "/postgres:", 1);
    let missing = PostgresStore::connect(&elsewhere).await;
    assert_error(missing, StoreErrorKind::Refused, "");
    let unreadable = PostgresStore::connect("postgres://me:hunter2@host:port/db").await;
    assert_error(unreadable, StoreErrorKind::Refused, "postgres://user:password@host");
}

#[tokio::test]
async fn a_server_that_is_not_there_is_unavailable_and_the_password_is_not_shown() {
    // Nothing listens on port 1.
    let nobody = PostgresStore::connect("postgres://me:hunter2@127.0.0.1:1/app").await;
    assert_error(nobody, StoreErrorKind::Unavailable, "127.0.0.1:1/app");
}

#[tokio::test]
async fn a_role_that_has_no_connection_left_is_told_so() {
    let role = table();
    ask(&format!("CREATE ROLE {role} LOGIN CONNECTION LIMIT 0"));
    let full = PostgresStore::connect(&url(&format!("{role}:hunter2"), "")).await;
    assert_error(full, StoreErrorKind::Unavailable, "max_connections");
}

#[tokio::test]
async fn a_user_without_rights_is_told_so() {
    let (_owner, table) = store().await;
    ask(&format!("CREATE ROLE {table} LOGIN"));
    let options = PostgresOptions::new().table_name(&table);
    let store = options.connect(&url(&table, "")).await.unwrap();
    assert_error(store.load(&id("a")).await, StoreErrorKind::Refused, "grant it the rights");
    ask(&format!("GRANT SELECT, INSERT, UPDATE, DELETE ON {table} TO {table}"));
    put(&store, &id("a"), &owned("{}", "alice")).await;
    // Nothing is missing, so there is nothing that it may not do.
    store.migrate().await.unwrap();
}

#[tokio::test]
async fn a_server_that_is_read_only_reads_and_refuses_to_write() {
    let (store, table) = store().await;
    put(&store, &id("a"), &record("{}")).await;
    let read_only = url("postgres", "?options=-c%20default_transaction_read_only%3Don");
    let options = PostgresOptions::new().table_name(&table);
    let standby = options.connect(&read_only).await.unwrap();
    living(&standby, &id("a")).await;
    let refused = standby.create(&id("b"), &record("{}")).await;
    assert_error(refused, StoreErrorKind::Refused, "read-only");
}

#[tokio::test]
async fn a_row_that_somebody_keeps_locked_holds_up_nobody_else() {
    let (_, table) = store().await;
    let options = options(&table).timeout(Duration::from_secs(1)).connections(1);
    let store = options.connect(&servers::postgres().url()).await.unwrap();
    let version = put(&store, &id("locked"), &record("{}")).await;
    put(&store, &id("free"), &record("{}")).await;
    let other = client().await;
    let lock = format!("BEGIN; SELECT FROM {table} WHERE sid = 'locked' FOR UPDATE");
    other.batch_execute(&lock).await.unwrap();

    let begin = Instant::now();
    let late = store.update(&id("locked"), version, &record(r#"{"n":2}"#)).await;
    assert_error(late, StoreErrorKind::Timeout, "locked for too long");
    assert!(begin.elapsed() < Duration::from_millis(950), "{:?}", begin.elapsed());
    living(&store, &id("locked")).await;
    living(&store, &id("free")).await;
    other.batch_execute("COMMIT").await.unwrap();
    store.update(&id("locked"), version, &record(r#"{"n":2}"#)).await.unwrap();
}

#[tokio::test]
async fn a_page_has_an_end_whatever_is_wished_for() {
    let (store, table) = store().await;
    ask(&format!(
        "INSERT INTO {table} SELECT 's' || n, '{{}}', now() + interval '1 hour'
         FROM generate_series(1, 1001) n"
    ));
    let scan = store.scan().unwrap();
    let page = scan.page(None, usize::MAX).await.unwrap();
    assert_eq!(page.sessions.len(), 1000);
    assert_eq!(scan.page(page.next.as_ref(), usize::MAX).await.unwrap().sessions.len(), 1);
}

#[tokio::test]
async fn a_cursor_that_is_none_is_refused() {
    let (store, _) = store().await;
    let cursor = Cursor("postgres-00".into());
    let page = store.scan().unwrap().page(Some(&cursor), 10).await;
    assert_error(page, StoreErrorKind::Refused, "cursor");
}

#[tokio::test]
async fn nothing_that_is_shown_of_a_store_shows_the_password() {
    let store = options(&table()).connect(&url("postgres:hunter2", "")).await.unwrap();
    let shown = format!("{store:?}");
    assert!(shown.contains("127.0.0.1") && !shown.contains("hunter2"), "{shown}");
    let options = PostgresOptions::new().change_events_url(url("postgres:hunter2", ""));
    assert!(!format!("{options:?}").contains("hunter2"));
}

/// Whoever has made it the default for the database.
#[tokio::test]
async fn a_stricter_isolation_loses_no_update() {
    let (plain, table) = store().await;
    put(&plain, &id("a"), &record(r#"{"n":0}"#)).await;
    let strict = url("postgres", "?options=-c%20default_transaction_isolation%3Dserializable");
    let options = PostgresOptions::new().table_name(&table);
    let store = options.connect(&strict).await.unwrap();
    let mut increments = tokio::task::JoinSet::new();
    for _ in 0..20 {
        let store = store.clone();
        increments.spawn(async move {
            let mut stored = living(&store, &id("a")).await;
            loop {
                let n: u32 = text(&stored)[5..].trim_end_matches('}').parse().unwrap();
                let next = record(&format!(r#"{{"n":{}}}"#, n + 1));
                match store.update(&id("a"), stored.version, &next).await.unwrap() {
                    handstamp::store::Updated::Conflict(other) => stored = other,
                    _ => return,
                }
            }
        });
    }
    increments.join_all().await;
    assert_eq!(text(&living(&plain, &id("a")).await), r#"{"n":20}"#);
}
