//! What went wrong in a store.

use std::error::Error;
use std::fmt;

/// A store could not do what it was asked. Keeps its source.
#[derive(Debug)]
pub struct StoreError {
    kind: StoreErrorKind,
    source: Box<dyn Error + Send + Sync>,
}

/// Why a store failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum StoreErrorKind {
    /// What the store holds can't be read: a damaged file, a value of the wrong kind.
    Corrupt,
    /// The store answered and said no: read-only, out of space, no permission, a cursor that is none.
    Refused,
    /// The store did not answer in time. A write may have happened or not.
    Timeout,
    /// The document is larger than the store takes.
    TooLarge,
    /// The store can't be reached.
    Unavailable,
}

impl StoreError {
    /// An error of this kind, with what caused it.
    pub fn new(kind: StoreErrorKind, source: impl Into<Box<dyn Error + Send + Sync>>) -> Self {
        Self { kind, source: source.into() }
    }

    /// Why the store failed.
    #[must_use]
    pub fn kind(&self) -> StoreErrorKind {
        self.kind
    }
}

impl fmt::Display for StoreError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self.kind {
            StoreErrorKind::Corrupt => "the session store holds something that can't be read",
            StoreErrorKind::Refused => "the session store refused the operation",
            StoreErrorKind::Timeout => "the session store did not answer in time",
            StoreErrorKind::TooLarge => "the session is too large for the session store",
            StoreErrorKind::Unavailable => "the session store can't be reached",
        })
    }
}

impl Error for StoreError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        Some(&*self.source)
    }
}
