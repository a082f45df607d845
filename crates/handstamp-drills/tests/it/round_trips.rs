//! How often a request asks its store: the table of docs, exactly, counted on the wire and by the servers.
//!
//! The requests come through axum and `handstamp-tower`, as an application's do.

use std::collections::BTreeMap;

use axum::Router;
use axum::body::Body;
use axum::http::{Request, StatusCode};
use axum::routing::get;
use handstamp::store::AnyStore;
use handstamp::{Expiry, Keys, SessionConfig, SessionManager};
use handstamp_mysql::MySqlOptions;
use handstamp_testing::servers::{self, MariaDb, Redis, RedisOptions};
use handstamp_tower::{Session, SessionError, SessionLayer};
use std::time::Duration;
use tokio::task::block_in_place;
use tower::ServiceExt as _;

use crate::store::open;
use crate::wire::Wire;

/// What requests do, and the round trips that each may cost.
const TABLE: [(&str, usize); 7] = [
    ("/anonymous", 0),
    ("/create", 1),
    ("/read", 1),
    ("/write", 2),
    ("/touch", 2),
    // The touch before has made that none is due.
    ("/read", 1),
    ("/login", 3),
];

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn redis() {
    let redis = block_in_place(|| Redis::start(RedisOptions::default()));
    let wire = Wire::start(redis.address()).await;
    let store = open(&format!("redis://{}", wire.address()), "trips").await;
    let calls = || count(&redis.ask(&["INFO", "commandstats"]));
    let visits = Visits::begin(store, &wire).await;
    let counts = visits.walk(&wire, &calls).await;
    assert_eq!(trips(&counts), TABLE);
    for (path, _, calls) in &counts {
        println!("Redis {path}: {calls:?}");
        // What scripts do is counted with the rest, so only those without one can be named.
        match *path {
            "/anonymous" => assert_eq!(calls, &BTreeMap::new()),
            "/create" => assert_eq!(calls, &BTreeMap::from([("set".into(), 1)])),
            "/read" => assert_eq!(calls, &BTreeMap::from([("get".into(), 1), ("pttl".into(), 1)])),
            _ => {}
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn postgres() {
    let postgres = block_in_place(servers::postgres);
    let wire = Wire::start(postgres.address()).await;
    let store = open(&format!("postgres://postgres@{}/postgres", wire.address()), "trips").await;
    let calls = || {
        let sql = "SELECT 'statements:calls=' || coalesce(sum(calls), 0) FROM pg_stat_statements \
                   WHERE query LIKE '%trips%' AND query NOT LIKE '%pg_stat_statements%'";
        count(&postgres.ask(sql))
    };
    let visits = Visits::begin(store, &wire).await;
    let counts = visits.walk(&wire, &calls).await;
    assert_eq!(trips(&counts), TABLE);
    assert_eq!(called(&counts, "statements"), TABLE);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn mariadb() {
    let mariadb = block_in_place(MariaDb::start);
    let wire = Wire::start(mariadb.address()).await;
    // Statements are prepared once on each connection, and the driver's pool gives out whichever it likes.
    let options =
        MySqlOptions::new().connections(1).table_name("trips").create_table_if_missing(true);
    let url = format!("mysql://root@{}/handstamp", wire.address());
    let store = options.connect(&url).await.unwrap().into();
    let calls = || {
        let sql = "SELECT CONCAT(LOWER(VARIABLE_NAME), ':calls=', VARIABLE_VALUE) \
                   FROM information_schema.GLOBAL_STATUS WHERE VARIABLE_NAME LIKE 'Com_stmt_execute'";
        count(&mariadb.ask(sql))
    };
    let visits = Visits::begin(store, &wire).await;
    let counts = visits.walk(&wire, &calls).await;
    assert_eq!(trips(&counts), TABLE);
    assert_eq!(called(&counts, "com_stmt_execute"), TABLE);
}

/// A row of the table: what a request did, its round trips, and what the server counted.
type Count = (&'static str, usize, BTreeMap<String, usize>);

fn trips(counts: &[Count]) -> Vec<(&'static str, usize)> {
    counts.iter().map(|(path, trips, _)| (*path, *trips)).collect()
}

fn called(counts: &[Count], name: &str) -> Vec<(&'static str, usize)> {
    let of = |calls: &BTreeMap<String, usize>| calls.get(name).copied().unwrap_or_default();
    counts.iter().map(|(path, _, calls)| (*path, of(calls))).collect()
}

/// Reads lines of `NAME:calls=NUMBER`, with whatever after a comma.
fn count(answer: &str) -> BTreeMap<String, usize> {
    let lines = answer.lines().filter_map(|line| line.trim().split_once(":calls="));
    let name = |name: &str| name.trim_start_matches("cmdstat_").to_owned();
    let number = |rest: &str| rest.split(',').next().unwrap().parse().unwrap();
    let counts = lines.map(|(command, rest)| (name(command), number(rest)));
    // The question itself, and whether the server is there, are not the visitor's.
    counts.filter(|(name, _)| name != "info" && name != "ping").collect()
}

/// An application and a visitor's cookie.
struct Visits {
    application: Router,
    /// The same, but a session that is not used ends in a tenth of the time.
    hasty: Router,
}

impl Visits {
    /// All that is done once is done: connections, prepared statements, scripts.
    async fn begin(store: AnyStore, wire: &Wire) -> Self {
        let config = SessionConfig::strict();
        let application = application(store.clone(), config.clone());
        let hasty =
            application_with_expiry(store, config, Expiry::idle(Duration::from_secs(60 * 60)));
        let visits = Self { application, hasty };
        for _ in 0..10 {
            visits.walk(wire, &BTreeMap::new).await;
        }
        visits
    }

    /// Sends a request of each kind.
    async fn walk(&self, wire: &Wire, calls: &impl Fn() -> BTreeMap<String, usize>) -> Vec<Count> {
        let mut cookie = None;
        let mut counts = Vec::new();
        for (path, _) in TABLE {
            if path == "/touch" {
                // So little is left of its time that it is due.
                visit(&self.hasty, "/write", &mut cookie).await;
            }
            let before = block_in_place(calls);
            wire.take();
            visit(&self.application, if path == "/touch" { "/read" } else { path }, &mut cookie)
                .await;
            let trips = wire.take();
            counts.push((path, trips, difference(&before, &block_in_place(calls))));
        }
        counts
    }
}

fn difference(
    before: &BTreeMap<String, usize>,
    after: &BTreeMap<String, usize>,
) -> BTreeMap<String, usize> {
    let new = after
        .iter()
        .map(|(name, calls)| (name.clone(), calls - before.get(name).copied().unwrap_or_default()));
    new.filter(|(_, calls)| *calls > 0).collect()
}

fn application(store: AnyStore, config: SessionConfig) -> Router {
    let keys = Keys::new("Yk3RxVw8TqZm5bPe2Jd9UsLf7Hc4NgAv").unwrap();
    let sessions = SessionManager::new(store, keys).with_config(config).unwrap();
    Router::new()
        .route("/anonymous", get(async || "hello"))
        .route("/create", get(write))
        .route("/read", get(read))
        .route("/write", get(write))
        .route("/login", get(login))
        .layer(SessionLayer::new(sessions))
}

fn application_with_expiry(store: AnyStore, config: SessionConfig, expiry: Expiry) -> Router {
    application(store, config.with_expiry(expiry))
}

async fn read(session: Session) -> Result<String, SessionError> {
    Ok(session.get::<u64>("count")?.expect("the visitor has been here").to_string())
}

async fn write(session: Session) -> Result<String, SessionError> {
    Ok(session.update("count", |count: Option<u64>| count.unwrap_or(0) + 1)?.to_string())
}

async fn login(session: Session) -> Result<&'static str, SessionError> {
    session.login("alice")?;
    Ok("welcome")
}

/// Sends a request with the visitor's cookie and keeps what comes back.
async fn visit(application: &Router, path: &str, cookie: &mut Option<String>) {
    let mut request = Request::get(path);
    if let Some(cookie) = &cookie {
        request = request.header("cookie", cookie);
    }
    let response = application.clone().oneshot(request.body(Body::empty()).unwrap()).await.unwrap();
    assert_eq!(response.status(), StatusCode::OK, "{path}");
    if let Some(new) = response.headers().get("set-cookie") {
        *cookie = Some(new.to_str().unwrap().split(';').next().unwrap().to_owned());
    }
}
