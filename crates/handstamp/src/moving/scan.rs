//! All sessions, in both stores.

use super::MovingStore;
use super::passage::Found;
use crate::store::{AnyStore, BoxFuture, Cursor, Page, SessionScan, StoreError, StoreErrorKind};

/// How a cursor begins: the walk is in the old store, in the new one, or at the new one's beginning.
const IN_FROM: &str = "from:";
const IN_TO: &str = "to:";
const AT_TO: &str = "to";

/// Where a walk goes on.
enum Place {
    From(Option<Cursor>),
    To(Option<Cursor>),
}

impl Place {
    fn read(cursor: Option<&Cursor>) -> Result<Self, StoreError> {
        let Some(Cursor(text)) = cursor else { return Ok(Self::From(None)) };
        if text == AT_TO {
            return Ok(Self::To(None));
        }
        let inner = |cursor: &str| Some(Cursor(cursor.to_owned()));
        let in_from = text.strip_prefix(IN_FROM).map(|cursor| Self::From(inner(cursor)));
        in_from
            .or_else(|| text.strip_prefix(IN_TO).map(|cursor| Self::To(inner(cursor))))
            .ok_or_else(|| {
                let cause = "the cursor is not one of a moving store's; a walk begins without one";
                StoreError::new(StoreErrorKind::Refused, cause)
            })
    }
}

impl SessionScan for MovingStore {
    /// First the old store, where what is found is moved, then the new one, where it is met. So it is met
    /// once. What stays, because this one waits, is met where it is.
    fn page<'a>(
        &'a self,
        from: Option<&'a Cursor>,
        most: usize,
    ) -> BoxFuture<'a, Result<Page, StoreError>> {
        Box::pin(async move {
            match Place::read(from)? {
                Place::From(cursor) => self.move_page(cursor.as_ref(), most).await,
                Place::To(cursor) => self.page_of_moved(cursor.as_ref(), most).await,
            }
        })
    }

    /// A session that is on its way at this moment counts twice.
    fn total<'a>(&'a self) -> BoxFuture<'a, Result<usize, StoreError>> {
        Box::pin(async {
            Ok(scan_of(&self.from)?.total().await? + scan_of(&self.to)?.total().await?)
        })
    }

    /// As [`total`](Self::total); and in the order of [`revoke`](crate::store::SessionIndex::revoke), for the
    /// same reasons.
    fn clear<'a>(&'a self) -> BoxFuture<'a, Result<usize, StoreError>> {
        Box::pin(async {
            let (from, to) = (scan_of(&self.from)?, scan_of(&self.to)?);
            let mut ended = 0;
            for store in [from, to, from] {
                ended += store.clear().await?;
            }
            Ok(ended)
        })
    }
}

impl MovingStore {
    async fn move_page(&self, from: Option<&Cursor>, most: usize) -> Result<Page, StoreError> {
        let page = scan_of(&self.from)?.page(from, most).await?;
        let mut stay = Vec::new();
        for (id, _) in page.sessions {
            if let Some(found @ Found::From(_)) = self.find(&id).await? {
                stay.push((id, found.into_stored()));
            }
        }
        let next =
            page.next.map_or_else(|| AT_TO.to_owned(), |next| format!("{IN_FROM}{}", next.0));
        Ok(Page { sessions: stay, next: Some(Cursor(next)) })
    }

    async fn page_of_moved(&self, from: Option<&Cursor>, most: usize) -> Result<Page, StoreError> {
        let page = scan_of(&self.to)?.page(from, most).await?;
        let sessions = self.arrived(page.sessions).await?;
        let next = page.next.map(|next| Cursor(format!("{IN_TO}{}", next.0)));
        Ok(Page { sessions, next })
    }
}

/// Asked of a store that has one, or the moving store would show none.
pub(super) fn scan_of(store: &AnyStore) -> Result<&dyn SessionScan, StoreError> {
    store.scan().ok_or_else(|| {
        let cause = "this session store can't be walked through: it has no scan";
        StoreError::new(StoreErrorKind::Refused, cause)
    })
}
