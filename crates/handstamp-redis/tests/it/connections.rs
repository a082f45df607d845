use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use handstamp::store::{Change, ConnectionEvent, Created, Record, StoreErrorKind, Updated};
use handstamp::{SessionId, SessionStore};
use handstamp_redis::{RedisOptions, RedisStore};
use handstamp_testing::servers::{
    self, Cluster, Proxy, Redis, RedisOptions as ServerOptions, Sentinel,
};
use redis::cluster::ClusterClient;
use tokio::net::TcpListener;
use tokio::time::timeout;

use crate::support::{
    cluster_url, database, failed, id, living, owned, plain, prefix, put, record, redis,
    sentinel_url, soon,
};

/// Creates, reads, lists and ends a session.
pub(crate) async fn assert_works(store: &RedisStore) {
    put(store, &id("works"), &owned("{}", "alice")).await;
    living(store, &id("works")).await;
    assert_eq!(store.index().unwrap().revoke("alice", None).await.unwrap(), 1);
}

#[tokio::test]
async fn a_unix_socket_works() {
    let server = Redis::start(ServerOptions { socket: true, ..ServerOptions::default() });
    let path = server.socket().unwrap();
    for scheme in ["unix", "redis+unix", "valkey+unix"] {
        let url = format!("{scheme}://{}?db=3", path.display());
        assert_works(&RedisStore::connect(&url).await.unwrap()).await;
    }
}

#[tokio::test]
async fn connections_of_the_application_work() {
    let url = database(redis());
    let client = redis::Client::open(url.as_str()).unwrap();
    let manager = client.get_connection_manager().await.unwrap();
    let options = RedisOptions::new();
    let store = options.connection_manager(manager).unwrap();
    assert_works(&store).await;
    assert!(store.changes().is_none());
    assert_works(&options.multiplexed_connection(plain(&url).await).unwrap()).await;

    let options = RedisOptions::new().prefix(prefix());
    let client = ClusterClient::new(servers::cluster().urls()).unwrap();
    let connection = client.get_async_connection().await.unwrap();
    let store = options.cluster_connection(connection).unwrap();
    assert_works(&store).await;
    for n in 0..50 {
        put(&store, &id(&format!("s{n}")), &record("{}")).await;
    }
    assert_eq!(store.scan().unwrap().total().await.unwrap(), 50);
    assert_eq!(store.scan().unwrap().clear().await.unwrap(), 50);

    let near = options.near_cache(handstamp_redis::NearCache::new());
    failed(near.multiplexed_connection(plain(&url).await), StoreErrorKind::Refused);
}

#[tokio::test]
async fn a_server_that_is_not_there_is_told_at_once_or_waited_for() {
    let server = Redis::start(ServerOptions::default());
    server.kill();
    let text = failed(RedisStore::connect(&server.url()).await, StoreErrorKind::Unavailable);
    assert!(text.contains("reached"), "{text}");

    let options = RedisOptions::new().absence_patience(Duration::from_millis(100));
    let store = options.connect_lazily(&server.url()).unwrap();
    failed(store.load(&id("a")).await, StoreErrorKind::Unavailable);
    server.start_again();
    soon("the store has connected", async || store.load(&id("a")).await.is_ok()).await;
    assert_works(&store).await;
}

#[tokio::test]
async fn a_restart_is_waited_for_and_told() {
    let server = Redis::start(ServerOptions::default());
    let events = Arc::new(Mutex::new(Vec::new()));
    let told = events.clone();
    let options = RedisOptions::new()
        .absence_patience(Duration::from_secs(20))
        .on_connection(move |event| told.lock().unwrap().push(event));
    let store = options.connect(&server.url()).await.unwrap();
    assert_works(&store).await;
    server.kill();
    soon("the loss is told", async || events.lock().unwrap().len() == 2).await;
    // While it is away, calls wait.
    let waiting = tokio::spawn(async move {
        assert_works(&store).await;
    });
    server.start_again();
    waiting.await.unwrap();
    let events = events.lock().unwrap();
    assert!(
        matches!(
            events[..],
            [ConnectionEvent::Made, ConnectionEvent::Lost(_), ConnectionEvent::Made]
        ),
        "{events:?}"
    );
}

