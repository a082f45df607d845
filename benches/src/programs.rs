//! The programs that hold the targets: this one holds ours, another holds the peers.

use std::env;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::Fallible;
use crate::database::{Kind, Layout, Rows};

/// Something that is measured.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Target {
    /// As the program that holds it knows it.
    pub(crate) name: &'static str,
    /// As the tables name it.
    pub(crate) title: &'static str,
    pub(crate) maker: Maker,
    /// Where its sessions are, and how, if not in its memory or in a file.
    pub(crate) database: Option<(Kind, Layout)>,
}

/// Whose it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Maker {
    Ours,
    Peer,
}

pub(crate) const OURS: Target = ours("memory", "handstamp, memory");
pub(crate) const OURS_FULL: Target = ours("sqlite-full", "handstamp, SQLite, FULL (default)");
pub(crate) const OURS_NORMAL: Target = ours("sqlite-normal", "handstamp, SQLite, NORMAL");
pub(crate) const TOWER_SESSIONS: Target =
    peer("tower-sessions-memory", "tower-sessions 0.15, memory");
pub(crate) const AXUM_SESSION: Target = peer("axum_session-memory", "axum_session 0.22, memory");
pub(crate) const SQLX_FULL: Target =
    peer("tower-sessions-sqlite-full", "tower-sessions-sqlx-store 0.15, SQLite, FULL");
pub(crate) const SQLX_NORMAL: Target =
    peer("tower-sessions-sqlite-normal", "tower-sessions-sqlx-store 0.15, SQLite, NORMAL");

pub(crate) const OURS_REDIS: Target =
    ours("redis", "handstamp, Redis").on(Kind::Redis, Layout::Keys("sess:"));
pub(crate) const OURS_NEAR: Target =
    ours("redis-near", "handstamp, Redis, near cache").on(Kind::Redis, Layout::Keys("near:"));
pub(crate) const FRED: Target = peer("tower-sessions-redis", "tower-sessions-redis-store 0.16")
    .on(Kind::Redis, Layout::Keys(""));
pub(crate) const OURS_POSTGRES: Target = ours("postgres", "handstamp, PostgreSQL").on(
    Kind::Postgres,
    Layout::Rows(Rows {
        table: "session",
        id: "sid",
        id_length: 32,
        data: "sess",
        expires: "expire",
        expires_later: "expire + n * interval '1 ms'",
    }),
);
pub(crate) const SQLX_POSTGRES: Target =
    peer("tower-sessions-postgres", "tower-sessions-sqlx-store 0.15, PostgreSQL")
        .on(Kind::Postgres, sqlx("expiry_date + n * interval '1 ms'"));
pub(crate) const OURS_MYSQL: Target = ours("mysql", "handstamp, MySQL").on(
    Kind::MySql,
    Layout::Rows(Rows {
        table: "sessions",
        id: "session_id",
        id_length: 32,
        data: "data",
        expires: "expires",
        expires_later: "expires + n DIV 1000",
    }),
);
pub(crate) const SQLX_MYSQL: Target =
    peer("tower-sessions-mysql", "tower-sessions-sqlx-store 0.15, MySQL")
        .on(Kind::MySql, sqlx("expiry_date + INTERVAL n * 1000 MICROSECOND"));

/// Of tower-sessions-sqlx-store, with how its database says when the session `n` ends.
const fn sqlx(expires_later: &'static str) -> Layout {
    Layout::Rows(Rows {
        table: "tower_sessions.session",
        id: "id",
        id_length: 22,
        data: "data",
        expires: "expiry_date",
        expires_later,
    })
}

const fn ours(name: &'static str, title: &'static str) -> Target {
    Target { name, title, maker: Maker::Ours, database: None }
}

const fn peer(name: &'static str, title: &'static str) -> Target {
    Target { name, title, maker: Maker::Peer, database: None }
}

impl Target {
    const fn on(self, kind: Kind, layout: Layout) -> Self {
        Self { database: Some((kind, layout)), ..self }
    }
}

/// Where the programs are.
#[derive(Debug)]
pub(crate) struct Programs {
    ours: PathBuf,
    peers: PathBuf,
}

impl Programs {
    /// Builds the peers, as they are written in their `Cargo.lock`.
    pub(crate) fn build() -> Fallible<Self> {
        let folder = folder().join("peers");
        let cargo = env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
        let status = Command::new(cargo)
            .args(["build", "--release", "--locked", "--manifest-path"])
            .arg(folder.join("Cargo.toml"))
            .arg("--target-dir")
            .arg(folder.join("target"))
            .status()?;
        if !status.success() {
            return Err("the peers could not be built".into());
        }
        Self::ours()
    }

    /// As [`build`](Self::build), where no peer is needed.
    pub(crate) fn ours() -> Fallible<Self> {
        let peers = folder().join("peers/target/release/handstamp-benches-peers");
        Ok(Self { ours: env::current_exe()?, peers })
    }

    pub(crate) fn of(&self, target: Target) -> &Path {
        match target.maker {
            Maker::Ours => &self.ours,
            Maker::Peer => &self.peers,
        }
    }
}

/// The folder of the benchmarks.
pub(crate) fn folder() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}
