//! An owner's sessions, in both stores.

use super::MovingStore;
use crate::SessionId;
use crate::store::{AnyStore, BoxFuture, SessionIndex, StoreError, StoreErrorKind, Stored};

impl SessionIndex for MovingStore {
    /// Moves what it finds.
    fn list<'a>(
        &'a self,
        owner: &'a str,
    ) -> BoxFuture<'a, Result<Vec<(SessionId, Stored)>, StoreError>> {
        Box::pin(self.list_both(owner))
    }

    /// Moves what it counts, so that nothing counts twice.
    fn count<'a>(&'a self, owner: &'a str) -> BoxFuture<'a, Result<usize, StoreError>> {
        Box::pin(async { Ok(self.list_both(owner).await?.len()) })
    }

    /// If it fails between the stores, some are ended and the others are whole. A session that is on its
    /// way at this moment may count twice.
    fn revoke<'a>(
        &'a self,
        owner: &'a str,
        except: Option<&'a SessionId>,
    ) -> BoxFuture<'a, Result<usize, StoreError>> {
        Box::pin(self.revoke_both(owner, except))
    }
}

impl MovingStore {
    async fn list_both(&self, owner: &str) -> Result<Vec<(SessionId, Stored)>, StoreError> {
        for (id, _) in index_of(&self.from)?.list(owner).await? {
            self.settle(&id).await?;
        }
        // Now all of them are there, but for what others have on its way.
        let listed = index_of(&self.to)?.list(owner).await?;
        self.arrived(listed).await
    }

    /// What is on its way is claimed in the old store or has arrived in the new one, and where it waits in
    /// a slot, the slot is the owner's, too. So nothing gets past who comes in this order.
    async fn revoke_both(
        &self,
        owner: &str,
        except: Option<&SessionId>,
    ) -> Result<usize, StoreError> {
        let not_moved = index_of(&self.from)?.revoke(owner, except).await?;
        let moved = index_of(&self.to)?.revoke(owner, except).await?;
        Ok(not_moved + moved)
    }
}

/// Asked of a store that has one, or the moving store would show none.
fn index_of(store: &AnyStore) -> Result<&dyn SessionIndex, StoreError> {
    store.index().ok_or_else(|| {
        let cause = "this session store can't find sessions by owner: it has no index";
        StoreError::new(StoreErrorKind::Refused, cause)
    })
}
