//! The connections to the server: a bounded number, each used by one statement at a time.
//!
//! The driver keeps the pool: it makes connections as they are needed, and looks before use whether the server
//! has closed one. What is added here: callers wait for their turn in a queue that they may leave at any
//! time, a connection whose statement was not waited for is closed, connecting takes a bounded time, and a
//! statement that another transaction was in the way of is run again.

use std::error::Error;
use std::future::poll_fn;
use std::sync::Arc;
use std::task::Poll;
use std::time::{Duration, Instant};

use handstamp::store::{StoreError, StoreErrorKind};
use mysql_async::prelude::Queryable;
use mysql_async::{Conn, Opts, Pool, Row, Value};
use tokio::runtime::Handle;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::error::Elapsed;
use tokio::time::{sleep, timeout};

use crate::background::Background;
use crate::error::{failure, is_deserted, is_taken, is_transient, refusal};
use crate::reach::{Reach, Sight};

/// What every connection is told first, in whatever order.
///
/// - UTF-8, which is what documents are: a server may be set up not to care what a client asks for when it
///   connects.
/// - READ COMMITTED: a statement locks the rows that it changes and no gaps between rows, so that two
///   visitors hardly ever wait for each other.
/// - Strict: a document that is too long for its column is an error, and not cut.
/// - UTC: the time of day goes through the time zone, and elsewhere one hour of the year comes twice.
/// - Who waits for a row is told after a second, and tries again until the lock timeout. Who waits for the
///   table, after two: while an `ALTER` waits, it holds up every statement that comes after it.
pub(crate) const SETUP: [&str; 3] = [
    "SET NAMES utf8mb4",
    "SET SESSION TRANSACTION ISOLATION LEVEL READ COMMITTED",
    "SET SESSION autocommit = 1, sql_mode = 'STRICT_ALL_TABLES', time_zone = '+00:00', \
     innodb_lock_wait_timeout = 1, lock_wait_timeout = 2",
];

/// The first pause before a statement is run again, and the longest.
const PAUSES: (Duration, Duration) = (Duration::from_millis(1), Duration::from_millis(100));

const NO_CONNECTION: &str = "the server took no connection within the connect timeout";

/// How long closing a connection may take. It has to read what is on its way before.
const CLOSING: Duration = Duration::from_secs(1);

/// Runs statements.
pub(crate) struct Connections {
    pub(crate) pool: Pool,
    /// As many as the pool may have connections.
    pub(crate) turns: Arc<Semaphore>,
    pub(crate) opts: Opts,
    pub(crate) server: Arc<str>,
    pub(crate) reach: Arc<Reach>,
    pub(crate) connect_timeout: Duration,
    pub(crate) lock_timeout: Duration,
}

/// How much of the table a statement keeps for itself until it is done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Isolation {
    /// The rows that it changes. This is what connections are set to.
    Rows,
    /// All that it has looked at, and the gaps in between. Nobody creates, moves or changes a row behind
    /// the place that it has reached, so what it leaves is what there was at one moment.
    ///
    /// This is InnoDB's next-key locking under REPEATABLE READ.
    Range,
}

/// A statement, and how it is run.
#[derive(Clone, Copy)]
pub(crate) struct Order<'a> {
    pub(crate) sql: &'a str,
    pub(crate) values: &'a [Value],
    pub(crate) isolation: Isolation,
    /// When the call began that it belongs to. The lock timeout counts from then.
    pub(crate) begin: Instant,
    /// Whether it makes something, which may be there already.
    pub(crate) makes: bool,
}

impl<'a> Order<'a> {
    pub(crate) fn new(sql: &'a str, values: &'a [Value]) -> Self {
        Self { sql, values, isolation: Isolation::Rows, begin: Instant::now(), makes: false }
    }

    pub(crate) fn isolated(self, isolation: Isolation) -> Self {
        Self { isolation, ..self }
    }

    pub(crate) fn since(self, begin: Instant) -> Self {
        Self { begin, ..self }
    }

    pub(crate) fn making(self) -> Self {
        Self { makes: true, ..self }
    }
}

/// What a statement has brought about.
#[derive(Default)]
pub(crate) struct Outcome {
    pub(crate) rows: Vec<Row>,
    /// How many rows met its condition, also if it changed nothing in them.
    pub(crate) matched: u64,
    /// It was to make what is there already. Nothing has happened.
    pub(crate) taken: bool,
}

impl Connections {
    /// Runs a statement, again if another transaction was in its way.
    pub(crate) async fn run(&self, order: Order<'_>) -> Result<Outcome, StoreError> {
        let (mut pause, longest) = PAUSES;
        loop {
            let mut lease = self.lease().await?;
            match lease.run(order).await {
                Ok(outcome) => {
                    self.reach.heard(true);
                    return Ok(outcome);
                }
                Err(error) if order.makes && is_taken(&error) => {
                    self.reach.heard(true);
                    return Ok(Outcome { taken: true, ..Outcome::default() });
                }
                Err(error) if is_transient(&error) && order.begin.elapsed() < self.lock_timeout => {
                }
                Err(error) => {
                    if is_deserted(&error) {
                        lease.discard();
                    }
                    return Err(self.failure(&error));
                }
            }
            // Whoever is in the way may need the connection to get on.
            drop(lease);
            sleep(varied(pause)).await;
            pause = (pause * 2).min(longest);
        }
    }

