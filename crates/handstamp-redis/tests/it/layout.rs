use std::time::Duration;

use handstamp::SessionStore;
use handstamp::store::{Created, SessionScan, StoreErrorKind, Updated};
use handstamp_redis::RedisOptions;
use redis::AsyncCommands;

use crate::support::{
    database, failed, id, living, owned, plain, put, record, redis, store_beside_a_connection,
};

const DOCUMENT: &str =
    r#"{"cookie":{"originalMaxAge":null,"expires":null,"httpOnly":true,"path":"/"},"n":1}"#;

#[tokio::test]
async fn a_session_is_the_string_that_connect_redis_reads() {
    let (store, mut other) = store_beside_a_connection().await;
    put(&store, &id("abc"), &record(DOCUMENT)).await;
    assert_eq!(other.get::<_, String>("sess:abc").await.unwrap(), DOCUMENT);
    let left: i64 = other.ttl("sess:abc").await.unwrap();
    assert!((3590..=3600).contains(&left), "{left}");
}

#[tokio::test]
async fn what_connect_redis_has_written_is_read() {
    let (store, mut other) = store_beside_a_connection().await;
    other.set_ex::<_, _, ()>("sess:abc", DOCUMENT, 60).await.unwrap();
    let stored = living(&store, &id("abc")).await;
    assert_eq!(*stored.document, *DOCUMENT.as_bytes());
    assert!(stored.remaining <= Duration::from_secs(60));
    assert!(stored.remaining > Duration::from_secs(50));
}

/// So connect-redis stores with `disableTTL`.
#[tokio::test]
async fn a_session_without_time_to_live_has_an_eternity_left() {
    let (store, mut other) = store_beside_a_connection().await;
    other.set::<_, _, ()>("sess:abc", DOCUMENT).await.unwrap();
    let stored = living(&store, &id("abc")).await;
    assert!(stored.remaining > Duration::from_secs(10 * 365 * 24 * 60 * 60));
    assert!(matches!(store.create(&id("abc"), &record("{}")).await.unwrap(), Created::Duplicate));
    let Updated::Done(_) = store.update(&id("abc"), stored.version, &record("{}")).await.unwrap()
    else {
        panic!("nobody else has written")
    };
    assert!(store.touch(&id("abc"), Duration::from_secs(60)).await.unwrap());
    assert!(living(&store, &id("abc")).await.remaining <= Duration::from_secs(60));
}

#[tokio::test]
async fn a_write_of_connect_redis_is_a_conflict_and_stays() {
    let (store, mut other) = store_beside_a_connection().await;
    let version = put(&store, &id("abc"), &record(DOCUMENT)).await;
    other.set_ex::<_, _, ()>("sess:abc", r#"{"theirs":1}"#, 60).await.unwrap();
    match store.update(&id("abc"), version, &record(r#"{"ours":1}"#)).await.unwrap() {
        Updated::Conflict(stored) => assert_eq!(*stored.document, *br#"{"theirs":1}"#),
        outcome => panic!("{outcome:?}"),
    }
    assert_eq!(other.get::<_, String>("sess:abc").await.unwrap(), r#"{"theirs":1}"#);
}

#[tokio::test]
async fn what_connect_redis_has_ended_is_gone() {
    let (store, mut other) = store_beside_a_connection().await;
    let version = put(&store, &id("abc"), &owned(DOCUMENT, "alice")).await;
    other.del::<_, ()>("sess:abc").await.unwrap();
    let outcome = store.update(&id("abc"), version, &owned("{}", "alice")).await.unwrap();
    assert!(matches!(outcome, Updated::Gone));
    assert!(!store.touch(&id("abc"), Duration::from_secs(60)).await.unwrap());
    assert_eq!(store.index().unwrap().count("alice").await.unwrap(), 0);
    assert!(!other.exists::<_, bool>("sess:abc").await.unwrap());
}

#[tokio::test]
async fn nothing_but_sessions_begins_with_the_prefix() {
    let (store, mut other) = store_beside_a_connection().await;
    put(&store, &id("abc"), &owned(DOCUMENT, "alice")).await;
    let keys: Vec<String> = other.keys("sess:*").await.unwrap();
    assert_eq!(keys, ["sess:abc"]);
    let mut keys: Vec<String> = other.keys("*").await.unwrap();
    keys.sort();
    assert_eq!(keys, ["handstamp:owner|5|sess:alice", "sess:abc", "{sess:abc}:owner"]);
}

#[tokio::test]
async fn whose_a_session_is_lasts_as_long_as_the_session() {
    let (store, mut other) = store_beside_a_connection().await;
    let version = put(&store, &id("abc"), &owned(DOCUMENT, "alice")).await;
    let left = async |other: &mut redis::aio::MultiplexedConnection| {
        let session: i64 = other.pexpire_time("sess:abc").await.unwrap();
        let owner: i64 = other.pexpire_time("{sess:abc}:owner").await.unwrap();
        (session, owner)
    };
    let (session, owner) = left(&mut other).await;
    assert_eq!(session, owner);
    store.touch(&id("abc"), Duration::from_secs(60)).await.unwrap();
    let (session, owner) = left(&mut other).await;
    assert!(session.abs_diff(owner) <= 1, "{session} {owner}");
    store.update(&id("abc"), version, &owned("{}", "alice")).await.unwrap();
    let (session, owner) = left(&mut other).await;
    assert!(session.abs_diff(owner) <= 1, "{session} {owner}");
    store.delete(&id("abc")).await.unwrap();
    let keys: Vec<String> = other.keys("*abc*").await.unwrap();
    assert!(keys.is_empty(), "{keys:?}");
}

#[tokio::test]
async fn a_key_of_another_kind_is_told_and_passed_by() {
    let (store, mut other) = store_beside_a_connection().await;
    other.lpush::<_, _, ()>("sess:list", "x").await.unwrap();
    put(&store, &id("abc"), &record(DOCUMENT)).await;
    let text = failed(store.load(&id("list")).await, StoreErrorKind::Corrupt);
    assert!(text.contains("prefix") && !text.contains("sess:list"), "{text}");
    let page = SessionScan::page(&store, None, 100).await.unwrap();
    assert_eq!(page.sessions.len(), 1);
    assert_eq!(SessionScan::clear(&store).await.unwrap(), 2);
}

#[tokio::test]
async fn a_prefix_is_taken_as_it_is() {
    let url = database(redis());
    let mut other = plain(&url).await;
    let store = RedisOptions::new().prefix("a*[b]?\\:").connect(&url).await.unwrap();
    let similar = RedisOptions::new().prefix("aXbb\\:").connect(&url).await.unwrap();
    put(&store, &id("one"), &record("1")).await;
    put(&similar, &id("two"), &record("2")).await;
    assert_eq!(other.get::<_, String>("a*[b]?\\:one").await.unwrap(), "1");
    assert_eq!(SessionScan::total(&store).await.unwrap(), 1);
    assert_eq!(SessionScan::clear(&store).await.unwrap(), 1);
    living(&similar, &id("two")).await;
    failed(RedisOptions::new().prefix("}").connect(&url).await, StoreErrorKind::Refused);
}
