//! How soon a session that another process has ended is over for a near cache.

use std::sync::Arc;
use std::time::{Duration, Instant};

use handstamp::store::{Record, SessionIndex};
use handstamp::{SessionId, SessionStore};
use handstamp_redis::RedisStore;

use crate::database::Database;
use crate::report::{Table, number};
use crate::{Fallible, Options, ours};

/// It takes that long at most, for 99 of 100 revocations. Milliseconds.
const BUDGET: f64 = 100.0;

/// A table of the time between the end of a revocation and that of the session in another connection's near cache.
pub(crate) fn table(database: &Database, options: &Options) -> Fallible<Table> {
    let runtime = tokio::runtime::Runtime::new()?;
    let count = options.either(100, 5000);
    let mut times = runtime.block_on(measured(&database.url(), count))?;
    times.sort();
    let at = |part: f64| 1000.0 * times[(part * (count - 1) as f64) as usize].as_secs_f64();
    let mut table = Table::new(["a revocation reaches a near cache, ms", "p50", "p99", "longest"]);
    let p99 = table.against(BUDGET, at(0.99), &["Other programs took the processors."]);
    table.row(["on another connection".to_owned(), number(at(0.5)), p99, number(at(1.0))]);
    Ok(table)
}

async fn measured(url: &str, count: usize) -> Fallible<Vec<Duration>> {
    let (store, others) = (ours::near(url).await?, ours::near(url).await?);
    let mut times = Vec::with_capacity(count);
    for _ in 0..count {
        let id = kept(&store, &others).await?;
        index(&others)?.revoke("alice", None).await?;
        let ended = Instant::now();
        while store.load(&id).await?.is_some() {
            tokio::task::yield_now().await;
        }
        times.push(ended.elapsed());
    }
    Ok(times)
}

/// A session of a user that the one has made and the other keeps near.
async fn kept(store: &RedisStore, others: &RedisStore) -> Fallible<SessionId> {
    let record = Record {
        document: Arc::from(br#"{"cookie":{},"name":"alice"}"#.as_slice()),
        lifetime: Duration::from_secs(60),
        owner: Some("alice".into()),
    };
    let id = SessionId::random()?;
    others.create(&id, &record).await?;
    store.load(&id).await?;
    // That it was created is told, too, and must not be what empties the cache afterwards.
    tokio::time::sleep(Duration::from_millis(2)).await;
    for _ in 0..2 {
        store.load(&id).await?;
    }
    Ok(id)
}

fn index(store: &RedisStore) -> Fallible<&dyn SessionIndex> {
    store.index().ok_or_else(|| "the store has no lists of sessions".into())
}
