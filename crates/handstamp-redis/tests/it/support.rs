use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use handstamp::store::{Created, Record, StoreError, StoreErrorKind, Stored, Version};
use handstamp::{SessionId, SessionStore};
use handstamp_redis::{RedisOptions, RedisStore};

/// A prefix that no other test of this process has, and that is the beginning of no other one.
pub(crate) fn prefix() -> String {
    static NEXT: AtomicUsize = AtomicUsize::new(0);
    format!("test-{}:", NEXT.fetch_add(1, Ordering::Relaxed))
}

/// Settings for a test of its own on a shared server.
pub(crate) fn options() -> RedisOptions {
    RedisOptions::new().prefix(prefix())
}

pub(crate) fn id(text: &str) -> SessionId {
    SessionId::parse(text).unwrap()
}

pub(crate) fn record(document: impl AsRef<[u8]>) -> Record {
    let document = Arc::from(document.as_ref());
    Record { document, lifetime: Duration::from_secs(3600), owner: None }
}

pub(crate) fn owned(document: impl AsRef<[u8]>, owner: &str) -> Record {
    Record { owner: Some(owner.into()), ..record(document) }
}

pub(crate) async fn put(store: &RedisStore, id: &SessionId, record: &Record) -> Version {
    match store.create(id, record).await.unwrap() {
        Created::Done(version) => version,
        Created::Duplicate => panic!("the id is free"),
    }
}

pub(crate) async fn living(store: &RedisStore, id: &SessionId) -> Stored {
    store.load(id).await.unwrap().expect("the session lives")
}

/// Asserts that a call fails in this way, and gives all that the error says.
#[track_caller]
pub(crate) fn failed<T>(outcome: Result<T, StoreError>, kind: StoreErrorKind) -> String {
    let Err(error) = outcome else { panic!("it should have failed as {kind:?}") };
    let text = format!("{error}: {error:?}");
    assert_eq!(error.kind(), kind, "{text}");
    text
}
