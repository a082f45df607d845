//! A target driven in this process, without any socket: what an instruction counter looks at.

use std::error::Error;

use axum::Router;
use axum::body::{Body, to_bytes};
use axum::http::header::{COOKIE, SET_COOKIE};
use axum::http::{HeaderValue, Request, Response, StatusCode};
use axum::routing::RouterIntoService;
use tokio::runtime;
use tower_service::Service as _;

/// Begins a session, makes sure that it counts, and asks `requests` times for one route.
///
/// # Errors
/// The target can't be made, does not count rightly, or answers with another status than 200.
pub fn drive(
    build: impl AsyncFnOnce() -> Result<Router, Box<dyn Error>>,
    case: &str,
    bytes: usize,
    requests: usize,
) -> Result<(), Box<dyn Error>> {
    let runtime = runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(async {
        let mut service = build().await?.into_service();
        let filled = ask(&mut service, &format!("/fill/{bytes}"), None).await?;
        let cookies = filled.headers().get_all(SET_COOKIE).iter().map(HeaderValue::to_str);
        let cookie =
            HeaderValue::from_str(&crate::cookie(cookies.collect::<Result<Vec<_>, _>>()?))?;
        check(&mut service, &cookie).await?;
        let path = format!("/{case}");
        for _ in 0..requests {
            let response = ask(&mut service, &path, Some(&cookie)).await?;
            drop(response);
        }
        Ok(())
    })
}

async fn check(
    service: &mut RouterIntoService<Body>,
    cookie: &HeaderValue,
) -> Result<(), Box<dyn Error>> {
    for (path, expected) in [("/read", "0"), ("/write", "1"), ("/read", "1")] {
        let response = ask(service, path, Some(cookie)).await?;
        let body = to_bytes(response.into_body(), 1024).await?;
        if body != expected.as_bytes() {
            return Err(format!("{path} answered {body:?} instead of {expected}").into());
        }
    }
    Ok(())
}

async fn ask(
    service: &mut RouterIntoService<Body>,
    path: &str,
    cookie: Option<&HeaderValue>,
) -> Result<Response<Body>, Box<dyn Error>> {
    let mut request = Request::builder().uri(path).body(Body::empty())?;
    if let Some(cookie) = cookie {
        request.headers_mut().insert(COOKIE, cookie.clone());
    }
    // A router is always ready.
    let response = service.call(request).await?;
    match response.status() {
        StatusCode::OK => Ok(response),
        status => Err(format!("{path} answered {status}").into()),
    }
}
