//! connect-pg-simple's own statements are played by psql, as its documentation and its behaviour
//! describe them.

use handstamp::SessionStore;
use handstamp::store::{Record, StoreErrorKind, Updated};
use handstamp_postgres::PostgresOptions;
use handstamp_testing::servers;
use std::time::Duration;

use crate::support::{ask, conflict, id, living, owned, put, record, said, store, table, text};

/// The table as connect-pg-simple makes it, under another name.
fn make_old_table(table: &str) {
    ask(&format!(
        r#"CREATE TABLE "{table}" (
             "sid" varchar NOT NULL COLLATE "default",
             "sess" json NOT NULL,
             "expire" timestamp(6) NOT NULL
           ) WITH (OIDS=FALSE);
           ALTER TABLE "{table}" ADD CONSTRAINT "{table}_pk" PRIMARY KEY ("sid")
             NOT DEFERRABLE INITIALLY IMMEDIATE;
           CREATE INDEX "IDX_{table}_by_expire" ON "{table}" ("expire")"#
    ));
}

/// Its `set`, with a lifetime in seconds.
fn set(table: &str, sid: &str, sess: &str, lifetime: i32) {
    ask(&format!(
        r#"INSERT INTO "{table}" (sess, expire, sid)
           SELECT '{sess}', to_timestamp(ceil(date_part('epoch', now())) + {lifetime}), '{sid}'
           ON CONFLICT (sid) DO UPDATE
           SET sess = '{sess}', expire = to_timestamp(ceil(date_part('epoch', now())) + {lifetime})
           RETURNING sid"#
    ));
}

/// Its `get`.
fn get(table: &str, sid: &str) -> String {
    ask(&format!(
        r#"SELECT sess FROM "{table}" WHERE sid = '{sid}'
           AND expire >= to_timestamp(ceil(date_part('epoch', now())))"#
    ))
}

/// Its `touch`.
fn touch(table: &str, sid: &str, lifetime: i32) {
    ask(&format!(
        r#"UPDATE "{table}" SET expire = to_timestamp(ceil(date_part('epoch', now())) + {lifetime})
           WHERE sid = '{sid}' RETURNING sid"#
    ));
}