#[tokio::test]
async fn calls_fail_at_once_when_the_server_has_been_away_for_long() {
    let server = Redis::start(ServerOptions::default());
    let options = RedisOptions::new().absence_patience(Duration::from_millis(50));
    let store = options.connect(&server.url()).await.unwrap();
    server.kill();
    soon("the loss is noticed", async || store.load(&id("a")).await.is_err()).await;
    tokio::time::sleep(Duration::from_millis(60)).await;
    let begin = Instant::now();
    for _ in 0..100 {
        failed(store.load(&id("a")).await, StoreErrorKind::Unavailable);
    }
    assert!(begin.elapsed() < Duration::from_secs(4), "{:?}", begin.elapsed());
}

/// The pauses are zero, 20 ms, twice as long each time, and half a second in the end, or up to half as long.
#[tokio::test]
async fn a_server_that_refuses_is_tried_again_as_often_as_the_pauses_say() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let (begin, time) = (Instant::now(), Duration::from_secs(3));
    let url = format!("redis://{}", listener.local_addr().unwrap());
    let store = RedisOptions::new().connect_lazily(&url).unwrap();
    let mut tries = 0;
    while let Ok(accepted) = timeout(time.saturating_sub(begin.elapsed()), listener.accept()).await
    {
        drop(accepted.unwrap());
        tries += usize::from(begin.elapsed() < time);
    }
    // Without the least delay of its own, it is tried 11 times or more.
    assert!((10..=17).contains(&tries), "{tries}");
    failed(store.load(&id("a")).await, StoreErrorKind::Unavailable);
}

#[tokio::test]
async fn a_connection_that_is_silent_is_replaced_though_nobody_waits_for_its_answer() {
    let server = Redis::start(ServerOptions::default());
    let proxy = Proxy::start(server.address());
    let options = RedisOptions::new().response_timeout(Duration::from_millis(500));
    let store = options.connect(&server.url_through(&proxy)).await.unwrap();
    assert_works(&store).await;
    proxy.black_hole();
    // As the engine does, the caller gives up before the answer is overdue.
    let impatient = timeout(Duration::from_millis(50), store.load(&id("a"))).await;
    assert!(impatient.is_err());
    // Connections made from now on are sound, and only a new one can answer.
    proxy.heal();
    soon("the connection is replaced", async || {
        let asked = timeout(Duration::from_millis(200), store.load(&id("a"))).await;
        asked.is_ok_and(|loaded| loaded.is_ok())
    })
    .await;
    assert_works(&store).await;
}

#[tokio::test]
async fn a_master_that_fails_is_followed_by_sentinels() {
    let sentinel = Sentinel::start();
    let options = RedisOptions::new().absence_patience(Duration::from_secs(60));
    let store = options.connect(&sentinel_url(&sentinel)).await.unwrap();
    put(&store, &id("a"), &owned("{}", "alice")).await;
    sentinel.master().ask(&["WAIT", "2", "5000"]);
    tokio::time::sleep(Duration::from_millis(200)).await;
    sentinel.master().kill();
    let begin = Instant::now();
    living(&store, &id("a")).await;
    println!("back after {:?}", begin.elapsed());
    put(&store, &id("b"), &owned("{}", "alice")).await;
    assert_eq!(store.index().unwrap().revoke("alice", None).await.unwrap(), 2);
}

/// A master from which only the Sentinels are cut off goes on answering.
#[tokio::test]
async fn a_master_that_the_sentinels_have_given_up_is_left_though_it_answers() {
    let sentinel = Sentinel::start();
    let store = RedisStore::connect(&sentinel_url(&sentinel)).await.unwrap();
    let other = Redis::start(ServerOptions::default());
    put(&RedisStore::connect(&other.url()).await.unwrap(), &id("a"), &record("{}")).await;
    assert!(store.load(&id("a")).await.unwrap().is_none());
    for address in sentinel.addresses() {
        let mut asked = plain(&format!("redis://{address}")).await;
        let place = other.port().to_string();
        for command in [
            &["REMOVE", Sentinel::MASTER][..],
            &["MONITOR", Sentinel::MASTER, "127.0.0.1", &place, "2"],
        ] {
            redis::cmd("SENTINEL").arg(command).exec_async(&mut asked).await.unwrap();
        }
    }
    soon("the store has gone over", async || matches!(store.load(&id("a")).await, Ok(Some(_))))
        .await;
}

