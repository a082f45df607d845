//! The SQL of every operation. Each is one statement and its own transaction.
//!
//! - **Time** is the server's. `expires` counts whole seconds, so a lifetime is rounded up: a session never
//!   ends sooner than it was asked to, and up to a second later. It lives as long as `expires` lies
//!   ahead. Writes ask for `SYSDATE()`, the time when the row is looked at, because they may have waited
//!   for its lock; reads ask for the time when they began, which is the same all through them.
//! - **Version**: the first 16 bytes of the SHA-256 of the document, as UTF-8. Every writer changes it, also
//!   one that knows nothing of versions.

use crate::layout::{Layout, Quoted};

/// How many rows are removed by one statement.
pub(crate) const BATCH: u64 = 500;

/// The texts, with the table's names in them.
pub(crate) struct Statements {
    /// id -> document, remaining
    pub(crate) load: String,
    /// id, lifetime, document, owner
    pub(crate) create: String,
    /// lifetime, document, owner, id
    pub(crate) replace_expired: String,
    /// lifetime, document, owner, id, version
    pub(crate) update: String,
    /// id, version
    pub(crate) end: String,
    /// lifetime, id
    pub(crate) touch: String,
    /// id
    pub(crate) end_any: String,
    /// owner -> id, document, remaining
    pub(crate) list: String,
    /// owner -> number
    pub(crate) count: String,
    /// owner
    pub(crate) revoke: String,
    /// owner, id
    pub(crate) revoke_except: String,
    /// id, number -> id, document, remaining
    pub(crate) page: String,
    /// -> number
    pub(crate) total: String,
    /// id, number -> the id that is so many further on
    pub(crate) further: String,
    /// id, id: from behind the one up to the other
    pub(crate) clear_some: String,
    /// id, id
    pub(crate) forget_some: String,
    pub(crate) clear_all: String,
    pub(crate) reap: String,
}

impl Statements {
    pub(crate) fn new(layout: &Layout) -> Self {
        let Quoted { table, id, expires, data, owner } = layout.quoted();

        let document = format!("COALESCE({data}, '')");
        // In microseconds.
        let remaining = format!("CAST(({expires} - UNIX_TIMESTAMP(NOW(6))) * 1000000 AS UNSIGNED)");
        let lives = format!("{expires} > UNIX_TIMESTAMP()");
        let lives_now = format!("{expires} > UNIX_TIMESTAMP(SYSDATE())");
        // The lifetime comes in microseconds; the column ends in the year 2106.
        let end = "LEAST(4294967295, CEIL(UNIX_TIMESTAMP(SYSDATE(6)) + ? * 0.000001))";
        // All in UTC, so that no hour of the clock comes twice: see `connections::SETUP`.
        let version = format!("LEFT(SHA2(CONVERT({document} USING utf8mb4), 256), 32)");
        let owned = format!("{owner} = UNHEX(?)");
        let set = format!("{expires} = {end}, {data} = ?, {owner} = UNHEX(?)");
        let session = format!("{id}, {document}, {remaining}");

        Self {
            load: format!("SELECT {document}, {remaining} FROM {table} WHERE {id} = ? AND {lives}"),
            create: format!(
                "INSERT INTO {table} ({id}, {expires}, {data}, {owner}) \
                 VALUES (?, {end}, ?, UNHEX(?))"
            ),
            replace_expired: format!("UPDATE {table} SET {set} WHERE {id} = ? AND NOT {lives_now}"),
            update: format!(
                "UPDATE {table} SET {set} WHERE {id} = ? AND {lives_now} AND {version} = ?"
            ),
            end: format!("DELETE FROM {table} WHERE {id} = ? AND {lives_now} AND {version} = ?"),
            touch: format!("UPDATE {table} SET {expires} = {end} WHERE {id} = ? AND {lives_now}"),
            end_any: format!("DELETE FROM {table} WHERE {id} = ? AND {lives_now}"),
            list: format!("SELECT {session} FROM {table} WHERE {owned} AND {lives}"),
            count: format!("SELECT COUNT(*) FROM {table} WHERE {owned} AND {lives}"),
            revoke: format!("DELETE FROM {table} WHERE {owned} AND {lives_now}"),
            revoke_except: format!(
                "DELETE FROM {table} WHERE {owned} AND {lives_now} AND {id} <> ?"
            ),
            page: format!(
                "SELECT {session} FROM {table} WHERE {id} > ? AND {lives} ORDER BY {id} LIMIT ?"
            ),
            total: format!("SELECT COUNT(*) FROM {table} WHERE {lives}"),
            further: format!("SELECT {id} FROM {table} WHERE {id} > ? ORDER BY {id} LIMIT ?, 1"),
            clear_some: format!("DELETE FROM {table} WHERE {id} > ? AND {id} <= ? AND {lives_now}"),
            forget_some: format!(
                "DELETE FROM {table} WHERE {id} > ? AND {id} <= ? AND NOT {lives}"
            ),
            clear_all: format!("DELETE FROM {table} WHERE {lives_now}"),
            reap: format!(
                "DELETE FROM {table} WHERE {expires} <= UNIX_TIMESTAMP() \
                 ORDER BY {expires} LIMIT {BATCH}"
            ),
        }
    }
}
