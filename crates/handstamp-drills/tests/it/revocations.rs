//! How soon it is known in one process that another has ended a session: by change events, and by a near
//! cache that must not go on showing it.
//!
//! The times are printed. They depend on the machine, so what is asserted is that it becomes known, and the
//! bound of the cache that holds whatever happens.

use std::mem;
use std::thread;
use std::time::{Duration, Instant};

use handstamp::store::AnyStore;
use handstamp::{SessionManager, Watch, Watched};
use handstamp_postgres::PostgresOptions;
use handstamp_redis::{NearCache, RedisOptions};
use handstamp_testing::servers::{self, Cluster, Proxy, Redis};
use tokio::task::{block_in_place, yield_now};
use tokio::time::{sleep, timeout};

use crate::browser;
use crate::load::{id_of, manager};
use crate::places::{Place, cluster_url, in_every_place};
use crate::store::open;
use crate::wire::Wire;

/// What is told arrives within milliseconds, so what takes this long never comes.
const PATIENCE: Duration = Duration::from_secs(20);

const ROUNDS: usize = 100;

const STALENESS: Duration = Duration::from_secs(1);

/// Longer than any test here runs.
const FOREVER: Duration = Duration::from_secs(600);

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
    let here = near(&url, &space, STALENESS).await;
    let there = manager(open(&url, &space).await);
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
    let here = near(&format!("redis://{}", wire.address()), "near_memory", STALENESS).await;
    let cookie = sign_in(&here, "alice").await;
    until_in_memory(&here, &cookie, || wire.take()).await;
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
    let here = near(&redis.url_through(&proxy), space, STALENESS).await;
    let there = manager(open(&redis.url(), space).await);
    let mut times = Vec::new();
    for round in 0..5 {
        let user = format!("user {round}");
        let cookie = sign_in(&there, &user).await;
        until_in_memory(&here, &cookie, || wire.take()).await;
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

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_near_cache_shows_nothing_stale_after_a_master_was_killed() {
    shows_nothing_stale_after(|master| master.kill()).await;
}

/// Its connection stays open and tells nothing more.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_near_cache_shows_nothing_stale_after_a_master_was_paused() {
    shows_nothing_stale_after(|master| master.pause()).await;
}

/// What a master has told is worth nothing when another takes its place, and that one tells from then on. The
/// staleness is longer than the test, so nothing else can end what is in memory.
async fn shows_nothing_stale_after(stop: impl Fn(&Redis)) {
    const SPACE: &str = "near_failover";
    let cluster = block_in_place(Cluster::start);
    let url = cluster_url(&cluster);
    let here = near(&url, SPACE, FOREVER).await;
    let there = manager(open(&url, SPACE).await);
    let users: Vec<String> = (0..12).map(|number| format!("user {number}")).collect();
    let mut cookies = Vec::new();
    for user in &users {
        cookies.push(sign_in(&there, user).await);
        until_in_memory(&here, cookies.last().unwrap(), reads(cluster.nodes())).await;
    }
    let master = block_in_place(|| {
        let master = cluster.master_of(slot_of(&cluster, SPACE, &cookies[0]));
        stop(master);
        master
    });
    let others = cluster.nodes().iter().filter(|node| node.port() != master.port());
    let mut times = Vec::new();
    for (user, cookie) in users.iter().zip(&cookies) {
        until_revoked(&there, user).await;
        times.push(until_over(&here, cookie, Instant::now()).await);
    }
    // So do sessions that began under the new master.
    for round in 0..20 {
        let user = format!("later user {round}");
        let cookie = sign_in(&there, &user).await;
        until_in_memory(&here, &cookie, reads(others.clone())).await;
        assert_eq!(there.revoke_all(&user, None).await.unwrap(), 1);
        times.push(until_over(&here, &cookie, Instant::now()).await);
    }
    print("an ended session leaves a near cache after a failover", times);
}

/// While its slot is about to move, when its keys have moved, and when all is done. It moves to a master that
/// had no slots, so nobody is told by it at first.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_near_cache_shows_nothing_stale_while_slots_move() {
    const SPACE: &str = "near_slots";
    let cluster = block_in_place(Cluster::start);
    let target = block_in_place(|| newcomer(&cluster));
    let url = cluster_url(&cluster);
    let here = near(&url, SPACE, FOREVER).await;
    let there = manager(open(&url, SPACE).await);
    let mut times = Vec::new();
    for (round, steps) in [1, 1, 2, 2, 2, 3].into_iter().enumerate() {
        let user = format!("user {round}");
        let cookie = sign_in(&there, &user).await;
        until_in_memory(&here, &cookie, reads(cluster.nodes())).await;
        let slot = slot_of(&cluster, SPACE, &cookie);
        let source = block_in_place(|| {
            let source = cluster.begin_move(slot, target);
            if steps > 1 {
                cluster.move_keys(slot, source, target);
            }
            if steps > 2 {
                cluster.finish_move(slot, source, target);
            }
            source
        });
        // What is asked for on the way may be kept as well.
        for _ in 0..2 {
            assert!(!browser::load(&here, Some(&cookie)).await.unwrap().is_new());
        }
        assert_eq!(there.revoke_all(&user, None).await.unwrap(), 1);
        times.push(until_over(&here, &cookie, Instant::now()).await);
        if steps < 3 {
            // Whose session is in a slot on the way is never kept, and the next one may be in this slot.
            block_in_place(|| stay(slot, [source, target]));
        }
    }
    print("an ended session leaves a near cache while its slot moves", times);
}

