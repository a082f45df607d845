//! What all targets of the benchmarks have in common, so that they differ in their sessions only.
//!
//! A target is an axum router with the routes named here; `/bare` is added beside its layer, and
//! `/no-op` under a layer that does nothing. It can
//! be served on a loopback port, or driven without any socket, for an instruction counter.

mod document;
mod drive;
mod failure;
mod no_op;
mod serve;

use std::error::Error;
use std::fmt;

use axum::Router;
use axum::routing::get;
use tower_layer::layer_fn;

pub use document::document;
pub use drive::drive;
pub use failure::Failure;

/// A handler that never asks for its session.
pub const IDLE: &str = "/idle";
/// Begins a session that holds [`document()`] of so many bytes.
pub const FILL: &str = "/fill/{bytes}";
/// Answers with the session's [`COUNT`].
pub const READ: &str = "/read";
/// Adds one to [`COUNT`] and answers with it.
pub const WRITE: &str = "/write";
/// As [`WRITE`], but looks first and thinks for [`PAUSE`] before it writes.
pub const SLOW: &str = "/slow";

/// The key that is counted.
pub const COUNT: &str = "count";
/// How long a slow handler takes.
pub const PAUSE: std::time::Duration = std::time::Duration::from_millis(10);

/// Runs what the command line says: `serve TARGET PLACE`, or `drive TARGET PLACE CASE BYTES REQUESTS`.
/// `build` makes the router of a target, whose sessions are kept in that place: a folder, or the URL of a
/// server.
///
/// # Errors
/// The command line is not understood, the target can't be made, or it does not count rightly.
pub fn run(
    arguments: &[String],
    build: impl AsyncFnOnce(&str, &str) -> Result<Router, Box<dyn Error>>,
) -> Result<(), Box<dyn Error>> {
    let arguments: Vec<_> = arguments.iter().map(String::as_str).collect();
    match arguments[..] {
        ["serve", target, place] => {
            serve::serve(async || Ok(with_bare(build(target, place).await?)))
        }
        ["drive", target, place, case, bytes, requests] => {
            let (bytes, requests) = (bytes.parse()?, requests.parse()?);
            let router = async || Ok(with_bare(build(target, place).await?));
            drive(router, case, bytes, requests)
        }
        _ => Err("expected: serve TARGET PLACE | drive TARGET PLACE CASE BYTES REQUESTS".into()),
    }
}

/// What a browser sends back for these values of `Set-Cookie`. Some peers set more than one cookie.
pub fn cookie<'a>(set: impl IntoIterator<Item = &'a str>) -> String {
    let pairs: Vec<_> = set.into_iter().filter_map(|value| value.split(';').next()).collect();
    pairs.join("; ")
}

/// No target has this name.
pub fn unknown(target: impl fmt::Display) -> Box<dyn Error> {
    format!("there is no target {target}").into()
}

/// A handler that asks for nothing.
pub async fn answer() -> String {
    // As long as a count, and made as one: the difference to a read is the session.
    std::hint::black_box(1_u64).to_string()
}

fn with_bare(sessions: Router) -> Router {
    let no_op = Router::new().route("/no-op", get(answer)).layer(layer_fn(no_op::NoOp));
    Router::new().route("/bare", get(answer)).merge(no_op).merge(sessions)
}
