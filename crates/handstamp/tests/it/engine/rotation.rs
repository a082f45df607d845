use handstamp::ErrorKind;
use handstamp::store::StoreErrorKind;
use handstamp_testing::{Fault, Gate, Operation};

use super::*;

#[tokio::test]
async fn rotating_keeps_the_data_under_a_new_id() {
    let app = App::new();
    let mut browser = app.browser();
    browser.insert("key", 1).await;
    let before = browser.id();
    app.store.reset_calls();
    browser
        .visit(|session| {
            session.insert("more", 2)?;
            session.rotate()
        })
        .await;
    assert_ne!(browser.id(), before);
    // Budget of PERFORMANCE.md: load, create, retire.
    assert_eq!(app.store.reset_calls(), 3);
    assert_eq!((browser.get("key").await, browser.get("more").await), (Some(1), Some(2)));
}

#[tokio::test]
async fn what_is_set_after_a_rotation_in_the_same_request_is_kept_under_the_new_id() {
    let app = App::new();
    let mut browser = app.browser();
    browser.insert("key", 1).await;
    let before = browser.id();
    browser
        .visit(|session| {
            session.rotate()?;
            session.insert("more", 2)
        })
        .await;
    assert_ne!(browser.id(), before);
    assert_eq!((browser.get("key").await, browser.get("more").await), (Some(1), Some(2)));
}

// S10
#[tokio::test]
async fn the_old_id_leads_to_the_session_for_the_grace_time_and_never_after_it() {
    let app = App::new();
    let mut browser = app.browser();
    browser.insert("key", 1).await;
    let mut late = browser.clone();
    browser.visit(Session::rotate).await;
    assert_eq!(late.clone().get("key").await, Some(1));
    late.insert("late", 1).await;
    assert_eq!(late.id(), browser.id(), "the answer brings the new id");
    let old = Browser { cookie: late.cookie.clone(), ..browser.clone() };
    browser.visit(Session::rotate).await;
    app.clock.advance(Duration::from_secs(9));
    assert!(!old.request().await.unwrap().is_new());
    app.clock.advance(Duration::from_secs(1));
    assert!(old.request().await.unwrap().is_new());
    assert_eq!(browser.get("late").await, Some(1));
}

#[tokio::test]
async fn an_express_application_that_touches_the_pointer_does_not_lengthen_the_grace() {
    let app = App::new();
    let mut browser = app.browser();
    browser.insert("key", 1).await;
    let old = browser.clone();
    browser.visit(Session::rotate).await;
    assert!(SessionStore::touch(&app.store, &old.id().unwrap(), DAY).await.unwrap());
    app.clock.advance(MINUTE);
    assert!(old.request().await.unwrap().is_new());
}

#[tokio::test]
async fn without_grace_the_old_id_is_dead_at_once() {
    let app = App::with(SessionConfig::strict().with_rotation_grace(Duration::ZERO));
    let mut browser = app.browser();
    browser.insert("key", 1).await;
    let old = browser.clone();
    let slow = browser.request().await.unwrap();
    slow.insert("late", 1).unwrap();
    browser.visit(Session::rotate).await;
    assert!(old.request().await.unwrap().is_new());
    old.clone().respond(slow).await.unwrap();
    assert_eq!(browser.get("late").await, Some(1), "a request that began before is not lost");
}

// S9: whoever planted the id before (session fixation) gets nowhere with it.
#[tokio::test]
async fn after_a_login_the_old_id_shows_nothing_and_gets_nothing() {
    let app = App::new();
    let mut attacker = app.browser();
    attacker.insert("bait", 1).await;
    let mut victim = attacker.clone();
    let slow = attacker.request().await.unwrap();
    victim.visit(|session| session.login("alice")).await;

    slow.insert("in flight", 1).unwrap();
    slow.save().await.unwrap();
    assert_eq!(slow.owner(), None, "a request in flight does not see the login either");
    let answer = attacker.respond(slow).await.unwrap();
    assert!(answer.credential().is_none());

    let session = attacker.request().await.unwrap();
    assert!(session.is_new() && session.is_empty() && session.owner().is_none());
    session.insert("later", 1).unwrap();
    assert!(attacker.respond(session).await.unwrap().credential().is_none());
    assert_ne!(attacker.id(), victim.id());

    // What requests wrote that were under way at the time of the login is not lost.
    assert_eq!((victim.get("in flight").await, victim.get("later").await), (Some(1), Some(1)));
    assert_eq!(victim.visit(|session| Ok(session.owner())).await.as_deref(), Some("alice"));
    // A second write of the same retired handle goes the same way.
    let session = attacker.request().await.unwrap();
    session.insert("first", 1).unwrap();
    session.save().await.unwrap();
    session.insert("second", 2).unwrap();
    attacker.respond(session).await.unwrap();
    assert_eq!((victim.get("first").await, victim.get("second").await), (Some(1), Some(2)));
}

