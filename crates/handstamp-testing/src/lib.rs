#![doc = include_str!("front_page.md")]
#![allow(
    clippy::unwrap_used,
    reason = "this is test code: what unwraps here fails a test with its line"
)]

mod clock;
pub mod dialogue;
mod faulty;
mod gate;
mod runtime;
#[cfg(unix)]
pub mod servers;
pub mod store;

pub use clock::ManualClock;
pub use faulty::{Fault, FaultyStore, Operation};
pub use gate::Gate;
#[doc(hidden)]
pub use runtime::run;
pub use store::StoreHarness;
