//! Our own targets.

use std::error::Error;
use std::path::Path;

use axum::Router;
use axum::extract::Path as UrlPath;
use axum::routing::get;
use handstamp::store::AnyStore;
use handstamp::{Keys, MemoryStore, SessionManager};
use handstamp_mysql::MySqlOptions;
use handstamp_postgres::PostgresOptions;
use handstamp_redis::{NearCache, RedisOptions, RedisStore};
use handstamp_sqlite::{SqliteOptions, Synchronous};
use handstamp_tower::{Session, SessionError, SessionLayer};
use kit::{COUNT, FILL, IDLE, PAUSE, READ, SLOW, WRITE};

use crate::database::Kind;

/// The secret of all benchmarks.
pub(crate) const SECRET: &str = "q7Jc0vX2m9LrT4bWz1Ns8KpYd5Hf3GaE";

/// The router of one of our targets, which keeps its sessions in a folder or on a server.
pub(crate) async fn build(target: &str, place: &str) -> Result<Router, Box<dyn Error>> {
    let sqlite = |synchronous| {
        SqliteOptions::new().synchronous(synchronous).open(Path::new(place).join("sessions.db"))
    };
    match target {
        "memory" => router(MemoryStore::new()),
        "mysql" => router(store(Kind::MySql, place).await?),
        "postgres" => router(store(Kind::Postgres, place).await?),
        "redis" => router(store(Kind::Redis, place).await?),
        "redis-near" => router(near(place).await?),
        "sqlite-full" => router(sqlite(Synchronous::Full)?),
        "sqlite-normal" => router(sqlite(Synchronous::Normal)?),
        _ => Err(kit::unknown(target)),
    }
}

/// Our store on a database, with the settings that nobody has changed.
pub(crate) async fn store(kind: Kind, url: &str) -> Result<AnyStore, Box<dyn Error>> {
    Ok(match kind {
        Kind::MySql => MySqlOptions::new().create_table_if_missing(true).connect(url).await?.into(),
        Kind::Postgres => {
            PostgresOptions::new().create_table_if_missing(true).connect(url).await?.into()
        }
        Kind::Redis => RedisStore::connect(url).await?.into(),
    })
}

/// With a prefix of its own, so that nobody else's changes are told to its cache.
pub(crate) async fn near(url: &str) -> Result<RedisStore, Box<dyn Error>> {
    Ok(RedisOptions::new().prefix("near:").near_cache(NearCache::new()).connect(url).await?)
}

/// The routes over this store.
pub(crate) fn router(store: impl Into<AnyStore>) -> Result<Router, Box<dyn Error>> {
    let sessions = SessionManager::new(store, Keys::new(SECRET)?);
    Ok(Router::new()
        .route(IDLE, get(kit::answer))
        .route(FILL, get(fill))
        .route(READ, get(read))
        .route(WRITE, get(write))
        .route(SLOW, get(slow))
        .layer(SessionLayer::new(sessions)))
}

async fn fill(session: Session, UrlPath(bytes): UrlPath<usize>) -> Result<String, SessionError> {
    for (name, value) in kit::document(bytes) {
        session.insert(&*name, value)?;
    }
    Ok(String::new())
}

async fn read(session: Session) -> Result<String, SessionError> {
    let count: u64 = session.get(COUNT)?.unwrap_or(0);
    Ok(count.to_string())
}

async fn write(session: Session) -> Result<String, SessionError> {
    let count: u64 = session.update(COUNT, |count| count.unwrap_or(0) + 1)?;
    Ok(count.to_string())
}

async fn slow(session: Session) -> Result<String, SessionError> {
    tokio::time::sleep(PAUSE).await;
    write(session).await
}
