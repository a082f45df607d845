//! The SQL: each operation of the contract is one statement, prepared once for each connection. Only
//! a clear runs its statement several times, so that others may write meanwhile.
//!
//! A statement happens wholly or not at all, so several operations may share a transaction and
//! still fail each on its own.

use std::sync::Arc;
use std::time::Duration;

use handstamp::store::{Created, Cursor, Page, Record, Stored, Updated, Version};
use handstamp::{SessionId, Timestamp};
use rusqlite::types::{FromSqlError, ToSqlOutput, ValueRef};
use rusqlite::{Connection, Error, OptionalExtension, Row, Statement};

/// Tells our cursors from those of other stores.
pub(crate) const CURSOR: &str = "sqlite-";

/// The statements of one connection. A connection that only reads never runs those that write.
pub(crate) struct Statements<'c> {
    load: Statement<'c>,
    create: Statement<'c>,
    update: Statement<'c>,
    touch: Statement<'c>,
    delete: Statement<'c>,
    list: Statement<'c>,
    count: Statement<'c>,
    revoke: Statement<'c>,
    page: Statement<'c>,
    total: Statement<'c>,
    clear: Statement<'c>,
}

/// What [`Statements::clear_some`] has done.
pub(crate) struct Cleared {
    /// How many of those that it took away were living sessions.
    pub(crate) living: usize,
    /// Whether nothing is left.
    pub(crate) all: bool,
}

impl<'c> Statements<'c> {
    pub(crate) fn prepare(connection: &'c Connection) -> Result<Self, Error> {
        Ok(Self {
            load: connection
                .prepare("SELECT sess, revision, expires FROM sessions WHERE sid = ?1 AND expires > ?2")?,
            // What has expired is missing, so it may be written over. It keeps its row.
            create: connection.prepare(
                "INSERT INTO sessions (sid, sess, expires, revision, owner) VALUES (?1, ?2, ?3, ?4, ?5)
                 ON CONFLICT (sid) DO UPDATE SET sess = excluded.sess, expires = excluded.expires,
                 revision = excluded.revision, owner = excluded.owner WHERE sessions.expires <= ?6",
            )?,
            update: connection.prepare(
                "UPDATE sessions SET sess = ?2, expires = ?3, revision = ?4, owner = ?5
                 WHERE sid = ?1 AND revision = ?6 AND expires > ?7",
            )?,
            touch: connection
                .prepare("UPDATE sessions SET expires = ?2 WHERE sid = ?1 AND expires > ?3")?,
            delete: connection
                .prepare("DELETE FROM sessions WHERE sid = ?1 RETURNING sess, expires > ?2")?,
            list: connection.prepare(
                "SELECT sess, revision, expires, sid FROM sessions WHERE owner = ?1 AND expires > ?2",
            )?,
            count: connection
                .prepare("SELECT count(*) FROM sessions WHERE owner = ?1 AND expires > ?2")?,
            // `IS NOT` is true of every id when nothing is excepted.
            revoke: connection.prepare(
                "DELETE FROM sessions WHERE owner = ?1 AND expires > ?2 AND sid IS NOT ?3",
            )?,
            // What has expired counts against the limit, so that no page takes long to find.
            page: connection.prepare(
                "SELECT sess, revision, expires, sid FROM sessions WHERE sid > ?1 ORDER BY sid LIMIT ?2",
            )?,
            total: connection.prepare("SELECT count(*) FROM sessions WHERE expires > ?1")?,
            clear: connection.prepare(
                "DELETE FROM sessions WHERE rowid IN (SELECT rowid FROM sessions LIMIT ?1)
                 RETURNING expires > ?2",
            )?,
        })
    }

    pub(crate) fn load(&mut self, id: &SessionId, now: Timestamp) -> Result<Option<Stored>, Error> {
        self.load.query_row((id.as_str(), integer(now)), |row| stored(row, now)).optional()
    }

    /// `revision` is the caller's, so that this can be done again.
    pub(crate) fn create(
        &mut self,
        id: &SessionId,
        record: &Record,
        revision: i64,
        now: Timestamp,
    ) -> Result<Created, Error> {
        let written = self.create.execute((
            id.as_str(),
            document(&record.document),
            expiry(record.lifetime, now),
            revision,
            record.owner.as_deref(),
            integer(now),
        ));
        self.create.clear_bindings();
        Ok(if written? == 0 { Created::Duplicate } else { Created::Done(version(revision)) })
    }

    pub(crate) fn update(
        &mut self,
        id: &SessionId,
        current: Version,
        record: &Record,
        now: Timestamp,
    ) -> Result<Updated, Error> {
        // A version that we can't have given is NULL, and equals nothing.
        let revision = u64::try_from(current.0).ok().map(u64::cast_signed);
        let next = revision.unwrap_or_default().wrapping_add(1);
        let written = self.update.execute((
            id.as_str(),
            document(&record.document),
            expiry(record.lifetime, now),
            next,
            record.owner.as_deref(),
            revision,
            integer(now),
        ));
        self.update.clear_bindings();
        if written? == 1 {
            return Ok(Updated::Done(version(next)));
        }
        Ok(self.load(id, now)?.map_or(Updated::Gone, Updated::Conflict))
    }

