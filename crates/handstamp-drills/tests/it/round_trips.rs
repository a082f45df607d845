//! How often a request asks its store: the table of docs/stores.md, exactly, counted on the wire and by the
//! servers.
//!
//! The requests come through axum and `handstamp-tower`, as an application's do.

/// The requests.
mod visits;

use std::collections::BTreeMap;
use std::time::Duration;

use handstamp::store::AnyStore;
use handstamp_mysql::MySqlOptions;
use handstamp_postgres::PostgresOptions;
use handstamp_testing::servers::{self, Cluster, MariaDb, Postgres, Redis, RedisOptions};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::task::block_in_place;
use tokio::time::{Instant, sleep};

use self::visits::{Calls, Cost, Visit, count_visits};
use crate::store::open;
use crate::wire::Wire;

/// The round trips that each visit may cost.
const TRIPS: [(Visit, usize); 10] = [
    (Visit::Anonymous, 0),
    (Visit::Create, 1),
    (Visit::Read, 1),
    (Visit::Write, 2),
    (Visit::Touch, 2),
    (Visit::ReadAfterTouch, 1),
    (Visit::Login, 3),
    (Visit::UserWrite, 2),
    (Visit::UserTouch, 2),
    (Visit::UserCreate, 1),
];

/// What Redis does in them, what its scripts do included.
const COMMANDS: [(Visit, &str); 10] = [
    (Visit::Anonymous, ""),
    (Visit::Create, "set 1"),
    (Visit::Read, "get 1 pttl 1"),
    (Visit::Write, "evalsha 1 get 3 pttl 1 set 1"),
    (Visit::Touch, "evalsha 1 get 2 pexpire 1 pttl 1"),
    (Visit::ReadAfterTouch, "get 1 pttl 1"),
    (
        Visit::Login,
        "evalsha 2 exists 1 get 4 pexpire 2 pttl 1 set 3 time 1 zadd 1 zremrangebyscore 1",
    ),
    (Visit::UserWrite, "evalsha 1 get 3 pexpire 2 pttl 1 set 2 time 1 zadd 1 zremrangebyscore 1"),
    (Visit::UserTouch, "evalsha 1 get 2 pexpire 4 pttl 1 time 1 zadd 1 zremrangebyscore 1"),
    (
        Visit::UserCreate,
        "evalsha 1 exists 1 get 1 pexpire 2 set 2 time 1 zadd 1 zremrangebyscore 1",
    ),
];

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn redis() {
    let redis = block_in_place(|| Redis::start(RedisOptions::default()));
    let wire = Wire::start(redis.address()).await;
    let store = open(&format!("redis://{}", wire.address()), "trips").await;
    let costs = count_visits(store, &wire, || commands(&[&redis])).await;
    assert_eq!(trips(&costs), TRIPS);
    assert_eq!(spelled(&costs), COMMANDS.map(owned));
}

/// The Sentinels watch a master of which nobody else asks anything, and tell the wire's address for its.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn redis_behind_sentinels() {
    let redis = block_in_place(|| Redis::start(RedisOptions::default()));
    let wire = Wire::start(redis.address()).await;
    let sentinel = block_in_place(|| servers::sentinel().addresses()[0].clone());
    watch(&sentinel, "counted", wire.address()).await;
    let store = open(&format!("redis+sentinel://{sentinel}/counted/0"), "trips").await;
    let costs = count_visits(store, &wire, || commands(&[&redis])).await;
    assert_eq!(trips(&costs), TRIPS);
    assert_eq!(spelled(&costs), COMMANDS.map(owned));
}

