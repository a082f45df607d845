//! Stores that fail, hang, or come back: a failure never turns into an empty session that is saved.

use std::time::{Duration, Instant};

use axum::Router;
use axum::http::StatusCode;
use axum::routing::get;
use handstamp::store::StoreErrorKind;
use handstamp::{FailurePolicy, MemoryStore, SessionConfig};
use handstamp_testing::{Fault, Operation};
use handstamp_tower::{Session, SessionError};

use crate::lab::{Lab, ask};

const DEADLINE: Duration = Duration::from_millis(50);

fn routes() -> Router {
    type Done = Result<(), SessionError>;
    Router::new()
        .route("/destroy", get(async |session: Session| Done::Ok(session.destroy()?)))
        .route("/login", get(async |session: Session| Done::Ok(session.login("anna")?)))
        .route("/logout", get(async |session: Session| Done::Ok(session.logout()?)))
        .route("/nothing", get(async || "nothing"))
        .route("/peek", get(async |session: Option<Session>| session.is_some().to_string()))
        .route("/rotate", get(async |session: Session| Done::Ok(session.rotate()?)))
        .route("/touch", get(async |session: Session| session.touch()))
        .route("/write", get(async |session: Session| Done::Ok(session.insert("name", "berta")?)))
        .route(
            "/read",
            get(async |session: Session| {
                let name = session.get::<String>("name")?;
                Ok::<_, SessionError>(name.unwrap_or_else(|| "nobody".into()))
            }),
        )
}

fn lenient() -> Lab {
    let config = SessionConfig::strict().with_failure_policy(FailurePolicy::Anonymous);
    Lab::<MemoryStore>::with(config.with_store_deadline(DEADLINE))
}

fn impatient() -> Lab {
    Lab::<MemoryStore>::with(SessionConfig::strict().with_store_deadline(DEADLINE))
}

/// Runs a request that must not take as long as it may: nobody waits for a hanging store.
async fn soon<T>(request: impl Future<Output = T>) -> T {
    let start = Instant::now();
    let answer = tokio::time::timeout(Duration::from_secs(60), request).await;
    assert!(start.elapsed() >= DEADLINE, "it was given up before its time");
    answer.expect("it hangs")
}

#[tokio::test]
async fn while_the_store_fails_requests_are_refused() {
    let lab = Lab::new();
    let cookie = lab.anna().await;
    let app = lab.around(routes());
    lab.store.inject(Operation::Load, Fault::Fail(StoreErrorKind::Unavailable));
    for path in ["/read", "/peek", "/write", "/login", "/logout", "/destroy", "/rotate", "/touch"] {
        ask(&app, path, &cookie).await.assert_opaque(StatusCode::SERVICE_UNAVAILABLE);
    }
    assert_eq!(lab.store.calls(Operation::Load), lab.store.total_calls());
    assert_eq!(ask(&app, "/nothing", &cookie).await.body, "nothing");
}

// PEERS 7: a blip of the store must not overwrite a real session with an empty one.
#[tokio::test]
async fn a_session_outlives_the_failure_of_its_store() {
    for lab in [Lab::new(), lenient()] {
        let cookie = lab.anna().await;
        let app = lab.around(routes());
        lab.store.inject(Operation::Load, Fault::Fail(StoreErrorKind::Unavailable));
        for path in ["/write", "/login", "/logout", "/destroy", "/rotate", "/touch", "/read"] {
            assert_eq!(ask(&app, path, &cookie).await.cookie(), None, "{path}");
        }
        lab.store.mend();
        assert_eq!(ask(&app, "/read", &cookie).await.body, "anna");
        assert_eq!(lab.store.inner().len(), 1);
    }
}

#[tokio::test]
async fn what_may_pass_is_503_and_what_will_not_is_500() {
    for (kind, status) in [
        (StoreErrorKind::Corrupt, StatusCode::INTERNAL_SERVER_ERROR),
        (StoreErrorKind::Refused, StatusCode::SERVICE_UNAVAILABLE),
        (StoreErrorKind::Timeout, StatusCode::SERVICE_UNAVAILABLE),
        (StoreErrorKind::TooLarge, StatusCode::INTERNAL_SERVER_ERROR),
        (StoreErrorKind::Unavailable, StatusCode::SERVICE_UNAVAILABLE),
    ] {
        for operation in [Operation::Load, Operation::Update] {
            let lab = Lab::new();
            let cookie = lab.anna().await;
            lab.store.inject(operation, Fault::Fail(kind));
            ask(&lab.around(routes()), "/write", &cookie).await.assert_opaque(status);
        }
    }
}

#[tokio::test]
async fn a_store_that_hangs_is_given_up_at_the_deadline() {
    for (operation, path) in [
        (Operation::Load, "/read"),
        (Operation::Load, "/peek"),
        (Operation::Update, "/write"),
        (Operation::Create, "/login"),
        (Operation::Update, "/login"),
        (Operation::Update, "/logout"),
    ] {
        let lab = impatient();
        let cookie = lab.anna().await;
        lab.store.inject(operation, Fault::Hang);
        let app = lab.around(routes());
        let answer = soon(ask(&app, path, &cookie)).await;
        answer.assert_opaque(StatusCode::SERVICE_UNAVAILABLE);
        assert_eq!(ask(&app, "/nothing", &cookie).await.body, "nothing");
    }
}

