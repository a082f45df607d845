//! Connections that are black-holed, slow or cut.

use std::time::Duration;

use handstamp_redis::{NearCache, RedisOptions};
use handstamp_testing::servers::{self, Proxy};
use tokio::task::block_in_place;

use super::{BACK_WITHIN, processes};
use crate::load::{DEADLINE, Load, manager};
use crate::places::{Place, in_every_place};

in_every_place!(black_hole: mariadb MariaDb, postgres Postgres, redis Redis);
in_every_place!(cut_in_the_middle_of_a_reply: mariadb MariaDb, postgres Postgres, redis Redis);
in_every_place!(refused_connections: mariadb MariaDb, postgres Postgres, redis Redis);
in_every_place!(slow: mariadb MariaDb, postgres Postgres, redis Redis);
in_every_place!(slower_than_the_deadline: mariadb MariaDb, postgres Postgres, redis Redis);

/// Nothing is answered. What was sent arrives when it is over: writes of which nobody knows any more.
async fn black_hole(place: Place) {
    let (proxy, mut load) = begin(place, "black_hole", 10).await;
    load.begin_fault();
    proxy.black_hole();
    load.suffer().await;
    block_in_place(|| proxy.heal());
    load.heal().await;
    let report = load.end().await;
    report.assert_whole(&format!("black hole, {place:?}"));
    report.assert_back_within(BACK_WITHIN);
}

/// At each of the first bytes of a reply, and further behind.
async fn cut_in_the_middle_of_a_reply(place: Place) {
    let (proxy, mut load) = begin(place, "cut", 11).await;
    load.begin_fault();
    for bytes in [0, 1, 2, 4, 5, 6, 9, 13, 20, 40, 100, 300, 1000] {
        proxy.cut_after(bytes);
        load.work().await;
    }
    // It happens once, so what comes after the next reply is well again.
    proxy.cut_after(0);
    load.heal().await;
    let report = load.end().await;
    report.assert_whole(&format!("cut in the middle of a reply, {place:?}"));
    report.assert_back_within(BACK_WITHIN);
}

/// Connections are lost, and no new ones can be made.
async fn refused_connections(place: Place) {
    let (proxy, mut load) = begin(place, "refused", 12).await;
    load.begin_fault();
    block_in_place(|| proxy.refuse());
    proxy.cut();
    load.suffer().await;
    block_in_place(|| proxy.heal());
    load.heal().await;
    let report = load.end().await;
    report.assert_whole(&format!("refused connections, {place:?}"));
    report.assert_back_within(BACK_WITHIN);
}

/// So slow that it is noticed, but no call fails.
async fn slow(place: Place) {
    let (proxy, mut load) = begin(place, "slow", 13).await;
    load.begin_fault();
    proxy.delay(Duration::from_millis(40));
    load.work().await;
    block_in_place(|| proxy.heal());
    load.heal().await;
    let report = load.end().await;
    report.assert_whole(&format!("slow, {place:?}"));
    assert_eq!(report.errors.len(), 0, "{report}");
}

/// Each answer comes when nobody waits for it any more, and must be taken for no other.
async fn slower_than_the_deadline(place: Place) {
    const DELAY: Duration = DEADLINE.saturating_add(Duration::from_millis(500));
    let (proxy, mut load) = begin(place, "slower", 14).await;
    load.begin_fault();
    proxy.delay(DELAY);
    load.suffer().await;
    block_in_place(|| proxy.heal());
    load.heal().await;
    let report = load.end().await;
    report.assert_whole(&format!("slower than the deadline, {place:?}"));
    // What was on its way when the network became fast again is not, and what follows it has to wait.
    report.assert_back_within(DELAY + BACK_WITHIN);
}

/// One process with a near cache, which has to show what was written by itself, whatever the server can tell.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn near_cache_behind_a_bad_network() {
    let (proxy, url) = block_in_place(|| behind(Place::Redis));
    let options = RedisOptions::new().prefix("bad_network:").near_cache(NearCache::new());
    let store = options.connect(&url).await.unwrap();
    let mut load = Load::start(vec![manager(store)], 15).await;
    for fault in [Proxy::black_hole, Proxy::refuse] {
        load.begin_fault();
        block_in_place(|| fault(&proxy));
        proxy.cut();
        load.suffer().await;
        block_in_place(|| proxy.heal());
        load.heal().await;
    }
    load.begin_fault();
    for bytes in [0, 3, 30, 300] {
        proxy.cut_after(bytes);
        load.work().await;
    }
    load.heal().await;
    let report = load.end().await;
    report.assert_whole("near cache behind a bad network");
    report.assert_back_within(BACK_WITHIN);
}

/// Visitors of two processes that reach a server through a proxy.
async fn begin(place: Place, drill: &str, seed: u64) -> (Proxy, Load) {
    let (proxy, url) = block_in_place(|| behind(place));
    let space = format!("{drill}_{place:?}").to_lowercase();
    let load = Load::start(processes(&url, &space).await, seed).await;
    (proxy, load)
}

fn behind(place: Place) -> (Proxy, String) {
    let through = |address: String, url: &dyn Fn(&Proxy) -> String| {
        let proxy = Proxy::start(address);
        let url = url(&proxy);
        (proxy, url)
    };
    match place {
        Place::MariaDb => {
            let server = servers::mariadb();
            through(server.address(), &|proxy| server.url_through(proxy))
        }
        Place::Postgres => {
            let server = servers::postgres();
            through(server.address(), &|proxy| server.url_through(proxy))
        }
        Place::Redis => {
            let server = servers::redis();
            through(server.address(), &|proxy| server.url_through(proxy))
        }
        _ => unreachable!("nobody stands in front of {place:?}"),
    }
}