#[tokio::test]
async fn after_a_login_the_old_id_takes_nothing_out_and_changes_no_life() {
    let app = App::new();
    let mut attacker = app.browser();
    attacker.insert("bait", 1).await;
    let mut victim = attacker.clone();
    let in_flight = attacker.request().await.unwrap();
    victim
        .visit(|session| {
            session.insert("kept", 1)?;
            session.login("alice")
        })
        .await;
    let before = app.stored(&victim).await;
    let later = attacker.request().await.unwrap();
    for session in [in_flight, later] {
        session.clear().unwrap();
        session.remove::<i64>("kept").unwrap();
        session.set_expiry(handstamp::Expiry::idle(365 * DAY).persistent()).unwrap();
        session.touch();
        attacker.respond(session).await.unwrap();
    }
    assert_eq!(app.stored(&victim).await, before);
}

#[tokio::test]
async fn a_login_with_an_id_that_a_login_retired_is_a_session_of_its_own() {
    let app = App::new();
    let mut attacker = app.browser();
    attacker.insert("bait", 1).await;
    let mut victim = attacker.clone();
    victim.visit(|session| session.login("alice")).await;
    attacker.visit(|session| session.login("mallory")).await;
    assert_eq!(victim.visit(|session| Ok(session.owner())).await.as_deref(), Some("alice"));
    assert_eq!(attacker.visit(|session| Ok(session.owner())).await.as_deref(), Some("mallory"));
}

#[tokio::test]
async fn two_logins_at_once_never_share_a_session() {
    let app = App::new();
    let mut first = app.browser();
    first.insert("cart", 1).await;
    let mut second = first.clone();
    let (one, two) = (first.request().await.unwrap(), second.request().await.unwrap());
    one.login("alice").unwrap();
    two.login("bob").unwrap();
    first.respond(one).await.unwrap();
    second.respond(two).await.unwrap();
    assert_ne!(first.id(), second.id());
    assert_eq!(first.visit(|session| Ok(session.owner())).await.as_deref(), Some("alice"));
    assert_eq!(second.visit(|session| Ok(session.owner())).await.as_deref(), Some("bob"));
}

// PEERS 3: the new record comes first; a failure leaves the old session whole.
#[tokio::test]
async fn a_rotation_that_fails_at_either_step_leaves_the_old_session_whole() {
    for operation in [Operation::Create, Operation::Update] {
        let app = App::new();
        let mut browser = app.browser();
        browser.insert("key", 1).await;
        let session = browser.request().await.unwrap();
        session.rotate().unwrap();
        app.store.inject(operation, Fault::Fail(StoreErrorKind::Refused));
        let error = browser.clone().respond(session).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Store);
        app.store.mend();
        assert_eq!(browser.get("key").await, Some(1), "{operation:?}");
        assert_eq!(app.store.inner().len(), 1, "{operation:?} leaves nothing behind");
    }
}

#[tokio::test]
async fn when_the_answer_to_the_retiring_is_lost_the_session_is_reached_all_the_same() {
    for fault in
        [Fault::LoseAnswer(StoreErrorKind::Timeout), Fault::Fail(StoreErrorKind::Unavailable)]
    {
        let app = App::new();
        let mut browser = app.browser();
        browser.insert("key", 1).await;
        let session = browser.request().await.unwrap();
        session.rotate().unwrap();
        app.store.inject_next(1, Operation::Update, fault.clone());
        browser.clone().respond(session).await.unwrap_err();
        assert_eq!(browser.get("key").await, Some(1), "{fault:?}");
    }
}

