//! The stores that the tests run on, made for one test each.

use std::sync::Arc;

use handstamp::{MemoryStore, SessionStore};
use handstamp_sqlite::{SqliteOptions, SqliteStore, Synchronous};
use handstamp_testing::ManualClock;
use tempfile::TempDir;

/// Makes a store, and keeps what it needs.
pub(crate) trait Keep: Sized + Send + Sync + 'static {
    type Store: SessionStore + Clone;

    fn new(clock: Arc<ManualClock>) -> (Self, Self::Store);
}

impl Keep for MemoryStore {
    type Store = Self;

    fn new(clock: Arc<ManualClock>) -> (Self, Self) {
        let store = Self::new().with_clock(clock);
        (store.clone(), store)
    }
}

/// A SQLite store in a folder of its own, which goes when this goes.
pub(crate) struct OnDisk {
    _folder: TempDir,
}

impl Keep for OnDisk {
    type Store = SqliteStore;

    fn new(clock: Arc<ManualClock>) -> (Self, SqliteStore) {
        let folder = tempfile::tempdir().unwrap();
        // These tests are not about the loss of power.
        let options = SqliteOptions::new().clock(clock).synchronous(Synchronous::Normal);
        let store = options.open(folder.path().join("sessions.db")).unwrap();
        (Self { _folder: folder }, store)
    }
}

/// Makes a test of each of these functions for each store.
macro_rules! on_every_store {
    ($($test:ident)*) => {
        mod memory {
            $(
                #[test]
                fn $test() {
                    handstamp_testing::run(super::$test::<handstamp::MemoryStore>());
                }
            )*
        }

        mod sqlite {
            $(
                #[test]
                fn $test() {
                    handstamp_testing::run(super::$test::<crate::stores::OnDisk>());
                }
            )*
        }
    };
}

pub(crate) use on_every_store;
