//! What goes wrong with a PostgreSQL server, said so that its reader can act on it.
//!
//! Of a server's message only the code and the first line are kept, and of one that may speak of values
//! only the code: a session id or a document may be in it.

use std::error::Error;
use std::fmt;
use std::io;
use std::sync::Arc;

use handstamp::store::{StoreError, StoreErrorKind};
use tokio_postgres::error::{DbError, SqlState};

/// Why something failed. It can be told to several callers.
#[derive(Clone, Debug)]
pub(crate) struct Failure {
    pub(crate) kind: StoreErrorKind,
    advice: Arc<str>,
    source: Option<Arc<dyn Error + Send + Sync>>,
}

impl Failure {
    /// A failure of our own: the server has nothing to add.
    pub(crate) fn new(kind: StoreErrorKind, advice: impl Into<Arc<str>>) -> Self {
        Self { kind, advice: advice.into(), source: None }
    }

    /// A failure with what caused it.
    pub(crate) fn caused(
        kind: StoreErrorKind,
        advice: impl Into<Arc<str>>,
        source: impl Error + Send + Sync + 'static,
    ) -> Self {
        Self { kind, advice: advice.into(), source: Some(Arc::new(source)) }
    }

    /// The same failure, told by who knows more about it.
    pub(crate) fn within(self, advice: impl Into<Arc<str>>) -> Self {
        let kind = self.kind;
        Self::caused(kind, advice, Told(self))
    }
}

/// The whole of it, down to its first cause.
impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.advice)?;
        let mut source = self.source.as_ref().map(|source| &**source as &(dyn Error + 'static));
        while let Some(cause) = source {
            write!(f, ": {cause}")?;
            source = cause.source();
        }
        Ok(())
    }
}

impl From<Failure> for StoreError {
    fn from(failure: Failure) -> Self {
        Self::new(failure.kind, Told(failure))
    }
}

impl From<tokio_postgres::Error> for Failure {
    fn from(error: tokio_postgres::Error) -> Self {
        let Some(db) = error.as_db_error() else { return without_answer(error) };
        let (kind, advice) = explain(db.code());
        let message = speaks_of_no_value(db).then(|| db.message().to_owned());
        Self::caused(kind, advice, Answer { code: db.code().code().to_owned(), message })
    }
}

/// A failure as an error.
#[derive(Debug)]
struct Told(Failure);

impl fmt::Display for Told {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0.advice)
    }
}

impl Error for Told {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        self.0.source.as_ref().map(|source| &**source as &(dyn Error + 'static))
    }
}

/// What the server said, as far as it may be shown.
#[derive(Debug)]
struct Answer {
    code: String,
    message: Option<String>,
}

impl fmt::Display for Answer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "PostgreSQL said {}", self.code)?;
        self.message.as_ref().map_or(Ok(()), |message| write!(f, ": {message}"))
    }
}

impl Error for Answer {}

/// Whether the connection broke, so that nothing is known of the statement's outcome.
pub(crate) fn is_lost(error: &tokio_postgres::Error) -> bool {
    error.code().is_none_or(|code| {
        matches!(code.code(), "57P01" | "57P02" | "57P03") || code.code().starts_with("08")
    }) && !is_of_conversion(error)
}

/// Whether the statement was rolled back in favour of another one, so that it may be done again.
pub(crate) fn is_rolled_back(error: &tokio_postgres::Error) -> bool {
    let code = error.code();
    code == Some(&SqlState::T_R_DEADLOCK_DETECTED)
        || code == Some(&SqlState::T_R_SERIALIZATION_FAILURE)
}

/// Whether a prepared statement is no longer what it was. It has not run.
pub(crate) fn is_stale(error: &tokio_postgres::Error) -> bool {
    let code = error.code();
    // Of all features only a changed result is not supported here.
    code == Some(&SqlState::FEATURE_NOT_SUPPORTED)
        || code == Some(&SqlState::INVALID_SQL_STATEMENT_NAME)
}

/// Errors of tokio-postgres itself that have nothing to do with the connection.
fn is_of_conversion(error: &tokio_postgres::Error) -> bool {
    let text = error.to_string();
    ["serializ", "column", "parameters", "encoding"].iter().any(|word| text.contains(word))
}

/// Whether a message is one of the server's own about connections, settings, rights, names, limits, locks or
/// disks. What a function says by itself may quote a row, under any code.
fn speaks_of_no_value(error: &DbError) -> bool {
    error.where_().is_none() && is_of_no_value(error.code())
}

fn is_of_no_value(code: &SqlState) -> bool {
    const CLASSES: [&str; 14] =
        ["08", "0A", "25", "26", "28", "3D", "3F", "40", "42", "53", "54", "55", "57", "58"];
    CLASSES.iter().any(|class| code.code().starts_with(class))
}

