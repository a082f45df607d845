use handstamp::Expiry;
use handstamp::store::StoreErrorKind;
use handstamp_testing::{Fault, Gate, Operation};

use super::*;

/// What a request in flight does while another one ends its session.
type Handler = fn(&Session) -> Result<(), SessionError>;

const HANDLERS: [(&str, Handler); 9] = [
    ("nothing", |_| Ok(())),
    ("save", |session| session.insert("late", 1)),
    ("update", |session| increment(session, "late").map(drop)),
    ("clear", Session::clear),
    ("touch", |session| {
        session.touch();
        Ok(())
    }),
    ("rotate", Session::rotate),
    ("login", |session| session.login("alice")),
    ("set_expiry", |session| session.set_expiry(Expiry::idle(30 * DAY).persistent())),
    ("flash", |session| session.flash("info", "late")),
];

/// How a session ends.
type End = fn(&Session) -> Result<(), SessionError>;

const ENDS: [(&str, End); 3] = [
    ("destroy", Session::destroy),
    ("logout", Session::logout),
    ("regenerate", Session::regenerate),
];

// S31, S32, PEERS 2, CVE-2025-46336: nothing brings back what was ended.
#[tokio::test]
async fn whatever_a_slow_request_does_the_session_that_was_ended_meanwhile_stays_ended() {
    for (end_name, end) in ENDS {
        for (name, handle) in HANDLERS {
            let app = App::new();
            let mut browser = app.browser();
            browser.visit(|session| session.login("alice")).await;
            let stolen = browser.clone();
            let slow = browser.request().await.unwrap();
            handle(&slow).unwrap();
            browser.visit(end).await;
            assert_eq!(browser.cookie, None, "{end_name} takes the cookie away");

            let mut late = stolen.clone();
            let answer = late.respond(slow).await.unwrap();
            assert!(answer.credential().is_none(), "{name} after {end_name} sends no credential");
            assert_eq!(app.store.inner().len(), 0, "{name} after {end_name} stores nothing");
            assert!(
                stolen.request().await.unwrap().is_new(),
                "{name} after {end_name} revives nothing"
            );
        }
    }
}

#[tokio::test]
async fn revoking_beats_every_request_in_flight() {
    for (name, handle) in HANDLERS {
        let app = App::new();
        let mut browser = app.browser();
        browser.visit(|session| session.login("alice")).await;
        let slow = browser.request().await.unwrap();
        handle(&slow).unwrap();
        assert_eq!(app.sessions.revoke_all("alice", None).await.unwrap(), 1);
        let mut late = browser.clone();
        late.respond(slow).await.unwrap();
        assert_eq!(app.store.inner().len(), 0, "{name}");
        assert!(browser.request().await.unwrap().is_new(), "{name}");
    }
}

#[tokio::test]
async fn a_session_that_was_ended_meanwhile_says_so_and_takes_no_more() {
    let app = App::new();
    let mut browser = app.browser();
    browser.insert("key", 1).await;
    let slow = browser.request().await.unwrap();
    browser.visit(Session::destroy).await;
    slow.insert("late", 1).unwrap();
    slow.save().await.unwrap();
    assert!(slow.is_ended() && slow.is_new() && slow.is_empty());
    slow.insert("later", 1).unwrap();
    browser.respond(slow).await.unwrap();
    assert_eq!(app.store.inner().len(), 0);
    assert!(app.saw("EndedMeanwhile"));
}

#[tokio::test]
async fn after_destroy_writing_is_an_error_and_regenerate_begins_anew() {
    let app = App::new();
    let mut browser = app.browser();
    browser.insert("key", 1).await;
    let session = browser.request().await.unwrap();
    session.destroy().unwrap();
    assert_eq!(session.get::<i64>("key").unwrap(), None);
    assert_eq!(session.insert("key", 2).unwrap_err().kind(), handstamp::ErrorKind::Destroyed);
    session.regenerate().unwrap();
    session.insert("key", 3).unwrap();
    let before = browser.cookie.clone();
    browser.respond(session).await.unwrap();
    assert_ne!(browser.cookie, before);
    assert_eq!(browser.get("key").await, Some(3));
    assert_eq!(app.store.inner().len(), 1);
}

#[tokio::test]
async fn logout_drops_the_data_and_a_goodbye_begins_a_new_session() {
    let app = App::new();
    let mut browser = app.browser();
    browser.visit(|session| session.login("alice")).await;
    browser.insert("secret", 1).await;
    let before = browser.id();
    browser
        .visit(|session| {
            session.logout()?;
            session.flash("info", "goodbye")
        })
        .await;
    assert_ne!(browser.id(), before);
    let (owner, secret) =
        browser.visit(|session| Ok((session.owner(), session.contains("secret")))).await;
    assert_eq!((owner, secret), (None, false));
    assert_eq!(browser.visit(|session| session.flashes::<String>("info")).await, ["goodbye"]);
}

