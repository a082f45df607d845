//! How a store is set up.

use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use handstamp::store::{ConnectionEvent, StoreError};
use tokio_postgres::Config;

use crate::names::{Columns, Names};
use crate::schema::schema;
use crate::url::Url;
use crate::{PostgresStore, store};

/// The longest time that anything is set to. What is longer is never noticed to be shorter.
const LONGEST: Duration = Duration::from_secs(24 * 60 * 60);

/// The settings of a [`PostgresStore`].
///
/// ```no_run
/// use handstamp_postgres::PostgresOptions;
///
/// # async fn open() -> Result<(), handstamp::store::StoreError> {
/// let store = PostgresOptions::new()
///     .table_name("user_sessions")
///     .create_table_if_missing(true)
///     .connect("postgres://app:secret@localhost/app")
///     .await?;
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug)]
pub struct PostgresOptions {
    pub(crate) ca_file: Option<PathBuf>,
    pub(crate) change_events: bool,
    pub(crate) change_events_url: Option<Secret>,
    pub(crate) connections: usize,
    pub(crate) create_table_if_missing: bool,
    pub(crate) max_document_bytes: usize,
    pub(crate) names: Names,
    pub(crate) on_connection: Option<Observer>,
    pub(crate) pgbouncer: bool,
    pub(crate) reap_every: Option<Duration>,
    pub(crate) timeout: Duration,
    pub(crate) time_zone: Option<String>,
}

impl PostgresOptions {
    /// The default settings.
    #[must_use]
    pub fn new() -> Self {
        Self {
            ca_file: None,
            change_events: false,
            change_events_url: None,
            connections: 4,
            create_table_if_missing: false,
            max_document_bytes: 16 << 20,
            names: Names { schema: None, table: "session".into(), columns: Columns::default() },
            on_connection: None,
            pgbouncer: false,
            reap_every: Some(Duration::from_secs(15 * 60)),
            timeout: Duration::from_secs(4),
            time_zone: None,
        }
    }

    /// A file with the certificates, in PEM format, that are trusted to vouch for the server. Those that
    /// the operating system trusts unless set. `sslrootcert` in the URL does the same.
    ///
    /// They are asked where the URL says `sslmode=require` or more. Each of these verifies the certificate
    /// and its name. `prefer`, which is the default of URLs, does not, because it does without encryption,
    /// too, if the server offers none.
    #[must_use]
    pub fn ca_file(mut self, path: impl Into<PathBuf>) -> Self {
        self.ca_file = Some(path.into());
        self
    }

    /// Whether the table tells of changes: [`SessionStore::changes`](handstamp::SessionStore::changes) is
    /// there then, and [`PostgresStore::migrate`] makes the triggers that it needs. `false` unless set.
    ///
    /// Triggers tell what any writer does, also old ones and psql. What they tell is the session's id, and
    /// whoever may connect to the database can listen. Each write costs some microseconds more, and all of
    /// them queue up to be told when they are committed.
    #[must_use]
    pub fn change_events(mut self, tell: bool) -> Self {
        self.change_events = tell;
        self
    }

    /// A URL for the connection that listens for changes, if the store's own leads to PgBouncer, behind
    /// which nobody can listen. It has to lead to the same database.
    #[must_use]
    pub fn change_events_url(mut self, url: impl Into<String>) -> Self {
        self.change_events_url = Some(Secret(url.into()));
        self
    }

    /// The names of the table's columns.
    #[must_use]
    pub fn columns(mut self, columns: Columns) -> Self {
        self.names.columns = columns;
        self
    }

    /// How many connections are kept open. 4 unless set, at least one.
    ///
    /// They are shared by all callers at once, so a few serve many. One more is opened for walks, for
    /// clearing and for reaping when these are first needed.
    #[must_use]
    pub fn connections(mut self, connections: usize) -> Self {
        self.connections = connections.max(1);
        self
    }

    /// Whether connecting also does what [`PostgresStore::migrate`] does. `false` unless set.
    ///
    /// The user then needs the right to create a table in the schema, or to own the table.
    #[must_use]
    pub fn create_table_if_missing(mut self, create: bool) -> Self {
        self.create_table_if_missing = create;
        self
    }

    /// The largest document that is written, in bytes. 16 MiB unless set.
    ///
    /// A larger one fails as too large. What is stored already can be read at any size.
    #[must_use]
    pub fn max_document_bytes(mut self, bytes: usize) -> Self {
        self.max_document_bytes = bytes;
        self
    }

    /// Is told when the server is reached, and when none of the connections is left. No observer unless set.
    ///
    /// It is called in a task of the store's and should be brief.
    #[must_use]
    pub fn on_connection(
        mut self,
        observer: impl Fn(ConnectionEvent) + Send + Sync + 'static,
    ) -> Self {
        self.on_connection = Some(Observer(Arc::new(observer)));
        self
    }

