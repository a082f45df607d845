//! The peers as targets of the benchmarks, each used as its documentation shows.

mod axum_session_memory;
mod tower_sessions_memory;
mod tower_sessions_stores;

use std::error::Error;

use axum::Router;
use sqlx::sqlite::SqliteSynchronous;

fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<_> = std::env::args().skip(1).collect();
    kit::run(&arguments, build)
}

async fn build(target: &str, place: &str) -> Result<Router, Box<dyn Error>> {
    match target {
        "axum_session-memory" => axum_session_memory::router().await,
        "tower-sessions-memory" => Ok(tower_sessions_memory::router()),
        "tower-sessions-mysql" => tower_sessions_stores::mysql(place).await,
        "tower-sessions-postgres" => tower_sessions_stores::postgres(place).await,
        "tower-sessions-redis" => tower_sessions_stores::redis(place).await,
        "tower-sessions-sqlite-full" => {
            tower_sessions_stores::sqlite(place, SqliteSynchronous::Full).await
        }
        "tower-sessions-sqlite-normal" => {
            tower_sessions_stores::sqlite(place, SqliteSynchronous::Normal).await
        }
        _ => Err(kit::unknown(target)),
    }
}
