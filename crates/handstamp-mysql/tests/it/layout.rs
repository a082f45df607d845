use handstamp::SessionStore;
use handstamp::store::{StoreErrorKind, Updated};
use handstamp_mysql::{Columns, MySqlOptions, MySqlStore};
use handstamp_testing::servers::MariaDb;

use crate::support::{
    Database, FOREIGN_TABLE, failed, id, living, owned, put, record, replace, revoke, text,
};

#[tokio::test]
async fn the_table_is_that_of_express_mysql_session_and_a_column_for_the_owner() {
    let (ours, theirs) = (Database::new(), Database::new());
    ours.store().await;
    theirs.ask(FOREIGN_TABLE);
    let columns = |database: &Database| {
        database.ask(
            "SELECT column_name, column_type, is_nullable, collation_name, column_key \
             FROM information_schema.columns WHERE table_schema = DATABASE() \
             AND column_name <> 'handstamp_owner' AND column_name <> 'expires'",
        )
    };
    assert_eq!(columns(&ours), columns(&theirs));
    let expires = "SELECT data_type, column_type LIKE '%unsigned', is_nullable \
                   FROM information_schema.columns WHERE table_schema = DATABASE() \
                   AND column_name = 'expires'";
    assert_eq!(ours.ask(expires), theirs.ask(expires));
    assert_eq!(indexes(&ours), "expires\nhandstamp_owner\nsession_id");
}

