use std::time::Duration;

use handstamp::SessionStore;
use handstamp::store::{Record, StoreErrorKind};
use handstamp_mysql::{MySqlOptions, MySqlStore};
use handstamp_testing::servers::MariaDb;

use crate::support::{Database, failed, id, living, put, record, server, text};

#[tokio::test]
async fn a_missing_table_is_refused_and_the_error_says_what_makes_it() {
    let database = Database::new();
    let store = MySqlStore::connect(&database.url()).await.unwrap();
    let said = failed(store.load(&id("a")).await, StoreErrorKind::Refused);
    assert!(said.contains("migrate"), "{said}");
    store.migrate().await.unwrap();
    assert!(store.load(&id("a")).await.unwrap().is_none());
}

#[tokio::test]
async fn a_database_that_does_not_exist_or_is_not_named_is_refused() {
    let url = server().url_of("missing");
    let said = failed(MySqlStore::connect(&url).await, StoreErrorKind::Refused);
    assert!(said.contains("no such database"), "{said}");
    let said =
        failed(MySqlOptions::new().connect_lazily(&server().url_of("")), StoreErrorKind::Refused);
    assert!(said.contains("no database is named"), "{said}");
}

#[tokio::test]
async fn a_wrong_password_is_refused_and_never_shown() {
    let database = Database::new();
    let url = database.url().replace("root@", "root:SECRET@");
    let said = failed(MySqlStore::connect(&url).await, StoreErrorKind::Refused);
    assert!(said.contains("not allowed"), "{said}");
    assert!(!said.contains("SECRET"), "{said}");
    let store = MySqlOptions::new().connect_lazily(&url).unwrap();
    let shown = format!("{store:?} {:?}", store.load(&id("a")).await);
    assert!(!shown.contains("SECRET"), "{shown}");
}

#[test]
fn a_url_that_can_not_be_is_refused_and_not_repeated() {
    for url in ["", "SECRET", "redis://SECRET@localhost/web", "mysql://web:SE#CRET@localhost/web"] {
        let said = failed(MySqlOptions::new().connect_lazily(url), StoreErrorKind::Refused);
        assert!(said.contains("percent-encoded"), "{said}");
        assert!(!said.contains("SECRET") && !said.contains("CRET"), "{said}");
    }
}

#[test]
fn a_url_that_sets_up_the_drivers_pool_is_refused_and_told_what_does() {
    let url = "mysql://web:SECRET@localhost/web?require_ssl=true&pool_max=100";
    let said = failed(MySqlOptions::new().connect_lazily(url), StoreErrorKind::Refused);
    assert!(said.contains("pool_max") && said.contains("MySqlOptions::connections"), "{said}");
    assert!(!said.contains("SECRET"), "{said}");
}

#[tokio::test]
async fn a_user_who_may_only_read_is_refused_and_told() {
    let database = Database::new();
    database.store().await;
    let user = format!("reader_{}", database.name);
    database.ask(&format!("CREATE USER {user}; GRANT SELECT ON {}.* TO {user}", database.name));
    let store = MySqlStore::connect(&database.url().replace("root@", &format!("{user}@"))).await;
    let store = store.unwrap();
    assert!(store.load(&id("a")).await.unwrap().is_none());
    let said = failed(store.create(&id("a"), &record("{}")).await, StoreErrorKind::Refused);
    assert!(said.contains("not allowed"), "{said}");
}

#[tokio::test]
async fn a_server_that_has_become_a_replica_is_refused_and_asked_anew_later() {
    let server = MariaDb::start();
    server.ask("CREATE USER web; GRANT ALL ON handstamp.* TO web");
    let options = MySqlOptions::new().create_table_if_missing(true).connections(1);
    let store = options.connect(&server.url().replace("root@", "web@")).await.unwrap();
    let connection =
        || server.ask("SELECT id FROM information_schema.processlist WHERE user = 'web'");
    put(&store, &id("a"), &record("{}")).await;
    let before = connection();

    server.ask("SET GLOBAL read_only = 1");
    let said = failed(store.create(&id("b"), &record("{}")).await, StoreErrorKind::Refused);
    assert!(said.contains("read-only"), "{said}");
    living(&store, &id("a")).await;
    assert_ne!(connection(), before, "it asks the replica again on the same connection");

    server.ask("SET GLOBAL read_only = 0");
    put(&store, &id("b"), &record("{}")).await;
}

