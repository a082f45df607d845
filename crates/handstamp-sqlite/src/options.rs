//! How a store is set up.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use handstamp::store::StoreError;
use handstamp::{Clock, SystemClock};

use crate::SqliteStore;

/// The longest time that a setting takes, in place of longer ones.
const LONGEST: Duration = Duration::from_secs(24 * 60 * 60);

/// The settings of a [`SqliteStore`].
///
/// ```
/// use handstamp_sqlite::{SqliteOptions, Synchronous};
///
/// # let folder = tempfile::tempdir().unwrap();
/// # let path = folder.path().join("sessions.db");
/// let store = SqliteOptions::new().synchronous(Synchronous::Normal).readers(4).open(path)?;
/// # Ok::<(), handstamp::store::StoreError>(())
/// ```
#[derive(Clone, Debug)]
pub struct SqliteOptions {
    pub(crate) busy_timeout: Duration,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) max_document_bytes: usize,
    pub(crate) readers: usize,
    pub(crate) reap_every: Duration,
    pub(crate) synchronous: Synchronous,
}

/// What an answered write survives.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Synchronous {
    /// The loss of power, too: it is on the disk when it is answered. The default.
    #[default]
    Full,
    /// The end of the process, however sudden; but the last writes before a loss of power may be
    /// missing afterwards. The file stays sound, and writes hardly ever wait for the disk.
    Normal,
}

impl SqliteOptions {
    /// The default settings.
    #[must_use]
    pub fn new() -> Self {
        Self {
            busy_timeout: Duration::from_secs(4),
            clock: Arc::new(SystemClock),
            max_document_bytes: 16 << 20,
            readers: 2,
            reap_every: Duration::from_secs(60),
            synchronous: Synchronous::Full,
        }
    }

    /// How long to wait while another process holds the lock. 4 s unless set, at most a day.
    ///
    /// Afterwards the call fails as unavailable. The engine waits for 5 s: a shorter time here makes
    /// an error that says more.
    #[must_use]
    pub fn busy_timeout(mut self, timeout: Duration) -> Self {
        self.busy_timeout = timeout.min(LONGEST);
        self
    }

    /// The clock by which sessions expire. The operating system's unless set.
    ///
    /// Processes that share a file have to share the time.
    #[must_use]
    pub fn clock(mut self, clock: Arc<dyn Clock>) -> Self {
        self.clock = clock;
        self
    }

    /// The largest document that is written, in bytes. 16 MiB unless set.
    ///
    /// A larger one fails as too large. What is stored already can be read at any size.
    #[must_use]
    pub fn max_document_bytes(mut self, bytes: usize) -> Self {
        self.max_document_bytes = bytes;
        self
    }

    /// How many threads read at the same time. 2 unless set, at least one.
    ///
    /// Each keeps up to 8 MiB of the file in memory, as the one that writes does.
    #[must_use]
    pub fn readers(mut self, threads: usize) -> Self {
        self.readers = threads.max(1);
        self
    }

    /// How often expired sessions are looked for, to remove them from the file. 60 s unless set, at
    /// most a day.
    ///
    /// They are missing from the moment they expire; this is about the space that they take. Many
    /// are removed in small batches, with pauses for other writers.
    #[must_use]
    pub fn reap_every(mut self, interval: Duration) -> Self {
        self.reap_every = interval.min(LONGEST);
        self
    }

    /// What an answered write survives. [`Synchronous::Full`] unless set.
    #[must_use]
    pub fn synchronous(mut self, synchronous: Synchronous) -> Self {
        self.synchronous = synchronous;
        self
    }

    /// Opens the file, and makes it if there is none.
    ///
    /// # Errors
    /// As [`SqliteStore::open`].
    pub fn open(&self, path: impl AsRef<Path>) -> Result<SqliteStore, StoreError> {
        SqliteStore::open_with(path.as_ref(), self)
    }
}

impl Default for SqliteOptions {
    fn default() -> Self {
        Self::new()
    }
}
