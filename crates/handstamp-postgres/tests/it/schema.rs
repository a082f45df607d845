use std::sync::Arc;

use handstamp::SessionStore;
use handstamp_postgres::{Columns, PostgresOptions};
use handstamp_testing::servers;
use tokio::sync::Barrier;
use tokio::task::JoinSet;

use crate::support::{ask, client, id, living, options, owned, put, store, table, text};

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

/// Even a statement that finds nothing to do would wait, and have everybody wait behind it.
#[tokio::test]
async fn a_migration_that_has_nothing_to_do_waits_for_nobody() {
    let (store, table) = store().await;
    let reader = client().await;
    reader.batch_execute(&format!("BEGIN; SELECT count(*) FROM {table}")).await.unwrap();
    store.migrate().await.unwrap();
    reader.batch_execute("COMMIT").await.unwrap();
}
