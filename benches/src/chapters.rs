//! What is measured, in which order, and against which budgets.

use std::iter;

use crate::callgrind::{self, Cost};
use crate::database::{Database, Kind};
use crate::growth::{self, Size};
use crate::load::{self, BROWSERS, Load, Measured, Row};
use crate::lost_updates::{self, INCREMENTS};
use crate::plot::{self, Bar};
use crate::programs::{
    AXUM_SESSION, FRED, Maker, OURS, OURS_FULL, OURS_MYSQL, OURS_NEAR, OURS_NORMAL, OURS_POSTGRES,
    OURS_REDIS, Programs, SQLX_FULL, SQLX_MYSQL, SQLX_NORMAL, SQLX_POSTGRES, TOWER_SESSIONS,
    Target,
};
use crate::report::{Chapter, Table, number};
use crate::{Fallible, Options, breakdown, counting, engine, express, network};

/// Measures a chapter.
pub(crate) type Measure = fn(&Programs, &Options) -> Fallible<Chapter>;

/// All chapters in the order of the page, by the names that `--only` takes.
pub(crate) const ALL: [(&str, Measure); 12] = [
    ("callgrind", instructions),
    ("memory", memory),
    ("sqlite", sqlite),
    ("redis", network::redis),
    ("postgres", network::postgres),
    ("mysql", network::mysql),
    ("express", |_, options| express::in_process(options)),
    ("express-network", |_, options| express::network(options)),
    ("growth", growth),
    ("growth-network", network::growth),
    ("lost-updates", lost_updates),
    ("engine", parts),
];

/// Those that need no peer of [`Programs`]: the npm package's come with it.
pub(crate) const WITHOUT_PEERS: [&str; 4] = ["express", "express-network", "growth", "engine"];

pub(crate) const SIZES: [(usize, &str); 2] = [(200, "200 B"), (4096, "4 KB")];

/// What is known of requests that never ask and cost more than they may.
const IDLE: &str = "A request that never asks for its session pays for the handle to it: one allocation is the handle, the \
others are its place in the request's extensions, where axum has nothing before.";

fn instructions(programs: &Programs, options: &Options) -> Fallible<Chapter> {
    let mut costs = Table::new(["above the bare route", "never asks", "read", "write"]);
    let mut hashing = Table::new(["of which SHA-256 in software", "never asks", "read", "write"]);
    let mut allocations = Table::new(["heap allocations", "never asks", "read", "write"]);
    let mut budgets = Table::new(["handstamp, 200 B", "budget"]);
    let mut parts = Table::new(["handstamp, memory: where they go", "never asks", "read", "write"]);
    let mut bars = Vec::new();
    for (bytes, size) in SIZES {
        let mut group = Vec::new();
        for target in [OURS, TOWER_SESSIONS, AXUM_SESSION] {
            let cost = |case| callgrind::cost(programs, target, case, bytes, options);
            let bare = cost("bare")?;
            let above = |case| -> Fallible<Cost> { Ok(cost(case)?.above(bare)) };
            let of = [above("idle")?, above("read")?, above("write")?];
            let title = format!("{}, {size}", target.title);
            let row = |of: [f64; 3]| {
                let [idle, read, write] = of.map(number);
                [title.clone(), idle, read, write]
            };
            costs.row(row(of.map(|cost| cost.instructions.round())));
            hashing.row(row(of.map(|cost| cost.hashing.round())));
            allocations.row(row(of.map(|cost| cost.allocations.round())));
            let bar = |name: &str, cost: Cost| Bar {
                title: format!("{}: {name}", target.title),
                value: cost.instructions / 1000.0,
                ours: target == OURS,
            };
            group.extend([bar("read", of[1]), bar("write", of[2])]);
            if target == OURS {
                parts.rows(breakdown::parts(size, of));
            }
            if target == OURS && bytes == 200 {
                let [idle, read, write] = of;
                let no_op = above("no-op")?;
                let mut budget = |what: &str, budget, value: f64, known: &str| {
                    let cell = budgets.against(budget, value, &[known]);
                    budgets.row([what.to_owned(), cell]);
                };
                let largest = |what: &str, cost: &Cost| {
                    format!("The largest parts of a {what}: {}.", breakdown::largest(cost))
                };
                let [of_read, of_write] = [largest("read", &read), largest("write", &write)];
                budget("read, instructions", 9_000.0, read.instructions, &of_read);
                budget("write, instructions", 14_000.0, write.instructions, &of_write);
                let idle = idle.above(no_op);
                budget(
                    "never asks, instructions above a layer that does nothing",
                    600.0,
                    idle.instructions,
                    IDLE,
                );
                let allocations = "never asks, heap allocations above such a layer";
                budget(allocations, 1.0, idle.allocations, IDLE);
                for (case, most) in [("idle", 0.0), ("read", 1.0), ("write", 2.0)] {
                    let calls = counting::store_calls(case)? as f64;
                    budget(&format!("{case}, store calls"), most, calls, "");
                }
                let own = [no_op.instructions, 0.0, 0.0].map(f64::round);
                let title = "a layer that does nothing".to_owned();
                costs.row([title, number(own[0]), "–".into(), "–".into()]);
            }
        }
        bars.push((size.to_owned(), group));
    }
    let sqlite = breakdown::sqlite(programs, options)?;
    let method = format!(
        "\
Each target is an axum router over a memory store, called in its own process without a socket. Valgrind's callgrind \
counts the instructions of N requests and of 2N; the difference is divided by N, so starting does not count. What the \
bare route takes is subtracted. Valgrind hides the processor's SHA instructions from programs, so our signature is \
computed in software here; a table below says what that takes (nothing, for a credential that was verified lately). Neither peer signs its cookie by default. axum \
itself allocates and copies for any layer: the row of a layer that does nothing shows it.\n\n{}",
        sqlite.method
    );
    Ok(Chapter {
        title: "Instructions of a request",
        method,
        tables: vec![costs, parts, sqlite.parts, sqlite.calls, hashing, allocations, budgets],
        plot: Some((
            "instructions",
            plot::bars("Thousand instructions of a request above the bare route", "k", &bars),
        )),
        ..Chapter::default()
    })
}

