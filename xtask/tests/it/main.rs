//! The pages of this repository.
#![allow(clippy::unwrap_used, reason = "a test that unwraps fails with its line")]

/// Where their links lead.
mod links;
