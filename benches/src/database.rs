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

    /// Adds so many sessions with this document to those of our store, as that would have stored them.
    ///
    /// # Panics
    /// The server does not obey.
    pub(crate) fn fill(&self, sessions: usize, document: &str) {
        match &self.server {
            Server::MySql(mariadb) => {
                // In the order of their ids, in which InnoDB keeps them: any other takes ten times as long.
                mariadb.ask(&format!(
                    "INSERT INTO sessions (session_id, expires, data)
                     SELECT id, unix_timestamp() + 86400, '{document}'
                     FROM (SELECT md5(seq) AS id FROM seq_1_to_{sessions}) AS ids ORDER BY id"
                ));
            }
            Server::Postgres(postgres) => {
                postgres.ask(&format!(
                    "INSERT INTO session (sid, sess, expire)
                     SELECT md5(number::text), '{document}', now() + interval '1 day'
                     FROM generate_series(1, {sessions}) AS number"
                ));
                // In the order of their ids, so that those which are read don't lie side by side.
                postgres.ask("CLUSTER session USING session_pkey");
                postgres.ask("VACUUM ANALYZE session");
            }
            Server::Redis(redis) => {
                for start in (0..sessions).step_by(REDIS_STEP) {
                    let end = sessions.min(start + REDIS_STEP);
                    redis.ask(&["EVAL", FILL, "0", &start.to_string(), &end.to_string(), document]);
                }
            }
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

const FILL: &str = "
    for number = ARGV[1] + 1, ARGV[2] do
        redis.call('SET', 'sess:' .. redis.sha1hex(number), ARGV[3], 'EX', 86400)
    end";

/// The one that a target keeps its sessions on, if it needs one.
pub(crate) fn of(target: Target, databases: &[Database]) -> Fallible<Option<&Database>> {
    let Some(kind) = target.database else { return Ok(None) };
    let database = databases.iter().find(|database| database.kind == kind);
    database.map(Some).ok_or_else(|| format!("{} needs {}", target.title, kind.title()).into())
}
