//! Slots of a Cluster that move to other masters, with the sessions in them.

use handstamp_testing::servers::{Cluster, Redis};
use tokio::task::block_in_place;

use super::processes;
use crate::load::{Load, Loss};
use crate::places::cluster_url;

/// How often slots move.
const ROUNDS: usize = 3;

/// How many slots are on the move at once.
const SLOTS: usize = 6;

/// While a slot moves, its old master answers `ASK` for what it has not any more, and `TRYAGAIN` for what is
/// half on its way; afterwards it answers `MOVED`. Nobody may notice any of it.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn slots_move_under_load() {
    let cluster = block_in_place(Cluster::start);
    let mut load = Load::start(processes(&cluster_url(&cluster), "slots").await, 40).await;
    load.begin_fault(Loss::Nothing);
    for _ in 0..ROUNDS {
        let moves = block_in_place(|| begin_moves(&cluster));
        // Sessions are still where they were.
        load.work().await;
        block_in_place(|| {
            for (slot, source, target) in &moves {
                cluster.move_keys(*slot, source, target);
            }
        });
        // Sessions are where they are going to be, and everybody asks in the wrong place first.
        load.work().await;
        block_in_place(|| {
            for (slot, source, target) in moves {
                // Those who came meanwhile.
                cluster.move_keys(slot, source, target);
                cluster.finish_move(slot, source, target);
            }
        });
        load.work().await;
    }
    load.heal().await;
    let report = load.end().await;
    report.assert_whole("slots move under load");
    assert_eq!(report.errors.len(), 0, "{report}");
    for answer in ["ASK", "MOVED"] {
        let met = block_in_place(|| redirections(&cluster, answer));
        println!("slots move under load: {met} times {answer}");
        assert!(met > 0, "nobody was answered {answer}");
    }
}

/// Begins to move slots in which there are sessions at this moment, each to another master.
fn begin_moves(cluster: &Cluster) -> Vec<(u16, &Redis, &Redis)> {
    let masters = masters(cluster);
    let keys: Vec<String> = masters.iter().map(|master| master.ask(&["KEYS", "*"])).collect();
    let mut slots: Vec<u16> =
        keys.iter().flat_map(|keys| keys.lines()).map(|key| cluster.slot_of(key)).collect();
    slots.sort_unstable();
    slots.dedup();
    let stride = slots.len().div_ceil(SLOTS);
    let moves = slots.into_iter().step_by(stride).map(|slot| {
        let target = other_than(cluster.master_of(slot), &masters);
        (slot, cluster.begin_move(slot, target), target)
    });
    moves.collect()
}

/// The masters, by slots that are not likely to move.
fn masters(cluster: &Cluster) -> [&Redis; 3] {
    [0, Cluster::SLOTS / 2, Cluster::SLOTS - 1].map(|slot| cluster.master_of(slot))
}

fn other_than<'a>(master: &Redis, masters: &[&'a Redis]) -> &'a Redis {
    masters.iter().find(|other| other.port() != master.port()).unwrap()
}

/// How often nodes have given this answer.
fn redirections(cluster: &Cluster, answer: &str) -> usize {
    let name = format!("errorstat_{answer}");
    let count = |node: &Redis| {
        let value = node.info(&name)?;
        value.strip_prefix("count=")?.parse::<usize>().ok()
    };
    cluster.nodes().iter().filter_map(count).sum()
}
