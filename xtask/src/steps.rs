//! Runs the steps of a task, with a headline before each and a table of them all at the end.

use std::env;
use std::ffi::OsStr;
use std::fmt;
use std::io;
use std::iter;
use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

/// One command of a task.
#[derive(Debug)]
pub(crate) struct Step {
    title: &'static str,
    command: Command,
    /// What is to be done when the command has succeeded.
    completion: Option<fn() -> io::Result<()>>,
    /// Whether the later steps make sense only after this one.
    is_foundation: bool,
}

impl Step {
    pub(crate) fn new(title: &'static str, command: Command) -> Self {
        Self { title, command, completion: None, is_foundation: false }
    }

    /// A step whose failure ends the task, because the later steps build on it.
    pub(crate) fn foundation(title: &'static str, command: Command) -> Self {
        Self { is_foundation: true, ..Self::new(title, command) }
    }

    /// The same step, which is done only when this has been done too, after its command.
    pub(crate) fn completed_by(self, completion: fn() -> io::Result<()>) -> Self {
        Self { completion: Some(completion), ..self }
    }

    fn complete(&self) -> bool {
        let Some(completion) = self.completion else { return true };
        completion().inspect_err(|error| eprintln!("error: {error}")).is_ok()
    }
}

/// Runs every step, also after one that failed.
pub(crate) fn run(steps: Vec<Step>, mut perform: impl FnMut(&mut Command) -> bool) -> Report {
    let mut lines = Vec::new();
    let mut may_go_on = true;
    for mut step in steps {
        if !may_go_on {
            lines.push(Line { title: step.title, outcome: Outcome::NotRun });
            continue;
        }
        println!("\n== {} ==\n$ {}", step.title, shell_line(&step.command));
        let start = Instant::now();
        let passed = perform(&mut step.command) && step.complete();
        let time = start.elapsed();
        may_go_on = passed || !step.is_foundation;
        let outcome = if passed { Outcome::Passed(time) } else { Outcome::Failed(time) };
        lines.push(Line { title: step.title, outcome });
    }
    Report { lines }
}

/// Runs a command with our own terminal; whether it succeeded.
pub(crate) fn perform(command: &mut Command) -> bool {
    match command.status() {
        Ok(status) => status.success(),
        Err(error) => {
            eprintln!("error: cannot start {}: {error}", command.get_program().display());
            false
        }
    }
}

/// The cargo that runs us, so that every step uses the same toolchain.
pub(crate) fn cargo() -> Command {
    Command::new(env::var_os("CARGO").unwrap_or_else(|| "cargo".into()))
}

/// The command as a person would type it.
pub(crate) fn shell_line(command: &Command) -> String {
    let environment = command
        .get_envs()
        .map(|(name, value)| format!("{}={}", name.display(), quoted(value.unwrap_or_default())));
    // Cargo tells us its own full path; `cargo` is what a person types.
    let program = Path::new(command.get_program()).file_stem().unwrap_or_default();
    let words = iter::once(program).chain(command.get_args()).map(quoted);
    environment.chain(words).collect::<Vec<String>>().join(" ")
}

fn quoted(word: &OsStr) -> String {
    let word = word.display().to_string();
    if word.contains([' ', '*']) { format!("'{word}'") } else { word }
}

/// What became of each step.
#[derive(Debug)]
pub(crate) struct Report {
    lines: Vec<Line>,
}

#[derive(Debug)]
struct Line {
    title: &'static str,
    outcome: Outcome,
}

#[derive(Debug, PartialEq)]
enum Outcome {
    Passed(Duration),
    Failed(Duration),
    NotRun,
}

impl Report {
    pub(crate) fn passed(&self) -> bool {
        self.lines.iter().all(|line| matches!(line.outcome, Outcome::Passed(_)))
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "== summary ==")?;
        let width = self.lines.iter().map(|line| line.title.len()).max().unwrap_or_default();
        for Line { title, outcome } in &self.lines {
            let (word, time) = match outcome {
                Outcome::Passed(time) => ("ok", time),
                Outcome::Failed(time) => ("FAILED", time),
                Outcome::NotRun => ("not run", &Duration::ZERO),
            };
            writeln!(f, "{title:width$}  {word:7} {:8.1} s", time.as_secs_f64())?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn step(title: &'static str) -> Step {
        Step::new(title, Command::new(title))
    }

    fn foundation(title: &'static str) -> Step {
        Step::foundation(title, Command::new(title))
    }

    /// The outcomes where the steps of these titles fail.
    fn outcomes(steps: Vec<Step>, failing: &[&str]) -> Vec<&'static str> {
        let report =
            run(steps, |command| !failing.iter().any(|title| command.get_program() == *title));
        assert_eq!(report.passed(), failing.is_empty());
        report
            .lines
            .iter()
            .map(|line| match line.outcome {
                Outcome::Passed(_) => "passed",
                Outcome::Failed(_) => "failed",
                Outcome::NotRun => "not run",
            })
            .collect()
    }

    #[test]
    fn a_report_passes_when_every_step_does() {
        assert_eq!(outcomes(vec![foundation("a"), step("b")], &[]), ["passed", "passed"]);
    }

    #[test]
    fn a_failed_step_does_not_hide_later_ones() {
        assert_eq!(
            outcomes(vec![step("a"), step("b"), step("c")], &["a", "c"]),
            ["failed", "passed", "failed"]
        );
    }

    #[test]
    fn a_failed_foundation_ends_the_task() {
        assert_eq!(
            outcomes(vec![step("a"), foundation("b"), step("c")], &["b"]),
            ["passed", "failed", "not run"]
        );
    }

    #[test]
    fn a_step_passes_only_when_it_is_completed() {
        fn works() -> io::Result<()> {
            Ok(())
        }
        fn fails() -> io::Result<()> {
            Err(io::Error::other("no space"))
        }
        let completed = run(vec![step("a").completed_by(works)], |_| true);
        assert!(completed.passed());
        let incomplete = run(vec![step("a").completed_by(fails)], |_| true);
        assert!(!incomplete.passed());
        run(vec![step("a").completed_by(|| panic!("after a failure"))], |_| false);
    }

    #[test]
    fn a_program_that_cannot_be_started_has_failed() {
        assert!(!perform(&mut Command::new("no-such-program")));
    }

    #[test]
    fn a_shell_line_is_what_a_person_would_type() {
        let mut command = Command::new("/somewhere/bin/cargo");
        command.args(["doc", "--no-deps"]).env("RUSTDOCFLAGS", "-D warnings");
        assert_eq!(shell_line(&command), "RUSTDOCFLAGS='-D warnings' cargo doc --no-deps");
    }

    #[test]
    fn the_summary_says_what_ran_and_how_long_it_took() {
        let report = Report {
            lines: vec![
                Line { title: "build", outcome: Outcome::Passed(Duration::from_millis(1250)) },
                Line { title: "browser tests", outcome: Outcome::Failed(Duration::from_secs(100)) },
                Line { title: "more", outcome: Outcome::NotRun },
            ],
        };
        assert_eq!(
            report.to_string(),
            "\
== summary ==
build          ok           1.2 s
browser tests  FAILED     100.0 s
more           not run      0.0 s
"
        );
    }
}
