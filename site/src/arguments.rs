//! The command line: where the sessions are kept, and on which port the site answers.

use std::ffi::OsString;
use std::fmt;
use std::path::{Path, PathBuf};

pub(crate) const USAGE: &str = "\
The demo site of handstamp: server-side sessions, shown on your own.

Usage: cargo xtask demo [OPTIONS]

Options:
  --store FILE  Keep sessions in this SQLite file, and the accounts and the signing secret beside it.
                Without it: target/demo/sessions.db in handstamp's own folder
  --store URL   Keep sessions in this server: redis://…, postgres://… or mysql://…
  --home FOLDER Keep the accounts and the signing secret in this folder if the sessions are in a server.
                Without it: target/demo in handstamp's own folder
  --memory      Keep everything in memory; it is gone when the server stops
  --port N      Answer on http://127.0.0.1:N; 3000 by default, 0 is any free port
  --express JS  Start this program with Node.js, too: the half of the site that is made with Express.
                It shares the sessions and answers on the next port. `cargo xtask demo` says it itself
  --help        Print this

SESSION_SECRET in the environment, if set, signs the cookies (32 random bytes or more).
";

/// What the command line asked for.
#[derive(Debug, PartialEq)]
pub(crate) enum Request {
    Help,
    Serve(Arguments),
}

#[derive(Debug, PartialEq)]
pub(crate) struct Arguments {
    /// The program of the Express half.
    pub express: Option<PathBuf>,
    pub keep: Keep,
    pub port: u16,
}

/// Where the sessions are kept.
#[derive(Debug, PartialEq)]
pub(crate) enum Keep {
    File(PathBuf),
    Memory,
    Server {
        /// Where the server is. It may hold a password.
        url: String,
        /// The folder of the accounts and of the secret.
        home: PathBuf,
    },
}

/// A command line that makes no sense.
#[derive(Debug, PartialEq)]
pub(crate) struct Misuse(String);

pub(crate) fn parse(arguments: impl IntoIterator<Item = OsString>) -> Result<Request, Misuse> {
    let mut arguments = arguments.into_iter();
    let mut express = None;
    let mut home = None;
    let mut keep = None;
    let mut port = 3000;
    while let Some(argument) = arguments.next() {
        match argument.to_str() {
            Some("--help" | "-h") => return Ok(Request::Help),
            Some("--express") => {
                express = Some(following(&mut arguments, "--express", "a program")?.into());
            }
            Some("--home") => {
                home = Some(following(&mut arguments, "--home", "a folder")?.into());
            }
            Some("--memory") => choose(&mut keep, Keep::Memory)?,
            Some("--port") => port = parse_port(&following(&mut arguments, "--port", "a number")?)?,
            Some("--store") => {
                let place = following(&mut arguments, "--store", "a file or a URL")?;
                choose(&mut keep, Keep::of(place)?)?;
            }
            _ => return Err(Misuse(format!("there is no option `{}`", argument.display()))),
        }
    }
    let mut keep = keep.unwrap_or_else(|| Keep::File(default_file()));
    if let Some(home) = home {
        keep = keep.at_home(home)?;
    }
    if express.is_some() && keep == Keep::Memory {
        return Err(Misuse(
            "other processes can’t share this one’s memory: choose `--express` or `--memory`"
                .into(),
        ));
    }
    Ok(Request::Serve(Arguments { express, keep, port }))
}

impl Keep {
    /// What `--store` names: a URL says its scheme.
    fn of(place: OsString) -> Result<Self, Misuse> {
        match place.to_str() {
            Some(url) if url.contains("://") => {
                let home = default_file().parent().map(Path::to_path_buf).unwrap_or_default();
                Ok(Self::Server { url: url.to_owned(), home })
            }
            _ if place.as_encoded_bytes().windows(3).any(|part| part == b"://") => {
                Err(Misuse("a URL is written in ASCII; anything else as %XX".into()))
            }
            _ => Ok(Self::File(place.into())),
        }
    }

    fn at_home(self, home: PathBuf) -> Result<Self, Misuse> {
        match self {
            Self::Server { url, .. } => Ok(Self::Server { url, home }),
            _ => Err(Misuse("`--home` is for sessions that are kept in a server".into())),
        }
    }

