use std::time::Instant;

use handstamp::store::StoreErrorKind;
use handstamp::{ErrorKind, FailurePolicy};
use handstamp_testing::{Fault, Operation};

use super::*;

fn anonymous() -> SessionConfig {
    SessionConfig::strict().with_failure_policy(FailurePolicy::Anonymous)
}

// PEERS, AXS: a store that fails must never turn into an empty session that is then saved.
#[tokio::test]
async fn a_session_that_can_not_be_loaded_is_refused_and_stays_as_it_is() {
    let app = App::new();
    let mut browser = app.browser();
    browser.insert("key", 1).await;
    let before = app.stored(&browser).await;
    for kind in [
        StoreErrorKind::Unavailable,
        StoreErrorKind::Timeout,
        StoreErrorKind::Refused,
        StoreErrorKind::Corrupt,
    ] {
        app.store.inject(Operation::Load, Fault::Fail(kind));
        let error = browser.request().await.unwrap_err();
        assert_eq!(error.store_error().unwrap().kind(), kind);
        assert_eq!(error.is_temporary(), kind != StoreErrorKind::Corrupt);
    }
    app.store.mend();
    assert_eq!(app.stored(&browser).await, before);
}

#[tokio::test]
async fn as_anonymous_the_session_is_empty_and_read_only_and_nothing_is_stored() {
    let app = App::with(anonymous());
    let mut browser = app.browser();
    browser.visit(|session| session.login("alice")).await;
    let before = app.stored(&browser).await;
    app.store.inject(Operation::Load, Fault::Fail(StoreErrorKind::Unavailable));
    let session = browser.request().await.unwrap();
    assert!(session.is_new() && session.is_empty() && session.owner().is_none());
    let read_only = |result: Result<(), SessionError>| {
        assert_eq!(result.unwrap_err().kind(), ErrorKind::ReadOnly);
    };
    read_only(session.insert("key", 1));
    read_only(increment(&session, "key").map(drop));
    read_only(session.clear());
    read_only(session.rotate());
    read_only(session.login("bob"));
    read_only(session.destroy());
    read_only(session.logout());
    assert!(browser.respond(session).await.unwrap().credential().is_none());
    app.store.mend();
    assert_eq!(app.stored(&browser).await, before);
    assert!(app.saw("StoreFailed"));
}

#[tokio::test]
async fn as_anonymous_a_save_that_fails_is_still_an_error() {
    let app = App::with(anonymous());
    let mut browser = app.browser();
    let session = browser.request().await.unwrap();
    session.insert("key", 1).unwrap();
    app.store.inject(Operation::Create, Fault::Fail(StoreErrorKind::Unavailable));
    browser.respond(session).await.unwrap_err();
    assert!(app.saw("ChangesLost"));
}

