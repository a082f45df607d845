use std::time::{Duration, Instant};

use handstamp::SessionStore;
use handstamp::store::Record;
use tokio::time::sleep;

use crate::support::{Database, id, living, put, record};

#[tokio::test]
async fn a_session_lives_as_long_as_it_was_asked_to_and_at_most_a_second_longer() {
    let database = Database::new();
    let store = database.store().await;
    for lifetime in [Duration::from_nanos(1), Duration::from_millis(700), Duration::from_secs(1)] {
        let before = Instant::now();
        put(&store, &id("a"), &Record { lifetime, ..record("{}") }).await;
        let after = Instant::now();
        while store.load(&id("a")).await.unwrap().is_some() {
            let latest = lifetime + Duration::from_secs(1);
            assert!(after.elapsed() < latest + Duration::from_secs(5), "it does not end");
            sleep(Duration::from_millis(5)).await;
        }
        // Not sooner than asked, by the clock of whoever has waited for the answer.
        assert!(before.elapsed() >= lifetime, "{lifetime:?} lasted {:?}", before.elapsed());
    }
}

/// Whoever is told of a rounded time has to round up, too.
#[tokio::test]
async fn the_time_that_is_left_is_never_less_than_was_asked_for() {
    let database = Database::new();
    let store = database.store().await;
    for milliseconds in [10_000, 10_001, 10_250, 10_500, 10_999] {
        let lifetime = Duration::from_millis(milliseconds);
        let id = id(&format!("s{milliseconds}"));
        let begin = Instant::now();
        put(&store, &id, &Record { lifetime, ..record("{}") }).await;
        let remaining = living(&store, &id).await.remaining;
        assert!(remaining + begin.elapsed() >= lifetime, "{remaining:?} of {lifetime:?}");
        assert!(remaining <= lifetime + Duration::from_secs(1), "{remaining:?} of {lifetime:?}");
    }
}

#[tokio::test]
async fn an_eternity_ends_where_the_column_does() {
    let database = Database::new();
    let store = database.store().await;
    put(&store, &id("a"), &Record { lifetime: Duration::MAX, ..record("{}") }).await;
    assert_eq!(database.ask("SELECT expires FROM sessions"), "4294967295");
}

/// The server's time zone has an hour that comes twice, and the session's has none.
#[tokio::test]
async fn the_servers_time_zone_does_not_matter() {
    let database = Database::new();
    let store = database.store().await;
    put(&store, &id("a"), &record("{}")).await;
    let zones = database.ask(
        "SET time_zone = '-11:00'; SELECT expires - UNIX_TIMESTAMP() BETWEEN 3500 AND 3601 \
         FROM sessions",
    );
    assert_eq!(zones, "1");
}
