//! handstamp-tower.
