use std::sync::Arc;
use std::time::Duration;

use handstamp_mysql::MySqlStore;
use handstamp_testing::{StoreHarness, store_suite};

use crate::support::Database;

/// One store for all, as an application has it. Its calls run on ten connections.
mod one_store {
    use super::{Shared, store_suite};

    store_suite!(Shared);
}

struct Shared {
    database: Database,
    store: Arc<MySqlStore>,
}

impl StoreHarness for Shared {
    type Store = MySqlStore;

    /// The column counts whole seconds, rounded up, and a busy machine takes its time.
    const TOLERANCE: Duration = Duration::from_secs(5);

    async fn start() -> Self {
        let database = Database::new();
        let store = Arc::new(database.store().await);
        Self { database, store }
    }

    fn store(&self) -> Arc<MySqlStore> {
        self.store.clone()
    }

    async fn pass(&self, time: Duration) {
        self.database.pass(time);
    }
}
