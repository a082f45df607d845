//! What goes wrong between the store and its server, said so that its reader can act on it.
//!
//! The server's address and its own words are in there. Its words about values are not, because they may
//! quote a session id or a part of a document; neither is anything of the URL, which holds a password.

use std::error::Error;
use std::fmt;
use std::sync::Arc;

use handstamp::store::{StoreError, StoreErrorKind};
use mysql_async::{DriverError, IoError, ServerError, UrlError};

/// Where it happened, and what to do about it.
#[derive(Debug)]
struct Trouble {
    server: Arc<str>,
    advice: String,
    cause: Option<Cause>,
}

impl fmt::Display for Trouble {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.server, self.advice)
    }
}

impl Error for Trouble {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        self.cause.as_ref().map(|cause| cause as &(dyn Error + 'static))
    }
}

/// What the server or the driver said, without what it must not say.
#[derive(Debug)]
struct Cause(String);

impl fmt::Display for Cause {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl Error for Cause {}

/// An error of our own: the server has nothing to add.
pub(crate) fn refusal(
    server: &Arc<str>,
    kind: StoreErrorKind,
    advice: impl Into<String>,
) -> StoreError {
    let trouble = Trouble { server: server.clone(), advice: advice.into(), cause: None };
    StoreError::new(kind, trouble)
}

/// The URL can't be used. What stands in it is not repeated: any part may be a part of the password.
pub(crate) fn bad_url(error: &UrlError) -> StoreError {
    let what = match error {
        UrlError::UnsupportedScheme { .. } => "it does not begin with mysql://",
        UrlError::UnknownParameter { .. } => "it has a parameter that is not known",
        UrlError::InvalidParamValue { .. } => "it has a parameter with a value that can't be",
        UrlError::FeatureRequired { .. } => "it has a parameter that is not supported",
        _ => "it can't be read",
    };
    let advice = format!(
        "{what}; it has to look like mysql://USER:PASSWORD@HOST:3306/DATABASE, and special \
         characters in the password have to be percent-encoded"
    );
    refusal(&"the URL of the MySQL server".into(), StoreErrorKind::Refused, advice)
}

/// The server or the way to it failed.
pub(crate) fn failure(server: &Arc<str>, error: &mysql_async::Error) -> StoreError {
    let (kind, advice) = explain(error);
    let trouble =
        Trouble { server: server.clone(), advice: advice.into(), cause: Some(cause(error)) };
    StoreError::new(kind, trouble)
}

/// Whether another transaction was in the way, so that nothing has happened and trying again may help.
pub(crate) fn is_transient(error: &mysql_async::Error) -> bool {
    // Changed since it was read, lock wait timeout, deadlock, to be prepared again.
    matches!(error, mysql_async::Error::Server(error) if [1020, 1205, 1213, 1615].contains(&error.code))
}

/// Whether the statement found what it was to make: a row with this key, a column or an index.
pub(crate) fn is_taken(error: &mysql_async::Error) -> bool {
    matches!(error, mysql_async::Error::Server(error) if [1060, 1061, 1062].contains(&error.code))
}

/// Whether the server has become another's replica, or is going down: a new connection may lead to the
/// one that has taken its place.
pub(crate) fn is_deserted(error: &mysql_async::Error) -> bool {
    matches!(error, mysql_async::Error::Server(error) if [1053, 1290, 1836].contains(&error.code))
}

fn explain(error: &mysql_async::Error) -> (StoreErrorKind, &'static str) {
    use StoreErrorKind::{TooLarge, Unavailable};
    match error {
        mysql_async::Error::Server(error) => explain_server(error),
        mysql_async::Error::Driver(DriverError::PacketTooLarge) => (TooLarge, LARGE),
        mysql_async::Error::Io(IoError::Io(error)) if error.to_string() == PACKET_TOO_LARGE => {
            (TooLarge, LARGE)
        }
        mysql_async::Error::Io(_) => (Unavailable, "the server can't be reached"),
        _ => (Unavailable, "the connection can't be used"),
    }
}

/// What the driver says, in an error of a type that it does not name.
const PACKET_TOO_LARGE: &str = "Packet is larger than max_allowed_packet";

const LARGE: &str = "the session is too large; the server's max_allowed_packet and the type of the data \
    column say how large it may be";

fn explain_server(error: &ServerError) -> (StoreErrorKind, &'static str) {
    use StoreErrorKind::{Refused, Timeout, TooLarge, Unavailable};
    match error.code {
        1021 | 1114 => (Refused, "there is no space left on the server's disk, or in the table"),
        1040 | 1203 | 1226 => (
            Unavailable,
            "the server takes no more connections; raise its max_connections, or lower \
             `MySqlOptions::connections`",
        ),
        1044 | 1045 | 1142 | 1143 | 1227 | 1698 | 3118 => {
            (Refused, "the user of the URL is not allowed to do this")
        }
        1046 | 1049 => (Refused, "there is no such database; the URL has to name one"),
        1054 | 1146 => (
            Refused,
            "there is no such table, or it lacks a column; `MySqlStore::migrate` makes it, and \
             `MySqlOptions::schema` shows how",
        ),
        1153 | 1301 | 1406 => (TooLarge, LARGE),
        1205 | 1213 => (
            Unavailable,
            "other transactions kept the session locked for longer than the lock timeout",
        ),
        1290 | 1792 | 1836 => (Refused, "the server is read-only, as a replica is"),
        1665 => (Refused, "the server logs statements; its binlog_format has to be ROW or MIXED"),
        1969 | 3024 => (Timeout, "the server's own time limit for statements has passed"),
        _ if is_about_values(error) => {
            (Refused, "a column, an index or a trigger does not take what was to be stored")
        }
        _ => (Unavailable, "the server could not do it"),
    }
}

/// What may be repeated of an error.
fn cause(error: &mysql_async::Error) -> Cause {
    Cause(match error {
        mysql_async::Error::Server(error) if MAY_BE_SHOWN.contains(&error.code) => {
            format!("error {} ({}): {}", error.code, error.state, error.message)
        }
        mysql_async::Error::Server(error) => format!("error {} ({})", error.code, error.state),
        mysql_async::Error::Io(error) => error.to_string(),
        mysql_async::Error::Driver(error) => error.to_string(),
        _ => "the driver says no more".into(),
    })
}

/// The errors whose words are about the server, its users and the table. All others may quote what was to be
/// stored, or are a trigger's own words.
const MAY_BE_SHOWN: [u16; 29] = [
    1020, 1021, 1040, 1044, 1045, 1046, 1049, 1053, 1054, 1114, 1129, 1130, 1142, 1143, 1146, 1153,
    1203, 1205, 1213, 1226, 1227, 1290, 1665, 1698, 1792, 1836, 1969, 3024, 3118,
];

/// Whether it is about what was to be stored: data exceptions, violated constraints, text in another
/// encoding, JSON that is none, and what a trigger signals.
fn is_about_values(error: &ServerError) -> bool {
    error.state.starts_with("22")
        || error.state.starts_with("23")
        || error.state.starts_with("45")
        || [1264, 1265, 1292, 1366, 3140, 4025].contains(&error.code)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn server_error(code: u16, state: &str) -> mysql_async::Error {
        let message = "Duplicate entry 'SECRET' for key 'PRIMARY'".into();
        mysql_async::Error::Server(ServerError { code, message, state: state.into() })
    }

    #[test]
    fn the_kind_of_an_error_follows_from_its_code() {
        for (code, kind) in [
            (1021, StoreErrorKind::Refused),
            (1040, StoreErrorKind::Unavailable),
            (1045, StoreErrorKind::Refused),
            (1146, StoreErrorKind::Refused),
            (1205, StoreErrorKind::Unavailable),
            (1290, StoreErrorKind::Refused),
            (1406, StoreErrorKind::TooLarge),
            (1969, StoreErrorKind::Timeout),
            (9999, StoreErrorKind::Unavailable),
        ] {
            assert_eq!(explain(&server_error(code, "HY000")).0, kind, "{code}");
        }
    }

    #[test]
    fn what_the_server_says_about_values_is_not_repeated() {
        for (code, state) in [
            (1062, "23000"),
            (1064, "42000"),
            (1292, "22007"),
            (1366, "HY000"),
            (1644, "45000"),
            (4025, "23000"),
            (9999, "HY000"),
        ] {
            let error = failure(&"localhost:3306/web".into(), &server_error(code, state));
            let shown = format!("{error:?} {}", error.source().unwrap().source().unwrap());
            assert!(!shown.contains("SECRET"), "{shown}");
            assert!(shown.contains(&code.to_string()), "{shown}");
        }
    }

    #[test]
    fn an_error_about_the_url_repeats_nothing_of_it() {
        for url in [
            "mysql://web:pa?SECRET@localhost/web",
            "mysql://web:pa#SECRET@localhost/web",
            "SECRET://localhost/web",
            "mysql://web@localhost/web?pool_min=SECRET",
            "SECRET",
        ] {
            let error = bad_url(&mysql_async::Opts::from_url(url).unwrap_err());
            let shown = format!("{error:?} {}", error.source().unwrap());
            assert!(!shown.contains("SECRET"), "{shown}");
        }
    }
}
