//! Real servers: each starts, answers its own clients, and ends.

use handstamp_testing::servers::{self, MariaDb, Postgres, PostgresOptions, Redis, RedisOptions};

#[test]
fn redis_answers() {
    assert_eq!(servers::redis().ask(&["PING"]), "PONG");
}

#[test]
fn postgres_answers() {
    assert_eq!(servers::postgres().ask("SELECT 1, 'two'"), "1|two");
    assert_ne!(servers::postgres().ask("SELECT count(*) FROM pg_stat_statements"), "0");
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
    redis.start_again();
    assert_eq!(redis.port(), port);
    assert_eq!(redis.ask(&["PING"]), "PONG");
}

#[test]
fn postgres_keeps_its_data_when_it_is_killed() {
    let postgres = Postgres::start(PostgresOptions::default());
    postgres.ask("CREATE TABLE kept AS SELECT 1 AS one");
    postgres.restart();
    assert_eq!(postgres.ask("SELECT one FROM kept"), "1");
}

#[test]
fn mariadb_keeps_its_data_when_it_is_killed() {
    let mariadb = MariaDb::start();
    mariadb.ask("CREATE TABLE kept AS SELECT 1 AS one");
    mariadb.restart();
    assert_eq!(mariadb.ask("SELECT one FROM kept"), "1");
}