#[tokio::test]
async fn a_cluster_is_followed_through_moving_slots_and_a_master_that_fails() {
    let cluster = Cluster::start();
    let options = RedisOptions::new().absence_patience(Duration::from_secs(60));
    let store = options.connect(&cluster_url(&cluster)).await.unwrap();
    let version = put(&store, &id("a"), &owned("1", "alice")).await;
    let slot = cluster.slot_of("sess:a");
    let source = cluster.master_of(slot);
    let other = (0..16384).step_by(1000).map(|slot| cluster.master_of(slot));
    let target = other.into_iter().find(|master| master.port() != source.port()).unwrap();

    // While the slot moves, its key is on the one or the other.
    let source = cluster.begin_move(slot, target);
    living(&store, &id("a")).await;
    cluster.move_keys(slot, source, target);
    living(&store, &id("a")).await;
    store.update(&id("a"), version, &owned("2", "alice")).await.unwrap();
    cluster.finish_move(slot, source, target);
    assert_eq!(*living(&store, &id("a")).await.document, *b"2");
    assert_eq!(store.index().unwrap().count("alice").await.unwrap(), 1);

    let mut feed = store.changes().unwrap().watch().await.unwrap();
    let master = cluster.master_of(slot);
    soon("the replica has it", async || {
        cluster
            .replicas_of(master)
            .iter()
            .all(|replica| replica.info("master_repl_offset") == master.info("master_repl_offset"))
    })
    .await;
    master.kill();
    let begin = Instant::now();
    assert_eq!(*living(&store, &id("a")).await.document, *b"2");
    println!("back after {:?}", begin.elapsed());
    assert_eq!(feed.next().await, Some(Change::Any));
    soon("the index can be asked", async || {
        store.index().unwrap().revoke("alice", None).await.is_ok()
    })
    .await;
    assert!(store.load(&id("a")).await.unwrap().is_none());
}

#[tokio::test]
async fn writes_that_matter_wait_for_replicas() {
    let master = Redis::start(ServerOptions::default());
    let wait = RedisOptions::new().wait(1, Duration::from_millis(300));
    let store = wait.connect(&master.url()).await.unwrap();
    let text = failed(store.create(&id("a"), &owned("{}", "alice")).await, StoreErrorKind::Timeout);
    assert!(text.contains("0 of 1"), "{text}");
    // Others don't wait.
    let begin = Instant::now();
    put(&store, &id("anonymous"), &record("{}")).await;
    assert!(begin.elapsed() < Duration::from_millis(300), "{:?}", begin.elapsed());

    let replica_of = Some(master.port());
    let replica = Redis::start(ServerOptions { replica_of, ..ServerOptions::default() });
    soon("the replica follows", async || {
        replica.info("master_link_status").as_deref() == Some("up")
    })
    .await;
    let tries = AtomicUsize::new(0);
    soon("the replica confirms", async || {
        let next = id(&format!("login-{}", tries.fetch_add(1, Ordering::Relaxed)));
        store.create(&next, &owned("{}", "alice")).await.is_ok()
    })
    .await;
}

/// The list may be on another master than the session: each has replicas of its own.
#[tokio::test]
async fn a_login_on_a_cluster_waits_for_the_replicas_of_its_list_too() {
    let cluster = Cluster::start();
    let wait = RedisOptions::new().wait(1, Duration::from_secs(2));
    let store = wait.connect(&cluster_url(&cluster)).await.unwrap();
    let of = |key: &str| cluster.master_of(cluster.slot_of(key));
    let list = of("handstamp:owner|5|sess:alice");
    let elsewhere = |id: &SessionId| of(&format!("sess:{}", id.as_str())).port() != list.port();
    let mut ids = (0..).map(|n| id(&format!("s{n}"))).filter(elsewhere);
    let (first, second) = (ids.next().unwrap(), ids.next().unwrap());
    let version = put(&store, &first, &owned("{}", "alice")).await;

    let [replica] = cluster.replicas_of(list)[..] else { panic!("each master has one replica") };
    replica.kill();
    let login = store.create(&second, &owned("{}", "alice")).await;
    let text = failed(login, StoreErrorKind::Timeout);
    assert!(text.contains("0 of 1"), "{text}");
    assert!(store.load(&second).await.unwrap().is_none());
    // What is in the list already need not be confirmed there.
    let begin = Instant::now();
    let updated = store.update(&first, version, &owned("1", "alice")).await.unwrap();
    assert!(matches!(updated, Updated::Done(_)));
    assert!(store.touch(&first, Duration::from_secs(60)).await.unwrap());
    assert!(begin.elapsed() < Duration::from_secs(2), "{:?}", begin.elapsed());

    replica.start_again();
    soon("the replica confirms", async || {
        store.create(&second, &owned("{}", "alice")).await.is_ok()
    })
    .await;
    assert_eq!(store.index().unwrap().count("alice").await.unwrap(), 2);
}

