//! Requests that meet in the middle of their work. Each is held where the test wants it.

use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::extract::Path;
use axum::http::StatusCode;
use axum::routing::get;
use handstamp::{Expiry, SessionConfig};
use handstamp_testing::{Fault, Gate, Operation};
use handstamp_tower::{Session, SessionError};
use tokio::sync::Notify;
use tokio::task::JoinHandle;

use crate::lab::{Answer, Lab, ask};
use crate::stores::{Keep, on_every_store};

on_every_store! {
    what_was_destroyed_stays_so_whatever_a_slow_request_does
    what_was_logged_out_stays_so_whatever_a_slow_request_does
    what_was_revoked_stays_so_whatever_a_slow_request_does
    a_slow_end_wins_over_whatever_was_done_before
    a_slow_end_finds_a_session_that_was_rotated_many_times
    without_grace_a_slow_end_still_ends_the_session_that_was_rotated
    without_grace_a_slow_request_still_adds_to_the_session_that_was_rotated
    a_slow_request_adds_to_the_session_that_was_rotated
    a_slow_request_adds_to_a_session_that_was_rotated_many_times
    a_slow_request_adds_to_the_session_that_was_signed_in
    different_keys_lose_nothing
    the_same_key_goes_to_the_later_writer
    two_rotations_at_once_are_one_new_id
    two_logins_at_once_are_two_sessions
    what_is_written_in_the_middle_of_a_login_is_in_its_session
    what_is_destroyed_in_the_middle_of_a_login_stays_so
    a_login_that_is_cancelled_in_the_middle_leaves_the_session_whole
}

/// Does what its name says, when it is let go on.
struct Slow {
    go_on: Arc<Notify>,
    answer: JoinHandle<Answer>,
}

impl Slow {
    /// Sends a request and waits until its handler has the session.
    async fn begin<K: Keep>(lab: &Lab<K>, work: &str, cookie: &str) -> Self {
        let (started, go_on) = (Arc::new(Notify::new()), Arc::new(Notify::new()));
        let (here, wait) = (started.clone(), go_on.clone());
        let handler = get(async move |Path(work): Path<String>, session: Session| {
            here.notify_one();
            wait.notified().await;
            do_work(&work, &session)
        });
        let app = lab.around(Router::new().route("/{work}", handler));
        let (path, cookie) = (format!("/{work}"), cookie.to_owned());
        let answer = tokio::spawn(async move { ask(&app, &path, &cookie).await });
        started.notified().await;
        Self { go_on, answer }
    }

    async fn end(self) -> Answer {
        self.go_on.notify_one();
        let answer = self.answer.await.unwrap();
        assert_eq!((answer.status, &*answer.body), (StatusCode::OK, "done"));
        answer
    }
}

fn do_work(work: &str, session: &Session) -> Result<&'static str, SessionError> {
    match work {
        "clear" => session.clear()?,
        "destroy" => session.destroy()?,
        "flash" => session.flash("info", "hello")?,
        "increment" => _ = session.update("count", |count: Option<u64>| count.unwrap_or(0) + 1)?,
        "insert" => session.insert("work", "insert")?,
        "login" => session.login("slow")?,
        "logout" => session.logout()?,
        "read" => _ = session.get::<String>("name")?,
        "remember" => session.set_expiry(Expiry::aal1().persistent())?,
        "rotate" => session.rotate()?,
        "touch" => session.touch(),
        name => session.insert("name", name)?,
    }
    Ok("done")
}

const WORKS: [&str; 9] =
    ["clear", "flash", "increment", "insert", "login", "read", "remember", "rotate", "touch"];

fn lab<K: Keep>() -> Lab<K> {
    Lab::with(SessionConfig::strict())
}

/// Runs a request from beginning to end.
async fn quick<K: Keep>(lab: &Lab<K>, work: &str, cookie: &str) -> Answer {
    Slow::begin(lab, work, cookie).await.end().await
}

/// S32: no resurrection. The slow request still gets its answer.
async fn stays_ended<K: Keep>(end: &str) {
    for work in WORKS {
        let lab = lab::<K>();
        let cookie = lab.anna().await;
        let slow = Slow::begin(&lab, work, &cookie).await;
        quick(&lab, end, &cookie).await;
        let answer = slow.end().await;
        assert_eq!(answer.cookie(), None, "{work}");
        assert!(lab.session(&cookie).await.is_new(), "{work} has brought it back");
        let created = lab.store.calls(Operation::Create);
        let rotates = usize::from(["login", "rotate"].contains(&work));
        assert!(created <= rotates, "{work} has created another session");
        assert_eq!(lab.told("ChangesLost"), 0, "{work}");
        assert_eq!(lab.told("EndedMeanwhile"), usize::from(work != "read"), "{work}");
    }
}

