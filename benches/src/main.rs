//! The benchmarks of handstamp: ours and its peers in one run, on one machine, in turn.
//!
//! `cargo xtask bench` runs everything and writes `docs/benchmarks.md`. `-- --quick` is a smoke check
//! with small numbers, `-- --only memory,sqlite` a part; both print and write nothing.

#![expect(
    clippy::cast_possible_truncation,
    clippy::cast_precision_loss,
    clippy::cast_sign_loss,
    reason = "figures of measurements have far fewer digits than any of the types"
)]

mod breakdown;
mod callgrind;
mod chapters;
mod counting;
mod engine;
mod express;
mod growth;
mod load;
mod lost_updates;
mod ours;
mod page;
mod plot;
mod programs;
mod report;
mod server;

use std::env;
use std::error::Error;
use std::path::Path;
use std::process::ExitCode;

use tempfile::TempDir;

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

    fn is_complete(&self) -> bool {
        !self.quick && self.only.is_empty()
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
            kit::run(arguments, async |target, folder| ours::build(target, folder))
        }
        ["grow", kind, sessions, folder] => {
            growth::grow(kind, sessions.parse()?, Path::new(folder))
        }
        ["expire", sessions] => growth::expire(sessions.parse()?),
        _ => bench(&Options::parse(&words)?),
    }
}

fn bench(options: &Options) -> Fallible<()> {
    // The npm package's peers come with it.
    let programs = if options.only == ["express"] { Programs::ours()? } else { Programs::build()? };
    let machine = page::machine()?;
    println!("{machine}\n");
    let mut chapters = Vec::new();
    for (name, measure) in chapters::ALL {
        if options.wants(name) {
            let chapter = measure(&programs, options)?;
            println!("{}", chapter.to_markdown("benchmarks"));
            chapters.push(chapter);
        }
    }
    if options.is_complete() {
        page::write(&machine, &chapters)?;
    } else {
        println!("Not a complete run: docs/benchmarks.md stays as it is.");
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
