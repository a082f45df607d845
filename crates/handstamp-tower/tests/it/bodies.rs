//! Bodies that go on after the head has left: what they save is saved, what they don't is told.

use std::convert::Infallible;
use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::http::Response;
use axum::routing::get;
use futures_channel::mpsc;
use handstamp::{ErrorKind, Expiry, SessionError};
use handstamp_testing::Operation;
use handstamp_tower::Session;
use http_body_util::BodyExt as _;
use tokio::sync::Notify;
use tower::ServiceExt as _;

use crate::lab::{Lab, request};

/// Asks for an answer whose body does this with the session after the head has left.
async fn after_the_head<F>(
    lab: &Lab,
    cookie: &str,
    work: impl Fn(Session) -> F + Clone + Send + Sync + 'static,
) -> Response<Body>
where
    F: Future<Output = ()> + Send + 'static,
{
    let head_left = Arc::new(Notify::new());
    let go = head_left.clone();
    let stream = get(async move |session: Session| {
        let (chunks, stream) = mpsc::unbounded();
        tokio::spawn(async move {
            go.notified().await;
            work(session).await;
            chunks.unbounded_send(Ok::<_, Infallible>("done")).unwrap();
        });
        Body::from_stream(stream)
    });
    let app = lab.around(Router::new().route("/", stream));
    let (head, body) = app.oneshot(request("/", cookie)).await.unwrap().into_parts();
    head_left.notify_one();
    assert_eq!(body.collect().await.unwrap().to_bytes(), "done");
    Response::from_parts(head, Body::empty())
}

fn kind(result: Result<(), SessionError>) -> Option<ErrorKind> {
    result.err().map(|error| error.kind())
}

#[tokio::test]
async fn what_a_body_saves_is_saved() {
    let lab = Lab::new();
    let cookie = lab.anna().await;
    let response = after_the_head(&lab, &cookie, async |session| {
        session.insert("name", "berta").unwrap();
        session.save().await.unwrap();
    });
    assert!(!response.await.headers().contains_key("set-cookie"));
    assert_eq!(lab.name(&cookie).await.as_deref(), Some("berta"));
    assert_eq!(lab.told("ChangesLost"), 0);
}

#[tokio::test]
async fn what_a_body_does_not_save_is_told() {
    let lab = Lab::new();
    let cookie = lab.anna().await;
    after_the_head(&lab, &cookie, async |session| {
        session.insert("name", "berta").unwrap();
    })
    .await;
    assert_eq!(lab.told("ChangesLost"), 1);
    assert_eq!(lab.name(&cookie).await.as_deref(), Some("anna"));
}

#[tokio::test]
async fn a_body_that_only_reads_is_no_event() {
    let lab = Lab::new();
    let cookie = lab.anna().await;
    after_the_head(&lab, &cookie, async |session| {
        assert_eq!(session.get("name").unwrap(), Some("anna".to_owned()));
        session.save().await.unwrap();
    })
    .await;
    assert_eq!((lab.told("ChangesLost"), lab.store.total_calls()), (0, 1));
}

#[tokio::test]
async fn a_body_cannot_rotate() {
    let lab = Lab::new();
    let cookie = lab.anna().await;
    after_the_head(&lab, &cookie, async |session| {
        session.rotate().unwrap();
        assert_eq!(kind(session.save().await), Some(ErrorKind::HeadersSent));
    })
    .await;
    assert_eq!((lab.told("ChangesLost"), lab.store.calls(Operation::Create)), (1, 0));
    assert_eq!(lab.name(&cookie).await.as_deref(), Some("anna"));
}

#[tokio::test]
async fn a_body_cannot_sign_in() {
    let lab = Lab::new();
    let cookie = lab.anna().await;
    after_the_head(&lab, &cookie, async |session| {
        session.login("anna").unwrap();
        assert_eq!(kind(session.save().await), Some(ErrorKind::HeadersSent));
    })
    .await;
    assert_eq!((lab.told("ChangesLost"), lab.store.calls(Operation::Create)), (1, 0));
    assert_eq!(lab.session(&cookie).await.owner(), None);
}

#[tokio::test]
async fn a_body_cannot_begin_a_session() {
    let lab = Lab::new();
    let response = after_the_head(&lab, "", async |session| {
        session.insert("name", "berta").unwrap();
        assert_eq!(kind(session.save().await), Some(ErrorKind::HeadersSent));
    });
    assert!(!response.await.headers().contains_key("set-cookie"));
    assert_eq!((lab.told("ChangesLost"), lab.store.total_calls()), (1, 0));
}

#[tokio::test]
async fn a_body_may_make_the_session_live_longer_and_the_browser_learns_it_later() {
    let lab = Lab::new();
    let cookie = lab.anna().await;
    after_the_head(&lab, &cookie, async |session| {
        session.set_expiry(Expiry::idle(Duration::from_secs(1000)).persistent()).unwrap();
        session.save().await.unwrap();
    })
    .await;
    assert_eq!(lab.told("ChangesLost"), 0);
    lab.clock.advance(Duration::from_secs(100));
    let response = after_the_head(&lab, &cookie, async |_| ()).await;
    let set_cookie = response.headers()["set-cookie"].to_str().unwrap();
    assert!(set_cookie.contains("Max-Age=1000"), "{set_cookie}");
}

#[tokio::test]
async fn a_body_may_end_the_session() {
    let lab = Lab::new();
    let cookie = lab.anna().await;
    after_the_head(&lab, &cookie, async |session| {
        session.destroy().unwrap();
        session.save().await.unwrap();
    })
    .await;
    assert!(lab.session(&cookie).await.is_new());
    assert_eq!(lab.told("ChangesLost"), 0);
}

#[tokio::test]
async fn a_body_learns_that_the_session_was_ended_meanwhile() {
    let lab = Lab::new();
    let cookie = lab.anna().await;
    let (manager, other) = (lab.manager.clone(), cookie.clone());
    after_the_head(&lab, &cookie, move |session| {
        let (manager, other) = (manager.clone(), other.clone());
        async move {
            let values = |name: &str| (name == "cookie").then_some(other.as_bytes()).into_iter();
            let elsewhere = manager.load(values).await.unwrap();
            elsewhere.destroy().unwrap();
            elsewhere.save().await.unwrap();

            session.insert("name", "berta").unwrap();
            session.save().await.unwrap();
            assert!(session.is_ended());
        }
    })
    .await;
    assert!(lab.session(&cookie).await.is_new());
    assert_eq!(lab.told("EndedMeanwhile"), 1);
}
