//! What the writer does besides writing: it removes what has expired, and brings the log into the
//! file. Always after the answers, a little at a time, and never waiting for a lock.

use std::time::{Duration, Instant};

use handstamp::Timestamp;
use rusqlite::wal::CheckpointMode;
use rusqlite::{Connection, Error, MAIN_DB, Statement};

use crate::statements::integer;

/// How many sessions are removed at once: a few milliseconds of work.
const BATCH: u16 = 256;

/// How long others may write before the next batch is removed.
const BREATH: Duration = Duration::from_millis(50);

/// How long the log grows before it is brought into the file, in pages. SQLite's own default.
const LOG_PAGES: i32 = 1000;

pub(crate) struct Upkeep<'c> {
    connection: &'c Connection,
    reap: Statement<'c>,
    every: Duration,
    due: Instant,
}

impl<'c> Upkeep<'c> {
    pub(crate) fn prepare(connection: &'c Connection, reap_every: Duration) -> Result<Self, Error> {
        let reap = connection.prepare(
            "DELETE FROM sessions WHERE rowid IN
             (SELECT rowid FROM sessions WHERE expires <= ?1 ORDER BY expires LIMIT ?2)",
        )?;
        Ok(Self { connection, reap, every: reap_every, due: Instant::now() })
    }

    /// When there may be something to remove.
    pub(crate) fn due(&self) -> Instant {
        self.due
    }

    /// Does what is due.
    ///
    /// It reports no errors: what fails is tried again later, and what is wrong with the file is told
    /// to those who call the store.
    pub(crate) fn tend(&mut self, now: Timestamp) {
        if self.due <= Instant::now() {
            let more = self.reap(now).is_ok_and(|reaped| reaped == usize::from(BATCH));
            self.due = Instant::now() + if more { BREATH } else { self.every };
        }
        drop(self.checkpoint());
    }

    /// Removes some of what has expired.
    fn reap(&mut self, now: Timestamp) -> Result<usize, Error> {
        self.reap.execute((integer(now), BATCH))
    }

    fn checkpoint(&self) -> Result<(), Error> {
        let (written, copied) =
            self.connection.wal_checkpoint_v2(Some(MAIN_DB), CheckpointMode::NOOP)?;
        if written - copied >= LOG_PAGES {
            self.connection.wal_checkpoint_v2(Some(MAIN_DB), CheckpointMode::PASSIVE)?;
        }
        Ok(())
    }
}
