//! Load on servers: each target in its turn, several rounds.

use std::path::Path;
use std::sync::Barrier;
use std::thread;
use std::time::{Duration, Instant};

use crate::database::{self, Database};
use crate::programs::{Programs, Target};
use crate::server::{Connection, Server};
use crate::{Fallible, median};

/// How many browsers there usually are, each with a session of its own.
pub(crate) const BROWSERS: usize = 16;

/// So many sessions of all are asked for, however many there are: more would show what the processes' own memories
/// hold, and not what becomes of the database.
const SAMPLE: usize = 1_000;

/// What was measured of a route: medians over the rounds.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Measured {
    /// CPU time of the server for a request, in microseconds, more than for its bare route.
    pub(crate) overhead: f64,
    /// How much of that is in the system's name.
    pub(crate) system: f64,
    /// CPU time of the database for a request, in microseconds.
    pub(crate) database: f64,
    /// Requests a second.
    pub(crate) throughput: f64,
    /// How long half of the requests take at most, in microseconds.
    pub(crate) p50: f64,
    /// How long 99 % of the requests take at most, in microseconds.
    pub(crate) p99: f64,
}

/// Reading and writing of a target.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Row {
    pub(crate) target: Target,
    /// CPU time of the server for a request of its bare route, in microseconds.
    pub(crate) bare: f64,
    pub(crate) read: Measured,
    pub(crate) write: Measured,
}

/// What is measured, and how.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Load<'a> {
    pub(crate) programs: &'a Programs,
    pub(crate) targets: &'a [Target],
    /// Those that the targets need.
    pub(crate) databases: &'a [Database],
    /// The size of the documents.
    pub(crate) bytes: usize,
    pub(crate) browsers: usize,
    /// How many sessions are in the database, if more than one for each browser.
    pub(crate) sessions: usize,
    pub(crate) rounds: usize,
    /// How long all browsers ask for one route, each round.
    pub(crate) time: Duration,
}

/// Measures targets in turn.
pub(crate) fn rows(load: Load<'_>) -> Fallible<Vec<Row>> {
    let folder = crate::scratch()?;
    let mut stages = Vec::new();
    for target in load.targets {
        let folder = folder.path().join(target.name);
        std::fs::create_dir(&folder)?;
        stages.push(stage(load, *target, &folder)?);
    }
    if load.sessions > load.browsers {
        // Each session is asked for once before it counts.
        stages.iter_mut().try_for_each(|stage| stage.warm_up(load.time))?;
    }
    for _ in 0..load.rounds {
        for stage in &mut stages {
            stage.round(load.time)?;
        }
    }
    Ok(stages.iter().map(Stage::row).collect())
}

fn stage<'a>(load: Load<'a>, target: Target, folder: &Path) -> Fallible<Stage<'a>> {
    let database = database::of(target, load.databases)?;
    let server = Server::start(load.programs, target, folder, database)?;
    let mut browsers =
        (0..load.browsers).map(|_| server.connect()).collect::<Fallible<Vec<_>>>()?;
    for browser in &mut browsers {
        browser.begin(load.bytes).map_err(|error| format!("{}: {error}", target.title))?;
    }
    if load.sessions > load.browsers {
        grow(load, target, database, &mut browsers)?;
    }
    Ok(Stage { target, database, server, browsers, rounds: Vec::new() })
}

/// Brings the database to as many sessions as are asked for. Browsers have some of them, which they are in
/// by turns; the database makes all others itself, which is fast.
fn grow(
    load: Load<'_>,
    target: Target,
    database: Option<&Database>,
    browsers: &mut [Connection],
) -> Fallible<()> {
    let (Some(database), Some((_, layout))) = (database, target.database) else {
        return Err(format!("{} has no database to grow", target.title).into());
    };
    let each = load.sessions.min(SAMPLE) / load.browsers;
    for browser in &mut *browsers {
        for _ in 1..each {
            browser.fill(load.bytes)?;
        }
    }
    database.copy(layout, load.sessions - each * load.browsers);
    Ok(())
}

struct Stage<'a> {
    target: Target,
    database: Option<&'a Database>,
    server: Server,
    browsers: Vec<Connection>,
    rounds: Vec<[Phase; 3]>,
}

#[derive(Clone, Copy)]
struct Phase {
    cpu: f64,
    system: f64,
    database: f64,
    throughput: f64,
    p50: f64,
    p99: f64,
}

impl Stage<'_> {
    fn warm_up(&mut self, time: Duration) -> Fallible<()> {
        self.round(time)?;
        self.rounds.clear();
        Ok(())
    }

    fn round(&mut self, time: Duration) -> Fallible<()> {
        let mut phase = |path| phase(self.database, &self.server, &mut self.browsers, path, time);
        let round = [phase("/bare")?, phase("/read")?, phase("/write")?];
        self.rounds.push(round);
        Ok(())
    }

    fn row(&self) -> Row {
        let measured = |at: usize| {
            let of = |value: fn(&[Phase; 3], usize) -> f64| {
                median(self.rounds.iter().map(|round| value(round, at)).collect())
            };
            Measured {
                // Above the bare route of the same round: so what disturbs both cancels out.
                overhead: of(|round, at| round[at].cpu - round[0].cpu),
                system: of(|round, at| round[at].system - round[0].system),
                database: of(|round, at| round[at].database),
                throughput: of(|round, at| round[at].throughput),
                p50: of(|round, at| round[at].p50),
                p99: of(|round, at| round[at].p99),
            }
        };
        let bare = median(self.rounds.iter().map(|round| round[0].cpu).collect());
        Row { target: self.target, bare, read: measured(1), write: measured(2) }
    }
}

/// All browsers ask for one route for this long.
fn phase(
    database: Option<&Database>,
    server: &Server,
    browsers: &mut [Connection],
    path: &str,
    time: Duration,
) -> Fallible<Phase> {
    let start = Barrier::new(browsers.len() + 1);
    thread::scope(|scope| {
        let asking: Vec<_> = browsers
            .iter_mut()
            .map(|browser| {
                scope.spawn(|| {
                    start.wait();
                    ask(browser, path, time).map_err(|error| error.to_string())
                })
            })
            .collect();
        let of_database = || database.map_or(Ok(Duration::ZERO), Database::cpu);
        let before = (server.cpu(), of_database());
        start.wait();
        let begun = Instant::now();
        let mut times = Vec::new();
        for thread in asking {
            times.extend(thread.join().map_err(|_| "a browser panicked")??);
        }
        let elapsed = begun.elapsed();
        let (cpu, system) = server.cpu()?.since(before.0?);
        let of_database = of_database()?.saturating_sub(before.1?);
        times.sort_unstable();
        let requests = times.len() as f64;
        let at = |part: f64| micros(times[(part * (requests - 1.0)) as usize]);
        Ok(Phase {
            cpu: micros(cpu) / requests,
            system: micros(system) / requests,
            database: micros(of_database) / requests,
            throughput: requests / elapsed.as_secs_f64(),
            p50: at(0.5),
            p99: at(0.99),
        })
    })
}

fn ask(browser: &mut Connection, path: &str, time: Duration) -> Fallible<Vec<Duration>> {
    let begun = Instant::now();
    let mut times = Vec::new();
    while begun.elapsed() < time || times.is_empty() {
        browser.turn();
        let asked = Instant::now();
        browser.get(path)?;
        times.push(asked.elapsed());
    }
    Ok(times)
}

fn micros(duration: Duration) -> f64 {
    duration.as_secs_f64() * 1e6
}
