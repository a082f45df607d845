//! Removes expired sessions from the table, in one process at a time.

use std::time::Duration;

use mysql_async::prelude::Queryable;
use mysql_async::{Conn, Opts, Result};
use tokio::task::JoinHandle;
use tokio::time::{sleep, timeout};

use crate::connections::{connect, varied};
use crate::statements::BATCH;

/// How long others may write before the next batch is removed.
const BREATH: Duration = Duration::from_millis(50);

/// How long a run may take. What it leaves is for the next one.
const LIMIT: Duration = Duration::from_secs(600);

/// What the task needs to know.
pub(crate) struct Orders {
    pub(crate) opts: Opts,
    pub(crate) connect_timeout: Duration,
    /// The table, with its database if that has a name of its own.
    pub(crate) table: String,
    pub(crate) reap: String,
    pub(crate) every: Duration,
}

/// A task that ends when it is dropped.
pub(crate) struct Reaper(JoinHandle<()>);

impl Reaper {
    pub(crate) fn start(orders: Orders) -> Self {
        Self(tokio::spawn(async move {
            loop {
                sleep(varied(orders.every)).await;
                // What fails is tried again later; those who call the store are told what is wrong.
                let _ = timeout(LIMIT, reap(&orders)).await;
            }
        }))
    }
}

impl Drop for Reaper {
    fn drop(&mut self) {
        self.0.abort();
    }
}

/// Removes what has expired, unless another process is at it.
///
/// The connection is its own: the lock belongs to it, and goes with it in whatever way this ends.
async fn reap(orders: &Orders) -> Option<()> {
    let mut connection = connect(orders.opts.clone(), orders.connect_timeout).await?;
    if is_alone(&mut connection, &orders.table).await.ok()? {
        while remove_some(&mut connection, &orders.reap).await.ok()? == BATCH {
            sleep(BREATH).await;
        }
    }
    connection.disconnect().await.ok()
}

/// Takes the lock of those who reap this table. The names of locks are the whole server's, and short.
async fn is_alone(connection: &mut Conn, table: &str) -> Result<bool> {
    let lock = "SELECT GET_LOCK(CONCAT('handstamp-reaper-', \
                LEFT(SHA2(CONCAT(COALESCE(DATABASE(), ''), '.', ?), 256), 32)), 0)";
    let taken: Option<Option<i64>> = connection.exec_first(lock, (table,)).await?;
    Ok(taken.flatten() == Some(1))
}

async fn remove_some(connection: &mut Conn, reap: &str) -> Result<u64> {
    connection.exec_drop(reap, ()).await?;
    Ok(connection.affected_rows())
}
