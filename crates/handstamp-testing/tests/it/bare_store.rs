//! A store that does what every store has to do, and nothing besides.

use std::sync::Arc;
use std::time::Duration;

use handstamp::store::{Created, Record, StoreError, Stored, Updated, Version};
use handstamp::{MemoryStore, SessionId, SessionStore};
use handstamp_testing::{ManualClock, StoreHarness, store_suite};

store_suite!(Harness, without index, without scan);

struct Harness {
    clock: Arc<ManualClock>,
    store: Arc<BareStore>,
}

impl StoreHarness for Harness {
    type Store = BareStore;
    const ROUNDS: usize = 10;
    const TOLERANCE: Duration = Duration::ZERO;

    async fn start() -> Self {
        let clock = Arc::new(ManualClock::new());
        let store = Arc::new(BareStore(MemoryStore::new().with_clock(clock.clone())));
        Self { clock, store }
    }

    fn store(&self) -> Arc<BareStore> {
        self.store.clone()
    }

    async fn pass(&self, time: Duration) {
        self.clock.advance(time);
    }
}

#[derive(Debug)]
struct BareStore(MemoryStore);

impl SessionStore for BareStore {
    async fn load(&self, id: &SessionId) -> Result<Option<Stored>, StoreError> {
        self.0.load(id).await
    }

    async fn create(&self, id: &SessionId, record: &Record) -> Result<Created, StoreError> {
        self.0.create(id, record).await
    }

    async fn update(
        &self,
        id: &SessionId,
        version: Version,
        record: &Record,
    ) -> Result<Updated, StoreError> {
        self.0.update(id, version, record).await
    }

    async fn touch(&self, id: &SessionId, lifetime: Duration) -> Result<bool, StoreError> {
        self.0.touch(id, lifetime).await
    }

    async fn delete(&self, id: &SessionId) -> Result<Option<Arc<[u8]>>, StoreError> {
        self.0.delete(id).await
    }
}
