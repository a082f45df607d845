//! What most tests need: a manager over a store that fails on command, and the events that it tells.

use std::iter;
use std::sync::Arc;

use axum::Router;
use axum::body::Body;
use axum::http::{HeaderMap, HeaderName, Request, StatusCode};
use handstamp::{Keys, MemoryStore, Session, SessionConfig, SessionManager};
use handstamp_testing::{FaultyStore, ManualClock};
use handstamp_tower::SessionLayer;
use http_body_util::BodyExt as _;
use tokio::sync::watch;
use tower::ServiceExt as _;

use crate::stores::Keep;

pub(crate) const SECRET: &str = "the secret of the tests of handstamp-tower";

pub(crate) struct Lab<K: Keep = MemoryStore> {
    pub(crate) clock: Arc<ManualClock>,
    pub(crate) store: FaultyStore<K::Store>,
    pub(crate) manager: SessionManager,
    events: Arc<watch::Sender<Vec<String>>>,
    _keep: K,
}

impl Lab {
    pub(crate) fn new() -> Self {
        Self::with(SessionConfig::strict())
    }
}

impl<K: Keep> Lab<K> {
    pub(crate) fn with(config: SessionConfig) -> Self {
        let clock = Arc::new(ManualClock::new());
        let (keep, store) = K::new(clock.clone());
        let store = FaultyStore::new(store);
        let events = Arc::new(watch::Sender::new(Vec::new()));
        let seen = events.clone();
        let manager = SessionManager::new(store.clone(), Keys::express([SECRET]))
            .with_clock(clock.clone())
            .with_config(config)
            .unwrap()
            .with_observer(move |event| seen.send_modify(|all| all.push(format!("{event:?}"))));
        Self { clock, store, manager, events, _keep: keep }
    }

    /// Puts the layer around the routes.
    pub(crate) fn around(&self, routes: Router) -> Router {
        routes.layer(SessionLayer::new(self.manager.clone()))
    }

    /// Begins a session that holds `name: "anna"`, and returns its `Cookie` header. Its calls to the
    /// store don't count.
    pub(crate) async fn anna(&self) -> String {
        let session = self.manager.load(|_| iter::empty()).await.unwrap();
        session.insert("name", "anna").unwrap();
        let answer = self.manager.commit(&session).await.unwrap();
        self.store.reset_calls();
        self.events.send_modify(Vec::clear);
        pair(&answer.credential().unwrap().value)
    }

    /// The session of a `Cookie` header, as another request finds it now.
    pub(crate) async fn session(&self, cookie: &str) -> Session {
        let values = |name: &str| (name == "cookie").then_some(cookie.as_bytes()).into_iter();
        self.manager.load(values).await.unwrap()
    }

    /// The name that the session of a `Cookie` header holds now.
    pub(crate) async fn name(&self, cookie: &str) -> Option<String> {
        self.session(cookie).await.get("name").unwrap()
    }

    /// How often an event of this name was told.
    pub(crate) fn told(&self, name: &str) -> usize {
        count(&self.events.borrow(), name)
    }

    /// Waits until an event of this name is told.
    pub(crate) async fn hears(&self, name: &str) {
        self.events.subscribe().wait_for(|events| count(events, name) > 0).await.unwrap();
    }
}

fn count(events: &[String], name: &str) -> usize {
    events.iter().filter(|event| event.split([' ', '(']).next() == Some(name)).count()
}

/// A response, read to its end.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    pub(crate) body: String,
}

impl Answer {
    /// The `Cookie` header that a browser makes of the one `Set-Cookie`.
    pub(crate) fn cookie(&self) -> Option<String> {
        let mut all = self.headers.get_all("set-cookie").iter();
        let first = all.next().map(|value| pair(value.to_str().unwrap()));
        assert_eq!(all.next(), None, "a second Set-Cookie");
        first
    }

    /// Asserts that it says nothing but its status.
    #[track_caller]
    pub(crate) fn assert_opaque(&self, status: StatusCode) {
        assert_eq!(self.status, status);
        assert_eq!(self.body, "");
        let mut names: Vec<_> = self.headers.keys().map(HeaderName::as_str).collect();
        names.retain(|name| !["content-length", "date", "connection"].contains(name));
        assert_eq!(names, ["cache-control"], "{:?}", self.headers);
        assert_eq!(self.headers["cache-control"], "no-store");
    }
}

/// Asks for a path, with this `Cookie` header if it is not empty.
pub(crate) async fn ask(app: &Router, path: &str, cookie: &str) -> Answer {
    let Ok(response) = app.clone().oneshot(request(path, cookie)).await;
    let (head, body) = response.into_parts();
    let body = body.collect().await.unwrap().to_bytes();
    Answer {
        status: head.status,
        headers: head.headers,
        body: String::from_utf8(body.into()).unwrap(),
    }
}

pub(crate) fn request(path: &str, cookie: &str) -> Request<Body> {
    let request = Request::builder().uri(path);
    let request = if cookie.is_empty() { request } else { request.header("cookie", cookie) };
    request.body(Body::empty()).unwrap()
}

/// `name=value` of a `Set-Cookie`.
fn pair(set_cookie: &str) -> String {
    set_cookie.split(';').next().unwrap().to_owned()
}
