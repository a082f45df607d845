//! What changes in either store.

use std::future::poll_fn;
use std::task::Poll;

use super::MovingStore;
use crate::store::{BoxFuture, Change, ChangeFeed, SessionChanges, StoreError, StoreErrorKind};

impl SessionChanges for MovingStore {
    fn watch<'a>(&'a self) -> BoxFuture<'a, Result<Box<dyn ChangeFeed>, StoreError>> {
        Box::pin(async {
            let (Some(from), Some(to)) = (self.from.changes(), self.to.changes()) else {
                let cause = "one of the two stores does not tell of changes";
                return Err(StoreError::new(StoreErrorKind::Refused, cause));
            };
            let feed = BothFeeds { from: from.watch().await?, to: to.watch().await? };
            Ok(Box::new(feed) as Box<dyn ChangeFeed>)
        })
    }
}

/// The feeds of both stores. A session that moves is told without need, as a feed may.
#[derive(Debug)]
struct BothFeeds {
    from: Box<dyn ChangeFeed>,
    to: Box<dyn ChangeFeed>,
}

impl ChangeFeed for BothFeeds {
    fn next<'a>(&'a mut self) -> BoxFuture<'a, Option<Change>> {
        let (mut from, mut to) = (self.from.next(), self.to.next());
        // The one that is not ready is dropped, which loses nothing.
        Box::pin(poll_fn(move |context| match from.as_mut().poll(context) {
            Poll::Ready(change) => Poll::Ready(change),
            Poll::Pending => to.as_mut().poll(context),
        }))
    }
}