/// Whoever moves a slot may be held up, and the key of an owner that does not exist can't move.
#[tokio::test]
async fn sessions_are_written_while_a_slot_stays_between_two_masters() {
    let cluster = Cluster::start();
    let options = RedisOptions::new().absence_patience(Duration::from_secs(10));
    let store = options.prefix("{app}:sess:").connect(&cluster_url(&cluster)).await.unwrap();
    let old = [record("old"), owned("old", "alice")];
    for (n, session) in old.iter().enumerate() {
        for what in ["kept", "updated", "taken", "ended", "touched", "deleted"] {
            put(&store, &id(&format!("{what}-{n}")), session).await;
        }
    }
    let version = living(&store, &id("kept-0")).await.version;
    let slot = cluster.slot_of("{app}:sess:");
    let source = cluster.master_of(slot);
    let mut others = (0..16384).step_by(1000).map(|slot| cluster.master_of(slot));
    let target = others.find(|master| master.port() != source.port()).unwrap();
    cluster.begin_move(slot, target);
    // One of each pair is on the other side already.
    let port = target.port().to_string();
    for what in ["updated", "taken", "ended", "touched", "deleted"] {
        let key = format!("owner|{{app}}:sess:{what}-1");
        source.ask(&["MIGRATE", "127.0.0.1", &port, &key, "0", "5000"]);
    }

    let begin = Instant::now();
    let ending = Record { lifetime: Duration::ZERO, ..record("") };
    for (n, session) in old.iter().enumerate() {
        let named = |what: &str| id(&format!("{what}-{n}"));
        let new = Record { document: b"new".as_slice().into(), ..session.clone() };
        put(&store, &named("created"), &new).await;
        assert!(matches!(store.create(&named("created"), &new).await.unwrap(), Created::Duplicate));
        let updated = store.update(&named("updated"), version, &new).await.unwrap();
        assert!(matches!(updated, Updated::Done(_)));
        let again = store.update(&named("updated"), version, &new).await.unwrap();
        assert!(matches!(again, Updated::Conflict(_)));
        let gone = store.update(&named("missing"), version, &new).await.unwrap();
        assert!(matches!(gone, Updated::Gone));
        store.update(&named("taken"), version, &owned("new", "bob")).await.unwrap();
        store.update(&named("ended"), version, &ending).await.unwrap();
        assert!(store.touch(&named("touched"), Duration::from_secs(60)).await.unwrap());
        assert!(!store.touch(&named("missing"), Duration::from_secs(60)).await.unwrap());
        assert_eq!(store.delete(&named("deleted")).await.unwrap().as_deref(), Some(&b"old"[..]));
        for (what, document) in [("created", "new"), ("updated", "new"), ("taken", "new")] {
            assert_eq!(*living(&store, &named(what)).await.document, *document.as_bytes());
        }
        for what in ["ended", "deleted"] {
            assert!(store.load(&named(what)).await.unwrap().is_none(), "{what}");
        }
        assert!(living(&store, &named("touched")).await.remaining <= Duration::from_secs(60));
    }
    let index = store.index().unwrap();
    assert_eq!(index.revoke("bob", None).await.unwrap(), 2);
    assert_eq!(index.revoke("alice", Some(&id("kept-1"))).await.unwrap(), 3);
    println!("all took {:?}", begin.elapsed());
    for (what, lives) in [("created", true), ("updated", true), ("taken", false), ("kept", true)] {
        let lives_in = [lives, what == "kept"];
        for (n, lives) in lives_in.into_iter().enumerate() {
            let loaded = store.load(&id(&format!("{what}-{n}"))).await.unwrap();
            assert_eq!(loaded.is_some(), lives, "{what}-{n}");
        }
    }
}

