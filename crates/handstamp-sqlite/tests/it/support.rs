use std::env;
use std::env::consts::EXE_SUFFIX;
use std::future::{Future, poll_fn};
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::pin::pin;
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::Poll;

use handstamp_sqlite::SqliteStore;
use rusqlite::Connection;
use tempfile::TempDir;
use tokio::task::{JoinHandle, yield_now};

pub(crate) use crate::shared::*;

/// A folder with the path of a database in it. Both go when it is dropped.
pub(crate) struct Folder(TempDir);

impl Folder {
    pub(crate) fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    pub(crate) fn path(&self) -> &Path {
        self.0.path()
    }

    pub(crate) fn database(&self) -> PathBuf {
        self.path().join("sessions.db")
    }

    /// The file that SQLite keeps beside the database under this ending.
    pub(crate) fn beside(&self, ending: &str) -> PathBuf {
        self.path().join(format!("sessions.db{ending}"))
    }

    pub(crate) fn open(&self) -> SqliteStore {
        SqliteStore::open(self.database()).unwrap()
    }

    /// A look at the file from outside.
    pub(crate) fn connect(&self) -> Connection {
        Connection::open(self.database()).unwrap()
    }

    /// A lock on the file, as another process would hold it while it writes.
    pub(crate) fn lock(&self) -> Lock {
        let connection = self.connect();
        connection.execute_batch("BEGIN IMMEDIATE").unwrap();
        Lock(connection)
    }

    /// The names of the files in the folder.
    pub(crate) fn files(&self) -> Vec<String> {
        let entries = self.path().read_dir().unwrap();
        let mut names: Vec<_> =
            entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
        names.sort();
        names
    }
}

/// A lock that somebody else holds until it is dropped.
pub(crate) struct Lock(Connection);

impl Drop for Lock {
    fn drop(&mut self) {
        self.0.execute_batch("ROLLBACK").unwrap();
    }
}

/// Starts calls, so that each of them waits in the store's queue when this returns.
pub(crate) async fn start<T: Send + 'static>(
    calls: impl IntoIterator<Item = impl Future<Output = T> + Send + 'static>,
) -> Vec<JoinHandle<T>> {
    let started = Arc::new(AtomicUsize::new(0));
    let calls: Vec<_> =
        calls.into_iter().map(|call| tokio::spawn(counted(call, started.clone()))).collect();
    while started.load(Ordering::SeqCst) < calls.len() {
        yield_now().await;
    }
    calls
}

/// A call that counts itself as soon as it waits.
async fn counted<T>(call: impl Future<Output = T>, started: Arc<AtomicUsize>) -> T {
    let mut call = pin!(call);
    let first = poll_fn(|context| Poll::Ready(call.as_mut().poll(context))).await;
    started.fetch_add(1, Ordering::SeqCst);
    match first {
        Poll::Pending => call.await,
        Poll::Ready(outcome) => outcome,
    }
}

/// A process of its own that plays one of the roles of `examples/child.rs`, on a database.
pub(crate) fn process(role: &str, database: &Path) -> Command {
    let mut command = Command::new(child());
    command.arg(role).env(DATABASE, database).stdin(Stdio::piped()).stdout(Stdio::piped());
    command
}

/// The program that such a process runs. Cargo puts it near the tests' own.
pub(crate) fn child() -> PathBuf {
    let own = env::current_exe().unwrap();
    let folder = own.parent().and_then(Path::parent).unwrap().join("examples");
    let child = folder.join(format!("child{EXE_SUFFIX}"));
    assert!(
        child.exists(),
        "{} is missing: `cargo test` builds it, but not when it is told to build one test only",
        child.display()
    );
    child
}

/// What a process says, line by line.
pub(crate) fn said(child: &mut Child) -> impl Iterator<Item = String> + use<> {
    let lines = BufReader::new(child.stdout.take().unwrap()).lines();
    lines.map_while(Result::ok).filter_map(|line| Some(line.strip_prefix("SAID ")?.to_owned()))
}
