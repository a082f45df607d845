use std::collections::{BTreeMap, HashSet};
use std::time::Duration;

use handstamp::SessionStore;
use handstamp::store::Updated;
use handstamp_redis::RedisStore;
use handstamp_testing::servers::{Proxy, Redis, RedisOptions as ServerOptions};

use crate::support::{id, living, owned, put, record};

/// How often each command was called, those within scripts included.
fn commands(server: &Redis) -> BTreeMap<String, u64> {
    let mut counted = BTreeMap::new();
    for line in server.ask(&["INFO", "commandstats"]).lines() {
        let Some((name, numbers)) = line.trim().split_once(':') else { continue };
        let Some(name) = name.strip_prefix("cmdstat_") else { continue };
        let calls = numbers.split(',').find_map(|one| one.strip_prefix("calls=")).unwrap();
        counted.insert(name.to_owned(), calls.parse().unwrap());
    }
    counted
}

#[tokio::test]
async fn a_call_costs_the_server_no_more_than_it_has_to() {
    let server = Redis::start(ServerOptions::default());
    let store = RedisStore::connect(&server.url()).await.unwrap();
    // Scripts are loaded by their first use.
    let version = put(&store, &id("first"), &owned("{}", "alice")).await;
    store.update(&id("first"), version, &owned("{}", "alice")).await.unwrap();
    store.touch(&id("first"), Duration::from_secs(60)).await.unwrap();

    let spent = async |call: &dyn Fn() -> futures::Call| {
        server.ask(&["CONFIG", "RESETSTAT"]);
        call().await;
        let mut spent = commands(&server);
        // These are the test's own, and the connection's question whether it lives.
        for own in ["config|resetstat", "info", "ping"] {
            spent.remove(own);
        }
        spent.into_iter().collect::<Vec<_>>()
    };
    let called = |commands: &[(&str, u64)]| -> Vec<(String, u64)> {
        commands.iter().map(|(name, calls)| ((*name).to_owned(), *calls)).collect()
    };

    let (one, two) = (store.clone(), store.clone());
    let create = move || -> futures::Call {
        let store = one.clone();
        Box::pin(async move {
            put(&store, &id("a"), &record("{}")).await;
        })
    };
    assert_eq!(spent(&create).await, called(&[("set", 1)]));
    let load = move || -> futures::Call {
        let store = two.clone();
        Box::pin(async move {
            living(&store, &id("a")).await;
        })
    };
    assert_eq!(spent(&load).await, called(&[("get", 1), ("pttl", 1)]));
    let update = move || -> futures::Call {
        let store = store.clone();
        Box::pin(async move {
            let version = living(&store, &id("a")).await.version;
            let updated = store.update(&id("a"), version, &record("1")).await.unwrap();
            assert!(matches!(updated, Updated::Done(_)));
        })
    };
    assert_eq!(
        spent(&update).await,
        called(&[("evalsha", 1), ("get", 3), ("pttl", 1), ("set", 1)])
    );
}

/// Calls of different types behind one.
mod futures {
    pub(super) type Call = std::pin::Pin<Box<dyn Future<Output = ()> + Send>>;
}

/// The way there and back takes so long that every round trip shows.
#[tokio::test]
async fn each_call_is_one_round_trip() {
    let server = Redis::start(ServerOptions::default());
    let proxy = Proxy::start(server.address());
    let store = RedisStore::connect(&server.url_through(&proxy)).await.unwrap();
    let warm = put(&store, &id("warm"), &owned("{}", "alice")).await;
    store.update(&id("warm"), warm, &owned("{}", "alice")).await.unwrap();
    store.touch(&id("warm"), Duration::from_secs(60)).await.unwrap();
    store.delete(&id("warm")).await.unwrap();

    proxy.delay(Duration::from_millis(150));
    let begin = std::time::Instant::now();
    let version = put(&store, &id("a"), &owned("{}", "alice")).await;
    let trip = begin.elapsed();
    living(&store, &id("a")).await;
    store.update(&id("a"), version, &owned("1", "alice")).await.unwrap();
    store.touch(&id("a"), Duration::from_secs(60)).await.unwrap();
    store.delete(&id("a")).await.unwrap();
    // Five calls: with a sixth trip it would be at least a fifth more.
    let five = begin.elapsed();
    assert!(five < trip * 6, "a trip takes {trip:?}, five calls took {five:?}");
}

