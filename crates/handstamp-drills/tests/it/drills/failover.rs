//! Masters that are killed while their replicas wait to take over.
//!
//! Replication is asynchronous: a master answers first and tells its replicas then. What it has answered in
//! its last moments may be lost with it, and no client can change that. The drills count it apart.

use std::ops::RangeInclusive;
use std::time::{Duration, Instant};

use handstamp_testing::servers::{Cluster, Redis, Sentinel};
use tokio::task::block_in_place;

use super::slots::slot_of;
use super::{BACK_WITHIN, processes};
use crate::load::{Load, Loss};
use crate::places::{cluster_url, sentinel_url};

/// What a master may not have told its replicas yet. Milliseconds are usual; this machine may be busy.
const LAG: Duration = Duration::from_secs(2);

/// What a master that hangs may add to [`BACK_WITHIN`], because nothing says that it does: who the master is,
/// Sentinels are asked every second.
const SENTINELS_ASKED: Duration = Duration::from_secs(1);

/// As [`SENTINELS_ASKED`]: a Cluster has another master three seconds after the old one began to hang, and the
/// store finds after five that it owes an answer.
const ANSWER_OVERDUE: Duration = Duration::from_secs(2);

/// Where the sessions are.
const SPACE: &str = "failover";

/// How long the servers may take to agree on a new master.
const PATIENCE: Duration = Duration::from_secs(60);

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn sentinel() {
    let sentinel = block_in_place(Sentinel::start);
    let mut load = Load::start(processes(&sentinel_url(&sentinel), SPACE).await, 30).await;
    sentinel_fails_over(&sentinel, &mut load, |master| master.kill()).await;
    let report = load.end().await;
    report.assert_clean("master killed, Sentinel");
    report.assert_back_within(BACK_WITHIN);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn cluster() {
    let cluster = block_in_place(Cluster::start);
    let mut load = Load::start(processes(&cluster_url(&cluster), SPACE).await, 31).await;
    cluster_fails_over(&cluster, &mut load, |master| master.kill()).await;
    let report = load.end().await;
    report.assert_clean("master killed, Cluster");
    report.assert_back_within(BACK_WITHIN);
}

/// A master whose machine stands still for so long that it is replaced, and then goes on: connections to it
/// stay open, and for eight seconds it takes itself for the master, until the Sentinels make it a replica.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn sentinel_pause() {
    let sentinel = block_in_place(Sentinel::start);
    let mut load = Load::start(processes(&sentinel_url(&sentinel), SPACE).await, 32).await;
    let old = sentinel_fails_over(&sentinel, &mut load, |master| master.pause()).await;
    come_back(old, &mut load).await;
    let report = load.end().await;
    report.assert_clean("master paused, Sentinel");
    report.assert_back_within(SENTINELS_ASKED + BACK_WITHIN);
}

/// As [`sentinel_pause`]; here the old master learns from the others at once that it is none any more.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn cluster_pause() {
    let cluster = block_in_place(Cluster::start);
    let mut load = Load::start(processes(&cluster_url(&cluster), SPACE).await, 33).await;
    let old = cluster_fails_over(&cluster, &mut load, |master| master.pause()).await;
    come_back(old, &mut load).await;
    let report = load.end().await;
    report.assert_clean("master paused, Cluster");
    report.assert_back_within(ANSWER_OVERDUE + BACK_WITHIN);
}

/// Lets an old master go on. Nobody may notice that it is back.
async fn come_back(old: &Redis, load: &mut Load) {
    block_in_place(|| {
        old.resume();
        until("the old master is a replica", || !is_master(old));
    });
    load.work().await;
}

/// Stops the master, waits until there is another, and lets everybody find it. Gives the old one.
async fn sentinel_fails_over<'a>(
    sentinel: &'a Sentinel,
    load: &mut Load,
    stop: impl Fn(&Redis),
) -> &'a Redis {
    let master = block_in_place(|| sentinel.master());
    load.strike(Loss::Recent(LAG), || stop(master));
    let recovered = block_in_place(|| {
        until("there is a new master", || {
            let new = sentinel.master();
            new.port() != master.port() && is_master(new)
        })
    });
    load.heal_since(recovered).await;
    master
}

/// As [`sentinel_fails_over`], with the master that has the session by which the load tells that it is back.
async fn cluster_fails_over<'a>(
    cluster: &'a Cluster,
    load: &mut Load,
    stop: impl Fn(&Redis),
) -> &'a Redis {
    let key = format!("{SPACE}:{}", load.probe());
    let (master, replicas, slots) = block_in_place(|| {
        let master = cluster.master_of(cluster.slot_of(&key));
        assert_eq!(master.ask(&["EXISTS", &key]), "1", "the session is elsewhere");
        (master, cluster.replicas_of(master), slots_of(master))
    });
    let had = move |id: &str| slots.contains(&slot_of(&format!("{SPACE}:{id}")));
    load.strike_part(Loss::Recent(LAG), had, || stop(master));
    let recovered = block_in_place(|| {
        let others = cluster.nodes().iter().filter(|node| node.port() != master.port());
        until("a replica is the master, and all know it", || {
            let new = replicas.iter().find(|replica| is_master(replica));
            new.is_some_and(|new| others.clone().all(|node| is_ok(node) && knows(node, new)))
        })
    });
    load.heal_since(recovered).await;
    master
}

/// The slots that a master has: those of a new Cluster are next to each other.
fn slots_of(master: &Redis) -> RangeInclusive<u16> {
    let nodes = master.ask(&["CLUSTER", "NODES"]);
    let own = nodes.lines().find(|line| line.contains("myself")).expect("it knows itself");
    let (first, last) = own.rsplit(' ').next().and_then(|slots| slots.split_once('-')).unwrap();
    first.parse().unwrap()..=last.parse().unwrap()
}

fn is_master(node: &Redis) -> bool {
    node.info("role").as_deref() == Some("master")
}

fn is_ok(node: &Redis) -> bool {
    node.ask(&["CLUSTER", "INFO"]).contains("cluster_state:ok")
}

fn knows(node: &Redis, master: &Redis) -> bool {
    let place = format!("{}@", master.address());
    let nodes = node.ask(&["CLUSTER", "NODES"]);
    nodes.lines().any(|line| line.contains(&place) && line.contains("master"))
}

/// Waits for what servers agree on among themselves. They tell nobody, so they are asked again and again.
fn until(what: &str, is_so: impl Fn() -> bool) -> Instant {
    let start = Instant::now();
    loop {
        // It was so when the question was on its way, and perhaps before.
        let now = Instant::now();
        if is_so() {
            return now;
        }
        assert!(start.elapsed() < PATIENCE, "not after {PATIENCE:?}: {what}");
        std::thread::sleep(Duration::from_millis(20));
    }
}
