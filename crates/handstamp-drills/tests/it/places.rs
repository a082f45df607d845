//! Where the stores are that tests share: every kind of server there is.

use std::path::Path;

use handstamp_testing::servers::{self, Cluster, Sentinel};
use tokio::task::block_in_place;

/// A kind of store.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Place {
    MariaDb,
    PgBouncer,
    Postgres,
    Redis,
    RedisCluster,
    /// With a near cache in every process.
    RedisClusterNear,
    /// With a near cache in every process.
    RedisNear,
    RedisSentinel,
    Sqlite,
    Valkey,
}

impl Place {
    /// The URL of the server that all tests share, or of a file in this folder.
    pub(crate) fn url(self, folder: &Path) -> String {
        // The server may have to be started first, and that blocks.
        block_in_place(|| match self {
            Self::MariaDb => servers::mariadb().url(),
            Self::PgBouncer => servers::pgbouncer().url().replacen("postgres:", "pgbouncer:", 1),
            Self::Postgres => servers::postgres().url(),
            Self::Redis => servers::redis().url(),
            Self::RedisCluster => cluster_url(servers::cluster()),
            Self::RedisClusterNear => format!("near+{}", cluster_url(servers::cluster())),
            Self::RedisNear => format!("near+{}", servers::redis().url()),
            Self::RedisSentinel => sentinel_url(servers::sentinel()),
            Self::Sqlite => format!("sqlite://{}", folder.join("sessions.db").display()),
            Self::Valkey => servers::valkey().url(),
        })
    }
}

pub(crate) fn cluster_url(cluster: &Cluster) -> String {
    let addresses: Vec<String> = cluster.nodes().iter().map(|node| node.address()).collect();
    format!("redis+cluster://{}", addresses.join(","))
}

pub(crate) fn sentinel_url(sentinel: &Sentinel) -> String {
    format!("redis+sentinel://{}/{}/0", sentinel.addresses().join(","), Sentinel::MASTER)
}

/// Makes a test of an async function for every [`Place`].
macro_rules! in_every_place {
    ($test:ident: $($name:ident $place:ident),+ $(,)?) => {
        mod $test {
            $(
                #[tokio::test(flavor = "multi_thread", worker_threads = 4)]
                async fn $name() {
                    super::$test($crate::places::Place::$place).await;
                }
            )+
        }
    };
    ($test:ident) => {
        $crate::places::in_every_place! {
            $test:
            mariadb MariaDb,
            pgbouncer PgBouncer,
            postgres Postgres,
            redis Redis,
            redis_cluster RedisCluster,
            redis_cluster_near RedisClusterNear,
            redis_near RedisNear,
            redis_sentinel RedisSentinel,
            sqlite Sqlite,
            valkey Valkey,
        }
    };
}
pub(crate) use in_every_place;
