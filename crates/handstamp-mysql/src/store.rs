//! The store: the contract's calls as statements, and what their outcomes mean.

use std::fmt;
use std::fs::File;
use std::sync::{Arc, OnceLock};
use std::time::{Duration, Instant};

use handstamp::store::{
    Created, Record, SessionIndex, SessionScan, StoreError, StoreErrorKind, Stored, Updated,
    Version,
};
use handstamp::{SessionId, SessionStore};
use mysql_async::prelude::FromValue;
use mysql_async::{Opts, Pool, Row, Value};
use tokio::sync::{OnceCell, Semaphore};
use tokio::time::sleep;

use crate::MySqlOptions;
use crate::background::Background;
use crate::connections::{Connections, Isolation, Order, Outcome, varied};
use crate::driver::{parameter_of_the_store, server_name, set_up};
use crate::error::{bad_url, refusal};
use crate::layout::{FIND_TABLE, Layout};
use crate::reach::{Reach, Sight};
use crate::reaper::{self, Orders};
use crate::statements::Statements;
use crate::values::{key, microseconds, owner_digest, version_of};

/// How long to wait, about, until a server that is away is asked again.
const RETRY: Duration = Duration::from_millis(250);

/// How long a call that lost a race pauses, about, before it begins anew.
const AGAIN: Duration = Duration::from_millis(2);

/// Keeps sessions in a table of MySQL or MariaDB, which many machines may use at the same time.
///
/// See the [crate's docs](crate) for what it promises. A clone is another handle to the same store, with the
/// same connections. They are closed when the last handle is dropped. All use has to come from one tokio
/// runtime.
#[derive(Clone)]
pub struct MySqlStore(Arc<Inner>);

struct Inner {
    connections: Connections,
    create_table_if_missing: bool,
    layout: Layout,
    max_document_bytes: usize,
    reap_every: Option<Duration>,
    statements: Statements,
    /// Whether the table has been made, if it is to be.
    table: OnceCell<()>,
    /// One tells when the server comes and goes, one reaps.
    tasks: OnceLock<Vec<Background>>,
}

impl MySqlStore {
    /// Connects to the server with the default settings.
    ///
    /// The URL looks like `mysql://USER:PASSWORD@HOST:3306/DATABASE`, with `?require_ssl=true` for TLS or
    /// `?socket=/path` for a Unix socket. Parameters about the driver's pool are refused: see
    /// [`MySqlOptions::connections`]. The table has to be there, or made with
    /// [`migrate`](Self::migrate).
    ///
    /// # Errors
    /// - `Refused`: the URL can't be read, names no database or sets what is the store's to set, or the user is not let in.
    /// - `Unavailable`: the server can't be reached.
    pub async fn connect(url: &str) -> Result<Self, StoreError> {
        MySqlOptions::new().connect(url).await
    }

    /// Makes the table if there is none, and adds what express-mysql-session's lacks: the column
    /// `handstamp_owner`, an index on it, and one on the time when sessions end.
    ///
    /// What is there is left alone, and then needs no right to create or to alter tables.
    /// To do it again, or in several processes at once, is no error. Applications that use the table
    /// already go on meanwhile and afterwards. On MariaDB from 10.3 and MySQL from 8.0.12 the column
    /// costs nothing; the indexes take a while in a large table.
    ///
    /// # Errors
    /// - `Refused`: the user may not create or alter tables.
    /// - `Unavailable`: transactions kept the table in use for longer than the lock timeout. Do it again.
    pub async fn migrate(&self) -> Result<(), StoreError> {
        let layout = &self.0.layout;
        let [database, table] =
            [Value::from(layout.database.as_deref()), Value::from(&layout.table)];
        // Who may not create tables, or is at a replica, may find all that is needed.
        let place = [database.clone(), table.clone()];
        if self.run_at_once(FIND_TABLE, &place).await?.rows.is_empty() {
            self.run_at_once(&layout.create_table(), &[]).await?;
        }
        for addition in layout.additions() {
            let place = [database.clone(), table.clone(), Value::from(&addition.column)];
            if self.run_at_once(&addition.find(), &place).await?.rows.is_empty() {
                // If another process has added it meanwhile, that is as well.
                self.run_at_once(&addition.sql, &[]).await?;
            }
        }
        Ok(())
    }