// «Nothing hangs»: connect-redis #373 and others.
#[tokio::test]
async fn every_call_to_a_store_that_never_answers_ends_at_the_deadline() {
    let deadline = Duration::from_millis(40);
    let app = App::with(SessionConfig::strict().with_store_deadline(deadline));
    let mut browser = app.browser();
    browser.visit(|session| session.login("alice")).await;
    for operation in
        [Operation::Load, Operation::Create, Operation::Update, Operation::List, Operation::Revoke]
    {
        app.store.mend();
        let session = browser.request().await.unwrap();
        match operation {
            Operation::Create => session.rotate().unwrap(),
            _ => session.insert("key", 1).unwrap(),
        }
        app.store.inject(operation, Fault::Hang);
        let start = Instant::now();
        let error = match operation {
            Operation::Load => browser.request().await.unwrap_err(),
            Operation::List => app.sessions.for_user("alice").await.unwrap_err(),
            Operation::Revoke => app.sessions.revoke_all("alice", None).await.unwrap_err(),
            _ => browser.clone().respond(session).await.unwrap_err(),
        };
        assert_eq!(error.store_error().unwrap().kind(), StoreErrorKind::Timeout, "{operation:?}");
        assert!(start.elapsed() >= deadline, "{operation:?} had its time");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn many_calls_that_hang_at_once_all_end() {
    let app = App::with(SessionConfig::strict().with_store_deadline(Duration::from_millis(40)));
    let mut browser = app.browser();
    browser.insert("key", 1).await;
    app.store.inject(Operation::Load, Fault::Hang);
    let mut requests = tokio::task::JoinSet::new();
    for _ in 0..200 {
        let browser = browser.clone();
        requests.spawn(async move { browser.request().await.unwrap_err() });
    }
    assert_eq!(requests.join_all().await.len(), 200);
}

#[tokio::test]
async fn a_touch_that_fails_does_not_fail_the_request() {
    let app = App::new();
    let mut browser = app.browser();
    browser.insert("key", 1).await;
    app.clock.advance(2 * HOUR);
    app.store.inject(Operation::Touch, Fault::Fail(StoreErrorKind::Unavailable));
    assert_eq!(browser.get("key").await, Some(1));
    assert!(app.saw("StoreFailed"));
    app.store.mend();
    assert_eq!(browser.get("key").await, Some(1));
}

#[tokio::test]
async fn a_failed_save_can_be_tried_again_and_loses_nothing() {
    let app = App::new();
    let mut browser = app.browser();
    browser.insert("n", 0).await;
    let session = browser.request().await.unwrap();
    increment(&session, "n").unwrap();
    app.store.inject_next(1, Operation::Update, Fault::Fail(StoreErrorKind::Unavailable));
    session.save().await.unwrap_err();
    increment(&session, "n").unwrap();
    session.save().await.unwrap();
    browser.respond(session).await.unwrap();
    assert_eq!(browser.get("n").await, Some(2));
}

// S54: a document that can't be read is no session, and no endless 500 either.
#[tokio::test]
async fn a_damaged_document_counts_as_missing_and_the_visitor_begins_anew() {
    for damaged in ["", "{", "null", "[]", "{}", r#"{"cookie":7}"#, "\u{0}"] {
        let app = App::new();
        let mut browser = app.browser();
        browser.insert("key", 1).await;
        let id = browser.id().unwrap();
        let stored = SessionStore::load(app.store.inner(), &id).await.unwrap().unwrap();
        let record = handstamp::store::Record {
            document: damaged.as_bytes().into(),
            lifetime: DAY,
            owner: None,
        };
        SessionStore::update(app.store.inner(), &id, stored.version, &record).await.unwrap();
        assert_eq!(browser.get("key").await, None, "{damaged}");
        browser.insert("key", 2).await;
        assert_eq!(browser.get("key").await, Some(2));
        assert_ne!(browser.id(), Some(id));
        assert!(app.saw("Unreadable"));
    }
}

#[tokio::test]
async fn a_session_that_is_too_large_is_a_clear_error_and_the_stored_one_stays() {
    let app = App::with(SessionConfig::strict().with_max_document_bytes(2000));
    let mut browser = app.browser();
    browser.insert("key", 1).await;
    let session = browser.request().await.unwrap();
    session.insert("big", "x".repeat(2000)).unwrap();
    let error = browser.respond(session).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::TooLarge);
    assert!(error.to_string().contains("with_max_document_bytes"), "{error}");
    assert_eq!(browser.get("key").await, Some(1));
}

#[tokio::test]
async fn a_session_of_ten_megabytes_works_where_it_is_allowed() {
    let app = App::with(SessionConfig::strict().with_max_document_bytes(16 << 20));
    let mut browser = app.browser();
    let big = "é".repeat(5 << 20);
    browser.visit(|session| session.insert("big", &big)).await;
    assert_eq!(browser.visit(|session| session.get::<String>("big")).await, Some(big));
}

#[test]
fn settings_that_can_not_work_are_refused() {
    use handstamp::{CookieConfig, Expiry, Transport};
    let refused = |config: SessionConfig| {
        let manager = SessionManager::new(MemoryStore::new(), Keys::new(SECRET).unwrap());
        assert_eq!(manager.with_config(config).unwrap_err().kind(), ErrorKind::Config);
    };
    let strict = SessionConfig::strict;
    refused(strict().with_expiry(Expiry::idle(Duration::ZERO)));
    refused(strict().with_expiry(Expiry::idle(HOUR).with_absolute(Duration::ZERO)));
    refused(strict().with_store_deadline(Duration::ZERO));
    refused(strict().with_transports([]));
    refused(strict().with_transports([Transport::header("a b")]));
    refused(strict().with_transports([Transport::header("Cookie")]));
    refused(strict().with_transports([Transport::header("")]));
    refused(strict().with_cookie(CookieConfig::strict().with_name("session")));
    refused(strict().with_cookie(
        CookieConfig::strict().insecure_http("a".repeat(1000)).with_name("x".repeat(4000)),
    ));
    let none = SessionManager::new(MemoryStore::new(), Keys::express::<&str>([]));
    assert_eq!(none.with_config(strict()).unwrap_err().kind(), ErrorKind::Config);
}

#[tokio::test]
async fn reloading_what_was_never_stored_leaves_a_new_session() {
    let app = App::new();
    let mut browser = app.browser();
    let session = browser.request().await.unwrap();
    session.insert("forgotten", 1).unwrap();
    session.reload().await.unwrap();
    assert!(!session.is_ended());
    session.insert("key", 1).unwrap();
    browser.respond(session).await.unwrap();
    assert_eq!((browser.get("key").await, browser.get("forgotten").await), (Some(1), None));
}

#[tokio::test]
async fn a_deadline_of_all_eternity_is_a_deadline() {
    let app = App::with(SessionConfig::strict().with_store_deadline(Duration::MAX));
    let mut browser = app.browser();
    browser.insert("key", 1).await;
    let gate = handstamp_testing::Gate::new();
    app.store.inject(Operation::Load, Fault::WaitBefore(gate.clone()));
    let waiting = tokio::spawn({
        let mut browser = browser.clone();
        async move { browser.get("key").await }
    });
    gate.arrived().await;
    gate.open();
    assert_eq!(waiting.await.unwrap(), Some(1));
}

#[tokio::test]
async fn a_login_stands_though_the_limit_of_sessions_could_not_be_kept() {
    let most = std::num::NonZeroUsize::MIN;
    let app = App::with(SessionConfig::strict().with_max_sessions_per_owner(most));
    let mut browser = app.browser();
    app.store.inject(Operation::List, Fault::Fail(StoreErrorKind::Unavailable));
    browser.visit(|session| session.login("alice")).await;
    app.store.mend();
    assert_eq!(browser.visit(|session| Ok(session.owner())).await.as_deref(), Some("alice"));
    assert!(app.saw("StoreFailed"));
}
