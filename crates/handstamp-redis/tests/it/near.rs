use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use handstamp::SessionStore;
use handstamp::store::{Change, ChangeFeed, Record, SessionIndex, Stored, Updated};
use handstamp_redis::{NearCache, RedisOptions, RedisStore};
use handstamp_testing::servers::{Proxy, Redis, RedisOptions as ServerOptions};
use redis::AsyncCommands;
use redis::aio::MultiplexedConnection;

use crate::gate::{Gate, Held};
use crate::support::{database, id, living, owned, plain, put, record, redis, soon};

async fn near(url: &str, cache: NearCache) -> RedisStore {
    RedisOptions::new().near_cache(cache).connect(url).await.unwrap()
}

/// A cache that tells what it has for longer than any test runs.
fn patient() -> NearCache {
    NearCache::new().staleness(Duration::from_secs(600))
}

/// Loads until the cache keeps it: it does only once the server tells of changes.
pub(crate) async fn warm(store: &RedisStore, server: &Redis, name: &str) {
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
    let gate = Gate::before(&server).await;
    let store = near(&gate.url, patient()).await;
    let mut other = plain(&server.url()).await;
    put(&store, &id("a"), &record("old")).await;
    warm(&store, &server, "a").await;
    // The feed hears of changes by the same connection, after the cache.
    let mut feed = store.changes().unwrap().watch().await.unwrap();

    for round in 0..20 {
        other.set::<_, _, ()>("sess:a", "old").await.unwrap();
        tell(&mut other, &mut *feed, &format!("z-{round}-old")).await;
        gate.hold(Held::Answers);
        let asked = gets(&server);
        let (handle, a) = (store.clone(), id("a"));
        let load = tokio::spawn(async move { living(&handle, &a).await });
        soon("the server has answered the load", async || gets(&server) > asked).await;
        let document = format!("new {round}");
        other.set::<_, _, ()>("sess:a", &document).await.unwrap();
        tell(&mut other, &mut *feed, &format!("z-{round}-new")).await;
        gate.hold(Held::Nothing);

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

async fn number(store: &RedisStore) -> usize {
    number_in(&living(store, &id("a")).await)
}

fn number_in(session: &Stored) -> usize {
    str::from_utf8(&session.document).unwrap().parse().unwrap()
}

/// Commands are answered all the while, so the cache is filled again and again, and hears of no change.
#[tokio::test]
async fn nothing_is_older_than_the_staleness_though_only_the_channel_of_changes_is_silent() {
    let server = Redis::start(ServerOptions::default());
    let gate = Gate::before(&server).await;
    let staleness = Duration::from_millis(300);
    let store = near(&gate.url, NearCache::new().staleness(staleness)).await;
    let mut other = plain(&server.url()).await;
    put(&store, &id("a"), &record("0")).await;
    warm(&store, &server, "a").await;

    gate.hold(Held::Changes);
    let cut = Instant::now();
    let (mut replaced, mut outdated) = (Vec::new(), BTreeSet::new());
    for newest in 1.. {
        other.set::<_, _, ()>("sess:a", newest).await.unwrap();
        // When the number before it was replaced, at the latest.
        replaced.push(Instant::now());
        let asked = Instant::now();
        let told = number(&store).await;
        if told < newest {
            let age = asked - replaced[told];
            assert!(age < staleness, "{told} was replaced {age:?} ago");
            outdated.insert(told);
        }
        if cut.elapsed() > Duration::from_secs(3) {
            break;
        }
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    assert!(outdated.len() > 1, "it was not filled while it heard nothing: {outdated:?}");
    // A channel that does not answer is given up, and then nothing is kept.
    soon("each read is the server's", async || {
        let before = gets(&server);
        for _ in 0..10 {
            number(&store).await;
        }
        gets(&server) == before + 10
    })
    .await;

    gate.hold(Held::Nothing);
    warm(&store, &server, "a").await;
}

/// The change comes after the channel has ended and before it is made anew, so nobody tells of it.
#[tokio::test]
async fn a_change_that_is_missed_while_the_channel_of_changes_is_made_anew_holds() {
    let server = Redis::start(ServerOptions::default());
    let store = near(&server.url(), patient()).await;
    let mut other = plain(&server.url()).await;
    put(&store, &id("a"), &record("0")).await;
    for round in 1..=10 {
        warm(&store, &server, "a").await;
        let mut end = redis::pipe();
        end.atomic().cmd("CLIENT").arg("KILL").arg("ID").arg(channel(&server)).ignore();
        end.set("sess:a", round).ignore().exec_async(&mut other).await.unwrap();
        let ended = Instant::now();
        while number(&store).await != round {
            assert!(ended.elapsed() < Duration::from_secs(10), "the loss is not noticed");
            tokio::task::yield_now().await;
        }
    }
    warm(&store, &server, "a").await;
    let mut end = redis::pipe();
    end.atomic().cmd("CLIENT").arg("KILL").arg("ID").arg(channel(&server)).ignore();
    end.del("sess:a").ignore().exec_async(&mut other).await.unwrap();
    soon("the end is noticed", async || store.load(&id("a")).await.unwrap().is_none()).await;
}

/// The id of the only client that the server tells of changes.
fn channel(server: &Redis) -> String {
    let clients = server.ask(&["CLIENT", "LIST"]);
    let told: Vec<_> = clients.lines().filter(|client| client.contains(" flags=tB ")).collect();
    let [client] = told[..] else { panic!("one is told: {clients}") };
    client.split_whitespace().find_map(|field| field.strip_prefix("id=")).unwrap().to_owned()
}

/// Each reads from its own memory what the other may have replaced. Whoever writes then is told what is there.
#[tokio::test]
async fn two_caches_lose_no_update_of_each_other() {
    let url = database(redis());
    let stores = [near(&url, patient()).await, near(&url, patient()).await];
    put(&stores[0], &id("a"), &record("0")).await;
    let counts = stores.clone().map(|store| {
        tokio::spawn(async move {
            for _ in 0..100 {
                let mut session = living(&store, &id("a")).await;
                loop {
                    let next = record((number_in(&session) + 1).to_string());
                    match store.update(&id("a"), session.version, &next).await.unwrap() {
                        Updated::Conflict(newer) => session = newer,
                        Updated::Done(_) => break,
                        Updated::Gone => panic!("nobody has ended it"),
                    }
                }
            }
        })
    });
    for count in counts {
        count.await.unwrap();
    }
    for store in &stores {
        soon("the last update is told", async || number(store).await == 200).await;
    }
}
