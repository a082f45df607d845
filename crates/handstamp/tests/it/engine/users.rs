use std::num::NonZeroUsize;

use handstamp::{Device, Fingerprint, Watched};
use handstamp_testing::{Fault, Gate, Operation};
use tokio::sync::Barrier;
use tokio::task::JoinSet;

use super::*;

async fn signed_in(app: &App, user: &str, agent: &str) -> Browser {
    let mut browser = app.browser();
    browser
        .visit(|session| {
            session.login(user)?;
            session.set_device(Device { agent: agent.into(), address: "127.0.0.1".into() })
        })
        .await;
    browser
}

#[tokio::test]
async fn a_users_sessions_are_listed_with_device_and_last_use() {
    let app = App::new();
    let mut laptop = signed_in(&app, "alice", "Firefox").await;
    app.clock.advance(HOUR);
    let mut phone = signed_in(&app, "alice", "Safari").await;
    signed_in(&app, "bob", "Chrome").await;
    app.clock.advance(3 * HOUR);
    laptop.get("key").await;
    let now = handstamp::Clock::now(&*app.clock);

    let sessions = app.sessions.for_user("alice").await.unwrap();
    let agents: Vec<_> = sessions.iter().map(|session| session.device.agent.as_str()).collect();
    assert_eq!(agents, ["Firefox", "Safari"], "the one used last comes first");
    assert_eq!(sessions[0].last_seen, Some(now));
    assert_eq!(sessions[0].created, Some(now.before(4 * HOUR)));
    assert_eq!(sessions[1].last_seen, Some(now.before(3 * HOUR)));
    let own = laptop.visit(|session| Ok(session.id())).await.unwrap();
    assert_eq!(sessions[0].id, own);
    assert_eq!(phone.visit(|session| Ok(session.device())).await.unwrap().agent, "Safari");
    assert!(app.sessions.for_user("nobody").await.unwrap().is_empty());
}

// S38: any one, the others, all.
#[tokio::test]
async fn a_user_ends_one_session_the_others_or_all() {
    let app = App::new();
    let (first, second, third) = (
        signed_in(&app, "alice", "1").await,
        signed_in(&app, "alice", "2").await,
        signed_in(&app, "alice", "3").await,
    );
    let bob = signed_in(&app, "bob", "4").await;
    let lives = |browser: &Browser| {
        let browser = browser.clone();
        async move { !browser.request().await.unwrap().is_new() }
    };
    let id = |browser: &Browser| browser.id().unwrap().fingerprint();

    assert!(!app.sessions.revoke("bob", id(&first)).await.unwrap(), "another user's session");
    assert!(app.sessions.revoke("alice", id(&first)).await.unwrap());
    assert!(!app.sessions.revoke("alice", id(&first)).await.unwrap(), "it is over");
    assert!(!lives(&first).await && lives(&second).await && lives(&third).await);

    let session = second.request().await.unwrap();
    assert_eq!(app.sessions.revoke_all("alice", Some(&session)).await.unwrap(), 1);
    assert!(lives(&second).await && !lives(&third).await);
    assert_eq!(app.sessions.revoke_all("alice", None).await.unwrap(), 1);
    assert!(!lives(&second).await && lives(&bob).await);
}

#[tokio::test]
async fn who_watches_is_told_of_a_session_that_is_ended_elsewhere() {
    let app = App::new();
    let ends = signed_in(&app, "alice", "").await.id().unwrap().fingerprint();
    let mut watch = app.sessions.watch().await.unwrap();
    assert!(app.sessions.revoke("alice", ends).await.unwrap());
    assert_eq!(watch.next().await, Some(Watched::One(ends)));
    signed_in(&app, "alice", "").await;
    app.sessions.revoke_all("alice", None).await.unwrap();
    while watch.next().await != Some(Watched::Any) {}
    assert_eq!(format!("{watch:?}"), "Watch(Feed(of a memory store))");
}

// S51
#[tokio::test]
async fn ending_sessions_of_a_user_is_told_without_ids() {
    let app = App::new();
    let one = signed_in(&app, "alice", "").await.id().unwrap().fingerprint();
    signed_in(&app, "alice", "").await;
    signed_in(&app, "alice", "").await;
    app.events.lock().unwrap().clear();
    app.sessions.revoke("alice", one).await.unwrap();
    app.sessions.revoke_all("alice", None).await.unwrap();
    app.sessions.revoke_all("alice", None).await.unwrap();
    let told = app.events.lock().unwrap();
    assert_eq!(*told, [format!("Destroyed {{ session: {one:?} }}"), "Revoked { count: 2 }".into()]);
}

// S42
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn parallel_logins_never_leave_more_sessions_than_allowed() {
    let app = Arc::new(App::with(
        SessionConfig::strict().with_max_sessions_per_owner(NonZeroUsize::new(3).unwrap()),
    ));
    let start = Arc::new(Barrier::new(20));
    let mut logins = JoinSet::new();
    for _ in 0..20 {
        let (app, start) = (Arc::clone(&app), Arc::clone(&start));
        logins.spawn(async move {
            start.wait().await;
            signed_in(&app, "alice", "").await
        });
    }
    logins.join_all().await;
    assert_eq!(app.sessions.for_user("alice").await.unwrap().len(), 3);
}

#[tokio::test]
async fn a_login_above_the_limit_ends_the_oldest_session() {
    let app = App::with(
        SessionConfig::strict().with_max_sessions_per_owner(NonZeroUsize::new(2).unwrap()),
    );
    let mut browsers = Vec::new();
    for _ in 0..3 {
        browsers.push(signed_in(&app, "alice", "").await);
        app.clock.advance(MINUTE);
    }
    assert!(browsers[0].request().await.unwrap().is_new());
    assert!(!browsers[1].request().await.unwrap().is_new());
    assert!(!browsers[2].request().await.unwrap().is_new());
}

