//! An owner's sessions, in both stores.

use std::collections::HashSet;

use super::MovingStore;
use super::passage::Found;
use crate::SessionId;
use crate::store::{AnyStore, BoxFuture, SessionIndex, StoreError, StoreErrorKind, Stored};

impl SessionIndex for MovingStore {
    /// Moves what it finds, unless this one waits.
    fn list<'a>(
        &'a self,
        owner: &'a str,
    ) -> BoxFuture<'a, Result<Vec<(SessionId, Stored)>, StoreError>> {
        Box::pin(self.list_both(owner))
    }

    /// As [`list`](Self::list): only so nothing counts twice.
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
        let mut stay = Vec::new();
        for (id, _) in index_of(&self.from)?.list(owner).await? {
            if let Some(found @ Found::From(_)) = self.find(&id).await? {
                stay.push((id, found.into_stored()));
            }
        }
        // The others have moved, or are on their way.
        let listed = index_of(&self.to)?.list(owner).await?;
        let mut sessions = self.arrived(listed).await?;
        let moved: HashSet<SessionId> = sessions.iter().map(|(id, _)| *id).collect();
        sessions.extend(stay.into_iter().filter(|(id, _)| !moved.contains(id)));
        Ok(sessions)
    }

    /// What is on its way is claimed in the old store or has arrived in the new one, and where it waits in
    /// a slot, the slot is the owner's, too. So nothing gets past who comes in this order, but for one:
    /// while some processes wait, one of them may rotate a session that others have just moved, into the
    /// old store. So that one is asked again.
    async fn revoke_both(
        &self,
        owner: &str,
        except: Option<&SessionId>,
    ) -> Result<usize, StoreError> {
        let (from, to) = (index_of(&self.from)?, index_of(&self.to)?);
        let mut ended = 0;
        for store in [from, to, from] {
            ended += store.revoke(owner, except).await?;
        }
        Ok(ended)
    }
}

/// Asked of a store that has one, or the moving store would show none.
fn index_of(store: &AnyStore) -> Result<&dyn SessionIndex, StoreError> {
    store.index().ok_or_else(|| {
        let cause = "this session store can't find sessions by owner: it has no index";
        StoreError::new(StoreErrorKind::Refused, cause)
    })
}
