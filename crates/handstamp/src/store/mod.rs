//! The contract between the engine and whatever keeps the sessions.
//!
//! A store keeps opaque bytes under an id for a time. Every write is conditional, so that no writer
//! can undo what it has not seen, and what is not a failure is a value: a missing session, a lost
//! race and a taken id are outcomes, not errors.
//!
//! What every store promises, and what `store_suite!` of `handstamp-testing` proves:
//! - **Expired is missing, at once**, for every operation, whether or not it has been cleaned up.
//! - **Nothing upserts.** [`create`](SessionStore::create) never overwrites; the other operations
//!   never bring back what is gone.
//! - **Each operation is atomic**, also between processes, also when its future is dropped: it has
//!   then happened wholly or not at all. Only [`SessionScan::clear`] may stop half-way, between two
//!   sessions.
//! - **Lifetimes** go in as durations and come back as remaining time, on the store's own clock.
//! - An id is a key and nothing else: no character of it is ever read as a path or a pattern.

mod any;
mod cursor;
mod error;

use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

pub use self::any::AnyStore;
pub use self::cursor::Cursor;
pub use self::error::{StoreError, StoreErrorKind};
use crate::SessionId;

/// Keeps sessions. See the [module docs](self) for what it promises.
///
/// The engine puts a deadline on every call and drops the future when it passes; an implementation
/// needs no timeout of its own.
pub trait SessionStore: fmt::Debug + Send + Sync + 'static {
    /// Reads a session. `None`: there is none, or its time is over.
    fn load(
        &self,
        id: &SessionId,
    ) -> impl Future<Output = Result<Option<Stored>, StoreError>> + Send;

    /// Stores a new session if no living one has this id.
    fn create(
        &self,
        id: &SessionId,
        record: &Record,
    ) -> impl Future<Output = Result<Created, StoreError>> + Send;

    /// Replaces a session (bytes, lifetime and owner) if it still is at `version`.
    fn update(
        &self,
        id: &SessionId,
        version: Version,
        record: &Record,
    ) -> impl Future<Output = Result<Updated, StoreError>> + Send;

    /// Sets how long a living session has left. Its bytes and its version stay as they are.
    ///
    /// `false`: there is no such session, and there still is none.
    fn touch(
        &self,
        id: &SessionId,
        lifetime: Duration,
    ) -> impl Future<Output = Result<bool, StoreError>> + Send;

    /// Ends a session and returns what it last held. `None`: there was none.
    ///
    /// The engine deletes only what nobody has heard of yet. It ends sessions by an
    /// [`update`](Self::update) with a [lifetime](Record::lifetime) of zero, because that is conditional.
    fn delete(
        &self,
        id: &SessionId,
    ) -> impl Future<Output = Result<Option<Arc<[u8]>>, StoreError>> + Send;

    /// The sessions of an owner, if this store can find them.
    fn index(&self) -> Option<&dyn SessionIndex> {
        None
    }

    /// All sessions, if this store can walk through them.
    fn scan(&self) -> Option<&dyn SessionScan> {
        None
    }

    /// What other processes change, if this store tells of it.
    fn changes(&self) -> Option<&dyn SessionChanges> {
        None
    }
}

/// Finds sessions by the owner that their records name. Found at run time by
/// [`SessionStore::index`].
///
/// These calls are rare, so they return boxed futures, which keeps the trait usable as `dyn`.
pub trait SessionIndex: Send + Sync {
    /// The living sessions of an owner, in no particular order.
    fn list<'a>(
        &'a self,
        owner: &'a str,
    ) -> BoxFuture<'a, Result<Vec<(SessionId, Stored)>, StoreError>>;

    /// How many living sessions an owner has.
    fn count<'a>(&'a self, owner: &'a str) -> BoxFuture<'a, Result<usize, StoreError>>;

    /// Ends all sessions of an owner, but for `except`, and returns how many living ones it ended.
    ///
    /// It is one step: a session that is rotating at this moment is ended under its old id or under
    /// its new one.
    fn revoke<'a>(
        &'a self,
        owner: &'a str,
        except: Option<&'a SessionId>,
    ) -> BoxFuture<'a, Result<usize, StoreError>>;
}

/// Walks through all sessions: for tools, for moving between stores, for express-session's `all`,
/// `length` and `clear`. Found at run time by [`SessionStore::scan`].
///
/// No call holds other callers up for long, however many sessions there are. What is stored under a
/// key that is no [`SessionId`] is not an error: it is never met, it may be counted, and it is
/// cleared with the rest.
pub trait SessionScan: Send + Sync {
    /// Some of the living sessions, and where to go on. A walk begins with `None`.
    ///
    /// A walk meets every session at least once that lives from its beginning to its end. One that is
    /// created or ended meanwhile may be met or not. Any handle to the same store can go on with it.
    ///
    /// `most` is a wish: it keeps pages small, but one may hold more, and zero is taken for one.
    ///
    /// # Errors
    /// `Refused`: the cursor is not one that this store has made.
    fn page<'a>(
        &'a self,
        from: Option<&'a Cursor>,
        most: usize,
    ) -> BoxFuture<'a, Result<Page, StoreError>>;

    /// How many living sessions there are.
    fn total<'a>(&'a self) -> BoxFuture<'a, Result<usize, StoreError>>;

    /// Ends all sessions and returns how many living ones it ended.
    ///
    /// At one moment of the call none lives. So a session that is rotating meanwhile is ended under its
    /// old id or under its new one, and no request under way brings back what lived before; new ones
    /// may be created at any time. To end none is not an error.
    ///
    /// A store may do it in steps. If one of them fails, or if the future is dropped, some sessions have
    /// ended and the others are whole.
    fn clear<'a>(&'a self) -> BoxFuture<'a, Result<usize, StoreError>>;
}

