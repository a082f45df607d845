//! What every store has to do, as tests: see [`store_suite!`](crate::store_suite)
//! and, for who tells of changes, [`changes_suite!`](crate::changes_suite).
//!
//! Each behaviour is a function of one of the modules below, generic over the [`StoreHarness`] that
//! brings the store. They hold for any version scheme that the contract allows: since a version may
//! be a digest of the bytes, no test expects the same bytes written twice to have two versions.

mod harness;
mod suite;
mod toolbox;

#[doc(hidden)]
pub mod changes;
#[doc(hidden)]
pub mod dropping;
#[doc(hidden)]
pub mod expiry;
#[doc(hidden)]
pub mod hostile;
#[doc(hidden)]
pub mod index;
#[doc(hidden)]
pub mod index_races;
#[doc(hidden)]
pub mod lifetimes;
#[doc(hidden)]
pub mod outcomes;
#[doc(hidden)]
pub mod races;
#[doc(hidden)]
pub mod scan;
#[doc(hidden)]
pub mod scan_races;
#[doc(hidden)]
pub mod versions;

pub use harness::StoreHarness;
