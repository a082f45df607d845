//! The MySQL and MariaDB store of handstamp: sessions in the table of express-mysql-session.
//!
//! Applications on any number of machines share it, and so may Express applications that keep their sessions
//! with express-mysql-session 3: each reads what the other writes, and nobody is logged out.
//!
//! ```no_run
//! use std::time::Duration;
//!
//! use handstamp::store::{Created, Record};
//! use handstamp::{SessionId, SessionStore};
//! use handstamp_mysql::MySqlStore;
//!
//! # async fn example() -> Result<(), Box<dyn std::error::Error>> {
//! let store = MySqlStore::connect("mysql://web:secret@localhost/web").await?;
//! store.migrate().await?;
//!
//! let id = SessionId::random()?;
//! let document = br#"{"views":1}"#.as_slice().into();
//! let record = Record { document, lifetime: Duration::from_secs(3600), owner: None };
//! assert!(matches!(store.create(&id, &record).await?, Created::Done(_)));
//! # Ok(())
//! # }
//! ```
//!
//! # What it promises
//! Beside what [every store](handstamp::store) does:
//! - **Other writers are noticed.** A version is a digest of the document, so a session that
//!   express-mysql-session has saved meanwhile is a conflict, and is merged instead of overwritten.
//! - **One statement for each operation**, a transaction of its own: nothing is ever left by half. Only
//!   [`delete`](handstamp::SessionStore::delete) reads first, and a write that lost its race reads what stands
//!   there now.
//! - **Deadlocks and waits for locks are tried again** until
//!   [`lock_timeout`](MySqlOptions::lock_timeout) has passed. A row is the most that a statement locks, but
//!   for a revocation and the end of a clear, which keep all that they look at until they are done.
//! - **A few connections serve many callers.** They are made as they are needed, and one that the server has
//!   closed is replaced before it is used. A caller that leaves takes nothing along but its own connection.
//! - **The documents are yours.** They are text: `SELECT data FROM sessions`.
//!
//! What is answered survives whatever the server survives: with `innodb_flush_log_at_trx_commit = 1`, its
//! default, the loss of power. A read sees every write that was answered before, on the same server; a
//! replica is behind, so the URL should lead to the primary. With several primaries (Galera, group
//! replication) let it lead to one of them: the locks that a revocation relies on are one server's.
//!
//! # Servers
//! MariaDB from 10.3, MySQL from 8.0. The tests run on MariaDB 10.11.
//!
//! A proxy that shares connections among its clients, as ProxySQL does, must not part the statements of one
//! connection. A revocation and the end of a clear send `SET TRANSACTION` before their `DELETE`; if the two
//! come to different connections, a session that moves at that moment may escape. Such a proxy has to have
//! multiplexing turned off for this user.
//!
//! TLS is rustls's. If no other crate has chosen how it encrypts, the first store whose connections are
//! encrypted chooses *ring* for the whole process.
//!
//! # Time
//! The server's clock counts, not the application's. The column `expires` holds whole seconds and lifetimes are
//! rounded up, so a session ends up to a second late and never early. express-mysql-session rounds to the
//! nearest second on its own machine's clock, and takes a session for alive until half a second later.
//! A lifetime ends in the year 2106 at the latest, where the column does.
//!
//! # The table
//! [`MySqlStore::migrate`] makes it, or adds to one that is there what express-mysql-session's lacks: a column
//! for the owner that may be NULL, an index on it, and an index on `expires`, without which to remove what has
//! expired reads the whole table. Old writers go on as before; their way of saving leaves the owner alone. On
//! the way back to express-mysql-session the column and the indexes may stay or be dropped.
//!
//! Documents have to be text in UTF-8. The binary log has to be in the format ROW or MIXED, as it is unless
//! somebody has set it.

mod background;
mod connections;
mod driver;
mod error;
mod index;
mod layout;
mod options;
mod reach;
mod reaper;
mod scan;
mod statements;
mod store;
mod values;

pub use layout::Columns;
pub use options::MySqlOptions;
pub use store::MySqlStore;
