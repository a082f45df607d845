//! The layout of the file: how it is made, and how a file that is not ours is told from one that is.
//!
//! Another application's database is only ever looked at. So the question comes before the first
//! change, the journal mode included, and it is asked again once nobody else can write.

use rusqlite::{Connection, Error, Transaction, TransactionBehavior};

/// The SQL that makes a session database.
pub(crate) const SCHEMA: &str = include_str!("schema.sql");

/// The `application_id` that [`SCHEMA`] sets.
const APPLICATION: i32 = i32::from_be_bytes(*b"hstp");

/// The `user_version` that [`SCHEMA`] sets.
const VERSION: i32 = 1;

/// What a database file holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Content {
    /// Nothing yet.
    Empty,
    /// Another application's data.
    Foreign,
    /// Sessions in a layout that a later version of this crate has made.
    Newer,
    /// Sessions, in our layout.
    Sessions,
}

/// Finds out what the file holds, and makes it a session database if it holds nothing.
pub(crate) fn establish(connection: &Connection) -> Result<Content, Error> {
    if inspect(connection)? == Content::Empty {
        // Another process may do the same at this moment: who gets the lock first makes the tables.
        let transaction = Transaction::new_unchecked(connection, TransactionBehavior::Immediate)?;
        if inspect(&transaction)? == Content::Empty {
            transaction.execute_batch(SCHEMA)?;
        }
        transaction.commit()?;
    }
    inspect(connection)
}

/// Looks without touching.
fn inspect(connection: &Connection) -> Result<Content, Error> {
    let number = |sql| connection.query_row(sql, [], |row| row.get::<_, i32>(0));
    let application = number("PRAGMA application_id")?;
    let version = number("PRAGMA user_version")?;
    let objects = number("SELECT count(*) FROM sqlite_schema")?;
    Ok(judge(application, version, objects))
}

fn judge(application: i32, version: i32, objects: i32) -> Content {
    match (application, version, objects) {
        (0, 0, 0) => Content::Empty,
        (APPLICATION, VERSION, 1..) => Content::Sessions,
        (APPLICATION, version, _) if version > VERSION => Content::Newer,
        _ => Content::Foreign,
    }
}
