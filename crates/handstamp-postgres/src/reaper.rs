//! Removes what has expired, a little at a time.
//!
//! A batch is one statement: it locks few rows, for a moment, and passes over those that others hold. An
//! advisory lock lets one process of all do it at a time; it is held for the statement, so that it works
//! behind a pooler, too.

use std::sync::Arc;
use std::time::Duration;

use tokio::time::sleep;

use crate::error::Failure;
use crate::jitter::around;
use crate::rows::number_at;
use crate::server::Server;
use crate::statements::Call;

/// How many sessions are removed at once.
const BATCH: i64 = 500;

/// How long others may write before the next batch is removed.
const BREATH: Duration = Duration::from_millis(50);

/// Reaps for ever, at about this interval.
pub(crate) async fn reap_every(server: Arc<Server>, interval: Duration) {
    loop {
        sleep(around(interval)).await;
        // What fails is done the next time. What is wrong with the server is told to those who call it.
        drop(reap(&server).await);
    }
}

/// Removes what has expired until nothing is left, or another process is at it. Returns how many.
pub(crate) async fn reap(server: &Server) -> Result<usize, Failure> {
    let mut reaped = 0;
    loop {
        let row = server.row(Call::Reap, &[&BATCH]).await?;
        let (ours, batch): (bool, usize) = (row.try_get(0)?, number_at(&row, 1)?);
        reaped += batch;
        if !ours || i64::try_from(batch).is_ok_and(|batch| batch < BATCH) {
            return Ok(reaped);
        }
        sleep(BREATH).await;
    }
}
