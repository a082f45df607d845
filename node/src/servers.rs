//! Stores in servers, and how they are opened: at once, while the connection is still being made.

use handstamp::store::{AnyStore, ConnectionEvent};
use handstamp_mysql::{Columns, MySqlOptions};
use handstamp_postgres::PostgresOptions;
use handstamp_redis::{NearCache, RedisOptions};
use napi::Status;
use napi::bindgen_prelude::within_runtime_if_available;
use napi::threadsafe_function::{ThreadsafeFunction, ThreadsafeFunctionCallMode};
use napi_derive::napi;

use crate::answer::at_once;
use crate::error::{Failure, Thrown};
use crate::options::{count, duration};
use crate::stores::{NativeHandle, Place};

/// What JavaScript wants to be told of the connection: why it was lost, or nothing: it was made. It keeps no
/// process alive.
type Tell = ThreadsafeFunction<Option<String>, (), Option<String>, Status, false, true>;

/// The interval of what is not done at all.
const NEVER: Option<f64> = Some(f64::INFINITY);

/// The settings of a store in Redis. Times are milliseconds.
#[derive(Debug)]
#[napi(object, object_to_js = false)]
pub struct RedisSettings {
    /// Where the server is.
    pub url: String,
    /// What every key begins with.
    pub prefix: Option<String>,
    /// The certificates that may vouch for the server.
    pub ca_file: Option<String>,
    /// The largest document that is written.
    pub max_document_bytes: Option<f64>,
    /// How many replicas logins and endings wait for.
    pub wait_replicas: Option<f64>,
    /// For how long at most.
    pub wait_timeout: Option<f64>,
    /// Whether what was read is kept in memory.
    pub near_cache: Option<bool>,
    /// How many sessions.
    pub near_sessions: Option<f64>,
    /// How many bytes of documents.
    pub near_bytes: Option<f64>,
    /// For how long at most.
    pub near_staleness: Option<f64>,
}

/// The settings of a store in PostgreSQL. Times are milliseconds.
#[derive(Debug)]
#[napi(object, object_to_js = false)]
pub struct PostgresSettings {
    /// Where the server is.
    pub url: String,
    /// The schema of the table.
    pub schema_name: Option<String>,
    /// The table.
    pub table_name: Option<String>,
    /// Whether it is made if it is not there.
    pub create_table_if_missing: Option<bool>,
    /// How often expired sessions are removed; infinity: never.
    pub reap_every: Option<f64>,
    /// How many connections there are.
    pub connections: Option<f64>,
    /// Whether PgBouncer is between.
    pub pgbouncer: Option<bool>,
    /// The certificates that may vouch for the server.
    pub ca_file: Option<String>,
    /// The largest document that is written.
    pub max_document_bytes: Option<f64>,
}

/// The settings of a store in MySQL. Times are milliseconds.
#[derive(Debug)]
#[napi(object, object_to_js = false)]
pub struct MySqlSettings {
    /// Where the server is.
    pub url: String,
    /// Whether the table is made if it is not there.
    pub create_table: Option<bool>,
    /// How often expired sessions are removed; infinity: never.
    pub reap_every: Option<f64>,
    /// How many connections there are at most.
    pub connections: Option<f64>,
    /// The table.
    pub table_name: Option<String>,
    /// The column of ids.
    pub id_column: Option<String>,
    /// The column of moments.
    pub expires_column: Option<String>,
    /// The column of documents.
    pub data_column: Option<String>,
    /// The certificates that may vouch for the server.
    pub ca_file: Option<String>,
    /// The largest document that is written.
    pub max_document_bytes: Option<f64>,
}

/// Opens a store in Redis or Valkey.
///
/// # Errors
/// A setting is wrong. That the server can't be reached is told later.
#[napi]
pub fn open_redis(settings: RedisSettings, tell: Tell) -> Result<NativeHandle, Thrown> {
    let is_near = settings.near_cache.unwrap_or_default();
    open(if is_near { Place::ServerAndMemory } else { Place::Server }, || {
        let options = RedisOptions::try_from(&settings)?.on_connection(telling(tell));
        Ok(options.connect_lazily(&settings.url)?)
    })
}

/// Opens a store in PostgreSQL.
///
/// # Errors
/// As [`open_redis`].
#[napi]
pub fn open_postgres(settings: PostgresSettings, tell: Tell) -> Result<NativeHandle, Thrown> {
    open(Place::Server, || {
        let options = PostgresOptions::try_from(&settings)?.on_connection(telling(tell));
        Ok(options.connect_lazily(&settings.url)?)
    })
}

/// Opens a store in MySQL or MariaDB.
///
/// # Errors
/// As [`open_redis`].
#[napi]
pub fn open_mysql(settings: MySqlSettings, tell: Tell) -> Result<NativeHandle, Thrown> {
    open(Place::Server, || {
        let options = MySqlOptions::try_from(&settings)?.on_connection(telling(tell));
        Ok(options.connect_lazily(&settings.url)?)
    })
}

