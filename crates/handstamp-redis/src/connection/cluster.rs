//! A Cluster: which master has which slot, and a link to each.
//!
//! The `redis` crate has a client for this, too, which an application may
//! [hand over](crate::RedisOptions::cluster_connection). Ours differs in one thing: a write that may have been
//! done is never sent again. Whoever counts would count twice.

use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use redis::{ErrorKind, RedisError, RedisResult, Value};
use tokio::sync::{Notify, watch};
use tokio::task::AbortHandle;
use tokio::time::sleep;

use super::backoff::{Backoff, jittered};
use super::dialer::{Address, Dialer};
use super::events::Events;
use super::link::{Link, Server, in_time};
use super::request::{Failure, Request};
use super::slot;
use super::topology::Map;
use crate::apart::are_apart;
use crate::error::code;

/// How long a link waits for its server. After that, it may be another's turn to be the master.
const LINK_PATIENCE: Duration = Duration::from_millis(100);

/// How long one server may take to say who has which slot, before the next is asked.
const MAP_PATIENCE: Duration = Duration::from_millis(700);

/// How long to wait before a request is tried again that nobody could take.
const PAUSE: Duration = Duration::from_millis(40);

/// So many redirections come in a row when slots move. More of them mean that masters contradict each other.
const REDIRECTIONS: usize = 5;

/// See the [module docs](self). A clone is the same Cluster.
#[derive(Clone, Debug)]
pub(crate) struct Cluster(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    nodes: Arc<Nodes>,
    maps: watch::Receiver<View>,
    refresher: AbortHandle,
    /// How many answers have come from others than those who have the slots by the map.
    redirections: AtomicU64,
}

/// The links to all servers that we have heard of.
#[derive(Debug)]
struct Nodes {
    seeds: Vec<Address>,
    dialer: Dialer,
    /// Those for requests that wait for replicas are apart: what is asked after them waits, too.
    links: Mutex<HashMap<(Address, bool), Link>>,
    stale: Notify,
    publish: watch::Sender<View>,
}

/// What is known of the Cluster.
#[derive(Clone, Debug)]
enum View {
    Unknown,
    Failed(RedisError),
    Known(Arc<Map>),
}

impl Cluster {
    /// Begins to find out who has which slot, from these servers.
    ///
    /// # Panics
    /// Outside a Tokio runtime.
    pub(crate) fn open(seeds: Vec<Address>, mut dialer: Dialer, events: Events) -> Self {
        let absence = dialer.patience.absence;
        dialer.patience.absence = absence.min(LINK_PATIENCE);
        let (publish, maps) = watch::channel(View::Unknown);
        let (links, stale) = (Mutex::default(), Notify::new());
        let nodes = Arc::new(Nodes { seeds, dialer, links, stale, publish });
        let task = tokio::spawn(keep(nodes.clone(), events));
        Self(Arc::new(Inner {
            nodes,
            maps,
            refresher: task.abort_handle(),
            redirections: AtomicU64::new(0),
        }))
    }

    /// Waits until the first attempt to reach the Cluster has succeeded or failed.
    pub(crate) async fn opened(&self) -> RedisResult<()> {
        match self.view().await {
            View::Known(_) => Ok(()),
            View::Failed(error) => Err(error),
            View::Unknown => Err(ended()),
        }
    }

    /// Asks the master that has the slot of a key.
    pub(crate) async fn ask(
        &self,
        key: &str,
        patience: Duration,
        request: &Request,
    ) -> Result<Vec<Value>, Failure> {
        let slot = slot::of(key.as_bytes());
        let start = Instant::now();
        let (mut to, mut redirections) = (None, 0);
        loop {
            let outcome = self.attempt(slot, to.take(), request).await;
            let pause = match next(&outcome, request) {
                Next::Done => return outcome,
                Next::Redirected(redirection) => {
                    self.0.redirections.fetch_add(1, Ordering::SeqCst);
                    if !redirection.asking {
                        self.0.nodes.stale.notify_one();
                    }
                    to = Some(redirection);
                    redirections += 1;
                    if redirections < REDIRECTIONS { Duration::ZERO } else { jittered(PAUSE) }
                }
                Next::Later => {
                    self.0.nodes.stale.notify_one();
                    jittered(PAUSE)
                }
                Next::Lost => {
                    self.0.nodes.stale.notify_one();
                    return outcome;
                }
            };
            // The first redirections are followed in any case: they say who has it, not that nobody has.
            if !pause.is_zero() && start.elapsed() + pause >= patience {
                return outcome;
            }
            sleep(pause).await;
        }
    }

    async fn attempt(
        &self,
        slot: u16,
        to: Option<Redirection>,
        request: &Request,
    ) -> Result<Vec<Value>, Failure> {
        match to {
            Some(Redirection { address, asking: true }) => {
                let answers = self.link(&address, request).ask(&request.asking()).await?;
                // Every other answer is that to ASKING.
                Ok(answers.into_iter().skip(1).step_by(2).collect())
            }
            Some(Redirection { address, .. }) => self.link(&address, request).ask(request).await,
            None => {
                let map = self.map().await?;
                let Some(master) = map.master(slot) else { return Err(unserved()) };
                self.link(&master, request).ask(request).await
            }
        }
    }

