use std::error::Error;
use std::thread;
use std::time::{Duration, Instant};

use handstamp::store::{Created, Record, StoreError, StoreErrorKind, Stored, Version};
use handstamp::{SessionId, SessionStore};
use handstamp_sqlite::SqliteStore;

/// The variable that tells a process where the database is.
pub(crate) const DATABASE: &str = "HANDSTAMP_SQLITE_TEST_DATABASE";

/// How many tasks of one process increment the counter.
pub(crate) const TASKS: u64 = 4;
/// How often each of them does.
pub(crate) const INCREMENTS: u64 = 25;

/// What a session of this name holds, if a process wrote it that is to be killed.
pub(crate) fn document(name: &str) -> String {
    format!("the document of {name} ").repeat(20)
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

pub(crate) fn number(stored: &Stored) -> u64 {
    str::from_utf8(&stored.document).unwrap().parse().unwrap()
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
