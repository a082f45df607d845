//! Counts the calls of a store: round trips, if there were a network in between.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use handstamp::store::{Created, Record, StoreError, Stored, Updated, Version};
use handstamp::{MemoryStore, SessionId, SessionStore};

use crate::{Fallible, ours};

/// How many store calls a request of this case makes.
pub(crate) fn store_calls(case: &str) -> Fallible<usize> {
    const REQUESTS: usize = 10;
    Ok((calls(case, REQUESTS)? - calls(case, 0)?) / REQUESTS)
}

fn calls(case: &str, requests: usize) -> Fallible<usize> {
    let store = Counting { store: MemoryStore::new(), calls: Arc::default() };
    let calls = Arc::clone(&store.calls);
    kit::drive(async || ours::router(store), case, 200, requests)?;
    Ok(calls.load(Ordering::Relaxed))
}

#[derive(Clone, Debug)]
struct Counting {
    store: MemoryStore,
    calls: Arc<AtomicUsize>,
}

impl Counting {
    fn counted(&self) -> &MemoryStore {
        self.calls.fetch_add(1, Ordering::Relaxed);
        &self.store
    }
}

impl SessionStore for Counting {
    async fn load(&self, id: &SessionId) -> Result<Option<Stored>, StoreError> {
        self.counted().load(id).await
    }

    async fn create(&self, id: &SessionId, record: &Record) -> Result<Created, StoreError> {
        self.counted().create(id, record).await
    }

    async fn update(
        &self,
        id: &SessionId,
        version: Version,
        record: &Record,
    ) -> Result<Updated, StoreError> {
        self.counted().update(id, version, record).await
    }

    async fn touch(&self, id: &SessionId, lifetime: Duration) -> Result<bool, StoreError> {
        self.counted().touch(id, lifetime).await
    }

    async fn delete(&self, id: &SessionId) -> Result<Option<Arc<[u8]>>, StoreError> {
        self.counted().delete(id).await
    }
}
