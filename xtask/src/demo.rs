//! The demo has two halves: the site itself, and its half made with Express, which the site starts.

use std::ffi::{OsStr, OsString};
use std::path::Path;

use crate::checks;
use crate::needs;
use crate::steps::{self, Report};

/// Builds what the Express half needs, and says with which arguments the site starts it.
pub(crate) fn prepare(root: &Path, arguments: Vec<OsString>) -> Result<Vec<OsString>, Report> {
    match halves(&arguments) {
        Halves::Both => {}
        Halves::Axum => {
            println!(
                "No other process can share this one's memory: the Express half is not started."
            );
            return Ok(arguments);
        }
        Halves::Neither => return Ok(arguments),
    }
    let report = steps::run(checks::npm_package(root), steps::perform);
    if !report.passed() {
        return Err(report);
    }
    println!();
    let program = root.join(needs::EXPRESS_HALF).join("server.js");
    Ok([OsString::from("--express"), program.into()].into_iter().chain(arguments).collect())
}

/// What is going to run.
#[derive(Debug, PartialEq)]
enum Halves {
    Both,
    Axum,
    /// The site only answers a question.
    Neither,
}

fn halves(arguments: &[OsString]) -> Halves {
    let has = |option: &str| arguments.iter().any(|argument| argument == OsStr::new(option));
    if has("--help") || has("-h") {
        Halves::Neither
    } else if has("--memory") {
        Halves::Axum
    } else {
        Halves::Both
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(line: &str) -> Halves {
        halves(&line.split_whitespace().map(OsString::from).collect::<Vec<_>>())
    }

    #[test]
    fn both_halves_run_unless_there_is_no_file_to_share() {
        assert_eq!(of(""), Halves::Both);
        assert_eq!(of("--store a.db --port 0"), Halves::Both);
        assert_eq!(of("--port 0 --memory"), Halves::Axum);
    }

    #[test]
    fn nothing_is_built_for_a_question() {
        assert_eq!(of("--help"), Halves::Neither);
        assert_eq!(of("--memory -h"), Halves::Neither);
    }
}
