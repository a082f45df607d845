//! How a store is set up.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use handstamp::store::{ConnectionEvent, StoreError, StoreErrorKind};
use redis::aio::{ConnectionManager, MultiplexedConnection};
use redis::cluster_async::ClusterConnection;
use rustls::crypto::{CryptoProvider, ring};

use crate::connection::{
    Connection, Dialer, Events, Given, Observer, Patience, Sentinels, Server, User, Wait,
};
use crate::error::refusal;
use crate::layout::Layout;
use crate::url::{self, Place, Target};
use crate::{NearCache, RedisStore};

/// The settings of a [`RedisStore`].
///
/// ```no_run
/// use handstamp_redis::RedisOptions;
///
/// # async fn example() -> Result<(), handstamp::store::StoreError> {
/// let store = RedisOptions::new().prefix("shop:sess:").connect("rediss://cache.example:6380").await?;
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug)]
pub struct RedisOptions {
    absence_patience: Duration,
    authorities: Option<PathBuf>,
    connect_timeout: Duration,
    max_document_bytes: usize,
    near_cache: Option<NearCache>,
    observer: Observer,
    prefix: String,
    response_timeout: Duration,
    wait: Option<Wait>,
}

impl RedisOptions {
    /// The default settings.
    #[must_use]
    pub fn new() -> Self {
        Self {
            absence_patience: Duration::from_secs(2),
            authorities: None,
            connect_timeout: Duration::from_secs(2),
            max_document_bytes: 16 << 20,
            near_cache: None,
            observer: Observer::default(),
            prefix: "sess:".to_owned(),
            response_timeout: Duration::from_secs(4),
            wait: None,
        }
    }

    /// How long a call waits for a server that has gone away, counted from when it went. 2 s unless set.
    ///
    /// A restart or a failover that is faster is not noticed by visitors. After this time, calls fail at once
    /// until the server is back; the store tries at least every half second. On a Cluster each call waits so
    /// long. A call that was under way when the server went fails at once, if it may have changed something:
    /// nothing that may have been done is sent again. A read is sent once more.
    #[must_use]
    pub fn absence_patience(mut self, patience: Duration) -> Self {
        self.absence_patience = patience;
        self
    }

    /// Whom to trust in place of the system's certificate authorities: a file in PEM. For `rediss://` only.
    #[must_use]
    pub fn ca_file(mut self, path: impl Into<PathBuf>) -> Self {
        self.authorities = Some(path.into());
        self
    }

    /// How long one attempt to connect may take. 2 s unless set.
    #[must_use]
    pub fn connect_timeout(mut self, timeout: Duration) -> Self {
        self.connect_timeout = timeout;
        self
    }

    /// The largest document that is written, in bytes. 16 MiB unless set.
    ///
    /// A larger one fails as too large. What is stored already can be read at any size.
    #[must_use]
    pub fn max_document_bytes(mut self, bytes: usize) -> Self {
        self.max_document_bytes = bytes;
        self
    }

    /// Keeps sessions that were read lately in this process's memory. No cache unless set.
    ///
    /// The server tells what changes, as `CLIENT TRACKING` does, so a change by another process holds here
    /// within milliseconds. It tells of every write under the prefix, to every process that has such a cache.
    /// What this handle changes holds at once. Whatever happens to the connection,
    /// nothing is told that is older than [`NearCache::staleness`].
    ///
    /// Use one store in a process (its clones share the cache). A store over a connection of the application
    /// can't have one, and is refused.
    #[must_use]
    pub fn near_cache(mut self, cache: NearCache) -> Self {
        self.near_cache = Some(cache);
        self
    }

    /// Is told when the server is reached, and when it is lost. No observer unless set.
    ///
    /// It is called in a task of the store's and should be brief. A Cluster counts as lost when none of its
    /// servers can be reached.
    #[must_use]
    pub fn on_connection(
        mut self,
        observer: impl Fn(ConnectionEvent) + Send + Sync + 'static,
    ) -> Self {
        self.observer = Observer(Some(Arc::new(observer)));
        self
    }

    /// What the keys of sessions begin with. `sess:` unless set, as with connect-redis.
    ///
    /// Stores with different prefixes keep different sessions on one server, if no prefix begins with
    /// another. A hash tag in it (`{app}:sess:`) puts all sessions of a Cluster on one of its servers; other
    /// braces are refused when the store is made.
    #[must_use]
    pub fn prefix(mut self, prefix: impl Into<String>) -> Self {
        self.prefix = prefix.into();
        self
    }

    /// How long an answer may take. 4 s unless set.
    ///
    /// Then the call fails as timed out, and the connection is replaced. The engine waits for 5 s: a shorter
    /// time here makes an error that says more.
    #[must_use]
    pub fn response_timeout(mut self, timeout: Duration) -> Self {
        self.response_timeout = timeout;
        self
    }

    /// Lets writes that matter most wait until so many replicas have them, but not longer than `timeout` (at
    /// most half of the [response timeout](Self::response_timeout)). No waiting unless set.
    ///
    /// These are: creating a session that has an owner (a login is one), ending sessions in whatever way,
    /// revocations. Not waited for is the old id of a session that gets a new one, which stays for a few
    /// seconds to lead to the new one. If too few replicas have it in time, the call fails as timed out,
    /// though it was done; doing it again does no harm. A revocation ends all sessions first, and then waits
    /// once.
    ///
    /// On a Cluster the owner's list may be on another master than the session, so a login waits twice: first
    /// until it is in the list, then for itself. If the first fails, the session is not created.
    ///
    /// It promises that the write was in the memory of so many replicas. It does not promise that it is on a
    /// disk, nor that it survives a failover: a replica that has it not may be chosen, in rare cases also when
    /// others have it. It makes the loss of a login or of a sign-out unlikely, not impossible.
    #[must_use]
    pub fn wait(mut self, replicas: usize, timeout: Duration) -> Self {
        self.wait = Some(Wait { replicas, timeout });
        self
    }

