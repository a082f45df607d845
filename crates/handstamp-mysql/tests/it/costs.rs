use std::collections::BTreeMap;

use handstamp::SessionStore;
use handstamp::store::Version;
use handstamp_mysql::{MySqlOptions, MySqlStore};
use handstamp_testing::servers::MariaDb;
use std::time::Duration;

use crate::support::{id, living, owned, put, record, replace, revoke};

/// A server that nobody else uses, and what it has counted.
struct Meter {
    server: MariaDb,
    counted: BTreeMap<String, u64>,
}

impl Meter {
    fn new(server: MariaDb) -> Self {
        let mut meter = Self { server, counted: BTreeMap::new() };
        meter.counted = meter.count();
        meter
    }

    /// The statements since the last time, as `insert 1 select 2`.
    fn read(&mut self) -> String {
        let now = self.count();
        let grown = now.iter().filter_map(|(name, count)| {
            let grown = count - self.counted.get(name).unwrap_or(&0);
            (grown > 0).then(|| format!("{name} {grown}"))
        });
        let text = grown.collect::<Vec<_>>().join(" ");
        self.counted = now;
        text
    }

    fn count(&self) -> BTreeMap<String, u64> {
        let status = self.server.ask("SHOW GLOBAL STATUS LIKE 'Com\\_%'");
        let lines = status.lines().filter_map(|line| line.strip_prefix("Com_")?.split_once('\t'));
        // The look at the counters counts, too; closing and executing go with what they belong to.
        let own = ["show_status", "stmt_execute", "stmt_close"];
        lines
            .filter(|(name, _)| !own.contains(name))
            .map(|(name, count)| (name.to_owned(), count.parse().unwrap()))
            .collect()
    }
}

#[tokio::test]
async fn an_operation_is_one_statement_once_the_connection_knows_it() {
    let server = MariaDb::start();
    let options = MySqlOptions::new().connections(1).without_reaping();
    let store = options.create_table_if_missing(true).connect(&server.url()).await.unwrap();
    // Each statement is prepared when it is first needed.
    all_operations(&store).await;
    let mut meter = Meter::new(server);

    let version = put(&store, &id("a"), &owned(r#"{"n":1}"#, "alice")).await;
    assert_eq!(meter.read(), "insert 1");
    let stored = living(&store, &id("a")).await;
    assert_eq!(meter.read(), "select 1");
    assert_eq!(stored.version, version);
    let version = replace(&store, &id("a"), version, &owned(r#"{"n":2}"#, "alice")).await;
    assert_eq!(meter.read(), "update 1");
    assert!(store.touch(&id("a"), Duration::from_secs(100)).await.unwrap());
    assert_eq!(meter.read(), "update 1");
    store.update(&id("a"), Version(1), &record("{}")).await.unwrap();
    assert_eq!(meter.read(), "select 1 update 1");
    store.create(&id("a"), &record("{}")).await.unwrap();
    assert_eq!(meter.read(), "insert 1 select 1 update 1");
    store.index().unwrap().count("alice").await.unwrap();
    assert_eq!(meter.read(), "select 1");
    store.index().unwrap().list("alice").await.unwrap();
    assert_eq!(meter.read(), "select 1");
    let mut over = record("{}");
    over.lifetime = Duration::ZERO;
    replace(&store, &id("a"), version, &over).await;
    assert_eq!(meter.read(), "delete 1");
    put(&store, &id("a"), &owned("{}", "alice")).await;
    meter.read();
    store.delete(&id("a")).await.unwrap();
    assert_eq!(meter.read(), "delete 1 select 1");
    revoke(&store, "alice").await;
    assert_eq!(meter.read(), "delete 1 set_option 1");
}

async fn all_operations(store: &MySqlStore) {
    let version = put(store, &id("a"), &owned("{}", "alice")).await;
    living(store, &id("a")).await;
    store.create(&id("a"), &record("{}")).await.unwrap();
    replace(store, &id("a"), version, &record("{}")).await;
    store.touch(&id("a"), Duration::from_secs(100)).await.unwrap();
    store.delete(&id("a")).await.unwrap();
    store.index().unwrap().count("alice").await.unwrap();
    store.index().unwrap().list("alice").await.unwrap();
    revoke(store, "alice").await;
}
