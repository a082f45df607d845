//! The peers as targets of the benchmarks, each used as its documentation shows.

mod axum_session_memory;
mod tower_sessions_memory;
mod tower_sessions_sqlite;

use std::error::Error;
use std::path::Path;

use axum::Router;
use sqlx::sqlite::SqliteSynchronous;

fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<_> = std::env::args().skip(1).collect();
    kit::run(&arguments, build)
}

async fn build(target: &str, folder: &Path) -> Result<Router, Box<dyn Error>> {
    match target {
        "axum_session-memory" => axum_session_memory::router().await,
        "tower-sessions-memory" => Ok(tower_sessions_memory::router()),
        "tower-sessions-sqlite-full" => {
            tower_sessions_sqlite::router(folder, SqliteSynchronous::Full).await
        }
        "tower-sessions-sqlite-normal" => {
            tower_sessions_sqlite::router(folder, SqliteSynchronous::Normal).await
        }
        _ => Err(kit::unknown(target)),
    }
}
