//! A connection to one server that is made anew whenever it ends.
//!
//! All requests share it, each is answered in its turn, and one whose caller has gone is answered to nobody:
//! so a dropped future damages nothing. A task of its own keeps the connection: it makes the first one, asks
//! whether it still lives, and replaces it when it does not.

use std::future::Future;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use redis::aio::{AsyncPushSender, MultiplexedConnection};
use redis::{ErrorKind, PushInfo, PushKind, RedisError, RedisResult, ServerErrorKind, Value};
use tokio::sync::mpsc::{UnboundedReceiver, unbounded_channel};
use tokio::sync::{Notify, watch};
use tokio::task::AbortHandle;
use tokio::time::{sleep, timeout};

use super::backoff::{Backoff, jittered};
use super::dialer::{Address, Dialer, Patience};
use super::events::Events;
use super::request::{Failure, Request};
use super::sentinel::Sentinels;
use crate::error::code;

/// How often a connection that is used is asked whether it lives. Callers may give up long before an
/// answer is overdue, so nobody else would notice.
const CHECK: Duration = Duration::from_secs(1);

/// How long to wait before a server is asked again that was not ready.
const PAUSE: Duration = Duration::from_millis(40);

/// A connection that lasted so long was a good one: the next is made at once.
const LASTING: Duration = Duration::from_secs(2);

/// Which server to connect to.
#[derive(Clone, Debug)]
pub(crate) enum Server {
    /// The one that listens there.
    At(Address),
    /// The one that the Sentinels call the master.
    Master(Sentinels),
}

impl Server {
    /// Connects to it, and says where it listens.
    pub(crate) async fn connect(
        &self,
        dialer: &Dialer,
        pushes: impl AsyncPushSender,
    ) -> RedisResult<(MultiplexedConnection, Address)> {
        let (mut connection, address) = match self {
            Self::At(address) => (dialer.dial(address, pushes).await?, address.clone()),
            Self::Master(sentinels) => {
                let address = sentinels.find().await?;
                (sentinels.connect(&address, dialer, pushes).await?, address)
            }
        };
        match redis::cmd("PING").exec_async(&mut connection).await {
            // A server that is loading its data takes connections, but no other commands.
            Err(error) if !can_be_used(&error) => Err(error),
            _ => Ok((connection, address)),
        }
    }

    /// Returns when the Sentinels name another server, and it is a master. A master that they can't reach may
    /// still be reached by us: it does not know that it is none any more, and loses what is written to it.
    pub(crate) async fn moved(&self, from: &Address, dialer: &Dialer) {
        let Self::Master(sentinels) = self else { return std::future::pending().await };
        loop {
            sleep(CHECK).await;
            let Ok(now) = sentinels.find().await else { continue };
            let (pushes, _pushed) = unbounded_channel();
            if now != *from
                && in_time(dialer.patience.connect, sentinels.connect(&now, dialer, pushes))
                    .await
                    .is_ok()
            {
                return;
            }
        }
    }
}

/// Whether a refused `PING` says no more than that: the user may not ask, or the server, which can't save what is
/// written, refuses this as it refuses writes. Reads it answers.
fn can_be_used(error: &RedisError) -> bool {
    error.kind() == ErrorKind::Server(ServerErrorKind::NoPerm) || error.code() == Some("MISCONF")
}

/// See the [module docs](self). A clone is the same link; when the last is dropped, the connection is closed.
#[derive(Clone, Debug)]
pub(crate) struct Link {
    states: watch::Receiver<State>,
    patience: Patience,
    _keeper: Arc<Keeper>,
}

#[derive(Clone, Debug)]
enum State {
    Up(Arc<Live>),
    Down {
        since: Instant,
        /// Why the last attempt failed. `None`: the first one is under way.
        error: Option<RedisError>,
    },
}

/// A connection that is up, for all we know.
#[derive(Debug)]
struct Live {
    connection: MultiplexedConnection,
    used: AtomicBool,
    broken: Notify,
}

/// Ends the task that keeps the connection.
#[derive(Debug)]
struct Keeper(AbortHandle);

impl Drop for Keeper {
    fn drop(&mut self) {
        self.0.abort();
    }
}

impl Link {
    /// Begins to connect.
    ///
    /// # Panics
    /// Outside a Tokio runtime.
    pub(crate) fn open(server: Server, dialer: Dialer, events: Events) -> Self {
        let (publish, states) = watch::channel(State::Down { since: Instant::now(), error: None });
        let patience = dialer.patience;
        let task = tokio::spawn(keep(server, dialer, publish, events));
        Self { states, patience, _keeper: Arc::new(Keeper(task.abort_handle())) }
    }

    /// Waits until the first attempt to connect has succeeded or failed.
    pub(crate) async fn opened(&self) -> RedisResult<()> {
        let mut states = self.states.clone();
        let tried =
            states.wait_for(|state| !matches!(state, State::Down { error: None, .. })).await;
        match tried.as_deref() {
            Ok(State::Up(_)) => Ok(()),
            Ok(State::Down { error: Some(error), .. }) => Err(error.clone()),
            _ => Err(closed()),
        }
    }

    /// Asks the server. While it is away or not ready, this waits for it, but not longer than it has patience.
    pub(crate) async fn ask(&self, request: &Request) -> Result<Vec<Value>, Failure> {
        let start = Instant::now();
        loop {
            let outcome = self.ask_and_teach(request).await;
            let first = outcome.as_ref().ok().and_then(|answers| answers.first());
            let pause = jittered(PAUSE);
            if !first.is_some_and(is_not_ready) || start.elapsed() + pause >= self.patience.absence
            {
                return outcome;
            }
            sleep(pause).await;
        }
    }