/// A slot does not move after all.
fn stay(slot: u16, nodes: [&Redis; 2]) {
    for node in nodes {
        node.ask(&["CLUSTER", "SETSLOT", &slot.to_string(), "STABLE"]);
    }
}

/// Makes a replica a master that has no slots.
fn newcomer(cluster: &Cluster) -> &Redis {
    let master = cluster.master_of(0);
    let newcomer = cluster.replicas_of(master)[0];
    newcomer.ask(&["CLUSTER", "RESET"]);
    let nodes = master.ask(&["CLUSTER", "NODES"]);
    let (_, bus) = nodes.split_once(&format!("{}@", master.address())).unwrap();
    let bus = bus.split([' ', ',']).next().unwrap();
    newcomer.ask(&["CLUSTER", "MEET", "127.0.0.1", &master.port().to_string(), bus]);
    let is_known = |node: &Redis| {
        let nodes = node.ask(&["CLUSTER", "NODES"]);
        let is_whole = nodes.lines().count() == cluster.nodes().len();
        let own = format!("{}@", newcomer.address());
        is_whole && nodes.lines().any(|line| line.contains(&own) && line.contains("master"))
    };
    let begun = Instant::now();
    while !cluster.nodes().iter().all(is_known) {
        assert!(begun.elapsed() < PATIENCE, "not everybody knows the newcomer");
        thread::sleep(Duration::from_millis(20));
    }
    newcomer
}

/// Ends a user's sessions as soon as anybody can.
async fn until_revoked(manager: &SessionManager, user: &str) {
    let begun = Instant::now();
    while let Err(error) = manager.revoke_all(user, None).await {
        assert!(begun.elapsed() < PATIENCE, "{error}");
    }
}

fn slot_of(cluster: &Cluster, space: &str, cookie: &str) -> u16 {
    cluster.slot_of(&format!("{space}:{}", id_of(cookie)))
}

/// How often these nodes of a Cluster were asked for a session, since that was asked last.
fn reads<'a>(nodes: impl IntoIterator<Item = &'a Redis>) -> impl FnMut() -> usize {
    let nodes: Vec<&Redis> = nodes.into_iter().collect();
    let mut before = 0;
    move || {
        let now = block_in_place(|| nodes.iter().map(|node| reads_of(node)).sum::<usize>());
        now - mem::replace(&mut before, now)
    }
}

fn reads_of(node: &Redis) -> usize {
    let stats = node.ask(&["INFO", "commandstats"]);
    let gets = stats.lines().find_map(|line| line.strip_prefix("cmdstat_get:calls="));
    gets.map_or(0, |gets| gets.split(',').next().unwrap().parse().unwrap())
}

/// Waits until a session is shown without asking the server: the cache may have to connect first, or be told
/// of the sign-in. `asked` says how often anybody was asked since that was asked last.
async fn until_in_memory(manager: &SessionManager, cookie: &str, mut asked: impl FnMut() -> usize) {
    let begun = Instant::now();
    loop {
        asked();
        let found = browser::load(manager, Some(cookie)).await;
        if found.is_ok_and(|session| !session.is_new()) && asked() == 0 {
            return;
        }
        assert!(begun.elapsed() < PATIENCE, "the cache does not work");
        yield_now().await;
    }
}

/// A process with a near cache.
async fn near(url: &str, space: &str, staleness: Duration) -> SessionManager {
    let cache = NearCache::new().staleness(staleness);
    let options = RedisOptions::new().prefix(format!("{space}:")).near_cache(cache);
    manager(AnyStore::from(options.connect(url).await.unwrap()))
}

/// How long after its end a session is still shown. While nobody can be asked, it is not.
async fn until_over(manager: &SessionManager, cookie: &str, ended: Instant) -> Duration {
    let mut shown = Duration::ZERO;
    loop {
        let begun = ended.elapsed();
        match browser::load(manager, Some(cookie)).await {
            Ok(session) if session.is_new() => return shown,
            Ok(_) => shown = begun,
            Err(error) => assert!(error.is_temporary(), "{error:?}"),
        }
        assert!(begun < PATIENCE, "it was still shown {shown:?} after its end");
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
