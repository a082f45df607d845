use std::sync::Arc;

use handstamp::{ErrorKind, Key};
use tokio::sync::Barrier;
use tokio::task::JoinSet;
use tokio::time::sleep;

use super::*;

// PEERS 1: two requests load one session, each sets a key of its own.
#[tokio::test]
async fn parallel_requests_that_write_different_keys_lose_nothing() {
    let app = App::new();
    let mut browser = app.browser();
    browser.insert("old", 0).await;
    let (first, second) = (browser.request().await.unwrap(), browser.request().await.unwrap());
    first.insert("cart", 1).unwrap();
    second.insert("theme", 2).unwrap();
    second.remove::<i64>("old").unwrap();
    browser.respond(first).await.unwrap();
    browser.respond(second).await.unwrap();
    let keys = browser.visit(|session| Ok(session.keys())).await;
    assert_eq!(keys, ["cart", "theme"]);
}

#[tokio::test]
async fn of_two_writers_of_one_key_the_later_wins() {
    let app = App::new();
    let mut browser = app.browser();
    browser.insert("key", 0).await;
    let (first, second) = (browser.request().await.unwrap(), browser.request().await.unwrap());
    first.insert("key", 1).unwrap();
    second.insert("key", 2).unwrap();
    browser.respond(second).await.unwrap();
    browser.respond(first).await.unwrap();
    assert_eq!(browser.get("key").await, Some(1));
}

#[tokio::test]
async fn an_update_runs_again_on_the_value_that_another_request_wrote() {
    let app = App::new();
    let mut browser = app.browser();
    browser.insert("n", 10).await;
    let (first, second) = (browser.request().await.unwrap(), browser.request().await.unwrap());
    assert_eq!(increment(&first, "n").unwrap(), 11);
    assert_eq!(increment(&second, "n").unwrap(), 11, "the value as of now");
    browser.respond(first).await.unwrap();
    second.save().await.unwrap();
    assert_eq!(second.get::<i64>("n").unwrap(), Some(12), "the value as it was stored");
    browser.respond(second).await.unwrap();
    assert_eq!(browser.get("n").await, Some(12));
}

