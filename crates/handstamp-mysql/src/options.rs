//! How a store is set up.

use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use handstamp::store::{ConnectionEvent, StoreError};

use crate::MySqlStore;
use crate::layout::{Columns, Layout};

/// The settings of a [`MySqlStore`].
///
/// ```no_run
/// use handstamp_mysql::MySqlOptions;
///
/// # async fn example() -> Result<(), handstamp::store::StoreError> {
/// let options = MySqlOptions::new().table_name("web_sessions").connections(20);
/// let store = options.connect("mysql://web:secret@db.example.com/web?require_ssl=true").await?;
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug)]
pub struct MySqlOptions {
    pub(crate) ca_file: Option<PathBuf>,
    pub(crate) connect_timeout: Duration,
    pub(crate) connections: usize,
    pub(crate) create_table_if_missing: bool,
    pub(crate) layout: Layout,
    pub(crate) lock_timeout: Duration,
    pub(crate) max_document_bytes: usize,
    pub(crate) on_connection: Option<Listener>,
    pub(crate) reap_every: Option<Duration>,
}

impl MySqlOptions {
    /// The default settings: express-mysql-session's table and columns.
    #[must_use]
    pub fn new() -> Self {
        Self {
            ca_file: None,
            connect_timeout: Duration::from_secs(4),
            connections: 10,
            create_table_if_missing: false,
            layout: Layout::default(),
            lock_timeout: Duration::from_secs(4),
            max_document_bytes: 16_000_000,
            on_connection: None,
            reap_every: Some(Duration::from_secs(15 * 60)),
        }
    }

    /// A file with the certificates, in PEM format, that are trusted to vouch for the server. Connections are
    /// then encrypted, and no other authority is trusted.
    ///
    /// For a server whose certificate a public authority has signed, `?require_ssl=true` in the URL is
    /// enough. The file is read when the first connection is made.
    #[must_use]
    pub fn ca_file(mut self, path: impl Into<PathBuf>) -> Self {
        self.ca_file = Some(path.into());
        self
    }

    /// The names of the table's columns.
    ///
    /// The document's may be of another type than `mediumtext` in a table that is there already. A JSON column
    /// of MySQL (not MariaDB's, which is text) rewrites what it stores: a request that saves twice finds its own
    /// first writing changed, and merges with it.
    #[must_use]
    pub fn columns(mut self, columns: Columns) -> Self {
        self.layout.columns = columns;
        self
    }

    /// How long to wait for a new connection to the server. 4 s unless set.
    ///
    /// Afterwards the call fails as unavailable. The engine waits for 5 s: a shorter time here makes
    /// an error that says more.
    #[must_use]
    pub fn connect_timeout(mut self, timeout: Duration) -> Self {
        self.connect_timeout = timeout;
        self
    }

    /// How many connections there may be at the same time. 10 unless set, at least one.
    ///
    /// They are made as they are needed. Each runs one statement at a time, and who finds none free
    /// waits. A connection that was idle for a minute is closed, but for the last.
    #[must_use]
    pub fn connections(mut self, most: usize) -> Self {
        self.connections = most.clamp(1, MOST_CONNECTIONS);
        self
    }

    /// Whether connecting also does what [`MySqlStore::migrate`] does. `false` unless set.
    ///
    /// If something is missing, the user needs the rights to create and to alter tables.
    #[must_use]
    pub fn create_table_if_missing(mut self, create: bool) -> Self {
        self.create_table_if_missing = create;
        self
    }

    /// The database that the table is in. The URL's unless set.
    #[must_use]
    pub fn database_name(mut self, name: impl Into<String>) -> Self {
        self.layout.database = Some(name.into());
        self
    }

    /// How long a write is tried again while other transactions are in its way. 4 s unless set.
    ///
    /// Deadlocks and waits for a lock (of a second each) are tried again after a short, growing pause.
    /// Afterwards the call fails as unavailable.
    #[must_use]
    pub fn lock_timeout(mut self, timeout: Duration) -> Self {
        self.lock_timeout = timeout;
        self
    }

    /// The largest document that is written, in bytes. 16 MB unless set, about what `mediumtext` holds.
    ///
    /// A larger one fails as too large, as does what is larger than the server's `max_allowed_packet`. What
    /// is stored already can be read at any size that the server sends.
    #[must_use]
    pub fn max_document_bytes(mut self, bytes: usize) -> Self {
        self.max_document_bytes = bytes;
        self
    }

    /// What to call when the connection to the server is lost, and when it is there again. Nothing unless set.
    ///
    /// It is called by one task, in the order in which things happen. That the server is away is noticed when
    /// a call fails; that it is back, without a call, within seconds. It must not block.
    #[must_use]
    pub fn on_connection(mut self, tell: impl Fn(ConnectionEvent) + Send + Sync + 'static) -> Self {
        self.on_connection = Some(Listener(Arc::new(tell)));
        self
    }

    /// How often expired sessions are looked for, to remove them from the table, about: each pause is between
    /// half of this and one and a half of it. 15 minutes unless set, at least a second and at most a day.
    ///
    /// They are missing from the moment they expire; this is about the space that they take. Of all
    /// processes that share the table one is at it at a time, on a connection of its own, and removes
    /// 500 with each statement.
    #[must_use]
    pub fn reap_every(mut self, interval: Duration) -> Self {
        self.reap_every = Some(interval.clamp(Duration::from_secs(1), DAY));
        self
    }

    /// Removes no expired sessions. Somebody else has to: [`MySqlStore::reap`] from a timer, or
    /// express-mysql-session.
    #[must_use]
    pub fn without_reaping(mut self) -> Self {
        self.reap_every = None;
        self
    }

    /// The table. `sessions` unless set.
    #[must_use]
    pub fn table_name(mut self, name: impl Into<String>) -> Self {
        self.layout.table = name.into();
        self
    }

    /// The SQL that makes the table, for those who would rather run it themselves.
    ///
    /// It is express-mysql-session's table with a column for the owner and two indexes. What such a table lacks
    /// if it is there already stands behind it, in comments.
    #[must_use]
    pub fn schema(&self) -> String {
        self.layout.schema()
    }

    /// Connects to the server.
    ///
    /// # Errors
    /// As [`MySqlStore::connect`].
    pub async fn connect(&self, url: &str) -> Result<MySqlStore, StoreError> {
        let store = MySqlStore::open(url, self)?;
        store.connected().await?;
        Ok(store)
    }

    /// As [`connect`](Self::connect), but does not wait: the store is there at once and connects by itself, as
    /// often as it takes. Until it has, calls fail as when the server is away. If the table is to be made, calls
    /// wait for that.
    ///
    /// # Errors
    /// `Refused`: the URL can't be read, sets what is the store's to set, or names no database where
    /// [`database_name`](Self::database_name) does not either; or the file of certificates can't be read.
    ///
    /// # Panics
    /// Outside a tokio runtime.
    pub fn connect_lazily(&self, url: &str) -> Result<MySqlStore, StoreError> {
        let store = MySqlStore::open(url, self)?;
        store.connect_in_background();
        Ok(store)
    }
}

const DAY: Duration = Duration::from_secs(24 * 60 * 60);

/// More than any server takes.
const MOST_CONNECTIONS: usize = 100_000;

impl Default for MySqlOptions {
    fn default() -> Self {
        Self::new()
    }
}

/// Whom to tell of the connection.
#[derive(Clone)]
pub(crate) struct Listener(pub(crate) Arc<dyn Fn(ConnectionEvent) + Send + Sync>);

impl fmt::Debug for Listener {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Listener(..)")
    }
}
