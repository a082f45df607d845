//! A connection URL: what tokio-postgres reads, and what libpq and node-postgres have beside it.

use std::path::PathBuf;

use handstamp::store::StoreErrorKind;
use tokio_postgres::Config;

use crate::error::Failure;

/// A URL that was read.
pub(crate) struct Url {
    pub(crate) config: Config,
    /// `sslrootcert`: the file with the certificates that are trusted.
    pub(crate) ca_file: Option<PathBuf>,
}

impl From<Config> for Url {
    fn from(config: Config) -> Self {
        Self { config, ca_file: None }
    }
}

impl Url {
    /// Reads `postgres://…`, or `host=… user=…` as tokio-postgres has it.
    pub(crate) fn parse(text: &str) -> Result<Self, Failure> {
        let mut ca_file = None;
        // What stands before the `@` is user and password.
        let credentials = text.find('@').unwrap_or_default();
        let question = text[credentials..].find('?').map(|offset| credentials + offset);
        let text = match question.map(|question| (&text[..question], &text[question + 1..])) {
            Some((base, parameters)) if base.starts_with("postgres") => {
                let parameters: Vec<_> = parameters
                    .split('&')
                    .filter_map(|parameter| translate(parameter, &mut ca_file))
                    .collect();
                format!("{base}?{}", parameters.join("&"))
            }
            _ => text.to_owned(),
        };
        // The error names the part that is wrong, never its value.
        let advice =
            "the connection URL is none; it looks like postgres://user:password@host:5432/database";
        let config: Config = text
            .trim_end_matches('?')
            .parse()
            .map_err(|error| Failure::caused(StoreErrorKind::Refused, advice, redacted(&error)))?;
        if config.get_hosts().is_empty() && config.get_hostaddrs().is_empty() {
            let advice = "the connection URL names no host; it looks like \
                postgres://user:password@host:5432/database";
            return Err(Failure::new(StoreErrorKind::Refused, advice));
        }
        Ok(Self { config, ca_file })
    }
}

/// A parameter as tokio-postgres knows it. `None`: it is not for there.
fn translate(parameter: &str, ca_file: &mut Option<PathBuf>) -> Option<String> {
    let translated = match parameter.split_once('=') {
        Some(("sslrootcert", path)) => {
            *ca_file = Some(decoded(path).into());
            return None;
        }
        // A certificate is always verified wholly, where one is asked for.
        Some(("sslmode", "verify-ca" | "verify-full")) | Some(("ssl", "true" | "1")) => {
            "sslmode=require"
        }
        Some(("sslmode", "allow")) => "sslmode=prefer",
        Some(("ssl", "false" | "0")) => "sslmode=disable",
        _ => parameter,
    };
    Some(translated.to_owned())
}

fn decoded(text: &str) -> String {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let [first, behind @ ..] = rest {
        let byte = (*first == b'%').then(|| behind.get(..2)).flatten();
        let byte = byte.and_then(|hex| u8::from_str_radix(str::from_utf8(hex).ok()?, 16).ok());
        rest = if byte.is_some() { &behind[2..] } else { behind };
        bytes.push(byte.unwrap_or(*first));
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

/// What is wrong with the URL, without the URL. An unknown parameter may be the rest of a password that
/// had to be written with `%3F` for a question mark.
fn redacted(error: &tokio_postgres::Error) -> std::io::Error {
    let cause = std::error::Error::source(error).map(ToString::to_string).unwrap_or_default();
    let known = cause.starts_with("invalid value for option") || cause.starts_with("unterminated");
    let text = if known {
        cause
    } else {
        "a parameter is not known, or a character of the user or password is not percent-encoded"
            .into()
    };
    std::io::Error::new(std::io::ErrorKind::InvalidInput, text)
}

#[cfg(test)]
mod tests {
    use tokio_postgres::config::SslMode;

    use super::*;

    #[test]
    fn what_other_drivers_understand_is_understood() {
        for (parameters, mode) in [
            ("", SslMode::Prefer),
            ("?sslmode=disable", SslMode::Disable),
            ("?sslmode=allow", SslMode::Prefer),
            ("?sslmode=require", SslMode::Require),
            ("?sslmode=verify-ca", SslMode::Require),
            ("?application_name=a&sslmode=verify-full&sslrootcert=%2Fa%20b", SslMode::Require),
            ("?ssl=true", SslMode::Require),
            ("?", SslMode::Prefer),
            ("?ssl=false", SslMode::Disable),
        ] {
            let url = Url::parse(&format!("postgres://u:p?&p@h/d{parameters}")).unwrap();
            assert_eq!(url.config.get_password(), Some(b"p?&p".as_slice()));
            assert_eq!(url.config.get_ssl_mode(), mode, "{parameters}");
            let file = parameters.contains("sslrootcert").then(|| PathBuf::from("/a b"));
            assert_eq!(url.ca_file, file);
        }
        assert!(Url::parse("host=localhost user=u sslmode=require").is_ok());
    }

    #[test]
    fn no_error_shows_any_of_the_url() {
        for text in [
            "",
            "postgres://",
            "mysql://user:hunter2@host/db",
            "postgres://user:hunter2@host:port/db",
            "postgres://user:hunter2@host/db?hunter2=1",
            "postgres://user:a?hunter2@host/db?hunter2=1",
            "postgres://user:p@host/db?sslmode=hunter2",
            "postgres://user:p@host/db?hunter2",
            "user=a password=hunter2 nonsense",
        ] {
            let error: handstamp::store::StoreError = Url::parse(text).err().unwrap().into();
            let mut shown = format!("{error} {error:?}");
            let mut source = std::error::Error::source(&error);
            while let Some(cause) = source {
                shown += &format!(" {cause} {cause:?}");
                source = cause.source();
            }
            assert!(!shown.contains("hunter2"), "{shown}");
        }
    }
}
