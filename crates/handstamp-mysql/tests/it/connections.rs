use std::future::poll_fn;
use std::pin::pin;
use std::sync::{Arc, Mutex};
use std::task::Poll;
use std::time::{Duration, Instant};

use handstamp::SessionStore;
use handstamp::store::{ConnectionEvent, StoreErrorKind, Updated};
use handstamp_mysql::{MySqlOptions, MySqlStore};
use handstamp_testing::servers::{MariaDb, Proxy};
use mysql_async::Conn;
use tokio::task::JoinSet;
use tokio::time::timeout;

use crate::support::{
    Database, failed, id, living, owned, put, record, replace, server, text, until,
};

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_was_restarted_is_used_again_without_an_error() {
    let server = MariaDb::start();
    let options = MySqlOptions::new().create_table_if_missing(true);
    let store = options.connect(&server.url()).await.unwrap();
    let version = put(&store, &id("a"), &record(r#"{"n":1}"#)).await;

    server.kill();
    let begin = Instant::now();
    let said = failed(store.load(&id("a")).await, StoreErrorKind::Unavailable);
    assert!(said.contains("can't be reached"), "{said}");
    failed(store.load(&id("a")).await, StoreErrorKind::Unavailable);
    assert!(begin.elapsed() < Duration::from_secs(5));

    server.start_again();
    replace(&store, &id("a"), version, &record(r#"{"n":2}"#)).await;
    living(&store, &id("a")).await;

    // Nothing in between: the connection that idled is found to be dead before it is used.
    server.restart();
    assert_eq!(text(&living(&store, &id("a")).await.document), r#"{"n":2}"#);
}

#[tokio::test(flavor = "multi_thread")]
async fn that_the_server_is_away_and_back_is_told_once_and_without_a_call() {
    let server = MariaDb::start();
    let (options, events) = listening();
    let store = options.create_table_if_missing(true).connect(&server.url()).await.unwrap();
    assert_eq!(*events.lock().unwrap(), [ConnectionEvent::Made]);

    server.kill();
    failed(store.load(&id("a")).await, StoreErrorKind::Unavailable);
    until(|| events.lock().unwrap().len() == 2).await;
    let lost = events.lock().unwrap()[1].clone();
    assert!(
        matches!(&lost, ConnectionEvent::Lost(why) if why.contains(&server.address())),
        "{lost:?}"
    );
    failed(store.load(&id("a")).await, StoreErrorKind::Unavailable);

    server.start_again();
    until(|| events.lock().unwrap().len() == 3).await;
    assert_eq!(*events.lock().unwrap(), [ConnectionEvent::Made, lost, ConnectionEvent::Made]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_store_that_was_opened_before_its_server_tells_when_it_comes_without_a_call() {
    let server = MariaDb::start();
    server.kill();
    let (options, events) = listening();
    let store = options.create_table_if_missing(true).connect_lazily(&server.url()).unwrap();
    until(|| events.lock().unwrap().len() == 1).await;
    assert!(matches!(events.lock().unwrap()[0], ConnectionEvent::Lost(_)));
    server.start_again();
    until(|| events.lock().unwrap().len() == 2).await;
    assert_eq!(events.lock().unwrap()[1], ConnectionEvent::Made);
    // Nobody has called for the table.
    until(|| server.ask("SHOW TABLES") == "sessions").await;
    drop(store);
}

/// Options whose listener fills the list.
fn listening() -> (MySqlOptions, Arc<Mutex<Vec<ConnectionEvent>>>) {
    let events = Arc::new(Mutex::new(Vec::new()));
    let list = events.clone();
    let options = MySqlOptions::new().on_connection(move |event| list.lock().unwrap().push(event));
    (options, events)
}

#[tokio::test]
async fn a_store_may_be_opened_before_its_server() {
    let server = MariaDb::start();
    server.kill();
    let options = MySqlOptions::new();
    failed(options.connect(&server.url()).await, StoreErrorKind::Unavailable);
    let store = options.connect_lazily(&server.url()).unwrap();
    failed(store.load(&id("a")).await, StoreErrorKind::Unavailable);
    server.start_again();
    store.migrate().await.unwrap();
    put(&store, &id("a"), &record("{}")).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn no_more_connections_are_made_than_allowed_however_many_call() {
    let database = Database::new();
    let store = database.store_with(&MySqlOptions::new().connections(3)).await;
    put(&store, &id("a"), &record("{}")).await;
    let mut calls = JoinSet::new();
    for _ in 0..300 {
        let store = store.clone();
        calls.spawn(async move { living(&store, &id("a")).await });
    }
    calls.join_all().await;
    let connected = connected(&database);
    assert!((1..=3).contains(&connected), "{connected} connections");
}

/// As two processes do, for they share nothing but the table.
#[tokio::test(flavor = "multi_thread")]
async fn a_hundred_increments_in_two_stores_end_at_a_hundred() {
    let database = Database::new();
    let stores = [database.store().await, database.store().await];
    put(&stores[0], &id("a"), &record("0")).await;
    let mut increments = JoinSet::new();
    for n in 0..100 {
        let store = stores[n % 2].clone();
        increments.spawn(async move {
            let mut current = living(&store, &id("a")).await;
            loop {
                let next: u32 = text(&current.document).parse::<u32>().unwrap() + 1;
                let next = record(&next.to_string());
                match store.update(&id("a"), current.version, &next).await.unwrap() {
                    Updated::Conflict(stored) => current = stored,
                    Updated::Done(_) => return,
                    Updated::Gone => panic!("nobody has deleted it"),
                }
            }
        });
    }
    increments.join_all().await;
    assert_eq!(database.ask("SELECT data FROM sessions"), "100");
}

/// Futures that are dropped anywhere take no connection with them and leave none unusable.
#[tokio::test(flavor = "multi_thread")]
async fn callers_who_leave_do_not_use_connections_up() {
    let database = Database::new();
    let store = database.store_with(&MySqlOptions::new().connections(2)).await;
    put(&store, &id("a"), &record("{}")).await;
    let mut calls = JoinSet::new();
    for polls in 0..400 {
        let store = store.clone();
        calls.spawn(async move {
            let a = id("a");
            let mut call = pin!(store.load(&a));
            for _ in 0..polls % 7 {
                let polled = poll_fn(|context| Poll::Ready(call.as_mut().poll(context))).await;
                if polled.is_ready() {
                    return;
                }
                tokio::task::yield_now().await;
            }
        });
    }
    calls.join_all().await;
    for _ in 0..20 {
        timeout(Duration::from_secs(30), living(&store, &id("a"))).await.expect("it hangs");
    }
    assert!(connected(&database) <= 4, "{} connections", connected(&database));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_reply_that_is_cut_is_an_error_and_the_next_call_works() {
    let (database, proxy, store) = through_a_proxy(MySqlOptions::new().connections(1)).await;
    let version = put(&store, &id("a"), &record(r#"{"n":1}"#)).await;
    for bytes in [0, 1, 5] {
        living(&store, &id("a")).await;
        proxy.cut_after(bytes);
        failed(store.load(&id("a")).await, StoreErrorKind::Unavailable);
        living(&store, &id("a")).await;
    }
    // A write whose reply was lost has happened or not, and the store tells which.
    proxy.cut_after(0);
    failed(
        store.update(&id("a"), version, &record(r#"{"n":2}"#)).await,
        StoreErrorKind::Unavailable,
    );
    let updated = store.update(&id("a"), version, &record(r#"{"n":3}"#)).await.unwrap();
    let now = database.ask("SELECT data FROM sessions");
    match updated {
        Updated::Done(_) => assert_eq!(now, r#"{"n":3}"#),
        Updated::Conflict(stored) => {
            assert_eq!((text(&stored.document), &*now), (r#"{"n":2}"#, r#"{"n":2}"#));
        }
        Updated::Gone => panic!("nobody has deleted it"),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_network_that_swallows_everything_holds_nobody_up_for_long_and_is_used_when_it_is_back() {
    let options = MySqlOptions::new().connections(2).connect_timeout(Duration::from_millis(500));
    let (_database, proxy, store) = through_a_proxy(options).await;
    put(&store, &id("a"), &record("{}")).await;
    proxy.black_hole();
    // The engine's deadline, for calls on connections that were there.
    for _ in 0..4 {
        let outcome = timeout(Duration::from_millis(300), store.load(&id("a"))).await;
        assert!(outcome.is_err() || outcome.unwrap().is_err());
    }
    // All of those are given up by now, and new ones are not made.
    let said = failed(store.load(&id("a")).await, StoreErrorKind::Unavailable);
    assert!(said.contains("connect timeout"), "{said}");
    proxy.heal();
    living(&store, &id("a")).await;
}

/// The server sends some sessions and then falls asleep over the last.
#[tokio::test(flavor = "multi_thread")]
async fn a_reply_that_is_left_half_read_does_not_keep_the_connection() {
    let database = Database::new();
    let options = MySqlOptions::new().connections(1).connect_timeout(Duration::from_secs(60));
    let store = database.store_with(&options).await;
    let document = format!("\"{}\"", "x".repeat(1 << 20));
    for session in ["a", "b", "z"] {
        put(&store, &id(session), &owned(&document, "alice")).await;
    }
    database.ask(
        "RENAME TABLE sessions TO awake; CREATE VIEW sessions AS \
         SELECT session_id, expires, handstamp_owner, \
         IF(session_id = 'z', CONCAT(data, SLEEP(40)), data) AS data FROM awake",
    );
    living(&store, &id("a")).await;

    let reading = timeout(Duration::from_secs(2), store.index().unwrap().list("alice")).await;
    assert!(reading.is_err(), "the server does not sleep");
    let begin = Instant::now();
    living(&store, &id("a")).await;
    assert!(begin.elapsed() < Duration::from_secs(20), "{:?}", begin.elapsed());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_without_room_for_a_connection_is_an_error_that_says_so() {
    // Fewer than ten it does not take, and one more is there for a superuser, which is who the tests are.
    let server = MariaDb::start_with(&["--max-connections=10"]);
    let mut others = Vec::new();
    let begin = Instant::now();
    while others.len() < 11 {
        // The client that has made the database may still be leaving.
        others.extend(Conn::from_url(server.url()).await.ok());
        assert!(begin.elapsed() < Duration::from_secs(60), "the room is never full");
    }
    let options = MySqlOptions::new().create_table_if_missing(true);
    let said = failed(options.connect(&server.url()).await, StoreErrorKind::Unavailable);
    assert!(said.contains("max_connections"), "{said}");
    for other in others {
        other.disconnect().await.unwrap();
    }
    let store = options.connect(&server.url()).await.unwrap();
    put(&store, &id("a"), &record("{}")).await;
}

async fn through_a_proxy(options: MySqlOptions) -> (Database, Proxy, MySqlStore) {
    let database = Database::new();
    let proxy = Proxy::start(server().address());
    let url = database.url().replace(&server().address(), &proxy.address());
    let store = options.create_table_if_missing(true).connect(&url).await.unwrap();
    (database, proxy, store)
}

/// How many connections of the store to this database there are.
fn connected(database: &Database) -> usize {
    let count = database.ask(&format!(
        "SELECT COUNT(*) FROM information_schema.processlist \
         WHERE db = '{}' AND id <> CONNECTION_ID()",
        database.name
    ));
    count.parse().unwrap()
}
