use std::sync::Arc;
use std::time::Duration;

use handstamp_redis::{RedisOptions, RedisStore};
use handstamp_testing::{StoreHarness, servers, store_suite};
use tokio::time::sleep;

use crate::support::prefix;

/// One server, and a connection for each caller: between processes it is no different.
mod one_server {
    use super::{OneServer, store_suite};

    store_suite!(OneServer);
}

/// One connection for all callers, as an application has it.
mod one_connection {
    use super::{OneConnection, store_suite};

    store_suite!(OneConnection);
}

mod valkey {
    use super::{Valkey, store_suite};

    store_suite!(Valkey);
}

mod sentinel {
    use super::{Sentinel, store_suite};

    store_suite!(Sentinel);
}

mod cluster {
    use super::{Cluster, store_suite};

    store_suite!(Cluster);
}

/// Names a place where all tests of a suite keep their sessions, each under a prefix of its own.
trait Place: Send + Sync + 'static {
    const ROUNDS: usize;

    fn url() -> String;
}

/// A store, and others on connections of their own.
struct Separate<P> {
    options: RedisOptions,
    first: Arc<RedisStore>,
    others: Vec<Arc<RedisStore>>,
    next: std::sync::atomic::AtomicUsize,
    place: std::marker::PhantomData<P>,
}

impl<P: Place> StoreHarness for Separate<P> {
    type Store = RedisStore;

    const UNIT: Duration = Duration::from_millis(500);
    const TOLERANCE: Duration = Duration::from_millis(230);
    const ROUNDS: usize = P::ROUNDS;

    async fn start() -> Self {
        let options = RedisOptions::new().prefix(prefix());
        let connect = async || Arc::new(options.connect(&P::url()).await.unwrap());
        let (first, others) = (connect().await, vec![connect().await, connect().await]);
        Self { options, first, others, next: 0.into(), place: std::marker::PhantomData }
    }

    fn store(&self) -> Arc<RedisStore> {
        let _ = &self.options;
        let all = [&self.first].into_iter().chain(&self.others);
        let turn = self.next.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
        all.cycle().nth(turn % 3).unwrap().clone()
    }

    async fn pass(&self, time: Duration) {
        sleep(time).await;
    }
}

struct One;

impl Place for One {
    const ROUNDS: usize = 30;

    fn url() -> String {
        servers::redis().url()
    }
}

type OneServer = Separate<One>;

struct OnValkey;

impl Place for OnValkey {
    const ROUNDS: usize = 10;

    fn url() -> String {
        servers::valkey().url()
    }
}

type Valkey = Separate<OnValkey>;

struct OnSentinel;

impl Place for OnSentinel {
    const ROUNDS: usize = 10;

    fn url() -> String {
        let sentinels = servers::sentinel().addresses().join(",");
        format!("redis+sentinel://{sentinels}/{}", servers::Sentinel::MASTER)
    }
}

type Sentinel = Separate<OnSentinel>;

struct OnCluster;

impl Place for OnCluster {
    const ROUNDS: usize = 10;

    fn url() -> String {
        let nodes: Vec<_> = servers::cluster().nodes().iter().map(|node| node.address()).collect();
        format!("redis+cluster://{}", nodes.join(","))
    }
}

type Cluster = Separate<OnCluster>;

struct OneConnection(Arc<RedisStore>);

impl StoreHarness for OneConnection {
    type Store = RedisStore;

    const UNIT: Duration = Duration::from_millis(500);
    const TOLERANCE: Duration = Duration::from_millis(230);
    const ROUNDS: usize = 10;

    async fn start() -> Self {
        let options = RedisOptions::new().prefix(prefix());
        Self(Arc::new(options.connect(&servers::redis().url()).await.unwrap()))
    }

    fn store(&self) -> Arc<RedisStore> {
        self.0.clone()
    }

    async fn pass(&self, time: Duration) {
        sleep(time).await;
    }
}
