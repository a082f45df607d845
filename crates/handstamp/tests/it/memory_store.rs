//! The memory store keeps the contract, its bounds, and its promise to clean up after itself.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use handstamp::store::{Created, Cursor, Record, SessionStore, StoreErrorKind, Updated, Version};
use handstamp::{MemoryStore, SessionId};
use handstamp_testing::{ManualClock, StoreHarness, changes_suite, store_suite};
use tokio::sync::Barrier;

struct Harness {
    clock: Arc<ManualClock>,
    store: Arc<MemoryStore>,
}

impl StoreHarness for Harness {
    type Store = MemoryStore;
    const TOLERANCE: Duration = Duration::ZERO;
    const ROUNDS: usize = 500;

    async fn start() -> Self {
        let clock = Arc::new(ManualClock::new());
        let store = Arc::new(MemoryStore::new().with_clock(clock.clone()));
        Self { clock, store }
    }

    fn store(&self) -> Arc<MemoryStore> {
        self.store.clone()
    }

    async fn pass(&self, time: Duration) {
        self.clock.advance(time);
    }
}

store_suite!(Harness);

mod changes {
    use super::{Harness, changes_suite};

    changes_suite!(Harness);
}

#[tokio::test]
async fn one_session_too_many_ends_the_one_that_expires_soonest() {
    let store = empty().with_max_sessions(3);
    for (name, seconds) in [("a", 30), ("b", 10), ("c", 20), ("d", 40)] {
        create(&store, name, "{}", seconds).await;
    }
    assert_eq!(living(&store, &["a", "b", "c", "d"]).await, ["a", "c", "d"]);
    create(&store, "e", "{}", 50).await;
    assert_eq!(living(&store, &["a", "b", "c", "d", "e"]).await, ["a", "d", "e"]);
    assert_eq!(store.len(), 3);
}

#[tokio::test]
async fn a_new_session_is_not_the_one_that_is_ended() {
    let store = empty().with_max_sessions(2);
    for (name, seconds) in [("a", 30), ("b", 20), ("new", 10)] {
        create(&store, name, "{}", seconds).await;
    }
    assert_eq!(living(&store, &["a", "b", "new"]).await, ["a", "new"]);
}

#[tokio::test]
async fn touch_saves_a_session_from_being_the_next_to_end() {
    let store = empty().with_max_sessions(2);
    create(&store, "a", "{}", 10).await;
    create(&store, "b", "{}", 20).await;
    store.touch(&id("a"), Duration::from_secs(30)).await.unwrap();
    create(&store, "c", "{}", 40).await;
    assert_eq!(living(&store, &["a", "b", "c"]).await, ["a", "c"]);
}

#[tokio::test]
async fn more_bytes_than_allowed_end_as_many_sessions_as_needed() {
    let store = empty().with_max_bytes(100);
    for (name, seconds) in [("a", 40), ("b", 10), ("c", 20), ("d", 30)] {
        create(&store, name, &"x".repeat(25), seconds).await;
    }
    assert_eq!(store.len(), 4);
    create(&store, "e", &"x".repeat(50), 5).await;
    assert_eq!(living(&store, &["a", "b", "c", "d", "e"]).await, ["a", "d", "e"]);
}

#[tokio::test]
async fn an_update_that_grows_ends_others_and_not_itself() {
    let store = empty().with_max_bytes(100);
    let version = create(&store, "soonest", &"x".repeat(30), 10).await;
    create(&store, "a", &"x".repeat(30), 30).await;
    create(&store, "b", &"x".repeat(30), 20).await;
    let updated =
        store.update(&id("soonest"), version, &record(&"x".repeat(70), 10)).await.unwrap();
    assert!(matches!(updated, Updated::Done(_)));
    assert_eq!(living(&store, &["a", "b", "soonest"]).await, ["a", "soonest"]);
}

