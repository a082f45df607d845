//! Real servers: each starts, answers its own clients, and ends.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::process::Command;
use std::thread;
use std::time::{Duration, Instant};

use handstamp_testing::servers::{
    self, Cluster, MariaDb, Postgres, PostgresOptions, Redis, RedisOptions, RedisProgram, Sentinel,
};

#[test]
fn redis_answers() {
    assert_eq!(servers::redis().ask(&["PING"]), "PONG");
    assert_eq!(servers::redis().info("redis_mode").as_deref(), Some("standalone"));
}

#[test]
fn valkey_answers() {
    assert_eq!(servers::valkey().ask(&["PING"]), "PONG");
    assert_eq!(servers::valkey().info("server_name").as_deref(), Some("valkey"));
}

#[test]
fn postgres_answers() {
    assert_eq!(servers::postgres().ask("SELECT 1, 'two'"), "1|two");
    assert_ne!(servers::postgres().ask("SELECT count(*) FROM pg_stat_statements"), "0");
}

#[test]
fn postgres_answers_through_pgbouncer() {
    assert_eq!(servers::pgbouncer().ask("SELECT 1, 'two'"), "1|two");
}

#[test]
fn mariadb_answers() {
    assert_eq!(servers::mariadb().ask("SELECT 1, 'two'"), "1\ttwo");
}

#[test]
fn redis_is_killed_and_started_again_on_its_port() {
    let redis = Redis::start(RedisOptions::default());
    let port = redis.port();
    redis.kill();
    assert!(!redis.is_running());
    assert!(!is_open(port));
    redis.start_again();
    assert_eq!(redis.port(), port);
    assert_eq!(redis.ask(&["PING"]), "PONG");
}

#[test]
fn redis_ends_with_its_value_and_its_files_go() {
    let redis = Redis::start(RedisOptions { socket: true, ..RedisOptions::default() });
    let (port, socket) = (redis.port(), redis.socket().unwrap());
    assert!(is_open(port) && socket.exists());
    drop(redis);
    assert!(!is_open(port) && !socket.parent().unwrap().exists());
}

#[test]
fn postgres_ends_with_its_value() {
    let postgres = Postgres::start(PostgresOptions::default());
    let port = postgres.port();
    drop(postgres);
    assert!(!is_open(port));
}

#[test]
fn mariadb_ends_with_its_value() {
    let mariadb = MariaDb::start();
    let port = mariadb.port();
    drop(mariadb);
    assert!(!is_open(port));
}

#[test]
fn a_server_that_is_paused_answers_when_it_goes_on() {
    let redis = Redis::start(RedisOptions::default());
    let mut stream = TcpStream::connect(redis.address()).unwrap();
    stream.set_read_timeout(Some(Duration::from_millis(200))).unwrap();
    redis.pause();
    assert!(redis.is_running());
    stream.write_all(b"PING\r\n").unwrap();
    assert!(stream.read(&mut [0]).is_err());
    redis.resume();
    stream.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
    let mut answer = [0; 7];
    stream.read_exact(&mut answer).unwrap();
    assert_eq!(&answer, b"+PONG\r\n");
}

#[test]
fn redis_admits_its_user_only() {
    let redis =
        Redis::start(RedisOptions { user: Some(("app", "pass")), ..RedisOptions::default() });
    assert_eq!(redis.ask(&["ACL", "WHOAMI"]), "app");
    let port = redis.port().to_string();
    let stranger = Command::new("redis-cli").args(["-p", &port, "PING"]).output().unwrap();
    assert!(String::from_utf8_lossy(&stranger.stdout).contains("NOAUTH"));
}

#[test]
fn redis_speaks_tls() {
    let redis = Redis::start(RedisOptions { tls: true, ..RedisOptions::default() });
    assert_eq!(redis.ask(&["PING"]), "PONG");
    assert!(redis.url().starts_with("rediss://127.0.0.1:"));
}

#[test]
fn redis_listens_on_a_socket() {
    let redis = Redis::start(RedisOptions { socket: true, ..RedisOptions::default() });
    let ping =
        Command::new("redis-cli").arg("-s").arg(redis.socket().unwrap()).arg("PING").output();
    assert_eq!(String::from_utf8_lossy(&ping.unwrap().stdout), "PONG\n");
}

