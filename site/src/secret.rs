//! The secret that signs the cookies: given, or made once and kept, so that a restart signs nobody out.

use std::fmt;
use std::fs;
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

use base64::{Engine as _, engine::general_purpose::STANDARD_NO_PAD};
use handstamp::Keys;

use crate::arguments::Keep;
use crate::files::{beside, create_private};

/// The environment variable that may hold the secret.
const VARIABLE: &str = "SESSION_SECRET";

/// Where a secret comes from: what may be said of it.
#[derive(Debug)]
pub(crate) enum Source {
    Environment,
    File(PathBuf),
    Made,
}

type Error = Box<dyn std::error::Error>;

/// The keys for this run.
pub(crate) fn keys(keep: &Keep) -> Result<(Keys, Source), Error> {
    if std::env::var_os(VARIABLE).is_some() {
        return Ok((Keys::from_env(VARIABLE)?, Source::Environment));
    }
    match keep.base() {
        Some(base) => {
            let path = beside(&base, "secret");
            Ok((kept(&path)?, Source::File(path)))
        }
        None => Ok((Keys::new(random()?)?, Source::Made)),
    }
}

/// The secret in a file, which is made if it is not there.
fn kept(path: &Path) -> Result<Keys, Error> {
    match create_private(path) {
        Ok(mut file) => {
            let secret = random()?;
            writeln!(file, "{secret}")?;
            // Cookies that it signed must not outlive it.
            file.sync_all()?;
            Ok(Keys::new(secret)?)
        }
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
            let secret = fs::read_to_string(path).map_err(|error| naming(path, &error))?;
            Keys::new(secret.trim()).map_err(|error| naming(path, &error))
        }
        Err(error) => Err(naming(path, &error)),
    }
}

fn random() -> Result<String, getrandom::Error> {
    let mut bytes = [0; 32];
    getrandom::fill(&mut bytes)?;
    Ok(STANDARD_NO_PAD.encode(bytes))
}

fn naming(path: &Path, error: &dyn std::error::Error) -> Error {
    format!("the signing secret in {}: {error}", path.display()).into()
}

impl fmt::Display for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Environment => write!(f, "from the environment, {VARIABLE}"),
            Self::File(path) => write!(f, "{} (for its owner's eyes only)", path.display()),
            Self::Made => f.write_str("made for this run"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_kept_secret_is_made_once() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("secret");
        kept(&path).unwrap();
        let first = fs::read_to_string(&path).unwrap();
        kept(&path).unwrap();
        assert_eq!(fs::read_to_string(&path).unwrap(), first);
        assert!(first.trim().len() >= 32);
    }

    #[test]
    fn a_broken_secret_file_is_an_error_that_names_it() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("secret");
        fs::write(&path, "too short").unwrap();
        let error = kept(&path).unwrap_err().to_string();
        assert!(
            error.contains(path.to_str().unwrap()) && !error.contains("too short\""),
            "{error}"
        );
    }
}
