//! Leaving sessions where they are until others have begun to move them.
//!
//! A session that stays may move at any moment, by others, and nobody has written it then. So the version that
//! is answered for it is one that moves with it: a digest of the document. Whoever holds it goes on as if
//! nothing had happened. It is no version of either store, whatever those look like.

use std::sync::atomic::Ordering;

use sha2::{Digest, Sha256};

use super::MovingStore;
use crate::store::{Stored, Version};

/// The version of a session that may move.
pub(super) fn version_of(document: &[u8]) -> Version {
    let digest = Sha256::new().chain_update("handstamp moving\0").chain_update(document).finalize();
    let mut bytes = [0; 16];
    bytes.copy_from_slice(&digest[..16]);
    Version(u128::from_be_bytes(bytes))
}

/// A session of the old store, as it is answered.
pub(super) fn staying(stored: Stored) -> Stored {
    Stored { version: version_of(&stored.document), ..stored }
}

impl MovingStore {
    pub(super) fn is_waiting(&self) -> bool {
        self.waiting.load(Ordering::Relaxed)
    }

    /// The waiting is over. It is no harm if another thread waits a moment longer.
    pub(super) fn begin(&self) {
        if self.is_waiting() {
            self.waiting.store(false, Ordering::Relaxed);
        }
    }
}
