use std::future::Future;
use std::pin::pin;
use std::task::{Context, Poll, Waker};

use handstamp::store::{Created, Record, SessionIndex, Stored, Updated, Version};
use tokio::task::yield_now;

use super::*;

/// A store whose every call stops once before and once after it happens.
#[derive(Clone, Debug)]
struct Stopping(MemoryStore);

impl SessionStore for Stopping {
    async fn load(&self, id: &SessionId) -> Result<Option<Stored>, StoreError> {
        yield_now().await;
        let found = SessionStore::load(&self.0, id).await;
        yield_now().await;
        found
    }

    async fn create(&self, id: &SessionId, record: &Record) -> Result<Created, StoreError> {
        yield_now().await;
        let created = SessionStore::create(&self.0, id, record).await;
        yield_now().await;
        created
    }

    async fn update(
        &self,
        id: &SessionId,
        version: Version,
        record: &Record,
    ) -> Result<Updated, StoreError> {
        yield_now().await;
        let updated = SessionStore::update(&self.0, id, version, record).await;
        yield_now().await;
        updated
    }

    async fn touch(&self, id: &SessionId, lifetime: Duration) -> Result<bool, StoreError> {
        yield_now().await;
        let touched = SessionStore::touch(&self.0, id, lifetime).await;
        yield_now().await;
        touched
    }

    async fn delete(&self, id: &SessionId) -> Result<Option<Arc<[u8]>>, StoreError> {
        yield_now().await;
        let deleted = SessionStore::delete(&self.0, id).await;
        yield_now().await;
        deleted
    }

    fn index(&self) -> Option<&dyn SessionIndex> {
        SessionStore::index(&self.0)
    }
}

/// Polls a future so many times and drops it. `true`: it was done before.
fn poll_and_drop<T>(future: impl Future<Output = T>, polls: usize) -> bool {
    let mut future = pin!(future);
    let mut context = Context::from_waker(Waker::noop());
    (0..polls).any(|_| matches!(future.as_mut().poll(&mut context), Poll::Ready(_)))
}

type Handler = fn(&Session) -> Result<(), SessionError>;

// A cancelled request, at whatever point, leaves a session that is whole: the old or the new one.
#[tokio::test]
async fn a_request_that_is_dropped_at_any_point_leaves_the_session_whole() {
    let handlers: [(&str, Handler); 4] = [
        ("save", |session| session.insert("late", 1)),
        ("rotate", Session::rotate),
        ("login", |session| session.login("alice")),
        ("conflict", |session| increment(session, "n").map(drop)),
    ];
    for (name, handle) in handlers {
        for polls in 0..40 {
            let clock = Arc::new(ManualClock::new());
            let store = Stopping(MemoryStore::new().with_clock(clock.clone()));
            let sessions =
                SessionManager::new(store, Keys::new(SECRET).unwrap()).with_clock(clock.clone());
            let mut browser = Browser::new(&sessions);
            browser.insert("n", 1).await;
            let session = browser.request().await.unwrap();
            handle(&session).unwrap();
            if name == "conflict" {
                browser.visit(|session| increment(session, "n")).await;
            }
            let done = poll_and_drop(sessions.commit(&session), polls);
            drop(session);
            if name != "login" {
                let n = browser.get("n").await;
                let least = if name == "conflict" { 2 } else { 1 };
                assert!(n >= Some(least), "{name} dropped after {polls} polls: {n:?}");
            }
            // Whatever happened to the old id, the visitor can go on, at the latest after the grace time.
            clock.advance(Duration::from_secs(10));
            browser.insert("next", 1).await;
            assert_eq!(browser.get("next").await, Some(1), "{name} dropped after {polls} polls");
            if done {
                break;
            }
            assert!(polls < 39, "{name} never ends");
        }
    }
}

#[tokio::test]
async fn a_save_that_is_dropped_leaves_its_changes_to_the_next_one() {
    for polls in 0..4 {
        let sessions =
            SessionManager::new(Stopping(MemoryStore::new()), Keys::new(SECRET).unwrap());
        let mut browser = Browser::new(&sessions);
        browser.insert("n", 1).await;
        let session = browser.request().await.unwrap();
        session.insert("key", 2).unwrap();
        poll_and_drop(session.save(), polls);
        session.insert("more", 3).unwrap();
        browser.respond(session).await.unwrap();
        assert_eq!(
            (browser.get("key").await, browser.get("more").await),
            (Some(2), Some(3)),
            "{polls} polls"
        );
    }
}

#[tokio::test]
async fn changes_that_nobody_saves_are_reported() {
    let app = App::new();
    let mut browser = app.browser();
    browser.insert("key", 1).await;
    for handle in [|session: &Session| session.insert("key", 2), Session::rotate, Session::destroy]
    {
        let session = browser.request().await.unwrap();
        handle(&session).unwrap();
        app.events.lock().unwrap().clear();
        drop(session);
        assert!(app.saw("ChangesLost"));
    }
    let session = browser.request().await.unwrap();
    let streaming = session.clone();
    browser.respond(session).await.unwrap();
    streaming.insert("late", 1).unwrap();
    app.events.lock().unwrap().clear();
    drop(streaming);
    assert!(app.saw("ChangesLost"));
    app.events.lock().unwrap().clear();
    browser.get("key").await;
    assert!(!app.saw("ChangesLost"), "reading loses nothing");
}
