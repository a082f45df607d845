//! Hears from every master which keys change, as `CLIENT TRACKING` in its broadcasting mode tells.
//!
//! Each master has a connection for this alone, so that what it tells waits behind no answer. It tells of
//! whatever changes a key: other writers, expiry, eviction. What changes while a connection is away is told by
//! nobody, so whoever listens is told that.

use std::collections::HashMap;
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use redis::aio::{AsyncPushSender, MultiplexedConnection, SendError};
use redis::{Cmd, PushInfo, PushKind, RedisError, RedisResult, Value};
use tokio::sync::{Notify, watch};
use tokio::task::AbortHandle;
use tokio::time::sleep;

use super::backoff::Backoff;
use super::cluster::Cluster;
use super::dialer::{Address, Dialer};
use super::link::{Server, in_time};

/// How often a connection that says nothing is asked whether it lives, and how long it has to answer. Many
/// say nothing for long, and one that is cut without a word looks the same.
const CHECK: Duration = Duration::from_secs(1);

/// What those who listen are told.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Signal<'a> {
    /// All keys have changed.
    All,
    /// This key has changed.
    Key(&'a [u8]),
    /// From now on changes are missed.
    Lost,
    /// From now on every change is told.
    Watching,
}

/// Hears of changes. It is told on the task that reads from the server, so it must be quick.
pub(crate) trait Listener: Send + Sync {
    fn hear(&self, signal: &Signal<'_>);
}

/// See the [module docs](self). Dropping it ends the connections.
pub(crate) struct Tracker {
    hub: Arc<Hub>,
    task: AbortHandle,
}

impl Drop for Tracker {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl fmt::Debug for Tracker {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Tracker(..)")
    }
}

impl Tracker {
    /// Begins to track one server.
    ///
    /// # Panics
    /// Outside a Tokio runtime.
    pub(crate) fn of_server(server: Server, dialer: Dialer, prefix: String) -> Self {
        let hub = Arc::new(Hub::new(dialer, prefix));
        hub.expect(&[None]);
        let task = tokio::spawn(track(hub.clone(), None, server, || {})).abort_handle();
        Self { hub, task }
    }

    /// Begins to track all masters of a Cluster.
    ///
    /// # Panics
    /// Outside a Tokio runtime.
    pub(crate) fn of_cluster(cluster: Cluster, dialer: Dialer, prefix: String) -> Self {
        let hub = Arc::new(Hub::new(dialer, prefix));
        let task = tokio::spawn(track_masters(hub.clone(), cluster)).abort_handle();
        Self { hub, task }
    }

    /// Tells somebody of what changes from now on, as long as he lives. `begin` gets whether
    /// all is watched just now; of that nobody is told.
    pub(crate) fn tell(&self, listener: &Arc<dyn Listener>, begin: impl FnOnce(bool)) {
        let mut state = self.hub.state();
        state.listeners.push(Arc::downgrade(listener));
        begin(state.is_watching());
    }

    /// Waits until every change is told. It may fail for a while before.
    pub(crate) async fn watching(&self) -> Result<(), Option<RedisError>> {
        let mut watching = self.hub.watching.subscribe();
        let limit = self.hub.dialer.patience;
        let limit = limit.connect.saturating_add(limit.absence);
        let ready = async { watching.wait_for(|watching| *watching).await.is_ok() };
        match tokio::time::timeout(limit, ready).await {
            Ok(true) => Ok(()),
            _ => Err(self.hub.state().error.clone()),
        }
    }
}

/// A master by its address; one that is the only one needs none.
type Master = Option<Address>;

/// Where what the masters tell comes together.
struct Hub {
    dialer: Dialer,
    prefix: String,
    state: Mutex<State>,
    watching: watch::Sender<bool>,
}

#[derive(Default)]
struct State {
    /// Which masters have to be watched, and whether they are.
    masters: HashMap<Master, bool>,
    listeners: Vec<std::sync::Weak<dyn Listener>>,
    /// Why the last attempt to watch has failed.
    error: Option<RedisError>,
}

impl State {
    fn is_watching(&self) -> bool {
        !self.masters.is_empty() && self.masters.values().all(|up| *up)
    }

    fn tell(&mut self, signal: &Signal<'_>) {
        self.listeners.retain(|listener| match listener.upgrade() {
            Some(listener) => {
                listener.hear(signal);
                true
            }
            None => false,
        });
    }
}

impl Hub {
    fn new(dialer: Dialer, prefix: String) -> Self {
        Self { dialer, prefix, state: Mutex::default(), watching: watch::Sender::new(false) }
    }

    /// A listener that panicked leaves the state as it was.
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// These masters and no others have to be watched.
    fn expect(&self, masters: &[Master]) {
        self.change(|known| {
            known.retain(|master, _| masters.contains(master));
            for master in masters {
                known.entry(master.clone()).or_insert(false);
            }
        });
    }