async fn what_was_destroyed_stays_so_whatever_a_slow_request_does<K: Keep>() {
    stays_ended::<K>("destroy").await;
}

async fn what_was_logged_out_stays_so_whatever_a_slow_request_does<K: Keep>() {
    stays_ended::<K>("logout").await;
}

async fn what_was_revoked_stays_so_whatever_a_slow_request_does<K: Keep>() {
    for work in WORKS {
        let lab = lab::<K>();
        let cookie = quick(&lab, "login", &lab.anna().await).await.cookie().unwrap();
        let slow = Slow::begin(&lab, work, &cookie).await;
        assert_eq!(lab.manager.revoke_all("slow", None).await.unwrap(), 1);
        let answer = slow.end().await;
        assert_eq!(answer.cookie(), None, "{work}");
        assert!(lab.session(&cookie).await.is_new(), "{work} has brought it back");
        assert_eq!(lab.manager.for_user("slow").await.unwrap().len(), 0, "{work}");
    }
}

// S32: logout wins against everything that comes while it is under way.
async fn a_slow_end_wins_over_whatever_was_done_before<K: Keep>() {
    for end in ["destroy", "logout"] {
        for work in WORKS {
            let lab = lab::<K>();
            let cookie = lab.anna().await;
            let slow = Slow::begin(&lab, end, &cookie).await;
            let rotated = quick(&lab, work, &cookie).await.cookie();
            let answer = slow.end().await;
            assert_eq!(answer.cookie().as_deref(), Some("__Host-session="), "{end}, {work}");
            for cookie in rotated.iter().chain([&cookie]) {
                assert!(lab.session(cookie).await.is_new(), "{end} did not end it after {work}");
            }
        }
    }
}

async fn a_slow_end_finds_a_session_that_was_rotated_many_times<K: Keep>() {
    let lab = lab::<K>();
    let cookie = lab.anna().await;
    let slow = Slow::begin(&lab, "destroy", &cookie).await;
    let rotated = rotate_often(&lab, &cookie).await;
    slow.end().await;
    assert!(lab.session(&rotated).await.is_new());
}

async fn a_slow_request_adds_to_the_session_that_was_rotated<K: Keep>() {
    let lab = lab::<K>();
    let cookie = lab.anna().await;
    let slow = Slow::begin(&lab, "increment", &cookie).await;
    let rotated = quick(&lab, "rotate", &cookie).await.cookie().unwrap();
    quick(&lab, "increment", &rotated).await;
    // It is told where its session went, as within the grace it would have been.
    assert_eq!(slow.end().await.cookie().as_deref(), Some(&*rotated));
    assert_eq!(lab.session(&rotated).await.get("count").unwrap(), Some(2));
}

async fn a_slow_request_adds_to_a_session_that_was_rotated_many_times<K: Keep>() {
    let lab = lab::<K>();
    let cookie = lab.anna().await;
    let slow = Slow::begin(&lab, "increment", &cookie).await;
    let rotated = rotate_often(&lab, &cookie).await;
    assert_eq!(slow.end().await.cookie().as_deref(), Some(&*rotated));
    assert_eq!(lab.session(&rotated).await.get("count").unwrap(), Some(1));
}

fn graceless<K: Keep>() -> Lab<K> {
    Lab::with(SessionConfig::strict().with_rotation_grace(Duration::ZERO))
}

async fn without_grace_a_slow_end_still_ends_the_session_that_was_rotated<K: Keep>() {
    for (end, change) in [("destroy", "rotate"), ("logout", "rotate"), ("destroy", "login")] {
        let lab = graceless::<K>();
        let cookie = lab.anna().await;
        let slow = Slow::begin(&lab, end, &cookie).await;
        let rotated = quick(&lab, change, &cookie).await.cookie().unwrap();
        slow.end().await;
        assert!(lab.session(&rotated).await.is_new(), "{end} after {change}");
    }
}

/// The grace is for requests that come after the rotation. This one came before it.
async fn without_grace_a_slow_request_still_adds_to_the_session_that_was_rotated<K: Keep>() {
    let lab = graceless::<K>();
    let cookie = lab.anna().await;
    let slow = Slow::begin(&lab, "increment", &cookie).await;
    let rotated = quick(&lab, "rotate", &cookie).await.cookie().unwrap();
    slow.end().await;
    assert_eq!(lab.session(&rotated).await.get("count").unwrap(), Some(1));
}

/// Rotates a dozen times, as an application does that rotates with every request.
async fn rotate_often<K: Keep>(lab: &Lab<K>, cookie: &str) -> String {
    let mut cookie = cookie.to_owned();
    for _ in 0..12 {
        cookie = quick(lab, "rotate", &cookie).await.cookie().unwrap();
    }
    cookie
}

