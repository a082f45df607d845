//! How many of a hundred parallel increments of one session arrive.

use std::sync::Barrier;
use std::thread;

use crate::database::{self, Database};
use crate::programs::{Programs, Target};
use crate::server::{Connection, Server};
use crate::{Fallible, Options};

/// How many browsers share the session.
pub(crate) const INCREMENTS: usize = 100;

/// What the count came to, for each try.
#[derive(Clone, Debug)]
pub(crate) struct Reached {
    pub(crate) title: String,
    pub(crate) at_once: Vec<u64>,
    pub(crate) slow: Vec<u64>,
}

/// Tries it with each target, and with two processes of some that share their sessions.
pub(crate) fn reached(
    programs: &Programs,
    alone: &[Target],
    in_two: &[Target],
    databases: &[Database],
    options: &Options,
) -> Fallible<Vec<Reached>> {
    let alone = alone.iter().map(|target| (target, 1));
    let in_two = in_two.iter().map(|target| (target, 2));
    let row =
        |(target, processes): (&Target, _)| row(programs, *target, processes, databases, options);
    alone.chain(in_two).map(row).collect()
}

fn row(
    programs: &Programs,
    target: Target,
    processes: usize,
    databases: &[Database],
    options: &Options,
) -> Fallible<Reached> {
    let folder = crate::scratch()?;
    let database = database::of(target, databases)?;
    let title = match processes {
        1 => target.title.to_owned(),
        _ => format!("{}, two processes", target.title.replace(", FULL (default)", "")),
    };
    let servers = (0..processes)
        .map(|_| Server::start(programs, target, folder.path(), database))
        .collect::<Fallible<Vec<_>>>()?;
    let tries = options.either(1, 5);
    let series = |path| (0..tries).map(|_| count(&servers, path)).collect::<Fallible<Vec<_>>>();
    let failed = |error| format!("{title}: {error}");
    let (at_once, slow) = (series("/write").map_err(failed)?, series("/slow").map_err(failed)?);
    Ok(Reached { title, at_once, slow })
}

fn count(servers: &[Server], path: &str) -> Fallible<u64> {
    let mut first = servers[0].connect()?;
    first.begin(200)?;
    let before = first.count("/read")?;
    let mut browsers = (0..INCREMENTS)
        .map(|number| {
            let mut browser = servers[number % servers.len()].connect()?;
            browser.share(&first);
            Ok(browser)
        })
        .collect::<Fallible<Vec<Connection>>>()?;
    let start = Barrier::new(INCREMENTS);
    thread::scope(|scope| {
        let asking: Vec<_> = browsers
            .iter_mut()
            .map(|browser| {
                scope.spawn(|| {
                    start.wait();
                    browser.count(path).map_err(|error| error.to_string())
                })
            })
            .collect();
        for thread in asking {
            thread.join().map_err(|_| "a browser panicked")??;
        }
        Fallible::Ok(())
    })?;
    Ok(first.count("/read")? - before)
}
