//! Everything is saved before the head leaves. If that fails, the answer is another one.

use std::pin::pin;
use std::time::Duration;

use axum::Router;
use axum::http::StatusCode;
use axum::routing::get;
use handstamp::store::StoreErrorKind;
use handstamp::{Expiry, MemoryStore, SessionConfig};
use handstamp_testing::{Fault, Gate, Operation};
use handstamp_tower::{Session, SessionError};
use tower::ServiceExt as _;

use crate::lab::{Lab, ask, request};

fn routes() -> Router {
    Router::new()
        .route("/destroy", get(async |session: Session| Ok::<_, SessionError>(session.destroy()?)))
        .route(
            "/login",
            get(async |session: Session| Ok::<_, SessionError>(session.login("anna")?)),
        )
        .route("/read", get(async |_: Session| "read"))
        .route(
            "/write",
            get(async |session: Session| {
                session.insert("name", "berta")?;
                Ok::<_, SessionError>("written")
            }),
        )
}

#[tokio::test]
async fn the_head_waits_for_the_save() {
    let lab = Lab::new();
    let cookie = lab.anna().await;
    let gate = Gate::new();
    lab.store.inject(Operation::Update, Fault::WaitBefore(gate.clone()));

    let mut response = pin!(lab.around(routes()).oneshot(request("/write", &cookie)));
    tokio::select! {
        biased;
        _ = &mut response => panic!("the head left before the session was saved"),
        () = gate.arrived() => {}
    }
    assert_eq!(lab.name(&cookie).await.as_deref(), Some("anna"));

    gate.open();
    assert_eq!(response.await.unwrap().status(), StatusCode::OK);
    assert_eq!(lab.name(&cookie).await.as_deref(), Some("berta"));
}

#[tokio::test]
async fn whoever_has_the_head_finds_the_session_saved() {
    let lab = Lab::new();
    let response = lab.around(routes()).oneshot(request("/write", "")).await.unwrap();
    let cookie = response.headers()["set-cookie"].to_str().unwrap().to_owned();
    // The body has not been read.
    assert_eq!(lab.name(&cookie).await.as_deref(), Some("berta"));
}

// S31: logout kills the server's state before the response is sent.
#[tokio::test]
async fn whoever_has_the_head_of_a_logout_finds_the_session_gone() {
    let lab = Lab::new();
    let cookie = lab.anna().await;
    let response = lab.around(routes()).oneshot(request("/destroy", &cookie)).await.unwrap();
    assert_eq!(response.status(), StatusCode::OK);
    assert!(lab.session(&cookie).await.is_new());
}

#[tokio::test]
async fn a_new_session_that_cannot_be_stored_is_not_promised() {
    let lab = Lab::new();
    lab.store.inject(Operation::Create, Fault::Fail(StoreErrorKind::Unavailable));
    let answer = ask(&lab.around(routes()), "/write", "").await;
    answer.assert_opaque(StatusCode::SERVICE_UNAVAILABLE);
    assert_eq!(lab.told("ChangesLost"), 1);
}

#[tokio::test]
async fn a_failed_save_takes_the_place_of_the_answer() {
    let lab = Lab::new();
    let cookie = lab.anna().await;
    lab.store.inject(Operation::Update, Fault::Fail(StoreErrorKind::Unavailable));
    let answer = ask(&lab.around(routes()), "/write", &cookie).await;
    answer.assert_opaque(StatusCode::SERVICE_UNAVAILABLE);
    assert_eq!(lab.told("ChangesLost"), 1);
    assert_eq!(lab.name(&cookie).await.as_deref(), Some("anna"));
}

#[tokio::test]
async fn a_failed_destroy_does_not_say_that_it_is_done() {
    let lab = Lab::new();
    let cookie = lab.anna().await;
    lab.store.inject(Operation::Update, Fault::Fail(StoreErrorKind::Unavailable));
    let answer = ask(&lab.around(routes()), "/destroy", &cookie).await;
    answer.assert_opaque(StatusCode::SERVICE_UNAVAILABLE);
}

#[tokio::test]
async fn a_login_that_cannot_be_stored_leaves_the_old_session_whole() {
    let lab = Lab::new();
    for operation in [Operation::Create, Operation::Update] {
        let cookie = lab.anna().await;
        lab.store.inject(operation, Fault::Fail(StoreErrorKind::Refused));
        let answer = ask(&lab.around(routes()), "/login", &cookie).await;
        answer.assert_opaque(StatusCode::SERVICE_UNAVAILABLE);
        lab.store.mend();
        let session = lab.session(&cookie).await;
        assert_eq!(session.owner(), None, "{operation:?}");
        assert_eq!(lab.name(&cookie).await.as_deref(), Some("anna"), "{operation:?}");
    }
}

#[tokio::test]
async fn a_session_that_is_too_large_is_our_fault_not_the_stores() {
    let lab = Lab::<MemoryStore>::with(SessionConfig::strict().with_max_document_bytes(2000));
    let write = get(async |session: Session| {
        Ok::<_, SessionError>(session.insert("name", "x".repeat(2000))?)
    });
    let answer = ask(&lab.around(Router::new().route("/", write)), "/", "").await;
    answer.assert_opaque(StatusCode::INTERNAL_SERVER_ERROR);
}

#[tokio::test]
async fn a_touch_that_fails_costs_the_visitor_nothing() {
    let expiry = Expiry::idle(Duration::from_secs(100));
    let lab = Lab::<MemoryStore>::with(SessionConfig::strict().with_expiry(expiry));
    let cookie = lab.anna().await;
    lab.clock.advance(Duration::from_secs(50));
    lab.store.inject(Operation::Touch, Fault::Fail(StoreErrorKind::Unavailable));
    let answer = ask(&lab.around(routes()), "/read", &cookie).await;
    assert_eq!((answer.status, &*answer.body), (StatusCode::OK, "read"));
    assert_eq!((lab.store.calls(Operation::Touch), lab.told("StoreFailed")), (1, 1));
}
