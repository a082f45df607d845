use std::time::Duration;

use handstamp::SessionStore;
use handstamp::store::StoreErrorKind;
use handstamp_redis::{NearCache, PERMISSIONS, RedisOptions, RedisStore};
use handstamp_testing::servers::{
    Cluster, Redis, RedisOptions as ServerOptions, Sentinel, SentinelOptions,
};

use crate::near::warm;
use crate::support::{cluster_url, failed, id, living, owned, put, record, sentinel_url, soon};

/// Lets a server take a user who has the permissions of the docs, and no other.
fn admit(server: &Redis) {
    let mut rules = vec!["ACL", "SETUSER", "sessions", "on", ">secret"];
    rules.extend(PERMISSIONS.split(' '));
    server.ask(&rules);
}

/// The URL with this user in it.
fn as_user(url: &str) -> String {
    url.replacen("://", "://sessions:secret@", 1)
}

/// Does all that a store does.
async fn do_everything(store: &RedisStore) {
    let version = put(store, &id("a"), &owned("{}", "alice")).await;
    store.update(&id("a"), version, &owned("1", "bob")).await.unwrap();
    store.touch(&id("a"), Duration::from_secs(60)).await.unwrap();
    put(store, &id("b"), &record("{}")).await;
    let index = store.index().unwrap();
    assert_eq!(index.count("bob").await.unwrap(), 1);
    assert_eq!(index.list("alice").await.unwrap().len(), 0);
    let scan = store.scan().unwrap();
    assert_eq!(scan.total().await.unwrap(), 2);
    scan.page(None, 10).await.unwrap();
    store.changes().unwrap().watch().await.unwrap();
    assert_eq!(index.revoke("bob", None).await.unwrap(), 1);
    store.delete(&id("b")).await.unwrap();
    assert_eq!(scan.clear().await.unwrap(), 0);
}

/// The permissions that the crate's docs name are enough, for all that a store does.
#[tokio::test]
async fn a_user_with_the_permissions_of_the_docs_can_do_everything() {
    let server = Redis::start(ServerOptions::default());
    admit(&server);
    let store = RedisStore::connect(&as_user(&server.url())).await.unwrap();
    do_everything(&store).await;

    server.ask(&["ACL", "SETUSER", "sessions", "-set"]);
    let text = failed(store.create(&id("c"), &record("{}")).await, StoreErrorKind::Refused);
    assert!(text.contains("permission"), "{text}");
}

#[tokio::test]
async fn they_are_enough_with_a_near_cache_and_for_waiting_for_replicas() {
    let server = Redis::start(ServerOptions::default());
    let replica_of = Some(server.port());
    let replica = Redis::start(ServerOptions { replica_of, ..ServerOptions::default() });
    soon("the replica follows", async || {
        replica.info("master_link_status").as_deref() == Some("up")
    })
    .await;
    admit(&server);
    let options = RedisOptions::new().wait(1, Duration::from_secs(2)).near_cache(NearCache::new());
    let store = options.connect(&as_user(&server.url())).await.unwrap();
    do_everything(&store).await;
    put(&store, &id("kept"), &record("{}")).await;
    warm(&store, &server, "kept").await;
}

#[tokio::test]
async fn they_are_enough_on_a_cluster_also_while_a_slot_moves() {
    let cluster = Cluster::start();
    cluster.nodes().iter().for_each(admit);
    let options = RedisOptions::new().wait(1, Duration::from_secs(2)).near_cache(NearCache::new());
    let url = as_user(&cluster_url(&cluster));
    do_everything(&options.connect(&url).await.unwrap()).await;

    let store = options.prefix("{app}:sess:").connect(&url).await.unwrap();
    let slot = cluster.slot_of("{app}:sess:");
    put(&store, &id("kept"), &record("{}")).await;
    warm(&store, cluster.master_of(slot), "kept").await;

    let source = cluster.master_of(slot).port();
    let mut others = (0..Cluster::SLOTS).step_by(1000).map(|slot| cluster.master_of(slot));
    cluster.begin_move(slot, others.find(|master| master.port() != source).unwrap());
    // What is new is on the other side, what was there stays.
    let version = put(&store, &id("new"), &owned("{}", "carol")).await;
    store.update(&id("new"), version, &owned("1", "carol")).await.unwrap();
    assert!(store.touch(&id("new"), Duration::from_secs(60)).await.unwrap());
    assert_eq!(*living(&store, &id("kept")).await.document, *b"{}");
    let index = store.index().unwrap();
    assert_eq!(index.revoke("carol", None).await.unwrap(), 1);
    assert!(store.delete(&id("kept")).await.unwrap().is_some());
}

/// Sentinels have users of their own.
#[tokio::test]
async fn sentinels_that_want_a_user_get_theirs() {
    let user = Some(("watcher", "guarded"));
    let sentinel = Sentinel::start_with(SentinelOptions { user, ..SentinelOptions::default() });
    admit(sentinel.master());
    let url = as_user(&sentinel_url(&sentinel));
    let named = |password: &str| format!("{url}?sentinel_user=watcher&sentinel_pass={password}");
    let store = RedisStore::connect(&named("guarded")).await.unwrap();
    do_everything(&store).await;

    for url in [url.clone(), named("mistaken")] {
        let text = failed(RedisStore::connect(&url).await, StoreErrorKind::Refused);
        assert!(text.contains("user and password") && !text.contains("mistaken"), "{text}");
    }
}
