//! Servers that say no: no memory, no disk, no connection, nothing but reading.
//!
//! A write that is refused is an error, and nothing of it is done. Reads go on.

use handstamp_testing::servers::{MariaDb, Postgres, PostgresOptions, Redis, RedisOptions};
use tokio::task::block_in_place;
use tokio_postgres::error::SqlState;
use tokio_postgres::{Client, Config, NoTls};

use super::{BACK_WITHIN, processes};
use crate::browser;
use crate::load::Load;

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn redis_out_of_memory() {
    let redis = block_in_place(|| Redis::start(RedisOptions::default()));
    let set = |bytes| {
        redis.ask(&["CONFIG", "SET", "maxmemory", bytes]);
    };
    // It has used more than this before anybody comes.
    refuse_writes("out of memory, Redis", &redis.url(), || set("100kb"), || set("0")).await;
}

/// A master that was made a replica: `READONLY`. The master that it was told of is nowhere.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn redis_read_only() {
    let redis = block_in_place(|| Redis::start(RedisOptions::default()));
    let follow = |host, port| {
        redis.ask(&["REPLICAOF", host, port]);
    };
    refuse_writes(
        "read-only, Redis",
        &redis.url(),
        || follow("127.0.0.1", "1"),
        || follow("NO", "ONE"),
    )
    .await;
}

/// As a standby answers: 25006.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn postgres_read_only() {
    let postgres = block_in_place(|| Postgres::start(PostgresOptions::default()));
    let set = |value| {
        postgres.ask(&format!("ALTER SYSTEM SET default_transaction_read_only = {value}"));
        postgres.ask("SELECT pg_reload_conf()");
    };
    refuse_writes("read-only, PostgreSQL", &postgres.url(), || set("on"), || set("off")).await;
}

/// The server's own answer, 53100, given by a trigger: a disk that is really full needs one that is small.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn postgres_disk_full() {
    let postgres = block_in_place(|| Postgres::start(PostgresOptions::default()));
    let fill = || {
        postgres.ask(
            "CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN \
             RAISE EXCEPTION 'could not extend file: No space left on device' \
             USING ERRCODE = 'disk_full'; END $$",
        );
        postgres.ask(
            "CREATE TRIGGER refuse BEFORE INSERT OR UPDATE ON refused FOR EACH ROW \
             EXECUTE FUNCTION refuse()",
        );
    };
    let empty = || {
        postgres.ask("DROP TRIGGER refuse ON refused");
    };
    refuse_writes("disk full, PostgreSQL", &postgres.url(), fill, empty).await;
}

/// As [`postgres_disk_full`]: 1114.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn mariadb_disk_full() {
    let mariadb = block_in_place(MariaDb::start);
    let fill = || {
        for write in ["INSERT", "UPDATE"] {
            mariadb.ask(&format!(
                "CREATE TRIGGER refuse_{write} BEFORE {write} ON refused FOR EACH ROW \
                 SIGNAL SQLSTATE 'HY000' SET MYSQL_ERRNO = 1114, \
                 MESSAGE_TEXT = 'The table is full'"
            ));
        }
    };
    let empty = || {
        for write in ["INSERT", "UPDATE"] {
            mariadb.ask(&format!("DROP TRIGGER refuse_{write}"));
        }
    };
    refuse_writes("disk full, MariaDB", &mariadb.url(), fill, empty).await;
}

/// `--read-only`: 1290.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn mariadb_read_only() {
    let mariadb = block_in_place(MariaDb::start);
    // It does not hold for root.
    block_in_place(|| {
        mariadb.ask("CREATE USER visitor; GRANT ALL ON handstamp.* TO visitor");
    });
    let set = |value| {
        mariadb.ask(&format!("SET GLOBAL read_only = {value}"));
    };
    let url = format!("mysql://visitor@{}/handstamp", mariadb.address());
    refuse_writes("read-only, MariaDB", &url, || set("ON"), || set("OFF")).await;
}

/// Others have taken every connection that the server has, and its own as soon as it lost them.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn postgres_out_of_connections() {
    let options = PostgresOptions { max_connections: Some(20), ..Default::default() };
    let postgres = block_in_place(|| Postgres::start(options));
    let mut load = Load::start(processes(&postgres.url(), "crowded").await, 51).await;
    load.begin_fault();
    let crowd = crowd(&postgres.url()).await;
    load.suffer().await;
    drop(crowd);
    load.heal().await;
    let report = load.end().await;
    report.assert_whole("connections exhausted, PostgreSQL");
    report.assert_back_within(BACK_WITHIN);
}

/// Takes one connection after the other, until there are only ours.
async fn crowd(url: &str) -> Vec<Client> {
    const OTHERS: &str = "FROM pg_stat_activity WHERE backend_type = 'client backend' \
                          AND application_name <> 'crowd'";
    let config: Config = format!("{url}?application_name=crowd").parse().unwrap();
    let mut crowd: Vec<Client> = Vec::new();
    loop {
        match config.connect(NoTls).await {
            Ok((client, connection)) => {
                tokio::spawn(connection);
                crowd.push(client);
            }
            Err(error) => {
                let code = error.code().unwrap_or_else(|| panic!("{error}"));
                assert_eq!(code, &SqlState::TOO_MANY_CONNECTIONS);
                let sql = format!("SELECT pg_terminate_backend(pid) {OTHERS}");
                if crowd[0].execute(&sql, &[]).await.unwrap() == 0 {
                    return crowd;
                }
            }
        }
    }
}

/// Runs visitors against a server that refuses all writes for a while.
async fn refuse_writes(drill: &str, url: &str, refuse: impl Fn(), take: impl Fn()) {
    let managers = processes(url, "refused").await;
    let manager = managers[0].clone();
    let (mut cookie, session) = (String::new(), browser::load(&manager, None).await.unwrap());
    session.insert("kept", 1).unwrap();
    browser::save(&manager, &session, &mut cookie).await;

    let mut load = Load::start(managers, 50).await;
    load.begin_fault();
    block_in_place(&refuse);
    load.suffer().await;
    let session = browser::load(&manager, Some(&cookie)).await.expect("reads go on");
    assert_eq!(session.get::<u32>("kept").unwrap(), Some(1));
    session.insert("kept", 2).unwrap();
    let error = manager.commit(&session).await.expect_err("a write is refused");
    assert!(error.is_temporary(), "{error:?}");
    block_in_place(&take);
    load.heal().await;

    let session = browser::load(&manager, Some(&cookie)).await.unwrap();
    assert_eq!(session.get::<u32>("kept").unwrap(), Some(1), "what was refused has not happened");
    let report = load.end().await;
    report.assert_whole(drill);
    report.assert_back_within(BACK_WITHIN);
}