#[tokio::test]
async fn a_document_that_is_no_text_is_refused() {
    let database = Database::new();
    let store = database.store().await;
    let version = put(&store, &id("a"), &record("{}")).await;
    let bytes = Record { document: [0xff, 0xfe].as_slice().into(), ..record("") };
    failed(store.create(&id("b"), &bytes).await, StoreErrorKind::Refused);
    failed(store.update(&id("a"), version, &bytes).await, StoreErrorKind::Refused);
    assert_eq!(text(&living(&store, &id("a")).await.document), "{}");
}

#[tokio::test]
async fn a_document_that_is_larger_than_allowed_is_an_error_that_says_so() {
    let database = Database::new();
    let store = database.store_with(&MySqlOptions::new().max_document_bytes(10)).await;
    let version = put(&store, &id("a"), &record("\"12345678\"")).await;
    let large = record("\"123456789\"");
    failed(store.create(&id("b"), &large).await, StoreErrorKind::TooLarge);
    let said = failed(store.update(&id("a"), version, &large).await, StoreErrorKind::TooLarge);
    assert!(said.contains("11 bytes") && said.contains("10 allowed"), "{said}");
}

#[tokio::test]
async fn a_document_of_the_largest_size_comes_back() {
    let database = Database::new();
    let store = database.store().await;
    let largest = format!("\"{}\"", "x".repeat(16_000_000 - 2));
    put(&store, &id("a"), &record(&largest)).await;
    assert!(text(&living(&store, &id("a")).await.document) == largest, "other bytes come back");
}

#[tokio::test]
async fn a_document_that_is_larger_than_the_server_takes_is_an_error_and_the_store_works_on() {
    let server = MariaDb::start_with(&["--max-allowed-packet=1M"]);
    let options = MySqlOptions::new().create_table_if_missing(true);
    let store = options.connect(&server.url()).await.unwrap();
    let version = put(&store, &id("a"), &record("{}")).await;
    let large = record(&format!("\"{}\"", "x".repeat(2 << 20)));
    let said = failed(store.create(&id("b"), &large).await, StoreErrorKind::TooLarge);
    assert!(said.contains("max_allowed_packet"), "{said}");
    failed(store.update(&id("a"), version, &large).await, StoreErrorKind::TooLarge);
    assert!(store.load(&id("b")).await.unwrap().is_none());
    assert_eq!(text(&living(&store, &id("a")).await.document), "{}");
}

#[tokio::test]
async fn a_unique_index_of_somebody_else_is_refused_and_not_taken_for_the_id() {
    let database = Database::new();
    let options = MySqlOptions::new().lock_timeout(Duration::from_millis(100));
    let store = database.store_with(&options).await;
    database.ask("ALTER TABLE sessions ADD UNIQUE INDEX mine (data(100))");
    put(&store, &id("a"), &record("1")).await;
    let said = failed(store.create(&id("b"), &record("1")).await, StoreErrorKind::Refused);
    assert!(said.contains("unique index of your own"), "{said}");
    let version = put(&store, &id("b"), &record("2")).await;
    failed(store.update(&id("b"), version, &record("1")).await, StoreErrorKind::Refused);
    assert_eq!(text(&living(&store, &id("b")).await.document), "2");
}

#[tokio::test]
async fn an_error_shows_no_id_and_no_document() {
    let database = Database::new();
    let store = database.store().await;
    database.ask("ALTER TABLE sessions ADD CONSTRAINT mine CHECK (data NOT LIKE '%SECRET%')");
    let outcome = store.create(&id("SECRET-ID"), &record("\"SECRET\"")).await;
    let said = failed(outcome, StoreErrorKind::Refused);
    assert!(!said.contains("SECRET"), "{said}");
    let shown = format!("{:?}", store.create(&id("SECRET-ID"), &record("\"SECRET\"")).await);
    assert!(!shown.contains("SECRET"), "{shown}");
}

#[tokio::test]
async fn what_a_trigger_signals_is_refused_and_not_repeated() {
    let database = Database::new();
    let store = database.store().await;
    database.ask(
        "CREATE TRIGGER mine BEFORE INSERT ON sessions FOR EACH ROW \
         SIGNAL SQLSTATE '45001' SET MESSAGE_TEXT = 'SECRET'",
    );
    let said = failed(store.create(&id("a"), &record("{}")).await, StoreErrorKind::Refused);
    assert!(said.contains("trigger") && said.contains("45001"), "{said}");
    assert!(!said.contains("SECRET"), "{said}");
}

#[tokio::test]
async fn debug_shows_the_server_and_the_table() {
    let database = Database::new();
    let store = database.store().await;
    let shown = format!("{store:?}");
    assert!(shown.contains(&database.name) && shown.contains("sessions"), "{shown}");
}
