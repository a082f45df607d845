//! Real servers for tests, each started for one test binary or for one test, on 127.0.0.1.
//!
//! [`redis()`], [`postgres()`] and their like are shared by all tests of a binary: start as many tests on
//! them as you like, and give each a prefix, schema or database of its own. A test that kills or empties a
//! server starts one itself, with [`Redis::start`] and its like.
//!
//! A server ends when its value is dropped. It also ends, and its files go, when the process that started it
//! ends in whatever way, a `SIGKILL` included: see [`Server`].
//!
//! Everything here blocks and needs no runtime, so it serves the tests of any.
//!
//! # Panics
//!
//! A test without its server proves nothing, so whatever goes wrong here panics: a program that is not
//! installed (with the package to install), a server that does not start (with the end of its log), a
//! command that fails (with what it said).

#![expect(clippy::missing_panics_doc, reason = "everything here panics, as said above")]

mod certificate;
mod cluster;
mod folder;
mod mariadb;
mod pgbouncer;
mod port;
mod postgres;
mod process;
mod program;
mod proxy;
mod redis;
mod sentinel;
mod server;
mod valkey;

use std::sync::OnceLock;

pub use cluster::Cluster;
pub use mariadb::MariaDb;
pub use pgbouncer::PgBouncer;
pub use postgres::{Postgres, PostgresOptions};
pub use proxy::Proxy;
pub use redis::{Redis, RedisOptions, RedisProgram};
pub use sentinel::{Sentinel, SentinelOptions};
pub use server::Server;

/// The Redis server that all tests of this process share. Never kill or empty it.
pub fn redis() -> &'static Redis {
    static SHARED: OnceLock<Redis> = OnceLock::new();
    SHARED.get_or_init(|| Redis::start(RedisOptions::default()))
}

/// The Valkey server that all tests of this process share. Never kill or empty it.
pub fn valkey() -> &'static Redis {
    static SHARED: OnceLock<Redis> = OnceLock::new();
    SHARED.get_or_init(|| {
        Redis::start(RedisOptions { program: RedisProgram::Valkey, ..RedisOptions::default() })
    })
}

/// The Redis Cluster that all tests of this process share. Never kill or empty a node of it.
pub fn cluster() -> &'static Cluster {
    static SHARED: OnceLock<Cluster> = OnceLock::new();
    SHARED.get_or_init(Cluster::start)
}

/// The servers with Sentinels that all tests of this process share. Never kill or empty one of them.
pub fn sentinel() -> &'static Sentinel {
    static SHARED: OnceLock<Sentinel> = OnceLock::new();
    SHARED.get_or_init(Sentinel::start)
}

/// The PostgreSQL server that all tests of this process share. Never kill it.
pub fn postgres() -> &'static Postgres {
    static SHARED: OnceLock<Postgres> = OnceLock::new();
    SHARED.get_or_init(|| Postgres::start(PostgresOptions::default()))
}

/// The PgBouncer that all tests of this process share, in front of [`postgres()`]. Never kill it.
pub fn pgbouncer() -> &'static PgBouncer {
    static SHARED: OnceLock<PgBouncer> = OnceLock::new();
    SHARED.get_or_init(|| PgBouncer::start(postgres()))
}

/// The MariaDB server that all tests of this process share. Never kill it.
pub fn mariadb() -> &'static MariaDb {
    static SHARED: OnceLock<MariaDb> = OnceLock::new();
    SHARED.get_or_init(MariaDb::start)
}
