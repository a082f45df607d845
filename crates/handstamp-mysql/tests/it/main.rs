//! What the MySQL store does, on real MariaDB servers.
#![allow(clippy::unwrap_used, reason = "a test that unwraps fails with its line")]

/// The contract of every store.
mod conformance;
/// Connections that are made, lost, cut and bounded.
mod connections;
/// How many statements each operation costs.
mod costs;
/// The table: made, completed, named, of other types.
mod layout;
/// Lifetimes on the server's own clock.
mod lifetimes;
/// Locks that others hold, and that the store holds.
mod locks;
/// Writers that know nothing of versions and owners, as express-mysql-session is.
mod neighbours;
/// Expired sessions leave the table.
mod reaping;
/// What is refused, and what the errors say.
mod refusals;
/// What the tests are written with.
mod support;
/// Encrypted connections.
mod tls;
