use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use handstamp::SessionStore;
use handstamp::store::{Change, ChangeFeed, Record, SessionIndex, Updated};
use handstamp_redis::{NearCache, RedisOptions, RedisStore};
use handstamp_testing::servers::{Proxy, Redis, RedisOptions as ServerOptions};
use redis::AsyncCommands;
use redis::aio::MultiplexedConnection;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;

use crate::support::{database, id, living, owned, plain, put, record, redis, soon};

async fn near(url: &str, cache: NearCache) -> RedisStore {
    RedisOptions::new().near_cache(cache).connect(url).await.unwrap()
}

/// A cache that tells what it has for longer than any test runs.
fn patient() -> NearCache {
    NearCache::new().staleness(Duration::from_secs(600))
}

/// Loads until the cache keeps it: it does only once the server tells of changes.
async fn warm(store: &RedisStore, server: &Redis, name: &str) {
    soon("the session is kept", async || {
        living(store, &id(name)).await;
        let before = gets(server);
        living(store, &id(name)).await;
        gets(server) == before
    })
    .await;
}

/// How often the server was asked for a value.
fn gets(server: &Redis) -> u64 {
    let stats = server.ask(&["INFO", "commandstats"]);
    let line = stats.lines().find(|line| line.starts_with("cmdstat_get:")).unwrap_or("calls=0,");
    let calls = line.split("calls=").nth(1).unwrap().split(',').next().unwrap();
    calls.parse().unwrap()
}

#[tokio::test]
async fn what_was_read_is_read_from_memory_and_its_time_counts_down() {
    let server = Redis::start(ServerOptions::default());
    let store = near(&server.url(), patient()).await;
    put(&store, &id("a"), &record("1")).await;
    warm(&store, &server, "a").await;
    let first = living(&store, &id("a")).await;
    tokio::time::sleep(Duration::from_millis(50)).await;
    let second = living(&store, &id("a")).await;
    assert_eq!(first.version, second.version);
    assert!(second.remaining + Duration::from_millis(50) <= first.remaining);
}

#[tokio::test]
async fn what_we_change_ourselves_holds_at_once() {
    let store = near(&database(redis()), patient()).await;
    let mut version = put(&store, &id("a"), &owned("0", "alice")).await;
    for n in 1..200 {
        living(&store, &id("a")).await;
        let Updated::Done(next) =
            store.update(&id("a"), version, &owned(n.to_string(), "alice")).await.unwrap()
        else {
            panic!("nobody else has written")
        };
        version = next;
        assert_eq!(living(&store, &id("a")).await.version, version);
    }
    store.touch(&id("a"), Duration::from_secs(5)).await.unwrap();
    assert!(living(&store, &id("a")).await.remaining <= Duration::from_secs(5));
    store.revoke("alice", None).await.unwrap();
    assert!(store.load(&id("a")).await.unwrap().is_none());
}

/// Prints how long it takes: it is a promise, but a busy machine breaks it.
#[tokio::test]
async fn what_others_change_and_end_holds_soon() {
    let url = database(redis());
    let (store, others) = (near(&url, patient()).await, RedisStore::connect(&url).await.unwrap());
    let mut took = Vec::new();
    for n in 0..200 {
        let id = id(&format!("session-{n}"));
        put(&others, &id, &owned("1", "alice")).await;
        living(&store, &id).await;
        living(&store, &id).await;
        let begin = Instant::now();
        others.revoke("alice", None).await.unwrap();
        let ended = Instant::now();
        while store.load(&id).await.unwrap().is_some() {
            assert!(begin.elapsed() < Duration::from_secs(10), "the revocation does not arrive");
            tokio::task::yield_now().await;
        }
        took.push(ended.elapsed());
    }
    took.sort();
    println!("a revocation took {:?} (median), {:?} (p99)", took[100], took[197]);
}

#[tokio::test]
async fn expiry_and_flushing_hold_too() {
    let server = Redis::start(ServerOptions::default());
    let store = near(&server.url(), patient()).await;
    let brief = Record { lifetime: Duration::from_millis(300), ..record("1") };
    put(&store, &id("brief"), &brief).await;
    put(&store, &id("a"), &record("1")).await;
    living(&store, &id("brief")).await;
    warm(&store, &server, "a").await;
    tokio::time::sleep(Duration::from_millis(301)).await;
    assert!(store.load(&id("brief")).await.unwrap().is_none());
    server.ask(&["FLUSHALL"]);
    soon("the flush arrives", async || store.load(&id("a")).await.unwrap().is_none()).await;
}