/// A store's connections live on the runtime's threads, so it is opened there.
fn open<S: Into<AnyStore>>(
    place: Place,
    store: impl FnOnce() -> Result<S, Failure>,
) -> Result<NativeHandle, Thrown> {
    at_once(|| within_runtime_if_available(store).map(|store| NativeHandle::new(store, place)))
}

fn telling(tell: Tell) -> impl Fn(ConnectionEvent) + Send + Sync + 'static {
    move |event| {
        let reason = match event {
            ConnectionEvent::Made => None,
            ConnectionEvent::Lost(reason) => Some(reason),
        };
        // When Node is shutting down, there is nobody any more to be told.
        tell.call(reason, ThreadsafeFunctionCallMode::NonBlocking);
    }
}

impl TryFrom<&RedisSettings> for RedisOptions {
    type Error = Failure;

    fn try_from(settings: &RedisSettings) -> Result<Self, Failure> {
        let mut options = Self::new();
        if let Some(prefix) = &settings.prefix {
            options = options.prefix(prefix);
        }
        if let Some(file) = &settings.ca_file {
            options = options.ca_file(file);
        }
        if let Some(bytes) = count("maxDocumentBytes", settings.max_document_bytes)? {
            options = options.max_document_bytes(bytes);
        }
        let replicas = count("wait.replicas", settings.wait_replicas)?;
        let timeout = duration("wait.timeout", settings.wait_timeout)?;
        if let (Some(replicas), Some(timeout)) = (replicas, timeout) {
            options = options.wait(replicas, timeout);
        }
        if settings.near_cache.unwrap_or_default() {
            options = options.near_cache(near_cache(settings)?);
        }
        Ok(options)
    }
}

fn near_cache(settings: &RedisSettings) -> Result<NearCache, Failure> {
    let mut cache = NearCache::new();
    if let Some(sessions) = count("nearCache.sessions", settings.near_sessions)? {
        cache = cache.sessions(sessions);
    }
    if let Some(bytes) = count("nearCache.bytes", settings.near_bytes)? {
        cache = cache.bytes(bytes);
    }
    if let Some(staleness) = duration("nearCache.staleness", settings.near_staleness)? {
        cache = cache.staleness(staleness);
    }
    Ok(cache)
}

impl TryFrom<&PostgresSettings> for PostgresOptions {
    type Error = Failure;

    fn try_from(settings: &PostgresSettings) -> Result<Self, Failure> {
        let mut options = Self::new()
            .create_table_if_missing(settings.create_table_if_missing.unwrap_or_default())
            .pgbouncer(settings.pgbouncer.unwrap_or_default());
        if let Some(name) = &settings.schema_name {
            options = options.schema_name(name);
        }
        if let Some(name) = &settings.table_name {
            options = options.table_name(name);
        }
        if settings.reap_every == NEVER {
            options = options.without_reaping();
        } else if let Some(interval) = duration("pruneSessionInterval", settings.reap_every)? {
            options = options.reap_every(interval);
        }
        if let Some(connections) = count("connections", settings.connections)? {
            options = options.connections(connections);
        }
        if let Some(file) = &settings.ca_file {
            options = options.ca_file(file);
        }
        if let Some(bytes) = count("maxDocumentBytes", settings.max_document_bytes)? {
            options = options.max_document_bytes(bytes);
        }
        Ok(options)
    }
}

impl TryFrom<&MySqlSettings> for MySqlOptions {
    type Error = Failure;

    fn try_from(settings: &MySqlSettings) -> Result<Self, Failure> {
        let mut options = Self::new()
            .create_table_if_missing(settings.create_table.unwrap_or_default())
            .columns(columns(settings));
        if let Some(name) = &settings.table_name {
            options = options.table_name(name);
        }
        if settings.reap_every == NEVER {
            options = options.without_reaping();
        } else if let Some(interval) = duration("checkExpirationInterval", settings.reap_every)? {
            options = options.reap_every(interval);
        }
        if let Some(connections) = count("connectionLimit", settings.connections)? {
            options = options.connections(connections);
        }
        if let Some(file) = &settings.ca_file {
            options = options.ca_file(file);
        }
        if let Some(bytes) = count("maxDocumentBytes", settings.max_document_bytes)? {
            options = options.max_document_bytes(bytes);
        }
        Ok(options)
    }
}

fn columns(settings: &MySqlSettings) -> Columns {
    let usual = Columns::default();
    Columns {
        session_id: settings.id_column.clone().unwrap_or(usual.session_id),
        expires: settings.expires_column.clone().unwrap_or(usual.expires),
        data: settings.data_column.clone().unwrap_or(usual.data),
        ..usual
    }
}
