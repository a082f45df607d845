use handstamp::Expiry;
use handstamp_testing::Operation;

use super::*;

fn config(expiry: Expiry) -> SessionConfig {
    SessionConfig::strict().with_expiry(expiry)
}

// S23, S28
#[tokio::test]
async fn a_session_ends_when_it_was_idle_for_too_long() {
    let app = App::with(config(Expiry::idle(HOUR)));
    let mut browser = app.browser();
    browser.insert("key", 1).await;
    app.clock.advance(HOUR - Duration::from_secs(1));
    assert_eq!(browser.get("key").await, Some(1));
    app.clock.advance(HOUR - Duration::from_secs(1));
    assert_eq!(browser.get("key").await, Some(1), "reading is use");
    app.clock.advance(HOUR);
    assert_eq!(browser.get("key").await, None);
}

// S24, S27
#[tokio::test]
async fn a_session_ends_at_its_absolute_deadline_however_much_it_is_used() {
    let app = App::with(config(Expiry::idle(HOUR).with_absolute(3 * HOUR)));
    let mut browser = app.browser();
    browser.insert("n", 0).await;
    for _ in 0..5 {
        app.clock.advance(30 * MINUTE);
        browser.visit(|session| increment(session, "n")).await;
    }
    let slow = browser.request().await.unwrap();
    slow.insert("late", 1).unwrap();
    slow.touch();
    app.clock.advance(30 * MINUTE);
    assert_eq!(browser.get("n").await, None);
    browser.clone().respond(slow).await.unwrap();
    assert!(browser.request().await.unwrap().is_new(), "no save revives it");
}

// S26: authentication starts the clock anew.
#[tokio::test]
async fn a_login_starts_the_absolute_limit_anew() {
    let app = App::with(config(Expiry::idle(2 * HOUR).with_absolute(3 * HOUR)));
    let mut browser = app.browser();
    browser.insert("cart", 1).await;
    app.clock.advance(90 * MINUTE);
    browser.visit(|session| session.login("alice")).await;
    app.clock.advance(100 * MINUTE);
    assert_eq!(browser.get("cart").await, Some(1));
    app.clock.advance(80 * MINUTE);
    assert_eq!(browser.get("cart").await, None);
}

// Express counts every read as a touch; ours are coalesced.
#[tokio::test]
async fn a_touch_is_written_once_a_twentieth_of_the_idle_time() {
    let app = App::with(config(Expiry::idle(100 * MINUTE)));
    let mut browser = app.browser();
    browser.insert("key", 1).await;
    for _ in 0..5 {
        app.clock.advance(MINUTE);
        browser.get("key").await;
    }
    assert_eq!(app.store.calls(Operation::Touch), 0);
    app.clock.advance(Duration::from_secs(1));
    browser.get("key").await;
    browser.get("key").await;
    assert_eq!(app.store.calls(Operation::Touch), 1);
    browser
        .visit(|session| {
            session.touch();
            Ok(())
        })
        .await;
    assert_eq!(app.store.calls(Operation::Touch), 2, "where it is asked for");
}

// Budgets of PERFORMANCE.md: calls to the store per request.
#[tokio::test]
async fn a_request_costs_one_round_trip_to_read_and_two_to_write() {
    let app = App::new();
    let mut browser = app.browser();
    browser.get("key").await;
    assert_eq!(app.store.reset_calls(), 0, "anonymous");
    browser.insert("key", 1).await;
    assert_eq!(app.store.reset_calls(), 1, "create");
    browser.get("key").await;
    assert_eq!(app.store.reset_calls(), 1, "read");
    browser.insert("key", 2).await;
    assert_eq!(app.store.reset_calls(), 2, "write");
    browser.visit(|session| session.login("alice")).await;
    assert_eq!(app.store.reset_calls(), 3, "login");
}

// PEERS 10: tower-sessions forgets it with the next request.
#[tokio::test]
async fn an_expiry_of_its_own_is_kept_across_requests_and_processes() {
    let app = App::with(config(Expiry::idle(HOUR)));
    let mut browser = app.browser();
    let answer = {
        let session = browser.request().await.unwrap();
        session.login("alice").unwrap();
        session.set_expiry(Expiry::idle(30 * DAY).persistent()).unwrap();
        browser.respond(session).await.unwrap()
    };
    let cookie = answer.credential().unwrap().value.clone();
    assert!(cookie.contains("; Max-Age=2592000; ") && cookie.contains("; Expires="), "{cookie}");

    let other_process = app.again(config(Expiry::idle(HOUR)), Keys::new(SECRET).unwrap());
    let mut browser = browser.at(&other_process);
    for _ in 0..3 {
        app.clock.advance(20 * DAY);
        let session = browser.request().await.unwrap();
        assert_eq!(session.owner().as_deref(), Some("alice"));
        let answer = browser.respond(session).await.unwrap();
        let cookie = &answer.credential().unwrap().value;
        assert!(
            cookie.contains("; Max-Age=2592000; "),
            "the browser's copy slides along: {cookie}"
        );
    }
    app.clock.advance(30 * DAY);
    assert!(browser.request().await.unwrap().is_new());
}

#[tokio::test]
async fn a_login_does_not_inherit_that_the_one_before_wanted_to_be_remembered() {
    let app = App::with(config(Expiry::idle(HOUR)));
    let mut browser = app.browser();
    browser
        .visit(|session| {
            session.login("alice")?;
            session.set_expiry(Expiry::idle(30 * DAY).persistent())
        })
        .await;
    let session = browser.request().await.unwrap();
    session.login("alice").unwrap();
    assert!(!session.expiry().is_persistent() && session.expiry().idle_limit() == HOUR);
    let answer = browser.respond(session).await.unwrap();
    assert!(!answer.credential().unwrap().value.contains("Expires"));
}

