//! What several crates of handstamp do together, with real servers: while these fail, while sessions move
//! from one to another, and how often they are asked.
#![allow(clippy::unwrap_used, reason = "a test that unwraps fails with its line")]

/// Sessions that move from one store to another under live traffic.
mod moving;
