//! What several crates of handstamp do together, with real servers: while these fail, while sessions move
//! from one to another, and how often they are asked.
#![allow(clippy::unwrap_used, reason = "a test that unwraps fails with its line")]

/// A cookie that goes and comes.
mod browser;
/// What the tests have in common with the processes they start.
mod counting;
/// Where walks through stores go on.
mod cursors;
/// Servers that fail while visitors are at work.
mod drills;
/// A hundred increments at once.
mod increments;
/// Visitors at work, who notice what is wrong.
mod load;
/// That they notice it.
mod load_finds;
/// Sessions that move from one store to another under live traffic.
mod moving;
/// The servers that tests share.
mod places;
/// How soon an ending is known elsewhere.
mod revocations;
/// How often a request asks its store.
mod round_trips;
/// Stores by their URLs.
mod store;
/// A wire that counts round trips.
mod wire;
