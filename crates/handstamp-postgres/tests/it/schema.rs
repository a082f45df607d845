use std::sync::Arc;

use handstamp::SessionStore;
use handstamp_postgres::{Columns, PostgresOptions};
use handstamp_testing::servers;
use tokio::sync::Barrier;
use tokio::task::JoinSet;

use crate::support::{
    ask, client, connect, id, living, options, owned, put, store, table, text, until,
};

/// SQL that makes a table as connect-pg-simple needs it, but for the index.
fn old_schema(table: &str) -> String {
    format!(
        "CREATE TABLE {table} (sid varchar PRIMARY KEY, sess json NOT NULL, expire timestamp(6) NOT NULL);"
    )
}

fn old(table: &str) {
    ask(&old_schema(table));
}

#[tokio::test]
async fn the_table_is_connect_pg_simples_and_a_column() {
    let (_store, table) = store().await;
    let columns = ask(&format!(
        "SELECT column_name, data_type, datetime_precision, is_nullable, collation_name
         FROM information_schema.columns WHERE table_name = '{table}' ORDER BY ordinal_position"
    ));
    assert_eq!(
        columns,
        "sid|character varying||NO|\nsess|json||NO|\nexpire|timestamp without time zone|6|NO|\n\
         handstamp_owner|text||YES|"
    );
    let indexes = ask(&format!(
        "SELECT indexdef FROM pg_indexes WHERE tablename = '{table}' ORDER BY indexname"
    ));
    assert_eq!(
        indexes,
        format!(
            "CREATE INDEX \"IDX_{table}_expire\" ON public.{table} USING btree (expire)\n\
             CREATE INDEX \"IDX_{table}_handstamp_owner\" ON public.{table} USING hash \
             (handstamp_owner) WHERE (handstamp_owner IS NOT NULL)\n\
             CREATE UNIQUE INDEX {table}_pkey ON public.{table} USING btree (sid)"
        )
    );
}

#[tokio::test]
async fn the_schema_as_text_makes_what_a_migration_makes() {
    let table = table();
    let options = PostgresOptions::new().table_name(&table);
    ask(&options.schema());
    ask(&options.schema());
    let store = options.connect(&servers::postgres().url()).await.unwrap();
    assert_eq!(store.schema(), options.schema());
    put(&store, &id("a"), &owned("{}", "alice")).await;
    assert_eq!(store.index().unwrap().count("alice").await.unwrap(), 1);
}

