//! The embedded store of handstamp: sessions in one SQLite file.
//!
//! It needs no server and no setting up, it survives restarts, and several processes share the file:
//! the workers of an Express application, an axum application and a shell, all at once.
//!
//! ```
//! use std::time::Duration;
//!
//! use handstamp::store::{Created, Record};
//! use handstamp::{SessionId, SessionStore};
//! use handstamp_sqlite::SqliteStore;
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! # let folder = tempfile::tempdir()?;
//! # let path = folder.path().join("sessions.db");
//! let store = SqliteStore::open(path)?;
//!
//! let id = SessionId::random()?;
//! let document = br#"{"views":1}"#.as_slice().into();
//! let record = Record { document, lifetime: Duration::from_secs(3600), owner: None };
//! assert!(matches!(store.create(&id, &record).await?, Created::Done(_)));
//!
//! let stored = store.load(&id).await?.expect("it was created a moment ago");
//! assert_eq!(&*stored.document, br#"{"views":1}"#);
//! # Ok(())
//! # }
//! ```
//!
//! # What it promises
//! Beside what [every store](handstamp::store) does:
//! - **What is answered is kept.** A write that was answered survives the sudden end of the process,
//!   and with [`Synchronous::Full`], the default, the loss of power.
//! - **Reads don't wait for writes.** One thread writes, and commits all that waits for it in one
//!   transaction; others read, each on its own connection. None of them needs an async runtime, and
//!   no call waits for the disk on the caller's thread.
//! - **Nothing hangs.** A file that another process keeps locked makes an error after
//!   [`busy_timeout`](SqliteOptions::busy_timeout), and works again once it is unlocked.
//! - **Nothing else is touched.** Another application's database is refused and stays as it is.
//! - **The file is yours.** [`SqliteStore::schema`] shows its layout, and the sqlite3 shell its
//!   sessions: `SELECT sess FROM sessions`. Documents that are text are stored as text.
//!
//! The file and the two that SQLite keeps beside it (`-wal` and `-shm`) belong together, on a local
//! disk: SQLite's write-ahead log does not work over a network file system.

mod crew;
mod database;
mod error;
mod options;
mod queue;
mod reader;
mod schema;
mod statements;
mod store;
mod task;
mod upkeep;
mod writer;

pub use options::{SqliteOptions, Synchronous};
pub use store::SqliteStore;
