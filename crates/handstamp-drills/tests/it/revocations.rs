//! How soon it is known in one process that another has ended a session: by change events, and by a near
//! cache that must not go on showing it.
//!
//! The times are printed. They depend on the machine, so what is asserted is that it becomes known, and the
//! bound of the cache that holds whatever happens.

use std::time::{Duration, Instant};

use handstamp::store::AnyStore;
use handstamp::{SessionManager, Watch, Watched};
use handstamp_postgres::PostgresOptions;
use handstamp_redis::{NearCache, RedisOptions};
use handstamp_testing::servers::{self, Proxy, Redis};
use tokio::task::{block_in_place, yield_now};
use tokio::time::{sleep, timeout};

use crate::browser;
use crate::load::manager;
use crate::places::{Place, in_every_place};
use crate::store::open;
use crate::wire::Wire;

/// What is told arrives within milliseconds, so what takes this long never comes.
const PATIENCE: Duration = Duration::from_secs(20);

const ROUNDS: usize = 100;

const STALENESS: Duration = Duration::from_secs(1);

in_every_place!(
    is_told: postgres Postgres, redis Redis, redis_cluster RedisCluster, redis_sentinel RedisSentinel
);
in_every_place!(
    ends_what_a_near_cache_holds:
    redis Redis,
    redis_cluster RedisCluster,
    redis_sentinel RedisSentinel,
    valkey Valkey,
);

async fn is_told(place: Place) {
    let space = format!("told_{place:?}").to_lowercase();
    let url = place.url("".as_ref());
    let store = match place {
        Place::Postgres => {
            let options = PostgresOptions::new().table_name(&space).create_table_if_missing(true);
            options.change_events(true).connect(&url).await.unwrap().into()
        }
        _ => open(&url, &space).await,
    };
    let (here, there) = (manager(store), manager(open(&url, &space).await));
    let mut changes = here.watch().await.unwrap();
    let mut times = Vec::new();
    for round in 0..ROUNDS {
        let user = format!("user {round}");
        let cookie = sign_in(&there, &user).await;
        let session = browser::load(&here, Some(&cookie)).await.unwrap();
        let id = session.id().unwrap();
        let begun = Instant::now();
        assert_eq!(there.revoke_all(&user, None).await.unwrap(), 1);
        let ended = Instant::now();
        while !browser::load(&here, Some(&cookie)).await.unwrap().is_new() {
            yield_now().await;
        }
        // What was told before is of the sign-in.
        let told = told(&mut changes, Watched::One(id), begun).await;
        times.push(told.saturating_duration_since(ended));
    }
    print(&format!("an ended session is told, {place:?}"), times);
}

/// Waits until a session is told, or that it may be any. The connection is not cut, so what is told last is
/// the end.
async fn told(changes: &mut Watch, id: Watched, begun: Instant) -> Instant {
    loop {
        let change = timeout(PATIENCE, changes.next()).await.expect("it is told").unwrap();
        let now = Instant::now();
        if (change == id || change == Watched::Any) && now >= begun {
            return now;
        }
    }
}

/// A session that this process shows from its memory is over here as soon as another process has ended it.
async fn ends_what_a_near_cache_holds(place: Place) {
    let space = format!("near_{place:?}").to_lowercase();
    let url = place.url("".as_ref());
    let (here, there) = (near(&url, &space).await, manager(open(&url, &space).await));
    let mut times = Vec::new();
    for round in 0..ROUNDS {
        let user = format!("user {round}");
        let cookie = sign_in(&there, &user).await;
        // This process is told of the sign-in, too, and keeps nothing that it has loaded before.
        sleep(Duration::from_millis(5)).await;
        for _ in 0..2 {
            assert!(!browser::load(&here, Some(&cookie)).await.unwrap().is_new());
        }
        assert_eq!(there.revoke_all(&user, None).await.unwrap(), 1);
        times.push(until_over(&here, &cookie, Instant::now()).await);
    }
    print(&format!("an ended session leaves a near cache, {place:?}"), times);
}