fn memory(programs: &Programs, options: &Options) -> Fallible<Chapter> {
    let comparison = Comparison {
        targets: &[OURS, TOWER_SESSIONS, AXUM_SESSION],
        pairs: &[(OURS, TOWER_SESSIONS, Some(0.5)), (OURS, AXUM_SESSION, Some(0.25))],
        databases: &[],
        rounds: options.either(1, 7),
        title: "Memory stores: CPU time of a request above the bare route",
        known: "Of two so small figures the ratio is as noisy as the machine; the chapter on instructions is not, and \
shows what ours are for. Neither peer signs its cookie, and axum_session saves nothing at the end of a request: its \
sessions stay in its memory as they are.",
    };
    let Loads { tables, plot, .. } = loads(programs, options, &comparison)?;
    let method = format!(
        "{} tower-sessions and axum_session set an unsigned cookie by default; ours is always signed.",
        method(comparison.rounds)
    );
    Ok(Chapter {
        title: "Memory stores over HTTP",
        method,
        tables,
        plot: Some(("memory", plot)),
        ..Chapter::default()
    })
}

fn sqlite(programs: &Programs, options: &Options) -> Fallible<Chapter> {
    let comparison = Comparison {
        targets: &[OURS_FULL, SQLX_FULL, OURS_NORMAL, SQLX_NORMAL],
        pairs: &[(OURS_FULL, SQLX_FULL, Some(0.2)), (OURS_NORMAL, SQLX_NORMAL, Some(0.2))],
        databases: &[],
        rounds: options.either(1, 7),
        title: "SQLite: CPU time of a request above the bare route",
        known: "",
    };
    let Loads { mut tables, plot, rows } = loads(programs, options, &comparison)?;
    let method = format!(
        "{} All use a write-ahead log (`journal_mode=WAL`). FULL and NORMAL are SQLite's `synchronous`: FULL \
is our default and SQLite's own, which sqlx leaves as it is. The peer has sqlx's pool of 10 connections.\n\n{}",
        method(comparison.rounds),
        breakdown::in_the_system(&rows)
    );
    tables.push(breakdown::user_and_system(&rows));
    Ok(Chapter {
        title: "SQLite over HTTP",
        method,
        tables,
        plot: Some(("sqlite", plot)),
        ..Chapter::default()
    })
}

/// How targets are measured over HTTP, in words.
pub(crate) fn method(rounds: usize) -> String {
    format!(
        "Each target is a server process of axum with one worker thread on a loopback port. {BROWSERS} browsers, each with a \
session and a connection of its own, ask as fast as they are answered. The targets take turns, {rounds} rounds; \
the tables hold medians. Before that each has to count rightly. «CPU» is the server's CPU time for a request \
in microseconds, in the user's and the system's name, above that of its own bare route in the same round."
    )
}

/// What is compared over HTTP.
#[derive(Debug)]
pub(crate) struct Comparison<'a> {
    pub(crate) targets: &'a [Target],
    /// Ours, a peer, and what the CPU time of ours may be, as a share of the peer's.
    pub(crate) pairs: &'a [(Target, Target, Option<f64>)],
    pub(crate) databases: &'a [Database],
    pub(crate) rounds: usize,
    /// The plot's.
    pub(crate) title: &'a str,
    /// What is known of budgets that are missed.
    pub(crate) known: &'a str,
}

