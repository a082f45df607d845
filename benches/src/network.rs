//! The chapters on stores whose sessions are on a database: ours beside the peer's, on one server.

use crate::chapters::{self, Comparison, Loads};
use crate::database::{Database, Kind};
use crate::load::{self, BROWSERS, Load, Row};
use crate::plot;
use crate::programs::{
    FRED, OURS_MYSQL, OURS_NEAR, OURS_POSTGRES, OURS_REDIS, Programs, SQLX_MYSQL, SQLX_POSTGRES,
    Target,
};
use crate::report::{Chapter, Table, number};
use crate::{Fallible, Options, breakdown, growth, revocations};

/// How many browsers ask at the same time, where that is what is measured.
const CONNECTIONS: [usize; 3] = [1, 32, 256];

/// Whose database is filled.
const GROWING: [Target; 7] =
    [OURS_REDIS, OURS_NEAR, FRED, OURS_POSTGRES, SQLX_POSTGRES, OURS_MYSQL, SQLX_MYSQL];

pub(crate) fn redis(programs: &Programs, options: &Options) -> Fallible<Chapter> {
    let network = Network {
        kind: Kind::Redis,
        title: "Redis over HTTP",
        plot: "redis",
        targets: &[OURS_REDIS, OURS_NEAR, FRED],
        pairs: &[(OURS_REDIS, FRED, Some(0.7)), (OURS_NEAR, FRED, None)],
        about: "The server is Redis, in memory only. The peer has its README's pool of 6 connections; ours has one. A \
write of ours compares the stored value in a script, so that no other writer's is lost; the peer's overwrites. The near \
cache is off unless an application turns it on; with it, a read asks Redis only after somebody has changed the session.",
    };
    let mut chapter = network.chapter(programs, options)?;
    chapter.tables.push(revocations::table(&Database::start(Kind::Redis), options)?);
    chapter.method.push_str(REVOCATIONS);
    Ok(chapter)
}

/// What is said of the table of revocations.
const REVOCATIONS: &str = " For the revocations, two near caches are on connections of their own; one has a session in its \
memory, and the other ends it, as `revoke` does for a user. The time is that from the answer until the first has no such session any \
more: it asks without a pause, at last Redis itself. Both are in one process with Redis beside it; a network adds what it takes for one way.";

pub(crate) fn postgres(programs: &Programs, options: &Options) -> Fallible<Chapter> {
    let network = Network {
        kind: Kind::Postgres,
        title: "PostgreSQL over HTTP",
        plot: "postgres",
        targets: &[OURS_POSTGRES, SQLX_POSTGRES],
        pairs: &[(OURS_POSTGRES, SQLX_POSTGRES, Some(0.4))],
        about: "The server is PostgreSQL with `fsync=off`, so that no disk is measured. The peer has sqlx's pool of 10 \
connections; ours has a few on which requests share the way. A write of ours compares the stored document in the same \
statement, so that no other writer's is lost; the peer's overwrites.",
    };
    network.chapter(programs, options)
}

pub(crate) fn mysql(programs: &Programs, options: &Options) -> Fallible<Chapter> {
    let network = Network {
        kind: Kind::MySql,
        title: "MySQL over HTTP",
        plot: "mysql",
        targets: &[OURS_MYSQL, SQLX_MYSQL],
        pairs: &[(OURS_MYSQL, SQLX_MYSQL, Some(0.5))],
        about: "The server is MariaDB with `innodb_flush_log_at_trx_commit=2`, so that no disk is measured. The peer has \
sqlx's pool of 10 connections. A write of ours compares the stored document in the same statement, so that no other \
writer's is lost; the peer's overwrites.",
    };
    network.chapter(programs, options)
}

struct Network<'a> {
    kind: Kind,
    title: &'static str,
    plot: &'static str,
    targets: &'a [Target],
    pairs: &'a [(Target, Target, Option<f64>)],
    about: &'a str,
}