// S57: an emptied session is not a session of nobody.
#[tokio::test]
async fn clearing_keeps_the_session_and_destroying_a_new_one_does_nothing() {
    let app = App::new();
    let mut browser = app.browser();
    browser.visit(Session::destroy).await;
    assert_eq!((browser.cookie.clone(), app.store.total_calls()), (None, 0));
    browser.insert("key", 1).await;
    browser.visit(Session::clear).await;
    assert!(!browser.request().await.unwrap().is_new());
    for cookie in [
        "__Host-session=",
        "__Host-session=s%3A.",
        "__Host-session=null",
        "__Host-session=undefined",
    ] {
        let nobody = Browser { cookie: Some(cookie.into()), ..browser.clone() };
        assert!(nobody.request().await.unwrap().is_new(), "{cookie}");
    }
}

#[tokio::test]
async fn a_destroyed_session_destroys_whatever_it_has_been_rotated_to() {
    let app = App::new();
    let mut browser = app.browser();
    browser.insert("key", 1).await;
    let slow = browser.request().await.unwrap();
    browser.visit(Session::rotate).await;
    let rotated = browser.clone();
    slow.destroy().unwrap();
    let old = browser.clone();
    browser.respond(slow).await.unwrap();
    assert!(rotated.request().await.unwrap().is_new());
    assert!(old.request().await.unwrap().is_new(), "what is left of the old id leads nowhere");
}

// S56, CVE-2015-5143: visitors of whom nothing is known fill no store.
#[tokio::test]
async fn a_hundred_thousand_visits_without_a_session_store_nothing() {
    let app = App::new();
    let mut visitor = app.browser();
    for _ in 0..100_000 {
        visitor.visit(|session| session.get::<i64>("key")).await;
    }
    assert_eq!((app.store.inner().len(), app.store.total_calls()), (0, 0));
    visitor
        .visit(|session| {
            session.insert("key", 1)?;
            session.remove::<i64>("key")
        })
        .await;
    assert_eq!((visitor.cookie, app.store.total_calls()), (None, 0), "emptied again");
}

#[tokio::test]
async fn a_session_that_could_not_take_the_place_of_the_old_one_is_not_left_behind() {
    let app = App::new();
    let mut browser = app.browser();
    browser.visit(|session| session.login("alice")).await;
    let session = browser.request().await.unwrap();
    session.regenerate().unwrap();
    session.login("alice").unwrap();
    app.store.inject_next(1, Operation::Update, Fault::Fail(StoreErrorKind::Unavailable));
    session.save().await.unwrap_err();
    assert_eq!(app.sessions.for_user("alice").await.unwrap().len(), 1);
    browser.respond(session).await.unwrap();
    assert_eq!(app.sessions.for_user("alice").await.unwrap().len(), 1);
}

// Whether an ending came through may stay unknown. The next one has to find what is left then.
#[tokio::test]
async fn an_ending_that_failed_at_any_step_is_finished_by_the_next_save() {
    let unavailable = StoreErrorKind::Unavailable;
    for fault in [Fault::Fail(unavailable), Fault::LoseAnswer(unavailable)] {
        for (steps, (name, end)) in (1..4).flat_map(|steps| ENDS.map(|end| (steps, end))) {
            let app = App::new();
            let mut browser = app.browser();
            browser.insert("key", 1).await;
            let slow = browser.request().await.unwrap();
            browser.visit(Session::rotate).await;
            let rotated = browser.clone();
            end(&slow).unwrap();
            for operation in [Operation::Delete, Operation::Update] {
                app.store.inject_next(steps, operation, fault.clone());
            }
            while slow.save().await.is_err() {}
            browser.respond(slow).await.unwrap();
            assert!(rotated.request().await.unwrap().is_new(), "{name}, {steps} times {fault:?}");
        }
    }
}

// No answer comes to a request that was given up; the visitor's next request ends the session.
#[tokio::test]
async fn an_ending_that_is_given_up_leaves_the_way_to_the_session() {
    for (name, end) in ENDS {
        for operation in [Operation::Delete, Operation::Update] {
            let app = App::new();
            let mut browser = app.browser();
            browser.insert("key", 1).await;
            let (slow, old) = (browser.request().await.unwrap(), browser.clone());
            browser.visit(Session::rotate).await;
            end(&slow).unwrap();
            let gate = Gate::new();
            app.store.inject_next(1, operation, Fault::WaitAfter(gate.clone()));
            tokio::select! {
                biased;
                () = gate.arrived() => {}
                _ = slow.save() => {}
            }
            drop(slow);
            old.clone().visit(end).await;
            assert!(browser.request().await.unwrap().is_new(), "{name}, {operation:?}");
        }
    }
}

// An ending is a conditional write, too: those that win against it must not be able to keep it away.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn an_ending_among_a_hundred_writers_is_done_and_nothing_comes_after_it() {
    let app = App::new();
    let mut browser = app.browser();
    browser.insert("n", 0).await;
    let start = Arc::new(tokio::sync::Barrier::new(101));
    let mut requests = tokio::task::JoinSet::new();
    for n in 0..101 {
        let (mut browser, start) = (browser.clone(), Arc::clone(&start));
        requests.spawn(async move {
            let session = browser.request().await.unwrap();
            start.wait().await;
            if n == 50 {
                session.destroy().unwrap();
            } else {
                increment(&session, "n").unwrap();
            }
            browser.respond(session).await.unwrap();
        });
    }
    requests.join_all().await;
    assert!(browser.request().await.unwrap().is_new());
    assert_eq!(app.store.inner().len(), 0);
}
