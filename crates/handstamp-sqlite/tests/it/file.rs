use handstamp_sqlite::SqliteStore;
use rusqlite::Connection;

use crate::support::{Folder, id, put, record};

#[cfg(unix)]
#[tokio::test]
async fn the_files_are_for_their_owner_only() {
    use std::os::unix::fs::PermissionsExt;

    let folder = Folder::new();
    let store = folder.open();
    put(&store, &id("a"), &record("{}")).await;
    for ending in ["", "-wal", "-shm"] {
        let mode = folder.beside(ending).metadata().unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600, "the mode of sessions.db{ending}");
    }
}

#[cfg(unix)]
#[tokio::test]
async fn a_file_that_was_there_keeps_its_mode() {
    use std::fs::{self, Permissions};
    use std::os::unix::fs::PermissionsExt;

    let folder = Folder::new();
    fs::write(folder.database(), "").unwrap();
    fs::set_permissions(folder.database(), Permissions::from_mode(0o660)).unwrap();
    let store = folder.open();
    put(&store, &id("a"), &record("{}")).await;
    for ending in ["", "-wal", "-shm"] {
        let mode = folder.beside(ending).metadata().unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o660, "the mode of sessions.db{ending}");
    }
}

#[tokio::test]
async fn a_file_made_with_the_schema_by_hand_is_the_same_and_is_accepted() {
    let (by_hand, by_store) = (Folder::new(), Folder::new());
    by_hand.connect().execute_batch(SqliteStore::schema()).unwrap();
    by_store.open();
    assert_eq!(layout(&by_hand.connect()), layout(&by_store.connect()));

    let store = by_hand.open();
    put(&store, &id("a"), &record("{}")).await;
}

/// All that SQLite knows of a database's layout.
fn layout(connection: &Connection) -> Vec<String> {
    let mut statement = connection
        .prepare(
            "SELECT sql FROM sqlite_schema WHERE sql IS NOT NULL
             UNION ALL SELECT application_id FROM pragma_application_id
             UNION ALL SELECT user_version FROM pragma_user_version",
        )
        .unwrap();
    let rows = statement.query_map([], |row| Ok(format!("{:?}", row.get_ref(0)?))).unwrap();
    rows.map(Result::unwrap).collect()
}

#[tokio::test]
async fn each_lookup_uses_an_index() {
    let folder = Folder::new();
    folder.open();
    let connection = folder.connect();
    for (condition, index) in [
        ("sid = ?1 AND expires > ?2", "sqlite_autoindex_sessions_1"),
        ("owner = ?1 AND expires > ?2", "sessions_owner"),
        ("expires <= ?1", "sessions_expires"),
    ] {
        let sql = format!("EXPLAIN QUERY PLAN SELECT sess FROM sessions WHERE {condition}");
        let mut statement = connection.prepare(&sql).unwrap();
        let plan: String = statement.raw_query().next().unwrap().unwrap().get("detail").unwrap();
        assert!(plan.contains(index), "{condition}: {plan}");
    }
}

#[tokio::test]
async fn the_last_handle_closes_the_file() {
    let folder = Folder::new();
    let store = folder.open();
    let other = store.clone();
    put(&store, &id("a"), &record("{}")).await;
    drop(store);
    assert_eq!(folder.files(), ["sessions.db", "sessions.db-shm", "sessions.db-wal"]);
    drop(other);
    assert_eq!(folder.files(), ["sessions.db"]);
}

#[test]
fn a_store_that_nobody_used_leaves_nothing_beside_the_file() {
    let folder = Folder::new();
    for _ in 0..50 {
        drop(folder.open());
        assert_eq!(folder.files(), ["sessions.db"]);
    }
}

#[test]
fn nothing_of_a_session_shows_in_debug() {
    let folder = Folder::new();
    let text = format!("{:?}", folder.open());
    assert_eq!(text, format!("SqliteStore {{ path: {:?}, .. }}", folder.database()));
}
