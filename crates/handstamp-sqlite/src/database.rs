//! The file: found or made, and opened for writing and for reading.

use std::fs::OpenOptions;
use std::io;
use std::path::{self, Path};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use handstamp::store::{StoreError, StoreErrorKind};
use rusqlite::{Connection, Error, MAIN_DB, OpenFlags, Row};

use crate::Synchronous;
use crate::error::{failure, is_busy, not_created, refusal};
use crate::schema::{Content, establish};
use crate::statements::Statements;

/// What each connection keeps in memory, in KiB: with a million sessions, the upper pages of the
/// indexes. SQLite's own 2 MiB are just too few for them.
const CACHE_KIB: i32 = 8 << 10;

/// What the log is cut back to when a large session has passed through it.
const LOG_BYTES: i32 = 16 << 20;

/// How long to wait before trying a lock again. SQLite's own pauses grow to 100 ms, and who sleeps
/// that long never meets the short gaps between the transactions of a busy process.
const PAUSE: Duration = Duration::from_millis(1);

/// A session database on disk.
pub(crate) struct Database {
    path: Arc<Path>,
    patience: Duration,
}

impl Database {
    /// Names the file. `patience` is how long to wait for other connections' locks.
    pub(crate) fn at(path: &Path, patience: Duration) -> Result<Self, StoreError> {
        // SQLite gives some names a meaning, but for absolute paths. To one who means them so, a
        // file of that name would be a surprise.
        if path.as_os_str() == ":memory:"
            || path.as_os_str().as_encoded_bytes().starts_with(b"file:")
        {
            let advice = "this store takes the path of a file; for sessions in memory there is \
                handstamp's memory store";
            return Err(refusal(&path.into(), StoreErrorKind::Refused, advice));
        }
        let absolute = path::absolute(path).map_err(|error| not_created(&path.into(), error))?;
        Ok(Self { path: absolute.into(), patience })
    }

    pub(crate) fn path(&self) -> &Arc<Path> {
        &self.path
    }

    /// Opens the file for writing. Makes it, if there is none.
    pub(crate) fn writer(&self, synchronous: Synchronous) -> Result<Connection, StoreError> {
        create(&self.path).map_err(|error| not_created(&self.path, error))?;
        // The writer has its own way to wait, see `patiently`.
        let connection = self.open(OpenFlags::SQLITE_OPEN_READ_WRITE, Duration::ZERO)?;
        let failed = |error: Error| failure(&self.path, error);
        let content = patiently(self.patience, || establish(&connection)).map_err(failed)?;
        self.admit(content)?;
        // SQLite opens for reading only what it may not write, without a word.
        if connection.is_readonly(MAIN_DB).map_err(failed)? {
            let advice = "this process may only read the file";
            return Err(refusal(&self.path, StoreErrorKind::Refused, advice));
        }
        let mode =
            patiently(self.patience, || configure(&connection, synchronous)).map_err(failed)?;
        if mode != "wal" {
            let advice =
                "this file system does not support SQLite's write-ahead log; use a local one";
            return Err(refusal(&self.path, StoreErrorKind::Refused, advice));
        }
        // Now an error reaches the caller; in the thread that will do it again, it would not.
        patiently(self.patience, || Statements::prepare(&connection).map(drop)).map_err(failed)?;
        Ok(connection)
    }

    /// Opens the file for reading. The writer has to be open already.
    pub(crate) fn reader(&self) -> Result<Connection, StoreError> {
        // Readers wait hardly ever: when another process recovers the log, or closes it.
        let connection = self.open(OpenFlags::SQLITE_OPEN_READ_ONLY, self.patience)?;
        let prepared =
            enlarge_cache(&connection).and_then(|()| Statements::prepare(&connection).map(drop));
        match prepared {
            Ok(()) => Ok(connection),
            Err(error) => Err(failure(&self.path, error)),
        }
    }

    fn open(&self, access: OpenFlags, busy_timeout: Duration) -> Result<Connection, StoreError> {
        // Each connection stays with one thread, so SQLite needs no lock around it.
        Connection::open_with_flags(&self.path, access | OpenFlags::SQLITE_OPEN_NO_MUTEX)
            .and_then(|connection| connection.busy_timeout(busy_timeout).map(|()| connection))
            .map_err(|error| failure(&self.path, error))
    }

    fn admit(&self, content: Content) -> Result<(), StoreError> {
        let advice = match content {
            Content::Sessions => return Ok(()),
            Content::Newer => {
                "a later version of handstamp-sqlite has made this file; \
                 update this one, or give it a file of its own"
            }
            Content::Empty | Content::Foreign => {
                "this is the database of another application and stays as it is; \
                 give the sessions a file of their own"
            }
        };
        Err(refusal(&self.path, StoreErrorKind::Refused, advice))
    }
}

/// Tries until no other connection is in the way, or until patience ends.
pub(crate) fn patiently<T>(
    patience: Duration,
    mut attempt: impl FnMut() -> Result<T, Error>,
) -> Result<T, Error> {
    let begin = Instant::now();
    loop {
        match attempt() {
            Err(error) if is_busy(&error) && begin.elapsed() < patience => thread::sleep(PAUSE),
            done => return done,
        }
    }
}

/// Makes the file if there is none, readable for its owner only: sessions are secrets. SQLite gives
/// the files that it keeps beside it the same mode.
///
/// A file that is there already is not even opened: to close it again would take away the locks that
/// this process holds on it (POSIX). For the same reason one thread at a time is in here.
fn create(path: &Path) -> io::Result<()> {
    static ALONE: Mutex<()> = Mutex::new(());
    let _alone = ALONE.lock().unwrap_or_else(PoisonError::into_inner);

    let mut options = OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    match options.open(path) {
        Err(error) if error.kind() != io::ErrorKind::AlreadyExists => Err(error),
        _ => Ok(()),
    }
}

/// Sets what each writing connection has to set, and returns the journal mode.
fn configure(connection: &Connection, synchronous: Synchronous) -> Result<String, Error> {
    let mode = connection.query_row("PRAGMA journal_mode = WAL", [], |row| row.get(0))?;
    let level = match synchronous {
        Synchronous::Full => "FULL",
        Synchronous::Normal => "NORMAL",
    };
    connection.pragma_update(None, "synchronous", level)?;
    // On macOS, only this makes the disk itself write; elsewhere it changes nothing.
    connection.pragma_update(None, "fullfsync", synchronous == Synchronous::Full)?;
    enlarge_cache(connection)?;
    let ignored = |_: &Row<'_>| Ok(());
    connection.pragma_update_and_check(None, "journal_size_limit", LOG_BYTES, ignored)?;
    // The writer brings the log into the file by itself, once it has answered.
    connection.pragma_update_and_check(None, "wal_autocheckpoint", 0, ignored)?;
    // A look at the file opens the log. Whoever closes the file last removes the log, but only if it
    // has opened it.
    connection.pragma_query(None, "user_version", ignored)?;
    Ok(mode)
}

fn enlarge_cache(connection: &Connection) -> Result<(), Error> {
    connection.pragma_update(None, "cache_size", -CACHE_KIB)
}