#[tokio::test]
async fn an_update_that_shrinks_makes_room() {
    let store = empty().with_max_bytes(100);
    let version = create(&store, "a", &"x".repeat(90), 10).await;
    store.update(&id("a"), version, &record("x", 10)).await.unwrap();
    create(&store, "b", &"x".repeat(90), 10).await;
    store.delete(&id("b")).await.unwrap();
    create(&store, "c", &"x".repeat(90), 10).await;
    assert_eq!(living(&store, &["a", "b", "c"]).await, ["a", "c"]);
}

#[tokio::test]
async fn a_document_larger_than_the_store_is_refused_and_ends_nothing() {
    let store = empty().with_max_bytes(100);
    let version = create(&store, "a", &"x".repeat(100), 10).await;
    let large = record(&"x".repeat(101), 10);
    let created = store.create(&id("b"), &large).await;
    assert_eq!(created.unwrap_err().kind(), StoreErrorKind::TooLarge);
    let updated = store.update(&id("a"), version, &large).await;
    assert_eq!(updated.unwrap_err().kind(), StoreErrorKind::TooLarge);
    assert_eq!(living(&store, &["a", "b"]).await, ["a"]);
}

#[tokio::test]
async fn an_ended_session_leaves_the_index() {
    let store = empty().with_max_sessions(2);
    for (name, seconds) in [("a", 10), ("b", 20), ("c", 30)] {
        let record = Record { owner: Some(Arc::from("alice")), ..record("{}", seconds) };
        store.create(&id(name), &record).await.unwrap();
    }
    assert_eq!(store.index().unwrap().count("alice").await.unwrap(), 2);
}

/// Whatever was created, touched, updated and deleted before, sessions end in order of expiry.
#[tokio::test]
async fn sessions_end_in_the_order_of_their_expiry() {
    let store = empty();
    create(&store, "keeper", "{}", 1_000_000).await;
    let mut expiries = disturb(&store).await;
    while expiries.len() > 1 {
        let tight = store.clone().with_max_sessions(expiries.len());
        let keeper = tight.load(&id("keeper")).await.unwrap().unwrap();
        tight.update(&id("keeper"), keeper.version, &record("{}", 1_000_000)).await.unwrap();
        let (_, soonest) = expiries.pop_first().unwrap();
        assert!(
            store.load(&id(&soonest)).await.unwrap().is_none(),
            "another than {soonest} was ended"
        );
        assert_eq!(store.len(), expiries.len() + 1);
    }
}

