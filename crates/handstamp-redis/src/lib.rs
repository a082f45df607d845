//! The store of handstamp in Redis or Valkey: one server, Sentinel, Cluster.

mod connection;
mod error;
mod index;
mod layout;
mod lifetime;
mod options;
mod scan;
mod scripts;
mod store;
mod url;

pub use options::RedisOptions;
pub use store::RedisStore;
