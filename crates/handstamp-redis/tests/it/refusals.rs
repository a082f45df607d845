use std::fs;
use std::path::Path;
use std::time::{Duration, Instant};

use handstamp::SessionStore;
use handstamp::store::StoreErrorKind;
use handstamp_redis::{RedisOptions, RedisStore};
use handstamp_testing::servers::{Redis, RedisOptions as ServerOptions};

use crate::support::{database, failed, id, living, owned, put, record, redis, soon};

#[tokio::test]
async fn a_server_that_is_full_refuses_writes_and_can_be_read() {
    let server = Redis::start(ServerOptions::default());
    let store = RedisStore::connect(&server.url()).await.unwrap();
    let version = put(&store, &id("secret-id"), &owned("{}", "alice")).await;
    server.ask(&["CONFIG", "SET", "maxmemory", "1"]);
    let large = record("x".repeat(1000));
    for outcome in [
        store.create(&id("b"), &large).await.map(drop),
        store.create(&id("b"), &owned("{}", "alice")).await.map(drop),
        store.update(&id("secret-id"), version, &owned("1", "alice")).await.map(drop),
    ] {
        let text = failed(outcome, StoreErrorKind::Refused);
        assert!(text.contains("maxmemory") && !text.contains("secret"), "{text}");
    }
    assert_eq!(*living(&store, &id("secret-id")).await.document, *b"{}");
    server.ask(&["CONFIG", "SET", "maxmemory", "0"]);
    put(&store, &id("b"), &large).await;
}

/// Such a server refuses even to say that it lives, when it is asked by `PING`.
#[tokio::test]
async fn a_server_that_can_not_save_refuses_writes_and_can_be_read() {
    let server = Redis::start(ServerOptions::default());
    let store = RedisStore::connect(&server.url()).await.unwrap();
    let version = put(&store, &id("secret-id"), &owned("{}", "alice")).await;
    // Where it would put its file is a folder.
    let folder = server.ask(&["CONFIG", "GET", "dir"]);
    let file = Path::new(folder.lines().last().unwrap()).join("dump.rdb");
    fs::create_dir(&file).unwrap();
    server.ask(&["CONFIG", "SET", "save", "3600 1"]);
    server.ask(&["BGSAVE"]);
    let saved = async || server.info("rdb_last_bgsave_status");
    soon("it can't save", async || saved().await.as_deref() == Some("err")).await;

    for outcome in [
        store.create(&id("b"), &record("{}")).await.map(drop),
        store.create(&id("b"), &owned("{}", "alice")).await.map(drop),
        store.update(&id("secret-id"), version, &owned("1", "alice")).await.map(drop),
        store.touch(&id("secret-id"), Duration::from_secs(60)).await.map(drop),
        store.delete(&id("secret-id")).await.map(drop),
        store.index().unwrap().revoke("alice", None).await.map(drop),
    ] {
        let text = failed(outcome, StoreErrorKind::Refused);
        assert!(text.contains("disk") && !text.contains("secret"), "{text}");
    }
    // So long that a connection is asked whether it lives.
    let refused = Instant::now();
    while refused.elapsed() < Duration::from_millis(2500) {
        assert_eq!(living(&store, &id("secret-id")).await.version, version);
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    assert_eq!(store.index().unwrap().count("alice").await.unwrap(), 1);
    let late = RedisStore::connect(&server.url()).await.unwrap();
    assert_eq!(living(&late, &id("secret-id")).await.version, version);

    fs::remove_dir(&file).unwrap();
    server.ask(&["BGSAVE"]);
    soon("it has saved", async || saved().await.as_deref() == Some("ok")).await;
    put(&store, &id("b"), &record("{}")).await;
    assert_eq!(store.index().unwrap().revoke("alice", None).await.unwrap(), 1);
}

#[tokio::test]
async fn a_document_that_is_too_large_is_refused_and_changes_nothing() {
    let options = RedisOptions::new().max_document_bytes(1000);
    let store = options.connect(&database(redis())).await.unwrap();
    let version = put(&store, &id("a"), &record("x".repeat(1000))).await;
    let large = record("x".repeat(1001));
    let text = failed(store.create(&id("b"), &large).await, StoreErrorKind::TooLarge);
    assert!(text.contains("1001") && text.contains("1000"), "{text}");
    failed(store.update(&id("a"), version, &large).await, StoreErrorKind::TooLarge);
    assert_eq!(living(&store, &id("a")).await.version, version);
}

#[tokio::test]
async fn a_replica_refuses_writes() {
    let master = Redis::start(ServerOptions::default());
    let replica_of = Some(master.port());
    let replica = Redis::start(ServerOptions { replica_of, ..ServerOptions::default() });
    let store = RedisStore::connect(&replica.url()).await.unwrap();
    let text = failed(store.create(&id("a"), &record("{}")).await, StoreErrorKind::Refused);
    assert!(text.contains("replica"), "{text}");
    assert!(store.load(&id("a")).await.unwrap().is_none());
}

#[tokio::test]
async fn a_wrong_password_is_refused_and_never_shown() {
    let server = Redis::start(ServerOptions {
        user: Some(("alice", "right-one")),
        ..ServerOptions::default()
    });
    let store = RedisStore::connect(&server.url()).await.unwrap();
    put(&store, &id("a"), &record("{}")).await;
    let url = server.url().replace("right-one", "wrong-one");
    let text = failed(RedisStore::connect(&url).await, StoreErrorKind::Refused);
    assert!(text.contains("password") && !text.contains("wrong-one"), "{text}");
    let text = format!("{:?}", RedisOptions::new().connect_lazily(&url).unwrap());
    assert!(!text.contains("wrong-one"), "{text}");
}

#[tokio::test]
async fn a_replica_that_becomes_the_master_is_waited_for() {
    let master = Redis::start(ServerOptions::default());
    let replica_of = Some(master.port());
    let replica = Redis::start(ServerOptions { replica_of, ..ServerOptions::default() });
    let options = RedisOptions::new().absence_patience(Duration::from_secs(30));
    let store = options.connect(&replica.url()).await.unwrap();
    let promoted = async {
        tokio::time::sleep(Duration::from_millis(300)).await;
        replica.ask(&["REPLICAOF", "NO", "ONE"]);
    };
    let (id, session) = (id("a"), record("{}"));
    let (version, ()) = tokio::join!(put(&store, &id, &session), promoted);
    assert_eq!(living(&store, &id).await.version, version);
}

#[tokio::test]
async fn a_near_cache_that_nobody_may_tell_is_refused() {
    let server = Redis::start(ServerOptions::default());
    let mut rules = vec!["ACL", "SETUSER", "sessions", "on", ">secret"];
    rules.extend(handstamp_redis::PERMISSIONS.split(' ').filter(|rule| !rule.contains("tracking")));
    server.ask(&rules);
    let url = server.url().replace("redis://", "redis://sessions:secret@");
    let options = RedisOptions::new().absence_patience(Duration::from_millis(500));
    options.connect(&url).await.unwrap();
    let options = options.near_cache(handstamp_redis::NearCache::new());
    let text = failed(options.connect(&url).await, StoreErrorKind::Refused);
    assert!(text.contains("permission"), "{text}");
}