impl Network<'_> {
    fn chapter(&self, programs: &Programs, options: &Options) -> Fallible<Chapter> {
        let databases = [Database::start(self.kind)];
        let name = self.kind.title();
        let comparison = Comparison {
            targets: self.targets,
            pairs: self.pairs,
            databases: &databases,
            rounds: options.either(1, 5),
            title: &format!("{name}: CPU time of a request above the bare route"),
            known: "What is the system's goes into sockets and into waking threads: a request to the database is at least \
one write, one read and one wait, less whatever requests share.",
        };
        let Loads { mut tables, plot, rows } = chapters::loads(programs, options, &comparison)?;
        tables.push(breakdown::user_and_system(&rows));
        tables.push(self.connections(programs, &databases, options)?);
        let method = format!(
            "{} «Database» is the CPU time that {name} takes for a request. {}\n\nThe table of connections is about browsers that \
ask at the same time, with documents of 200 B, {} rounds.",
            chapters::method(comparison.rounds),
            self.about,
            rounds(options)
        );
        let plot = Some((self.plot, plot));
        Ok(Chapter { title: self.title, method, tables, plot, ..Chapter::default() })
    }

    /// More and fewer connections of browsers.
    fn connections(
        &self,
        programs: &Programs,
        databases: &[Database],
        options: &Options,
    ) -> Fallible<Table> {
        let mut titled = Vec::new();
        for browsers in CONNECTIONS {
            let rows = load::rows(Load {
                programs,
                targets: self.targets,
                databases,
                bytes: 200,
                browsers,
                sessions: browsers,
                rounds: rounds(options),
                time: options.phase(),
            })?;
            let title = |row: Row| (format!("{browsers}: {}", row.target.title), row);
            titled.extend(rows.into_iter().map(title));
        }
        Ok(chapters::load_table("connections", titled))
    }
}

/// Of each number of connections, and of sessions.
fn rounds(options: &Options) -> usize {
    options.either(1, 3)
}

/// What becomes of stores when there are very many sessions in the database.
pub(crate) fn growth(programs: &Programs, options: &Options) -> Fallible<Chapter> {
    let mut reads = Table::new(["a read, µs", "fewest sessions", "most sessions", "ratio"]);
    let mut lines = Vec::new();
    for target in [OURS_REDIS, OURS_POSTGRES, OURS_MYSQL] {
        let Some((kind, layout)) = target.database else { continue };
        let sizes = growth::of_database(kind, layout, options)?;
        let known = "The database looks at more places in its memory, and fewer of them are in the processor's cache.";
        let ratio = reads.against(1.5, growth::ratio(&sizes), &[known]);
        let [few, many] = [sizes.first(), sizes.last()]
            .map(|size| size.map_or(f64::NAN, |size| size.read / 1000.0));
        reads.row([kind.title().to_owned(), number(few), number(many), ratio]);
        lines.push((kind.title(), growth::line(&sizes)));
    }
    let counts = growth::few_and_many(options).map(|count| number(count as f64)).join(" and ");
    let method = format!(
        "A database holds {counts} sessions of 200 B of the application's data. 1,000 of them, \
spread over all, are read: for the first table by their cookies, one after the other, in no order: the signature, the round trip and \
the document, without HTTP; for the second by {BROWSERS} browsers that ask as in the chapters before, each for another of these \
sessions every time, {} rounds after one that does not count. A near cache has room for all that are asked for. The other \
sessions are copies that the database itself makes, in the layout of each store, in a database of its own. MySQL is MariaDB.",
        rounds(options)
    );
    let plot = plot::lines("Time of a read by number of sessions in the database", "µs", &lines);
    Ok(Chapter {
        title: "Growth on databases",
        method,
        tables: vec![reads, growth_over_http(programs, options)?],
        plot: Some(("growth-network", plot)),
        ..Chapter::default()
    })
}

/// Ours and the peers, with few sessions and with many.
fn growth_over_http(programs: &Programs, options: &Options) -> Fallible<Table> {
    let mut titled = Vec::new();
    for target in GROWING {
        for sessions in growth::few_and_many(options) {
            let kind = target.database.map(|(kind, _)| kind);
            let rows = load::rows(Load {
                programs,
                targets: &[target],
                databases: &kind.map(Database::start).into_iter().collect::<Vec<_>>(),
                bytes: growth::BYTES,
                browsers: BROWSERS,
                sessions,
                rounds: rounds(options),
                time: options.phase(),
            })?;
            let title = |row: Row| (format!("{}: {}", number(sessions as f64), target.title), row);
            titled.extend(rows.into_iter().map(title));
        }
    }
    Ok(chapters::load_table("sessions", titled))
}
