//! The way to the servers, of which the store sees this much: it asks for a key, and whoever has it answers.

mod backoff;
mod cluster;
mod dialer;
mod events;
mod given;
mod link;
mod request;
mod sentinel;
pub(crate) mod slot;
mod topology;
mod tracker;

use std::sync::Arc;

use handstamp::store::StoreError;
use redis::Value;

pub(crate) use cluster::Cluster;
pub(crate) use dialer::{Address, Dialer, Patience, User};
pub(crate) use events::{Events, Observer};
pub(crate) use given::Given;
pub(crate) use link::{Link, Server};
pub(crate) use request::{Request, Wait};
pub(crate) use sentinel::Sentinels;
pub(crate) use topology::Map;
pub(crate) use tracker::{Listener, Signal, Tracker};

use crate::error::{answer, failure, nonsense};

/// The way to one server or to a Cluster. A clone is the same way.
#[derive(Clone, Debug)]
pub(crate) enum Connection {
    Cluster(Cluster, Dialer),
    Given(Given),
    One(Box<One>),
}

/// The way to one server.
#[derive(Clone, Debug)]
pub(crate) struct One {
    link: Link,
    /// For requests that wait for replicas: what is asked after them waits, too.
    waiting: Link,
    server: Server,
    dialer: Dialer,
}

impl Connection {
    /// Begins to connect to one server. `waits`: some requests will wait for replicas.
    pub(crate) fn to_one(server: Server, dialer: Dialer, events: Events, waits: bool) -> Self {
        let link = Link::open(server.clone(), dialer.clone(), events);
        let waiting = if waits {
            Link::open(server.clone(), dialer.clone(), Events::default())
        } else {
            link.clone()
        };
        Self::One(Box::new(One { link, waiting, server, dialer }))
    }

    /// Begins to connect to a Cluster.
    pub(crate) fn to_cluster(seeds: Vec<Address>, dialer: Dialer, events: Events) -> Self {
        Self::Cluster(Cluster::open(seeds, dialer.clone(), events), dialer)
    }

    /// Whether [`tracker`](Self::tracker) has one.
    pub(crate) fn can_be_tracked(&self) -> bool {
        !matches!(self, Self::Given(_))
    }

    /// Begins to hear which keys with this prefix change. `None`: only who knows the server can connect to it
    /// once more.
    pub(crate) fn tracker(&self, prefix: &str) -> Option<Tracker> {
        match self {
            Self::Cluster(cluster, dialer) => {
                Some(Tracker::of_cluster(cluster.clone(), dialer.clone(), prefix.to_owned()))
            }
            Self::Given(_) => None,
            Self::One(one) => {
                let (server, dialer) = (one.server.clone(), one.dialer.clone());
                Some(Tracker::of_server(server, dialer, prefix.to_owned()))
            }
        }
    }

    /// How often somebody was asked who is not known to have the key, and so may not be tracked.
    pub(crate) fn redirections(&self) -> u64 {
        match self {
            Self::Cluster(cluster, _) => cluster.redirections(),
            Self::Given(_) | Self::One(_) => 0,
        }
    }

    /// Waits until the first attempt to connect has succeeded or failed.
    pub(crate) async fn opened(&self) -> Result<(), StoreError> {
        match self {
            Self::Cluster(cluster, _) => cluster.opened().await,
            Self::Given(_) => Ok(()),
            Self::One(one) => one.link.opened().await,
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
            Self::Cluster(cluster, dialer) => {
                cluster.ask(key, dialer.patience.absence, request).await
            }
            Self::Given(given) => given.ask(key, request).await,
            Self::One(one) if request.waits() => one.waiting.ask(request).await,
            Self::One(one) => one.link.ask(request).await,
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
            (Self::Cluster(cluster, dialer), Some(master)) => {
                cluster.ask_master(master, dialer.patience.absence, request).await
            }
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