    /// Waits for a connection.
    async fn lease(&self) -> Result<Lease, StoreError> {
        let unavailable = |advice: &str| refusal(&self.server, StoreErrorKind::Unavailable, advice);
        let Ok(turn) = self.turns.clone().acquire_owned().await else {
            return Err(unavailable("the store has been closed"));
        };
        let (pool, limit) = (self.pool.clone(), self.connect_timeout);
        let mut connecting = Box::pin(async move { (timeout(limit, pool.get_conn()).await, turn) });
        // Nearly always a connection is there. If it has to be made, or tidied up, a task of its own waits
        // for that: whoever is woken by the driver's pool and does not come leaves others asleep.
        let first = poll_fn(|context| Poll::Ready(connecting.as_mut().poll(context))).await;
        let (connected, turn) = match first {
            Poll::Ready(done) => done,
            Poll::Pending => match tokio::spawn(connecting).await {
                Ok(done) => done,
                Err(_) => return Err(unavailable("the runtime that connects is shutting down")),
            },
        };
        match connected {
            Ok(Ok(connection)) => Ok(Lease { held: Some((connection, turn)), finished: true }),
            Ok(Err(error)) => Err(self.failure(&error)),
            Err(_) => {
                self.reach.heard(false);
                Err(unavailable(NO_CONNECTION))
            }
        }
    }

    fn failure(&self, error: &mysql_async::Error) -> StoreError {
        let failure = failure(&self.server, error);
        if failure.kind() == StoreErrorKind::Unavailable && error.is_fatal() {
            self.reach.heard(false);
        }
        failure
    }

    /// Tells when the server comes and goes, until the task is dropped. `None`: nobody listens.
    pub(crate) fn watch(&self) -> Option<Background> {
        if !self.reach.has_listener() {
            return None;
        }
        let (reach, opts) = (self.reach.clone(), self.opts.clone());
        let (server, limit) = (self.server.clone(), self.connect_timeout);
        Some(Background::spawn(async move {
            reach.watch(|| look(&server, opts.clone(), limit)).await;
        }))
    }
}

/// A connection, and the right to have it. The connection goes back first.
struct Lease {
    held: Option<(Conn, OwnedSemaphorePermit)>,
    /// Whether nothing is left to be read from the connection.
    finished: bool,
}

impl Lease {
    async fn run(&mut self, order: Order<'_>) -> mysql_async::Result<Outcome> {
        let Some((connection, _)) = &mut self.held else { return Ok(Outcome::default()) };
        self.finished = false;
        let outcome = run(connection, order).await;
        self.finished = true;
        outcome
    }

    /// Closes the connection instead of giving it back.
    fn discard(mut self) {
        self.finished = false;
    }
}

impl Drop for Lease {
    /// A caller that has left may have left a reply half read. The driver would read the rest of it, for as
    /// long as that takes, and through a dead network that is forever. So the connection is closed.
    fn drop(&mut self) {
        let Some((connection, turn)) = self.held.take() else { return };
        match Handle::try_current() {
            Ok(runtime) if !self.finished => drop(runtime.spawn(close(connection, turn))),
            _ => drop(connection),
        }
    }
}

async fn close(connection: Conn, turn: OwnedSemaphorePermit) {
    // What can't be closed in time is thrown away by the driver.
    let _ = timeout(CLOSING, connection.disconnect()).await;
    drop(turn);
}

async fn run(connection: &mut Conn, order: Order<'_>) -> mysql_async::Result<Outcome> {
    let statement = connection.prep(order.sql).await?;
    if order.isolation == Isolation::Range {
        // Holds for the next transaction only, which is the statement.
        connection.query_drop("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ").await?;
    }
    let rows = connection.exec(statement, order.values.to_vec()).await?;
    Ok(Outcome { rows, matched: connection.affected_rows(), taken: false })
}

/// What an error says of its causes. That the server can't be reached, the event says.
fn reason(error: &StoreError) -> String {
    let mut words = Vec::new();
    let mut cause = error.source();
    while let Some(error) = cause {
        words.push(error.to_string());
        cause = error.source();
    }
    words.join(": ")
}

/// Makes a connection to see whether the server takes one. Those of the pool may all be busy.
async fn look(server: &Arc<str>, opts: Opts, limit: Duration) -> Sight {
    match connect(opts, limit).await {
        Ok(Ok(connection)) => {
            // It has been set up, so the server answers. How it ends tells nothing.
            let _ = timeout(limit, connection.disconnect()).await;
            Sight::There
        }
        Ok(Err(error)) => {
            let failure = failure(server, &error);
            if failure.kind() == StoreErrorKind::Unavailable && !error.is_fatal() {
                Sight::Full
            } else {
                Sight::Away(reason(&failure))
            }
        }
        Err(_) => Sight::Away(format!("{server}: {NO_CONNECTION}")),
    }
}

/// One connection for its own use, set up as those of the pool.
pub(crate) async fn connect(
    opts: Opts,
    limit: Duration,
) -> Result<mysql_async::Result<Conn>, Elapsed> {
    timeout(limit, Conn::new(opts)).await
}

/// Between half of the time and one and a half, so that those who were stopped at the same moment don't meet
/// again.
pub(crate) fn varied(time: Duration) -> Duration {
    let random = getrandom::u32().unwrap_or(u32::MAX / 2);
    time.mul_f64(0.5 + f64::from(random) / f64::from(u32::MAX))
}
