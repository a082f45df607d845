//! The steps of `test` and of `ready`: a further kind of test or check is a further line here.

use std::env;
use std::ffi::OsString;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::needs;
use crate::steps::{self, Step};

/// Every test. Plain cargo commands are about the workspace's default members: all but the benchmarks.
pub(crate) fn test(root: &Path) -> Vec<Step> {
    vec![
        // All targets in one go, the site included: a second build, of the site alone, would compile
        // most of its dependencies again, with fewer features.
        Step::foundation("build", cargo(root, &["build", "--all-features", "--all-targets"])),
        Step::new("Rust tests", cargo(root, &["test", "--all-features", "--no-fail-fast"])),
        Step::new("browser tests", browser_tests(root)),
    ]
}

/// Everything that a change must pass.
pub(crate) fn ready(root: &Path, advisories: bool) -> Vec<Step> {
    const EVERYTHING: &[&str] = &["--workspace", "--all-features"];

    let mut doc = cargo(root, &["doc", "--no-deps", "--document-private-items"]);
    doc.args(EVERYTHING).env("RUSTDOCFLAGS", "-D warnings");
    let mut clippy = cargo(root, &["clippy", "--all-targets"]);
    clippy.args(EVERYTHING).args(["--", "-D", "warnings"]);

    let mut steps = vec![
        Step::new("format", cargo(root, &["fmt", "--all", "--check"])),
        Step::new("licences", cargo(root, &["deny", "check", "bans", "licenses", "sources"])),
        Step::new("lints", clippy),
        Step::new("docs", doc),
        // Beside the tests it is built with more features than it asks for itself.
        Step::new("the site alone", cargo(root, &["check", "--package", "site"])),
    ];
    if advisories {
        steps.push(Step::new("advisories", cargo(root, &["deny", "check", "advisories"])));
    }
    steps.extend(test(root));
    steps
}

fn cargo(root: &Path, arguments: &[&str]) -> Command {
    let mut command = steps::cargo();
    command.args(arguments).current_dir(root);
    command
}

fn browser_tests(root: &Path) -> Command {
    let folder = root.join(needs::BROWSER_TESTS);
    let mut command = Command::new("node");
    command.args(["--test", "--test-reporter=spec"]).args(test_files(&folder)).current_dir(folder);
    if let Some(chromium) = needs::chromium() {
        command.env("CHROMIUM", chromium);
    }
    if let Ok(site) = built_site() {
        command.env("HANDSTAMP_SITE", site);
    }
    command
}

/// The test files in a folder, by name. Where there are none, a name that is none: node fails on it,
/// whereas without any name it would search by itself and be content with nothing.
fn test_files(folder: &Path) -> Vec<OsString> {
    let entries = fs::read_dir(folder).into_iter().flatten().flatten();
    let mut names: Vec<OsString> = entries
        .map(|entry| entry.file_name())
        .filter(|name| name.to_string_lossy().ends_with(".test.mjs"))
        .collect();
    names.sort();
    if names.is_empty() {
        names.push("*.test.mjs".into());
    }
    names
}

/// The site's program: cargo puts it beside this one.
fn built_site() -> io::Result<PathBuf> {
    Ok(env::current_exe()?.with_file_name("site").with_extension(env::consts::EXE_EXTENSION))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_folder_without_tests_gives_node_a_name_it_fails_on() {
        assert_eq!(test_files(Path::new("no-such-folder")), ["*.test.mjs"]);
    }
}
