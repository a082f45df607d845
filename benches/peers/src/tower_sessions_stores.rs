//! tower-sessions 0.14 with its published stores, each with the pool that its documentation shows. Its
//! cookie is not signed.

use std::error::Error;

use axum::Router;
use axum::extract::Path;
use axum::routing::get;
use kit::{COUNT, FILL, Failure, IDLE, PAUSE, READ, SLOW, WRITE};
use sqlx::sqlite::{SqliteConnectOptions, SqliteJournalMode, SqliteSynchronous};
use sqlx::{MySqlPool, PgPool, SqlitePool};
use tower_sessions_for_stores::{Session, SessionManagerLayer, SessionStore};
use tower_sessions_redis_store::RedisStore;
use tower_sessions_redis_store::fred::prelude::{ClientLike as _, Config, Pool};
use tower_sessions_sqlx_store::{MySqlStore, PostgresStore, SqliteStore};

/// tower-sessions-sqlx-store 0.15, with sqlx's own pool of 10 connections and its busy timeout of 5 s.
pub(crate) async fn sqlite(
    folder: &str,
    synchronous: SqliteSynchronous,
) -> Result<Router, Box<dyn Error>> {
    let options = SqliteConnectOptions::new()
        .filename(std::path::Path::new(folder).join("sessions.db"))
        .create_if_missing(true)
        .journal_mode(SqliteJournalMode::Wal)
        .synchronous(synchronous);
    let store = SqliteStore::new(SqlitePool::connect_with(options).await?);
    store.migrate().await?;
    Ok(router(store))
}

/// tower-sessions-redis-store 0.16, with its README's pool of 6 connections.
pub(crate) async fn redis(url: &str) -> Result<Router, Box<dyn Error>> {
    let pool = Pool::new(Config::from_url(url)?, None, None, None, 6)?;
    // The connections live in a task that ends with the process.
    drop(pool.connect());
    pool.wait_for_connect().await?;
    Ok(router(RedisStore::new(pool)))
}

/// tower-sessions-sqlx-store 0.15, with sqlx's own pool of 10 connections.
pub(crate) async fn postgres(url: &str) -> Result<Router, Box<dyn Error>> {
    let store = PostgresStore::new(PgPool::connect(url).await?);
    store.migrate().await?;
    Ok(router(store))
}

/// tower-sessions-sqlx-store 0.15, with sqlx's own pool of 10 connections.
pub(crate) async fn mysql(url: &str) -> Result<Router, Box<dyn Error>> {
    let store = MySqlStore::new(MySqlPool::connect(url).await?);
    store.migrate().await?;
    Ok(router(store))
}

fn router(store: impl SessionStore + Clone) -> Router {
    Router::new()
        .route(IDLE, get(kit::answer))
        .route(FILL, get(fill))
        .route(READ, get(read))
        .route(WRITE, get(write))
        .route(SLOW, get(slow))
        .layer(SessionManagerLayer::new(store))
}

async fn fill(session: Session, Path(bytes): Path<usize>) -> Result<String, Failure> {
    for (name, value) in kit::document(bytes) {
        session.insert_value(&name, value).await?;
    }
    Ok(String::new())
}

async fn read(session: Session) -> Result<String, Failure> {
    let count: u64 = session.get(COUNT).await?.unwrap_or(0);
    Ok(count.to_string())
}

async fn write(session: Session) -> Result<String, Failure> {
    let count = session.get(COUNT).await?.unwrap_or(0_u64) + 1;
    session.insert(COUNT, count).await?;
    Ok(count.to_string())
}

async fn slow(session: Session) -> Result<String, Failure> {
    let count = session.get(COUNT).await?.unwrap_or(0_u64) + 1;
    tokio::time::sleep(PAUSE).await;
    session.insert(COUNT, count).await?;
    Ok(count.to_string())
}
