//! The benchmarks of handstamp: ours and its peers in one run, on one machine, in turn.
//!
//! `cargo xtask bench` runs everything and writes `docs/benchmarks.md`, chapter by chapter.
//! `-- --only memory,sqlite` measures these chapters anew and leaves the others on the page as they are.
//! `-- --quick` is a smoke check with small numbers, which prints and writes nothing.

#![expect(
    clippy::cast_possible_truncation,
    clippy::cast_precision_loss,
    clippy::cast_sign_loss,
    reason = "figures of measurements have far fewer digits than any of the types"
)]

mod breakdown;
mod callgrind;
mod chapters;
mod conditions;
mod counting;
mod database;
mod engine;
mod express;
mod growth;
mod load;
mod lost_updates;
mod network;
mod ours;
mod page;
mod plot;
mod processes;
mod programs;
mod report;
mod revocations;
mod server;

use std::env;
use std::error::Error;
use std::process::ExitCode;
use std::time::Duration;

use tempfile::TempDir;

use crate::conditions::Conditions;
use crate::programs::Programs;

/// What anything here returns that can fail: the message is for the person who runs it.
pub(crate) type Fallible<T> = Result<T, Box<dyn Error>>;

/// What the command line asks for.
#[derive(Debug, Default)]
pub(crate) struct Options {
    pub(crate) quick: bool,
    only: Vec<String>,
}

impl Options {
    /// The first for a smoke check, the second for a measurement.
    pub(crate) fn either<T>(&self, quick: T, full: T) -> T {
        if self.quick { quick } else { full }
    }

    fn parse(arguments: &[&str]) -> Fallible<Self> {
        let mut options = Self::default();
        let mut arguments = arguments.iter();
        while let Some(argument) = arguments.next() {
            match *argument {
                "--quick" => options.quick = true,
                "--only" => {
                    let names = arguments.next().ok_or_else(usage)?;
                    options.only = names.split(',').map(str::to_owned).collect();
                }
                _ => return Err(usage()),
            }
        }
        let known = |name: &String| chapters::ALL.iter().any(|(known, _)| known == name);
        if options.only.iter().all(known) { Ok(options) } else { Err(usage()) }
    }

    fn wants(&self, chapter: &str) -> bool {
        self.only.is_empty() || self.only.iter().any(|name| name == chapter)
    }

    fn needs_peers(&self) -> bool {
        chapters::ALL
            .iter()
            .any(|(name, _)| self.wants(name) && !chapters::WITHOUT_PEERS.contains(name))
    }

    /// How long one route is asked for.
    pub(crate) fn phase(&self) -> Duration {
        self.either(Duration::from_millis(100), Duration::from_secs(1))
    }
}

fn usage() -> Box<dyn Error> {
    let names = chapters::ALL.map(|(name, _)| name).join(",");
    format!("usage: cargo xtask bench [--quick] [--only {names}]").into()
}

fn main() -> ExitCode {
    let arguments: Vec<String> = env::args().skip(1).collect();
    match run(&arguments) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("bench: {error}");
            ExitCode::FAILURE
        }
    }
}

fn run(arguments: &[String]) -> Fallible<()> {
    let words: Vec<_> = arguments.iter().map(String::as_str).collect();
    match words[..] {
        // What this program starts itself again for.
        ["serve" | "drive", ..] => {
            kit::run(arguments, async |target, place| ours::build(target, place).await)
        }
        ["grow", kind, sessions, place] => growth::grow(kind, sessions.parse()?, place),
        ["expire", sessions] => growth::expire(sessions.parse()?),
        _ => bench(&Options::parse(&words)?),
    }
}

fn bench(options: &Options) -> Fallible<()> {
    let programs = if options.needs_peers() { Programs::build()? } else { Programs::ours()? };
    for (name, measure) in chapters::ALL {
        if !options.wants(name) {
            continue;
        }
        let conditions = Conditions::at_start()?;
        let mut chapter = measure(&programs, options)?;
        chapter.measured = conditions.at_end()?;
        println!("{}", chapter.to_markdown("benchmarks"));
        if !options.quick {
            page::write(name, &chapter)?;
        }
    }
    Ok(())
}

/// A folder for what is measured, on the disk that the builds are on: the system's temporary folder
/// may be in memory, where no write waits.
pub(crate) fn scratch() -> Fallible<TempDir> {
    let program = env::current_exe()?;
    Ok(tempfile::tempdir_in(program.parent().ok_or("the program is in no folder")?)?)
}

/// The middle of these figures.
pub(crate) fn median(mut figures: Vec<f64>) -> f64 {
    figures.sort_by(f64::total_cmp);
    figures.get(figures.len() / 2).copied().unwrap_or(f64::NAN)
}
