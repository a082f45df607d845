//! Sessions move from one real store to another while three processes' worth of managers serve visitors:
//! parallel increments, rotations, logouts and revocations, with the bulk running beside them.
//!
//! In the end no session is lost, none is brought back, none is there twice, every counter is right, and each
//! session has the time that is left of its own lifetime.

/// Moving what nobody asks for.
mod bulk;
/// Two places to move between.
mod pair;
/// Visitors and what they do.
mod traffic;

use std::collections::BTreeMap;
use std::path::Path;
use std::time::Duration;

use handstamp::store::{AnyStore, Stored};
use handstamp::{BulkMove, Keys, MemoryStore, MovingStore, SessionManager};
use handstamp_mysql::MySqlOptions;
use handstamp_postgres::PostgresOptions;
use handstamp_redis::RedisOptions;
use handstamp_sqlite::{SqliteOptions, Synchronous};
use handstamp_testing::servers;

use self::traffic::{Traffic, Visitor};

/// How many processes serve the visitors, each with connections of its own.
const PROCESSES: usize = 3;

/// Visitors who come again and again while the sessions move, in equal parts of each [`traffic::Kind`].
const ACTIVE: usize = 60;

/// Visitors who come once before and once after.
const IDLE: usize = 300;

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn memory_to_sqlite() {
    let memory = MemoryStore::new();
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("sessions.db");
    move_under_live_traffic(async || memory.clone().into(), async || sqlite(&path)).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn sqlite_to_redis() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("sessions.db");
    let sqlite = async || sqlite(&path);
    let redis = async || redis(&servers::redis().url(), "sqlite-to-redis:").await;
    move_under_live_traffic(sqlite, redis).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn redis_to_postgres() {
    let redis = async || redis(&servers::redis().url(), "redis-to-postgres:").await;
    let postgres = async || {
        let options = PostgresOptions::new().table_name("redis_to_postgres");
        let options = options.create_table_if_missing(true);
        options.connect(&servers::postgres().url()).await.unwrap().into()
    };
    move_under_live_traffic(redis, postgres).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn redis_to_a_cluster() {
    let redis_server = async || redis(&servers::redis().url(), "redis-to-cluster:").await;
    let nodes: Vec<String> = servers::cluster().nodes().iter().map(|node| node.address()).collect();
    let url = format!("redis+cluster://{}", nodes.join(","));
    let cluster = async || redis(&url, "redis-to-cluster:").await;
    move_under_live_traffic(redis_server, cluster).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn mariadb_to_redis() {
    let mariadb = async || {
        let options = MySqlOptions::new().table_name("mariadb_to_redis");
        let options = options.create_table_if_missing(true);
        options.connect(&servers::mariadb().url()).await.unwrap().into()
    };
    let redis = async || redis(&servers::redis().url(), "mariadb-to-redis:").await;
    move_under_live_traffic(mariadb, redis).await;
}

fn sqlite(path: &Path) -> AnyStore {
    // What survives the loss of power is not the question here.
    SqliteOptions::new().synchronous(Synchronous::Normal).open(path).unwrap().into()
}

async fn redis(url: &str, prefix: &str) -> AnyStore {
    RedisOptions::new().prefix(prefix).connect(url).await.unwrap().into()
}

/// Begins in one store and ends in the other. Each call of `from` and `to` opens the store once more.
async fn move_under_live_traffic(from: impl AsyncFn() -> AnyStore, to: impl AsyncFn() -> AnyStore) {
    let old = manager(from().await);
    let visitors = sign_in_all(&old).await;

    // Every process has been replaced by one that knows both stores.
    let (mut stores, mut processes) = (Vec::new(), Vec::new());
    for _ in 0..PROCESSES {
        let store = MovingStore::new(from().await, to().await).waiting();
        processes.push(manager(store.clone().into()));
        stores.push(store);
    }
    processes.push(old);
    let traffic = Traffic::begin(visitors, processes.clone());
    traffic.rounds(5).await;
    let to = to().await;
    assert_eq!(total(&to).await, 0, "nobody was to move anything yet");

    // The last one that knows the old store alone is gone. Now it begins.
    let visitors = traffic.end().await;
    processes.pop();
    let traffic = Traffic::begin(visitors, processes.clone());
    traffic.rounds(2).await;
    fetch_all(&stores[0]).await;
    traffic.rounds(10).await;
    traffic.revoke().await;
    traffic.rounds(5).await;
    let visitors = traffic.end().await;

    // Whoever was still waiting may have put something into the old store.
    let met = fetch_all(&stores[1]).await;
    assert!(met <= visitors.len() as u64, "{met} sessions were still in the old store");
    assert_eq!(fetch_all(&stores[2]).await, 0);
    assert_eq!(total(&from().await).await, 0, "something is left in the old store");
    assert_nothing_is_doubled(&to, &visitors).await;
    let new = manager(to.clone());
    for visitor in visitors {
        visitor.assert_is_right(&new, &to).await;
    }
}

/// Asserts that each visitor who is still signed in has one session, and nobody else has any. That is seen from the
/// sessions themselves: the index of owners may be wrong about them.
async fn assert_nothing_is_doubled(store: &AnyStore, visitors: &[Visitor]) {
    let survivors = visitors.iter().filter(|visitor| visitor.survives());
    let mut expected: Vec<String> = survivors.map(Visitor::user).collect();
    let sessions = all(store).await;
    let mut found: Vec<String> = sessions.iter().filter_map(owner).collect();
    expected.sort();
    found.sort();
    assert_eq!(found, expected);
    // What else is there leads from an old id to a new one, for about a minute.
    let brief = |stored: &&Stored| stored.remaining < Duration::from_secs(120);
    assert_eq!(sessions.iter().filter(brief).count(), sessions.len() - expected.len());
    // Some of these may have expired since.
    let total = total(store).await;
    assert!((expected.len()..=sessions.len()).contains(&total), "{total} sessions");
}

/// Walks through a store.
async fn all(store: &AnyStore) -> Vec<Stored> {
    let (mut sessions, mut from) = (BTreeMap::new(), None);
    loop {
        let page = store.scan().unwrap().page(from.as_ref(), 100).await.unwrap();
        // A walk through Redis may meet a session twice.
        sessions
            .extend(page.sessions.into_iter().map(|(id, stored)| (id.as_str().to_owned(), stored)));
        match page.next {
            Some(next) => from = Some(next),
            None => return sessions.into_values().collect(),
        }
    }
}

fn owner(stored: &Stored) -> Option<String> {
    let document: serde_json::Value = serde_json::from_slice(&stored.document).unwrap();
    Some(document["__handstamp"]["owner"].as_str()?.to_owned())
}

/// Moves everything, in some seconds, and returns how many it has met.
async fn fetch_all(store: &MovingStore) -> u64 {
    finish(store.bulk().unwrap().with_rate(200.try_into().unwrap())).await
}

/// Moves what is left, and returns how many it has met.
async fn finish(mut bulk: BulkMove) -> u64 {
    let mut met = 0;
    while let Some(progress) = bulk.step().await.unwrap() {
        assert_eq!(progress.too_large, 0);
        met = progress.met;
    }
    met
}

async fn sign_in_all(sessions: &SessionManager) -> Vec<Visitor> {
    let mut visitors = Vec::new();
    for number in 0..ACTIVE + IDLE {
        visitors.push(Visitor::sign_in(number, number < ACTIVE, sessions).await);
    }
    visitors
}

async fn total(store: &AnyStore) -> usize {
    store.scan().unwrap().total().await.unwrap()
}

fn manager(store: AnyStore) -> SessionManager {
    let keys = Keys::new("q7Jc0vX2m9LrT4bWz1Ns8KpYd5Hf3GaE").unwrap();
    SessionManager::new(store, keys)
}
