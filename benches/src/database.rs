//! The database servers that network stores are measured on: real ones, on loopback, one of a kind for all
//! targets of a chapter.

use std::time::Duration;

use handstamp_testing::servers::{MariaDb, Postgres, PostgresOptions, Redis, RedisOptions};

use crate::programs::Target;
use crate::{Fallible, processes};

/// A kind of database.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Kind {
    MySql,
    Postgres,
    Redis,
}

impl Kind {
    /// As tables name the server that is measured on.
    pub(crate) fn title(self) -> &'static str {
        match self {
            Self::MySql => "MariaDB",
            Self::Postgres => "PostgreSQL",
            Self::Redis => "Redis",
        }
    }

    /// As its processes are named.
    fn program(self) -> &'static str {
        match self {
            Self::MySql => "mariadbd",
            Self::Postgres => "postgres",
            Self::Redis => "redis-server",
        }
    }
}

/// How a store keeps its sessions there.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Layout {
    /// Of Redis: keys, which are the id with this before it.
    Keys(&'static str),
    /// Rows of a table.
    Rows(Rows),
}

/// A table, its columns, and how the sessions in it differ.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Rows {
    pub(crate) table: &'static str,
    pub(crate) id: &'static str,
    /// How many characters an id has.
    pub(crate) id_length: usize,
    pub(crate) data: &'static str,
    pub(crate) expires: &'static str,
    /// The end of the session `n`, some time after another's, in SQL.
    pub(crate) expires_later: &'static str,
}

/// A server that runs until it is dropped.
#[derive(Debug)]
pub(crate) struct Database {
    kind: Kind,
    server: Server,
}

#[derive(Debug)]
enum Server {
    MySql(MariaDb),
    Postgres(Postgres),
    Redis(Redis),
}

impl Database {
    /// Starts an empty one.
    ///
    /// # Panics
    /// The program is not installed (it says what to install), or does not start.
    pub(crate) fn start(kind: Kind) -> Self {
        let server = match kind {
            Kind::MySql => Server::MySql(MariaDb::start()),
            Kind::Postgres => Server::Postgres(Postgres::start(PostgresOptions::default())),
            Kind::Redis => Server::Redis(Redis::start(RedisOptions::default())),
        };
        Self { kind, server }
    }

    pub(crate) fn url(&self) -> String {
        match &self.server {
            Server::MySql(mariadb) => mariadb.url(),
            Server::Postgres(postgres) => postgres.url(),
            Server::Redis(redis) => redis.url(),
        }
    }

    /// Adds so many copies of a session that a store has put there, under other ids of the same kind: so those
    /// that a store has put there lie among them, and not in a block.
    ///
    /// # Panics
    /// The server does not obey, or the layout is another kind's.
    pub(crate) fn copy(&self, layout: Layout, copies: usize) {
        if copies == 0 {
            return;
        }
        match (&self.server, layout) {
            (Server::MySql(mariadb), Layout::Rows(rows)) => {
                let Rows { table, id, id_length, data, expires, expires_later } = rows;
                // In the order of their ids, in which InnoDB keeps them: any other takes ten times as long.
                mariadb.ask(&format!(
                    "INSERT INTO {table} ({id}, {expires}, {data})
                     SELECT new_id, {expires_later}, {data}
                     FROM (SELECT {expires}, {data} FROM {table} LIMIT 1) AS one,
                     (SELECT seq AS n, left(replace(replace(to_base64(unhex(sha2(seq, 256))), '+', '-'), '/', '_'), {id_length})
                      AS new_id FROM seq_1_to_{copies}) AS ids ORDER BY new_id"
                ));
            }
            (Server::Postgres(postgres), Layout::Rows(rows)) => {
                let Rows { table, id, id_length, data, expires, expires_later } = rows;
                postgres.ask(&format!(
                    "INSERT INTO {table} ({id}, {expires}, {data})
                     SELECT left(translate(encode(sha256(n::text::bytea), 'base64'), '+/', '-_'), {id_length}),
                     {expires_later}, {data}
                     FROM (SELECT {expires}, {data} FROM {table} LIMIT 1) AS one, generate_series(1, {copies}) AS n"
                ));
                // In the order of their ids, so that those which are read don't lie side by side.
                postgres.ask(&format!("CLUSTER {table} USING session_pkey"));
                postgres.ask(&format!("VACUUM ANALYZE {table}"));
            }
            (Server::Redis(redis), Layout::Keys(prefix)) => {
                for start in (0..copies).step_by(REDIS_STEP) {
                    let end = copies.min(start + REDIS_STEP);
                    redis.ask(&["EVAL", COPY, "0", prefix, &start.to_string(), &end.to_string()]);
                }
            }
            _ => panic!("{layout:?} is not a layout of {}", self.kind.title()),
        }
    }

    /// The CPU time of the server, all its processes together.
    pub(crate) fn cpu(&self) -> Fallible<Duration> {
        let ours = processes::ours()?;
        let servers = ours.iter().filter(|process| process.name == self.kind.program());
        // A process that has ended meanwhile has no time any more.
        Ok(servers.filter_map(|process| process.cpu().ok()).sum())
    }
}

/// Redis answers nobody while a script runs, and complains of those that run for seconds.
const REDIS_STEP: usize = 100_000;

const COPY: &str = "
    local one = redis.call('RANDOMKEY')
    local value, lifetime = redis.call('GET', one), redis.call('PTTL', one)
    for number = ARGV[2] + 1, ARGV[3] do
        redis.call('SET', ARGV[1] .. string.sub(redis.sha1hex(number), 1, 32), value, 'PX', lifetime + number % 1000000)
    end";

/// The one that a target keeps its sessions on, if it needs one.
pub(crate) fn of(target: Target, databases: &[Database]) -> Fallible<Option<&Database>> {
    let Some((kind, _)) = target.database else { return Ok(None) };
    let database = databases.iter().find(|database| database.kind == kind);
    database.map(Some).ok_or_else(|| format!("{} needs {}", target.title, kind.title()).into())
}
