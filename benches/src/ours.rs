//! Our own targets.

use std::error::Error;
use std::path::Path;

use axum::Router;
use axum::extract::Path as UrlPath;

use axum::routing::get;
use handstamp::{Keys, MemoryStore, SessionManager, SessionStore};
use handstamp_sqlite::{SqliteOptions, Synchronous};
use handstamp_tower::{Session, SessionError, SessionLayer};
use kit::{COUNT, FILL, IDLE, PAUSE, READ, SLOW, WRITE};

/// The secret of all benchmarks.
pub(crate) const SECRET: &str = "q7Jc0vX2m9LrT4bWz1Ns8KpYd5Hf3GaE";

/// The router of one of our targets.
pub(crate) fn build(target: &str, folder: &Path) -> Result<Router, Box<dyn Error>> {
    let sqlite = |synchronous| {
        SqliteOptions::new().synchronous(synchronous).open(folder.join("sessions.db"))
    };
    match target {
        "memory" => router(MemoryStore::new()),
        "sqlite-full" => router(sqlite(Synchronous::Full)?),
        "sqlite-normal" => router(sqlite(Synchronous::Normal)?),
        _ => Err(kit::unknown(target)),
    }
}

/// The routes over this store.
pub(crate) fn router(store: impl SessionStore) -> Result<Router, Box<dyn Error>> {
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