/// A user's sessions are listed in a slot of their own, mostly another master's. So no script writes a session
/// and its entry together: a new session is entered before it is created, one that is written at the
/// same time, and one that is touched afterwards.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn redis_cluster() {
    let cluster = block_in_place(Cluster::start);
    let wire = in_front_of(&cluster).await;
    let store = open(&format!("redis+cluster://{}", wire.addresses().join(",")), "trips").await;
    let masters: Vec<&Redis> = block_in_place(|| {
        let is_master = |node: &&Redis| node.info("role").as_deref() == Some("master");
        cluster.nodes().iter().filter(is_master).collect()
    });
    let costs = count_visits(store, &wire, || commands(&masters)).await;
    let more = |(visit, trips)| match visit {
        Visit::Login | Visit::UserCreate | Visit::UserTouch => (visit, trips + 1),
        _ => (visit, trips),
    };
    assert_eq!(trips(&costs), TRIPS.map(more));
    let one_script_more = |(visit, commands): (Visit, &str)| match visit {
        Visit::Login => (visit, commands.replace("evalsha 2", "evalsha 3")),
        Visit::UserCreate | Visit::UserTouch | Visit::UserWrite => {
            (visit, commands.replace("evalsha 1", "evalsha 2"))
        }
        _ => (visit, commands.to_owned()),
    };
    assert_eq!(spelled(&costs), COMMANDS.map(one_script_more));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn postgres() {
    let postgres = block_in_place(servers::postgres);
    let wire = Wire::start(postgres.address()).await;
    let store = on_postgres(&wire, "trips", false).await;
    let costs = count_visits(store, &wire, || statements(postgres, "trips")).await;
    assert_eq!(trips(&costs), TRIPS);
    assert_eq!(called(&costs, "statements"), TRIPS);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn postgres_behind_pgbouncer() {
    let (postgres, pgbouncer) = block_in_place(|| (servers::postgres(), servers::pgbouncer()));
    let wire = Wire::start(pgbouncer.address()).await;
    let store = on_postgres(&wire, "pooled_trips", true).await;
    let costs = count_visits(store, &wire, || statements(postgres, "pooled_trips")).await;
    assert_eq!(trips(&costs), TRIPS);
    assert_eq!(called(&costs, "statements"), TRIPS);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn mariadb() {
    let mariadb = block_in_place(MariaDb::start);
    let wire = Wire::start(mariadb.address()).await;
    // Statements are prepared once on each connection, so there is one.
    let options =
        MySqlOptions::new().connections(1).table_name("trips").create_table_if_missing(true);
    let url = format!("mysql://root@{}/handstamp", wire.address());
    let store = options.connect(&url).await.unwrap().into();
    let calls = || {
        let sql = "SELECT CONCAT(LOWER(VARIABLE_NAME), ':calls=', VARIABLE_VALUE) \
                   FROM information_schema.GLOBAL_STATUS WHERE VARIABLE_NAME LIKE 'Com_stmt_execute'";
        read_calls(&mariadb.ask(sql))
    };
    let costs = count_visits(store, &wire, calls).await;
    assert_eq!(trips(&costs), TRIPS);
    assert_eq!(called(&costs, "com_stmt_execute"), TRIPS);
}

/// On one connection, on which each statement is prepared once.
async fn on_postgres(wire: &Wire, table: &str, pgbouncer: bool) -> AnyStore {
    let options = PostgresOptions::new().connections(1).pgbouncer(pgbouncer).table_name(table);
    let url = format!("postgres://postgres@{}/postgres", wire.address());
    options.create_table_if_missing(true).connect(&url).await.unwrap().into()
}

fn trips(costs: &[Cost]) -> Vec<(Visit, usize)> {
    costs.iter().map(|(visit, trips, _)| (*visit, *trips)).collect()
}

fn called(costs: &[Cost], name: &str) -> Vec<(Visit, usize)> {
    let of = |calls: &Calls| calls.get(name).copied().unwrap_or_default();
    costs.iter().map(|(visit, _, calls)| (*visit, of(calls))).collect()
}

/// What the servers have counted, as `get 1 pttl 1`.
fn spelled(costs: &[Cost]) -> Vec<(Visit, String)> {
    let spell = |calls: &Calls| {
        let words: Vec<_> = calls.iter().map(|(name, calls)| format!("{name} {calls}")).collect();
        words.join(" ")
    };
    costs.iter().map(|(visit, _, calls)| (*visit, spell(calls))).collect()
}

fn owned((visit, commands): (Visit, &str)) -> (Visit, String) {
    (visit, commands.to_owned())
}

/// What all these servers have done together, but for what servers and tests ask them about themselves.
fn commands(servers: &[&Redis]) -> Calls {
    let mut all = Calls::new();
    for server in servers {
        for (name, calls) in read_calls(&server.ask(&["INFO", "commandstats"])) {
            let name = name.trim_start_matches("cmdstat_");
            if !["info", "ping", "publish", "replconf"].contains(&name) {
                *all.entry(name.to_owned()).or_default() += calls;
            }
        }
    }
    all
}

fn statements(postgres: &Postgres, table: &str) -> Calls {
    read_calls(&postgres.ask(&format!(
        r#"SELECT 'statements:calls=' || coalesce(sum(calls), 0) FROM pg_stat_statements
           WHERE query LIKE '%"{table}"%' AND query NOT LIKE '%pg_stat_statements%'"#
    )))
}

/// Reads lines of `NAME:calls=NUMBER`, with whatever after a comma.
fn read_calls(answer: &str) -> Calls {
    let lines = answer.lines().filter_map(|line| line.trim().split_once(":calls="));
    let number = |rest: &str| rest.split(',').next().unwrap().parse().unwrap();
    lines.map(|(name, rest)| (name.to_owned(), number(rest))).collect::<BTreeMap<_, _>>()
}

/// Makes a Sentinel watch one more master.
async fn watch(sentinel: &str, name: &str, master: &str) {
    let mut connection = TcpStream::connect(sentinel).await.unwrap();
    let command = format!("SENTINEL MONITOR {name} {} 1\r\n", master.replace(':', " "));
    connection.write_all(command.as_bytes()).await.unwrap();
    let mut answer = [0; 5];
    connection.read_exact(&mut answer).await.unwrap();
    assert_eq!(&answer, b"+OK\r\n");
}

/// A wire to each node, of which all nodes tell clients.
async fn in_front_of(cluster: &Cluster) -> Wire {
    let nodes = cluster.nodes();
    let wire = Wire::to_all(nodes.iter().map(|node| node.address()).collect()).await;
    let ports: Vec<&str> =
        wire.addresses().iter().filter_map(|address| address.rsplit(':').next()).collect();
    block_in_place(|| {
        for (node, port) in nodes.iter().zip(&ports) {
            node.ask(&["CONFIG", "SET", "cluster-announce-port", port]);
        }
    });
    let begin = Instant::now();
    let knows_all = |node: &Redis| {
        let told = node.ask(&["CLUSTER", "SLOTS"]);
        nodes.iter().all(|other| !told.lines().any(|line| line == other.port().to_string()))
    };
    // Nodes tell each other by and by.
    while !block_in_place(|| nodes.iter().all(knows_all)) {
        assert!(begin.elapsed() < Duration::from_secs(30), "not all know where the wire is");
        sleep(Duration::from_millis(50)).await;
    }
    wire
}