    /// The file beside which the accounts and the secret stand. `None`: they end with this process.
    pub(crate) fn base(&self) -> Option<PathBuf> {
        match self {
            Self::File(path) => Some(path.clone()),
            Self::Memory => None,
            Self::Server { home, .. } => Some(home.join("sessions.db")),
        }
    }
}

/// Always the same file, from whatever folder the demo is started: who starts it again is still
/// signed in.
fn default_file() -> PathBuf {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    here.parent().unwrap_or(here).join("target/demo/sessions.db")
}

fn following(
    arguments: &mut impl Iterator<Item = OsString>,
    option: &str,
    what: &str,
) -> Result<OsString, Misuse> {
    arguments
        .next()
        .filter(|value| !value.is_empty())
        .ok_or_else(|| Misuse(format!("`{option}` needs {what} after it")))
}

fn parse_port(text: &OsString) -> Result<u16, Misuse> {
    let port = text.to_str().and_then(|text| text.parse().ok());
    port.ok_or_else(|| Misuse(format!("`{}` is not a port from 0 to 65535", text.display())))
}

fn choose(keep: &mut Option<Keep>, choice: Keep) -> Result<(), Misuse> {
    match keep.replace(choice) {
        None => Ok(()),
        Some(_) => Err(Misuse("choose one place to keep the sessions, not two".into())),
    }
}

impl fmt::Display for Misuse {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(line: &str) -> Result<Request, Misuse> {
        parse(line.split_whitespace().map(OsString::from))
    }

    fn serve(keep: Keep, port: u16) -> Result<Request, Misuse> {
        Ok(Request::Serve(Arguments { express: None, keep, port }))
    }

    fn misuse(text: &str) -> Result<Request, Misuse> {
        Err(Misuse(text.into()))
    }

    #[test]
    fn without_options_a_file_and_port_3000_are_used() {
        assert_eq!(parsed(""), serve(Keep::File(default_file()), 3000));
        assert!(default_file().ends_with("target/demo/sessions.db"));
    }

    #[test]
    fn options_choose_the_store_and_the_port() {
        assert_eq!(parsed("--memory"), serve(Keep::Memory, 3000));
        assert_eq!(parsed("--port 0 --store a.db"), serve(Keep::File("a.db".into()), 0));
    }

    #[test]
    fn a_url_names_a_server_and_the_files_stay_where_they_are_without_one() {
        let url = "redis://127.0.0.1:6379";
        let keep = |home: &Path| Keep::Server { url: url.into(), home: home.into() };
        let usual = default_file();
        assert_eq!(parsed(&format!("--store {url}")), serve(keep(usual.parent().unwrap()), 3000));
        assert_eq!(keep(usual.parent().unwrap()).base(), Some(usual));
        assert_eq!(
            parsed(&format!("--home here --store {url}")),
            serve(keep(Path::new("here")), 3000)
        );
    }

    #[test]
    fn the_express_half_shares_a_file_and_no_memory() {
        let (express, keep) = (Some("server.js".into()), Keep::File("a.db".into()));
        assert_eq!(
            parsed("--express server.js --store a.db"),
            Ok(Request::Serve(Arguments { express, keep, port: 3000 }))
        );
        assert_eq!(
            parsed("--memory --express server.js"),
            misuse(
                "other processes can’t share this one’s memory: choose `--express` or `--memory`"
            )
        );
    }

    #[test]
    fn help_wins() {
        assert_eq!(parsed("--memory --help"), Ok(Request::Help));
        assert_eq!(parsed("-h"), Ok(Request::Help));
    }

    #[test]
    fn what_makes_no_sense_is_said() {
        assert_eq!(parsed("--stor a"), misuse("there is no option `--stor`"));
        assert_eq!(parsed("--express"), misuse("`--express` needs a program after it"));
        assert_eq!(parsed("--store"), misuse("`--store` needs a file or a URL after it"));
        assert_eq!(
            parsed("--store a.db --home b"),
            misuse("`--home` is for sessions that are kept in a server")
        );
        assert_eq!(parsed("--port"), misuse("`--port` needs a number after it"));
        assert_eq!(parsed("--port 65536"), misuse("`65536` is not a port from 0 to 65535"));
        assert_eq!(
            parsed("--memory --store a"),
            misuse("choose one place to keep the sessions, not two")
        );
    }
}
