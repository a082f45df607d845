//! tower-sessions 0.15 with its `MemoryStore`. Its cookie is not signed.

use axum::Router;
use axum::extract::Path;
use axum::routing::get;
use kit::{COUNT, FILL, Failure, IDLE, PAUSE, READ, SLOW, WRITE};
use tower_sessions::{MemoryStore, Session, SessionManagerLayer};

pub(crate) fn router() -> Router {
    Router::new()
        .route(IDLE, get(kit::answer))
        .route(FILL, get(fill))
        .route(READ, get(read))
        .route(WRITE, get(write))
        .route(SLOW, get(slow))
        .layer(SessionManagerLayer::new(MemoryStore::default()))
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
