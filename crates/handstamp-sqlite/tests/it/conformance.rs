use std::sync::Arc;
use std::time::Duration;

use handstamp_sqlite::{SqliteOptions, SqliteStore, Synchronous};
use handstamp_testing::{ManualClock, StoreHarness, store_suite};

use crate::support::Folder;

/// One store for all, as an application has it.
mod one_store {
    use super::{Shared, store_suite};

    store_suite!(Shared);
}

/// A store for each caller, on one file: between processes it is no different.
mod one_file {
    use super::{Separate, store_suite};

    store_suite!(Separate);
}

struct Shared {
    place: Place,
    store: Arc<SqliteStore>,
}

impl StoreHarness for Shared {
    type Store = SqliteStore;

    const TOLERANCE: Duration = Duration::ZERO;

    async fn start() -> Self {
        let place = Place::new();
        let store = place.open();
        Self { place, store }
    }

    fn store(&self) -> Arc<SqliteStore> {
        self.store.clone()
    }

    async fn pass(&self, time: Duration) {
        self.place.clock.advance(time);
    }
}

struct Separate(Place);

impl StoreHarness for Separate {
    type Store = SqliteStore;

    const ROUNDS: usize = 10;
    const TOLERANCE: Duration = Duration::ZERO;

    async fn start() -> Self {
        Self(Place::new())
    }

    fn store(&self) -> Arc<SqliteStore> {
        self.0.open()
    }

    async fn pass(&self, time: Duration) {
        self.0.clock.advance(time);
    }
}

/// Where the file is, and what time it is there.
struct Place {
    folder: Folder,
    clock: Arc<ManualClock>,
}

impl Place {
    fn new() -> Self {
        Self { folder: Folder::new(), clock: Arc::new(ManualClock::new()) }
    }

    fn open(&self) -> Arc<SqliteStore> {
        // What survives the loss of power is not the question here.
        let options =
            SqliteOptions::new().synchronous(Synchronous::Normal).clock(self.clock.clone());
        Arc::new(options.open(self.folder.database()).unwrap())
    }
}
