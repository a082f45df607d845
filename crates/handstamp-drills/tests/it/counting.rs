//! Increments of one session by many requests at once, here and in `examples/increments.rs`.

use std::future::Future;
use std::sync::Arc;

use handstamp::store::AnyStore;
use handstamp::{Keys, SessionManager};
use tokio::sync::Barrier;
use tokio::task::JoinSet;

use crate::browser::{load, save};

/// How many requests are under way at once in one process.
pub(crate) const REQUESTS: usize = 50;

/// What another process says when all its requests have looked the session up, and what it waits for then.
pub(crate) const READY: &str = "ready\n";
pub(crate) const GO: &str = "go\n";

/// The key that is incremented.
pub(crate) const COUNTER: &str = "counter";

/// The manager of every process: all have one secret.
pub(crate) fn manager(store: AnyStore) -> SessionManager {
    SessionManager::new(store, Keys::new("m3TqWv8ZkYb5RxUe9Jd2LsPf7Hc4NgAa").unwrap())
}

/// Begins a session whose counter is 0, and gives its cookie.
pub(crate) async fn begin(manager: &SessionManager) -> String {
    let session = load(manager, None).await.unwrap();
    session.insert(COUNTER, 0).unwrap();
    let mut cookie = String::new();
    save(manager, &session, &mut cookie).await;
    cookie
}

/// What the counter of a session is.
pub(crate) async fn count(manager: &SessionManager, cookie: &str) -> Option<usize> {
    load(manager, Some(cookie)).await.unwrap().get(COUNTER).unwrap()
}

/// Increments by [`REQUESTS`] requests at once for each of these managers. All look the session up before
/// one of them saves it, and between the two comes this.
pub(crate) async fn increment(
    managers: &[SessionManager],
    cookie: &str,
    between: impl Future<Output = ()>,
) {
    let barrier = Arc::new(Barrier::new(REQUESTS * managers.len() + 1));
    let mut requests = JoinSet::new();
    for manager in managers.iter().flat_map(|manager| [manager; REQUESTS]) {
        let (manager, cookie, barrier) = (manager.clone(), cookie.to_owned(), barrier.clone());
        requests.spawn(async move {
            let session = load(&manager, Some(&cookie)).await.unwrap();
            barrier.wait().await;
            session.update(COUNTER, |count: Option<usize>| count.unwrap() + 1).unwrap();
            barrier.wait().await;
            manager.commit(&session).await.unwrap();
        });
    }
    let turn = async {
        barrier.wait().await;
        between.await;
        barrier.wait().await;
    };
    let all = async {
        while let Some(request) = requests.join_next().await {
            request.unwrap();
        }
    };
    tokio::join!(turn, all);
}
