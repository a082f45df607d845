//! What the SQLite store does. Its files are real, and so are the processes that share them.
#![allow(clippy::unwrap_used, reason = "a test that unwraps fails with its line")]

/// The contract of every store.
mod conformance;
/// Files that are damaged.
mod damage;
/// Documents: any bytes, up to the limit.
mod documents;
/// What survives: a restart, a kill.
mod durability;
/// The file itself: its mode, its layout, who closes it.
mod file;
/// A disk that takes no more.
#[cfg(unix)]
mod full_disk;
/// Many writes in one transaction, and each of them on its own.
mod groups;
/// Locks that others hold.
mod locks;
/// Several processes, one file.
mod processes;
/// Expired sessions leave the file.
mod reaping;
/// Files that are not ours, or not ours to write.
mod refusals;
/// Walking through the file and clearing it.
mod scan;
/// What the tests have in common with the processes they start.
mod shared;
/// What the tests are written with.
mod support;
/// The threads: that they end, and what is told when one dies.
mod threads;
