//! What the PostgreSQL store does, on real servers.
#![allow(clippy::unwrap_used, reason = "a test that unwraps fails with its line")]

/// What is told of changes, beyond the contract.
mod changes;
/// The contract of every store.
mod conformance;
/// Connections that are lost, and servers that are away.
mod connections;
/// What is logged.
mod logs;
/// Tables and rows that connect-pg-simple has made, and that it goes on writing to.
mod old_writers;
/// Races in the one order that would go wrong.
mod races;
/// Expired sessions leave the table.
mod reaping;
/// What is refused, and how it is said.
mod refusals;
/// The table: how it is made, and what it may be called.
mod schema;
/// How many statements each operation takes, and how they are sent.
mod statements;
/// What the tests are written with.
mod support;
/// Encrypted connections.
mod tls;
/// A wire that knows what is said on it.
mod wire;
/// The column that says no time zone.
mod zones;