#[tokio::test]
async fn a_save_that_comes_while_the_id_rotates_is_not_lost() {
    let app = App::new();
    let mut browser = app.browser();
    browser.insert("key", 1).await;
    let (rotating, saving) = (browser.request().await.unwrap(), browser.request().await.unwrap());
    rotating.rotate().unwrap();
    increment(&rotating, "n").unwrap();
    // The rotation stops between its two steps; the save comes in between.
    let gate = Gate::new();
    app.store.inject_next(1, Operation::Create, Fault::WaitAfter(gate.clone()));
    let mut rotated = browser.clone();
    let rotation = tokio::spawn(async move {
        rotated.respond(rotating).await.unwrap();
        rotated
    });
    gate.arrived().await;
    increment(&saving, "n").unwrap();
    browser.respond(saving).await.unwrap();
    gate.open();
    let mut rotated = rotation.await.unwrap();
    assert_eq!(rotated.get("n").await, Some(2));
    assert_ne!(rotated.id(), browser.id());
    assert_eq!(browser.get("n").await, Some(2), "the old id still leads there");
}

#[tokio::test]
async fn a_request_that_began_before_the_rotation_saves_into_the_new_session() {
    let app = App::new();
    let mut browser = app.browser();
    browser.insert("key", 1).await;
    let mut late = browser.clone();
    let slow = browser.request().await.unwrap();
    browser.visit(Session::rotate).await;
    slow.insert("late", 1).unwrap();
    late.respond(slow).await.unwrap();
    assert_eq!(late.id(), browser.id());
    assert_eq!(browser.get("late").await, Some(1));
}

#[tokio::test]
async fn two_rotations_at_once_end_at_one_new_id() {
    let app = App::new();
    let mut first = app.browser();
    first.insert("n", 0).await;
    let mut second = first.clone();
    let (one, two) = (first.request().await.unwrap(), second.request().await.unwrap());
    for session in [&one, &two] {
        session.rotate().unwrap();
        increment(session, "n").unwrap();
    }
    first.respond(one).await.unwrap();
    second.respond(two).await.unwrap();
    assert_eq!(first.id(), second.id());
    assert_eq!(first.get("n").await, Some(2));
    assert_eq!(app.store.inner().len(), 2, "the session and the pointer to it");
}

#[tokio::test]
async fn a_login_that_comes_while_the_id_rotates_carries_on_from_the_new_id() {
    let app = App::new();
    let mut browser = app.browser();
    browser.insert("cart", 1).await;
    let mut login = browser.clone();
    let slow = login.request().await.unwrap();
    browser.visit(Session::rotate).await;
    slow.login("alice").unwrap();
    login.respond(slow).await.unwrap();
    assert_eq!(login.visit(|session| Ok(session.owner())).await.as_deref(), Some("alice"));
    assert_eq!(login.get("cart").await, Some(1));
    // The rotated id was retired by the login: it shows nothing any more.
    assert!(browser.request().await.unwrap().is_new());
}

#[tokio::test]
async fn a_chain_of_rotations_is_followed_to_its_end() {
    let app = App::new();
    let mut browser = app.browser();
    browser.insert("key", 1).await;
    let old = browser.clone();
    for _ in 0..4 {
        browser.visit(Session::rotate).await;
    }
    assert_eq!(old.clone().get("key").await, Some(1));
    let mut slow = old.clone();
    slow.insert("late", 1).await;
    assert_eq!(browser.get("late").await, Some(1));
}

// S11, PEERS: a taken id is never overwritten.
#[tokio::test]
async fn an_id_that_is_taken_is_left_alone_and_another_one_is_made() {
    use std::sync::atomic::{AtomicUsize, Ordering};
    let app = App::new();
    let made = AtomicUsize::new(0);
    let rigged = app.sessions.clone().with_id_generator(move || {
        let name = if made.fetch_add(1, Ordering::Relaxed) < 3 { "taken" } else { "free" };
        Ok(SessionId::parse(name).unwrap())
    });
    let (mut first, mut second) = (Browser::new(&rigged), Browser::new(&rigged));
    first.insert("key", 1).await;
    second.insert("key", 2).await;
    assert_eq!((first.get("key").await, second.get("key").await), (Some(1), Some(2)));

    let stuck = app.sessions.clone().with_id_generator(|| Ok(SessionId::parse("taken").unwrap()));
    let mut third = Browser::new(&stuck);
    let session = third.request().await.unwrap();
    session.insert("key", 3).unwrap();
    assert_eq!(third.respond(session).await.unwrap_err().kind(), ErrorKind::IdTaken);
    assert_eq!(first.get("key").await, Some(1));
}

