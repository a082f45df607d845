//! handstamp-sqlite.