/// The answer to a load is held back until the change has been told.
#[tokio::test]
async fn a_fill_does_not_overtake_a_change() {
    let server = Redis::start(ServerOptions::default());
    let gate = AnswerGate::before(&server).await;
    let store = near(&gate.url, patient()).await;
    let mut other = plain(&server.url()).await;
    put(&store, &id("a"), &record("old")).await;
    warm(&store, &server, "a").await;
    // The feed hears of changes by the same connection, after the cache.
    let mut feed = store.changes().unwrap().watch().await.unwrap();

    for round in 0..20 {
        other.set::<_, _, ()>("sess:a", "old").await.unwrap();
        tell(&mut other, &mut *feed, &format!("z-{round}-old")).await;
        gate.closed.send_replace(true);
        let asked = gets(&server);
        let (handle, a) = (store.clone(), id("a"));
        let load = tokio::spawn(async move { living(&handle, &a).await });
        soon("the server has answered the load", async || gets(&server) > asked).await;
        let document = format!("new {round}");
        other.set::<_, _, ()>("sess:a", &document).await.unwrap();
        tell(&mut other, &mut *feed, &format!("z-{round}-new")).await;
        gate.closed.send_replace(false);

        assert_eq!(*load.await.unwrap().document, *b"old", "it was asked before the change");
        assert_eq!(*living(&store, &id("a")).await.document, *document.as_bytes());
    }
}

/// Changes another session and waits until that is told: whatever was changed before has then been told, too.
/// What comes in one message is in the order of its name.
async fn tell(other: &mut MultiplexedConnection, feed: &mut dyn ChangeFeed, name: &str) {
    other.set::<_, _, ()>(format!("sess:{name}"), "").await.unwrap();
    while feed.next().await != Some(Change::One(id(name))) {}
}

/// A way to a server that holds back its answers, but not what it tells of changes.
struct AnswerGate {
    url: String,
    closed: watch::Sender<bool>,
}

impl AnswerGate {
    async fn before(server: &Redis) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("redis://{}", listener.local_addr().unwrap());
        let closed = watch::Sender::new(false);
        let (gate, address) = (closed.clone(), server.address());
        tokio::spawn(async move {
            while let Ok((client, _)) = listener.accept().await {
                let server = TcpStream::connect(&address).await.unwrap();
                tokio::spawn(pass(client, server, gate.subscribe()));
            }
        });
        Self { url, closed }
    }
}

/// Passes everything on. A connection that asks to be told of changes is never held back.
async fn pass(client: TcpStream, server: TcpStream, mut closed: watch::Receiver<bool>) {
    let (mut from_client, mut to_client) = client.into_split();
    let (mut from_server, mut to_server) = server.into_split();
    let tells = Arc::new(AtomicBool::new(false));
    let is_telling = tells.clone();
    tokio::spawn(async move {
        let mut bytes = vec![0; 65536];
        while let Ok(read @ 1..) = from_client.read(&mut bytes).await {
            if bytes[..read].windows(8).any(|word| word == b"TRACKING") {
                tells.store(true, Ordering::SeqCst);
            }
            to_server.write_all(&bytes[..read]).await.unwrap();
        }
    });
    let mut bytes = vec![0; 65536];
    while let Ok(read @ 1..) = from_server.read(&mut bytes).await {
        if !is_telling.load(Ordering::SeqCst) && closed.wait_for(|closed| !closed).await.is_err() {
            return;
        }
        if to_client.write_all(&bytes[..read]).await.is_err() {
            return;
        }
    }
}

#[tokio::test]
async fn nothing_is_older_than_the_staleness_though_the_server_is_silent() {
    let server = Redis::start(ServerOptions::default());
    let proxy = Proxy::start(server.address());
    let staleness = Duration::from_millis(600);
    let cache = NearCache::new().staleness(staleness);
    let options = RedisOptions::new().near_cache(cache).response_timeout(Duration::from_secs(1));
    let store = options.connect(&server.url_through(&proxy)).await.unwrap();
    let mut other = plain(&server.url()).await;
    put(&store, &id("a"), &record("old")).await;
    warm(&store, &server, "a").await;

    // From here on nothing arrives, and nothing says so.
    proxy.black_hole();
    let cut = Instant::now();
    other.set::<_, _, ()>("sess:a", "new").await.unwrap();
    let mut told = Duration::ZERO;
    while cut.elapsed() < Duration::from_secs(3) {
        match store.load(&id("a")).await {
            Ok(Some(stored)) => {
                assert_eq!(*stored.document, *b"old");
                told = cut.elapsed();
            }
            Ok(None) => panic!("it was not ended"),
            // What is too old is not told; the server can't be asked.
            Err(_) => break,
        }
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    assert!(told <= staleness, "an answer of {told:?} ago");
    proxy.heal();
    soon("the change arrives", async || {
        store.load(&id("a")).await.is_ok_and(|stored| *stored.unwrap().document == *b"new")
    })
    .await;
}

#[tokio::test]
async fn a_lost_connection_drops_everything() {
    let server = Redis::start(ServerOptions::default());
    let proxy = Proxy::start(server.address());
    let store = near(&server.url_through(&proxy), patient()).await;
    put(&store, &id("a"), &record("old")).await;
    warm(&store, &server, "a").await;
    let mut other = plain(&server.url()).await;
    proxy.refuse();
    proxy.cut();
    other.set::<_, _, ()>("sess:a", "new").await.unwrap();
    soon("the loss is noticed", async || store.load(&id("a")).await.is_err()).await;
    proxy.heal();
    soon("the server is back", async || store.load(&id("a")).await.is_ok()).await;
    assert_eq!(*living(&store, &id("a")).await.document, *b"new");
}
