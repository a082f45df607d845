use std::sync::Arc;
use std::time::Duration;

use handstamp_postgres::{PostgresOptions, PostgresStore};
use handstamp_testing::{StoreHarness, changes_suite, servers, store_suite};
use tokio::time::sleep;

use crate::support;
use crate::support::table;

/// How long a lifetime is that is waited for.
const UNIT: Duration = Duration::from_millis(800);

/// How long a test may take for what takes no time, on a busy machine.
const TOLERANCE: Duration = Duration::from_millis(350);

/// Options for a table of its own. What is tested here is what happens, not how fast.
fn options() -> PostgresOptions {
    support::options(&table()).timeout(Duration::from_secs(30))
}

/// Straight to the server. Each of the store's connections is a process of the server's.
mod straight {
    use super::{Straight, store_suite};

    store_suite!(Straight);
}

/// Behind PgBouncer, where each statement may meet another connection.
mod behind_pgbouncer {
    use super::{BehindPgBouncer, store_suite};

    store_suite!(BehindPgBouncer);
}

/// Changes, told by triggers.
mod changes {
    use super::{WithChangeEvents, changes_suite};

    changes_suite!(WithChangeEvents);
}

struct Straight(Arc<PostgresStore>);

impl StoreHarness for Straight {
    type Store = PostgresStore;

    const UNIT: Duration = UNIT;
    const TOLERANCE: Duration = TOLERANCE;
    const ROUNDS: usize = 30;

    async fn start() -> Self {
        let url = servers::postgres().url();
        Self(Arc::new(options().connect(&url).await.unwrap()))
    }

    fn store(&self) -> Arc<PostgresStore> {
        self.0.clone()
    }

    async fn pass(&self, time: Duration) {
        sleep(time).await;
    }
}

struct BehindPgBouncer(Arc<PostgresStore>);

impl StoreHarness for BehindPgBouncer {
    type Store = PostgresStore;

    const UNIT: Duration = UNIT;
    const TOLERANCE: Duration = TOLERANCE;
    const ROUNDS: usize = 10;

    async fn start() -> Self {
        let url = servers::pgbouncer().url();
        Self(Arc::new(options().pgbouncer(true).connect(&url).await.unwrap()))
    }

    fn store(&self) -> Arc<PostgresStore> {
        self.0.clone()
    }

    async fn pass(&self, time: Duration) {
        sleep(time).await;
    }
}

struct WithChangeEvents(Arc<PostgresStore>);

impl StoreHarness for WithChangeEvents {
    type Store = PostgresStore;

    const UNIT: Duration = UNIT;
    const TOLERANCE: Duration = TOLERANCE;
    const ROUNDS: usize = 20;

    async fn start() -> Self {
        let url = servers::postgres().url();
        Self(Arc::new(options().change_events(true).connect(&url).await.unwrap()))
    }

    fn store(&self) -> Arc<PostgresStore> {
        self.0.clone()
    }

    async fn pass(&self, time: Duration) {
        sleep(time).await;
    }
}
