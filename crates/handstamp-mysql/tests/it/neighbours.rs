use std::time::Duration;

use handstamp::SessionStore;
use handstamp::store::Updated;

use crate::support::{Database, id, living, owned, put, record, replace, revoke, text};

/// How express-mysql-session saves.
fn save(database: &Database, session: &str, seconds: u32, document: &str) {
    database.ask(&format!(
        "INSERT INTO sessions (session_id, expires, data) \
         VALUES ('{session}', UNIX_TIMESTAMP() + {seconds}, '{document}') \
         ON DUPLICATE KEY UPDATE expires = VALUES(expires), data = VALUES(data)"
    ));
}

#[tokio::test]
async fn a_session_that_another_application_has_saved_is_a_conflict_and_not_overwritten() {
    let database = Database::new();
    let store = database.store().await;
    let version = put(&store, &id("a"), &record(r#"{"ours":1}"#)).await;
    save(&database, "a", 1000, r#"{"theirs":1}"#);

    let updated = store.update(&id("a"), version, &record(r#"{"ours":2}"#)).await.unwrap();

    let Updated::Conflict(stored) = updated else { panic!("update said {updated:?}") };
    assert_eq!(text(&stored.document), r#"{"theirs":1}"#);
    replace(&store, &id("a"), stored.version, &record(r#"{"theirs":1,"ours":2}"#)).await;
}

#[tokio::test]
async fn a_session_that_another_application_saves_stays_its_owners() {
    let database = Database::new();
    let store = database.store().await;
    put(&store, &id("a"), &owned("{}", "alice")).await;
    save(&database, "a", 1000, r#"{"theirs":1}"#);
    assert_eq!(revoke(&store, "alice").await, 1);
    assert!(store.load(&id("a")).await.unwrap().is_none());
}

#[tokio::test]
async fn what_another_application_creates_extends_and_ends_is_seen_at_once() {
    let database = Database::new();
    let store = database.store().await;
    save(&database, "a", 1000, r#"{"theirs":1}"#);
    let stored = living(&store, &id("a")).await;
    assert!(stored.remaining.abs_diff(Duration::from_secs(1000)) < Duration::from_secs(60));

    database.ask("UPDATE sessions SET expires = UNIX_TIMESTAMP() + 5000 WHERE session_id = 'a'");
    let touched = living(&store, &id("a")).await;
    assert!(touched.remaining.abs_diff(Duration::from_secs(5000)) < Duration::from_secs(60));
    assert_eq!(touched.version, stored.version);

    database.ask("DELETE FROM sessions WHERE session_id = 'a'");
    let gone = store.update(&id("a"), stored.version, &record("{}")).await.unwrap();
    assert!(matches!(gone, Updated::Gone));
}

#[tokio::test]
async fn what_we_write_another_application_reads() {
    let database = Database::new();
    let store = database.store().await;
    put(&store, &id("a"), &owned(r#"{"ours":1}"#, "alice")).await;
    let row = database.ask(
        "SELECT data, expires BETWEEN UNIX_TIMESTAMP() + 3500 AND UNIX_TIMESTAMP() + 3601 \
         FROM sessions WHERE session_id = 'a'",
    );
    assert_eq!(row, "{\"ours\":1}\t1");
}

#[tokio::test]
async fn ids_that_are_none_of_ours_are_passed_by_and_cleared() {
    let database = Database::new();
    let store = database.store().await;
    for session in ["", " ", "a b", "世界", "../x", "ordinary"] {
        save(&database, session, 1000, "{}");
    }
    let scan = store.scan().unwrap();
    let (mut met, mut from) = (Vec::new(), None);
    loop {
        let page = scan.page(from.as_ref(), 1).await.unwrap();
        met.extend(page.sessions.into_iter().map(|(id, _)| id));
        from = page.next;
        if from.is_none() {
            break;
        }
    }
    assert_eq!(met, [id("ordinary")]);
    scan.clear().await.unwrap();
    assert_eq!(database.ask("SELECT COUNT(*) FROM sessions"), "0");
}
