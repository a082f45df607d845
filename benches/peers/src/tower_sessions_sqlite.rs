//! tower-sessions 0.14 with tower-sessions-sqlx-store 0.15 on SQLite. Its cookie is not signed.

use std::error::Error;

use axum::Router;
use axum::extract::Path;
use axum::routing::get;
use kit::{COUNT, FILL, Failure, IDLE, PAUSE, READ, SLOW, WRITE};
use sqlx::SqlitePool;
use sqlx::sqlite::{SqliteConnectOptions, SqliteJournalMode, SqliteSynchronous};
use tower_sessions_for_sqlx::{Session, SessionManagerLayer};
use tower_sessions_sqlx_store::SqliteStore;

/// With sqlx's own pool of 10 connections and its busy timeout of 5 s.
pub(crate) async fn router(
    folder: &std::path::Path,
    synchronous: SqliteSynchronous,
) -> Result<Router, Box<dyn Error>> {
    let options = SqliteConnectOptions::new()
        .filename(folder.join("sessions.db"))
        .create_if_missing(true)
        .journal_mode(SqliteJournalMode::Wal)
        .synchronous(synchronous);
    let store = SqliteStore::new(SqlitePool::connect_with(options).await?);
    store.migrate().await?;
    Ok(Router::new()
        .route(IDLE, get(kit::answer))
        .route(FILL, get(fill))
        .route(READ, get(read))
        .route(WRITE, get(write))
        .route(SLOW, get(slow))
        .layer(SessionManagerLayer::new(store)))
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
