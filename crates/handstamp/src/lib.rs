//! Server-side sessions: the engine.
mod clock;
mod id;
pub mod store;

pub use clock::{Clock, SystemClock, Timestamp};
pub use id::{Fingerprint, SessionId};
pub use store::SessionStore;
