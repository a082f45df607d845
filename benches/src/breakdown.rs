//! Where a request spends itself, by parts: instructions, system calls, and CPU time in the user's and
//! in the system's name. What dominates is said in words that are made of the numbers, so that they
//! stay true.

use crate::callgrind::{self, CALLS, Cost, PARTS};
use crate::chapters::SIZES;
use crate::load::{Measured, Row};
use crate::programs::{Maker, OURS_FULL, OURS_NORMAL, Programs};
use crate::report::{Table, number};
use crate::{Fallible, Options};

/// So many of the largest parts are named.
const NAMED: usize = 3;

/// What valgrind tells about our SQLite store.
#[derive(Debug)]
pub(crate) struct Sqlite {
    pub(crate) method: String,
    pub(crate) parts: Table,
    pub(crate) calls: Table,
}

/// Counts the instructions and the system calls of our SQLite store.
pub(crate) fn sqlite(programs: &Programs, options: &Options) -> Fallible<Sqlite> {
    let mut table = Table::new(["handstamp, SQLite: where they go", "read", "write"]);
    let mut calls =
        Table::new(["handstamp, SQLite: system calls", "read", "write, NORMAL", "write, FULL"]);
    let mut found = Vec::new();
    for (bytes, size) in SIZES {
        let cost = |target, case| callgrind::cost(programs, target, case, bytes, options);
        let bare = cost(OURS_NORMAL, "bare")?;
        let above = |target, case| -> Fallible<Cost> { Ok(cost(target, case)?.above(bare)) };
        let (read, write) = (above(OURS_NORMAL, "read")?, above(OURS_NORMAL, "write")?);
        let full = above(OURS_FULL, "write")?;
        let [all_read, all_write] = [read, write].map(|cost| number(cost.instructions.round()));
        table.row([format!("{size}: all"), all_read, all_write]);
        table.rows(parts(size, [read, write]));
        calls.rows(rows(size, &CALLS.map(|(what, _)| what), [read, write, full].map(hundredths)));
        found.push(format!(
            "At {size}, most instructions of a read are for {}; those of a write for {}. A read makes {}; a write {} \
             with NORMAL and {} with FULL.",
            largest(&read),
            largest(&write),
            system_calls(&read),
            system_calls(&write),
            system_calls(&full),
        ));
    }
    let method = format!(
        "The same over our SQLite store: its own threads are counted too, the kernel is not; what the kernel is asked \
for is in the table of system calls. Here one request comes at a time, so each write is a transaction of its own, and \
each call wakes a thread; under load many share both. How often threads wait for each other depends on valgrind, which \
runs one at a time: the rows of waking and waiting are less exact than the others. What SQLite allocates and copies is \
in the rows of the allocator and of copying. {}",
        found.join(" ")
    );
    Ok(Sqlite { method, parts: table, calls })
}

/// A row for each part of these costs that takes anything.
pub(crate) fn parts<const N: usize>(size: &str, costs: [Cost; N]) -> Vec<Vec<String>> {
    rows(size, &PARTS.map(|(what, _)| what), costs.map(|cost| cost.parts.map(f64::round)))
}

fn rows<const N: usize, const M: usize>(
    size: &str,
    names: &[&str; M],
    figures: [[f64; M]; N],
) -> Vec<Vec<String>> {
    let row = |(at, what): (usize, &&str)| {
        let figures = figures.map(|of| of[at]);
        // There is a negative zero, which has no place on a page.
        let cells = figures.map(|figure| number(figure + 0.0));
        let row = [format!("{size}: {what}")].into_iter().chain(cells).collect();
        figures.iter().any(|figure| *figure != 0.0).then_some(row)
    };
    names.iter().enumerate().filter_map(row).collect()
}

fn hundredths(cost: Cost) -> [f64; CALLS.len()] {
    cost.calls.map(|calls| (calls * 100.0).round() / 100.0)
}