#[tokio::test]
async fn a_credential_that_can_not_be_sent_any_more_is_an_error_before_anything_is_done() {
    let app = App::new();
    let mut browser = app.browser();
    browser.insert("key", 1).await;
    let session = browser.request().await.unwrap();
    let keep = session.clone();
    browser.respond(session).await.unwrap();
    keep.rotate().unwrap();
    app.store.reset_calls();
    assert_eq!(keep.save().await.unwrap_err().kind(), ErrorKind::HeadersSent);
    assert_eq!(app.store.total_calls(), 0);
    assert_eq!(browser.get("key").await, Some(1));
}

// S9: another handle's save that is under way does not swallow a login.
#[tokio::test]
async fn a_login_while_another_handle_saves_has_a_new_id_all_the_same() {
    for intend in
        [(|session: &Session| session.login("alice")) as fn(&Session) -> _, Session::rotate]
    {
        let app = App::new();
        let mut browser = app.browser();
        browser.insert("n", 0).await;
        let before = browser.clone();
        let session = browser.request().await.unwrap();
        increment(&session, "n").unwrap();
        let gate = Gate::new();
        app.store.inject_next(1, Operation::Update, Fault::WaitAfter(gate.clone()));
        let saving = tokio::spawn({
            let session = session.clone();
            async move { session.save().await }
        });
        gate.arrived().await;
        intend(&session).unwrap();
        gate.open();
        saving.await.unwrap().unwrap();
        browser.respond(session).await.unwrap();
        assert_ne!(browser.id(), before.id());
        assert_eq!(browser.get("n").await, Some(1));
    }
}

#[tokio::test]
async fn an_intent_whose_save_failed_is_still_there_for_the_next() {
    let app = App::new();
    let mut browser = app.browser();
    browser.insert("n", 0).await;
    let before = browser.id();
    let session = browser.request().await.unwrap();
    session.rotate().unwrap();
    app.store.inject_next(1, Operation::Create, Fault::Fail(StoreErrorKind::Unavailable));
    session.save().await.unwrap_err();
    browser.respond(session).await.unwrap();
    assert_ne!(browser.id(), before);
}

// A late answer must not put the id back that a login has just replaced in the browser.
#[tokio::test]
async fn a_parallel_request_never_sends_the_credential_of_an_id_that_was_retired_meanwhile() {
    let remembered = SessionConfig::strict().with_expiry(handstamp::Expiry::idle(DAY).persistent());
    for retire in
        [(|session: &Session| session.login("alice")) as fn(&Session) -> _, Session::rotate]
    {
        let app = App::with(remembered.clone());
        let mut browser = app.browser();
        browser.insert("key", 1).await;
        app.clock.advance(2 * HOUR);
        let mut late = browser.clone();
        let slow = late.request().await.unwrap();
        browser.visit(retire).await;
        if let Some(header) = late.respond(slow).await.unwrap().credential() {
            assert!(browser.cookie.as_ref().is_some_and(|cookie| header.value.starts_with(cookie)));
        }
    }
}

// S9: after its changes have gone into a session that it can't see, a handle holds nothing of it.
#[tokio::test]
async fn a_request_that_was_overtaken_by_a_login_mints_no_copy_of_the_session() {
    let app = App::new();
    let mut browser = app.browser();
    browser.visit(|session| session.login("alice")).await;
    let mut overtaken = browser.clone();
    let session = overtaken.request().await.unwrap();
    browser.visit(|session| session.login("alice")).await;
    session.insert("late", 1).unwrap();
    session.rotate().unwrap();
    session.save().await.unwrap();
    assert_eq!((session.owner(), session.is_new()), (None, true));
    session.rotate().unwrap();
    assert!(overtaken.respond(session).await.unwrap().credential().is_none());
    assert_eq!(app.sessions.for_user("alice").await.unwrap().len(), 1);
    assert_eq!(browser.get("late").await, Some(1));
}

/// How a signed-in session gets a new id.
type Rotate = fn(&Session) -> Result<(), SessionError>;

const ROTATIONS: [(&str, Rotate); 2] =
    [("rotate", Session::rotate), ("login", |session| session.login("alice"))];

