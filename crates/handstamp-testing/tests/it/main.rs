//! Tests of the tests: a suite that nothing can fail proves nothing.

/// A store without index and scan.
mod bare_store;

/// Stores that break one promise each, and the tests that notice.
mod flawed_stores;

/// The store that fails on command, which otherwise keeps the whole contract.
mod faulty_store;

/// A store that tells of changes, and ones that do it wrongly.
mod telling_stores;

/// Servers that start, answer and end.
#[cfg(unix)]
mod servers;

/// The proxy between a client and a server.
#[cfg(unix)]
mod servers_proxy;

/// The program that starts servers for tests in other languages.
#[cfg(unix)]
mod servers_program;
