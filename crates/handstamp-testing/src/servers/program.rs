//! The programs of servers: where they are, and what they say when they are run to their end.

use std::env;
use std::ffi::OsStr;
use std::fs;
use std::iter;
use std::path::PathBuf;
use std::process::{Command, Output, Stdio};

/// Finds a program on the PATH or where Debian puts servers, which users other than root have not on theirs.
pub(super) fn find(name: &str, package: &str) -> PathBuf {
    let path = env::var_os("PATH").unwrap_or_default();
    env::split_paths(&path)
        .chain(["/usr/local/sbin".into(), "/usr/sbin".into()])
        .chain(postgres_folders())
        .map(|folder| folder.join(name))
        .find(|file| file.is_file())
        .unwrap_or_else(|| missing(name, package))
}

/// Says what to install.
pub(super) fn missing(name: &str, package: &str) -> ! {
    panic!(
        "{name} is not installed, and this test needs it. `cargo xtask setup` installs everything that tests \
         need; this comes with {package}"
    )
}

/// The folders of PostgreSQL's server programs, the newest version first. Debian puts them on nobody's PATH.
fn postgres_folders() -> impl Iterator<Item = PathBuf> {
    let mut versions: Vec<(u32, PathBuf)> = fs::read_dir("/usr/lib/postgresql")
        .into_iter()
        .flatten()
        .flatten()
        .filter_map(|entry| Some((entry.file_name().to_str()?.parse().ok()?, entry.path())))
        .collect();
    versions.sort();
    iter::from_fn(move || versions.pop()).map(|(_, folder)| folder.join("bin"))
}

/// Runs a command to its end and gives what it printed.
pub(super) fn run(command: &mut Command) -> String {
    let output = output(command);
    assert!(
        output.status.success(),
        "{} failed ({}):\n{}{}",
        command.get_program().display(),
        output.status,
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr),
    );
    String::from_utf8_lossy(&output.stdout).into_owned()
}

/// Runs a command to its end, whether it succeeds or not.
pub(super) fn output(command: &mut Command) -> Output {
    let output = command.stdin(Stdio::null()).output();
    output.unwrap_or_else(|error| {
        panic!("{} cannot be started: {error}", command.get_program().display())
    })
}

/// A command that another user runs if we are root: some servers refuse to run as root.
pub(super) fn as_user(user: Option<&str>, program: impl AsRef<OsStr>) -> Command {
    let Some(user) = user else { return Command::new(program) };
    // Unlike su and runuser, setpriv becomes the program, so signals to it reach the server.
    let mut command = Command::new("setpriv");
    command.args(["--reuid", user, "--regid", user, "--init-groups", "--"]).arg(program);
    command
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    #[should_panic(
        expected = "no-such-server is not installed, and this test needs it. `cargo xtask setup` installs \
                    everything that tests need; this comes with Debian's package no-such-package"
    )]
    fn a_missing_program_is_a_failure_that_says_what_to_install() {
        find("no-such-server", "Debian's package no-such-package");
    }

    #[test]
    #[should_panic(expected = "sh failed (exit status: 3):\nout\nerr\n")]
    fn a_command_that_fails_is_a_failure_with_what_it_said() {
        run(Command::new("sh").args(["-c", "echo out; echo err >&2; exit 3"]));
    }
}