#[tokio::test]
async fn a_session_whose_id_rotates_counts_once_against_the_limit() {
    use handstamp_testing::{Fault, Gate, Operation};
    let app = App::with(
        SessionConfig::strict().with_max_sessions_per_owner(NonZeroUsize::new(2).unwrap()),
    );
    let oldest = signed_in(&app, "alice", "").await;
    app.clock.advance(MINUTE);
    let mut rotating = signed_in(&app, "alice", "").await;
    app.clock.advance(MINUTE);

    let session = rotating.request().await.unwrap();
    session.rotate().unwrap();
    let gate = Gate::new();
    app.store.inject_next(1, Operation::Create, Fault::WaitAfter(gate.clone()));
    let rotation = tokio::spawn(async move {
        rotating.respond(session).await.unwrap();
        rotating
    });
    gate.arrived().await;
    let newest = signed_in(&app, "alice", "").await;
    gate.open();
    let rotated = rotation.await.unwrap();

    assert!(oldest.request().await.unwrap().is_new());
    assert!(!rotated.request().await.unwrap().is_new());
    assert!(!newest.request().await.unwrap().is_new());
}

#[tokio::test]
async fn a_session_whose_id_rotates_is_listed_once() {
    use handstamp_testing::{Fault, Gate, Operation};
    let app = App::new();
    let browser = signed_in(&app, "alice", "").await;
    let session = browser.request().await.unwrap();
    session.rotate().unwrap();
    let gate = Gate::new();
    app.store.inject_next(1, Operation::Create, Fault::WaitAfter(gate.clone()));
    let rotation = tokio::spawn(async move { session.save().await });
    gate.arrived().await;
    assert_eq!(app.sessions.for_user("alice").await.unwrap().len(), 1);
    gate.open();
    rotation.await.unwrap().unwrap();
    assert_eq!(app.sessions.for_user("alice").await.unwrap().len(), 1);
}

#[tokio::test]
async fn revoking_a_session_while_its_id_rotates_ends_it_under_both_ids() {
    use handstamp_testing::{Fault, Gate, Operation};
    for operation in [Operation::Create, Operation::Update] {
        let app = App::new();
        let browser = signed_in(&app, "alice", "").await;
        let session = browser.request().await.unwrap();
        session.rotate().unwrap();
        let gate = Gate::new();
        app.store.inject_next(1, operation, Fault::WaitAfter(gate.clone()));
        let mut rotated = browser.clone();
        let rotation = tokio::spawn(async move {
            rotated.respond(session).await.unwrap();
            rotated
        });
        gate.arrived().await;
        app.sessions.revoke_all("alice", None).await.unwrap();
        gate.open();
        let rotated = rotation.await.unwrap();
        assert!(browser.request().await.unwrap().is_new(), "{operation:?}");
        assert!(rotated.request().await.unwrap().is_new(), "{operation:?}");
    }
}

#[tokio::test]
async fn a_revocation_that_a_rotation_overtook_and_whose_answer_is_lost_is_done_by_the_next() {
    use handstamp::store::StoreErrorKind;
    use handstamp_testing::{Fault, Gate, Operation};
    let app = App::new();
    let mut browser = app.browser();
    browser.visit(|session| session.login("alice")).await;
    let id = browser.id().unwrap().fingerprint();
    let gate = Gate::new();
    app.store.inject_next(1, Operation::List, Fault::WaitAfter(gate.clone()));
    let revoking = tokio::spawn({
        let sessions = app.sessions.clone();
        async move { sessions.revoke("alice", id).await }
    });
    gate.arrived().await;
    browser.visit(Session::rotate).await;
    app.store.inject_next(1, Operation::Update, Fault::LoseAnswer(StoreErrorKind::Timeout));
    gate.open();
    revoking.await.unwrap().unwrap_err();
    let [session] = &app.sessions.for_user("alice").await.unwrap()[..] else { panic!("one") };
    assert!(app.sessions.revoke("alice", session.id).await.unwrap());
    assert!(browser.request().await.unwrap().is_new());
}

#[test]
fn a_fingerprint_is_read_as_it_is_written() {
    let fingerprint = SessionId::random().unwrap().fingerprint();
    assert_eq!(Fingerprint::parse(&fingerprint.to_string()), Some(fingerprint));
    for bad in ["", "123", "zzzzzzzzzzzzzzzz", "+123456789abcdef", "0123456789abcdef0"] {
        assert_eq!(Fingerprint::parse(bad), None, "{bad}");
    }
}

#[tokio::test]
async fn a_session_that_changes_hands_while_it_is_being_revoked_is_not_ended() {
    let app = App::new();
    let mut browser = app.browser();
    browser.visit(|session| session.login("anna")).await;
    let [annas] = &app.sessions.for_user("anna").await.unwrap()[..] else { panic!() };
    let gate = Gate::new();
    app.store.inject_next(1, Operation::List, Fault::WaitAfter(gate.clone()));
    let (sessions, id) = (app.sessions.clone(), annas.id);
    let revoking = tokio::spawn(async move { sessions.revoke("anna", id).await });
    gate.arrived().await;
    browser.visit(|session| session.login("bert")).await;
    gate.open();
    assert!(!revoking.await.unwrap().unwrap());
    assert_eq!(browser.visit(|session| Ok(session.owner())).await.as_deref(), Some("bert"));
}
