//! Applications whose clocks are five minutes wrong, beside ones whose clocks are right.
//!
//! When a session ends is for the store to say, by its own clock.

use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime};

use handstamp::{Clock, Expiry, SessionConfig, SessionManager, Timestamp};
use tempfile::tempdir;
use tokio::time::sleep;

use crate::browser;
use crate::load::{Load, manager};
use crate::places::{Place, in_every_place};
use crate::store::open;

const FIVE_MINUTES: Duration = Duration::from_secs(300);

in_every_place!(
    five_minutes_off:
    mariadb MariaDb,
    postgres Postgres,
    redis Redis,
    redis_cluster RedisCluster,
    sqlite Sqlite
);

async fn five_minutes_off(place: Place) {
    let folder = tempdir().unwrap();
    let url = place.url(folder.path());
    let space = format!("clocks_{place:?}").to_lowercase();
    for clock in [Wrong::Fast, Wrong::Slow] {
        let right = manager(open(&url, &space).await);
        let wrong = manager(open(&url, &space).await).with_clock(Arc::new(clock));
        lives_as_long_as_the_store_says(&right, &wrong).await;
        lives_as_long_as_the_store_says(&wrong, &right).await;
        let load = Load::start(vec![right, wrong], 60).await;
        load.end().await.assert_whole(&format!("a clock is {clock:?}, {place:?}"));
    }
}

/// A session that one process begins lives for the other, and ends for both after its time.
async fn lives_as_long_as_the_store_says(one: &SessionManager, other: &SessionManager) {
    const LIFE: Duration = Duration::from_secs(2);
    let short = |manager: &SessionManager| {
        let config = SessionConfig::strict().with_expiry(Expiry::idle(LIFE));
        manager.clone().with_config(config).unwrap()
    };
    let (one, other) = (short(one), short(other));
    let mut cookie = String::new();
    let session = browser::load(&one, None).await.unwrap();
    session.insert("kept", 1).unwrap();
    let begun = Instant::now();
    browser::save(&one, &session, &mut cookie).await;

    let found = browser::load(&other, Some(&cookie)).await.unwrap();
    // On a machine that is very busy, its time may be over already.
    assert!(!found.is_new() || begun.elapsed() >= LIFE, "it is gone after {:?}", begun.elapsed());
    // The store's clock is the only one that counts, and it can't be asked to hurry.
    sleep(LIFE + Duration::from_millis(1100)).await;
    for manager in [one, other] {
        assert!(browser::load(&manager, Some(&cookie)).await.unwrap().is_new(), "it lives on");
    }
}

#[derive(Clone, Copy, Debug)]
enum Wrong {
    Fast,
    Slow,
}

impl Clock for Wrong {
    fn now(&self) -> Timestamp {
        let now = Timestamp::from(SystemTime::now());
        match self {
            Self::Fast => now.after(FIVE_MINUTES),
            Self::Slow => now.before(FIVE_MINUTES),
        }
    }
}