    /// Removes what has expired from the table, in small batches, unless another process is at it. Returns
    /// how many rows that were. A store does this by itself unless it is
    /// [told not to](MySqlOptions::without_reaping).
    ///
    /// # Errors
    /// What any call gives. Some batches may have been removed by then.
    pub async fn reap(&self) -> Result<usize, StoreError> {
        self.table_made().await?;
        reaper::reap(&self.0.reaping()).await
    }

    /// Sees whether the server answers, and makes the table if it is to be made.
    pub(crate) async fn connected(&self) -> Result<(), StoreError> {
        self.run_at_once("SELECT 1", &[]).await?;
        self.table_made().await?;
        // Before the watch begins, so that one looks at a time.
        self.0.connections.reach.saw(Sight::There);
        self.start_tasks();
        Ok(())
    }

    /// Connects while nobody waits for it, and tries again while the server is away.
    pub(crate) fn connect_in_background(&self) {
        self.start_tasks();
        let inner = Arc::downgrade(&self.0);
        tokio::spawn(async move {
            while let Some(inner) = inner.upgrade() {
                match Self(inner).table_made().await {
                    Err(error) if is_passing(error.kind()) => sleep(varied(RETRY)).await,
                    // What is wrong otherwise is told to those who call.
                    _ => return,
                }
            }
        });
    }

    fn start_tasks(&self) {
        let start = || self.0.connections.watch().into_iter().chain(self.0.reaper()).collect();
        self.0.tasks.get_or_init(start);
    }

    async fn table_made(&self) -> Result<(), StoreError> {
        if self.0.create_table_if_missing {
            self.0.table.get_or_try_init(|| self.migrate()).await?;
        }
        Ok(())
    }

    pub(crate) fn open(url: &str, options: &MySqlOptions) -> Result<Self, StoreError> {
        let opts = Opts::from_url(url).map_err(|error| bad_url(&error))?;
        let server: Arc<str> = server_name(&opts).into();
        if let Some(advice) = parameter_of_the_store(url) {
            return Err(refusal(&server, StoreErrorKind::Refused, advice));
        }
        if opts.db_name().is_none() && options.layout.database.is_none() {
            let advice = "no database is named; name it at the URL's end, behind a slash";
            return Err(refusal(&server, StoreErrorKind::Refused, advice));
        }
        if let Some(file) = &options.ca_file {
            // It is read when a connection is made, which is too late to be told.
            File::open(file).map_err(|error| {
                let file = file.display();
                let advice = format!("the file of certificates {file} can't be read: {error}");
                refusal(&server, StoreErrorKind::Refused, &advice)
            })?;
        }
        let opts = set_up(opts, options);
        let connections = Connections {
            pool: Pool::new(opts.clone()),
            turns: Arc::new(Semaphore::new(options.connections)),
            opts,
            server,
            reach: Arc::new(Reach::told_to(options.on_connection.clone())),
            connect_timeout: options.connect_timeout,
            lock_timeout: options.lock_timeout,
        };
        Ok(Self(Arc::new(Inner {
            connections,
            create_table_if_missing: options.create_table_if_missing,
            statements: Statements::new(&options.layout),
            layout: options.layout.clone(),
            max_document_bytes: options.max_document_bytes,
            reap_every: options.reap_every,
            table: OnceCell::new(),
            tasks: OnceLock::new(),
        })))
    }

    pub(crate) fn statements(&self) -> &Statements {
        &self.0.statements
    }

    pub(crate) async fn run(&self, sql: &str, values: &[Value]) -> Result<Outcome, StoreError> {
        self.run_order(Order::new(sql, values)).await
    }

    pub(crate) async fn run_range(
        &self,
        sql: &str,
        values: &[Value],
    ) -> Result<Outcome, StoreError> {
        self.run_order(Order::new(sql, values).isolated(Isolation::Range)).await
    }

