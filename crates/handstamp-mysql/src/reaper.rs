//! Removes expired sessions from the table, in one process at a time.

use std::sync::Arc;
use std::time::Duration;

use handstamp::store::{StoreError, StoreErrorKind};
use mysql_async::prelude::Queryable;
use mysql_async::{Conn, Opts};
use tokio::time::{sleep, timeout};

use crate::background::Background;
use crate::connections::{connect, varied};
use crate::error::{failure, is_transient, refusal};
use crate::statements::BATCH;

/// How long others may write before the next batch is removed.
const BREATH: Duration = Duration::from_millis(50);

/// How long a run may take. What it leaves is for the next one.
const LIMIT: Duration = Duration::from_secs(600);

/// What the task needs to know.
pub(crate) struct Orders {
    pub(crate) opts: Opts,
    pub(crate) connect_timeout: Duration,
    /// `None`: the one that the connection is to.
    pub(crate) database: Option<String>,
    pub(crate) table: String,
    pub(crate) reap: String,
    pub(crate) server: Arc<str>,
}

/// Starts a task that reaps about so often.
pub(crate) fn start(orders: Orders, every: Duration) -> Background {
    Background::spawn(async move {
        loop {
            sleep(varied(every)).await;
            // What fails is tried again later; those who call the store are told what is wrong.
            let _ = reap(&orders).await;
        }
    })
}

/// Removes what has expired, unless another process is at it, and tells how many rows that were.
pub(crate) async fn reap(orders: &Orders) -> Result<usize, StoreError> {
    let Ok(outcome) = timeout(LIMIT, run(orders)).await else {
        let advice = "removing expired sessions took too long; do it again for the rest";
        return Err(refusal(&orders.server, StoreErrorKind::Timeout, advice));
    };
    outcome
}

/// The connection is its own: the lock belongs to it, and goes with it in whatever way this ends.
async fn run(orders: &Orders) -> Result<usize, StoreError> {
    let connecting = connect(orders.opts.clone(), orders.connect_timeout);
    let Ok(connected) = connecting.await else {
        let advice = "the server did not answer in time; see MySqlOptions::connect_timeout";
        return Err(refusal(&orders.server, StoreErrorKind::Unavailable, advice));
    };
    let told = |error| failure(&orders.server, &error);
    let mut connection = connected.map_err(told)?;
    let alone = is_alone(&mut connection, orders).await.map_err(told)?;
    let removed =
        if alone { remove(&mut connection, &orders.reap).await.map_err(told)? } else { 0 };
    // What was to be done is done.
    let _ = connection.disconnect().await;
    Ok(usize::try_from(removed).unwrap_or(usize::MAX))
}

/// Takes the lock of those who reap this table. The names of locks are the whole server's, and short.
async fn is_alone(connection: &mut Conn, orders: &Orders) -> mysql_async::Result<bool> {
    // If this process is cut off, the server gives the lock to another one after this time.
    connection.query_drop("SET SESSION wait_timeout = 60").await?;
    let lock = "SELECT GET_LOCK(CONCAT('handstamp-reaper-', \
                LEFT(SHA2(CONCAT(COALESCE(?, DATABASE(), ''), '.', ?), 256), 32)), 0)";
    let place = (&orders.database, &orders.table);
    let taken: Option<Option<i64>> = connection.exec_first(lock, place).await?;
    Ok(taken.flatten() == Some(1))
}

async fn remove(connection: &mut Conn, reap: &str) -> mysql_async::Result<u64> {
    let mut removed = 0;
    loop {
        match connection.exec_drop(reap, ()).await {
            Ok(()) => {
                removed += connection.affected_rows();
                if connection.affected_rows() < BATCH {
                    return Ok(removed);
                }
            }
            // Somebody else was in the way.
            Err(error) if is_transient(&error) => {}
            Err(error) => return Err(error),
        }
        sleep(BREATH).await;
    }
}
