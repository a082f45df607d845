//! handstamp-testing.
