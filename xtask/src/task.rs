//! The command line: which task was asked for, and what its help says.

use std::ffi::{OsStr, OsString};
use std::fmt;

/// What the command line asked for.
#[derive(Debug, PartialEq)]
pub(crate) enum Request {
    Help(String),
    /// The arguments are for the program that the task runs; only `demo` and `bench` have one.
    Run(Task, Vec<OsString>),
}

#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Task {
    Bench,
    Demo,
    Ready { advisories: bool },
    Setup,
    Test,
}

/// A command line that makes no sense.
#[derive(Debug, PartialEq)]
pub(crate) struct Misuse(String);

impl fmt::Display for Misuse {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

pub(crate) fn parse(arguments: impl IntoIterator<Item = OsString>) -> Result<Request, Misuse> {
    let mut arguments = arguments.into_iter();
    let Some(name) = arguments.next() else {
        return Err(Misuse("which command?".into()));
    };
    if asks_for_help(&name) || name == "help" {
        return Ok(Request::Help(usage()));
    }
    let Some(command) = COMMANDS.iter().find(|command| name == command.name) else {
        return Err(Misuse(format!("there is no command `{}`", name.display())));
    };
    let arguments: Vec<OsString> = arguments.collect();
    if arguments.first().is_some_and(|first| asks_for_help(first)) {
        return Ok(Request::Help(command.help()));
    }
    command.accept(arguments)
}

/// The list of commands.
pub(crate) fn usage() -> String {
    let mut text = String::from("Usage: cargo xtask <COMMAND>\n\nCommands:\n");
    for Command { name, summary, .. } in COMMANDS {
        text += &format!("  {name:<7} {summary}\n");
    }
    text += "\n`cargo xtask <COMMAND> --help` says more.\n";
    text
}

struct Command {
    name: &'static str,
    arguments: &'static str,
    summary: &'static str,
    details: &'static str,
    task: Task,
}

const COMMANDS: &[Command] = &[
    Command {
        name: "demo",
        arguments: " [ARGUMENTS]",
        summary: "Builds the demo site and serves it on this machine, in axum and in Express",
        details: "\
The two halves share the visitors: http://127.0.0.1:3000 is axum, port 3001 is
Express. The arguments are the site's own, for example `--port N`, `--store FILE`
or `--store redis://localhost`; `cargo xtask demo -- --help` lists them. With
`--memory` there is nothing to share, and axum runs alone. Ctrl-C ends both.",
        task: Task::Demo,
    },
    Command {
        name: "test",
        arguments: "",
        summary: "Runs every test: the crates' own, the npm package's, the site's in a browser",
        details: "\
A failed step does not hide the later ones: all are run, and a table at the end
says what happened to each. Only when the build fails is nothing else run.
To run a part, use the runners themselves, for example `cargo test -p handstamp`.",
        task: Task::Test,
    },
    Command {
        name: "bench",
        arguments: " [ARGUMENTS]",
        summary: "Builds the benchmarks for release and runs them",
        details: "\
The arguments are the benchmarks' own; `cargo xtask bench -- --help` lists them.",
        task: Task::Bench,
    },
    Command {
        name: "ready",
        arguments: " [--advisories]",
        summary: "Checks all that a change must pass: format, lints, docs, licences, tests",
        details: "\
Options:
  --advisories  Also look for known vulnerabilities in the dependencies. This
                fetches a database from the network, so it is not the default.",
        task: Task::Ready { advisories: false },
    },
    Command {
        name: "setup",
        arguments: "",
        summary: "Installs what all of these need, and does nothing else",
        details: "Every other command does this for itself, as far as it needs it.",
        task: Task::Setup,
    },
];

impl Command {
    fn help(&self) -> String {
        let Self { name, arguments, summary, details, .. } = self;
        format!(
            "{summary}.\n\nUsage: cargo xtask {name}{arguments}\n\n{details}\n\n\
             What it needs and can install, it installs first, and says so.\n"
        )
    }

    fn accept(&self, mut arguments: Vec<OsString>) -> Result<Request, Misuse> {
        if matches!(self.task, Task::Bench | Task::Demo) {
            if arguments.first().is_some_and(|first| first == "--") {
                arguments.remove(0);
            }
            return Ok(Request::Run(self.task, arguments));
        }
        match (self.task, arguments.as_slice()) {
            (task, []) => Ok(Request::Run(task, arguments)),
            (Task::Ready { .. }, [option]) if option == "--advisories" => {
                Ok(Request::Run(Task::Ready { advisories: true }, Vec::new()))
            }
            (_, [first, ..]) => {
                Err(Misuse(format!("`{}` does not take `{}`", self.name, first.display())))
            }
        }
    }
}

fn asks_for_help(argument: &OsStr) -> bool {
    argument == "--help" || argument == "-h"
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(line: &str) -> Result<Request, Misuse> {
        parse(line.split_whitespace().map(OsString::from))
    }

    fn run(task: Task, arguments: &[&str]) -> Result<Request, Misuse> {
        Ok(Request::Run(task, arguments.iter().map(OsString::from).collect()))
    }

    fn misuse(text: &str) -> Result<Request, Misuse> {
        Err(Misuse(text.into()))
    }

    #[test]
    fn every_command_runs_without_arguments() {
        assert_eq!(parsed("bench"), run(Task::Bench, &[]));
        assert_eq!(parsed("demo"), run(Task::Demo, &[]));
        assert_eq!(parsed("ready"), run(Task::Ready { advisories: false }, &[]));
        assert_eq!(parsed("setup"), run(Task::Setup, &[]));
        assert_eq!(parsed("test"), run(Task::Test, &[]));
    }

    #[test]
    fn demo_and_bench_pass_their_arguments_on() {
        assert_eq!(parsed("demo --store a.db"), run(Task::Demo, &["--store", "a.db"]));
        assert_eq!(parsed("demo -- --help"), run(Task::Demo, &["--help"]));
        assert_eq!(parsed("bench open"), run(Task::Bench, &["open"]));
    }

    #[test]
    fn ready_looks_for_advisories_when_asked() {
        assert_eq!(parsed("ready --advisories"), run(Task::Ready { advisories: true }, &[]));
    }

    #[test]
    fn what_a_command_does_not_take_is_a_misuse() {
        assert_eq!(parsed(""), misuse("which command?"));
        assert_eq!(parsed("tset"), misuse("there is no command `tset`"));
        assert_eq!(parsed("test --fast"), misuse("`test` does not take `--fast`"));
        assert_eq!(parsed("ready --fast"), misuse("`ready` does not take `--fast`"));
    }

    #[test]
    fn help_is_there_for_all_and_for_each() {
        for line in ["--help", "-h", "help"] {
            assert_eq!(parsed(line), Ok(Request::Help(usage())));
        }
        for command in COMMANDS {
            assert_eq!(
                parsed(&format!("{} --help", command.name)),
                Ok(Request::Help(command.help()))
            );
        }
    }
}
