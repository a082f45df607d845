//! The store: the contract's calls, put into the queues of the threads that do them.

use std::fmt;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use futures_channel::oneshot::{self, Canceled};
use handstamp::store::{
    BoxFuture, Created, Cursor, Page, Record, SessionIndex, SessionScan, StoreError,
    StoreErrorKind, Stored, Updated, Version,
};
use handstamp::{SessionId, SessionStore, Timestamp};
use rusqlite::Error;

use crate::SqliteOptions;
use crate::crew::Crew;
use crate::database::Database;
use crate::error::{failure, no_thread, refusal};
use crate::schema::SCHEMA;
use crate::statements::{CURSOR, Statements};
use crate::task::task;
use crate::{reader, writer};

/// How many sessions a clear ends at first: about ten milliseconds of work in a large file.
const BATCH: usize = 256;

/// Keeps sessions in one SQLite file, which several processes may use at the same time.
///
/// See the [crate's docs](crate) for what it promises. A clone is another handle to the same store.
/// Dropping the last handle waits for what is being written at that moment, ends the threads and
/// closes the file.
#[derive(Clone)]
pub struct SqliteStore(Arc<Inner>);

struct Inner {
    path: Arc<Path>,
    max_document_bytes: usize,
    // Dropped in this order: the connection that is closed last tidies up the log, which a reader
    // may not.
    readers: Crew,
    writer: Crew,
}

impl SqliteStore {
    /// Opens the file with the default settings, and makes it if there is none.
    ///
    /// The file is made readable and writable for its owner only; the mode of one that is there
    /// already stays as it is. This call uses the disk, and waits for other processes that are opening
    /// the file: it is made for the start of a program.
    ///
    /// # Errors
    /// - `Unavailable`: the folder does not exist, the file can't be opened, or it stayed locked.
    /// - `Refused`: it is another application's database or a later version's (and is left
    ///   untouched), it may not be written, the disk is full, or `path` does not name a file.
    /// - `Corrupt`: it is no SQLite database, or a damaged one.
    pub fn open(path: impl AsRef<Path>) -> Result<Self, StoreError> {
        SqliteOptions::new().open(path)
    }

    /// The SQL that makes a session database: for reading, and for who makes the file by hand.
    #[must_use]
    pub fn schema() -> &'static str {
        SCHEMA
    }

    pub(crate) fn open_with(path: &Path, options: &SqliteOptions) -> Result<Self, StoreError> {
        let database = Database::at(path, options.busy_timeout)?;
        let path = database.path().clone();
        let no_thread = |error| no_thread(&path, error);

        let mut writer = Crew::new();
        let connection = database.writer(options.synchronous)?;
        let orders = writer::Orders {
            clock: options.clock.clone(),
            patience: options.busy_timeout,
            reap_every: options.reap_every,
        };
        writer
            .hire("sessions-writer", move |tasks| writer::write(&connection, orders, tasks))
            .map_err(no_thread)?;

        let mut readers = Crew::new();
        for _ in 0..options.readers {
            let connection = database.reader()?;
            let clock = options.clock.clone();
            readers
                .hire("sessions-reader", move |tasks| reader::read(&connection, &clock, tasks))
                .map_err(no_thread)?;
        }

        let max_document_bytes = options.max_document_bytes;
        Ok(Self(Arc::new(Inner { path, max_document_bytes, readers, writer })))
    }

    async fn read<T: Send + 'static>(
        &self,
        operation: impl FnMut(&mut Statements<'_>, Timestamp) -> Result<T, Error> + Send + 'static,
    ) -> Result<T, StoreError> {
        self.ask(&self.0.readers, operation).await
    }

    async fn write<T: Send + 'static>(
        &self,
        operation: impl FnMut(&mut Statements<'_>, Timestamp) -> Result<T, Error> + Send + 'static,
    ) -> Result<T, StoreError> {
        self.ask(&self.0.writer, operation).await
    }

    async fn ask<T: Send + 'static>(
        &self,
        crew: &Crew,
        operation: impl FnMut(&mut Statements<'_>, Timestamp) -> Result<T, Error> + Send + 'static,
    ) -> Result<T, StoreError> {
        let (reply, answer) = oneshot::channel();
        crew.tasks().push(task(operation, reply));
        match answer.await {
            Ok(Ok(outcome)) => Ok(outcome),
            Ok(Err(error)) => Err(failure(&self.0.path, error)),
            Err(Canceled) => {
                let advice = "the thread for it has ended, which is a bug; open the store again";
                Err(refusal(&self.0.path, StoreErrorKind::Unavailable, advice))
            }
        }
    }

    fn place(&self, cursor: &Cursor) -> Result<Vec<u8>, StoreError> {
        let advice = "the cursor is not one of this store's; a walk begins without one";
        cursor.key(CURSOR).ok_or_else(|| refusal(&self.0.path, StoreErrorKind::Refused, advice))
    }

    fn check_size(&self, record: &Record) -> Result<(), StoreError> {
        let (bytes, most) = (record.document.len(), self.0.max_document_bytes);
        if bytes <= most {
            return Ok(());
        }
        let advice = format!(
            "a document of {bytes} bytes is larger than the {most} allowed; \
             `SqliteOptions::max_document_bytes` sets how large they may be"
        );
        Err(refusal(&self.0.path, StoreErrorKind::TooLarge, advice))
    }
}