/// The load of a session that is in memory asks no server; otherwise the tests here would prove nothing.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_near_cache_answers_from_memory() {
    let redis = block_in_place(servers::redis);
    let wire = Wire::start(redis.address()).await;
    let here = near(&format!("redis://{}", wire.address()), "near_memory").await;
    let cookie = sign_in(&here, "alice").await;
    until_in_memory(&here, &cookie, &wire).await;
    wire.take();
    for _ in 0..10 {
        assert!(!browser::load(&here, Some(&cookie)).await.unwrap().is_new());
    }
    assert_eq!(wire.take(), 0);
}

/// Nothing tells this process that a session was ended, nor that nothing is told. So it is shown for as long
/// as was agreed on, and not longer.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_near_cache_that_hears_nothing_shows_nothing_stale() {
    let redis = block_in_place(servers::redis);
    shows_nothing_stale(redis, "near_silence", Proxy::black_hole).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_near_cache_that_is_cut_off_shows_nothing_stale() {
    let redis = block_in_place(servers::redis);
    shows_nothing_stale(redis, "near_cut", |proxy| {
        proxy.refuse();
        proxy.cut();
    })
    .await;
}

async fn shows_nothing_stale(redis: &Redis, space: &str, part: impl Fn(&Proxy)) {
    let wire = Wire::start(redis.address()).await;
    let proxy = block_in_place(|| Proxy::start(wire.address()));
    let here = near(&redis.url_through(&proxy), space).await;
    let there = manager(open(&redis.url(), space).await);
    let mut times = Vec::new();
    for round in 0..5 {
        let user = format!("user {round}");
        let cookie = sign_in(&there, &user).await;
        until_in_memory(&here, &cookie, &wire).await;
        block_in_place(|| part(&proxy));
        assert_eq!(there.revoke_all(&user, None).await.unwrap(), 1);
        let ended = Instant::now();
        let mut shown = Duration::ZERO;
        loop {
            let begun = ended.elapsed();
            // While nobody can be asked, an error is all that there is to say.
            match browser::load(&here, Some(&cookie)).await {
                Ok(session) if !session.is_new() => shown = begun,
                Ok(_) | Err(_) if begun > STALENESS => break,
                Ok(_) | Err(_) => {}
            }
            assert!(shown <= STALENESS, "it is shown {shown:?} after its end");
            yield_now().await;
        }
        times.push(shown);
        block_in_place(|| proxy.heal());
    }
    print(&format!("an ended session is shown by a cache that hears nothing, {space}"), times);
}

/// Waits until a session is shown without asking the server: the cache may have to connect first, or be told
/// of the sign-in.
async fn until_in_memory(manager: &SessionManager, cookie: &str, wire: &Wire) {
    let begun = Instant::now();
    loop {
        wire.take();
        let found = browser::load(manager, Some(cookie)).await;
        if found.is_ok_and(|session| !session.is_new()) && wire.take() == 0 {
            return;
        }
        assert!(begun.elapsed() < PATIENCE, "the cache does not work");
        yield_now().await;
    }
}

/// A process with a near cache.
async fn near(url: &str, space: &str) -> SessionManager {
    let cache = NearCache::new().staleness(STALENESS);
    let options = RedisOptions::new().prefix(format!("{space}:")).near_cache(cache);
    manager(AnyStore::from(options.connect(url).await.unwrap()))
}

/// How long after its end a session is still shown.
async fn until_over(manager: &SessionManager, cookie: &str, ended: Instant) -> Duration {
    let mut shown = Duration::ZERO;
    loop {
        let begun = ended.elapsed();
        if browser::load(manager, Some(cookie)).await.unwrap().is_new() {
            return shown;
        }
        shown = begun;
        assert!(shown < PATIENCE, "it is still shown {shown:?} after its end");
        yield_now().await;
    }
}

async fn sign_in(manager: &SessionManager, user: &str) -> String {
    let session = browser::load(manager, None).await.unwrap();
    session.login(user).unwrap();
    let mut cookie = String::new();
    browser::save(manager, &session, &mut cookie).await;
    cookie
}

fn print(what: &str, mut times: Vec<Duration>) {
    times.sort();
    let at = |percent: usize| times[(times.len() * percent).div_ceil(100) - 1];
    println!("{what}: p50 {:.1?}, p99 {:.1?}, at most {:.1?}", at(50), at(99), at(100));
}
