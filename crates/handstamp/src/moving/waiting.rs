//! Leaving sessions where they are until others have begun to move them.
//!
//! A session that stays is answered with a version of the old store. It is marked as one, so that it is
//! never taken for one of the new store, whatever the versions of the two look like.

use std::sync::atomic::Ordering;

use super::MovingStore;
use super::mark::is_mark;
use super::passage::nothing;
use crate::SessionId;
use crate::store::{Record, StoreError, Stored, Updated, Version};

/// Random, so that it makes no version of one store into one that the other has.
const FROM: u128 = 0x9e1c_83f5_06d7_4ba2_b1e4_2f7a_c85d_3069;

pub(super) fn tag(Version(version): Version) -> Version {
    Version(version ^ FROM)
}

/// A session of the old store, as it is answered.
pub(super) fn tagged(stored: Stored) -> Stored {
    Stored { version: tag(stored.version), ..stored }
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

    /// Updates a session that stays. `None`: there is none, or others are moving it.
    pub(super) async fn update_staying(
        &self,
        id: &SessionId,
        version: Version,
        record: &Record,
    ) -> Result<Option<Updated>, StoreError> {
        if !self.is_waiting() {
            return Ok(None);
        }
        // The same mark twice is none.
        Ok(match self.from.update(id, tag(version), record).await? {
            Updated::Conflict(stored) if is_mark(&stored.document) => None,
            Updated::Conflict(stored) => Some(Updated::Conflict(tagged(stored))),
            Updated::Done(version) => Some(Updated::Done(tag(version))),
            Updated::Gone => None,
        })
    }

    /// Ends a session that stays, unless others were faster to write or to move it.
    pub(super) async fn end_staying(
        &self,
        id: &SessionId,
        version: Version,
    ) -> Result<bool, StoreError> {
        let ended = self.from.update(id, tag(version), &nothing()).await?;
        Ok(matches!(ended, Updated::Done(_)))
    }
}