    /// Whether the URL leads to PgBouncer, or to another pooler, in session or in transaction mode. `false`
    /// unless set.
    ///
    /// Nothing is then kept in a connection: statements are not prepared but sent whole each time, and
    /// no settings are sent. So set `statement_timeout` and `lock_timeout` for the user on the server
    /// (`ALTER ROLE … SET`), a little below [`timeout`](Self::timeout) and below half of it.
    #[must_use]
    pub fn pgbouncer(mut self, pgbouncer: bool) -> Self {
        self.pgbouncer = pgbouncer;
        self
    }

    /// How often expired sessions are removed from the table, about: each pause is between half of this
    /// and one and a half of it. 15 minutes unless set, at least a second,
    /// at most a day.
    ///
    /// They are missing from the moment they expire; this is about the space that they take. Many are
    /// removed in small batches, by one process at a time.
    #[must_use]
    pub fn reap_every(mut self, interval: Duration) -> Self {
        self.reap_every = Some(interval.clamp(Duration::from_secs(1), LONGEST));
        self
    }

    /// Removes no expired sessions. Somebody else has to: [`PostgresStore::reap`] from a timer, or an old
    /// writer.
    #[must_use]
    pub fn without_reaping(mut self) -> Self {
        self.reap_every = None;
        self
    }

    /// The schema of the table. Unless set, the user's `search_path` finds it, as with connect-pg-simple.
    #[must_use]
    pub fn schema_name(mut self, name: impl Into<String>) -> Self {
        self.names.schema = Some(name.into());
        self
    }

    /// The table. `session` unless set.
    #[must_use]
    pub fn table_name(mut self, name: impl Into<String>) -> Self {
        self.names.table = name.into();
        self
    }

    /// How long it may take to connect to a host, and a statement to be answered. 4 s unless set, at least
    /// 100 ms, at most a day.
    ///
    /// The server stops a statement that takes longer, or that waits half as long for a lock, and the call
    /// fails as a timeout. A connection that answers nothing for longer, although it has to, is replaced. While there is no connection, calls wait this long for one.
    /// The engine waits for 5 s, so a shorter time makes an error that says more.
    ///
    /// Walks, clearing and reaping may take longer, but they wait no longer for a lock.
    #[must_use]
    pub fn timeout(mut self, timeout: Duration) -> Self {
        self.timeout = timeout.clamp(Duration::from_millis(100), LONGEST);
        self
    }

    /// The time zone in which the column `expire` is written, such as `Europe/Berlin`. That of the
    /// server's settings for this user unless set, as with connect-pg-simple.
    ///
    /// The column says no time zone, so all who use the table have to mean the same one. See
    /// [the crate's docs](crate#time-zones).
    #[must_use]
    pub fn time_zone(mut self, zone: impl Into<String>) -> Self {
        self.time_zone = Some(zone.into());
        self
    }

    /// The SQL that [`PostgresStore::migrate`] runs, for those who would rather run it themselves.
    #[must_use]
    pub fn schema(&self) -> String {
        schema(&self.names, self.change_events)
    }

    /// Connects to the server that a URL names: `postgres://user:password@host:5432/database`.
    ///
    /// `sslmode`, `sslrootcert`, `connect_timeout`, `target_session_attrs`, several hosts, a path to a
    /// socket as the host, and what else libpq knows and tokio-postgres reads, may be in it.
    ///
    /// # Errors
    /// As [`PostgresStore::connect`].
    pub async fn connect(&self, url: &str) -> Result<PostgresStore, StoreError> {
        Ok(store::connect(Url::parse(url)?, self).await?)
    }

    /// As [`connect`](Self::connect), but waits for nothing: the store is there at once and connects by
    /// itself, as often as it takes. Until it has, calls wait or fail as when the server is away. The table
    /// is made by the first call, if it shall be.
    ///
    /// # Errors
    /// `Refused`: the URL or a setting can't be used, or the file of certificates can't be read.
    ///
    /// # Panics
    /// Outside a tokio runtime.
    pub fn connect_lazily(&self, url: &str) -> Result<PostgresStore, StoreError> {
        Ok(store::connect_lazily(Url::parse(url)?, self)?)
    }

    /// Connects to the server that a configuration of tokio-postgres describes.
    ///
    /// # Errors
    /// As [`PostgresStore::connect`].
    pub async fn connect_with(&self, config: Config) -> Result<PostgresStore, StoreError> {
        Ok(store::connect(config.into(), self).await?)
    }
}

/// A URL, which may hold a password.
#[derive(Clone)]
pub(crate) struct Secret(pub(crate) String);

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a URL")
    }
}

/// Who is told of connections.
#[derive(Clone)]
pub(crate) struct Observer(pub(crate) Arc<dyn Fn(ConnectionEvent) + Send + Sync>);

impl fmt::Debug for Observer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Observer")
    }
}

impl Default for PostgresOptions {
    fn default() -> Self {
        Self::new()
    }
}