#[tokio::test]
async fn any_names_serve() {
    let schema = format!("a \"schema\"; '{}' \\ --", table());
    ask(&format!("CREATE SCHEMA \"{}\"", schema.replace('"', "\"\"")));
    let options = PostgresOptions::new()
        .schema_name(&schema)
        .table_name(r#"Sess"ions'; DROP TABLE x; -- \ ü"#)
        .columns(Columns {
            sid: "s\"id".into(),
            sess: "se'ss".into(),
            expire: r"ex\pire".into(),
            owner: "$handstamp$ %".into(),
        })
        .change_events(true)
        .create_table_if_missing(true);
    let store = options.connect(&servers::postgres().url()).await.unwrap();
    let mut feed = store.changes().unwrap().watch().await.unwrap();

    let version = put(&store, &id("a"), &owned(r#"{"n":1}"#, "alice")).await;
    assert_eq!(feed.next().await, Some(handstamp::store::Change::One(id("a"))));
    store.update(&id("a"), version, &owned(r#"{"n":2}"#, "alice")).await.unwrap();
    assert_eq!(text(&living(&store, &id("a")).await), r#"{"n":2}"#);
    assert_eq!(store.index().unwrap().list("alice").await.unwrap().len(), 1);
    assert_eq!(store.scan().unwrap().page(None, 10).await.unwrap().sessions.len(), 1);
    assert_eq!(store.index().unwrap().revoke("alice", None).await.unwrap(), 1);
    assert_eq!(store.reap().await.unwrap(), 0);
    assert_eq!(store.scan().unwrap().clear().await.unwrap(), 0);
    store.migrate().await.unwrap();
}

#[tokio::test]
async fn names_as_long_as_can_be_get_indexes_of_their_own() {
    let table = format!("{}{}", "t".repeat(63 - table().len()), table());
    let store = options(&table[..63]).connect(&servers::postgres().url()).await.unwrap();
    put(&store, &id("a"), &owned("{}", "alice")).await;
    let indexes = ask(&format!("SELECT count(*) FROM pg_indexes WHERE tablename = '{table}'"));
    assert_eq!(indexes, "3");
    // It finds all of them again.
    let locked = client().await;
    locked
        .batch_execute(&format!("BEGIN; LOCK TABLE {table} IN ROW EXCLUSIVE MODE"))
        .await
        .unwrap();
    store.migrate().await.unwrap();
}

#[tokio::test]
async fn many_may_migrate_at_once() {
    let table = table();
    let start = Arc::new(Barrier::new(8));
    let mut migrations = JoinSet::new();
    for _ in 0..8 {
        let (table, start) = (table.clone(), start.clone());
        migrations.spawn(async move {
            let store =
                PostgresOptions::new().table_name(&table).change_events(true).connections(1);
            let store = store.connect(&servers::postgres().url()).await.unwrap();
            start.wait().await;
            store.migrate().await.unwrap();
        });
    }
    migrations.join_all().await;
}

/// connect-pg-simple's file makes the table by any name, and calls the index always the same.
#[tokio::test]
async fn an_index_of_another_name_serves() {
    let table = table();
    old(&table);
    ask(&format!(r#"CREATE INDEX "{table}_by_time" ON {table} (expire)"#));
    options(&table).connect(&servers::postgres().url()).await.unwrap();
    let indexes = ask(&format!(
        "SELECT count(*) FROM pg_indexes WHERE tablename = '{table}' AND indexdef LIKE '%(expire)%'"
    ));
    assert_eq!(indexes, "1");
}

/// A trigger keeps the migration at its first index until the test lets it go on. It is one of the whole
/// database, so there is one for this test.
#[tokio::test]
async fn nobody_who_reads_waits_while_an_index_is_built() {
    let table = table();
    ask(&format!("CREATE DATABASE {table}"));
    let url = servers::postgres().url_of(&table);
    let database = connect(&url).await;
    database
        .batch_execute(&format!(
            "{} CREATE FUNCTION hold() RETURNS event_trigger LANGUAGE plpgsql AS
             'BEGIN PERFORM pg_advisory_xact_lock(1); END';
             CREATE EVENT TRIGGER hold ON ddl_command_start WHEN TAG IN ('CREATE INDEX')
             EXECUTE FUNCTION hold();
             SELECT pg_advisory_lock(1); SET lock_timeout = '2s'",
            old_schema("session")
        ))
        .await
        .unwrap();
    let store = PostgresOptions::new().connect(&url).await.unwrap();
    let migrating = store.clone();
    let migration = tokio::spawn(async move { migrating.migrate().await });
    until("the migration waits", async || {
        let waiting =
            "SELECT FROM pg_locks WHERE locktype = 'advisory' AND NOT granted AND objid = 1";
        !database.query(waiting, &[]).await.unwrap().is_empty()
    })
    .await;
    let read = database.query("SELECT handstamp_owner FROM session", &[]).await;
    database.batch_execute("SELECT pg_advisory_unlock(1)").await.unwrap();
    assert!(read.is_ok(), "{read:?}");
    migration.await.unwrap().unwrap();
}

/// As it may be set for statements that have to be brief.
#[tokio::test]
async fn a_migration_may_take_longer_than_a_statement() {
    let table = table();
    old(&table);
    let reader = client().await;
    reader.batch_execute(&format!("BEGIN; SELECT count(*) FROM {table}")).await.unwrap();
    let url = format!("{}?options=-c%20statement_timeout%3D500", servers::postgres().url());
    let store = PostgresOptions::new().table_name(&table).connect(&url).await.unwrap();
    let migration = tokio::spawn(async move { store.migrate().await });
    reader.batch_execute("SELECT pg_sleep(1.5); COMMIT").await.unwrap();
    migration.await.unwrap().unwrap();
}

/// Even a statement that finds nothing to do would wait, and have everybody wait behind it.
#[tokio::test]
async fn a_migration_that_has_nothing_to_do_waits_for_nobody() {
    let (store, table) = store().await;
    let reader = client().await;
    reader.batch_execute(&format!("BEGIN; SELECT count(*) FROM {table}")).await.unwrap();
    store.migrate().await.unwrap();
    reader.batch_execute("COMMIT").await.unwrap();
}
