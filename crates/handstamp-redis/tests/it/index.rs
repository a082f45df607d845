use std::time::Duration;

use handstamp::store::{Record, SessionIndex};
use handstamp::{SessionId, SessionStore};
use handstamp_redis::{RedisOptions, RedisStore};
use handstamp_testing::servers;
use redis::AsyncCommands;
use redis::aio::MultiplexedConnection;

use crate::support::{
    cluster_url, id, living, owned, plain, prefix, put, record, store_beside_a_connection,
};

const LIST: &str = "handstamp:owner|5|sess:alice";

#[tokio::test]
async fn a_list_that_has_lost_a_session_gets_it_back_with_its_next_write() {
    let (store, mut other) = store_beside_a_connection().await;
    let version = put(&store, &id("a"), &owned("{}", "alice")).await;
    other.del::<_, ()>(LIST).await.unwrap();
    assert_eq!(store.count("alice").await.unwrap(), 0);
    store.update(&id("a"), version, &owned("1", "alice")).await.unwrap();
    assert_eq!(store.count("alice").await.unwrap(), 1);
    other.del::<_, ()>(LIST).await.unwrap();
    store.touch(&id("a"), Duration::from_secs(60)).await.unwrap();
    assert_eq!(store.count("alice").await.unwrap(), 1);
}

#[tokio::test]
async fn an_entry_that_is_wrong_is_not_listed_and_goes_when_its_time_has_run_out() {
    let (store, mut other) = store_beside_a_connection().await;
    put(&store, &id("bobs"), &owned("{}", "bob")).await;
    put(&store, &id("nobodys"), &record("{}")).await;
    for wrong in ["bobs", "nobodys", "missing", "no id!"] {
        other.zadd::<_, _, _, ()>(LIST, wrong, 4_000_000_000_000_i64).await.unwrap();
    }
    assert_eq!(store.count("alice").await.unwrap(), 0);
    // It may be of a session that is being created: it has a minute.
    let expires: f64 = other.zscore(LIST, "missing").await.unwrap();
    assert!(expires < 4_000_000_000_000.0, "{expires}");
    for wrong in ["bobs", "missing"] {
        other.zadd::<_, _, _, ()>(LIST, wrong, 1).await.unwrap();
    }
    assert!(store.list("alice").await.unwrap().is_empty());
    let left: Vec<String> = other.zrange(LIST, 0, -1).await.unwrap();
    assert!(!left.contains(&"bobs".into()) && !left.contains(&"missing".into()), "{left:?}");
    assert_eq!(store.revoke("alice", None).await.unwrap(), 0);
    living(&store, &id("bobs")).await;
    living(&store, &id("nobodys")).await;
}

/// connect-redis extends a session and knows nothing of its owner.
#[tokio::test]
async fn a_session_that_only_connect_redis_extends_stays_its_owners() {
    let (store, mut other) = store_beside_a_connection().await;
    let brief = Record { lifetime: Duration::from_millis(200), ..owned("{}", "alice") };
    put(&store, &id("a"), &brief).await;
    other.expire::<_, ()>("sess:a", 3600).await.unwrap();
    tokio::time::sleep(Duration::from_millis(300)).await;
    assert!(!other.exists::<_, bool>("{sess:a}:owner").await.unwrap());

    let listed = store.list("alice").await.unwrap();
    assert_eq!(listed.len(), 1);
    assert!(listed[0].1.remaining > Duration::from_secs(3000));
    assert!(other.exists::<_, bool>("{sess:a}:owner").await.unwrap());
    assert_eq!(store.revoke("alice", None).await.unwrap(), 1);
    assert!(store.load(&id("a")).await.unwrap().is_none());
}

#[tokio::test]
async fn a_list_that_nobody_needs_any_more_vanishes() {
    let (store, mut other) = store_beside_a_connection().await;
    put(&store, &id("a"), &owned("{}", "alice")).await;
    let left: i64 = other.ttl(LIST).await.unwrap();
    let month = 30 * 24 * 3600;
    assert!((month..=month + 3600).contains(&left), "{left}");
    put(&store, &id("b"), &Record { lifetime: Duration::from_secs(7200), ..owned("{}", "alice") })
        .await;
    let left: i64 = other.ttl(LIST).await.unwrap();
    assert!(left > month + 3600, "{left}");
    put(&store, &id("c"), &Record { lifetime: Duration::from_secs(1), ..owned("{}", "alice") })
        .await;
    let later: i64 = other.ttl(LIST).await.unwrap();
    assert!(later >= left - 10, "a brief session has shortened it: {later}");
}