async fn a_slow_request_adds_to_the_session_that_was_signed_in<K: Keep>() {
    let lab = lab::<K>();
    let cookie = lab.anna().await;
    let slow = Slow::begin(&lab, "increment", &cookie).await;
    let signed_in = quick(&lab, "login", &cookie).await.cookie().unwrap();
    assert_eq!(slow.end().await.cookie(), None, "the credential of a login is for who signed in");
    let session = lab.session(&signed_in).await;
    assert_eq!(session.get("count").unwrap(), Some(1));
    assert_eq!(session.owner().as_deref(), Some("slow"));
}

async fn different_keys_lose_nothing<K: Keep>() {
    let lab = lab::<K>();
    let cookie = lab.anna().await;
    let slow = Slow::begin(&lab, "insert", &cookie).await;
    quick(&lab, "increment", &cookie).await;
    quick(&lab, "flash", &cookie).await;
    slow.end().await;
    let session = lab.session(&cookie).await;
    let mut keys = session.keys();
    keys.sort();
    assert_eq!(keys, ["count", "flash", "name", "work"]);
}

async fn the_same_key_goes_to_the_later_writer<K: Keep>() {
    let lab = lab::<K>();
    let cookie = lab.anna().await;
    let slow = Slow::begin(&lab, "later", &cookie).await;
    quick(&lab, "sooner", &cookie).await;
    slow.end().await;
    assert_eq!(lab.name(&cookie).await.as_deref(), Some("later"));
}

async fn two_rotations_at_once_are_one_new_id<K: Keep>() {
    let lab = lab::<K>();
    let cookie = lab.anna().await;
    let slow = Slow::begin(&lab, "rotate", &cookie).await;
    let first = quick(&lab, "rotate", &cookie).await.cookie();
    assert_eq!(slow.end().await.cookie(), first);
    assert_eq!(lab.name(&first.unwrap()).await.as_deref(), Some("anna"));
}

// S9, S47: neither of two users who sign in at once may get the other's session.
async fn two_logins_at_once_are_two_sessions<K: Keep>() {
    let lab = lab::<K>();
    let cookie = lab.anna().await;
    let slow = Slow::begin(&lab, "login", &cookie).await;
    let session = lab.session(&cookie).await;
    session.login("quick").unwrap();
    let answer = lab.manager.commit(&session).await.unwrap();
    let quick = answer.credential().unwrap().value.split(';').next().unwrap().to_owned();
    let slow = slow.end().await.cookie().unwrap();
    assert_eq!(lab.session(&quick).await.owner().as_deref(), Some("quick"));
    assert_eq!(lab.session(&slow).await.owner().as_deref(), Some("slow"));
    assert!(lab.session(&cookie).await.is_new());
}

/// Stops a login when the new session is there and the old one is not retired yet.
async fn half_a_login<K: Keep>(lab: &Lab<K>, cookie: &str) -> (Gate, JoinHandle<Answer>) {
    let gate = Gate::new();
    lab.store.inject_next(1, Operation::Update, Fault::WaitBefore(gate.clone()));
    let login = Slow::begin(lab, "login", cookie).await;
    login.go_on.notify_one();
    gate.arrived().await;
    (gate, login.answer)
}

async fn what_is_written_in_the_middle_of_a_login_is_in_its_session<K: Keep>() {
    let lab = lab::<K>();
    let cookie = lab.anna().await;
    let (gate, login) = half_a_login(&lab, &cookie).await;
    quick(&lab, "increment", &cookie).await;
    gate.open();
    let signed_in = login.await.unwrap().cookie().unwrap();
    let session = lab.session(&signed_in).await;
    assert_eq!(session.get("count").unwrap(), Some(1));
    assert_eq!(session.owner().as_deref(), Some("slow"));
    assert!(lab.session(&cookie).await.is_new());
}

async fn what_is_destroyed_in_the_middle_of_a_login_stays_so<K: Keep>() {
    let lab = lab::<K>();
    let cookie = lab.anna().await;
    let (gate, login) = half_a_login(&lab, &cookie).await;
    quick(&lab, "destroy", &cookie).await;
    gate.open();
    let answer = login.await.unwrap();
    assert_eq!((answer.status, answer.cookie()), (StatusCode::OK, None));
    assert!(lab.session(&cookie).await.is_new());
    assert!(lab.manager.for_user("slow").await.unwrap().is_empty());
}

async fn a_login_that_is_cancelled_in_the_middle_leaves_the_session_whole<K: Keep>() {
    let lab = lab::<K>();
    let cookie = lab.anna().await;
    let (_gate, login) = half_a_login(&lab, &cookie).await;
    login.abort();
    assert!(login.await.unwrap_err().is_cancelled());
    assert_eq!(lab.told("ChangesLost"), 1);
    let session = lab.session(&cookie).await;
    assert_eq!(session.get("name").unwrap(), Some("anna".to_owned()));
    assert_eq!(session.owner(), None);
}
