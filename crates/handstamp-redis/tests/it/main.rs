//! What the Redis store does, on real servers.
#![allow(clippy::unwrap_used, reason = "a test that unwraps fails with its line")]

/// The contract of every store, on every kind of server.
mod conformance;
/// What the tests are written with.
mod support;