    /// Asks one master, whatever slots it has.
    pub(crate) async fn ask_master(
        &self,
        master: &Address,
        patience: Duration,
        request: &Request,
    ) -> Result<Vec<Value>, Failure> {
        let start = Instant::now();
        loop {
            let outcome = self.link(master, request).ask(request).await;
            let unsent = outcome.as_ref().is_err_and(|failure| !failure.sent);
            if !unsent || start.elapsed() >= patience {
                return outcome;
            }
            sleep(jittered(PAUSE)).await;
        }
    }

    /// How many redirections were followed so far.
    pub(crate) fn redirections(&self) -> u64 {
        self.0.redirections.load(Ordering::SeqCst)
    }

    /// Who has which slot, as a server says just now.
    pub(crate) async fn fresh_map(&self) -> Result<Arc<Map>, Failure> {
        self.0.nodes.refresh().await.map_err(|error| Failure { error, sent: true })
    }

    /// Something is not as it was: asks who has which slot.
    pub(crate) fn suspect(&self) {
        self.0.nodes.stale.notify_one();
    }

    /// Tells every time that slots have moved.
    pub(crate) fn maps(&self) -> MapFeed {
        MapFeed(self.0.maps.clone())
    }

    async fn map(&self) -> Result<Arc<Map>, Failure> {
        match self.view().await {
            View::Known(map) => Ok(map),
            View::Failed(error) => Err(Failure { error, sent: false }),
            View::Unknown => Err(Failure { error: ended(), sent: false }),
        }
    }

    async fn view(&self) -> View {
        if let View::Known(map) = &*self.0.maps.borrow() {
            return View::Known(map.clone());
        }
        let mut maps = self.0.maps.clone();
        let known = maps.wait_for(|view| !matches!(view, View::Unknown)).await;
        known.map_or(View::Unknown, |view| view.clone())
    }

    fn link(&self, address: &Address, request: &Request) -> Link {
        self.0.nodes.link(address, request.waits())
    }
}

impl Drop for Inner {
    fn drop(&mut self) {
        self.refresher.abort();
    }
}

/// Tells of the masters, from now on.
#[derive(Debug)]
pub(crate) struct MapFeed(watch::Receiver<View>);

impl MapFeed {
    /// The map as it is, if it is known.
    pub(crate) fn current(&mut self) -> Option<Arc<Map>> {
        match &*self.0.borrow_and_update() {
            View::Known(map) => Some(map.clone()),
            _ => None,
        }
    }

    /// Waits until it is another. `false`: it never will be, because the Cluster was closed.
    pub(crate) async fn changed(&mut self) -> bool {
        self.0.changed().await.is_ok()
    }
}

/// Another server that has to be asked.
#[derive(Debug, PartialEq, Eq)]
struct Redirection {
    address: Address,
    /// It is about to get the slot, and answers only who knows that.
    asking: bool,
}

/// What follows from an answer.
#[derive(Debug, PartialEq, Eq)]
enum Next {
    Done,
    /// It has not been done, and may be by and by.
    Later,
    /// It may have been done or not.
    Lost,
    Redirected(Redirection),
}

fn next(outcome: &Result<Vec<Value>, Failure>, request: &Request) -> Next {
    match outcome {
        Ok(answers) if request.may_be_apart() && answers.iter().any(are_apart) => Next::Done,
        Ok(answers) => answers.iter().find_map(next_of).unwrap_or(Next::Done),
        Err(failure) if !failure.sent => Next::Later,
        Err(failure) if request.is_repeatable() && !failure.error.is_timeout() => Next::Later,
        Err(_) => Next::Lost,
    }
}

fn next_of(answer: &Value) -> Option<Next> {
    let Value::ServerError(error) = answer else { return None };
    let redirected = |asking| {
        // `ASK SLOT HOST:PORT`, and the same of MOVED.
        let (_, place) = error.details()?.split_once(' ')?;
        let (host, port) = place.trim().rsplit_once(':')?;
        let address = Address::Tcp(host.to_owned(), port.parse().ok()?);
        Some(Next::Redirected(Redirection { address, asking }))
    };
    match code(answer)? {
        "ASK" => redirected(true),
        "MOVED" => redirected(false).or(Some(Next::Later)),
        "CLUSTERDOWN" | "LOADING" | "MASTERDOWN" | "READONLY" | "TRYAGAIN" => Some(Next::Later),
        _ => None,
    }
}

fn unserved() -> Failure {
    let error = RedisError::from((ErrorKind::ClusterConnectionNotFound, "no master has this slot"));
    Failure { error, sent: false }
}

fn ended() -> RedisError {
    RedisError::from((ErrorKind::Io, "the async runtime that kept the connections has ended"))
}

