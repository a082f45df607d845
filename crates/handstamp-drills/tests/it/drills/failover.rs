//! Masters that are killed while their replicas wait to take over.
//!
//! Replication is asynchronous: a master answers first and tells its replicas then. What it has answered in
//! its last moments may be lost with it, and no client can change that. The drills count it apart.

use std::time::{Duration, Instant};

use handstamp_testing::servers::{Cluster, Redis, Sentinel};
use tokio::task::block_in_place;

use super::{BACK_WITHIN, processes};
use crate::load::{Load, Loss};
use crate::places::{cluster_url, sentinel_url};

/// What a master may not have told its replicas yet. Milliseconds are usual; this machine may be busy.
const LAG: Duration = Duration::from_secs(2);

/// How long the servers may take to agree on a new master.
const PATIENCE: Duration = Duration::from_secs(60);

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn sentinel() {
    let sentinel = block_in_place(Sentinel::start);
    let mut load = Load::start(processes(&sentinel_url(&sentinel), "sentinel").await, 30).await;
    load.begin_fault(Loss::Recent(LAG));
    let recovered = block_in_place(|| {
        let master = sentinel.master();
        master.kill();
        until("there is a new master", || {
            let new = sentinel.master();
            new.port() != master.port() && is_master(new)
        })
    });
    load.heal_since(recovered).await;
    let report = load.end().await;
    report.assert_clean("master killed, Sentinel");
    report.assert_back_within(BACK_WITHIN);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn cluster() {
    let cluster = block_in_place(Cluster::start);
    let mut load = Load::start(processes(&cluster_url(&cluster), "cluster").await, 31).await;
    load.begin_fault(Loss::Recent(LAG));
    let recovered = block_in_place(|| {
        let slot = 0;
        let master = cluster.master_of(slot);
        let replicas = cluster.replicas_of(master);
        master.kill();
        until("a replica is the master, and all know it", || {
            replicas.iter().any(|replica| is_master(replica))
                && cluster.nodes().iter().filter(|node| node.is_running()).all(is_ok)
        })
    });
    load.heal_since(recovered).await;
    let report = load.end().await;
    report.assert_clean("master killed, Cluster");
    report.assert_back_within(BACK_WITHIN);
}

fn is_master(node: &Redis) -> bool {
    node.info("role").as_deref() == Some("master")
}

fn is_ok(node: &Redis) -> bool {
    node.ask(&["CLUSTER", "INFO"]).contains("cluster_state:ok")
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
