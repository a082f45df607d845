//! The connections to the server: a bounded number, each used by one statement at a time.
//!
//! The driver keeps the pool: it makes connections as they are needed, looks before use whether the server
//! has closed one, and throws away one whose statement was not waited for. What is added here: callers
//! wait for their turn in a queue that they may leave at any time, connecting takes a bounded time, and a
//! statement that another transaction was in the way of is run again.

use std::error::Error;
use std::future::poll_fn;
use std::sync::Arc;
use std::task::Poll;
use std::time::{Duration, Instant};

use handstamp::store::{StoreError, StoreErrorKind};
use mysql_async::prelude::Queryable;
use mysql_async::{Conn, Opts, Pool, Row, Value};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::{sleep, timeout};

use crate::error::{failure, is_deserted, is_taken, is_transient, refusal};
use crate::reach::Reach;

/// What every connection is told first, in whatever order.
///
/// - READ COMMITTED: a statement locks the rows that it changes and no gaps between rows, so that two
///   visitors hardly ever wait for each other.
/// - Strict: a document that is too long for its column is an error, and not cut.
/// - UTC: the time of day goes through the time zone, and elsewhere one hour of the year comes twice.
/// - Who waits for a row is told after a second, and tries again until the lock timeout.
pub(crate) const SETUP: [&str; 2] = [
    "SET SESSION TRANSACTION ISOLATION LEVEL READ COMMITTED",
    "SET SESSION autocommit = 1, sql_mode = 'STRICT_ALL_TABLES', time_zone = '+00:00', \
     innodb_lock_wait_timeout = 1, lock_wait_timeout = 60",
];

/// The first pause before a statement is run again, and the longest.
const PAUSES: (Duration, Duration) = (Duration::from_millis(1), Duration::from_millis(100));

/// Runs statements.
pub(crate) struct Connections {
    pub(crate) pool: Pool,
    /// As many as the pool may have connections.
    pub(crate) turns: Arc<Semaphore>,
    pub(crate) server: Arc<str>,
    pub(crate) reach: Reach,
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
    pub(crate) async fn run(
        &self,
        isolation: Isolation,
        sql: &str,
        values: &[Value],
    ) -> Result<Outcome, StoreError> {
        let begin = Instant::now();
        let (mut pause, longest) = PAUSES;
        loop {
            let mut lease = self.lease().await?;
            match lease.run(isolation, sql, values.to_vec()).await {
                Ok(outcome) => {
                    self.reach.made();
                    return Ok(outcome);
                }
                Err(error) if is_taken(&error) => {
                    return Ok(Outcome { taken: true, ..Outcome::default() });
                }
                Err(error) if is_transient(&error) && begin.elapsed() < self.lock_timeout => {}
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
            Ok(Ok(connection)) => Ok(Lease { connection, _turn: turn }),
            Ok(Err(error)) => Err(self.failure(&error)),
            Err(_) => {
                let advice = "the server took no connection within the connect timeout";
                self.reach.lost(|| format!("{}: {advice}", self.server));
                Err(unavailable(advice))
            }
        }
    }

    fn failure(&self, error: &mysql_async::Error) -> StoreError {
        let failure = failure(&self.server, error);
        if failure.kind() == StoreErrorKind::Unavailable && error.is_fatal() {
            self.reach.lost(|| reason(&failure));
        }
        failure
    }
}

/// A connection, and the right to have it. The connection goes back first.
struct Lease {
    connection: Conn,
    _turn: OwnedSemaphorePermit,
}

impl Lease {
    async fn run(
        &mut self,
        isolation: Isolation,
        sql: &str,
        values: Vec<Value>,
    ) -> mysql_async::Result<Outcome> {
        let connection = &mut self.connection;
        let statement = connection.prep(sql).await?;
        if isolation == Isolation::Range {
            // Holds for the next transaction only, which is the statement.
            connection.query_drop("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ").await?;
        }
        let rows = connection.exec(statement, values).await?;
        Ok(Outcome { rows, matched: connection.affected_rows(), taken: false })
    }

    /// Closes the connection instead of giving it back.
    fn discard(self) {
        // What can't be closed is closed already.
        tokio::spawn(async move { drop(self.connection.disconnect().await) });
    }
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

/// One connection for its own use, set up as those of the pool.
pub(crate) async fn connect(opts: Opts, limit: Duration) -> Option<Conn> {
    timeout(limit, Conn::new(opts)).await.ok()?.ok()
}

/// Between half of the time and one and a half, so that those who were stopped at the same moment don't meet
/// again.
pub(crate) fn varied(time: Duration) -> Duration {
    let random = getrandom::u32().unwrap_or(u32::MAX / 2);
    time.mul_f64(0.5 + f64::from(random) / f64::from(u32::MAX))
}
