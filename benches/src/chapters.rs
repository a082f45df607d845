//! What is measured, in which order, and against which budgets.

use crate::callgrind::{self, Cost};
use crate::growth::{self, Size};
use crate::load::{self, BROWSERS, Row};
use crate::lost_updates::{self, INCREMENTS};
use crate::plot::{self, Bar};
use crate::programs::{
    AXUM_SESSION, Maker, OURS, OURS_FULL, OURS_NORMAL, Programs, SQLX_FULL, SQLX_NORMAL,
    TOWER_SESSIONS, Target,
};
use crate::report::{Chapter, Table, against, number};
use crate::{Fallible, Options, breakdown, counting, engine, express};

/// Measures a chapter.
pub(crate) type Measure = fn(&Programs, &Options) -> Fallible<Chapter>;

/// All chapters, by the names that `--only` takes.
pub(crate) const ALL: [(&str, Measure); 7] = [
    ("callgrind", instructions),
    ("memory", memory),
    ("sqlite", sqlite),
    ("express", |_, options| express::chapter(options)),
    ("growth", growth),
    ("lost-updates", lost_updates),
    ("engine", parts),
];

pub(crate) const SIZES: [(usize, &str); 2] = [(200, "200 B"), (4096, "4 KB")];

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
                let mut budget = |what: &str, budget, value: f64| {
                    budgets.row([what.to_owned(), against(budget, value)]);
                };
                budget("read, instructions", 9_000.0, read.instructions);
                budget("write, instructions", 14_000.0, write.instructions);
                let idle = idle.above(no_op);
                budget(
                    "never asks, instructions above a layer that does nothing",
                    600.0,
                    idle.instructions,
                );
                budget("never asks, heap allocations above such a layer", 1.0, idle.allocations);
                for (case, most) in [("idle", 0.0), ("read", 1.0), ("write", 2.0)] {
                    let calls = counting::store_calls(case)? as f64;
                    budget(&format!("{case}, store calls"), most, calls);
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
itself allocates and copies for any layer: the row of a layer that does nothing shows it. The one allocation of a request \
that never asks is the handle in the request's extensions.\n\n{}",
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
    })
}

fn memory(programs: &Programs, options: &Options) -> Fallible<Chapter> {
    let Loads { tables, plot, .. } = loads(
        programs,
        options,
        &[OURS, TOWER_SESSIONS, AXUM_SESSION],
        &[(OURS, TOWER_SESSIONS, 0.5), (OURS, AXUM_SESSION, 0.25)],
        "Memory stores: CPU time of a request above the bare route",
    )?;
    let method = format!(
        "{} tower-sessions and axum_session set an unsigned cookie by default; ours is always signed.",
        method(options)
    );
    Ok(Chapter { title: "Memory stores over HTTP", method, tables, plot: Some(("memory", plot)) })
}

fn sqlite(programs: &Programs, options: &Options) -> Fallible<Chapter> {
    let Loads { mut tables, plot, rows } = loads(
        programs,
        options,
        &[OURS_FULL, SQLX_FULL, OURS_NORMAL, SQLX_NORMAL],
        &[(OURS_FULL, SQLX_FULL, 0.2), (OURS_NORMAL, SQLX_NORMAL, 0.2)],
        "SQLite: CPU time of a request above the bare route",
    )?;
    let method = format!(
        "{} All use a write-ahead log (`journal_mode=WAL`). FULL and NORMAL are SQLite's `synchronous`: FULL \
is our default and SQLite's own, which sqlx leaves as it is. The peer has sqlx's pool of 10 connections.\n\n{}",
        method(options),
        breakdown::in_the_system(&rows)
    );
    tables.push(breakdown::user_and_system(&rows));
    Ok(Chapter { title: "SQLite over HTTP", method, tables, plot: Some(("sqlite", plot)) })
}

fn method(options: &Options) -> String {
    format!(
        "Each target is a server process of axum with one worker thread on a loopback port. {BROWSERS} browsers, each with a \
session and a connection of its own, ask as fast as they are answered. The targets take turns, {} rounds; \
the tables hold medians. Before that each has to count rightly. «CPU» is the server's CPU time for a request \
in microseconds, in the user's and the system's name, above that of its own bare route in the same round.",
        options.either(1, 7)
    )
}