#[tokio::test]
async fn a_touch_that_hangs_is_given_up_and_costs_nothing_else() {
    let lab = impatient();
    let cookie = lab.anna().await;
    lab.store.inject(Operation::Touch, Fault::Hang);
    let answer = soon(ask(&lab.around(routes()), "/touch", &cookie)).await;
    assert_eq!((answer.status, lab.told("StoreFailed")), (StatusCode::OK, 1));
}

#[tokio::test]
async fn a_rotation_whose_answer_is_lost_loses_no_session() {
    for path in ["/rotate", "/login"] {
        for operation in [Operation::Create, Operation::Update] {
            let lab = Lab::new();
            let cookie = lab.anna().await;
            let fault = Fault::LoseAnswer(StoreErrorKind::Timeout);
            lab.store.inject_next(1, operation, fault);
            let answer = ask(&lab.around(routes()), path, &cookie).await;
            answer.assert_opaque(StatusCode::SERVICE_UNAVAILABLE);
            // The browser has no new credential. After a rotation the old one leads to the session,
            // wherever it is; after a login it must not (S9).
            let hidden = path == "/login" && operation == Operation::Update;
            let name = lab.name(&cookie).await;
            assert_eq!(name.is_none(), hidden, "{path} {operation:?}");
        }
    }
}

#[tokio::test]
async fn a_reload_that_fails_is_an_error_like_any_other() {
    let lab = impatient();
    let cookie = lab.anna().await;
    let store = lab.store.clone();
    let handler = get(async move |session: Session| {
        store.inject(Operation::Load, Fault::Hang);
        session.reload().await?;
        Ok::<_, SessionError>(())
    });
    let app = lab.around(Router::new().route("/", handler));
    let answer = soon(ask(&app, "/", &cookie)).await;
    assert_eq!((answer.status, &*answer.body), (StatusCode::SERVICE_UNAVAILABLE, ""));
}

#[tokio::test]
async fn a_lenient_application_takes_the_visitor_for_a_stranger() {
    for fault in [Fault::Fail(StoreErrorKind::Unavailable), Fault::Hang] {
        let lab = lenient();
        let cookie = lab.anna().await;
        let app = lab.around(routes());
        lab.store.inject(Operation::Load, fault);
        let answer = ask(&app, "/read", &cookie).await;
        assert_eq!((answer.status, &*answer.body), (StatusCode::OK, "nobody"));
        // A cache must not keep this for everybody.
        assert_eq!(answer.headers["cache-control"], "no-store");
        assert_eq!(answer.cookie(), None);
        assert_eq!(ask(&app, "/peek", &cookie).await.body, "false");
        assert_eq!(lab.told("StoreFailed"), 2);
    }
}

#[tokio::test]
async fn a_lenient_application_writes_nothing_while_the_store_fails() {
    let lab = lenient();
    let cookie = lab.anna().await;
    let app = lab.around(routes());
    lab.store.inject(Operation::Load, Fault::Fail(StoreErrorKind::Unavailable));
    for path in ["/write", "/login", "/logout", "/destroy", "/rotate"] {
        let answer = ask(&app, path, &cookie).await;
        assert!(answer.status.is_server_error(), "{path}: {}", answer.status);
        assert_eq!((answer.cookie(), &*answer.body), (None, ""), "{path}");
    }
    assert_eq!(lab.store.calls(Operation::Load), lab.store.total_calls());
    assert_eq!(lab.told("ChangesLost"), 0);
}

/// Trying again may help, which is what 503 says.
#[tokio::test]
async fn a_read_only_session_says_that_it_will_pass() {
    let lab = lenient();
    let cookie = lab.anna().await;
    lab.store.inject(Operation::Load, Fault::Fail(StoreErrorKind::Unavailable));
    let answer = ask(&lab.around(routes()), "/write", &cookie).await;
    assert_eq!(answer.status, StatusCode::SERVICE_UNAVAILABLE);
}

#[tokio::test]
async fn a_lenient_application_does_not_forgive_a_damaged_store() {
    let lab = lenient();
    let cookie = lab.anna().await;
    lab.store.inject(Operation::Load, Fault::Fail(StoreErrorKind::Corrupt));
    let answer = ask(&lab.around(routes()), "/read", &cookie).await;
    answer.assert_opaque(StatusCode::INTERNAL_SERVER_ERROR);
}

#[tokio::test]
async fn a_lenient_application_refuses_an_answer_whose_save_failed() {
    let lab = lenient();
    let cookie = lab.anna().await;
    lab.store.inject(Operation::Update, Fault::Fail(StoreErrorKind::Unavailable));
    let answer = ask(&lab.around(routes()), "/write", &cookie).await;
    answer.assert_opaque(StatusCode::SERVICE_UNAVAILABLE);
}
