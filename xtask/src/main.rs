//! `cargo xtask`: the commands people type, and what those commands need installed.
//!
//! It is a plain program over std, because it is compiled before anything else on a new machine.
//! `task` reads the command line, `needs` says what each task needs, `install` gets what is missing,
//! `checks` lists the steps of the longer tasks and `steps` runs and reports them; `demo` and `addon` make
//! the demo's two halves ready.

use std::env;
use std::ffi::OsString;
use std::path::Path;
use std::process::{Command, ExitCode};

use crate::steps::{Report, Step};
use crate::task::{Request, Task};

mod addon;
mod checks;
mod demo;
mod install;
mod needs;
mod steps;
mod task;

fn main() -> ExitCode {
    match task::parse(env::args_os().skip(1)) {
        Ok(Request::Help(text)) => {
            print!("{text}");
            ExitCode::SUCCESS
        }
        Ok(Request::Run(task, arguments)) => run(task, arguments),
        Err(misuse) => {
            eprintln!("error: {misuse}\n\n{}", task::usage());
            ExitCode::from(2)
        }
    }
}

fn run(task: Task, arguments: Vec<OsString>) -> ExitCode {
    if let Err(unmet) = install::meet(task, root()) {
        eprintln!("{unmet}");
        return ExitCode::FAILURE;
    }
    match task {
        Task::Bench => {
            // The npm package is measured, too.
            let built = steps::run(checks::npm_package(root()), steps::perform);
            if built.passed() {
                become_package("handstamp-benches", arguments)
            } else {
                report(&built)
            }
        }
        Task::Demo => match demo::prepare(root(), arguments) {
            Ok(arguments) => become_package("site", arguments),
            Err(report) => self::report(&report),
        },
        Task::Ready { advisories } => run_steps(checks::ready(root(), advisories)),
        Task::Setup => {
            println!("Everything that demo, test, bench and ready need is installed.");
            ExitCode::SUCCESS
        }
        Task::Test => run_steps(checks::test(root())),
    }
}

fn run_steps(steps: Vec<Step>) -> ExitCode {
    report(&steps::run(steps, steps::perform))
}

fn report(report: &Report) -> ExitCode {
    println!("\n{report}");
    if report.passed() { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

/// Builds a package for release and becomes it, in the folder where the command was typed.
///
/// On Unix this process is replaced, by cargo and then by the program itself: the terminal's Ctrl-C
/// reaches the program and nothing is left behind. (The site ends its Express half itself.)
fn become_package(package: &str, arguments: Vec<OsString>) -> ExitCode {
    let mut command = steps::cargo();
    command.args(["run", "--release", "--package", package, "--"]).args(arguments);
    println!("$ {}", steps::shell_line(&command));
    replace_this_process(command)
}

#[cfg(unix)]
fn replace_this_process(mut command: Command) -> ExitCode {
    use std::os::unix::process::CommandExt;

    let error = command.exec();
    eprintln!("error: cannot start cargo: {error}");
    ExitCode::FAILURE
}

#[cfg(not(unix))]
fn replace_this_process(mut command: Command) -> ExitCode {
    match command.status() {
        Ok(status) if status.success() => ExitCode::SUCCESS,
        Ok(_) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("error: cannot start cargo: {error}");
            ExitCode::FAILURE
        }
    }
}

/// The folder of the workspace.
fn root() -> &'static Path {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    here.parent().unwrap_or(here)
}
