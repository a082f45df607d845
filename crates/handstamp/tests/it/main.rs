//! The engine's integration tests: what can be seen from outside.
#![allow(clippy::unwrap_used, reason = "a test that unwraps fails with its line")]

/// The engine, as an adapter drives it.
mod engine;
/// The memory store: the suite of all stores, and what only a bounded store has.
mod memory_store;
/// Two stores as one, and sessions that move between them.
mod moving;
