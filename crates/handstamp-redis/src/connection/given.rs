//! Connections that the application already has.

use std::fmt;
use std::sync::Arc;

use redis::aio::{ConnectionLike, ConnectionManager, MultiplexedConnection};
use redis::cluster_async::ClusterConnection;
use redis::cluster_routing::{Route, RoutingInfo, SingleNodeRoutingInfo, SlotAddr};
use redis::{ErrorKind, RedisError, Value};

use super::dialer::Address;
use super::request::{Failure, Request};
use super::slot;
use super::topology::Map;

/// See the [module docs](self).
#[derive(Clone)]
pub(crate) enum Given {
    Cluster(ClusterConnection),
    Manager(ConnectionManager),
    Multiplexed(MultiplexedConnection),
}

impl Given {
    pub(crate) fn is_cluster(&self) -> bool {
        matches!(self, Self::Cluster(_))
    }

    /// Asks the server that has the slot of a key.
    pub(crate) async fn ask(&self, key: &str, request: &Request) -> Result<Vec<Value>, Failure> {
        let route = Route::new(slot::of(key.as_bytes()), SlotAddr::Master);
        self.ask_route(&SingleNodeRoutingInfo::SpecificNode(route), request).await
    }

    /// Asks one master of a Cluster.
    pub(crate) async fn ask_master(
        &self,
        master: &Address,
        request: &Request,
    ) -> Result<Vec<Value>, Failure> {
        let Address::Tcp(host, port) = master.clone() else {
            let error =
                RedisError::from((ErrorKind::InvalidClientConfig, "a master has no address"));
            return Err(Failure { error, sent: false });
        };
        self.ask_route(&SingleNodeRoutingInfo::ByAddress { host, port }, request).await
    }

    /// Who has which slot.
    pub(crate) async fn fresh_map(&self) -> Result<Arc<Map>, Failure> {
        let failed = |error| Failure { error, sent: true };
        let Self::Cluster(connection) = self else {
            return Err(failed(RedisError::from((ErrorKind::Client, "it is no Cluster"))));
        };
        let mut command = redis::cmd("CLUSTER");
        command.arg("SLOTS");
        let anybody = RoutingInfo::SingleNode(SingleNodeRoutingInfo::Random);
        let answer = connection.clone().route_command(command, anybody).await.map_err(failed)?;
        // A server that does not know its own name can't be asked by its address either.
        let nowhere = Address::Unix("".into());
        Map::parse(answer, &nowhere).map(Arc::new).map_err(failed)
    }

    async fn ask_route(
        &self,
        route: &SingleNodeRoutingInfo,
        request: &Request,
    ) -> Result<Vec<Value>, Failure> {
        let answers = self.ask_once(route, request).await?;
        match request.teaching(&answers) {
            // The first answer is that to the teaching.
            Some(teaching) => Ok(self.ask_once(route, &teaching).await?.split_off(1)),
            None => Ok(answers),
        }
    }

    async fn ask_once(
        &self,
        route: &SingleNodeRoutingInfo,
        request: &Request,
    ) -> Result<Vec<Value>, Failure> {
        let pipeline = request.pipeline();
        let count = pipeline.len();
        let answers = match self.clone() {
            Self::Cluster(mut connection) => {
                connection.route_pipeline(pipeline, 0, count, route.clone()).await
            }
            Self::Manager(mut connection) => {
                connection.send_packed_commands(&pipeline, 0, count).await
            }
            Self::Multiplexed(mut connection) => {
                connection.req_packed_commands(&pipeline, 0, count).await
            }
        };
        answers.map_err(|error| Failure { error, sent: true })
    }
}

/// Shows what kind it is.
impl fmt::Debug for Given {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Cluster(_) => "Given(ClusterConnection)",
            Self::Manager(_) => "Given(ConnectionManager)",
            Self::Multiplexed(_) => "Given(MultiplexedConnection)",
        })
    }
}
