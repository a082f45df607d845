//! What several crates of handstamp do together, with real servers: while these fail, while sessions move
//! from one to another, and how often they are asked.
#![allow(clippy::unwrap_used, reason = "a test that unwraps fails with its line")]

/// A cookie that goes and comes.
mod browser;
/// Visitors at work, who notice what is wrong.
mod load;
/// That they notice it.
mod load_finds;