impl SessionStore for SqliteStore {
    async fn load(&self, id: &SessionId) -> Result<Option<Stored>, StoreError> {
        let id = *id;
        self.read(move |statements, now| statements.load(&id, now)).await
    }

    async fn create(&self, id: &SessionId, record: &Record) -> Result<Created, StoreError> {
        self.check_size(record)?;
        let (id, record) = (*id, record.clone());
        let revision = first_revision()?;
        self.write(move |statements, now| statements.create(&id, &record, revision, now)).await
    }

    async fn update(
        &self,
        id: &SessionId,
        version: Version,
        record: &Record,
    ) -> Result<Updated, StoreError> {
        self.check_size(record)?;
        let (id, record) = (*id, record.clone());
        self.write(move |statements, now| statements.update(&id, version, &record, now)).await
    }

    async fn touch(&self, id: &SessionId, lifetime: Duration) -> Result<bool, StoreError> {
        let id = *id;
        self.write(move |statements, now| statements.touch(&id, now.after(lifetime), now)).await
    }

    async fn delete(&self, id: &SessionId) -> Result<Option<Arc<[u8]>>, StoreError> {
        let id = *id;
        self.write(move |statements, now| statements.delete(&id, now)).await
    }

    fn index(&self) -> Option<&dyn SessionIndex> {
        Some(self)
    }

    fn scan(&self) -> Option<&dyn SessionScan> {
        Some(self)
    }
}

impl SessionIndex for SqliteStore {
    fn list<'a>(
        &'a self,
        owner: &'a str,
    ) -> BoxFuture<'a, Result<Vec<(SessionId, Stored)>, StoreError>> {
        let owner = owner.to_owned();
        Box::pin(self.read(move |statements, now| statements.list(&owner, now)))
    }

    fn count<'a>(&'a self, owner: &'a str) -> BoxFuture<'a, Result<usize, StoreError>> {
        let owner = owner.to_owned();
        Box::pin(self.read(move |statements, now| statements.count(&owner, now)))
    }

    fn revoke<'a>(
        &'a self,
        owner: &'a str,
        except: Option<&'a SessionId>,
    ) -> BoxFuture<'a, Result<usize, StoreError>> {
        let (owner, except) = (owner.to_owned(), except.copied());
        Box::pin(self.write(move |statements, now| statements.revoke(&owner, except.as_ref(), now)))
    }
}

impl SessionScan for SqliteStore {
    fn page<'a>(
        &'a self,
        from: Option<&'a Cursor>,
        most: usize,
    ) -> BoxFuture<'a, Result<Page, StoreError>> {
        Box::pin(async move {
            // Every id comes after the empty text.
            let from = from.map_or(Ok(Vec::new()), |cursor| self.place(cursor))?;
            self.read(move |statements, now| statements.page(&from, most, now)).await
        })
    }

    #[expect(
        clippy::redundant_closure_for_method_calls,
        reason = "the method itself takes statements of one lifetime only"
    )]
    fn total<'a>(&'a self) -> BoxFuture<'a, Result<usize, StoreError>> {
        Box::pin(self.read(|statements, now| statements.total(now)))
    }

    fn clear<'a>(&'a self) -> BoxFuture<'a, Result<usize, StoreError>> {
        Box::pin(async {
            let (mut ended, mut batch) = (0, BATCH);
            loop {
                // Others write between two batches. The one that finds too few to fill it has left
                // nothing, so that at this moment no session lives.
                let cleared =
                    self.write(move |statements, now| statements.clear_some(batch, now)).await?;
                ended += cleared.living;
                // However fast others create, it comes to its end.
                batch = batch.saturating_mul(2);
                if cleared.all {
                    return Ok(ended);
                }
            }
        })
    }
}

impl fmt::Debug for SqliteStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SqliteStore").field("path", &self.0.path).finish_non_exhaustive()
    }
}

/// Where a new session's revisions begin: anywhere, so that a session created again under an old id
/// does not meet its old versions. Two bits are left for counting up.
fn first_revision() -> Result<i64, StoreError> {
    let random =
        getrandom::u64().map_err(|error| StoreError::new(StoreErrorKind::Unavailable, error))?;
    Ok((random >> 2).cast_signed())
}
