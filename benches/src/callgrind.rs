//! Instructions and heap allocations of one request, counted by valgrind: the same on every machine
//! and at any load, as long as the programs are the same.

use std::collections::HashMap;
use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};

use crate::programs::{Programs, Target};
use crate::{Fallible, Options};

/// What one request costs.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Cost {
    pub(crate) instructions: f64,
    /// SHA-256 alone: valgrind hides the processor's instructions for it, so it is done in software
    /// here, which takes several times as many.
    pub(crate) hashing: f64,
    pub(crate) allocations: f64,
    /// The instructions by what they were for; see [`PARTS`].
    pub(crate) parts: [f64; PARTS.len()],
    /// System calls by what they were for; see [`CALLS`].
    pub(crate) calls: [f64; CALLS.len()],
}

/// A purpose, and words by which a function's name tells that it serves it. A word with a slash is the
/// end of its source file's path instead.
type Purpose = (&'static str, &'static [&'static str]);

/// What instructions are for. The first that fits counts; the last one takes the rest.
pub(crate) const PARTS: [Purpose; 12] = [
    // The standard library has locks of its own: these are SQLite's alone.
    ("SQLite's locks within the process", &["pthread_mutex", "pthreadMutex", "sqlite3_mutex_"]),
    ("SQLite itself", &["/sqlite3.c", "fcntl", "pread", "pwrite", "fdatasync", "fsync"]),
    ("the allocator", &["malloc", "free", "realloc", "calloc", "_int_", "raw_vec", "/malloc.c"]),
    ("copying and comparing bytes", &["memcpy", "memmove", "memset", "memcmp", "strlen"]),
    ("the benchmark itself", &["handstamp_benches"]),
    (
        "the SQLite store: queues, threads, statements",
        &["handstamp_sqlite", "rusqlite", "futures_channel"],
    ),
    ("looking at the clock", &["Timespec", "clock_gettime", "::clock::"]),
    (
        "waking and waiting",
        &[
            "ondvar",
            "mutex::futex",
            "futex_wa",
            "syscall",
            "epoll_wait",
            "asynccancel",
            "/write.c",
            "mio::",
            "tokio::runtime",
            "tokio::util::wake",
        ],
    ),
    (
        "the document: finding members, reading and writing values",
        &["::scan::", "::object::", "::document::", "::facts::", "serde", "from_utf8"],
    ),
    ("the memory store", &["handstamp::memory"]),
    ("the rest of the engine and the layer", &["handstamp"]),
    ("axum, tower, tokio, http", &[""]),
];

/// What system calls are for, as [`PARTS`].
pub(crate) const CALLS: [Purpose; 6] = [
    ("locking the file (fcntl)", &["fcntl"]),
    ("reading the file (pread)", &["pread"]),
    ("writing the file (pwrite)", &["pwrite"]),
    ("waiting for the disk (fsync)", &["fsync", "fdatasync"]),
    ("waking and waiting (futex, epoll)", &["syscall", "lll_lock", "epoll_wait", "/write.c"]),
    ("others", &[""]),
];

impl Cost {
    /// What it costs more than another.
    pub(crate) fn above(self, bare: Self) -> Self {
        Self {
            instructions: self.instructions - bare.instructions,
            hashing: self.hashing - bare.hashing,
            allocations: self.allocations - bare.allocations,
            parts: std::array::from_fn(|at| self.parts[at] - bare.parts[at]),
            calls: std::array::from_fn(|at| self.calls[at] - bare.calls[at]),
        }
    }
}

/// The cost of one request of this case, by a run of N requests and one of 2N: starting cancels out.
pub(crate) fn cost(
    programs: &Programs,
    target: Target,
    case: &str,
    bytes: usize,
    options: &Options,
) -> Fallible<Cost> {
    let requests = options.either(200, 2000);
    let once = run(programs, target, case, bytes, requests)?;
    let twice = run(programs, target, case, bytes, 2 * requests)?;
    let per_request = |once: u64, twice: u64| (twice as f64 - once as f64) / requests as f64;
    Ok(Cost {
        instructions: per_request(once.instructions, twice.instructions),
        hashing: per_request(once.hashing, twice.hashing),
        allocations: per_request(once.allocations, twice.allocations),
        parts: std::array::from_fn(|at| per_request(once.parts[at], twice.parts[at])),
        calls: std::array::from_fn(|at| per_request(once.calls[at], twice.calls[at])),
    })
}

#[derive(Debug, Default, PartialEq)]
struct Totals {
    instructions: u64,
    hashing: u64,
    allocations: u64,
    parts: [u64; PARTS.len()],
    calls: [u64; CALLS.len()],
}

fn run(
    programs: &Programs,
    target: Target,
    case: &str,
    bytes: usize,
    requests: usize,
) -> Fallible<Totals> {
    let folder = tempfile::tempdir()?;
    let profile = folder.path().join("callgrind.out");
    let output = Command::new("valgrind")
        .args(["--tool=callgrind", "--collect-systime=yes"])
        .arg(format!("--callgrind-out-file={}", profile.display()))
        .arg(programs.of(target))
        .args(["drive", target.name])
        .arg(folder.path())
        .args([case, &bytes.to_string(), &requests.to_string()])
        .stdin(Stdio::null())
        .output()
        .map_err(|error| format!("valgrind does not start ({error}); install it"))?;
    if !output.status.success() {
        let said = String::from_utf8_lossy(&output.stderr);
        return Err(format!("{} {case} failed under callgrind: {said}", target.name).into());
    }
    read(&profile)
}

fn read(profile: &Path) -> Fallible<Totals> {
    totals(&fs::read_to_string(profile)?).ok_or_else(|| "callgrind wrote no totals".into())
}

/// Reads a profile: <https://valgrind.org/docs/manual/cl-format.html>.
fn totals(profile: &str) -> Option<Totals> {
    let (mut names, mut files) = (HashMap::new(), HashMap::new());
    let (mut file, mut caller, mut called) = ("", "", "");
    let (mut part, mut call) = (PARTS.len() - 1, CALLS.len() - 1);
    let mut found = Totals::default();
    let mut complete = false;
    // The line after `calls=` is what the called one cost; other lines are the function's own cost.
    let mut own = true;
    for line in profile.lines() {
        if let Some(function) = line.strip_prefix("fn=") {
            caller = name(&mut names, function);
            part = purpose(&PARTS, file, caller);
            call = purpose(&CALLS, file, caller);
        } else if let Some((kind @ ("fl" | "fi" | "fe" | "cfi" | "cfl"), path)) =
            line.split_once('=')
        {
            let path = name(&mut files, path);
            // That of a called function says nothing about the next one.
            file = if kind.starts_with('c') { file } else { path };
        } else if let Some(function) = line.strip_prefix("cfn=") {
            called = name(&mut names, function);
        } else if let Some(calls) = line.strip_prefix("calls=") {
            let plain = called.split('\'').next().unwrap_or_default();
            if matches!(plain, "malloc" | "calloc" | "realloc" | "posix_memalign" | "aligned_alloc")
            {
                found.allocations += calls.split(' ').next()?.parse::<u64>().ok()?;
            }
            own = false;
        } else if line.starts_with(|first: char| first.is_ascii_digit() || "+-*".contains(first)) {
            if own {
                let mut costs = line.split(' ').skip(1).map(str::parse::<u64>);
                let cost = costs.next()?.ok()?;
                found.parts[part] += cost;
                // Outside valgrind, looking at the clock is no system call.
                if !caller.contains("clock_gettime") {
                    found.calls[call] += costs.next().unwrap_or(Ok(0)).ok()?;
                }
                found.hashing += if caller.starts_with("sha2::") { cost } else { 0 };
            }
            own = true;
        } else if let Some(total) = line.strip_prefix("totals: ") {
            found.instructions = total.split(' ').next()?.parse().ok()?;
            complete = true;
        }
    }
    complete.then_some(found)
}

/// Which of these purposes a function serves.
fn purpose(purposes: &[Purpose], file: &str, function: &str) -> usize {
    let fits = |word: &&str| match word.starts_with('/') {
        true => file.ends_with(word),
        false => function.contains(word),
    };
    purposes.iter().position(|(_, words)| words.iter().any(fits)).unwrap_or(purposes.len() - 1)
}

/// The name of a function or a file: `(7) malloc` the first time, `(7)` after that.
fn name<'a>(names: &mut HashMap<&'a str, &'a str>, text: &'a str) -> &'a str {
    match text.split_once(' ') {
        Some((number, name)) => {
            names.insert(number, name);
            name
        }
        None => names.get(text).copied().unwrap_or(text),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn calls_of_the_allocator_are_added_up() {
        let profile = "fn=(1) main\n1 5\ncfn=(2) malloc\ncalls=3 0\n1 30\ncfn=(3) free\ncalls=9 0\n1 9\n\
                       fn=(4) sha2::compress\n+3 6\ncfn=(2)\ncalls=4 0\n* 40\n-1 2\ntotals: 92\n";
        let parts = [0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 13];
        let calls = [0; CALLS.len()];
        let expected = Totals { instructions: 92, hashing: 8, allocations: 7, parts, calls };
        assert_eq!(totals(profile), Some(expected));
        assert_eq!(totals("fn=(1) main\n1 5\n"), None);
    }

    #[test]
    fn a_function_belongs_to_the_file_that_is_named_before_it() {
        let profile = "fl=(1) /src/sqlite3.c\nfn=(1) moveToRoot\n1 5\nfi=(2) /src/vec.rs\n1 3\n\
                       cfi=(3) /src/free.c\ncfn=(2) other\ncalls=1 0\n1 30\nfn=(3) grow\n1 2\n\
                       fl=(1)\nfn=(4) fcntl\n1 7 2 900\nfn=(5) clock_gettime\n1 1 1\ntotals: 18 3 900\n";
        let parts = [0, 16, 0, 0, 0, 0, 0, 0, 0, 0, 0, 2];
        let calls = [2, 0, 0, 0, 0, 0];
        let expected = Totals { instructions: 18, parts, calls, ..Totals::default() };
        assert_eq!(totals(profile), Some(expected));
    }
}
