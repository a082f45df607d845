//! Servers that are killed and started again, and ones that are emptied.

use handstamp_testing::servers::{MariaDb, Postgres, PostgresOptions, Redis, RedisOptions, Server};
use tokio::task::block_in_place;

use super::{BACK_WITHIN, processes};
use crate::load::{Load, Loss};

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn redis_that_keeps_all_on_disk() {
    let settings = ["--appendonly", "yes"].map(str::to_owned).into();
    let redis = block_in_place(|| Redis::start(RedisOptions { settings, ..Default::default() }));
    stop_and_start_again(&redis, &redis.url(), Loss::Nothing, || redis.kill()).await;
}

/// All sessions are gone, and stay so.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn redis_that_keeps_all_in_memory() {
    let redis = block_in_place(|| Redis::start(RedisOptions::default()));
    stop_and_start_again(&redis, &redis.url(), Loss::Everything, || redis.kill()).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn postgres() {
    let postgres = block_in_place(|| Postgres::start(PostgresOptions::default()));
    stop_and_start_again(&postgres, &postgres.url(), Loss::Nothing, || postgres.kill()).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn mariadb() {
    let mariadb = block_in_place(MariaDb::start);
    stop_and_start_again(&mariadb, &mariadb.url(), Loss::Nothing, || mariadb.kill()).await;
}

/// Nobody gets another's session, and nothing comes back.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn redis_that_is_emptied() {
    let redis = block_in_place(|| Redis::start(RedisOptions::default()));
    let mut load = Load::start(processes(&redis.url(), "emptied").await, 21).await;
    for _ in 0..5 {
        load.strike(Loss::Everything, || {
            redis.ask(&["FLUSHALL"]);
        });
        load.heal().await;
    }
    let report = load.end().await;
    report.assert_clean("FLUSHALL");
    report.assert_back_within(BACK_WITHIN);
    assert_eq!(report.errors.len(), 0, "{report}");
    assert!(report.lost_with_server > 0, "{report}");
}

/// Down for so long that everybody is refused, and then for as long as a start takes.
async fn stop_and_start_again(server: &Server, url: &str, loss: Loss, stop: impl Fn()) {
    let mut load = Load::start(processes(url, "stopped").await, 20).await;
    load.strike(loss, &stop);
    load.suffer().await;
    block_in_place(|| server.start_again());
    load.heal().await;
    load.strike(loss, || {
        stop();
        server.start_again();
    });
    load.heal().await;
    let report = load.end().await;
    let drill = format!("stopped and started again, {server:?}");
    match loss {
        Loss::Nothing => report.assert_whole(&drill),
        _ => report.assert_clean(&drill),
    }
    report.assert_back_within(BACK_WITHIN);
}
