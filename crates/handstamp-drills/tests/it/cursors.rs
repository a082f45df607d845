//! Where a walk goes on is known to the kind of store that said so.

use std::time::Duration;

use handstamp::store::{AnyStore, Cursor, Record, StoreErrorKind};
use handstamp::{MemoryStore, SessionId};
use tempfile::tempdir;

use crate::places::Place;
use crate::store::open;

/// One of each kind. A Cluster's cursors are Redis's.
const PLACES: [Place; 4] = [Place::MariaDb, Place::Postgres, Place::Redis, Place::Sqlite];

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_cursor_of_another_kind_of_store_is_refused() {
    let folder = tempdir().unwrap();
    let mut stores = vec![("Memory".to_owned(), AnyStore::from(MemoryStore::new()))];
    for place in PLACES {
        let store = open(&place.url(folder.path()), "cursors").await;
        stores.push((format!("{place:?}"), store));
    }
    let mut cursors = Vec::new();
    for (kind, store) in &stores {
        cursors.push((kind, first_cursor(store).await));
    }
    for (kind, store) in &stores {
        for (of, cursor) in cursors.iter().filter(|(of, _)| of != &kind) {
            let page = store.scan().unwrap().page(Some(cursor), 1).await;
            let error = page.err().map(|error| error.kind());
            assert_eq!(error, Some(StoreErrorKind::Refused), "a cursor of {of} at {kind}");
        }
    }
}

/// Walks until there is a place to go on from: a page may be the last one.
async fn first_cursor(store: &AnyStore) -> Cursor {
    for _ in 0..20 {
        let document = b"{}".as_slice().into();
        let record = Record { document, lifetime: Duration::from_secs(60), owner: None };
        store.create(&SessionId::random().unwrap(), &record).await.unwrap();
    }
    store.scan().unwrap().page(None, 1).await.unwrap().next.unwrap()
}