async fn a_hundred_increments(handler: Duration) {
    let app = Arc::new(App::new());
    let mut browser = app.browser();
    browser.insert("n", 0).await;
    let start = Arc::new(Barrier::new(100));
    let mut requests = JoinSet::new();
    for _ in 0..100 {
        let (mut browser, start) = (browser.clone(), Arc::clone(&start));
        requests.spawn(async move {
            start.wait().await;
            let session = browser.request().await.unwrap();
            sleep(handler).await;
            increment(&session, "n").unwrap();
            browser.respond(session).await.unwrap();
        });
    }
    requests.join_all().await;
    assert_eq!(browser.get("n").await, Some(100));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_hundred_parallel_increments_end_at_100() {
    a_hundred_increments(Duration::ZERO).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_hundred_parallel_increments_of_handlers_that_take_10_ms_end_at_100() {
    a_hundred_increments(Duration::from_millis(10)).await;
}

#[tokio::test]
async fn two_handles_of_one_request_see_each_others_writes() {
    let app = App::new();
    let session = app.browser().request().await.unwrap();
    let other = session.clone();
    session.insert("key", 1).unwrap();
    assert_eq!(other.get::<i64>("key").unwrap(), Some(1));
    other.remove::<i64>("key").unwrap();
    assert!(session.is_empty());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn parallel_saves_of_one_request_store_every_change_once() {
    let app = App::new();
    let mut browser = app.browser();
    browser.insert("n", 0).await;
    let session = browser.request().await.unwrap();
    let mut saves = JoinSet::new();
    for _ in 0..50 {
        let session = session.clone();
        saves.spawn(async move {
            increment(&session, "n").unwrap();
            session.save().await.unwrap();
        });
    }
    saves.join_all().await;
    browser.respond(session).await.unwrap();
    assert_eq!(browser.get("n").await, Some(50));
}

#[tokio::test]
async fn what_is_written_while_a_save_is_under_way_is_saved_by_the_next() {
    use handstamp_testing::{Fault, Gate, Operation};
    let app = App::new();
    let mut browser = app.browser();
    browser.insert("n", 0).await;
    let session = browser.request().await.unwrap();
    increment(&session, "n").unwrap();
    let gate = Gate::new();
    app.store.inject_next(1, Operation::Update, Fault::WaitAfter(gate.clone()));
    let saving = tokio::spawn({
        let session = session.clone();
        async move { session.save().await }
    });
    gate.arrived().await;
    increment(&session, "n").unwrap();
    session.insert("other", 1).unwrap();
    gate.open();
    saving.await.unwrap().unwrap();
    assert_eq!(session.get::<i64>("n").unwrap(), Some(2));
    browser.respond(session).await.unwrap();
    assert_eq!((browser.get("n").await, browser.get("other").await), (Some(2), Some(1)));
}

#[tokio::test]
async fn what_can_not_be_done_again_after_a_save_is_an_error_and_loses_nothing() {
    use handstamp_testing::{Fault, Gate, Operation};
    let app = App::new();
    let mut browser = app.browser();
    browser.insert("n", 0).await;
    let session = browser.request().await.unwrap();
    session.insert("first", 1).unwrap();
    browser.visit(|session| session.insert("n", "a text")).await;
    let gate = Gate::new();
    app.store.inject_next(1, Operation::Update, Fault::WaitBefore(gate.clone()));
    let saving = tokio::spawn({
        let session = session.clone();
        async move { session.save().await }
    });
    gate.arrived().await;
    increment(&session, "n").unwrap();
    session.insert("x", 1).unwrap();
    gate.open();
    assert_eq!(saving.await.unwrap().unwrap_err().kind(), ErrorKind::Value);
    assert_eq!(session.save().await.unwrap_err().kind(), ErrorKind::Value, "and again");
    assert_eq!(browser.get("first").await, Some(1));
    session.insert("n", 5).unwrap();
    browser.respond(session).await.unwrap();
    assert_eq!((browser.get("n").await, browser.get("x").await), (Some(5), Some(1)));
}

#[tokio::test]
async fn messages_that_come_while_others_are_shown_twice_are_not_lost() {
    let app = App::new();
    let mut browser = app.browser();
    browser.visit(|session| session.flash("info", "one")).await;
    let (first, second) = (browser.request().await.unwrap(), browser.request().await.unwrap());
    assert_eq!(first.flashes::<String>("info").unwrap(), ["one"]);
    assert_eq!(second.flashes::<String>("info").unwrap(), ["one"]);
    browser.respond(first).await.unwrap();
    browser.visit(|session| session.flash("info", "two")).await;
    browser.respond(second).await.unwrap();
    assert_eq!(browser.visit(|session| session.flashes::<String>("info")).await, ["two"]);
}

#[tokio::test]
async fn clear_takes_out_what_another_request_added_meanwhile() {
    let app = App::new();
    let mut browser = app.browser();
    browser.insert("a", 1).await;
    let clearing = browser.request().await.unwrap();
    clearing.clear().unwrap();
    clearing.insert("after", 1).unwrap();
    browser.insert("b", 2).await;
    browser.respond(clearing).await.unwrap();
    assert_eq!(browser.visit(|session| Ok(session.keys())).await, ["after"]);
}

#[tokio::test]
async fn writing_what_is_there_already_changes_nothing() {
    let app = App::new();
    let mut browser = app.browser();
    browser.insert("key", 1).await;
    app.store.reset_calls();
    browser.insert("key", 1).await;
    assert_eq!(browser.visit(|session| session.remove::<i64>("absent")).await, None);
    assert_eq!(app.store.calls(handstamp_testing::Operation::Update), 0);
}

#[tokio::test]
async fn flashes_of_parallel_requests_are_all_shown_once() {
    let app = App::new();
    let mut browser = app.browser();
    browser.insert("key", 1).await;
    let (first, second) = (browser.request().await.unwrap(), browser.request().await.unwrap());
    first.flash("info", "one").unwrap();
    second.flash("info", "two").unwrap();
    second.flash("error", "three").unwrap();
    browser.respond(first).await.unwrap();
    browser.respond(second).await.unwrap();
    let (showing, adding) = (browser.request().await.unwrap(), browser.request().await.unwrap());
    assert_eq!(showing.flashes::<String>("info").unwrap(), ["one", "two"]);
    adding.flash("info", "four").unwrap();
    browser.respond(adding).await.unwrap();
    browser.respond(showing).await.unwrap();
    assert_eq!(browser.visit(|session| session.flashes::<String>("info")).await, ["four"]);
    assert_eq!(browser.visit(|session| session.flashes::<String>("error")).await, ["three"]);
    assert!(browser.visit(|session| session.flashes::<String>("info")).await.is_empty());
    assert!(!browser.visit(|session| Ok(session.contains("flash"))).await);
}

#[tokio::test]
async fn keys_are_typed_or_plain_and_mistakes_are_errors() {
    const COUNT: Key<u32> = Key::new("count");
    let app = App::new();
    let session = app.browser().request().await.unwrap();
    session.insert(COUNT, 7).unwrap();
    assert_eq!(session.get::<u32>("count").unwrap(), session.get(COUNT).unwrap());
    session.insert("text", "words").unwrap();
    let wrong = session.get::<u32>("text").unwrap_err();
    assert_eq!(wrong.kind(), ErrorKind::Value);
    assert!(!wrong.to_string().contains("words"), "an error shows no value: {wrong}");
    assert_eq!(session.remove::<u32>("text").unwrap_err().kind(), ErrorKind::Value);
    assert!(!session.contains("text"), "it is out all the same");
    for name in ["cookie", "id", "save", "__handstamp", "__proto__"] {
        assert_eq!(session.insert(name, 1).unwrap_err().kind(), ErrorKind::ReservedKey, "{name}");
    }
    let bad = std::collections::HashMap::from([((1, 2), 3)]);
    assert_eq!(session.insert("key", bad).unwrap_err().kind(), ErrorKind::Value);
}

#[tokio::test]
async fn an_update_may_use_its_session_and_may_panic() {
    let app = App::new();
    let session = app.browser().request().await.unwrap();
    session.insert("other", 5).unwrap();
    let handle = session.clone();
    let sum = session.update("n", move |n: Option<i64>| {
        n.unwrap_or(0) + handle.get::<i64>("other").unwrap().unwrap_or(0)
    });
    assert_eq!(sum.unwrap(), 5);
    let panicking = session.clone();
    let outcome = std::thread::spawn(move || {
        panicking.update("n", |_: Option<i64>| -> i64 { panic!("on purpose") })
    })
    .join();
    assert!(outcome.is_err());
    assert_eq!(session.get::<i64>("n").unwrap(), Some(5), "the session goes on");
}

#[tokio::test]
async fn a_session_that_never_wins_ends_with_a_clear_error() {
    use handstamp::store::{Created, Record, Stored, Updated, Version};

    /// Somebody else is always faster here.
    #[derive(Debug)]
    struct Contended(MemoryStore);

    impl SessionStore for Contended {
        async fn load(&self, id: &SessionId) -> Result<Option<Stored>, StoreError> {
            SessionStore::load(&self.0, id).await
        }
        async fn create(&self, id: &SessionId, record: &Record) -> Result<Created, StoreError> {
            SessionStore::create(&self.0, id, record).await
        }
        async fn update(
            &self,
            id: &SessionId,
            _: Version,
            _: &Record,
        ) -> Result<Updated, StoreError> {
            Ok(self.load(id).await?.map_or(Updated::Gone, Updated::Conflict))
        }
        async fn touch(&self, id: &SessionId, lifetime: Duration) -> Result<bool, StoreError> {
            SessionStore::touch(&self.0, id, lifetime).await
        }
        async fn delete(&self, id: &SessionId) -> Result<Option<Arc<[u8]>>, StoreError> {
            SessionStore::delete(&self.0, id).await
        }
    }

    let sessions = SessionManager::new(Contended(MemoryStore::new()), Keys::new(SECRET).unwrap());
    let mut browser = Browser::new(&sessions);
    browser.insert("n", 0).await;
    let session = browser.request().await.unwrap();
    increment(&session, "n").unwrap();
    let error = browser.respond(session).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Conflict);
    assert!(error.is_temporary());
}

// PEERS 4 and 6: pavex and actix forget a write that is the only one.
#[tokio::test]
async fn a_removal_or_an_update_that_is_all_a_request_does_is_stored() {
    let app = App::new();
    let mut browser = app.browser();
    browser.insert("key", 1).await;
    browser.visit(|session| increment(session, "key")).await;
    assert_eq!(browser.get("key").await, Some(2));
    browser.visit(|session| session.remove::<i64>("key")).await;
    assert_eq!(browser.get("key").await, None);
}
