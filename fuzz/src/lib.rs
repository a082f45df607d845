//! What the fuzz targets share: a manager over a memory store, and requests to it.

use std::future::Future;
use std::pin::pin;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use handstamp::store::Record;
use handstamp::{Keys, MemoryStore, Session, SessionConfig, SessionId, SessionManager, SessionStore, Transport};

/// The credential of [`stored`]'s session: `apple`, signed with `keyboard cat`.
pub const CREDENTIAL: &str = "s:apple.D8Y+pkTAmeR0PobOhY4G97PRW+j7bUnP/5m6/On1MCU";

/// A manager that reads every transport, over an empty store.
pub fn manager() -> (SessionManager, MemoryStore) {
    let store = MemoryStore::new();
    let transports = [Transport::cookie(), Transport::bearer(), Transport::header("x-auth-token")];
    let config = SessionConfig::express().with_transports(transports);
    let sessions = SessionManager::new(store.clone(), Keys::express(["keyboard cat"])).with_config(config);
    (sessions.expect("the configuration is a good one"), store)
}

/// Loads the session of a request with this header.
pub fn load(sessions: &SessionManager, header: &str, value: &[u8]) -> Session {
    let values = |name: &str| (name == header).then_some(value).into_iter();
    now(sessions.load(values)).expect("a memory store does not fail")
}

/// Puts a document into the store, under the id of [`CREDENTIAL`].
pub fn put(store: &MemoryStore, document: &[u8]) {
    let record = Record { document: Arc::from(document), lifetime: Duration::from_secs(60), owner: None };
    let id = SessionId::parse("apple").expect("it is a good id");
    now(store.create(&id, &record)).expect("a memory store does not fail");
}

/// Runs a future that never waits, as those of a memory store don't.
pub fn now<T>(future: impl Future<Output = T>) -> T {
    match pin!(future).poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(value) => value,
        Poll::Pending => panic!("a memory store does not wait"),
    }
}