#[tokio::test]
async fn expired_sessions_are_cleaned_up_by_the_writes_of_others() {
    let clock = Arc::new(ManualClock::new());
    let store = MemoryStore::new().with_clock(clock.clone());
    create(&store, "living", "{}", 1_000_000).await;
    for n in 0..5_000 {
        create(&store, &format!("expiring-{n}"), "{}", 10).await;
    }
    clock.advance(Duration::from_secs(10));
    assert_eq!(store.len(), 5_001, "nobody has written since");
    for _ in 0..10_000 {
        let before = store.len();
        store.touch(&id("living"), Duration::from_secs(1_000_000)).await.unwrap();
        assert!(before - store.len() <= 4, "one write should clean up a few only");
    }
    assert_eq!(store.len(), 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn the_bounds_are_kept_by_parallel_writers() {
    let store = empty().with_max_sessions(100).with_max_bytes(5_000);
    let start = Arc::new(Barrier::new(8));
    let writers: Vec<_> = (0..8)
        .map(|writer| {
            let (store, start) = (store.clone(), start.clone());
            tokio::spawn(async move {
                start.wait().await;
                for n in 0..500 {
                    create(&store, &format!("{writer}-{n}"), &"x".repeat(n % 100 + 1), 10).await;
                }
            })
        })
        .collect();
    for writer in writers {
        writer.await.unwrap();
    }
    let mut bytes = 0;
    for (writer, n) in (0..8).flat_map(|writer| (0..500).map(move |n| (writer, n))) {
        let stored = store.load(&id(&format!("{writer}-{n}"))).await.unwrap();
        bytes += stored.map_or(0, |stored| stored.document.len());
    }
    assert!(store.len() <= 100 && bytes <= 5_000, "{} sessions of {bytes} bytes", store.len());
    assert!(
        format!("{store:?}").contains(&format!("bytes: {bytes}")),
        "the bytes are counted wrongly"
    );
}

#[tokio::test]
async fn clear_makes_room_for_as_much_as_there_was() {
    let store = empty().with_max_sessions(3).with_max_bytes(300);
    for round in 0..3 {
        for name in ["a", "b", "c"] {
            create(&store, name, &"x".repeat(100), 10 + round).await;
        }
        assert_eq!(living(&store, &["a", "b", "c"]).await, ["a", "b", "c"]);
        assert_eq!(store.scan().unwrap().clear().await.unwrap(), 3);
        assert_eq!(format!("{store:?}"), "MemoryStore { sessions: 0, bytes: 0, .. }");
    }
}

#[tokio::test]
async fn a_cursor_of_another_kind_of_store_is_refused() {
    let store = empty();
    for text in ["17", "shard-", "shard--1", "shard-256", "shard-1 ", "sid-61", "shard-1e1"] {
        let cursor = Cursor(text.into());
        let error = store.scan().unwrap().page(Some(&cursor), 10).await.unwrap_err();
        assert_eq!(error.kind(), StoreErrorKind::Refused, "{text}");
    }
}

#[tokio::test]
async fn clones_share_their_sessions() {
    let store = empty();
    create(&store.clone(), "a", "{}", 10).await;
    assert_eq!(living(&store, &["a"]).await, ["a"]);
}

#[tokio::test]
async fn debug_shows_how_many_sessions_and_nothing_of_them() {
    let store = empty();
    create(&store, "secret-id", r#"{"secret":"data"}"#, 10).await;
    assert_eq!(format!("{store:?}"), "MemoryStore { sessions: 1, bytes: 17, .. }");
}

/// A store whose time stands still.
fn empty() -> MemoryStore {
    MemoryStore::new().with_clock(Arc::new(ManualClock::new()))
}

fn id(text: &str) -> SessionId {
    SessionId::parse(text).unwrap()
}

fn record(document: &str, seconds: u64) -> Record {
    let document = Arc::from(document.as_bytes());
    Record { document, lifetime: Duration::from_secs(seconds), owner: None }
}

async fn create(store: &MemoryStore, name: &str, document: &str, seconds: u64) -> Version {
    match store.create(&id(name), &record(document, seconds)).await.unwrap() {
        Created::Done(version) => version,
        Created::Duplicate => panic!("{name} is there already"),
    }
}

/// Those of the sessions that live.
async fn living<'a>(store: &MemoryStore, names: &[&'a str]) -> Vec<&'a str> {
    let mut living = Vec::new();
    for name in names {
        if store.load(&id(name)).await.unwrap().is_some() {
            living.push(*name);
        }
    }
    living
}

/// Fills a store in disorder and returns who expires when.
async fn disturb(store: &MemoryStore) -> BTreeMap<u64, String> {
    // 7919 is prime, so the numbers run through 1..10007 in disorder and none comes twice.
    let mut seconds = (1..).map(|n| n * 7919 % 10_007);
    let mut expiries = BTreeMap::new();
    for n in 0..1_000 {
        let name = format!("session-{n}");
        let first = seconds.next().unwrap();
        let version = create(store, &name, "{}", first).await;
        let expiry = match n % 4 {
            0 => first,
            1 => {
                let touched = seconds.next().unwrap();
                store.touch(&id(&name), Duration::from_secs(touched)).await.unwrap();
                touched
            }
            2 => {
                let updated = seconds.next().unwrap();
                store.update(&id(&name), version, &record("{}", updated)).await.unwrap();
                updated
            }
            _ => {
                store.delete(&id(&name)).await.unwrap();
                continue;
            }
        };
        expiries.insert(expiry, name);
    }
    expiries
}
