//! Server-side sessions for [tower](https://docs.rs/tower) services and, behind the feature `axum`
//! (on by default), for [axum](https://docs.rs/axum): a layer and an extractor over the engine
//! `handstamp`.
//!
//! ```
//! # fn main() -> Result<(), handstamp::SessionError> {
//! use axum::{Router, routing::get};
//! use handstamp::{Key, Keys, MemoryStore, SessionManager};
//! use handstamp_tower::{Session, SessionError, SessionLayer};
//!
//! const VIEWS: Key<u64> = Key::new("views");
//!
//! async fn home(session: Session) -> Result<String, SessionError> {
//!     let views = session.update(VIEWS, |views| views.unwrap_or(0) + 1)?;
//!     Ok(format!("visit {views}"))
//! }
//!
//! let keys = Keys::new("q7Jc0vX2m9LrT4bWz1Ns8KpYd5Hf3GaE")?;
//! let sessions = SessionManager::new(MemoryStore::new(), keys);
//! let app: Router = Router::new().route("/", get(home)).layer(SessionLayer::new(sessions));
//! # Ok(())
//! # }
//! ```
//!
//! # What happens when
//!
//! - **The handler asks for its session** (the extractor): the credential is verified and the store
//!   asked, once. A request that never asks costs neither.
//! - **The handler has answered**: what changed is saved *before* the response head leaves, whatever
//!   the status. If that fails, the visitor gets a plain 503 (or 500) instead, and the log says why.
//! - **The handler's service returns an error, panics, or the request is cancelled**: nothing is
//!   saved, the stored session stays as it was, and an event says that changes were lost.
//! - **A streaming body goes on after the head has left**: it may keep the session and
//!   [`save`](handstamp::Session::save) it. What it changes and doesn't save is reported.
//! - **The layer is there twice**: the inner one does nothing, so the outer one's settings hold; if
//!   they come from different managers, a warning says so. Layers with different
//!   [markers](SessionLayer::marked) are independent: two sessions in one application.

#[cfg(feature = "axum")]
mod axum;
mod error;
mod handle;
mod layer;
mod service;
mod session;
mod trace;

pub use error::SessionError;
pub use handle::SessionHandle;
pub use layer::SessionLayer;
pub use service::{ResponseFuture, SessionService};
pub use session::Session;
pub use trace::trace;

/// The README's example is compiled with the tests.
#[cfg(doctest)]
#[doc = include_str!("../../../README.md")]
struct Readme;

/// So is that of the guide from Express to Rust.
#[cfg(doctest)]
#[doc = include_str!("../../../docs/express.md")]
struct FromExpress;
