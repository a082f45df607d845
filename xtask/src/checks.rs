//! The steps of `test` and of `ready`: a further kind of test or check is a further line here.

use std::env;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::addon;
use crate::needs;
use crate::steps::{self, Step};

/// Every test. Plain cargo commands are about the workspace's default members: all but the benchmarks.
pub(crate) fn test(root: &Path) -> Vec<Step> {
    vec![
        // All targets in one go, the site included: a second build, of the site alone, would compile
        // most of its dependencies again, with fewer features. The programs for the tests in Node are among
        // them, too.
        Step::foundation("build", cargo(root, &["build", "--all-features", "--all-targets"])),
        Step::new("Rust tests", cargo(root, &["test", "--all-features", "--no-fail-fast"])),
        addon_step(root),
        typescript_step(root),
        Step::new("Node tests", node_tests(&root.join(needs::NODE_PACKAGE))),
        Step::new("coverage of node/lib", coverage(&root.join(needs::NODE_PACKAGE))),
        Step::new("browser tests", browser_tests(root)),
    ]
}

/// The npm package, as far as it is made by compilers.
pub(crate) fn npm_package(root: &Path) -> Vec<Step> {
    vec![addon_step(root), typescript_step(root)]
}

/// In release also for the tests: that is what people get.
fn addon_step(root: &Path) -> Step {
    let build = cargo(root, &["build", "--release", "--package", addon::PACKAGE]);
    Step::new("addon", build).completed_by(addon::place)
}

fn typescript_step(root: &Path) -> Step {
    let mut compiler = Command::new("npx");
    // Not one from the network, should ours be missing.
    compiler.args(["--no", "tsc", "--", "-p", "."]).current_dir(root.join(needs::NODE_PACKAGE));
    Step::new("TypeScript", compiler)
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

fn node_tests(package: &Path) -> Command {
    let mut command = node_test();
    command.args(test_files(package, Path::new("test"), ".test.js")).current_dir(package);
    command
}

/// Every line of the package has to be run by a test.
fn coverage(package: &Path) -> Command {
    let mut command = Command::new("node");
    command.arg("test/coverage.mjs").current_dir(package);
    with_programs(command)
}

fn browser_tests(root: &Path) -> Command {
    let folder = root.join(needs::BROWSER_TESTS);
    let mut command = node_test();
    command.args(test_files(&folder, Path::new(""), ".test.mjs")).current_dir(folder);
    if let Some(chromium) = needs::chromium() {
        command.env("CHROMIUM", chromium);
    }
    command
}

fn node_test() -> Command {
    let mut command = Command::new("node");
    command.args(["--test", "--test-reporter=spec"]);
    with_programs(command)
}

/// Programs of ours that tests in Node start: in which variable they look for each, and where cargo puts it
/// beside this one.
const PROGRAMS: &[(&str, &str)] = &[
    ("HANDSTAMP_SERVERS", "handstamp-servers"),
    ("HANDSTAMP_SHARED", "examples/shared"),
    ("HANDSTAMP_SITE", "site"),
];

fn with_programs(mut command: Command) -> Command {
    if let Ok(own) = env::current_exe() {
        for (variable, path) in PROGRAMS {
            let program = own.with_file_name(path).with_extension(env::consts::EXE_EXTENSION);
            command.env(variable, program);
        }
    }
    command
}

/// The test files in a folder and all below it, by their paths from `base`. Where there are none, a name
/// that is none: node fails on it, whereas without any name it would search by itself and be content with
/// nothing.
fn test_files(base: &Path, folder: &Path, ending: &str) -> Vec<PathBuf> {
    let mut files = files_below(base, folder);
    files.retain(|file| file.as_os_str().to_string_lossy().ends_with(ending));
    files.sort();
    if files.is_empty() {
        files.push(folder.join(format!("*{ending}")));
    }
    files
}

fn files_below(base: &Path, folder: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(base.join(folder)).into_iter().flatten().flatten();
    entries
        .filter(|entry| entry.file_name() != "node_modules")
        .flat_map(|entry| {
            let path = folder.join(entry.file_name());
            let is_folder = entry.file_type().is_ok_and(|kind| kind.is_dir());
            if is_folder { files_below(base, &path) } else { vec![path] }
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use std::ffi::OsStr;

    use super::*;

    #[test]
    fn a_folder_without_tests_gives_node_a_name_it_fails_on() {
        let files = test_files(Path::new("no-such-folder"), Path::new("test"), ".test.js");
        assert_eq!(files, [Path::new("test/*.test.js")]);
    }

    #[test]
    fn the_programs_that_node_tests_start_are_what_the_build_makes() {
        let sources = [
            "crates/handstamp-testing/src/bin/handstamp-servers.rs",
            "crates/handstamp-drills/examples/shared.rs",
            "site/src/main.rs",
        ];
        for (source, (variable, _)) in sources.iter().zip(PROGRAMS) {
            assert!(crate::root().join(source).is_file(), "{variable}: {source}");
        }
        let command = node_test();
        let set: Vec<_> = command.get_envs().map(|(variable, _)| variable).collect();
        assert!(PROGRAMS.iter().all(|(variable, _)| set.contains(&OsStr::new(variable))));
    }

    #[test]
    fn test_files_are_found_in_all_folders_but_those_of_npm() {
        let root = crate::root();
        let files = |base: &str, folder: &str, ending| {
            test_files(&root.join(base), Path::new(folder), ending)
        };
        assert!(files("site", "", ".test.mjs").contains(&"e2e/cart.test.mjs".into()));
        assert!(files("site/e2e", "", ".json").contains(&"package.json".into()));
        let of_npm = |file: &PathBuf| file.to_string_lossy().contains("node_modules");
        assert!(!files("site/e2e", "", ".json").iter().any(of_npm));
    }
}
