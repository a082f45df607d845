//! The store of handstamp in Redis or Valkey: one server, Sentinel, Cluster.
//!
//! Sessions are kept as connect-redis 9 and 10 keep them, so an Express application with connect-redis and an
//! application with this crate share their visitors' sessions, and either can be replaced by the other.
//!
//! ```no_run
//! use std::time::Duration;
//!
//! use handstamp::store::{Created, Record};
//! use handstamp::{SessionId, SessionStore};
//! use handstamp_redis::RedisStore;
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let store = RedisStore::connect("redis://localhost").await?;
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
//! It needs Redis 7.0 or later, or Valkey 8 or later, and a Tokio runtime.
//!
//! # What it promises
//! Beside what [every store](handstamp::store) does:
//! - **One round trip.** A read brings the session and the time it has left. So is each write, but on a
//!   Cluster for a session that has an owner: creating, touching and ending one takes two, and a change of the
//!   owner three. While a slot moves, each write takes a few.
//! - **Nobody is overwritten.** A session that connect-redis has changed is a conflict, and the engine merges.
//! - **No write happens twice.** What may have been done is not sent again; the call fails as unavailable.
//! - **Nothing hangs.** A connection that does not answer is replaced, also if nobody waits for it any more.
//!   A short absence of the server is waited for, a long one fails at once: see
//!   [`absence_patience`](RedisOptions::absence_patience).
//! - **An owner's sessions are found** on a Cluster, too, where his list and his sessions are on different
//!   servers. A revocation ends a session that rotates meanwhile, under its old id or its new one. It is done
//!   one session at a time there, so a call that fails may have ended some; to do it again does no harm.
//! - **The server's clock decides** when a session is over, never that of an application.
//! - **Changes are told** within milliseconds, by whomever they are made, connect-redis and expiry included.
//!   With [`near_cache`](RedisOptions::near_cache), reads come from memory.
//!
//! # What the server loses
//! Redis answers a write before its replicas have it, and before it is on the disk unless it is set up so
//! (`appendfsync always`). When a master fails, its last writes may be lost: a login is then undone, and a
//! sign-out, too, so that a session lives that was ended. [`wait`](RedisOptions::wait) makes that less likely.
//!
//! Set `maxmemory-policy` to `noeviction`: with any other, a full server ends sessions, and may end whose they
//! are before them.
//!
//! # Keys
//! | key | what |
//! |---|---|
//! | `sess:ID` | a string: the session's document, with its time to live |
//! | `{sess:ID}:owner` | a string: whose session it is, with the same time to live |
//! | `handstamp:owner\|5\|sess:OWNER` | a sorted set: his sessions, by when they expire |
//! | `{sess:ID}:wait` | for a millisecond after a revocation, if it waits for replicas |
//!
//! # Permissions
//! A user needs [`PERMISSIONS`].

mod apart;
mod changes;
mod connection;
mod error;
mod index;
mod layout;
mod lifetime;
mod near;
mod options;
mod scan;
mod scripts;
mod store;
mod url;

pub use near::NearCache;
pub use options::RedisOptions;
pub use store::RedisStore;

/// The rules of `ACL SETUSER` for a user who can do all that a store does, with the prefix `sess:` or any other.
pub const PERMISSIONS: &str = "~* +get +getdel +set +del +unlink +exists +pttl +pexpire +zadd +zrange \
+zrem +zremrangebyscore +zscore +time +evalsha +script|load +scan +info +ping +role +wait +select +hello \
+client|tracking +cluster|slots +asking";