/// Tells of sessions that any process changes: to close a WebSocket when its visitor signs out elsewhere,
/// or to forget what a cache holds. Found at run time by [`SessionStore::changes`].
pub trait SessionChanges: Send + Sync {
    /// Begins to watch. Every change that is made after this has answered is told.
    ///
    /// # Errors
    /// The store can't be reached, or it is not set up to tell of changes.
    fn watch<'a>(&'a self) -> BoxFuture<'a, Result<Box<dyn ChangeFeed>, StoreError>>;
}

/// What [`SessionChanges::watch`] has begun. Dropping it ends the watching.
pub trait ChangeFeed: fmt::Debug + Send {
    /// Waits for the next change. `None`: the store has been closed, and nothing more will come.
    ///
    /// A feed outlives a lost connection: it says [`Change::Any`] as soon as the connection is lost, and
    /// once more when it watches again. Dropping the future loses no change.
    fn next<'a>(&'a mut self) -> BoxFuture<'a, Option<Change>>;
}

/// What a [`ChangeFeed`] tells.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Change {
    /// Any session may have changed: changes may have been missed, or all sessions were cleared.
    Any,
    /// This session was written, touched or ended, by whomever. A load tells which. It may be told more
    /// than once, or without need.
    One(SessionId),
}

/// What becomes of the connection between a store and its server: told to who opened the store, where its
/// options have `on_connection`. It decides nothing; every call says for itself whether it was answered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ConnectionEvent {
    /// The connection was lost or can't be made, and why. The store goes on trying. Told once until it is
    /// [`Made`](Self::Made) again.
    Lost(String),
    /// The server was reached, for the first time or again.
    Made,
}

/// A future in a box, as the contract's rarer calls return it.
pub type BoxFuture<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;

/// What is written: a document, how long it may stay, and whose it is.
#[derive(Clone)]
pub struct Record {
    /// The session document. Stores do not look inside.
    pub document: Arc<[u8]>,
    /// How long the session lives from now unless it is touched or updated. Zero: it is over at
    /// once, and its place may be freed; a session is ended so.
    pub lifetime: Duration,
    /// Whose session it is, for [`SessionIndex`]; `None` takes it out of the index.
    pub owner: Option<Arc<str>>,
}

/// What was read: a document, the version it was at, and the time it has left.
#[derive(Clone)]
pub struct Stored {
    /// The bytes that were written.
    pub document: Arc<[u8]>,
    /// What [`SessionStore::update`] has to be given to replace them.
    pub version: Version,
    /// How long the session has left. Never zero: what has no time left is missing.
    pub remaining: Duration,
}

/// Shows how much there is, never what.
impl fmt::Debug for Record {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Record({} bytes for {:?})", self.document.len(), self.lifetime)
    }
}

/// Shows how much there is, never what.
impl fmt::Debug for Stored {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Stored({} bytes for {:?})", self.document.len(), self.remaining)
    }
}

/// Says which writing of a session was read: a revision or a digest, as the store likes.
///
/// Two writings of different documents under one id never have the same version, not even when the
/// session was deleted and created again in between. The same document written twice may have the same
/// one: so a store can compare digests, and notice writers that know nothing of versions.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Version(pub u128);

impl Version {
    /// No writing has it.
    pub(crate) const NONE: Self = Self(u128::MAX);
}

/// Some of a store's sessions, as [`SessionScan::page`] returns them.
#[derive(Clone, Debug)]
pub struct Page {
    /// Living sessions, in no particular order. There may be none, though it is not the end.
    pub sessions: Vec<(SessionId, Stored)>,
    /// Where to go on; `None` is the end of the walk.
    pub next: Option<Cursor>,
}

/// The outcome of [`SessionStore::create`].
#[derive(Clone, Debug)]
pub enum Created {
    /// It is stored, at this version.
    Done(Version),
    /// A living session has this id already and is untouched.
    Duplicate,
}

/// The outcome of [`SessionStore::update`].
#[derive(Clone, Debug)]
pub enum Updated {
    /// Another writer came first. Nothing was written; this is what stands there now.
    Conflict(Stored),
    /// It is stored, at this version.
    Done(Version),
    /// There is no such session any more, and there still is none.
    Gone,
}