/// Whether the server's certificate is not good, or not for this host.
fn is_of_certificate(error: &tokio_postgres::Error) -> bool {
    let mut cause = error.source();
    while let Some(error) = cause {
        let carried = error.downcast_ref().and_then(io::Error::get_ref);
        let tls = carried.map_or(error.downcast_ref(), |carried| carried.downcast_ref());
        if matches!(tls, Some(rustls::Error::InvalidCertificate(_))) {
            return true;
        }
        cause = error.source();
    }
    false
}

fn without_answer(error: tokio_postgres::Error) -> Failure {
    if is_of_conversion(&error) {
        let advice = "a column of the session table is not of the type that `schema()` shows";
        return Failure::caused(StoreErrorKind::Corrupt, advice, error);
    }
    if is_of_certificate(&error) {
        let advice = "the server's certificate is not trusted; `PostgresOptions::ca_file` names the \
            certificates that vouch for it, and the URL has to name the host that it is for";
        return Failure::caused(StoreErrorKind::Refused, advice, error);
    }
    Failure::caused(StoreErrorKind::Unavailable, "the connection to PostgreSQL failed", error)
}

fn explain(code: &SqlState) -> (StoreErrorKind, &'static str) {
    use StoreErrorKind::{Corrupt, Refused, Timeout, TooLarge, Unavailable};
    match code.code() {
        "53100" => {
            (Refused, "the server's disk is full; once there is space, the store works again")
        }
        "53300" => (
            Unavailable,
            "the server takes no more connections; raise its `max_connections`, or ask for fewer \
             by `PostgresOptions::connections`",
        ),
        "25006" => (
            Refused,
            "the server is read-only, as a standby is; `target_session_attrs=read-write` in the \
             URL finds the one that is not",
        ),
        "42501" => {
            (Refused, "this user may not do that with the session table; grant it the rights")
        }
        "42P01" | "42703" | "3F000" => (
            Refused,
            "the session table or a column of it is missing; `PostgresStore::migrate` makes \
             them, and `PostgresStore::schema` shows how",
        ),
        "42P10" => {
            (Refused, "the session table has no primary key; `schema()` shows what it has to be")
        }
        "42804" | "42883" | "42846" => {
            (Refused, "the session table's columns are of other types than those of `schema()`")
        }
        "28000" | "28P01" => (
            Refused,
            "the server does not let this user in; look at user, password and pg_hba.conf",
        ),
        "3D000" => (Refused, "the database does not exist; create it first"),
        "22P02" | "22P05" | "22021" | "22032" => (
            Refused,
            "the document is not JSON, or holds characters that the database's encoding has not",
        ),
        "54000" | "54001" => (TooLarge, "PostgreSQL does not take sessions of this size"),
        "57014" => (Timeout, "the server took too long and stopped the statement"),
        "55P03" => {
            (Timeout, "another transaction kept the session or its table locked for too long")
        }
        "26000" | "42P05" | "0A000" => (
            Unavailable,
            "the server has lost a prepared statement; behind PgBouncer in transaction mode set \
             `PostgresOptions::pgbouncer`",
        ),
        "40001" | "40P01" => (Unavailable, "another transaction was in the way; try again"),
        "XX001" | "XX002" => (Corrupt, "the server finds its data damaged"),
        other => match &other[..2.min(other.len())] {
            "22" | "23" | "42" | "44" | "P0" => (Refused, "the server refused the statement"),
            "28" => (Refused, "the server does not let this user in"),
            "54" => (TooLarge, "the statement is larger than the server takes"),
            "08" | "57" => (Unavailable, "the server is not there for us, as when it restarts"),
            _ => (Unavailable, "the server could not do it"),
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_code_has_its_kind() {
        use StoreErrorKind::{Corrupt, Refused, Timeout, TooLarge, Unavailable};
        for (code, kind) in [
            ("08006", Unavailable),
            ("0A000", Unavailable),
            ("22P02", Refused),
            ("25006", Refused),
            ("28P01", Refused),
            ("40P01", Unavailable),
            ("42501", Refused),
            ("42P01", Refused),
            ("53100", Refused),
            ("53200", Unavailable),
            ("53300", Unavailable),
            ("54000", TooLarge),
            ("55P03", Timeout),
            ("57014", Timeout),
            ("57P01", Unavailable),
            ("57P03", Unavailable),
            ("P0001", Refused),
            ("XX000", Unavailable),
            ("XX001", Corrupt),
        ] {
            assert_eq!(explain(&SqlState::from_code(code)).0, kind, "{code}");
        }
    }

    #[test]
    fn what_may_quote_a_value_is_known_by_its_code_only() {
        for (code, silent) in [
            ("22P02", true),
            ("23505", true),
            ("P0001", true),
            ("UH001", true),
            ("XX000", true),
            ("42P01", false),
        ] {
            assert_eq!(!is_of_no_value(&SqlState::from_code(code)), silent, "{code}");
        }
    }
}
