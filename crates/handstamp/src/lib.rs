//! Server-side sessions: the engine of handstamp. No HTTP framework, no database, no async runtime.
//!
//! The browser gets a signed id; what the application knows of its visitor stays on the server. An
//! application uses an adapter (`handstamp-tower` for axum and tower) and a store
//! (`handstamp-sqlite`, or [`MemoryStore`] here) and meets this crate in two types:
//!
//! - [`SessionManager`]: configuration, keys and store, made once;
//! - [`Session`]: what a handler reads and writes.
//!
//! # The path of a request
//!
//! 1. [`SessionManager::load`] finds every candidate credential in the headers ([`Transport`]), keeps
//!    those whose signature is good ([`Keys`]) and asks the store: one round trip, and none for a
//!    forged id.
//! 2. The handler reads and writes the [`Session`]. Nothing of this waits.
//! 3. [`SessionManager::commit`] decides what has to be done, as one table (`plan.rs`), and does it
//!    (`apply.rs`). If another request was faster, what this one did is done again on the fresh
//!    document, key by key (`changes.rs`).
//! 4. The [`Answer`] says what the response has to carry.
//!
//! # What it promises
//!
//! - Requests that write different keys lose nothing; [`Session::update`] loses nothing on the same key.
//! - What was destroyed, logged out or revoked stays so, whatever other requests do.
//! - While an id is rotated, the session is always whole, under the old id or under the new one.
//! - A failing store is an error or, if so configured, an empty read-only session; never an empty one
//!   that is saved over the real one.
//! - Nothing is stored for a visitor of whom nothing is known.
//!
//! # Changing the store
//!
//! [`MovingStore`] takes the sessions along from one store to another while visitors use them; [`BulkMove`]
//! fetches those that nobody asks for.
//!
//! # Writing a store
//!
//! Implement [`SessionStore`] and prove it with `store_suite!` of `handstamp-testing`. The contract is
//! in [`store`].

mod answer;
mod apply;
mod changes;
mod clock;
mod config;
mod cookie;
mod credential;
mod deadline;
mod document;
mod error;
mod event;
mod facts;
mod flash;
mod id;
mod key;
mod keys;
mod manager;
mod memory;
mod moving;
mod object;
mod plan;
mod recent;
mod scan;
mod seal;
mod session;
mod shapes;
pub mod store;
mod transport;
mod turn;
mod user;
mod watch;

pub use answer::{Answer, CredentialHeader};
pub use clock::{Clock, SystemClock, Timestamp};
pub use config::{Expiry, FailurePolicy, SavePolicy, SessionConfig};
pub use cookie::{CookieConfig, Priority, SameSite, values as cookie_values};
pub use error::{ErrorKind, SessionError};
pub use event::Event;
pub use facts::Device;
pub use id::{Fingerprint, SessionId};
pub use key::{Key, KeyFor};
pub use keys::Keys;
pub use manager::SessionManager;
pub use memory::MemoryStore;
pub use moving::{BulkMove, MoveProgress, MovingStore};
pub use seal::SealingKeys;
pub use session::{LookUp, Session, Snapshot};
pub use store::SessionStore;
pub use transport::Transport;
pub use user::UserSession;
pub use watch::{Watch, Watched};