    /// Connects to the server that a URL names: see [`RedisStore::connect`] for which there are.
    ///
    /// # Errors
    /// - `Refused`: the URL or a setting can't be used, the file of certificates can't be read, or the
    ///   server does not take this user, or does not tell it of the changes that a near cache needs.
    /// - `Timeout`, `Unavailable`: the server can't be reached.
    ///
    /// # Panics
    /// Outside a Tokio runtime.
    pub async fn connect(&self, url: &str) -> Result<RedisStore, StoreError> {
        let store = self.connect_lazily(url)?;
        store.connected().await?;
        store.watched().await?;
        Ok(store)
    }

    /// As [`connect`](Self::connect), but does not wait: the store is there at once and connects by itself,
    /// as often as it takes. Until it has, calls wait or fail as when the server is away.
    ///
    /// # Errors
    /// `Refused`: the URL or a setting can't be used, or the file of certificates can't be read.
    ///
    /// # Panics
    /// Outside a Tokio runtime.
    pub fn connect_lazily(&self, url: &str) -> Result<RedisStore, StoreError> {
        let Target { place, user, database, tls } = url::parse(url)?;
        let layout = Layout::new(&self.prefix)?;
        let (authorities, patience) = (self.read_authorities()?, self.patience());
        let dialer = Dialer { user, database, tls, authorities, patience };
        if dialer.tls && CryptoProvider::get_default().is_none() {
            // If another crate brings a second one, rustls does not choose. Whoever has chosen stays.
            drop(ring::default_provider().install_default());
        }
        let events = Events::told_to(self.observer.clone());
        let waits = self.wait.is_some();
        let connection = match place {
            Place::Cluster(seeds) => Connection::to_cluster(seeds, dialer, events),
            Place::One(address) => Connection::to_one(Server::At(address), dialer, events, waits),
            Place::Sentinel { sentinels, master, user: (name, password) } => {
                let user = User { name, password };
                let asker = Dialer { user, database: 0, ..dialer.clone() };
                let sentinels = Sentinels { addresses: sentinels, master, dialer: asker };
                Connection::to_one(Server::Master(sentinels), dialer, events, waits)
            }
        };
        self.over(connection, layout)
    }

    /// Uses a connection that the application has. It reconnects as the application has set it up; the
    /// settings here that are about connecting don't hold for it.
    ///
    /// # Errors
    /// `Refused`: the prefix can't be used.
    pub fn connection_manager(&self, manager: ConnectionManager) -> Result<RedisStore, StoreError> {
        self.given(Given::Manager(manager))
    }

    /// Uses a connection to a Cluster that the application has.
    ///
    /// It sends again what was lost with a connection, also when that had been done. So a write may happen
    /// twice when a server fails: a counter may count twice then. The store's own connections don't do that.
    ///
    /// # Errors
    /// `Refused`: the prefix can't be used.
    pub fn cluster_connection(&self, cluster: ClusterConnection) -> Result<RedisStore, StoreError> {
        self.given(Given::Cluster(cluster))
    }

    /// Uses a connection that the application has. Once it has ended, the store fails for good.
    ///
    /// # Errors
    /// `Refused`: the prefix can't be used.
    pub fn multiplexed_connection(
        &self,
        connection: MultiplexedConnection,
    ) -> Result<RedisStore, StoreError> {
        self.given(Given::Multiplexed(connection))
    }

    fn given(&self, given: Given) -> Result<RedisStore, StoreError> {
        self.over(Connection::Given(given), Layout::new(&self.prefix)?)
    }

    fn over(&self, connection: Connection, layout: Layout) -> Result<RedisStore, StoreError> {
        let limit = self.response_timeout / 2;
        let wait = self.wait.map(|wait| Wait {
            // To wait for zero would be to wait forever.
            timeout: wait.timeout.min(limit).max(Duration::from_millis(1)),
            ..wait
        });
        let store = RedisStore::over(connection, layout, wait, self.max_document_bytes);
        let Some(cache) = &self.near_cache else { return Ok(store) };
        store.with_near_cache(cache.clone()).ok_or_else(|| {
            let advice = "a near cache has to be told of changes, for which the store has to connect by \
                          itself, with a URL; leave the cache out for a connection of the application";
            refusal(StoreErrorKind::Refused, advice)
        })
    }

    fn patience(&self) -> Patience {
        Patience {
            absence: self.absence_patience,
            connect: self.connect_timeout,
            response: self.response_timeout,
        }
    }

    fn read_authorities(&self) -> Result<Option<Vec<u8>>, StoreError> {
        let Some(path) = &self.authorities else { return Ok(None) };
        std::fs::read(path).map(Some).map_err(|error| {
            let path = path.display();
            let advice = format!("the file of certificates {path} can't be read: {error}");
            refusal(StoreErrorKind::Refused, advice)
        })
    }
}

impl Default for RedisOptions {
    fn default() -> Self {
        Self::new()
    }
}