/// Its `destroy`.
fn destroy(table: &str, sid: &str) {
    ask(&format!(r#"DELETE FROM "{table}" WHERE sid = '{sid}'"#));
}

#[tokio::test]
async fn a_table_that_connect_pg_simple_has_made_serves_after_a_migration() {
    let table = table();
    make_old_table(&table);
    set(&table, "old", r#"{"born":"there"}"#, 3600);
    let options = PostgresOptions::new().table_name(&table);
    let store = options.connect(&servers::postgres().url()).await.unwrap();

    // What needs no owner works at once.
    assert_eq!(text(&living(&store, &id("old")).await), r#"{"born":"there"}"#);
    let error = store.create(&id("new"), &record("{}")).await.unwrap_err();
    assert_eq!(error.kind(), StoreErrorKind::Refused);
    assert!(said(&error).contains("migrate"), "{}", said(&error));

    store.migrate().await.unwrap();
    put(&store, &id("new"), &owned(r#"{"born":"here"}"#, "alice")).await;
    assert_eq!(store.index().unwrap().count("alice").await.unwrap(), 1);
    assert_eq!(get(&table, "new"), r#"{"born":"here"}"#);
    set(&table, "another", "{}", 3600);
    assert_eq!(store.scan().unwrap().total().await.unwrap(), 3);
    store.migrate().await.unwrap();
}

#[tokio::test]
async fn sessions_of_either_side_are_read_by_the_other() {
    let (store, table) = store().await;
    set(&table, "theirs", r#"{"n":1.0,"a":{},"a":[]}"#, 60);
    let theirs = living(&store, &id("theirs")).await;
    assert_eq!(text(&theirs), r#"{"n":1.0,"a":{},"a":[]}"#);
    assert!((50..=61).contains(&theirs.remaining.as_secs()), "{:?}", theirs.remaining);

    put(&store, &id("ours"), &record(r#"{ "n" : 1 }"#)).await;
    assert_eq!(get(&table, "ours"), r#"{ "n" : 1 }"#);
}

#[tokio::test]
async fn an_upsert_of_an_old_writer_is_a_conflict_and_not_overwritten() {
    let (store, table) = store().await;
    let version = put(&store, &id("a"), &owned(r#"{"n":1}"#, "alice")).await;
    set(&table, "a", r#"{"n":2}"#, 60);
    let there = conflict(store.update(&id("a"), version, &record(r#"{"n":3}"#)).await.unwrap());
    assert_eq!(text(&there), r#"{"n":2}"#);
    assert_eq!(get(&table, "a"), r#"{"n":2}"#);
    // It knows nothing of owners, and leaves them alone.
    assert_eq!(store.index().unwrap().count("alice").await.unwrap(), 1);
    let merged = owned(r#"{"n":3}"#, "alice");
    let updated = store.update(&id("a"), there.version, &merged).await.unwrap();
    assert!(matches!(updated, Updated::Done(_)));
    assert_eq!(get(&table, "a"), r#"{"n":3}"#);
}

#[tokio::test]
async fn a_touch_of_an_old_writer_changes_the_time_and_not_the_version() {
    let (store, table) = store().await;
    let version = put(&store, &id("a"), &record(r#"{"n":1}"#)).await;
    touch(&table, "a", 60);
    assert!(living(&store, &id("a")).await.remaining < Duration::from_secs(70));
    let updated = store.update(&id("a"), version, &record(r#"{"n":2}"#)).await.unwrap();
    assert!(matches!(updated, Updated::Done(_)));
}

#[tokio::test]
async fn a_session_that_an_old_writer_destroys_stays_gone() {
    let (store, table) = store().await;
    let version = put(&store, &id("a"), &record("{}")).await;
    destroy(&table, "a");
    let updated = store.update(&id("a"), version, &record(r#"{"n":2}"#)).await.unwrap();
    assert!(matches!(updated, Updated::Gone));
    assert!(!store.touch(&id("a"), Duration::from_secs(60)).await.unwrap());
    assert_eq!(get(&table, "a"), "");
}

/// Its touch asks for the id only: a row that has merely expired would live again.
#[tokio::test]
async fn a_session_that_was_ended_is_not_brought_back_by_an_old_touch() {
    let (store, table) = store().await;
    let ended = Record { lifetime: Duration::ZERO, ..record("{}") };
    let version = put(&store, &id("ended"), &record(r#"{"n":1}"#)).await;
    assert!(matches!(store.update(&id("ended"), version, &ended).await, Ok(Updated::Done(_))));
    put(&store, &id("touched"), &record("{}")).await;
    assert!(store.touch(&id("touched"), Duration::ZERO).await.unwrap());
    for sid in ["ended", "touched"] {
        touch(&table, sid, 60);
        assert_eq!(get(&table, sid), "", "{sid}");
    }
}

#[tokio::test]
async fn rows_that_are_no_sessions_of_ours_hurt_nobody() {
    let (store, table) = store().await;
    put(&store, &id("ours"), &record("{}")).await;
    for sid in ["", "no id", "/etc/passwd", &"x".repeat(5000), "ünïcödé"] {
        set(&table, sid, "{}", 60);
    }
    ask(&format!(r#"INSERT INTO "{table}" VALUES ('for-ever', '{{}}', 'infinity')"#));
    ask(&format!(r#"INSERT INTO "{table}" VALUES ('never', '{{}}', '-infinity')"#));
    let (mut met, mut from) = (Vec::new(), None);
    loop {
        let page = store.scan().unwrap().page(from.as_ref(), 2).await.unwrap();
        met.extend(page.sessions.iter().map(|(id, _)| id.as_str().to_owned()));
        from = page.next;
        if from.is_none() {
            break;
        }
    }
    met.sort();
    assert_eq!(met, ["for-ever", "ours"]);
    assert!(living(&store, &id("for-ever")).await.remaining > Duration::from_secs(1 << 40));
    assert!(store.load(&id("never")).await.unwrap().is_none());
    assert_eq!(store.scan().unwrap().clear().await.unwrap(), 7);
    assert_eq!(ask(&format!(r#"SELECT count(*) FROM "{table}""#)), "0");
}

/// Some have changed the type of the column.
#[tokio::test]
async fn a_column_of_jsonb_serves_too_also_when_it_becomes_one_under_way() {
    let (store, table) = store().await;
    let first = put(&store, &id("a"), &record(r#"{ "b":1, "a":1 }"#)).await;
    ask(&format!(r#"ALTER TABLE "{table}" ALTER COLUMN sess TYPE jsonb"#));
    let stands = conflict(store.update(&id("a"), first, &record(r#"{"n":2}"#)).await.unwrap());
    assert_eq!(text(&stands), r#"{"a": 1, "b": 1}"#);
    let mut version = stands.version;
    for n in 0..3 {
        let next = record(&format!(r#"{{"n":{n}}}"#));
        match store.update(&id("a"), version, &next).await.unwrap() {
            Updated::Done(written) => version = written,
            other => panic!("nobody else has written, yet update said {other:?}"),
        }
        assert_eq!(living(&store, &id("a")).await.version, version);
    }
    ask(&format!(r#"ALTER TABLE "{table}" ALTER COLUMN sess TYPE json"#));
    assert_eq!(text(&living(&store, &id("a")).await), r#"{"n": 2}"#);
}
