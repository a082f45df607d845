use std::fs::{DirEntry, read_to_string};
use std::future::Future;
use std::pin::Pin;
use std::sync::{Arc, Mutex};
use std::task::{Context, Wake, Waker};

use handstamp::SessionStore;
use handstamp_sqlite::SqliteStore;
use rusqlite::Connection;

use crate::support::{Folder, database_of_parent, id, process, put, record, until};

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

/// A process of its own, since the other tests of this one have threads, too.
#[cfg(target_os = "linux")]
#[test]
fn the_last_handle_ends_the_threads() {
    let folder = Folder::new();
    let test = "file::process_that_counts_threads";
    let output = process(test, &folder.database()).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stdout));
}

#[cfg(target_os = "linux")]
#[test]
#[ignore = "a process of another test"]
fn process_that_counts_threads() {
    let Some(database) = database_of_parent() else { return };
    assert_eq!(threads(), 0);
    let store = SqliteStore::open(database).unwrap();
    // A thread gives itself its name, so it may be a moment until it is seen.
    until(|| threads() == 3);
    drop(store);
    until(|| threads() == 0);
}

#[cfg(target_os = "linux")]
fn threads() -> usize {
    let tasks = std::fs::read_dir("/proc/self/task").unwrap();
    let name =
        |task: std::io::Result<DirEntry>| read_to_string(task.ok()?.path().join("comm")).ok();
    tasks.filter_map(name).filter(|name| name.starts_with("sessions-")).count()
}

/// A task that is dropped as soon as it is woken, as by a runtime that has been shut down.
struct DroppedWhenWoken(Mutex<Option<Call>>);

type Call = Pin<Box<dyn Future<Output = ()> + Send>>;

impl Wake for DroppedWhenWoken {
    fn wake(self: Arc<Self>) {
        drop(self.0.lock().unwrap().take());
    }
}

#[test]
fn the_last_handle_may_be_dropped_by_an_answer() {
    let folder = Folder::new();
    for write in [false, true] {
        let store = folder.open();
        let mut call: Call = Box::pin(async move {
            if write {
                store.delete(&id("a")).await.unwrap();
            } else {
                store.load(&id("a")).await.unwrap();
            }
        });
        let task = Arc::new(DroppedWhenWoken(Mutex::new(None)));
        let waker = Waker::from(task.clone());
        let mut slot = task.0.lock().unwrap();
        if call.as_mut().poll(&mut Context::from_waker(&waker)).is_ready() {
            continue; // It was answered at once, so there was nothing to wake.
        }
        *slot = Some(call);
        drop(slot);
        drop(waker);
        // The thread that answers holds the task until the file is closed.
        until(|| Arc::strong_count(&task) == 1);
        assert!(task.0.lock().unwrap().is_none());
    }
}

#[test]
fn nothing_of_a_session_shows_in_debug() {
    let folder = Folder::new();
    let text = format!("{:?}", folder.open());
    assert_eq!(text, format!("SqliteStore {{ path: {:?}, .. }}", folder.database()));
}