#[tokio::test]
async fn scripts_that_the_server_has_forgotten_are_loaded_again() {
    let server = Redis::start(ServerOptions::default());
    let store = RedisStore::connect(&server.url()).await.unwrap();
    let mut version = put(&store, &id("a"), &owned("0", "alice")).await;
    for n in 1..5 {
        server.ask(&["SCRIPT", "FLUSH"]);
        match store.update(&id("a"), version, &owned(n.to_string(), "alice")).await.unwrap() {
            Updated::Done(next) => version = next,
            outcome => panic!("{outcome:?}"),
        }
    }
    server.ask(&["SCRIPT", "FLUSH"]);
    assert!(store.touch(&id("a"), Duration::from_secs(60)).await.unwrap());
    server.ask(&["SCRIPT", "FLUSH"]);
    assert_eq!(store.index().unwrap().count("alice").await.unwrap(), 1);
    server.ask(&["SCRIPT", "FLUSH"]);
    assert_eq!(store.index().unwrap().revoke("alice", None).await.unwrap(), 1);
    put(&store, &id("b"), &record("0")).await;
    server.ask(&["SCRIPT", "FLUSH"]);
    assert_eq!(store.scan().unwrap().clear().await.unwrap(), 1);
    server.ask(&["SCRIPT", "FLUSH"]);
    assert!(store.delete(&id("b")).await.unwrap().is_none());
}

/// A server answers nobody else while it looks at its keys, so it is to look at a few at a time.
#[tokio::test]
async fn a_walk_through_all_sessions_never_holds_the_server_up() {
    const SESSIONS: usize = 100_000;
    let server = Redis::start(ServerOptions::default());
    let store = RedisStore::connect(&server.url()).await.unwrap();
    let fill = "for n = 1, ARGV[1] do redis.call('SET', 'sess:' .. n, '{}', 'EX', 3600) end";
    server.ask(&["EVAL", fill, "0", &SESSIONS.to_string()]);
    let scan = store.scan().unwrap();
    // How often it was asked for keys, if never for more than a thousand and never for all of them.
    let steps = || {
        let spent = commands(&server);
        server.ask(&["CONFIG", "RESETSTAT"]);
        assert!(
            !spent.contains_key("keys") && spent["scan"] >= SESSIONS as u64 / 1000,
            "{spent:?}"
        );
        spent["scan"]
    };
    // In microseconds. To look at all keys at once takes longer.
    server.ask(&["CONFIG", "SET", "slowlog-log-slower-than", "20000"]);
    server.ask(&["CONFIG", "SET", "slowlog-max-len", "1000"]);
    server.ask(&["SLOWLOG", "RESET"]);

    assert_eq!(scan.total().await.unwrap(), SESSIONS);
    let counting = steps();
    let (mut met, mut from) = (HashSet::new(), None);
    loop {
        let page = scan.page(from.as_ref(), usize::MAX).await.unwrap();
        met.extend(page.sessions.into_iter().map(|(id, _)| id));
        from = page.next;
        if from.is_none() {
            break;
        }
    }
    assert_eq!(met.len(), SESSIONS);
    let paging = steps();
    assert_eq!(scan.clear().await.unwrap(), SESSIONS);
    let all = counting + paging + steps();

    // A busy machine may hold up any of them. If they were slow by themselves, nearly all would be.
    let slow = server.ask(&["SLOWLOG", "GET", "-1"]);
    let slow = slow.lines().filter(|line| *line == "SCAN").count() as u64;
    assert!(slow * 4 < all, "{slow} of {all} steps were slow");
}
