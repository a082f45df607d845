//! Handlers that fail, panic or are cancelled: nothing is saved, the stored session stays whole, and
//! an event says that changes were lost.

use std::future::{Future, pending};
use std::pin::pin;
use std::sync::Arc;

use axum::body::Body;
use axum::http::{Request, Response};
use handstamp::Expiry;
use handstamp_testing::{Fault, Gate, Operation};
use handstamp_tower::{Session, SessionHandle, SessionLayer};
use tokio::sync::Notify;
use tower::util::BoxService;
use tower::{Layer as _, ServiceExt as _, service_fn};

use crate::lab::{Lab, request};

/// A service that does this with its session.
fn service<F>(
    lab: &Lab,
    handle: impl Fn(Session) -> F + Clone + Send + Sync + 'static,
) -> BoxService<Request<Body>, Response<Body>, Broken>
where
    F: Future<Output = Result<Response<Body>, Broken>> + Send + 'static,
{
    let handler = service_fn(move |request: Request<Body>| {
        let handle = handle.clone();
        async move {
            let session = SessionHandle::of(request.extensions()).unwrap();
            handle(session.load(request.headers()).await.unwrap()).await
        }
    });
    BoxService::new(SessionLayer::new(lab.manager.clone()).layer(handler))
}

#[derive(Debug)]
struct Broken;

/// Everything that a handler may have done before it fails.
fn change(session: &Session) {
    session.insert("name", "berta").unwrap();
    session.set_expiry(Expiry::aal3()).unwrap();
    session.login("berta").unwrap();
}

/// Asserts that the session is as it was, and that somebody was told of what was lost.
async fn assert_untouched(lab: &Lab, cookie: &str) {
    assert_eq!((lab.store.total_calls(), lab.store.calls(Operation::Load)), (1, 1));
    assert_eq!(lab.told("ChangesLost"), 1);
    let session = lab.session(cookie).await;
    assert_eq!(session.owner(), None);
    assert_eq!(session.get("name").unwrap(), Some("anna".to_owned()));
}

#[tokio::test]
async fn a_service_that_fails_saves_nothing() {
    let lab = Lab::new();
    let cookie = lab.anna().await;
    let failing = service(&lab, async |session| {
        change(&session);
        Err(Broken)
    });
    assert!(failing.oneshot(request("/", &cookie)).await.is_err());
    assert_untouched(&lab, &cookie).await;
}

#[tokio::test]
async fn a_service_that_fails_ends_no_session() {
    let lab = Lab::new();
    let cookie = lab.anna().await;
    let failing = service(&lab, async |session| {
        session.destroy().unwrap();
        Err(Broken)
    });
    assert!(failing.oneshot(request("/", &cookie)).await.is_err());
    assert_untouched(&lab, &cookie).await;
}

#[tokio::test]
async fn a_handler_that_panics_saves_nothing() {
    let lab = Lab::new();
    let cookie = lab.anna().await;
    let panicking = service(&lab, async |session| {
        change(&session);
        panic!("the handler panics, as this test wants it to");
    });
    let task = tokio::spawn(panicking.oneshot(request("/", &cookie)));
    assert!(task.await.unwrap_err().is_panic());
    assert_untouched(&lab, &cookie).await;
}

#[tokio::test]
async fn an_update_that_panics_leaves_the_session_usable() {
    let lab = Lab::new();
    let cookie = lab.anna().await;
    let panicking = service(&lab, async |session| {
        let other = session.clone();
        let panics =
            move || other.update("name", |_: Option<String>| -> String { panic!("as wanted") });
        assert!(tokio::task::spawn_blocking(panics).await.unwrap_err().is_panic());
        session.insert("name", "berta").unwrap();
        Ok(Response::default())
    });
    panicking.oneshot(request("/", &cookie)).await.unwrap();
    assert_eq!(lab.name(&cookie).await.as_deref(), Some("berta"));
}

#[tokio::test]
async fn a_cancelled_handler_saves_nothing() {
    let lab = Lab::new();
    let cookie = lab.anna().await;
    let changed = Arc::new(Notify::new());
    let reached = changed.clone();
    let waiting = service(&lab, move |session| {
        let reached = reached.clone();
        async move {
            change(&session);
            reached.notify_one();
            pending().await
        }
    });
    {
        let mut response = pin!(waiting.oneshot(request("/", &cookie)));
        tokio::select! {
            _ = &mut response => panic!("the handler waits for ever"),
            () = changed.notified() => {}
        }
    }
    assert_untouched(&lab, &cookie).await;
}

#[tokio::test]
async fn a_request_that_is_cancelled_in_its_save_leaves_the_session_whole() {
    let lab = Lab::new();
    let cookie = lab.anna().await;
    let gate = Gate::new();
    lab.store.inject_next(1, Operation::Update, Fault::WaitBefore(gate.clone()));
    let writing = || {
        service(&lab, async |session| {
            session.insert("name", "berta").unwrap();
            Ok(Response::default())
        })
    };
    {
        let mut response = pin!(writing().oneshot(request("/", &cookie)));
        tokio::select! {
            _ = &mut response => panic!("the save waits at the gate"),
            () = gate.arrived() => {}
        }
    }
    assert_eq!(lab.told("ChangesLost"), 1);
    assert_eq!(lab.name(&cookie).await.as_deref(), Some("anna"));

    // Nobody waits for the one who is gone.
    writing().oneshot(request("/", &cookie)).await.unwrap();
    assert_eq!(lab.name(&cookie).await.as_deref(), Some("berta"));
}

#[tokio::test]
async fn what_a_new_visitor_wrote_in_vain_is_told_too() {
    let lab = Lab::new();
    let failing = service(&lab, async |session| {
        session.insert("name", "berta").unwrap();
        Err(Broken)
    });
    assert!(failing.oneshot(request("/", "")).await.is_err());
    assert_eq!((lab.store.total_calls(), lab.told("ChangesLost")), (0, 1));
}

#[tokio::test]
async fn nothing_is_lost_where_nothing_was_changed() {
    let lab = Lab::new();
    let cookie = lab.anna().await;
    for cookie in ["", &cookie] {
        let failing = service(&lab, async |session| {
            session.get::<String>("name").unwrap();
            Err(Broken)
        });
        assert!(failing.oneshot(request("/", cookie)).await.is_err());
    }
    assert_eq!(lab.told("ChangesLost"), 0);
}
