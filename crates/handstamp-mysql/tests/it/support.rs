use std::error::Error;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use handstamp::store::{Created, Record, StoreError, StoreErrorKind, Stored, Updated, Version};
use handstamp::{SessionId, SessionStore};
use handstamp_mysql::{MySqlOptions, MySqlStore};
use handstamp_testing::servers::{MariaDb, mariadb};
use mysql_async::Conn;
use tokio::sync::Mutex;
use tokio::time::sleep;

/// The table as express-mysql-session 3 makes it.
pub(crate) const FOREIGN_TABLE: &str = "CREATE TABLE IF NOT EXISTS `sessions` (
    `session_id` varchar(128) COLLATE utf8mb4_bin NOT NULL,
    `expires` int(11) unsigned NOT NULL,
    `data` mediumtext COLLATE utf8mb4_bin,
    PRIMARY KEY (`session_id`)
) ENGINE=InnoDB";

/// A database on the shared server that no other test sees.
pub(crate) struct Database {
    pub(crate) name: String,
}

impl Database {
    pub(crate) fn new() -> Self {
        static NEXT: AtomicUsize = AtomicUsize::new(0);
        let name = format!("test_{}", NEXT.fetch_add(1, Ordering::SeqCst));
        server().ask(&format!("CREATE DATABASE {name}"));
        Self { name }
    }

    pub(crate) fn url(&self) -> String {
        server().url_of(&self.name)
    }

    /// A store on it with its table made.
    pub(crate) async fn store(&self) -> MySqlStore {
        self.store_with(&MySqlOptions::new()).await
    }

    pub(crate) async fn store_with(&self, options: &MySqlOptions) -> MySqlStore {
        options.clone().create_table_if_missing(true).connect(&self.url()).await.unwrap()
    }

    /// Another client of the server, for transactions.
    pub(crate) async fn connect(&self) -> Conn {
        Conn::from_url(self.url()).await.unwrap()
    }

    /// Runs SQL in it, as another client of the server would.
    pub(crate) fn ask(&self, sql: &str) -> String {
        server().ask(&format!("USE {}; {sql}", self.name))
    }

    /// The number of the statement that another client of this database runs at this moment, or nothing.
    pub(crate) fn waits(&self) -> String {
        self.ask(
            "SELECT query_id FROM information_schema.processlist \
             WHERE command = 'Execute' AND db = DATABASE() AND id <> CONNECTION_ID() LIMIT 1",
        )
    }

    /// Waits until a statement of this database waits for a lock, as all do here that take a while.
    pub(crate) async fn waiting(&self) -> String {
        until(|| !self.waits().is_empty()).await;
        self.waits()
    }

    /// Lets time pass for its sessions.
    ///
    /// All that a session knows of time is the second when it ends. To let a minute pass and to bring all
    /// ends a minute nearer is the same.
    pub(crate) fn pass(&self, time: Duration) {
        let seconds = time.as_secs();
        assert_eq!(time, Duration::from_secs(seconds), "the column counts whole seconds");
        self.ask(&format!(
            "UPDATE sessions SET expires = GREATEST(expires, {seconds}) - {seconds}"
        ));
    }
}

/// The server that the tests share.
pub(crate) fn server() -> &'static MariaDb {
    mariadb()
}

pub(crate) fn id(text: &str) -> SessionId {
    SessionId::parse(text).unwrap()
}

/// A record that no test outlives.
pub(crate) fn record(document: &str) -> Record {
    Record {
        document: document.as_bytes().into(),
        lifetime: Duration::from_secs(3600),
        owner: None,
    }
}

pub(crate) fn owned(document: &str, owner: &str) -> Record {
    Record { owner: Some(owner.into()), ..record(document) }
}

/// Creates a session whose id must be free.
pub(crate) async fn put(store: &MySqlStore, id: &SessionId, record: &Record) -> Version {
    match store.create(id, record).await.unwrap() {
        Created::Done(version) => version,
        Created::Duplicate => panic!("the id is taken"),
    }
}

/// Loads a session that must be there.
pub(crate) async fn living(store: &MySqlStore, id: &SessionId) -> Stored {
    store.load(id).await.unwrap().expect("the session lives")
}

/// Updates a session that must still be at this version.
pub(crate) async fn replace(
    store: &MySqlStore,
    id: &SessionId,
    version: Version,
    record: &Record,
) -> Version {
    match store.update(id, version, record).await.unwrap() {
        Updated::Done(version) => version,
        other => panic!("nobody else has written, yet update said {other:?}"),
    }
}

pub(crate) async fn revoke(store: &MySqlStore, owner: &str) -> usize {
    store.index().unwrap().revoke(owner, None).await.unwrap()
}

pub(crate) fn text(document: &[u8]) -> &str {
    str::from_utf8(document).unwrap()
}

/// Waits for something that another process does and that nobody tells of.
pub(crate) async fn until(come: impl Fn() -> bool) {
    let begin = Instant::now();
    while !come() {
        assert!(begin.elapsed() < Duration::from_secs(60), "it does not come");
        sleep(Duration::from_millis(10)).await;
    }
}

/// [`until`] for what InnoDB tells of transactions: it repeats itself until nobody has asked for a tenth of a
/// second. So the tests ask in turn, and not too often.
pub(crate) async fn until_innodb_says(come: impl Fn() -> bool) {
    static TURN: Mutex<()> = Mutex::const_new(());
    let _turn = TURN.lock().await;
    let begin = Instant::now();
    loop {
        sleep(Duration::from_millis(150)).await;
        if come() {
            return;
        }
        assert!(begin.elapsed() < Duration::from_secs(60), "it does not come");
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
fn all_of(error: &dyn Error) -> String {
    let source = error.source().map(|source| format!(": {}", all_of(source)));
    format!("{error}{}", source.unwrap_or_default())
}
