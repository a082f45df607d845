//! The PostgreSQL store of handstamp: sessions in one table, which connect-pg-simple can share.
//!
//! ```no_run
//! use handstamp_postgres::PostgresStore;
//!
//! # async fn open() -> Result<(), handstamp::store::StoreError> {
//! let store = PostgresStore::connect("postgres://app:secret@localhost/app").await?;
//! store.migrate().await?;
//! # Ok(())
//! # }
//! ```
//!
//! It needs PostgreSQL 12 or later and a tokio runtime. [`PostgresOptions`] has the settings.
//!
//! # What it promises
//! Beside what [every store](handstamp::store) does:
//! - **Each operation is one statement**, so one round trip: a read, a touch, a create, an update, an end.
//!   An update that meets a conflict brings what stands there in the same answer. A revocation or an update
//!   that another writer overtakes while it runs is repeated.
//! - **A few connections serve all callers.** Statements are sent without waiting for the answers to those
//!   before, and prepared once. Walks, clearing and reaping have a connection of their own, so that nobody
//!   waits behind them.
//! - **You read what you wrote.** All reads go to the server that takes the writes.
//! - **What is answered is kept** as `synchronous_commit` of the server says: by default it is on its disk,
//!   a login as well as a revocation. With asynchronous replication the last of them may be missing after a
//!   failover to a standby.
//! - **Time is the server's.** The clocks of the applications decide nothing.
//! - **Nothing hangs.** While the server is away, calls fail as unavailable after
//!   [`timeout`](PostgresOptions::timeout). Connections are made again, at first after 50 ms, then at most
//!   every second. One that is silent although it owes an answer is asked, and replaced if it does not reply.
//!   A read whose connection is lost is sent again on another one. A write is not: it may have happened.
//!
//! # The table
//! It is connect-pg-simple's, with a column more; [`PostgresStore::schema`] shows it. Old and new applications
//! may write to it at the same time. The version of a session is a digest of its document, so a write of an
//! old one is noticed and merged, not overwritten. The other way round it is as it always was: an old writer
//! overwrites what it has not seen, and its save or touch can bring back a session that was ended meanwhile,
//! or that has expired but is still in the table.
//!
//! The column `handstamp_owner` says whose session it is. It may be NULL, and old writers never name it: they
//! insert NULL, and their updates leave it alone. An index on an expression, which would look into the
//! document, needs no column, but it finds nothing in a document that is sealed, makes each write parse its
//! JSON once more, and would have to name the member that the engine keeps to itself. The index on
//! the column is a hash index, which takes owners of any length, and holds the rows with an owner only. To
//! remove all traces: `ALTER TABLE session DROP COLUMN handstamp_owner`.
//!
//! The column `sess` is `json`, which keeps every byte. `jsonb` works, too, but orders the keys anew.
//! A document that is not JSON, or an owner with a NUL character in it, is refused.
//!
//! # Time zones
//! The column `expire` is a timestamp without a time zone. connect-pg-simple has PostgreSQL translate to it
//! in the time zone of its connection, and so does this store: as long as nobody sets one, it is the one that
//! the server, the database or the role has set (`SHOW timezone`), and all agree. Two traps remain:
//! - An application that sets another zone, by `PGTZ`, `SET timezone` or its driver's options, writes ends that
//!   are hours off for all others. Have all use the same; or, if all old writers use that one, name it by
//!   [`PostgresOptions::time_zone`]. With UTC there is no question.
//! - Where clocks are set back in autumn, an hour of local time comes twice. A session that ends in it is read
//!   as ending in the second one, by old applications, too: it lives up to an hour too long, never too short.
//!
//! Changing the zone of the server moves the end of every session that is in the table.
//!
//! # PgBouncer
//! Set [`PostgresOptions::pgbouncer`], in session mode as well as in transaction mode: PgBouncer refuses
//! connections with settings of their own. Statements are then planned anew each time. To listen for changes takes
//! [a URL of its own](PostgresOptions::change_events_url).
//!
//! # Changes
//! With [`PostgresOptions::change_events`], triggers tell of all that is written to the table, by whomever, as
//! soon as it is committed; one connection listens for all [feeds](handstamp::store::ChangeFeed). That a session
//! expires is no change, and not told.
//!
//! # Encryption
//! `sslmode=disable`, `prefer` and `require` of the URL are honoured. `require`, `verify-ca` and `verify-full`
//! mean the same here: the certificate has to be good, and for this host. See [`PostgresOptions::ca_file`].

mod background;
mod changes;
mod connection;
mod error;
mod jitter;
mod lanes;
mod names;
mod options;
mod parameters;
mod reaper;
mod rows;
mod schema;
mod server;
mod statements;
mod store;
mod target;
mod tls;
mod url;

pub use names::Columns;
pub use options::PostgresOptions;
pub use store::PostgresStore;
