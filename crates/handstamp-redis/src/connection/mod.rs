//! The way to the servers, of which the store sees this much: it asks for a key, and whoever has it answers.

mod backoff;
mod cluster;
mod dialer;
mod given;
mod link;
mod request;
mod sentinel;
pub(crate) mod slot;
mod topology;

use std::sync::Arc;

use handstamp::store::StoreError;
use redis::Value;

pub(crate) use cluster::Cluster;
pub(crate) use dialer::{Address, Dialer, Patience, User};
pub(crate) use given::Given;
pub(crate) use link::{Link, Server};
pub(crate) use request::Request;
pub(crate) use sentinel::Sentinels;
pub(crate) use topology::Map;

use crate::error::{answer, failure, nonsense};

/// The way to one server or to a Cluster. A clone is the same way.
#[derive(Clone, Debug)]
pub(crate) enum Connection {
    Cluster(Cluster, Patience),
    Given(Given),
    One(Link),
}

impl Connection {
    /// Waits until the first attempt to connect has succeeded or failed.
    pub(crate) async fn opened(&self) -> Result<(), StoreError> {
        match self {
            Self::Cluster(cluster, _) => cluster.opened().await,
            Self::Given(_) => Ok(()),
            Self::One(link) => link.opened().await,
        }
        .map_err(|error| failure(&error))
    }

    /// Whether keys are on several servers, so that a script can use those of one slot only.
    pub(crate) fn is_cluster(&self) -> bool {
        match self {
            Self::Cluster(..) => true,
            Self::Given(given) => given.is_cluster(),
            Self::One(_) => false,
        }
    }

    /// Asks whoever has this key for several things, in one round trip. Each may have failed.
    pub(crate) async fn ask_all(
        &self,
        key: &str,
        request: &Request,
    ) -> Result<Vec<Value>, StoreError> {
        match self {
            Self::Cluster(cluster, patience) => cluster.ask(key, patience.absence, request).await,
            Self::Given(given) => given.ask(key, request).await,
            Self::One(link) => link.ask(request).await,
        }
        .map_err(|failed| failure(&failed.error))
    }

    /// Asks whoever has this key for one thing.
    pub(crate) async fn ask(&self, key: &str, request: &Request) -> Result<Value, StoreError> {
        answer(self.ask_all(key, request).await?.pop().ok_or_else(nonsense)?)
    }

    /// Asks one master for several things. `None`: there is one server only.
    pub(crate) async fn ask_master(
        &self,
        master: Option<&Address>,
        request: &Request,
    ) -> Result<Vec<Value>, StoreError> {
        match (self, master) {
            (Self::Cluster(cluster, _), Some(master)) => cluster.ask_master(master, request).await,
            (Self::Given(given), Some(master)) => given.ask_master(master, request).await,
            // Where all keys are on one server, one is as good as another.
            _ => return self.ask_all("", request).await,
        }
        .map_err(|failed| failure(&failed.error))
    }

    /// Who has which slot just now. `None`: one server has them all.
    pub(crate) async fn fresh_map(&self) -> Result<Option<Arc<Map>>, StoreError> {
        match self {
            Self::Cluster(cluster, _) => cluster.fresh_map().await.map(Some),
            Self::Given(given) if given.is_cluster() => given.fresh_map().await.map(Some),
            Self::Given(_) | Self::One(_) => Ok(None),
        }
        .map_err(|failed| failure(&failed.error))
    }
}
