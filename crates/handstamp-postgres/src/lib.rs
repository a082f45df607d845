//! The PostgreSQL store of handstamp.

mod background;
mod changes;
mod connection;
mod cursor;
mod error;
mod jitter;
mod lanes;
mod names;
mod options;
mod reaper;
mod rows;
mod schema;
mod server;
mod statements;
mod store;
mod target;
mod tls;
mod url;

pub use names::Columns;
pub use options::PostgresOptions;
pub use store::PostgresStore;
