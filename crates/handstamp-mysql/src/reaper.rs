//! Removes expired sessions from the table, in one process at a time.

use std::time::Duration;

use mysql_async::prelude::Queryable;
use mysql_async::{Conn, Opts, Result};
use tokio::time::{sleep, timeout};

use crate::background::Background;
use crate::connections::{connect, varied};
use crate::error::is_transient;
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
    pub(crate) every: Duration,
}

/// Starts a task that reaps.
pub(crate) fn start(orders: Orders) -> Background {
    Background::spawn(async move {
        loop {
            sleep(varied(orders.every)).await;
            // What fails is tried again later; those who call the store are told what is wrong.
            let _ = timeout(LIMIT, reap(&orders)).await;
        }
    })
}

/// Removes what has expired, unless another process is at it.
///
/// The connection is its own: the lock belongs to it, and goes with it in whatever way this ends.
async fn reap(orders: &Orders) -> Option<()> {
    let connecting = connect(orders.opts.clone(), orders.connect_timeout);
    let mut connection = connecting.await.ok()?.ok()?;
    if is_alone(&mut connection, orders).await.ok()? {
        while remove_some(&mut connection, &orders.reap).await.ok()? {
            sleep(BREATH).await;
        }
    }
    connection.disconnect().await.ok()
}

/// Takes the lock of those who reap this table. The names of locks are the whole server's, and short.
async fn is_alone(connection: &mut Conn, orders: &Orders) -> Result<bool> {
    // If this process is cut off, the server gives the lock to another one after this time.
    connection.query_drop("SET SESSION wait_timeout = 60").await?;
    let lock = "SELECT GET_LOCK(CONCAT('handstamp-reaper-', \
                LEFT(SHA2(CONCAT(COALESCE(?, DATABASE(), ''), '.', ?), 256), 32)), 0)";
    let place = (&orders.database, &orders.table);
    let taken: Option<Option<i64>> = connection.exec_first(lock, place).await?;
    Ok(taken.flatten() == Some(1))
}

/// Whether there may be more.
async fn remove_some(connection: &mut Conn, reap: &str) -> Result<bool> {
    match connection.exec_drop(reap, ()).await {
        Ok(()) => Ok(connection.affected_rows() == BATCH),
        // Somebody else was in the way.
        Err(error) if is_transient(&error) => Ok(true),
        Err(error) => Err(error),
    }
}
