use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use handstamp::SessionStore;
use handstamp::store::{ConnectionEvent, StoreErrorKind};
use handstamp_postgres::PostgresStore;
use handstamp_testing::servers::{self, PgBouncer, Postgres, PostgresOptions, Proxy};

use crate::support::{ask, id, living, options, put, record, table, until};

/// What the stores of these tests wait for at most.
const TIMEOUT: Duration = Duration::from_secs(1);

/// Asserts that calls end in time, and fail as if nobody is there.
async fn assert_away(store: &PostgresStore) {
    let begin = Instant::now();
    let kind = store.load(&id("a")).await.unwrap_err().kind();
    assert_eq!(kind, StoreErrorKind::Unavailable);
    let kind = store.create(&id("b"), &record("{}")).await.unwrap_err().kind();
    assert_eq!(kind, StoreErrorKind::Unavailable);
    assert!(begin.elapsed() < TIMEOUT * 6, "two calls took {:?}", begin.elapsed());
}

async fn is_back(store: &PostgresStore) {
    until("the store works again", async || store.load(&id("a")).await.is_ok()).await;
    living(store, &id("a")).await;
}

#[tokio::test]
async fn a_store_survives_the_restart_of_its_server() {
    let server = Postgres::start(PostgresOptions::default());
    let store = options("session").timeout(TIMEOUT).connect(&server.url()).await.unwrap();
    put(&store, &id("a"), &record(r#"{"n":1}"#)).await;
    server.kill();
    assert_away(&store).await;
    server.start_again();
    is_back(&store).await;
}

#[tokio::test]
async fn a_store_survives_the_restart_of_pgbouncer() {
    let (table, server) = (table(), PgBouncer::start(servers::postgres()));
    let options = options(&table).pgbouncer(true).timeout(TIMEOUT);
    let store = options.connect(&server.url()).await.unwrap();
    put(&store, &id("a"), &record("{}")).await;
    server.kill();
    assert_away(&store).await;
    server.start_again();
    is_back(&store).await;
}

/// Nobody closes the connections, and nothing comes.
#[tokio::test]
async fn connections_that_fall_silent_are_replaced() {
    let server = servers::postgres();
    let proxy = Proxy::start(server.address());
    let options = options(&table()).timeout(TIMEOUT);
    let store = options.connect(&server.url_through(&proxy)).await.unwrap();
    put(&store, &id("a"), &record("{}")).await;
    proxy.black_hole();
    assert_away(&store).await;
    proxy.heal();
    is_back(&store).await;
}

/// It takes connections, and nothing comes.
#[tokio::test]
async fn a_host_that_is_silent_does_not_keep_the_next_from_being_tried() {
    let server = servers::postgres();
    let proxy = Proxy::start(server.address());
    proxy.black_hole();
    let url = format!("postgres://postgres@{},{}/postgres", proxy.address(), server.address());
    let store = options(&table()).timeout(TIMEOUT).connect(&url).await.unwrap();
    put(&store, &id("a"), &record("{}")).await;
}

/// The first statement takes long, and those behind it take longer together than any of them may.
#[tokio::test]
async fn a_connection_that_has_much_to_answer_is_not_given_up() {
    let table = table();
    let options = options(&table).connections(1).timeout(Duration::from_secs(2));
    let store = options.connect(&servers::postgres().url()).await.unwrap();
    ask(&format!(
        "CREATE FUNCTION {table}_sleep() RETURNS trigger LANGUAGE plpgsql AS
         'BEGIN PERFORM pg_sleep((NEW.sess->>''seconds'')::float); RETURN NEW; END';
         CREATE TRIGGER sleep BEFORE INSERT ON {table}
         FOR EACH ROW EXECUTE FUNCTION {table}_sleep()"
    ));
    let mut calls = tokio::task::JoinSet::new();
    for n in 0..15 {
        let store = store.clone();
        let seconds = if n == 0 { 1.5 } else { 0.2 };
        calls.spawn(async move {
            let record = record(&format!(r#"{{"seconds":{seconds}}}"#));
            store.create(&id(&format!("s{n}")), &record).await
        });
    }
    for created in calls.join_all().await {
        created.unwrap();
    }
}

#[tokio::test]
async fn a_reply_that_is_cut_short_is_an_error_and_the_next_call_works() {
    let server = servers::postgres();
    let proxy = Proxy::start(server.address());
    let options = options(&table()).timeout(TIMEOUT).connections(1);
    let store = options.connect(&server.url_through(&proxy)).await.unwrap();
    put(&store, &id("a"), &record(&format!(r#"{{"long":"{}"}}"#, "x".repeat(10_000)))).await;
    proxy.cut_after(1000);
    // A read is done again on a new connection.
    assert_eq!(living(&store, &id("a")).await.document.len(), 10_011);
    proxy.cut();
    is_back(&store).await;
}

#[tokio::test]
async fn a_read_outlives_the_connection_that_it_was_sent_on() {
    let table = table();
    let url = format!("{}?application_name={table}", servers::postgres().url());
    let store = options(&table).connections(2).connect(&url).await.unwrap();
    put(&store, &id("a"), &record("{}")).await;
    for _ in 0..5 {
        ask(&format!(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = '{table}'"
        ));
        living(&store, &id("a")).await;
    }
}

#[tokio::test]
async fn who_opened_the_store_is_told_of_its_connection() {
    let server = servers::postgres();
    let proxy = Proxy::start(server.address());
    let events = Arc::new(Mutex::new(Vec::new()));
    let heard = events.clone();
    let options = options(&table())
        .timeout(TIMEOUT)
        .on_connection(move |event| heard.lock().unwrap().push(event));
    let url = server.url_through(&proxy).replace("postgres@", "postgres:hunter2@");
    let store = options.connect(&url).await.unwrap();
    let told = async |number: usize| {
        until("it is told", async || events.lock().unwrap().len() >= number).await;
    };
    told(1).await;
    proxy.refuse();
    proxy.cut();
    told(2).await;
    proxy.heal();
    told(3).await;
    put(&store, &id("a"), &record("{}")).await;
    let events = events.lock().unwrap();
    let [ConnectionEvent::Made, ConnectionEvent::Lost(why), ConnectionEvent::Made] = &events[..]
    else {
        panic!("{events:?} was told")
    };
    assert!(why.contains(&proxy.address()) && !why.contains("hunter2"), "{why}");
}

/// And makes its table as soon as there is a server.
#[tokio::test]
async fn a_store_that_opens_lazily_works_as_soon_as_its_server_is_there() {
    let server = servers::postgres();
    let proxy = Proxy::start(server.address());
    proxy.refuse();
    let options = options(&table()).timeout(TIMEOUT);
    let store = options.connect_lazily(&server.url_through(&proxy)).unwrap();
    assert_away(&store).await;
    proxy.heal();
    until("the server is reached", async || store.load(&id("a")).await.is_ok()).await;
    put(&store, &id("a"), &record("{}")).await;
    living(&store, &id("a")).await;
}

/// A call whose future is dropped leaves a connection on which the next call gets its own answer.
#[tokio::test]
async fn dropped_calls_mix_up_no_answers() {
    let store = options(&table()).connections(1).connect(&servers::postgres().url()).await.unwrap();
    for n in 0..10 {
        put(&store, &id(&format!("s{n}")), &record(&format!(r#"{{"n":{n}}}"#))).await;
    }
    for n in 0..200 {
        let (dropped, asked) = (id(&format!("s{}", n % 10)), (n + 1) % 10);
        let cut = tokio::time::timeout(Duration::from_micros(n * 5), store.load(&dropped));
        drop(cut.await);
        let stored = living(&store, &id(&format!("s{asked}"))).await;
        assert_eq!(crate::support::text(&stored), format!(r#"{{"n":{asked}}}"#));
    }
}

/// As a pooler or an administrator may do it.
#[tokio::test]
async fn statements_that_the_server_has_forgotten_are_prepared_again() {
    let table = table();
    let options = options(&table).connections(1);
    let store = options.connect(&servers::postgres().url()).await.unwrap();
    ask(&format!(
        "CREATE FUNCTION {table}_forget() RETURNS trigger LANGUAGE plpgsql AS
         'BEGIN DEALLOCATE ALL; RETURN NULL; END';
         CREATE TRIGGER forget AFTER INSERT ON {table}
         FOR EACH ROW EXECUTE FUNCTION {table}_forget()"
    ));
    for n in 0..3 {
        put(&store, &id(&format!("s{n}")), &record("{}")).await;
        living(&store, &id(&format!("s{n}"))).await;
    }
    // Sent all at once, and all with what is forgotten by the first.
    let (first, next) = (id("s0"), id("another"));
    let record = record("{}");
    tokio::join!(
        put(&store, &next, &record),
        living(&store, &first),
        living(&store, &first),
        living(&store, &first),
    );
}

#[tokio::test]
async fn times_without_end_are_as_good_as_others() {
    let table = table();
    let options = options(&table).timeout(Duration::MAX).reap_every(Duration::MAX);
    let store = options.connect(&servers::postgres().url()).await.unwrap();
    put(&store, &id("a"), &record("{}")).await;
}