/// What came out.
#[derive(Debug)]
pub(crate) struct Loads {
    pub(crate) tables: Vec<Table>,
    pub(crate) plot: String,
    /// By size.
    pub(crate) rows: Vec<(&'static str, Vec<Row>)>,
}

/// Measures reading and writing at all [`SIZES`].
pub(crate) fn loads(
    programs: &Programs,
    options: &Options,
    comparison: &Comparison<'_>,
) -> Fallible<Loads> {
    let mut ratios = Table::new(["CPU of ours / of the peer, and the budget", "read", "write"]);
    let (mut tables, mut all) = (Vec::new(), Vec::new());
    let mut bars = Vec::new();
    for (bytes, size) in SIZES {
        let rows = load::rows(Load {
            programs,
            targets: comparison.targets,
            databases: comparison.databases,
            bytes,
            browsers: BROWSERS,
            sessions: BROWSERS,
            rounds: comparison.rounds,
            time: options.phase(),
        })?;
        compare(&mut ratios, size, &rows, comparison);
        tables.push(load_table(size, rows.iter().map(|row| (row.target.title.to_owned(), *row))));
        let bar = |row: &Row, name: &str, value: f64| Bar {
            title: format!("{}: {name}", short_title(row.target)),
            value,
            ours: row.target.maker == Maker::Ours,
        };
        let group = rows.iter().flat_map(|row| {
            [bar(row, "read", row.read.overhead), bar(row, "write", row.write.overhead)]
        });
        bars.push((size.to_owned(), group.collect()));
        all.push((size, rows));
    }
    tables.insert(0, ratios);
    Ok(Loads { tables, plot: plot::bars(comparison.title, "µs", &bars), rows: all })
}

/// Adds the ratios of all pairs at one size, and what is known of those that miss their budgets.
fn compare(ratios: &mut Table, size: &str, rows: &[Row], comparison: &Comparison<'_>) {
    for (ours, peer, budget) in comparison.pairs {
        let of = |target: &Target| rows.iter().find(|row| row.target == *target);
        let (Some(ours), Some(peer)) = (of(ours), of(peer)) else { continue };
        let mut ratio = |route: &str, ours_at: Measured, peer_at: Measured| {
            let value = ours_at.overhead / peer_at.overhead;
            let Some(budget) = *budget else { return number(value) };
            let parts = breakdown::both(ours, ours_at, peer, peer_at);
            let known = format!("A {route} at {size}: {parts}.");
            ratios.against(budget, value, &[&known, comparison.known])
        };
        let read = ratio("read", ours.read, peer.read);
        let write = ratio("write", ours.write, peer.write);
        let title = format!("{} / {}, {size}", ours.target.title, peer.target.title);
        ratios.row([title, read, write]);
    }
}

/// The plots have less room: the store is in their title.
fn short_title(target: Target) -> String {
    let stores = [" (default)", ", SQLite", ", memory", ", PostgreSQL", ", MySQL"];
    stores.iter().fold(target.title.to_owned(), |title, store| title.replace(store, ""))
}

/// What was measured under which title, and what all of it is about.
pub(crate) fn load_table(about: &str, rows: impl IntoIterator<Item = (String, Row)>) -> Table {
    let rows: Vec<_> = rows.into_iter().collect();
    let has_database = rows.iter().any(|(_, row)| row.target.database.is_some());
    let mut columns = vec![about, "bare CPU", "read CPU", "write CPU", "read/s", "write/s"];
    columns.extend(["read p50", "read p99", "write p50", "write p99"]);
    if has_database {
        columns.extend(["database, read", "database, write"]);
    }
    let cells = |(title, Row { bare, read, write, .. }): (String, Row)| {
        let mut figures = vec![bare, read.overhead, write.overhead];
        figures.extend([read.throughput, write.throughput]);
        figures.extend([read.p50, read.p99, write.p50, write.p99]);
        if has_database {
            figures.extend([read.database, write.database]);
        }
        iter::once(title).chain(figures.into_iter().map(number)).collect()
    };
    let columns = columns.into_iter().map(str::to_owned).collect();
    Table::of(columns, rows.into_iter().map(cells).collect())
}

fn growth(_: &Programs, options: &Options) -> Fallible<Chapter> {
    let memory = growth::sizes("memory", options)?;
    let sqlite = growth::sizes("sqlite", options)?;
    let stops = growth::stops(options)?;
    let mut reads = Table::new(["sessions", "memory, µs", "SQLite, µs"]);
    for (memory, sqlite) in memory.iter().zip(&sqlite) {
        let micros = |size: &Size| number(size.read / 1000.0);
        reads.row([number(memory.sessions as f64), micros(memory), micros(sqlite)]);
    }
    let bytes = memory.last().and_then(|size| size.bytes).unwrap_or(f64::NAN);
    let most = number(stops.sessions as f64);
    let mut budgets = Table::new(["growth", "budget"]);
    let mut budget = |what: &str, budget, value: f64, known: &str| {
        let cell = budgets.against(budget, value, &[known]);
        budgets.row([what.to_owned(), cell]);
    };
    let known = "A read of few sessions is so short because all it touches is in the processor's cache, and where \
everything stands in their documents is known; with many, each read waits for memory several times and finds that anew.";
    budget("memory: a read with most sessions / with fewest", 1.5, growth::ratio(&memory), known);
    let known = "SQLite goes down one level more of its tree for about a hundred times the sessions, and its page cache \
holds only a part of them: the rest comes from the system's, by a call each.";
    budget("SQLite: a read with most sessions / with fewest", 1.5, growth::ratio(&sqlite), known);
    budget("memory: bytes for a session above its document", 160.0, bytes, "");
    let stop = stops.longest_cpu.max(stops.longest_allocation);
    let what = "longest stop while all expire (CPU time, the allocator's included), µs";
    budget(what, 1000.0, stop, "");
    let mut expiry = Table::new(["calls while all expire, memory store", "µs"]);
    expiry.row(["longest, by the clock".into(), number(stops.longest)]);
    expiry.row(["longest, CPU time".into(), number(stops.longest_cpu)]);
    expiry.row(["longest allocation of a document".into(), number(stops.longest_allocation)]);
    expiry.row(["99.9 % take at most".into(), number(stops.p999)]);
    let plot = plot::lines(
        "Time of a read by number of sessions",
        "µs",
        &[("memory", growth::line(&memory)), ("SQLite", growth::line(&sqlite))],
    );
    let method = format!(
        "A process of its own fills a store with sessions of 200 B of the application's data and reads up to 10,000 of \
them by their cookies, in no order: the signature, the store and the document, without HTTP. Of 4,096 sessions that were read or \
written lately it is known where everything stands in their documents; with more of them, in no order, that has to be \
found anew. The bytes are what the process grew by (resident set) above the documents themselves. For the expiry, {most} sessions end at the same moment, \
and calls that create, read and touch others go on until they are gone. Each makes a document first, which is timed by \
itself: when very many have been freed, the system's allocator stops there to put them in order. The clock's time has in it what other \
programs on the machine did."
    );
    Ok(Chapter {
        title: "Growth",
        method,
        tables: vec![reads, expiry, budgets],
        plot: Some(("growth", plot)),
        ..Chapter::default()
    })
}

fn lost_updates(programs: &Programs, options: &Options) -> Fallible<Chapter> {
    let databases = [Kind::Redis, Kind::Postgres, Kind::MySql].map(Database::start);
    let network = [OURS_REDIS, OURS_NEAR, OURS_POSTGRES, OURS_MYSQL];
    let mut alone = vec![OURS, OURS_FULL, OURS_NORMAL];
    alone.extend(network);
    alone.extend([TOWER_SESSIONS, AXUM_SESSION, SQLX_FULL, SQLX_NORMAL]);
    alone.extend([FRED, SQLX_POSTGRES, SQLX_MYSQL]);
    let mut in_two = vec![OURS_FULL];
    in_two.extend(network);
    let mut table = Table::new(["the count reaches", "handler at once", "handler of 10 ms"]);
    for reached in lost_updates::reached(programs, &alone, &in_two, &databases, options)? {
        table.row([reached.title, range(&reached.at_once), range(&reached.slow)]);
    }
    let method = format!(
        "{INCREMENTS} requests at the same moment, each on a connection of its own, add one to the same session's count. \
The right answer is {INCREMENTS}. From the fewest to the most of {} tries.",
        options.either(1, 5)
    );
    Ok(Chapter { title: "Lost updates", method, tables: vec![table], ..Chapter::default() })
}

fn range(counts: &[u64]) -> String {
    match (counts.iter().min(), counts.iter().max()) {
        (Some(fewest), Some(most)) if fewest != most => format!("{fewest}..{most}"),
        (Some(count), _) => count.to_string(),
        _ => String::new(),
    }
}

fn parts(_: &Programs, options: &Options) -> Fallible<Chapter> {
    let mut table = Table::new(["part", "median, µs", "95 % of", "to"]);
    for part in engine::parts(options)? {
        let micros = |nanoseconds: f64| number(nanoseconds / 1000.0);
        table.row([part.name, micros(part.median), micros(part.from), micros(part.to)]);
    }
    let method = "Criterion measures the engine alone, through its public face. Reading is finding the session by its \
cookie, one `get` and the commit; writing is an `update` of one key instead. A merge is the commit of the second of two \
requests that have both read before either wrote."
        .to_owned();
    Ok(Chapter { title: "Parts of the engine", method, tables: vec![table], ..Chapter::default() })
}
