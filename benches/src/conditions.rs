//! Under which conditions a chapter was measured: when, what, where, and what else the machine did.

use std::fs;
use std::process::Command;
use std::thread;

use crate::processes::Ticks;
use crate::{Fallible, programs};

/// From this share of the machine on, what others took is said with emphasis.
const BUSY: f64 = 0.05;

/// The conditions at the start of a measurement.
#[derive(Debug)]
pub(crate) struct Conditions {
    start: Ticks,
    /// In words, but for what others took.
    known: String,
}

impl Conditions {
    pub(crate) fn at_start() -> Fallible<Self> {
        let day = said("date", &["-u", "+%Y-%m-%d"])?;
        let known = format!("Measured on {day}, {}, on {}", commit()?, machine()?);
        Ok(Self { start: Ticks::now()?, known })
    }

    /// In words, when all is measured.
    pub(crate) fn at_end(&self) -> Fallible<String> {
        let others = others(Ticks::now()?.taken_by_others_since(self.start));
        Ok(format!("{}; {others}.", self.known))
    }
}

/// The processor, the system and the compiler.
fn machine() -> Fallible<String> {
    let processor = fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let model = processor.lines().find_map(|line| line.strip_prefix("model name"));
    let model = model.unwrap_or_default().trim_start_matches([' ', '\t', ':']);
    let cores = thread::available_parallelism()?;
    let kernel = fs::read_to_string("/proc/sys/kernel/osrelease").unwrap_or_default();
    let rustc = said("rustc", &["--version"])?;
    let rustc = rustc.split(" (").next().unwrap_or_default();
    Ok(format!("{model}, {cores} cores, Linux {}, {rustc}", kernel.trim()))
}

/// What was measured. The documentation does not count: measuring writes it.
fn commit() -> Fallible<String> {
    let commit = said("git", &["rev-parse", "--short", "HEAD"])?;
    let changed =
        said("git", &["status", "--porcelain", "--untracked-files=no", "--", ":/", ":/!docs"])?;
    let changed = if changed.is_empty() { "" } else { " with changes" };
    Ok(format!("commit {commit}{changed}"))
}

fn others(share: f64) -> String {
    let took = format!("other programs took {:.0} % of the machine", share * 100.0);
    if share < BUSY { took } else { format!("**{took}, so these figures are noisy**") }
}

fn said(program: &str, arguments: &[&str]) -> Fallible<String> {
    let output = Command::new(program).args(arguments).current_dir(programs::folder()).output()?;
    if !output.status.success() {
        return Err(format!("{program} failed: {}", String::from_utf8_lossy(&output.stderr)).into());
    }
    Ok(String::from_utf8(output.stdout)?.trim().to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_busy_machine_is_told_of() {
        assert_eq!(others(0.012), "other programs took 1 % of the machine");
        let busy = "**other programs took 31 % of the machine, so these figures are noisy**";
        assert_eq!(others(0.307), busy);
    }
}
