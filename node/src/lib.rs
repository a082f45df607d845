//! The Rust half of the npm package: the engine and its stores, as `node/lib/native.ts` has them.
//!
//! It only converts. What a session is and what a save does is the engine's business (`handstamp`);
//! what express-session's contract asks for is that of the TypeScript in `node/lib`.
//!
//! - Strings cross the border, no object graphs: a session is the text of its JSON.
//! - What needs no I/O is answered at once, the rest is told later (`answer.rs`).
//! - Errors have a `code` beginning with `ERR_HANDSTAMP_` and never tell ids or values (`error.rs`).
//! - A panic is an error, not the end of the process.

mod answer;
mod changes;
mod clock;
mod engine;
mod error;
mod id;
mod keyring;
mod late;
mod options;
mod scan;
mod servers;
mod snapshot;
mod stores;
mod user;