struct Loads {
    tables: Vec<Table>,
    plot: String,
    /// By size.
    rows: Vec<(&'static str, Vec<Row>)>,
}

fn loads(
    programs: &Programs,
    options: &Options,
    targets: &[Target],
    pairs: &[(Target, Target, f64)],
    title: &str,
) -> Fallible<Loads> {
    let mut ratios = Table::new(["CPU of ours / of the peer, and the budget", "read", "write"]);
    let (mut tables, mut all) = (Vec::new(), Vec::new());
    let mut bars = Vec::new();
    for (bytes, size) in SIZES {
        let rows = load::rows(programs, targets, bytes, options)?;
        for (ours, peer, budget) in pairs {
            let of = |target: &Target| rows.iter().find(|row| row.target == *target);
            let (Some(ours), Some(peer)) = (of(ours), of(peer)) else { continue };
            let ratio = |value: fn(&Row) -> f64| against(*budget, value(ours) / value(peer));
            ratios.row([
                format!("{}, {size}", peer.target.title),
                ratio(|row| row.read.overhead),
                ratio(|row| row.write.overhead),
            ]);
        }
        tables.push(load_table(size, &rows));
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
    Ok(Loads { tables, plot: plot::bars(title, "µs", &bars), rows: all })
}

/// The plots have less room: the store is in their title.
fn short_title(target: Target) -> String {
    target.title.replace(" (default)", "").replace(", SQLite", "").replace(", memory", "")
}

fn load_table(size: &str, rows: &[Row]) -> Table {
    let mut table = Table::new([
        size,
        "bare CPU",
        "read CPU",
        "write CPU",
        "read/s",
        "write/s",
        "read p50",
        "read p99",
        "write p50",
        "write p99",
    ]);
    for Row { target, bare, read, write } in rows {
        table.row([
            target.title.to_owned(),
            number(*bare),
            number(read.overhead),
            number(write.overhead),
            number(read.throughput),
            number(write.throughput),
            number(read.p50),
            number(read.p99),
            number(write.p50),
            number(write.p99),
        ]);
    }
    table
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
    let grown = |sizes: &[Size]| match sizes {
        [first, .., last] => last.read / first.read,
        _ => f64::NAN,
    };
    let bytes = memory.last().map_or(f64::NAN, |size| size.bytes);
    let most = number(stops.sessions as f64);
    let mut budgets = Table::new(["growth", "budget"]);
    let mut budget = |what: &str, budget, value: f64| {
        budgets.row([what.to_owned(), against(budget, value)]);
    };
    budget("memory: a read with most sessions / with fewest", 1.5, grown(&memory));
    budget("SQLite: a read with most sessions / with fewest", 1.5, grown(&sqlite));
    budget("memory: bytes for a session above its document", 160.0, bytes);
    let stop = stops.longest_cpu.max(stops.longest_allocation);
    budget("longest stop while all expire (CPU time, the allocator's included), µs", 1000.0, stop);
    let mut expiry = Table::new(["calls while all expire, memory store", "µs"]);
    expiry.row(["longest, by the clock".into(), number(stops.longest)]);
    expiry.row(["longest, CPU time".into(), number(stops.longest_cpu)]);
    expiry.row(["longest allocation of a document".into(), number(stops.longest_allocation)]);
    expiry.row(["99.9 % take at most".into(), number(stops.p999)]);
    let line = |sizes: &[Size]| {
        sizes.iter().map(|size| (size.sessions as f64, size.read / 1000.0)).collect::<Vec<_>>()
    };
    let plot = plot::lines(
        "Time of a read by number of sessions",
        "µs",
        &[("memory", line(&memory)), ("SQLite", line(&sqlite))],
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
    })
}

fn lost_updates(programs: &Programs, options: &Options) -> Fallible<Chapter> {
    let targets =
        [OURS, OURS_FULL, OURS_NORMAL, TOWER_SESSIONS, AXUM_SESSION, SQLX_FULL, SQLX_NORMAL];
    let mut table = Table::new(["the count reaches", "handler at once", "handler of 10 ms"]);
    for reached in lost_updates::reached(programs, &targets, options)? {
        table.row([reached.title, range(&reached.at_once), range(&reached.slow)]);
    }
    let method = format!(
        "{INCREMENTS} requests at the same moment, each on a connection of its own, add one to the same session's count. \
The right answer is {INCREMENTS}. From the fewest to the most of {} tries.",
        options.either(1, 5)
    );
    Ok(Chapter { title: "Lost updates", method, tables: vec![table], plot: None })
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
    Ok(Chapter { title: "Parts of the engine", method, tables: vec![table], plot: None })
}