    fn note(&self, master: &Master, up: bool) {
        self.change(|known| {
            // Its last words may come when it is not to be watched any more.
            known.entry(master.clone()).and_modify(|known| *known = up);
        });
    }

    /// Under one lock, so that everybody is told in the order in which it happens.
    fn change(&self, change: impl FnOnce(&mut HashMap<Master, bool>)) {
        let mut state = self.state();
        let before = state.is_watching();
        change(&mut state.masters);
        let now = state.is_watching();
        match (before, now) {
            (true, false) => state.tell(&Signal::Lost),
            (false, true) => state.tell(&Signal::Watching),
            _ => {}
        }
        self.watching.send_replace(now);
    }

    fn hear(&self, data: &[Value]) {
        let mut state = self.state();
        match data.first() {
            Some(Value::Array(keys)) => {
                for key in keys {
                    if let Value::BulkString(key) = key {
                        state.tell(&Signal::Key(key));
                    }
                }
            }
            // `FLUSHALL` names no key.
            _ => state.tell(&Signal::All),
        }
    }

    /// Connects and asks to be told.
    async fn begin(
        &self,
        server: &Server,
        ear: Ear,
    ) -> RedisResult<(MultiplexedConnection, Address)> {
        let limit = self.dialer.patience.connect;
        let (mut connection, address) = in_time(limit, server.connect(&self.dialer, ear)).await?;
        in_time(limit, self.tracking().exec_async(&mut connection)).await?;
        Ok((connection, address))
    }

    fn tracking(&self) -> Cmd {
        let mut command = redis::cmd("CLIENT");
        command.arg("TRACKING").arg("ON").arg("BCAST");
        if !self.prefix.is_empty() {
            command.arg("PREFIX").arg(&self.prefix);
        }
        command
    }
}

/// Takes what one connection is told.
#[derive(Clone)]
struct Ear {
    hub: Arc<Hub>,
    ended: Arc<Notify>,
}

impl AsyncPushSender for Ear {
    fn send(&self, push: PushInfo) -> Result<(), SendError> {
        match push.kind {
            PushKind::Disconnection => self.ended.notify_one(),
            PushKind::Invalidate => self.hub.hear(&push.data),
            _ => {}
        }
        Ok(())
    }
}

/// Watches one master, and again whenever the connection has ended.
async fn track(hub: Arc<Hub>, master: Master, server: Server, lost: impl Fn()) {
    let mut backoff = Backoff::default();
    loop {
        let ear = Ear { hub: hub.clone(), ended: Arc::default() };
        match hub.begin(&server, ear.clone()).await {
            Ok((connection, address)) => {
                backoff = Backoff::default();
                // Whoever listens may forget what he heard, but must not keep what he did not hear: so this
                // comes when the server has begun to tell, and the loss before anybody connects again.
                hub.note(&master, true);
                tokio::select! {
                    () = ear.ended.notified() => {}
                    () = silent(connection) => {}
                    () = server.moved(&address, &hub.dialer) => {}
                }
                hub.note(&master, false);
                lost();
            }
            Err(error) => hub.state().error = Some(error),
        }
        sleep(backoff.next()).await;
    }
}

/// Returns when the server does not answer in time.
async fn silent(mut connection: MultiplexedConnection) {
    loop {
        sleep(CHECK).await;
        let ping = redis::cmd("PING");
        let asked = connection.send_packed_command(&ping);
        if in_time(CHECK, asked).await.is_err() {
            return;
        }
    }
}

/// Watches the masters that there are.
async fn track_masters(hub: Arc<Hub>, cluster: Cluster) {
    let mut tracks: HashMap<Address, Track> = HashMap::new();
    let mut maps = cluster.maps();
    loop {
        if let Some(map) = maps.current() {
            let masters = map.masters();
            let expected: Vec<Master> = masters.iter().cloned().map(Some).collect();
            hub.expect(&expected);
            tracks.retain(|address, _| masters.contains(address));
            for address in masters {
                let begin = || Track::begin(&hub, &address, &cluster);
                tracks.entry(address.clone()).or_insert_with(begin);
            }
        }
        if !maps.changed().await {
            return;
        }
    }
}

/// The task that watches one master.
struct Track(AbortHandle);

impl Track {
    fn begin(hub: &Arc<Hub>, address: &Address, cluster: &Cluster) -> Self {
        let (server, cluster) = (Server::At(address.clone()), cluster.clone());
        // Another may be the master now.
        let lost = move || cluster.suspect();
        Self(tokio::spawn(track(hub.clone(), Some(address.clone()), server, lost)).abort_handle())
    }
}

impl Drop for Track {
    fn drop(&mut self) {
        self.0.abort();
    }
}
