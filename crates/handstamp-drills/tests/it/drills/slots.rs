//! Slots of a Cluster that move to other masters, with the sessions in them.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use handstamp::SessionManager;
use handstamp_testing::servers::{Cluster, Redis};
use tokio::task::block_in_place;

use super::processes;
use crate::browser;
use crate::counting::{COUNTER, begin, count};
use crate::load::Load;
use crate::places::cluster_url;

/// How many slots move, one after the other.
const MOVES: usize = 12;

/// While a slot moves, its old master answers `ASK` for what it has not any more, and `TRYAGAIN` for what is
/// half there; afterwards it answers `MOVED`. Nobody may notice any of it.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn slots_move_under_load() {
    let cluster = block_in_place(Cluster::start);
    let managers = processes(&cluster_url(&cluster), "slots").await;
    let mut cookies = Vec::new();
    for _ in 0..MOVES {
        cookies.push(begin(&managers[0]).await);
    }
    let masters = masters(&cluster);
    let slots = block_in_place(|| used_slots(&masters));

    let mut load = Load::start(managers.clone(), 40).await;
    load.begin_fault();
    let is_enough = Arc::new(AtomicBool::new(false));
    let counting =
        tokio::spawn(go_on_counting(managers.clone(), cookies.clone(), is_enough.clone()));
    block_in_place(|| {
        for slot in slots {
            let target = other_than(cluster.master_of(slot), &masters);
            cluster.move_slot(slot, target);
        }
    });
    is_enough.store(true, Ordering::SeqCst);
    let counted = counting.await.unwrap();
    load.heal().await;
    let report = load.end().await;
    report.assert_whole("slots move under load");
    assert_eq!(report.errors.len(), 0, "{report}");
    for cookie in &cookies {
        assert_eq!(count(&managers[1], cookie).await, Some(counted));
    }
    let [ask, moved, again] = ["ASK", "MOVED", "TRYAGAIN"]
        .map(|answer| block_in_place(|| times_answered(&cluster, answer)));
    println!("slots move under load: {ask} times ASK, {moved} MOVED, {again} TRYAGAIN");
    assert!(moved > 0 && ask + again > 0, "nobody was sent elsewhere");
}

/// Increments all of these sessions again and again, and gives how often.
async fn go_on_counting(
    managers: Vec<SessionManager>,
    cookies: Vec<String>,
    is_enough: Arc<AtomicBool>,
) -> usize {
    let mut counted = 0;
    while !is_enough.load(Ordering::SeqCst) {
        for cookie in &cookies {
            let manager = &managers[counted % managers.len()];
            let session = browser::load(manager, Some(cookie)).await.unwrap();
            session.update(COUNTER, |count: Option<usize>| count.unwrap() + 1).unwrap();
            manager.commit(&session).await.unwrap();
        }
        counted += 1;
    }
    counted
}

/// The slots in which there are sessions at this moment.
fn used_slots(masters: &[&Redis]) -> Vec<u16> {
    let keys: Vec<String> = masters.iter().map(|master| master.ask(&["KEYS", "*"])).collect();
    keys.iter().flat_map(|keys| keys.lines()).map(slot_of).collect()
}

/// The slot of a key that has no hash tag: its CRC-16/XMODEM, without a question to a server for each.
pub(super) fn slot_of(key: &str) -> u16 {
    let crc = key.bytes().fold(0, |crc: u16, byte| {
        let shift = |crc: u16| if crc & 0x8000 == 0 { crc << 1 } else { (crc << 1) ^ 0x1021 };
        (0..8).fold(crc ^ (u16::from(byte) << 8), |crc, _| shift(crc))
    });
    crc % Cluster::SLOTS
}

/// The masters, by slots that are not likely to move.
fn masters(cluster: &Cluster) -> [&Redis; 3] {
    [0, Cluster::SLOTS / 2, Cluster::SLOTS - 1].map(|slot| cluster.master_of(slot))
}

fn other_than<'a>(master: &Redis, masters: &[&'a Redis]) -> &'a Redis {
    masters.iter().find(|other| other.port() != master.port()).unwrap()
}

/// How often nodes have given this answer.
fn times_answered(cluster: &Cluster, answer: &str) -> usize {
    let name = format!("errorstat_{answer}");
    let count = |node: &Redis| {
        let value = node.info(&name)?;
        value.strip_prefix("count=")?.parse::<usize>().ok()
    };
    cluster.nodes().iter().filter_map(count).sum()
}
