use std::env;
use std::error::Error;
use std::future::{Future, poll_fn};
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::pin::pin;
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::Poll;
use std::thread;
use std::time::{Duration, Instant};

use handstamp::store::{Created, Record, StoreError, StoreErrorKind, Stored, Updated, Version};
use handstamp::{SessionId, SessionStore};
use handstamp_sqlite::SqliteStore;
use rusqlite::Connection;
use tempfile::TempDir;
use tokio::task::{JoinHandle, yield_now};

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

pub(crate) fn id(text: &str) -> SessionId {
    SessionId::parse(text).unwrap()
}

/// A record that no test outlives.
pub(crate) fn record(document: impl AsRef<[u8]>) -> Record {
    let document = document.as_ref().into();
    Record { document, lifetime: Duration::from_secs(3600), owner: None }
}

/// Creates a session whose id must be free.
pub(crate) async fn put(store: &SqliteStore, id: &SessionId, record: &Record) -> Version {
    match store.create(id, record).await.unwrap() {
        Created::Done(version) => version,
        Created::Duplicate => panic!("the id is taken"),
    }
}

/// Loads a session that must be there.
pub(crate) async fn living(store: &SqliteStore, id: &SessionId) -> Stored {
    store.load(id).await.unwrap().expect("the session lives")
}

/// Adds one to the number in a session.
pub(crate) async fn increment(store: &SqliteStore, id: &SessionId) {
    let mut current = living(store, id).await;
    loop {
        let number = number(&current) + 1;
        match store.update(id, current.version, &record(number.to_string())).await.unwrap() {
            Updated::Conflict(other) => current = other,
            Updated::Done(_) => return,
            Updated::Gone => panic!("the session is gone"),
        }
    }
}

pub(crate) fn number(stored: &Stored) -> u64 {
    str::from_utf8(&stored.document).unwrap().parse().unwrap()
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

/// Waits for something that has to come.
pub(crate) fn until(come: impl Fn() -> bool) {
    let begin = Instant::now();
    while !come() {
        assert!(begin.elapsed() < Duration::from_secs(30), "it does not come");
        thread::sleep(Duration::from_millis(1));
    }
}

/// Asserts that a call failed in this way, and returns all that the error says.
pub(crate) fn failed<T>(outcome: Result<T, StoreError>, kind: StoreErrorKind) -> String {
    let Err(error) = outcome else { panic!("the call succeeded") };
    let text = all_of(&error);
    assert_eq!(error.kind(), kind, "{text}");
    text
}

/// An error and its sources.
pub(crate) fn all_of(error: &dyn Error) -> String {
    let source = error.source().map(|source| format!(": {}", all_of(source)));
    format!("{error}{}", source.unwrap_or_default())
}

/// A process of its own that runs one of the tests that are ignored otherwise, on a database.
pub(crate) fn process(test: &str, database: &Path) -> Command {
    let mut command = Command::new(env::current_exe().unwrap());
    for argument in arguments(test) {
        command.arg(argument);
    }
    command.env(DATABASE, database).stdin(Stdio::piped()).stdout(Stdio::piped());
    command
}

/// What makes this binary run just this test.
pub(crate) fn arguments(test: &str) -> [&str; 4] {
    [test, "--exact", "--ignored", "--nocapture"]
}

/// Where the database of a process that was started by a test is.
pub(crate) const DATABASE: &str = "HANDSTAMP_SQLITE_TEST_DATABASE";

/// In such a process: where the database is. `None`: somebody runs all ignored tests.
pub(crate) fn database_of_parent() -> Option<PathBuf> {
    env::var_os(DATABASE).map(PathBuf::from)
}

/// What a process says, line by line, without what the test harness says.
pub(crate) fn said(child: &mut Child) -> impl Iterator<Item = String> + use<> {
    let lines = BufReader::new(child.stdout.take().unwrap()).lines();
    // The harness writes the test's name without an end of line before the first.
    lines.map_while(Result::ok).filter_map(|line| Some(line.split_once("SAID ")?.1.to_owned()))
}

/// Says something to the process that started this one.
pub(crate) fn say(line: &str) {
    println!("SAID {line}");
}