    pub(crate) fn touch(
        &mut self,
        id: &SessionId,
        expires: Timestamp,
        now: Timestamp,
    ) -> Result<bool, Error> {
        Ok(self.touch.execute((id.as_str(), integer(expires), integer(now)))? == 1)
    }

    pub(crate) fn delete(
        &mut self,
        id: &SessionId,
        now: Timestamp,
    ) -> Result<Option<Arc<[u8]>>, Error> {
        let living = |row: &Row<'_>| {
            let living: bool = row.get(1)?;
            living.then(|| bytes(row)).transpose()
        };
        Ok(self.delete.query_row((id.as_str(), integer(now)), living).optional()?.flatten())
    }

    pub(crate) fn list(
        &mut self,
        owner: &str,
        now: Timestamp,
    ) -> Result<Vec<(SessionId, Stored)>, Error> {
        let session = |row: &Row<'_>| {
            let id =
                SessionId::parse(row.get_ref(3)?.as_str()?).ok_or(FromSqlError::InvalidType)?;
            Ok((id, stored(row, now)?))
        };
        self.list.query_map((owner, integer(now)), session)?.collect()
    }

    pub(crate) fn count(&mut self, owner: &str, now: Timestamp) -> Result<usize, Error> {
        self.count.query_row((owner, integer(now)), |row| row.get(0)).map(number)
    }

    pub(crate) fn revoke(
        &mut self,
        owner: &str,
        except: Option<&SessionId>,
        now: Timestamp,
    ) -> Result<usize, Error> {
        self.revoke.execute((owner, integer(now), except.map(SessionId::as_str)))
    }

    /// What lives among the next rows behind `sid`.
    pub(crate) fn page(&mut self, sid: &[u8], most: usize, now: Timestamp) -> Result<Page, Error> {
        let mut left = most.max(1);
        let sid = ToSqlOutput::Borrowed(ValueRef::Text(sid));
        let mut rows = self.page.query((sid, limit(left)))?;
        let mut page = Page { sessions: Vec::new(), next: None };
        while let Some(row) = rows.next()? {
            let sid = row.get_ref(3)?.as_bytes()?;
            if let Some(id) = id_of_living(row, sid, now)? {
                page.sessions.push((id, stored(row, now)?));
            }
            left -= 1;
            page.next = (left == 0).then(|| Cursor::behind(CURSOR, sid));
        }
        Ok(page)
    }

    pub(crate) fn total(&mut self, now: Timestamp) -> Result<usize, Error> {
        self.total.query_row([integer(now)], |row| row.get(0)).map(number)
    }

    /// Takes at most so many rows away, whatever is in them.
    pub(crate) fn clear_some(&mut self, most: usize, now: Timestamp) -> Result<Cleared, Error> {
        let lived = self.clear.query_map((limit(most), integer(now)), |row| row.get(0))?;
        let lived: Vec<bool> = lived.collect::<Result<_, _>>()?;
        Ok(Cleared {
            living: lived.iter().filter(|lived| **lived).count(),
            all: lived.len() < most,
        })
    }
}

/// `None`: it has expired, or somebody has made a row whose `sid` is no id.
fn id_of_living(row: &Row<'_>, sid: &[u8], now: Timestamp) -> Result<Option<SessionId>, Error> {
    let lives = row.get::<_, i64>(2)? > integer(now);
    Ok(str::from_utf8(sid).ok().filter(|_| lives).and_then(SessionId::parse))
}

/// A row that begins with `sess, revision, expires`.
fn stored(row: &Row<'_>, now: Timestamp) -> Result<Stored, Error> {
    let expires = Timestamp::from_millis(u64::try_from(row.get::<_, i64>(2)?).unwrap_or_default());
    Ok(Stored {
        document: bytes(row)?,
        version: version(row.get(1)?),
        remaining: expires.remaining(now),
    })
}

fn bytes(row: &Row<'_>) -> Result<Arc<[u8]>, Error> {
    Ok(row.get_ref(0)?.as_bytes()?.into())
}

/// Text stays text, so that the sqlite3 shell shows a JSON document as it is. SQLite keeps other
/// bytes only as a BLOB, and a NUL would end the text for much of what reads it.
fn document(bytes: &[u8]) -> ToSqlOutput<'_> {
    let is_text = !bytes.contains(&0) && std::str::from_utf8(bytes).is_ok();
    ToSqlOutput::Borrowed(if is_text { ValueRef::Text(bytes) } else { ValueRef::Blob(bytes) })
}

fn limit(most: usize) -> i64 {
    // No file holds more rows than this.
    i64::try_from(most).unwrap_or(i64::MAX)
}

/// SQLite counts no further than memory reaches, and never below zero.
fn number(count: i64) -> usize {
    usize::try_from(count).unwrap_or(usize::MAX)
}

fn version(revision: i64) -> Version {
    Version(revision.cast_unsigned().into())
}

/// When a session ends. One that has no time left is over whatever the clock says later.
fn expiry(lifetime: Duration, now: Timestamp) -> i64 {
    if lifetime.is_zero() { 0 } else { integer(now.after(lifetime)) }
}

/// A moment as it stands in the table.
pub(crate) fn integer(moment: Timestamp) -> i64 {
    // The latest `Timestamp` is far below what fits.
    i64::try_from(moment.as_millis()).unwrap_or(i64::MAX)
}