    async fn run_order(&self, order: Order<'_>) -> Result<Outcome, StoreError> {
        self.table_made().await?;
        self.0.connections.run(order).await
    }

    /// Runs a statement for which the table need not be there.
    async fn run_at_once(&self, sql: &str, values: &[Value]) -> Result<Outcome, StoreError> {
        self.0.connections.run(Order::new(sql, values).making()).await
    }

    /// Pauses before a call that began then goes back to its first statement, or fails if it is too late.
    async fn again(
        &self,
        begin: Instant,
        kind: StoreErrorKind,
        advice: &str,
    ) -> Result<(), StoreError> {
        if begin.elapsed() >= self.0.connections.lock_timeout {
            return Err(self.refusal(kind, advice));
        }
        sleep(varied(AGAIN)).await;
        Ok(())
    }

    pub(crate) async fn number(&self, sql: &str, values: &[Value]) -> Result<usize, StoreError> {
        let outcome = self.run(sql, values).await?;
        outcome.rows.into_iter().next().map_or(Ok(0), |row| self.value(row, 0))
    }

    /// Reads rows of an id, a document and the time it has left. Others than ours may have other ids.
    pub(crate) fn sessions(&self, rows: Vec<Row>) -> Result<Vec<(SessionId, Stored)>, StoreError> {
        let mut sessions = Vec::with_capacity(rows.len());
        for mut row in rows {
            let id: String = self.take(&mut row, 0)?;
            if let Some(id) = SessionId::parse(&id) {
                sessions.push((id, self.stored(&mut row, 1)?));
            }
        }
        Ok(sessions)
    }

    /// Reads a document and the time it has left, from this column on.
    fn stored(&self, row: &mut Row, column: usize) -> Result<Stored, StoreError> {
        let document: Vec<u8> = self.take(row, column)?;
        let remaining = self.take(row, column + 1)?;
        Ok(Stored {
            version: version_of(&document),
            document: document.into(),
            remaining: Duration::from_micros(remaining),
        })
    }

    pub(crate) fn value<T: FromValue>(&self, mut row: Row, column: usize) -> Result<T, StoreError> {
        self.take(&mut row, column)
    }

    /// The driver's own error would show the value.
    fn take<T: FromValue>(&self, row: &mut Row, column: usize) -> Result<T, StoreError> {
        let taken = row.take_opt(column).and_then(Result::ok);
        taken.ok_or_else(|| {
            self.refusal(StoreErrorKind::Corrupt, "a value in the table is of the wrong kind")
        })
    }

    pub(crate) fn refusal(&self, kind: StoreErrorKind, advice: &str) -> StoreError {
        refusal(&self.0.connections.server, kind, advice)
    }

    /// What is written of a record: its lifetime, its document, its owner.
    fn columns(&self, record: &Record) -> Result<[Value; 3], StoreError> {
        let (bytes, most) = (record.document.len(), self.0.max_document_bytes);
        if bytes > most {
            let advice = format!(
                "a document of {bytes} bytes is larger than the {most} allowed; \
                 `MySqlOptions::max_document_bytes` sets how large they may be"
            );
            return Err(self.refusal(StoreErrorKind::TooLarge, &advice));
        }
        if str::from_utf8(&record.document).is_err() {
            let advice = "a document has to be text in UTF-8, because the column is";
            return Err(self.refusal(StoreErrorKind::Refused, advice));
        }
        Ok([
            microseconds(record.lifetime),
            Value::from(&*record.document),
            Value::from(record.owner.as_deref().map(owner_digest)),
        ])
    }
}

/// Whether trying again may help.
fn is_passing(kind: StoreErrorKind) -> bool {
    matches!(kind, StoreErrorKind::Timeout | StoreErrorKind::Unavailable)
}

impl Inner {
    fn reaper(&self) -> Option<Background> {
        Some(reaper::start(self.reaping(), self.reap_every?))
    }

