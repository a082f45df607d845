//! What goes wrong with a session database, said so that its reader can act on it.
//!
//! The path and SQLite's own message are in there; session ids and documents never are, for what is
//! bound to a statement does not appear in SQLite's messages.

use std::error::Error;
use std::fmt;
use std::io;
use std::path::Path;
use std::sync::Arc;

use handstamp::store::{StoreError, StoreErrorKind};
use rusqlite::{ErrorCode, ffi};

/// What happened to which file, and what to do about it.
#[derive(Debug)]
struct Trouble {
    path: Arc<Path>,
    advice: String,
    source: Option<Arc<dyn Error + Send + Sync>>,
}

impl fmt::Display for Trouble {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.path.display(), self.advice)
    }
}

impl Error for Trouble {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        self.source.as_ref().map(|source| &**source as &(dyn Error + 'static))
    }
}

/// An error of our own: SQLite has nothing to add.
pub(crate) fn refusal(
    path: &Arc<Path>,
    kind: StoreErrorKind,
    advice: impl Into<String>,
) -> StoreError {
    StoreError::new(kind, Trouble { path: path.clone(), advice: advice.into(), source: None })
}

/// The operating system did not let us start a thread.
pub(crate) fn no_thread(path: &Arc<Path>, source: io::Error) -> StoreError {
    let advice = "no thread could be started to use it; the system's limit may be reached".into();
    let trouble = Trouble { path: path.clone(), advice, source: Some(Arc::new(source)) };
    StoreError::new(StoreErrorKind::Unavailable, trouble)
}

/// The operating system did not let us make the file.
pub(crate) fn not_created(path: &Arc<Path>, source: io::Error) -> StoreError {
    let (kind, advice) = match source.kind() {
        io::ErrorKind::NotFound => {
            (StoreErrorKind::Unavailable, "the folder does not exist; it has to be made first")
        }
        io::ErrorKind::PermissionDenied | io::ErrorKind::ReadOnlyFilesystem => {
            (StoreErrorKind::Refused, "this process may not make a file in this folder")
        }
        io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => {
            (StoreErrorKind::Refused, FULL)
        }
        _ => (StoreErrorKind::Unavailable, "the file can't be made"),
    };
    let trouble =
        Trouble { path: path.clone(), advice: advice.into(), source: Some(Arc::new(source)) };
    StoreError::new(kind, trouble)
}

/// SQLite failed.
pub(crate) fn failure(path: &Arc<Path>, source: impl Into<Arc<rusqlite::Error>>) -> StoreError {
    let source = source.into();
    let (kind, advice) = explain(&source);
    StoreError::new(
        kind,
        Trouble { path: path.clone(), advice: advice.into(), source: Some(source) },
    )
}

/// Whether another connection is in the way, so that trying again may help.
pub(crate) fn is_busy(error: &rusqlite::Error) -> bool {
    matches!(error.sqlite_error_code(), Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked))
}

const FULL: &str = "there is no space left on the disk; once there is, the store works again";
const UNREADABLE: &str = "the file is damaged, or is no SQLite database; \
    put a sound copy in its place, or move it away to begin with no sessions";

fn explain(error: &rusqlite::Error) -> (StoreErrorKind, &'static str) {
    use StoreErrorKind::{Corrupt, Refused, TooLarge, Unavailable};
    let Some(code) = error.sqlite_error() else {
        return (Corrupt, "a value in the table is of the wrong kind");
    };
    match code.code {
        ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked => (
            Unavailable,
            "another connection kept the file locked for longer than the busy timeout",
        ),
        ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase => (Corrupt, UNREADABLE),
        ErrorCode::ReadOnly | ErrorCode::PermissionDenied => (
            Refused,
            "this process may not write it; the file and its folder have to be writable, \
             for SQLite keeps two more files beside it",
        ),
        ErrorCode::CannotOpen => (
            Unavailable,
            "the file can't be opened; it and its folder have to be readable and writable for this process",
        ),
        ErrorCode::DiskFull => (Refused, FULL),
        ErrorCode::SystemIoFailure => explain_io(code.extended_code),
        ErrorCode::TooBig => (TooLarge, "SQLite does not take documents of this size"),
        ErrorCode::Unknown | ErrorCode::SchemaChanged | ErrorCode::TypeMismatch => {
            (Corrupt, "its tables are not those of `SqliteStore::schema()`")
        }
        _ => (Unavailable, "SQLite could not do it"),
    }
}

fn explain_io(extended_code: i32) -> (StoreErrorKind, &'static str) {
    match extended_code {
        ffi::SQLITE_IOERR_CORRUPTFS | ffi::SQLITE_IOERR_DATA | ffi::SQLITE_IOERR_SHORT_READ => {
            (StoreErrorKind::Corrupt, UNREADABLE)
        }
        ffi::SQLITE_IOERR_WRITE
        | ffi::SQLITE_IOERR_FSYNC
        | ffi::SQLITE_IOERR_DIR_FSYNC
        | ffi::SQLITE_IOERR_TRUNCATE
        | ffi::SQLITE_IOERR_SHMSIZE => (
            StoreErrorKind::Refused,
            "the disk did not take what was written; it may be full or failing",
        ),
        _ => (StoreErrorKind::Unavailable, "the disk could not be used"),
    }
}