#[test]
fn redis_that_is_full_says_so() {
    let redis = Redis::start(RedisOptions { maxmemory: Some(1), ..RedisOptions::default() });
    let port = redis.port().to_string();
    let set = Command::new("redis-cli").args(["-p", &port, "SET", "key", "value"]).output();
    assert!(String::from_utf8_lossy(&set.unwrap().stdout).starts_with("OOM command not allowed"));
}

#[test]
fn a_replica_follows_its_master() {
    let master = Redis::start(RedisOptions::default());
    let replica_of = Some(master.port());
    let replica = Redis::start(RedisOptions { replica_of, ..RedisOptions::default() });
    master.ask(&["SET", "key", "value"]);
    until(|| replica.ask(&["GET", "key"]) == "value");
}

#[test]
fn postgres_keeps_its_data_when_it_is_killed() {
    let postgres = Postgres::start(PostgresOptions::default());
    postgres.ask("CREATE TABLE kept AS SELECT 1 AS one");
    postgres.restart();
    assert_eq!(postgres.ask("SELECT one FROM kept"), "1");
}

#[test]
fn postgres_speaks_tls_and_takes_so_many_connections() {
    let options = PostgresOptions { tls: true, max_connections: Some(7), ..Default::default() };
    let postgres = Postgres::start(options);
    assert_eq!(postgres.ask("SHOW max_connections"), "7");
    let url = format!(
        "{}?sslmode=verify-full&sslrootcert={}",
        postgres.url(),
        postgres.authority().unwrap().display()
    );
    let sql = "SELECT ssl FROM pg_stat_ssl WHERE pid = pg_backend_pid()";
    let rows = Command::new("psql").args(["-XAt", "-d", &url, "-c", sql]).output().unwrap();
    assert_eq!(String::from_utf8_lossy(&rows.stdout), "t\n");
}

#[test]
fn mariadb_keeps_its_data_when_it_is_killed() {
    let mariadb = MariaDb::start();
    mariadb.ask("CREATE TABLE kept AS SELECT 1 AS one");
    mariadb.restart();
    assert_eq!(mariadb.ask("SELECT one FROM kept"), "1");
}

#[test]
fn a_replica_takes_the_place_of_a_killed_master_of_a_cluster() {
    let cluster = Cluster::start();
    let slot = cluster.slot_of("key");
    let old = cluster.master_of(slot);
    let [replica] = cluster.replicas_of(old)[..] else { panic!("each master has one replica") };
    old.kill();
    until(|| replica.info("role").as_deref() == Some("master"));
    until(|| replica.ask(&["CLUSTER", "INFO"]).contains("cluster_state:ok"));
    assert_eq!(replica.ask(&["SET", "key", "value"]), "OK");
    old.start_again();
    until(|| old.info("role").as_deref() == Some("slave"));
}

#[test]
fn a_slot_moves_with_its_keys() {
    let cluster = Cluster::start_with(RedisProgram::Valkey);
    let slot = cluster.slot_of("key");
    let old = cluster.master_of(slot);
    let new = cluster.master_of((slot + Cluster::SLOTS / 2) % Cluster::SLOTS);
    assert_ne!(old.port(), new.port());
    old.ask(&["SET", "key", "value"]);
    cluster.move_slot(slot, new);
    assert_eq!(new.ask(&["GET", "key"]), "value");
    until(|| cluster.master_of(slot).port() == new.port());
}

#[test]
fn sentinels_replace_a_killed_master() {
    let sentinel = Sentinel::start();
    let old = sentinel.master();
    assert_eq!(old.port(), sentinel.nodes()[0].port());
    old.kill();
    until(|| sentinel.master().port() != old.port());
    assert_eq!(sentinel.master().info("role").as_deref(), Some("master"));
    old.start_again();
    // The Sentinels cut the connections of whoever they make a replica, so its new master is asked.
    let replica = format!("port={},", old.port());
    until(|| sentinel.master().ask(&["INFO", "replication"]).contains(&replica));
}

fn is_open(port: u16) -> bool {
    TcpStream::connect(("127.0.0.1", port)).is_ok()
}

/// Waits for what other processes do, which nothing tells us of.
#[track_caller]
fn until(is_so: impl Fn() -> bool) {
    let start = Instant::now();
    while !is_so() {
        assert!(start.elapsed() < Duration::from_secs(60), "not so after a minute");
        thread::sleep(Duration::from_millis(20));
    }
}