/// A revocation leaves a mark where a session is being created, and the creation begins again.
#[tokio::test]
async fn on_a_cluster_a_session_that_a_revocation_has_met_too_early_is_entered_again() {
    let prefix = prefix();
    let url = cluster_url(servers::cluster());
    let store = RedisOptions::new().prefix(&prefix).connect(&url).await.unwrap();
    let key = format!("{prefix}a");
    let master = servers::cluster().master_of(servers::cluster().slot_of(&key));
    let mut other = plain(&master.url()).await;
    let beside = format!("{{{key}}}:owner");
    other.set::<_, _, ()>(&beside, "!").await.unwrap();
    put(&store, &id("a"), &owned("{}", "alice")).await;
    assert_eq!(other.get::<_, String>(&beside).await.unwrap(), "=alice");
    assert_eq!(store.count("alice").await.unwrap(), 1);
    assert_eq!(store.revoke("alice", None).await.unwrap(), 1);
}

/// A session of Alice's on a Cluster, whose list is in another slot, on another master.
struct Apart {
    store: RedisStore,
    id: SessionId,
    session: String,
    list: String,
    at_session: MultiplexedConnection,
    at_list: MultiplexedConnection,
}

impl Apart {
    /// The keys, with a store that knows nothing of them yet.
    async fn find() -> Self {
        let (cluster, prefix) = (servers::cluster(), prefix());
        let list = format!("handstamp:owner|{}|{prefix}alice", prefix.len());
        let master = |key: &str| cluster.master_of(cluster.slot_of(key));
        let names = (0..).map(|n| format!("s{n}"));
        let mut keys = names.map(|name| (id(&name), format!("{prefix}{name}")));
        let is_apart = |(_, key): &(_, String)| master(key).port() != master(&list).port();
        let (id, session) = keys.find(is_apart).unwrap();
        let options = RedisOptions::new().prefix(&prefix);
        Self {
            store: options.connect(&cluster_url(cluster)).await.unwrap(),
            at_session: plain(&master(&session).url()).await,
            at_list: plain(&master(&list).url()).await,
            id,
            session,
            list,
        }
    }

    /// Takes the session away as nobody does who knows of its list.
    async fn lose_session(&mut self) {
        for key in [self.session.clone(), format!("{{{}}}:owner", self.session)] {
            assert!(self.at_session.del::<_, bool>(key).await.unwrap());
        }
    }

    async fn lose_list(&mut self) {
        assert!(self.at_list.del::<_, bool>(&self.list).await.unwrap());
    }

    /// When the session expires by the list.
    async fn entry(&mut self) -> Option<f64> {
        self.at_list.zscore(&self.list, self.id.as_str()).await.unwrap()
    }
}

#[tokio::test]
async fn on_a_cluster_an_entry_whose_session_is_lost_is_not_listed_and_goes() {
    let mut apart = Apart::find().await;
    let (store, id) = (apart.store.clone(), apart.id);
    put(&store, &self::id("stays"), &owned("{}", "alice")).await;
    for way in ["list", "count", "revoke"] {
        put(&store, &id, &owned("{}", "alice")).await;
        assert_eq!(store.count("alice").await.unwrap(), 2, "{way}");
        apart.lose_session().await;
        let before = apart.entry().await.unwrap();
        assert_eq!(store.count("alice").await.unwrap(), 1, "{way}");
        // It may be of a session that is being created: it has a minute.
        let expires = apart.entry().await.unwrap();
        assert!(expires < before - 3_000_000.0, "{way}: {expires}, {before} before");
        apart.at_list.zadd::<_, _, _, ()>(&apart.list, id.as_str(), 1).await.unwrap();
        match way {
            "list" => {
                let listed = store.list("alice").await.unwrap();
                assert_eq!(listed.len(), 1);
                assert_eq!(listed[0].0, self::id("stays"));
            }
            "count" => assert_eq!(store.count("alice").await.unwrap(), 1),
            _ => assert_eq!(store.revoke("alice", None).await.unwrap(), 1),
        }
        assert_eq!(apart.entry().await, None, "{way}");
    }
    assert_eq!(store.count("alice").await.unwrap(), 0);
}

/// A failover may lose the last writes of the list's master, and those of the session's not.
#[tokio::test]
async fn on_a_cluster_a_list_that_is_lost_gets_a_session_back_with_its_next_write_or_touch() {
    let mut apart = Apart::find().await;
    let (store, id) = (apart.store.clone(), apart.id);
    for way in ["write", "touch"] {
        let version = put(&store, &id, &owned("{}", "alice")).await;
        apart.lose_list().await;
        assert_eq!(store.count("alice").await.unwrap(), 0, "{way}");
        match way {
            "write" => drop(store.update(&id, version, &owned("1", "alice")).await.unwrap()),
            _ => assert!(store.touch(&id, Duration::from_secs(60)).await.unwrap()),
        }
        assert_eq!(store.list("alice").await.unwrap()[0].0, id, "{way}");
        assert_eq!(store.revoke("alice", None).await.unwrap(), 1, "{way}");
        assert!(store.load(&id).await.unwrap().is_none(), "{way}");
    }
}