    fn reaping(&self) -> Orders {
        Orders {
            opts: self.connections.opts.clone(),
            connect_timeout: self.connections.connect_timeout,
            database: self.layout.database.clone(),
            table: self.layout.table.clone(),
            reap: self.statements.reap.clone(),
            server: Arc::clone(&self.connections.server),
        }
    }
}

impl SessionStore for MySqlStore {
    async fn load(&self, id: &SessionId) -> Result<Option<Stored>, StoreError> {
        let outcome = self.run(&self.statements().load, &[key(id)]).await?;
        outcome.rows.into_iter().next().map(|mut row| self.stored(&mut row, 0)).transpose()
    }

    async fn create(&self, id: &SessionId, record: &Record) -> Result<Created, StoreError> {
        let [lifetime, document, owner] = self.columns(record)?;
        let done = Created::Done(version_of(&record.document));
        if record.lifetime.is_zero() {
            // It would be over at once, so there is nothing to store.
            let taken = self.load(id).await?.is_some();
            return Ok(if taken { Created::Duplicate } else { done });
        }
        let Statements { create, replace_expired, .. } = self.statements();
        let begin = Instant::now();
        loop {
            let values = [key(id), lifetime.clone(), document.clone(), owner.clone()];
            let creation = Order::new(create, &values).since(begin).making();
            if !self.run_order(creation).await?.taken {
                return Ok(done);
            }
            let values = [lifetime.clone(), document.clone(), owner.clone(), key(id)];
            let replacement = Order::new(replace_expired, &values).since(begin);
            if self.run_order(replacement).await?.matched > 0 {
                return Ok(done);
            }
            // Mostly a session lives under this id. But an expired one may have been in the way of the first
            // statement, and gone before the second.
            if self.load(id).await?.is_some() {
                return Ok(Created::Duplicate);
            }
            let advice = "the table takes no such session, yet has none with its id; look for a \
                          unique index of your own, or a trigger";
            self.again(begin, StoreErrorKind::Refused, advice).await?;
        }
    }

    async fn update(
        &self,
        id: &SessionId,
        version: Version,
        record: &Record,
    ) -> Result<Updated, StoreError> {
        let [lifetime, document, owner] = self.columns(record)?;
        let version = Value::from(format!("{:032x}", version.0));
        let outcome = if record.lifetime.is_zero() {
            self.run(&self.statements().end, &[key(id), version]).await?
        } else {
            let values = [lifetime, document, owner, key(id), version];
            self.run(&self.statements().update, &values).await?
        };
        if outcome.matched > 0 {
            return Ok(Updated::Done(version_of(&record.document)));
        }
        Ok(self.load(id).await?.map_or(Updated::Gone, Updated::Conflict))
    }

    async fn touch(&self, id: &SessionId, lifetime: Duration) -> Result<bool, StoreError> {
        let outcome = if lifetime.is_zero() {
            self.run(&self.statements().end_any, &[key(id)]).await?
        } else {
            self.run(&self.statements().touch, &[microseconds(lifetime), key(id)]).await?
        };
        Ok(outcome.matched > 0)
    }

    /// MySQL's `DELETE` does not tell what it has deleted. So it is read first and deleted if it is still
    /// that; if not, from the beginning.
    async fn delete(&self, id: &SessionId) -> Result<Option<Arc<[u8]>>, StoreError> {
        let begin = Instant::now();
        while let Some(stored) = self.load(id).await? {
            let values = [key(id), Value::from(format!("{:032x}", stored.version.0))];
            let end = Order::new(&self.statements().end, &values).since(begin);
            if self.run_order(end).await?.matched > 0 {
                return Ok(Some(stored.document));
            }
            let advice = "others kept changing the session for longer than the lock timeout";
            self.again(begin, StoreErrorKind::Unavailable, advice).await?;
        }
        Ok(None)
    }

    fn index(&self) -> Option<&dyn SessionIndex> {
        Some(self)
    }

    fn scan(&self) -> Option<&dyn SessionScan> {
        Some(self)
    }
}

impl fmt::Debug for MySqlStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("MySqlStore")
            .field("server", &self.0.connections.server)
            .field("table", &self.0.layout.table)
            .finish_non_exhaustive()
    }
}