#[tokio::test]
async fn a_shorter_expiry_of_its_own_holds_too_and_a_browser_session_has_no_expires() {
    let app = App::with(config(Expiry::idle(DAY)));
    let mut browser = app.browser();
    let session = browser.request().await.unwrap();
    session.insert("key", 1).unwrap();
    session.set_expiry(Expiry::idle(MINUTE)).unwrap();
    let answer = browser.respond(session).await.unwrap();
    assert!(!answer.credential().unwrap().value.contains("Expires"));
    app.clock.advance(50 * Duration::from_secs(1));
    assert_eq!(browser.get("key").await, Some(1));
    app.clock.advance(MINUTE);
    assert_eq!(browser.get("key").await, None);
}

#[tokio::test]
async fn a_change_of_expiry_sends_the_cookie_again() {
    let app = App::with(config(Expiry::idle(DAY)));
    let mut browser = app.browser();
    browser.insert("key", 1).await;
    for (expiry, persistent) in [(Expiry::idle(DAY).persistent(), true), (Expiry::idle(DAY), false)]
    {
        let session = browser.request().await.unwrap();
        session.set_expiry(expiry).unwrap();
        assert_eq!(session.expiry(), expiry);
        let answer = browser.respond(session).await.unwrap();
        assert_eq!(answer.credential().unwrap().value.contains("Expires"), persistent);
    }
    let session = browser.request().await.unwrap();
    assert!(session.set_expiry(Expiry::idle(Duration::ZERO)).is_err());
}

#[test]
fn the_presets_are_those_of_nist() {
    // S25: SP 800-63B-4, 2.1.3, 2.2.3, 2.3.3.
    assert_eq!(Expiry::aal1(), Expiry::idle(30 * DAY).with_absolute(30 * DAY));
    assert_eq!(Expiry::aal2(), Expiry::idle(HOUR).with_absolute(DAY));
    assert_eq!(Expiry::aal3(), Expiry::idle(15 * MINUTE).with_absolute(12 * HOUR));
}

// S29: the store's own clock counts the life; a wrong clock of the application does not lengthen it.
#[tokio::test]
async fn a_clock_that_goes_wrong_neither_panics_nor_revives() {
    let app = App::with(config(Expiry::idle(HOUR).with_absolute(DAY)));
    let mut browser = app.browser();
    browser.insert("key", 1).await;
    for minutes in [-5i32, 5] {
        let wrong = Arc::new(ManualClock::new());
        let now = handstamp::Clock::now(&*app.clock);
        let offset = Duration::from_secs(u64::from(minutes.unsigned_abs()) * 60);
        wrong.set(if minutes < 0 { now.before(offset) } else { now.after(offset) });
        let sessions = app.sessions.clone().with_clock(wrong);
        assert_eq!(browser.at(&sessions).get("key").await, Some(1), "{minutes} minutes");
    }
    app.clock.advance(HOUR);
    let behind = Arc::new(ManualClock::new());
    assert!(browser.at(&app.sessions.clone().with_clock(behind)).request().await.unwrap().is_new());
}

#[tokio::test]
async fn a_session_tells_when_it_was_last_used_and_when_it_ends() {
    let app = App::with(config(Expiry::idle(2 * HOUR).with_absolute(3 * HOUR)));
    let mut browser = app.browser();
    let times = |session: &Session| Ok((session.last_seen(), session.expires()));
    let begun = handstamp::Clock::now(&*app.clock);
    let new = browser.request().await.unwrap();
    new.insert("key", 1).unwrap();
    assert_eq!(times(&new).unwrap(), (None, None), "not stored yet");
    browser.respond(new.clone()).await.unwrap();
    assert_eq!(times(&new).unwrap(), (Some(begun), Some(begun.after(2 * HOUR))));

    app.clock.advance(30 * MINUTE);
    assert_eq!(browser.visit(times).await, (Some(begun), Some(begun.after(2 * HOUR))));
    let used = begun.after(30 * MINUTE);
    assert_eq!(browser.visit(times).await, (Some(used), Some(used.after(2 * HOUR))), "touched");

    app.clock.advance(HOUR);
    let session = browser.request().await.unwrap();
    session.insert("key", 2).unwrap();
    session.save().await.unwrap();
    let (_, expires) = times(&session).unwrap();
    assert_eq!(expires, Some(begun.after(3 * HOUR)), "the absolute deadline comes first");
    session.set_expiry(Expiry::idle(MINUTE)).unwrap();
    session.save().await.unwrap();
    let now = begun.after(90 * MINUTE);
    assert_eq!(times(&session).unwrap(), (Some(now), Some(now.after(MINUTE))));

    session.destroy().unwrap();
    browser.respond(session.clone()).await.unwrap();
    assert_eq!(times(&session).unwrap(), (None, None), "ended");
}

// A WebSocket saves after its handshake was answered: that must not pass for having sent the cookie again.
#[tokio::test]
async fn what_is_saved_after_the_head_has_left_brings_the_browser_no_cookie_and_claims_none() {
    let app = App::with(SessionConfig::strict().with_expiry(Expiry::idle(HOUR).persistent()));
    let mut browser = app.browser();
    browser.insert("n", 0).await;
    let socket = browser.request().await.unwrap();
    app.sessions.commit(&socket).await.unwrap();
    app.clock.advance(10 * MINUTE);
    socket.insert("n", 1).unwrap();
    socket.save().await.unwrap();
    let page = browser.request().await.unwrap();
    assert!(browser.respond(page).await.unwrap().credential().is_some());
}
