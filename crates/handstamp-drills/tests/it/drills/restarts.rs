//! Servers that are killed and started again, and ones that are emptied.

use std::process::Command;
use std::thread;
use std::time::{Duration, Instant};

use handstamp_testing::servers::{MariaDb, Postgres, PostgresOptions, Redis, RedisOptions, Server};
use tokio::task::block_in_place;
use tokio_postgres::NoTls;
use tokio_postgres::error::SqlState;

use super::{BACK_WITHIN, processes};
use crate::load::{Load, Loss};

/// How long a server may take to stop. It needs less than a second, so what takes this long never comes.
const PATIENCE: Duration = Duration::from_secs(60);

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

/// A fast shutdown, by SIGINT: everybody who is connected is told 57P01, and that is all he is told.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn postgres_in_good_order() {
    let postgres = block_in_place(|| Postgres::start(PostgresOptions::default()));
    let (_client, connection) = tokio_postgres::connect(&postgres.url(), NoTls).await.unwrap();
    let told = tokio::spawn(connection);
    stop_and_start_again(&postgres, &postgres.url(), Loss::Nothing, || {
        let file = postgres.ask("SELECT pg_read_file('postmaster.pid')");
        let process = file.lines().next().unwrap();
        assert!(Command::new("kill").args(["-INT", process]).status().unwrap().success());
        wait_until_down(&postgres);
    })
    .await;
    let error = told.await.unwrap().expect_err("the server has ended the connection");
    assert_eq!(error.code(), Some(&SqlState::ADMIN_SHUTDOWN), "{error}");
}

/// By `SHUTDOWN`, which lets nobody finish what he is about.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn mariadb_in_good_order() {
    let mariadb = block_in_place(MariaDb::start);
    stop_and_start_again(&mariadb, &mariadb.url(), Loss::Nothing, || {
        mariadb.ask("SHUTDOWN");
        wait_until_down(&mariadb);
    })
    .await;
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

/// Waits until a server that was told to stop has done so. It tells nobody.
fn wait_until_down(server: &Server) {
    let start = Instant::now();
    while server.is_running() {
        assert!(start.elapsed() < PATIENCE, "it still runs after {PATIENCE:?}");
        thread::sleep(Duration::from_millis(10));
    }
}
