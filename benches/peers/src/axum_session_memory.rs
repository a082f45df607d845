//! axum_session 0.22 in memory, configured as its README shows. Without a key, which is its default,
//! its cookie is not signed.

use std::error::Error;

use axum::Router;
use axum::extract::Path;
use axum::routing::get;
use axum_session::{
    SessionConfig, SessionLayer, SessionNullPool, SessionNullSession, SessionStore,
};
use kit::{COUNT, FILL, IDLE, PAUSE, READ, SLOW, WRITE};

type Session = SessionNullSession;

pub(crate) async fn router() -> Result<Router, Box<dyn Error>> {
    let store = SessionStore::<SessionNullPool>::new(None, SessionConfig::default()).await?;
    Ok(Router::new()
        .route(IDLE, get(kit::answer))
        .route(FILL, get(fill))
        .route(READ, get(read))
        .route(WRITE, get(write))
        .route(SLOW, get(slow))
        .layer(SessionLayer::new(store)))
}

async fn fill(session: Session, Path(bytes): Path<usize>) -> String {
    for (name, value) in kit::document(bytes) {
        session.set(&name, value);
    }
    String::new()
}

async fn read(session: Session) -> String {
    session.get(COUNT).unwrap_or(0_u64).to_string()
}

async fn write(session: Session) -> String {
    let count = session.get(COUNT).unwrap_or(0_u64) + 1;
    session.set(COUNT, count);
    count.to_string()
}

async fn slow(session: Session) -> String {
    let count = session.get(COUNT).unwrap_or(0_u64) + 1;
    tokio::time::sleep(PAUSE).await;
    session.set(COUNT, count);
    count.to_string()
}
