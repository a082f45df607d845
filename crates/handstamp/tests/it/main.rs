//! The engine's integration tests: what can be seen from outside.

/// The engine, as an adapter drives it.
mod engine;
/// The memory store: the suite of all stores, and what only a bounded store has.
mod memory_store;