    async fn ask_and_teach(&self, request: &Request) -> Result<Vec<Value>, Failure> {
        let live = self.live(self.patience.absence).await?;
        match ask_over(&live, request).await {
            Err(failure)
                if failure.sent && request.is_repeatable() && !failure.error.is_timeout() =>
            {
                self.replaced(&live).await;
                self.ask_once(request).await
            }
            Ok(answers) => match request.teaching(&answers) {
                // The first answer is that to the teaching.
                Some(teaching) => Ok(self.ask_once(&teaching).await?.split_off(1)),
                None => Ok(answers),
            },
            failed => failed,
        }
    }

    async fn ask_once(&self, request: &Request) -> Result<Vec<Value>, Failure> {
        let live = self.live(self.patience.absence).await?;
        ask_over(&live, request).await
    }

    /// Waits until a connection that has failed is not the one that all take any more. Its keeper was told.
    async fn replaced(&self, failed: &Arc<Live>) {
        let mut states = self.states.clone();
        let other = |state: &State| !matches!(state, State::Up(live) if Arc::ptr_eq(live, failed));
        // If it was a failure after which the connection stays, it is asked again.
        let _ = timeout(PAUSE, states.wait_for(other)).await;
    }

    /// The connection, once there is one.
    async fn live(&self, patience: Duration) -> Result<Arc<Live>, Failure> {
        if let State::Up(live) = &*self.states.borrow() {
            return Ok(live.clone());
        }
        let mut states = self.states.clone();
        loop {
            let (since, error) = match &*states.borrow_and_update() {
                State::Up(live) => return Ok(live.clone()),
                State::Down { since, error } => (*since, error.clone()),
            };
            let unsent = |error: Option<RedisError>| Failure {
                error: error.unwrap_or_else(away),
                sent: false,
            };
            let left = patience.saturating_sub(since.elapsed());
            if left.is_zero() {
                return Err(unsent(error));
            }
            match timeout(left, states.changed()).await {
                Ok(Ok(())) => {}
                Ok(Err(_)) => return Err(unsent(Some(closed()))),
                Err(_) => return Err(unsent(error)),
            }
        }
    }
}

async fn ask_over(live: &Live, request: &Request) -> Result<Vec<Value>, Failure> {
    live.used.store(true, Ordering::Relaxed);
    let pipeline = request.pipeline();
    let mut connection = live.connection.clone();
    match connection.send_packed_commands(&pipeline, 0, pipeline.len()).await {
        Ok(answers) => {
            // A master that was made a replica: Sentinels know where the new one is.
            if answers.iter().any(|answer| code(answer) == Some("READONLY")) {
                live.broken.notify_one();
            }
            Ok(answers)
        }
        Err(error) => {
            if error.is_io_error() || error.is_unrecoverable_error() {
                live.broken.notify_one();
            }
            Err(Failure { error, sent: true })
        }
    }
}

/// It has done nothing, and may be ready by and by.
fn is_not_ready(answer: &Value) -> bool {
    matches!(code(answer), Some("LOADING" | "READONLY"))
}

fn away() -> RedisError {
    RedisError::from((ErrorKind::Io, "not connected yet"))
}

fn closed() -> RedisError {
    RedisError::from((ErrorKind::Io, "the async runtime that kept the connection has ended"))
}

/// Connects, and again whenever the connection has ended.
async fn keep(server: Server, dialer: Dialer, states: watch::Sender<State>, events: Events) {
    let mut backoff = Backoff::default();
    let mut down_since = Instant::now();
    loop {
        let (pushes, mut pushed) = unbounded_channel();
        let error = match in_time(dialer.patience.connect, server.connect(&dialer, pushes)).await {
            Ok((connection, address)) => {
                let (used, broken) = (AtomicBool::new(false), Notify::new());
                let live = Arc::new(Live { connection, used, broken });
                states.send_replace(State::Up(live.clone()));
                events.made();
                let up_since = Instant::now();
                tokio::select! {
                    () = lost(&live, &mut pushed) => {}
                    () = server.moved(&address, &dialer) => {}
                }
                if up_since.elapsed() > LASTING {
                    backoff = Backoff::default();
                }
                down_since = Instant::now();
                RedisError::from((ErrorKind::Io, "the connection was lost"))
            }
            Err(error) => error,
        };
        events.lost(&error);
        states.send_replace(State::Down { since: down_since, error: Some(error) });
        sleep(backoff.next()).await;
    }
}

/// An attempt to connect that ends: the driver's own limit does not hold for every step.
pub(crate) async fn in_time<T>(
    limit: Duration,
    attempt: impl Future<Output = RedisResult<T>>,
) -> RedisResult<T> {
    let late = || RedisError::from(std::io::Error::from(std::io::ErrorKind::TimedOut));
    timeout(limit, attempt).await.unwrap_or_else(|_| Err(late()))
}

/// Returns when the connection can't be used any more.
async fn lost(live: &Live, pushed: &mut UnboundedReceiver<PushInfo>) {
    tokio::select! {
        () = disconnected(pushed) => {}
        () = live.broken.notified() => {}
        () = overdue(live) => {}
    }
}

async fn disconnected(pushed: &mut UnboundedReceiver<PushInfo>) {
    while let Some(push) = pushed.recv().await {
        if push.kind == PushKind::Disconnection {
            return;
        }
    }
}

/// Returns when the server has not answered in time. Only a connection that is used is asked.
async fn overdue(live: &Live) {
    loop {
        sleep(CHECK).await;
        if live.used.swap(false, Ordering::Relaxed) {
            let mut connection = live.connection.clone();
            if connection.send_packed_command(&redis::cmd("PING")).await.is_err() {
                return;
            }
        }
    }
}