impl Nodes {
    fn link(&self, address: &Address, waits: bool) -> Link {
        let mut links = self.links.lock().unwrap_or_else(PoisonError::into_inner);
        let server = || Server::At(address.clone());
        let open = || Link::open(server(), self.dialer.clone(), Events::default());
        links.entry((address.clone(), waits)).or_insert_with(open).clone()
    }

    /// Asks the servers, one after the other, until one says who has which slot.
    async fn refresh(&self) -> RedisResult<Arc<Map>> {
        let mut last =
            RedisError::from((ErrorKind::ClusterConnectionNotFound, "no server is known"));
        for address in self.everybody() {
            match self.ask(&address).await {
                Ok(map) => {
                    let map = Arc::new(map);
                    self.learn(&map);
                    return Ok(map);
                }
                Err(error) => last = error,
            }
        }
        Err(last)
    }

    async fn ask(&self, address: &Address) -> RedisResult<Map> {
        let link = self.link(address, false);
        // A link that has just been made may take as long as any to connect.
        in_time(self.dialer.patience.connect, link.opened()).await?;
        let mut command = redis::cmd("CLUSTER");
        command.arg("SLOTS");
        let request = Request::read([command]);
        let answer = async { link.ask(&request).await.map_err(|failure| failure.error) };
        let answer = in_time(MAP_PATIENCE, answer).await?.pop().unwrap_or(Value::Nil);
        Map::parse(answer.extract_error()?, address)
    }

    /// The masters that we know and the servers that we were told, beginning anywhere: so one that hangs does
    /// not hold up everybody every time.
    fn everybody(&self) -> Vec<Address> {
        let known = match &*self.publish.borrow() {
            View::Known(map) => map.masters(),
            _ => Vec::new(),
        };
        let mut all = self.seeds.clone();
        all.extend(known.into_iter().filter(|address| !self.seeds.contains(address)));
        let first = getrandom::u32().unwrap_or(0) as usize % all.len().max(1);
        all.rotate_left(first);
        all
    }

    fn learn(&self, map: &Arc<Map>) {
        let masters = map.masters();
        let keep = |address: &Address| masters.contains(address) || self.seeds.contains(address);
        let mut links = self.links.lock().unwrap_or_else(PoisonError::into_inner);
        links.retain(|(address, _), _| keep(address));
        drop(links);
        self.publish.send_if_modified(|view| {
            let same = matches!(view, View::Known(known) if known == map);
            *view = View::Known(map.clone());
            !same
        });
    }
}

/// Finds out who has which slot, at first and whenever somebody has met a master who has it no more.
async fn keep(nodes: Arc<Nodes>, events: Events) {
    let mut backoff = Backoff::default();
    loop {
        match nodes.refresh().await {
            Ok(_) => {
                backoff = Backoff::default();
                events.made();
                // Everybody who met the same change has asked for the same.
                sleep(PAUSE).await;
                nodes.stale.notified().await;
            }
            Err(error) => {
                events.lost(&error);
                nodes.publish.send_if_modified(|view| {
                    let unknown = !matches!(view, View::Known(_));
                    if unknown {
                        *view = View::Failed(error);
                    }
                    unknown
                });
                sleep(backoff.next()).await;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answered(line: &str) -> Result<Vec<Value>, Failure> {
        Ok(vec![redis::parse_redis_value(format!("{line}\r\n").as_bytes()).expect("it is RESP")])
    }

    fn failed(sent: bool) -> Result<Vec<Value>, Failure> {
        Err(Failure { error: RedisError::from((ErrorKind::Io, "broken")), sent })
    }

    #[test]
    fn what_may_have_been_done_is_not_done_again() {
        let (read, write) = (Request::read([]), Request::write([]));
        let slow = RedisError::from(std::io::Error::from(std::io::ErrorKind::TimedOut));
        let late = Err(Failure { error: slow, sent: true });
        assert_eq!(next(&failed(true), &write), Next::Lost);
        assert_eq!(next(&failed(true), &read), Next::Later);
        assert_eq!(next(&failed(false), &write), Next::Later);
        assert_eq!(next(&late, &read), Next::Lost);
        assert_eq!(next(&late, &write), Next::Lost);
    }

    #[test]
    fn redirections_are_followed_and_whoever_is_not_ready_is_asked_later() {
        let write = Request::write([]);
        let to = |asking| {
            let address = Address::Tcp("10.0.0.1".into(), 7001);
            Next::Redirected(Redirection { address, asking })
        };
        assert_eq!(next(&answered("-MOVED 5 10.0.0.1:7001"), &write), to(false));
        assert_eq!(next(&answered("-ASK 5 10.0.0.1:7001"), &write), to(true));
        for line in ["-TRYAGAIN x", "-CLUSTERDOWN x", "-READONLY x", "-LOADING x", "-MOVED 5"] {
            assert_eq!(next(&answered(line), &write), Next::Later, "{line}");
        }
        for line in ["+OK", "-ERR x", "-OOM x", "-NOPERM x"] {
            assert_eq!(next(&answered(line), &write), Next::Done, "{line}");
        }
    }
}