/// A request whose rotation came as far as the new record, and the browser that sent it. Nobody knows
/// whether the old id was retired: with `Fail` and `WaitBefore` it was not, with `LoseAnswer` it was.
async fn halfway(app: &App, rotate: Rotate, fault: &Fault) -> (Session, Browser) {
    let mut browser = app.browser();
    browser.visit(|session| session.login("alice")).await;
    browser.insert("key", 1).await;
    let session = browser.request().await.unwrap();
    rotate(&session).unwrap();
    app.store.inject_next(1, Operation::Update, fault.clone());
    if let Fault::WaitBefore(gate) = fault {
        tokio::select! {
            biased;
            () = gate.arrived() => {}
            _ = session.save() => {}
        }
    } else {
        session.save().await.unwrap_err();
    }
    (session, browser)
}

fn unclear() -> [Fault; 3] {
    let timeout = StoreErrorKind::Timeout;
    [Fault::Fail(timeout), Fault::LoseAnswer(timeout), Fault::WaitBefore(Gate::new())]
}

#[tokio::test]
async fn a_rotation_that_is_tried_again_goes_on_with_the_record_that_it_had_made() {
    for (name, rotate) in ROTATIONS {
        for fault in unclear() {
            let app = App::new();
            let (session, mut browser) = halfway(&app, rotate, &fault).await;
            let old = browser.id();
            session.insert("more", 2).unwrap();
            browser.respond(session).await.unwrap();
            assert_ne!(browser.id(), old, "{name}, {fault:?}");
            assert_eq!((browser.get("key").await, browser.get("more").await), (Some(1), Some(2)));
            assert_eq!(app.store.inner().len(), 2, "{name}, {fault:?}: it and the pointer to it");
            assert_eq!(app.sessions.for_user("alice").await.unwrap().len(), 1);
        }
    }
}

#[tokio::test]
async fn what_others_wrote_into_a_session_that_was_rotated_unawares_is_kept() {
    for (name, rotate) in ROTATIONS {
        let app = App::new();
        let fault = Fault::LoseAnswer(StoreErrorKind::Timeout);
        let (session, mut browser) = halfway(&app, rotate, &fault).await;
        browser.clone().insert("theirs", 3).await;
        session.insert("more", 2).unwrap();
        browser.respond(session).await.unwrap();
        assert_eq!((browser.get("theirs").await, browser.get("more").await), (Some(3), Some(2)));
        assert_eq!(app.sessions.for_user("alice").await.unwrap().len(), 1, "{name}");
    }
}

#[tokio::test]
async fn ending_a_session_whose_rotation_failed_halfway_ends_the_new_record_too() {
    for (name, rotate) in ROTATIONS {
        for end in [Session::destroy, Session::logout] {
            for fault in unclear() {
                let app = App::new();
                let (session, mut browser) = halfway(&app, rotate, &fault).await;
                end(&session).unwrap();
                browser.respond(session).await.unwrap();
                assert!(
                    app.sessions.for_user("alice").await.unwrap().is_empty(),
                    "{name}, {fault:?}"
                );
            }
        }
    }
}

#[tokio::test]
async fn a_rotation_that_is_refused_at_the_second_try_loses_no_session() {
    for (name, rotate) in ROTATIONS {
        let app = App::new();
        let fault = Fault::LoseAnswer(StoreErrorKind::Timeout);
        let (session, mut browser) = halfway(&app, rotate, &fault).await;
        let gate = Gate::new();
        app.store.inject_next(1, Operation::Update, Fault::WaitAfter(gate.clone()));
        let saving = tokio::spawn({
            let session = session.clone();
            async move { session.save().await }
        });
        gate.arrived().await;
        app.store.inject_next(1, Operation::Update, Fault::Fail(StoreErrorKind::Refused));
        gate.open();
        saving.await.unwrap().unwrap_err();
        browser.respond(session).await.unwrap();
        assert_eq!(browser.get("key").await, Some(1), "{name}");
    }
}

// S9: the pointer that a rotation may have left is open, and a login must not go on with it.
#[tokio::test]
async fn a_login_after_a_rotation_that_failed_halfway_closes_the_old_id() {
    for fault in unclear() {
        let app = App::new();
        let (session, mut browser) = halfway(&app, Session::rotate, &fault).await;
        let old = browser.clone();
        session.login("alice").unwrap();
        browser.respond(session).await.unwrap();
        assert!(old.request().await.unwrap().is_new(), "{fault:?}");
        assert_eq!(browser.get("key").await, Some(1), "{fault:?}");
    }
}