#[tokio::test]
async fn a_table_that_is_there_keeps_its_sessions_and_gets_what_it_lacks() {
    let database = Database::new();
    database.ask(FOREIGN_TABLE);
    database.ask("INSERT INTO sessions VALUES ('old', UNIX_TIMESTAMP() + 100, '{\"n\":1}')");

    let store = database.store().await;

    assert_eq!(indexes(&database), "expires\nhandstamp_owner\nsession_id");
    let old = living(&store, &id("old")).await;
    assert_eq!(text(&old.document), r#"{"n":1}"#);
    replace(&store, &id("old"), old.version, &owned(r#"{"n":2}"#, "alice")).await;
    assert_eq!(revoke(&store, "alice").await, 1);
}

#[tokio::test]
async fn an_index_under_another_name_is_not_made_again() {
    let database = Database::new();
    database.ask(FOREIGN_TABLE);
    database.ask("CREATE INDEX mine ON sessions (expires, session_id)");
    database.store().await;
    let names = "SELECT DISTINCT index_name FROM information_schema.statistics \
                 WHERE table_schema = DATABASE() ORDER BY 1";
    assert_eq!(database.ask(names), "handstamp_owner\nmine\nPRIMARY");
}

#[tokio::test]
async fn many_may_make_the_table_at_once_and_again() {
    let database = Database::new();
    database.ask(FOREIGN_TABLE);
    let store = MySqlStore::connect(&database.url()).await.unwrap();
    let migrations: Vec<_> = (0..8)
        .map(|_| {
            let store = store.clone();
            tokio::spawn(async move { store.migrate().await })
        })
        .collect();
    for migration in migrations {
        migration.await.unwrap().unwrap();
    }
    store.migrate().await.unwrap();
    assert_eq!(indexes(&database), "expires\nhandstamp_owner\nsession_id");
}

#[tokio::test]
async fn the_schema_can_be_run_by_hand() {
    let database = Database::new();
    database.ask(&MySqlOptions::new().schema());
    let store = MySqlStore::connect(&database.url()).await.unwrap();
    put(&store, &id("a"), &owned("{}", "alice")).await;
    assert_eq!(revoke(&store, "alice").await, 1);
}

#[tokio::test]
async fn what_the_schema_says_in_comments_completes_a_table_by_hand() {
    let (ours, theirs) = (Database::new(), Database::new());
    ours.ask(&MySqlOptions::new().schema());
    theirs.ask(FOREIGN_TABLE);
    let schema = MySqlOptions::new().schema();
    let (_, additions) = schema.split_once("-- To a table").unwrap();
    let additions: Vec<_> =
        additions.lines().skip(1).map(|line| line.strip_prefix("-- ").unwrap()).collect();
    theirs.ask(&additions.join(" "));
    let columns = "SELECT column_name, data_type, is_nullable FROM information_schema.columns \
                   WHERE table_schema = DATABASE() ORDER BY 1";
    assert_eq!(ours.ask(columns), theirs.ask(columns));
    assert_eq!(indexes(&ours), indexes(&theirs));
}

#[tokio::test]
async fn who_may_not_create_tables_may_use_one_that_is_complete() {
    let database = Database::new();
    database.store().await;
    let user = format!("writer_{}", database.name);
    database.ask(&format!(
        "CREATE USER {user}; GRANT SELECT, INSERT, UPDATE, DELETE ON {}.* TO {user}",
        database.name
    ));
    let url = database.url().replace("root@", &format!("{user}@"));
    let options = MySqlOptions::new().create_table_if_missing(true);
    let store = options.connect(&url).await.unwrap();
    put(&store, &id("a"), &record("{}")).await;
    database.ask("DROP TABLE sessions");
    failed(options.connect(&url).await, StoreErrorKind::Refused);
}

/// The rights that docs/stores/mysql.md asks for.
#[tokio::test]
async fn who_may_create_and_alter_makes_a_table_and_completes_another() {
    for there in ["", FOREIGN_TABLE] {
        let database = Database::new();
        database.ask(there);
        let user = format!("maker_{}", database.name);
        database.ask(&format!(
            "CREATE USER {user}; \
             GRANT SELECT, INSERT, UPDATE, DELETE, CREATE, ALTER ON {}.* TO {user}",
            database.name
        ));
        let url = database.url().replace("root@", &format!("{user}@"));
        let options = MySqlOptions::new().create_table_if_missing(true);
        let store = options.connect(&url).await.unwrap();
        put(&store, &id("a"), &owned("{}", "alice")).await;
        assert_eq!(store.index().unwrap().count("alice").await.unwrap(), 1);
    }
}

#[tokio::test]
async fn names_may_be_anything_and_stay_names() {
    let database = Database::new();
    let columns = Columns {
        session_id: "id; DROP".into(),
        expires: "it's ? :end".into(),
        data: "`data`".into(),
        owner: "whose \"it\" is".into(),
    };
    let options = MySqlOptions::new().table_name("a`b.c").columns(columns);
    let store = database.store_with(&options).await;

    let version = put(&store, &id("a"), &owned(r#"{"n":1}"#, "alice")).await;
    replace(&store, &id("a"), version, &owned(r#"{"n":2}"#, "alice")).await;
    let index = store.index().unwrap();
    assert_eq!(index.count("alice").await.unwrap(), 1);
    assert_eq!(store.scan().unwrap().page(None, 10).await.unwrap().sessions.len(), 1);
    assert!(store.delete(&id("a")).await.unwrap().is_some());
    store.scan().unwrap().clear().await.unwrap();
    assert_eq!(database.ask("SHOW TABLES"), "a`b.c");
}

#[tokio::test]
async fn the_table_may_be_in_another_database_than_the_urls() {
    let (home, away) = (Database::new(), Database::new());
    let options = MySqlOptions::new().database_name(&away.name);
    let store = home.store_with(&options).await;
    put(&store, &id("a"), &record("{}")).await;
    assert_eq!(away.ask("SELECT session_id FROM sessions"), "a");
    assert_eq!(home.ask("SHOW TABLES"), "");
}

#[tokio::test]
async fn the_document_may_be_in_a_json_column() {
    let database = Database::new();
    database.ask(&FOREIGN_TABLE.replace("mediumtext COLLATE utf8mb4_bin", "JSON"));
    let store = database.store().await;
    let document = r#"{ "z":1, "a":"Grüße 👩‍👩‍👧", "n":1.0 }"#;
    let version = put(&store, &id("a"), &record(document)).await;
    assert_eq!(text(&living(&store, &id("a")).await.document), document);
    replace(&store, &id("a"), version, &record("{}")).await;

    let said =
        failed(store.create(&id("b"), &record("SECRET is no JSON")).await, StoreErrorKind::Refused);
    assert!(said.contains("does not take what") && !said.contains("SECRET"), "{said}");
}

#[tokio::test]
async fn a_document_that_is_too_long_for_a_text_column_is_refused_and_not_cut() {
    let database = Database::new();
    database.ask(&FOREIGN_TABLE.replace("mediumtext", "text"));
    let store = database.store().await;
    let fits = format!("\"{}\"", "x".repeat(65_000));
    let version = put(&store, &id("a"), &record(&fits)).await;
    let long = record(&format!("\"{}\"", "x".repeat(66_000)));
    failed(store.create(&id("b"), &long).await, StoreErrorKind::TooLarge);
    failed(store.update(&id("a"), version, &long).await, StoreErrorKind::TooLarge);
    assert_eq!(text(&living(&store, &id("a")).await.document), fits);
}

#[tokio::test]
async fn a_document_in_another_encoding_has_the_same_version() {
    let database = Database::new();
    database.ask(
        &FOREIGN_TABLE.replace("mediumtext COLLATE utf8mb4_bin", "mediumtext CHARACTER SET latin1"),
    );
    let store = database.store().await;
    let version = put(&store, &id("a"), &record(r#""Grüße""#)).await;
    assert_eq!(living(&store, &id("a")).await.version, version);
    let version = replace(&store, &id("a"), version, &record(r#""größer""#)).await;
    failed(store.update(&id("a"), version, &record(r#""世界""#)).await, StoreErrorKind::Refused);
}

#[tokio::test]
async fn a_server_that_does_not_let_clients_choose_the_encoding_changes_no_version() {
    let server = MariaDb::start_with(&[
        "--skip-character-set-client-handshake",
        "--character-set-server=latin1",
    ]);
    let options = MySqlOptions::new().create_table_if_missing(true);
    let store = options.connect(&server.url()).await.unwrap();
    let version = put(&store, &id("a"), &record(r#""Grüße 世界""#)).await;
    assert_eq!(text(&living(&store, &id("a")).await.document), r#""Grüße 世界""#);
    replace(&store, &id("a"), version, &record("{}")).await;
}

#[tokio::test]
async fn a_row_without_a_document_is_a_session_with_an_empty_one() {
    let database = Database::new();
    let store = database.store().await;
    database.ask("INSERT INTO sessions (session_id, expires) VALUES ('a', UNIX_TIMESTAMP() + 100)");
    let stored = living(&store, &id("a")).await;
    assert_eq!(text(&stored.document), "");
    let wrong = handstamp::store::Version(1);
    let updated = store.update(&id("a"), wrong, &record("{}")).await.unwrap();
    assert!(matches!(updated, Updated::Conflict(_)));
    replace(&store, &id("a"), stored.version, &record("{}")).await;
}

fn indexes(database: &Database) -> String {
    database.ask(
        "SELECT column_name FROM information_schema.statistics \
         WHERE table_schema = DATABASE() ORDER BY 1",
    )
}
