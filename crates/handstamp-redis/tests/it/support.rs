use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use handstamp::store::{Created, Record, StoreError, StoreErrorKind, Stored, Version};
use handstamp::{SessionId, SessionStore};
use handstamp_redis::RedisStore;
use handstamp_testing::servers::{
    Cluster, Redis, RedisOptions as ServerOptions, RedisProgram, Sentinel,
};
use redis::Client;
use redis::aio::MultiplexedConnection;
use tokio::time::sleep;

/// A server with many databases, so that walks through one meet nothing of another's.
pub(crate) fn redis() -> &'static Redis {
    static SHARED: OnceLock<Redis> = OnceLock::new();
    SHARED.get_or_init(|| with_databases(RedisProgram::Redis))
}

pub(crate) fn valkey() -> &'static Redis {
    static SHARED: OnceLock<Redis> = OnceLock::new();
    SHARED.get_or_init(|| with_databases(RedisProgram::Valkey))
}

fn with_databases(program: RedisProgram) -> Redis {
    let settings = ["--databases", "2000"].map(str::to_owned).to_vec();
    Redis::start(ServerOptions { program, settings, ..ServerOptions::default() })
}

/// The URL of a database that no other test has.
pub(crate) fn database(server: &Redis) -> String {
    static NEXT: AtomicUsize = AtomicUsize::new(0);
    format!("{}/{}", server.url(), NEXT.fetch_add(1, Ordering::Relaxed))
}

pub(crate) fn sentinel_url(sentinel: &Sentinel) -> String {
    format!("redis+sentinel://{}/{}", sentinel.addresses().join(","), Sentinel::MASTER)
}

pub(crate) fn cluster_url(cluster: &Cluster) -> String {
    let nodes: Vec<_> = cluster.nodes().iter().map(|node| node.address()).collect();
    format!("redis+cluster://{}", nodes.join(","))
}

/// A prefix that no other test of this process has, and that is the beginning of no other one.
pub(crate) fn prefix() -> String {
    static NEXT: AtomicUsize = AtomicUsize::new(0);
    format!("test-{}:", NEXT.fetch_add(1, Ordering::Relaxed))
}

/// A store on a database of its own, and a plain connection to that.
pub(crate) async fn store_beside_a_connection() -> (RedisStore, MultiplexedConnection) {
    let url = database(redis());
    (RedisStore::connect(&url).await.unwrap(), plain(&url).await)
}

/// A connection as another client has it.
pub(crate) async fn plain(url: &str) -> MultiplexedConnection {
    Client::open(url).unwrap().get_multiplexed_async_connection().await.unwrap()
}

/// Waits until something outside has happened that tells nobody.
pub(crate) async fn soon(what: &str, condition: impl AsyncFn() -> bool) {
    for _ in 0..1000 {
        if condition().await {
            return;
        }
        sleep(Duration::from_millis(10)).await;
    }
    panic!("{what}: not within ten seconds");
}

pub(crate) fn id(text: &str) -> SessionId {
    SessionId::parse(text).unwrap()
}

pub(crate) fn record(document: impl AsRef<[u8]>) -> Record {
    let document = Arc::from(document.as_ref());
    Record { document, lifetime: Duration::from_secs(3600), owner: None }
}

pub(crate) fn owned(document: impl AsRef<[u8]>, owner: &str) -> Record {
    Record { owner: Some(owner.into()), ..record(document) }
}

pub(crate) async fn put(store: &RedisStore, id: &SessionId, record: &Record) -> Version {
    match store.create(id, record).await.unwrap() {
        Created::Done(version) => version,
        Created::Duplicate => panic!("the id is free"),
    }
}

pub(crate) async fn living(store: &RedisStore, id: &SessionId) -> Stored {
    store.load(id).await.unwrap().expect("the session lives")
}

/// Asserts that a call fails in this way, and gives all that the error says.
#[track_caller]
pub(crate) fn failed<T>(outcome: Result<T, StoreError>, kind: StoreErrorKind) -> String {
    let Err(error) = outcome else { panic!("it should have failed as {kind:?}") };
    let text = format!("{error}: {error:?}");
    assert_eq!(error.kind(), kind, "{text}");
    text
}
