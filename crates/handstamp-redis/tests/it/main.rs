//! What the Redis store does, on real servers.
#![allow(clippy::unwrap_used, reason = "a test that unwraps fails with its line")]

/// The contract of every store, on every kind of server.
mod conformance;
/// Each way to connect, and what comes of a connection that ends.
mod connections;
/// A way to a server that holds back some of what it says.
mod gate;
/// The list of an owner: what becomes of it when it is wrong.
mod index;
/// The bytes in the server, which connect-redis shares.
mod layout;
/// The near cache.
mod near;
/// Who may do what.
mod permissions;
/// What the server refuses.
mod refusals;
/// What a call costs the server, and scripts that it has forgotten.
mod round_trips;
/// What the tests are written with.
mod support;
/// Encrypted connections, and whom they trust.
mod tls;