/// The largest parts of a cost and how large they are.
pub(crate) fn largest(cost: &Cost) -> String {
    let mut parts: Vec<_> = PARTS.iter().zip(cost.parts).collect();
    parts.sort_by(|(_, one), (_, other)| other.total_cmp(one));
    let share = |(part, of): &(&(&str, _), f64)| {
        // An explanation behind the name would be in the way.
        let what = part.0.split(':').next().unwrap_or_default();
        format!("{what} ({})", percent(of / cost.instructions))
    };
    parts.iter().take(NAMED).map(share).collect::<Vec<_>>().join(", ")
}

/// How many system calls there are, and what for most.
fn system_calls(cost: &Cost) -> String {
    let calls = hundredths(*cost);
    let most = CALLS.iter().zip(calls).max_by(|(_, one), (_, other)| one.total_cmp(other));
    let Some(((what, _), most)) = most else { return String::new() };
    let what = what.split(" (").next().unwrap_or_default();
    let all = number(calls.iter().sum::<f64>().round());
    format!("about {all} system calls ({} of them for {what})", number(most.round()))
}

/// What the kernel takes of our own CPU time above the bare route, in words.
pub(crate) fn in_the_system(rows: &[(&'static str, Vec<Row>)]) -> String {
    let share = |of: Measured| percent((of.system / of.overhead).clamp(0.0, 1.0));
    let ours = |(size, rows): &(&str, Vec<Row>)| {
        let rows = rows.iter().filter(|row| row.target.maker == Maker::Ours);
        let of = |row: &Row| {
            format!(
                "{} of a read and {} of a write ({}, {size})",
                share(row.read),
                share(row.write),
                row.target.title.rsplit(", ").next().unwrap_or_default()
            )
        };
        rows.map(of).collect::<Vec<_>>()
    };
    format!(
        "The last table divides that CPU time. In the system's name are the system calls: locking, reading and writing \
the file, waiting for the disk, waking threads. Of ours they take {}. The kernel samples which of the two is at work, 250 \
times a second or so; the sum is exact.",
        rows.iter().flat_map(ours).collect::<Vec<_>>().join(", ")
    )
}

/// The CPU time of a route of ours and of a peer above their bare routes, in words.
pub(crate) fn both(ours: &Row, ours_at: Measured, peer: &Row, peer_at: Measured) -> String {
    let of = |row: &Row, at: Measured| {
        let system = percent((at.system / at.overhead).clamp(0.0, 1.0));
        format!(
            "{} takes {} µs ({system} of it the system's)",
            row.target.title,
            number(at.overhead)
        )
    };
    format!("{}, {}", of(ours, ours_at), of(peer, peer_at))
}

/// The CPU time above the bare route, divided.
pub(crate) fn user_and_system(rows: &[(&'static str, Vec<Row>)]) -> Table {
    let mut table = Table::new([
        "CPU above the bare route",
        "read, user",
        "read, system",
        "write, user",
        "write, system",
    ]);
    for (size, row) in rows.iter().flat_map(|(size, rows)| rows.iter().map(move |row| (size, row)))
    {
        let user = |of: Measured| number(of.overhead - of.system);
        table.row([
            format!("{}, {size}", row.target.title),
            user(row.read),
            number(row.read.system),
            user(row.write),
            number(row.write.system),
        ]);
    }
    table
}

fn percent(share: f64) -> String {
    format!("{:.0} %", share * 100.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_that_take_nothing_have_no_row() {
        let rows = rows("200 B", &["one", "two", "three"], [[1.0, -0.0, 0.0], [0.0, 0.0, 2.5]]);
        assert_eq!(rows, [["200 B: one", "1", "0"], ["200 B: three", "0", "2.50"]]);
    }

    #[test]
    fn the_largest_parts_are_named_in_their_order() {
        let mut cost = Cost { instructions: 200.0, ..Cost::default() };
        (cost.parts[0], cost.parts[1], cost.parts[2]) = (20.0, 120.0, 60.0);
        let expected =
            "SQLite itself (60 %), the allocator (30 %), SQLite's locks within the process (10 %)";
        assert_eq!(largest(&cost), expected);
        (cost.calls[0], cost.calls[4]) = (8.0, 4.02);
        let expected = "about 12 system calls (8 of them for locking the file)";
        assert_eq!(system_calls(&cost), expected);
    }
}
