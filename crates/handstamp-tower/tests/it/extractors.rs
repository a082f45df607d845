//! What handlers get, and how often it is loaded.

use axum::Router;
use axum::body::Body;
use axum::extract::Request;
use axum::http::StatusCode;
use axum::middleware::{Next, from_fn};
use axum::response::Response;
use axum::routing::get;
use handstamp::Key;
use handstamp_testing::Operation;
use handstamp_tower::{Session, SessionError, SessionHandle};
use http_body_util::BodyExt as _;
use tower::ServiceExt as _;

use crate::lab::{Lab, ask};

#[tokio::test]
async fn a_handler_may_ask_twice() {
    let lab = Lab::new();
    let cookie = lab.anna().await;
    let handler = get(async |one: Session, two: Session, three: Option<Session>| {
        one.insert("name", "berta")?;
        assert_eq!(two.get::<String>("name")?.as_deref(), Some("berta"));
        assert_eq!(three.unwrap().get::<String>("name")?.as_deref(), Some("berta"));
        Ok::<_, SessionError>(())
    });
    let app = lab.around(Router::new().route("/", handler));
    assert_eq!(ask(&app, "/", &cookie).await.status, StatusCode::OK);
    assert_eq!((lab.store.calls(Operation::Load), lab.store.total_calls()), (1, 2));
}

#[tokio::test]
async fn middleware_and_handler_share_one_session() {
    let lab = Lab::new();
    let cookie = lab.anna().await;
    let stamp =
        async |session: Session, request: Request, next: Next| -> Result<Response, SessionError> {
            session.insert("before", 1)?;
            let response = next.run(request).await;
            session.insert("after", session.get::<u64>("before")?)?;
            Ok(response)
        };
    let handler = get(async |session: Session| Ok::<_, SessionError>(session.insert("before", 2)?));
    let app = lab.around(Router::new().route("/", handler).layer(from_fn(stamp)));
    assert_eq!(ask(&app, "/", &cookie).await.status, StatusCode::OK);
    assert_eq!((lab.store.calls(Operation::Load), lab.store.total_calls()), (1, 2));
    assert_eq!(lab.session(&cookie).await.get("after").unwrap(), Some(2));
}

#[tokio::test]
async fn a_request_that_never_asks_goes_by_untouched() {
    let lab = Lab::new();
    let cookie = lab.anna().await;
    let app = lab.around(Router::new().route("/", get(async || "plain")));
    let answer = ask(&app, "/", &cookie).await;
    assert_eq!((answer.status, &*answer.body), (StatusCode::OK, "plain"));
    for name in ["set-cookie", "vary", "cache-control"] {
        assert!(!answer.headers.contains_key(name), "{name}");
    }
    assert_eq!(lab.store.total_calls(), 0);
}

/// HTTP/2 may split the cookies of a request (RFC 9113, section 8.2.3).
#[tokio::test]
async fn cookies_may_come_in_several_headers() {
    let lab = Lab::new();
    let cookie = lab.anna().await;
    let read = get(async |session: Session| {
        Ok::<_, SessionError>(session.get::<String>("name")?.unwrap_or_default())
    });
    let app = lab.around(Router::new().route("/", read));
    for lines in [["a=b", &cookie], [&cookie, "a=b"], ["__Host-session=bad", &cookie]] {
        let request = lines
            .iter()
            .fold(Request::builder().uri("/"), |request, line| request.header("cookie", *line));
        let response = app.clone().oneshot(request.body(Body::empty()).unwrap()).await.unwrap();
        let body = response.into_body().collect().await.unwrap().to_bytes();
        assert_eq!(body, "anna", "{lines:?}");
    }
}

// S56: anonymous traffic can't fill the store.
#[tokio::test]
async fn a_thousand_visitors_who_only_look_leave_nothing() {
    let lab = Lab::new();
    let routes = Router::new()
        .route("/maybe", get(async |session: Option<Session>| session.is_some().to_string()))
        .route("/new", get(async |session: Session| session.is_new().to_string()));
    let app = lab.around(routes);
    for _ in 0..500 {
        assert_eq!(ask(&app, "/maybe", "").await.body, "false");
        let answer = ask(&app, "/new", "__Host-session=s%3Aguessed.guessed").await;
        assert_eq!((&*answer.body, answer.cookie()), ("true", None));
    }
    assert_eq!(lab.store.total_calls(), 0);
    assert!(lab.store.inner().is_empty());
}

#[tokio::test]
async fn an_optional_session_can_be_written_to() {
    let lab = Lab::new();
    let cookie = lab.anna().await;
    let handler = get(async |session: Option<Session>| {
        if let Some(session) = session {
            session.insert("name", "berta")?;
        }
        Ok::<_, SessionError>(())
    });
    let app = lab.around(Router::new().route("/", handler));
    assert_eq!(ask(&app, "/", &cookie).await.status, StatusCode::OK);
    assert_eq!(lab.name(&cookie).await.as_deref(), Some("berta"));
    assert_eq!(ask(&app, "/", "").await.cookie(), None);
}

#[tokio::test]
async fn an_error_of_the_session_answers_500_and_nothing_more() {
    const NAME: Key<u64> = Key::new("name");
    let lab = Lab::new();
    let cookie = lab.anna().await;
    let handler = get(async |session: Session| {
        session.insert("before", 1)?;
        Ok::<_, SessionError>(session.get(NAME)?.unwrap_or(0).to_string())
    });
    let app = lab.around(Router::new().route("/", handler));
    let answer = ask(&app, "/", &cookie).await;
    assert_eq!((answer.status, &*answer.body), (StatusCode::INTERNAL_SERVER_ERROR, ""));
    assert_eq!(answer.headers["cache-control"], "no-store");
    // An error is an answer: what went before it is saved.
    assert_eq!(lab.session(&cookie).await.get("before").unwrap(), Some(1));
}

#[tokio::test]
async fn a_reserved_name_is_an_error_that_names_it() {
    let lab = Lab::new();
    let session = lab.session("").await;
    for name in ["cookie", "save", "__handstamp"] {
        let error = SessionError::from(session.insert(name, 1).unwrap_err());
        assert_eq!(error.status(), StatusCode::INTERNAL_SERVER_ERROR);
        assert!(error.to_string().contains(name), "{error}");
    }
}

#[tokio::test]
async fn who_asks_twice_at_once_gets_one_session() {
    let lab = Lab::new();
    let cookie = lab.anna().await;
    let handler = get(async |request: Request| {
        let (parts, _) = request.into_parts();
        let handle = SessionHandle::<()>::of(&parts.extensions)?;
        let (one, two) = tokio::join!(handle.load(&parts.headers), handle.load(&parts.headers));
        one?.insert("name", "berta")?;
        Ok::<_, SessionError>(two?.get::<String>("name")?.unwrap_or_default())
    });
    let app = lab.around(Router::new().route("/", handler));
    assert_eq!(ask(&app, "/", &cookie).await.body, "berta");
    assert_eq!(lab.name(&cookie).await.as_deref(), Some("berta"));
    assert_eq!(lab.told("ChangesLost"), 0);
}