#[tokio::test]
async fn a_cluster_is_followed_by_who_waits_for_nobody() {
    let cluster = Cluster::start();
    let options = RedisOptions::new().absence_patience(Duration::ZERO);
    let store = options.connect(&cluster_url(&cluster)).await.unwrap();
    let everywhere: Vec<_> = (0..30).map(|n| id(&format!("s{n}"))).collect();
    soon("all masters are connected", async || {
        for id in &everywhere {
            if store.load(id).await.is_err() {
                return false;
            }
        }
        true
    })
    .await;
    put(&store, &id("a"), &record("1")).await;
    let slot = cluster.slot_of("sess:a");
    let source = cluster.master_of(slot).port();
    let mut others = (0..16384).step_by(1000).map(|slot| cluster.master_of(slot));
    cluster.move_slot(slot, others.find(|master| master.port() != source).unwrap());
    assert_eq!(*living(&store, &id("a")).await.document, *b"1");
}

/// The engine ends sessions by an update that leaves them no time.
#[tokio::test]
async fn an_end_waits_for_replicas_in_whatever_way_it_is_written() {
    let server = Redis::start(ServerOptions::default());
    let plain = RedisStore::connect(&server.url()).await.unwrap();
    let wait = RedisOptions::new().wait(1, Duration::from_millis(100));
    let store = wait.connect(&server.url()).await.unwrap();
    for session in [record("{}"), owned("{}", "alice")] {
        let version = put(&plain, &id("updated"), &session).await;
        let ending = Record { lifetime: Duration::ZERO, ..session.clone() };
        let ended = store.update(&id("updated"), version, &ending).await;
        failed(ended, StoreErrorKind::Timeout);
        put(&plain, &id("touched"), &session).await;
        failed(store.touch(&id("touched"), Duration::ZERO).await, StoreErrorKind::Timeout);
        for ended in ["updated", "touched"] {
            assert!(plain.load(&id(ended)).await.unwrap().is_none());
        }
    }
}

#[tokio::test]
async fn a_revocation_is_wholly_done_when_no_replica_confirms_it() {
    let server = Redis::start(ServerOptions::default());
    let plain = RedisStore::connect(&server.url()).await.unwrap();
    for n in 0..30 {
        put(&plain, &id(&format!("s{n}")), &owned("{}", "alice")).await;
    }
    let wait = RedisOptions::new().wait(1, Duration::from_millis(300));
    let store = wait.connect(&server.url()).await.unwrap();
    let begin = Instant::now();
    let text = failed(store.index().unwrap().revoke("alice", None).await, StoreErrorKind::Timeout);
    assert!(text.contains("0 of 1"), "{text}");
    // Thirty waits would take nine seconds.
    assert!(begin.elapsed() < Duration::from_secs(6), "{:?}", begin.elapsed());
    assert_eq!(plain.scan().unwrap().total().await.unwrap(), 0);
}

#[tokio::test]
async fn a_master_that_is_away_keeps_no_other_from_a_revocation() {
    let cluster = Cluster::start();
    let options = RedisOptions::new().absence_patience(Duration::from_millis(200));
    let store = options.connect(&cluster_url(&cluster)).await.unwrap();
    let list = cluster.master_of(cluster.slot_of("handstamp:owner|5|sess:alice")).port();
    let ids: Vec<_> = (0..30).map(|n| id(&format!("s{n}"))).collect();
    for id in &ids {
        put(&store, id, &owned("{}", "alice")).await;
    }
    let of = |id: &SessionId| cluster.master_of(cluster.slot_of(&format!("sess:{}", id.as_str())));
    let masters: Vec<_> = ids.iter().map(of).collect();
    let lost = masters.iter().find(|master| master.port() != list).unwrap();
    lost.kill();
    failed(store.index().unwrap().revoke("alice", None).await, StoreErrorKind::Unavailable);
    for (id, master) in ids.iter().zip(&masters) {
        if master.port() != lost.port() {
            let key = format!("sess:{}", id.as_str());
            assert_eq!(master.ask(&["EXISTS", &key]).trim(), "0", "{key}");
        }
    }
}
