use std::collections::BTreeMap;
use std::time::Duration;

use handstamp::SessionStore;
use handstamp::store::Record;
use handstamp_postgres::PostgresStore;
use handstamp_testing::servers;
use tokio::task::JoinSet;

use crate::support::{ask, id, living, options, owned, put, record, store, table, text, until};
use crate::wire::{Message, Wire};

/// How many statements the server has run that name this table.
fn ran(table: &str) -> u32 {
    ask(&format!(
        r#"SELECT coalesce(sum(calls), 0) FROM pg_stat_statements
           WHERE query LIKE '%"{table}"%' AND query NOT LIKE '%pg_stat_statements%'"#
    ))
    .parse()
    .unwrap()
}

#[tokio::test]
async fn each_operation_is_one_statement() {
    let (store, table) = store().await;
    let (a, alice) = (id("a"), owned(r#"{"n":1}"#, "alice"));
    let (index, scan) = (store.index().unwrap(), store.scan().unwrap());
    let mut before = ran(&table);
    let mut assert_one = |operation: &str| {
        let after = ran(&table);
        assert_eq!(after - before, 1, "statements for {operation}");
        before = after;
    };
    // Twice: the second time it is prepared.
    for _ in 0..2 {
        let version = put(&store, &a, &alice).await;
        assert_one("create");
        store.create(&a, &alice).await.unwrap();
        assert_one("create of one that is there");
        store.load(&a).await.unwrap();
        assert_one("load");
        store.touch(&a, Duration::from_secs(60)).await.unwrap();
        assert_one("touch");
        store.update(&a, version, &owned(r#"{"n":2}"#, "alice")).await.unwrap();
        assert_one("update");
        store.update(&a, version, &owned(r#"{"n":3}"#, "alice")).await.unwrap();
        assert_one("update that meets a conflict");
        index.list("alice").await.unwrap();
        assert_one("list");
        index.count("alice").await.unwrap();
        assert_one("count");
        index.revoke("alice", None).await.unwrap();
        assert_one("revoke");
        let version = put(&store, &a, &record("{}")).await;
        assert_one("create");
        let ended = Record { lifetime: Duration::ZERO, ..record(r#"{"over":1}"#) };
        store.update(&a, version, &ended).await.unwrap();
        assert_one("end");
        store.update(&a, version, &ended).await.unwrap();
        assert_one("end of one that is gone");
        store.delete(&a).await.unwrap();
        assert_one("delete");
        scan.page(None, 10).await.unwrap();
        assert_one("page");
        scan.total().await.unwrap();
        assert_one("total");
        scan.clear().await.unwrap();
        assert_one("clear");
        store.reap().await.unwrap();
        assert_one("reap");
    }
}

/// In generic plans, which PostgreSQL makes of prepared statements sooner or later.
#[tokio::test]
async fn no_operation_but_a_count_of_all_reads_the_whole_table() {
    let (_, table) = store().await;
    ask(&format!(
        "INSERT INTO {table} SELECT 'session-' || n, '{{}}', now() + n % 100 * interval '1 minute',
         'owner-' || n % 1000 FROM generate_series(1, 20000) n; ANALYZE {table}"
    ));
    let settings = "-c session_preload_libraries=auto_explain -c auto_explain.log_min_duration=0 \
        -c plan_cache_mode=force_generic_plan";
    let url = format!("{}?options={}", servers::postgres().url(), settings.replace(' ', "%20"));
    let store = options(&table).without_reaping().connect(&url).await.unwrap();
    let version = put(&store, &id("a"), &owned("{}", "alice")).await;
    store.load(&id("a")).await.unwrap();
    store.touch(&id("a"), Duration::from_secs(60)).await.unwrap();
    store.update(&id("a"), version, &owned(r#"{"n":1}"#, "alice")).await.unwrap();
    let ended = Record { lifetime: Duration::ZERO, ..record("{}") };
    store.update(&id("a"), version, &ended).await.unwrap();
    store.delete(&id("a")).await.unwrap();
    let index = store.index().unwrap();
    assert_eq!(index.list("owner-1").await.unwrap().len(), 20);
    assert_eq!(index.count("owner-1").await.unwrap(), 20);
    assert_eq!(index.revoke("owner-1", None).await.unwrap(), 20);
    store.scan().unwrap().page(None, 100).await.unwrap();
    store.reap().await.unwrap();
    assert!(store.scan().unwrap().clear().await.unwrap() > 15_000);

    let log = servers::postgres().log();
    let scans = |kind: &str| {
        let of_table = |line: &&str| line.contains(kind) && line.contains(&table);
        log.lines().filter(of_table).collect::<Vec<_>>()
    };
    assert!(scans("Index Scan").len() >= 10, "the plans are not in the log");
    assert_eq!(scans("Seq Scan"), Vec::<&str>::new());
}

#[tokio::test]
async fn few_connections_serve_many_callers() {
    let table = table();
    let url = format!("{}?application_name={table}", servers::postgres().url());
    let store = options(&table).connections(2).without_reaping().connect(&url).await.unwrap();
    put(&store, &id("a"), &record("{}")).await;
    let mut calls = JoinSet::new();
    for _ in 0..200 {
        let store = store.clone();
        calls.spawn(async move { store.load(&id("a")).await.unwrap().unwrap() });
    }
    assert_eq!(calls.join_all().await.len(), 200);
    let open =
        ask(&format!("SELECT count(*) FROM pg_stat_activity WHERE application_name = '{table}'"));
    // Two, and the one that has made the table.
    assert_eq!(open, "3");
}

#[tokio::test]
async fn fifty_loads_are_on_one_connection_before_the_first_is_answered() {
    let wire = Wire::start(servers::postgres().address()).await;
    assert_nobody_waits_for_the_answers_of_others(&wire, false).await;
}

#[tokio::test]
async fn fifty_loads_are_on_one_connection_to_pgbouncer_before_the_first_is_answered() {
    let wire = Wire::start(servers::pgbouncer().address()).await;
    assert_nobody_waits_for_the_answers_of_others(&wire, true).await;
}

/// No answer comes until all have asked. Who asked one at a time would wait for ever.
async fn assert_nobody_waits_for_the_answers_of_others(wire: &Wire, pgbouncer: bool) {
    let options = options(&table()).connections(1).pgbouncer(pgbouncer).without_reaping();
    let store = options.timeout(Duration::from_secs(60)).connect(&wire.url()).await.unwrap();
    for n in 0..50 {
        put(&store, &id(&format!("s{n}")), &record(&format!(r#"{{"n":{n}}}"#))).await;
    }
    living(&store, &id("s0")).await;
    wire.take();

    wire.hold_answers();
    let mut loads = JoinSet::new();
    for n in 0..50 {
        let store = store.clone();
        loads.spawn(async move { (n, living(&store, &id(&format!("s{n}"))).await) });
    }
    let mut said = Vec::new();
    until("all have asked", async || {
        said.extend(wire.take());
        count(&said, b'E') == 50
    })
    .await;
    assert!(said.iter().all(|message| message.connection == said[0].connection));
    assert!(loads.try_join_next().is_none(), "an answer was let through");

    wire.let_answers_pass();
    for (n, stored) in loads.join_all().await {
        assert_eq!(text(&stored), format!(r#"{{"n":{n}}}"#));
    }
}

#[tokio::test]
async fn a_connection_has_each_statement_parsed_once() {
    let wire = Wire::start(servers::postgres().address()).await;
    let options = options(&table()).connections(2).without_reaping();
    let store = options.connect(&wire.url()).await.unwrap();
    wire.take();
    let mut said = Vec::new();
    // The second connection is opened while the first is at work.
    until("each connection has done much", async || {
        do_everything(&store).await;
        said.extend(wire.take());
        let done = of_each_connection(&said).map(|messages| count(&messages, b'E'));
        done.filter(|done| *done >= 50).count() == 3
    })
    .await;

    for messages in of_each_connection(&said) {
        let mut parsed = BTreeMap::<_, usize>::new();
        for (name, sql) in messages.iter().filter_map(Message::parsed) {
            assert_ne!(name, "", "not kept: {sql}");
            *parsed.entry(sql).or_default() += 1;
        }
        let again: Vec<_> = parsed.iter().filter(|(_, times)| **times > 1).collect();
        assert!(again.is_empty(), "parsed more than once: {again:?}");
    }
}

/// The next statement may meet another connection of the server's, which would not know the name.
#[tokio::test]
async fn behind_pgbouncer_each_statement_is_sent_whole_and_kept_nowhere() {
    let wire = Wire::start(servers::pgbouncer().address()).await;
    let options = options(&table()).pgbouncer(true).without_reaping();
    let store = options.connect(&wire.url()).await.unwrap();
    wire.take();
    do_everything(&store).await;
    let said = wire.take();
    let names: Vec<_> = said.iter().filter_map(Message::parsed).map(|(name, _)| name).collect();
    assert_eq!(names, vec![""; STATEMENTS]);
    // All that belongs to a statement goes at once, with one end.
    for kind in [b'B', b'E', b'S'] {
        assert_eq!(count(&said, kind), STATEMENTS, "{}", char::from(kind));
    }
}

/// How many statements [`do_everything`] runs.
const STATEMENTS: usize = 12;

async fn do_everything(store: &PostgresStore) {
    let alice = owned(r#"{"n":1}"#, "alice");
    let (index, scan) = (store.index().unwrap(), store.scan().unwrap());
    let version = put(store, &id("a"), &alice).await;
    store.load(&id("a")).await.unwrap();
    store.touch(&id("a"), Duration::from_secs(60)).await.unwrap();
    store.update(&id("a"), version, &alice).await.unwrap();
    index.list("alice").await.unwrap();
    index.count("alice").await.unwrap();
    index.revoke("alice", None).await.unwrap();
    store.delete(&id("a")).await.unwrap();
    scan.page(None, 10).await.unwrap();
    scan.total().await.unwrap();
    scan.clear().await.unwrap();
    store.reap().await.unwrap();
}

fn count(messages: &[Message], kind: u8) -> usize {
    messages.iter().filter(|message| message.kind == kind).count()
}

fn of_each_connection(messages: &[Message]) -> impl Iterator<Item = Vec<Message>> {
    let mut each = BTreeMap::<_, Vec<_>>::new();
    for message in messages {
        each.entry(message.connection).or_default().push(message.clone());
    }
    each.into_values()
}
