use std::marker::PhantomData;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use handstamp_redis::{NearCache, RedisOptions, RedisStore};
use handstamp_testing::{StoreHarness, changes_suite, servers, store_suite};
use tokio::time::sleep;

use crate::support::{cluster_url, database, prefix, redis, sentinel_url, valkey};

/// One server, and a connection for each caller: between processes it is no different.
mod one_server {
    use super::{One, Separate, changes_suite, store_suite};

    store_suite!(Separate<One>);
    changes_suite!(Separate<One>);
}

/// One store for all callers, as an application has it, with its near cache.
mod near_cache {
    use super::{Shared, changes_suite, store_suite};

    store_suite!(Shared);
    changes_suite!(Shared);
}

mod valkey {
    use super::{OnValkey, Separate, changes_suite, store_suite};

    store_suite!(Separate<OnValkey>);
    changes_suite!(Separate<OnValkey>);
}

mod sentinel {
    use super::{OnSentinel, Separate, store_suite};

    store_suite!(Separate<OnSentinel>);
}

mod cluster {
    use super::{OnCluster, Separate, changes_suite, store_suite};

    store_suite!(Separate<OnCluster>);
    changes_suite!(Separate<OnCluster>);
}

/// Where all tests of a suite keep their sessions.
trait Place: Send + Sync + 'static {
    const ROUNDS: usize;

    /// A database of it.
    fn url() -> String;
}

/// A few stores on connections of their own, which are one to the tests.
struct Separate<P> {
    stores: Vec<Arc<RedisStore>>,
    turns: AtomicUsize,
    place: PhantomData<P>,
}

impl<P: Place> StoreHarness for Separate<P> {
    type Store = RedisStore;

    const UNIT: Duration = Duration::from_millis(700);
    const TOLERANCE: Duration = Duration::from_millis(340);
    const ROUNDS: usize = P::ROUNDS;

    async fn start() -> Self {
        let (options, url) = (RedisOptions::new().prefix(prefix()), P::url());
        let mut stores = Vec::new();
        for _ in 0..3 {
            stores.push(Arc::new(options.connect(&url).await.unwrap()));
        }
        Self { stores, turns: AtomicUsize::new(0), place: PhantomData }
    }

    fn store(&self) -> Arc<RedisStore> {
        let turn = self.turns.fetch_add(1, Ordering::Relaxed);
        self.stores[turn % self.stores.len()].clone()
    }

    async fn pass(&self, time: Duration) {
        sleep(time).await;
    }
}

struct One;

impl Place for One {
    const ROUNDS: usize = 30;

    fn url() -> String {
        database(redis())
    }
}

struct OnValkey;

impl Place for OnValkey {
    const ROUNDS: usize = 10;

    fn url() -> String {
        database(valkey())
    }
}

struct OnSentinel;

impl Place for OnSentinel {
    const ROUNDS: usize = 10;

    fn url() -> String {
        sentinel_url(servers::sentinel())
    }
}

struct OnCluster;

impl Place for OnCluster {
    const ROUNDS: usize = 10;

    fn url() -> String {
        cluster_url(servers::cluster())
    }
}

struct Shared(Arc<RedisStore>);

impl StoreHarness for Shared {
    type Store = RedisStore;

    const UNIT: Duration = Duration::from_millis(700);
    const TOLERANCE: Duration = Duration::from_millis(340);
    const ROUNDS: usize = 30;

    async fn start() -> Self {
        let options = RedisOptions::new().prefix(prefix()).near_cache(NearCache::new());
        Self(Arc::new(options.connect(&database(redis())).await.unwrap()))
    }

    fn store(&self) -> Arc<RedisStore> {
        self.0.clone()
    }

    async fn pass(&self, time: Duration) {
        sleep(time).await;
    }
}
