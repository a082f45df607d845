use std::fs;
use std::path::Path;

use handstamp::store::StoreErrorKind;
use handstamp_sqlite::{SqliteOptions, SqliteStore};
use rusqlite::Connection;

use crate::support::{Folder, failed};

#[test]
fn another_applications_database_is_refused_and_stays_as_it_is() {
    for sql in [
        // As connect-sqlite3 makes it, and better-sqlite3-session-store.
        "CREATE TABLE sessions (sid PRIMARY KEY, expired, sess)",
        "CREATE TABLE sessions (sid TEXT NOT NULL PRIMARY KEY, sess JSON NOT NULL, expire TEXT NOT NULL)",
        "CREATE TABLE customers (name TEXT)",
        "PRAGMA application_id = 1196444487; CREATE TABLE gpkg_contents (name TEXT)",
        "PRAGMA user_version = 1",
    ] {
        let text = refused(sql);
        assert!(text.contains("another application"), "{text}");
    }
}

#[test]
fn a_later_versions_file_is_refused_and_stays_as_it_is() {
    let text = refused(&format!("{}; PRAGMA user_version = 2", SqliteStore::schema()));
    assert!(text.contains("later version"), "{text}");
}

fn refused(sql: &str) -> String {
    let folder = Folder::new();
    folder.connect().execute_batch(sql).unwrap();
    let before = fs::read(folder.database()).unwrap();

    let text = failed(SqliteStore::open(folder.database()), StoreErrorKind::Refused);

    assert!(fs::read(folder.database()).unwrap() == before, "it was changed");
    assert_eq!(folder.files(), ["sessions.db"]);
    text
}

#[test]
fn a_database_that_another_application_has_open_is_not_disturbed() {
    let folder = Folder::new();
    let other = folder.connect();
    other
        .execute_batch(
            "PRAGMA journal_mode = WAL; CREATE TABLE t (n); BEGIN; INSERT INTO t VALUES (1)",
        )
        .unwrap();
    failed(SqliteStore::open(folder.database()), StoreErrorKind::Refused);
    other.execute_batch("COMMIT").unwrap();
    let rows: i64 = other.query_row("SELECT count(*) FROM t", [], |row| row.get(0)).unwrap();
    assert_eq!(rows, 1);
}

#[test]
fn a_folder_that_does_not_exist_is_unavailable() {
    let folder = Folder::new();
    let path = folder.path().join("missing").join("sessions.db");
    let text = failed(SqliteStore::open(&path), StoreErrorKind::Unavailable);
    assert!(text.contains("missing") && text.contains("folder does not exist"), "{text}");
}

#[test]
fn a_folder_in_the_place_of_the_file_can_not_be_opened() {
    let folder = Folder::new();
    failed(SqliteStore::open(folder.path()), StoreErrorKind::Unavailable);
}

#[test]
fn what_is_no_path_of_a_file_is_refused() {
    for name in [":memory:", "file:sessions.db?mode=memory"] {
        let text = failed(SqliteStore::open(name), StoreErrorKind::Refused);
        assert!(text.contains("path of a file"), "{text}");
        assert!(!Path::new(name).exists());
    }
    failed(SqliteStore::open(""), StoreErrorKind::Unavailable);
}

#[test]
fn a_store_without_readers_has_one() {
    let folder = Folder::new();
    SqliteOptions::new().readers(0).open(folder.database()).unwrap();
}

#[test]
fn a_path_is_a_path_whatever_its_name() {
    let folder = Folder::new();
    for name in ["a b?mode=memory#x", "%41", "Grüße", ":memory:"] {
        let path = folder.path().join(name);
        drop(SqliteStore::open(&path).unwrap());
        let connection = Connection::open(&path).unwrap();
        connection.query_row("SELECT 1 FROM sqlite_schema", [], |_| Ok(())).unwrap();
    }
}

#[cfg(unix)]
mod permissions {
    use std::fs::{self, File, Permissions};
    use std::os::fd::AsRawFd;
    use std::os::unix::fs::{MetadataExt, PermissionsExt};
    use std::os::unix::process::CommandExt;
    use std::path::{Path, PathBuf};
    use std::process::Command;

    use crate::support::{DATABASE, Folder, child};

    #[test]
    fn a_file_that_may_only_be_read_is_refused() {
        let folder = Folder::new();
        folder.open();
        permit(&folder.database(), 0o444);
        permit(folder.path(), 0o777);
        let said = opened_by_nobody(&folder);
        assert!(said.contains("Refused") && said.contains("only read"), "{said}");
    }

    #[test]
    fn a_folder_that_may_only_be_read_is_an_error_that_says_so() {
        let folder = Folder::new();
        folder.open();
        permit(&folder.database(), 0o666);
        permit(folder.path(), 0o555);
        let said = opened_by_nobody(&folder);
        assert!(said.contains("folder") && said.contains("writable"), "{said}");
        permit(folder.path(), 0o700);
    }

    #[test]
    fn a_folder_that_takes_no_new_file_is_refused() {
        let folder = Folder::new();
        permit(folder.path(), 0o555);
        let said = opened_by_nobody(&folder);
        assert!(said.contains("Refused") && said.contains("may not make a file"), "{said}");
        permit(folder.path(), 0o700);
    }

    #[test]
    fn a_file_that_may_not_be_read_is_an_error_that_says_so() {
        let folder = Folder::new();
        folder.open();
        permit(&folder.database(), 0o000);
        permit(folder.path(), 0o777);
        let said = opened_by_nobody(&folder);
        assert!(said.contains("readable and writable"), "{said}");
    }

    fn permit(path: &Path, mode: u32) {
        fs::set_permissions(path, Permissions::from_mode(mode)).unwrap();
    }

    /// What a process says that opens the database and is not root, who may do everything.
    fn opened_by_nobody(folder: &Folder) -> String {
        let program = File::open(child()).unwrap();
        let mut command = Command::new(found_by_nobody(&program));
        command.arg("fails-to-open").env(DATABASE, folder.database());
        if folder.path().metadata().unwrap().uid() == 0 {
            command.uid(65534).gid(65534);
        }
        let output = command.output().unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8(output.stdout).unwrap()
    }

    /// A path of the open program. By this name it is found also where nobody may look.
    fn found_by_nobody(program: &File) -> PathBuf {
        if cfg!(target_os = "linux") {
            format!("/proc/self/fd/{}", program.as_raw_fd()).into()
        } else {
            child()
        }
    }
}
