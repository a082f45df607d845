//! An application, and the requests of which each is counted.

use std::collections::BTreeMap;
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::http::{Request, StatusCode};
use axum::routing::get;
use handstamp::store::AnyStore;
use handstamp::{Expiry, Keys, SessionConfig, SessionManager};
use handstamp_tower::{Session, SessionError, SessionLayer};
use tokio::task::block_in_place;
use tower::ServiceExt as _;

use crate::wire::Wire;

/// How often a server has run each command, or all statements, by their names.
pub(crate) type Calls = BTreeMap<String, usize>;

/// What a request does. A user's is that of a visitor who is signed in, whose sessions can be found by the
/// user.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Visit {
    Anonymous,
    Create,
    Login,
    Read,
    /// The touch before has made that none is due.
    ReadAfterTouch,
    Touch,
    UserCreate,
    UserTouch,
    UserWrite,
    Write,
}

impl Visit {
    /// In the order of a walk: most need what those before them have done.
    const WALK: [Self; 10] = [
        Self::Anonymous,
        Self::Create,
        Self::Read,
        Self::Write,
        Self::Touch,
        Self::ReadAfterTouch,
        Self::Login,
        Self::UserWrite,
        Self::UserTouch,
        Self::UserCreate,
    ];

    fn path(self) -> &'static str {
        match self {
            Self::Anonymous => "/anonymous",
            Self::Create | Self::UserWrite | Self::Write => "/write",
            Self::Login | Self::UserCreate => "/login",
            Self::Read | Self::ReadAfterTouch | Self::Touch | Self::UserTouch => "/read",
        }
    }
}

/// What a visit has cost: its round trips, and what the server has counted.
pub(crate) type Cost = (Visit, usize, Calls);

/// Counts what each visit costs when all that is done once is done: connections, prepared statements, scripts.
pub(crate) async fn count_visits(
    store: AnyStore,
    wire: &Wire,
    calls: impl Fn() -> Calls,
) -> Vec<Cost> {
    let application = Application::new(store);
    for _ in 0..10 {
        application.walk(wire, &Calls::new).await;
    }
    // So much longer than anything takes here that no question can come too late to share a trip.
    wire.delay(Duration::from_millis(50));
    application.walk(wire, &calls).await
}

struct Application {
    router: Router,
    /// The same, but a session that is not used ends in a tenth of the time.
    hasty: Router,
}

impl Application {
    fn new(store: AnyStore) -> Self {
        let config = SessionConfig::strict();
        let hasty = config.clone().with_expiry(Expiry::idle(Duration::from_secs(60 * 60)));
        Self { router: router(store.clone(), config), hasty: router(store, hasty) }
    }

    /// Sends a request of each kind.
    async fn walk(&self, wire: &Wire, calls: &impl Fn() -> Calls) -> Vec<Cost> {
        let mut cookie = None;
        let mut costs = Vec::new();
        for visit in Visit::WALK {
            match visit {
                // So little is left of its time that it is due.
                Visit::Touch | Visit::UserTouch => ask(&self.hasty, "/write", &mut cookie).await,
                Visit::UserCreate => cookie = None,
                _ => {}
            }
            let before = block_in_place(calls);
            wire.take();
            ask(&self.router, visit.path(), &mut cookie).await;
            let trips = wire.take();
            costs.push((visit, trips, difference(&before, &block_in_place(calls))));
        }
        costs
    }
}

fn difference(before: &Calls, after: &Calls) -> Calls {
    let new = after
        .iter()
        .map(|(name, calls)| (name.clone(), calls - before.get(name).copied().unwrap_or_default()));
    new.filter(|(_, calls)| *calls > 0).collect()
}

fn router(store: AnyStore, config: SessionConfig) -> Router {
    let keys = Keys::new("Yk3RxVw8TqZm5bPe2Jd9UsLf7Hc4NgAv").unwrap();
    let sessions = SessionManager::new(store, keys).with_config(config).unwrap();
    Router::new()
        .route("/anonymous", get(async || "hello"))
        .route("/login", get(login))
        .route("/read", get(read))
        .route("/write", get(write))
        .layer(SessionLayer::new(sessions))
}

async fn login(session: Session) -> Result<&'static str, SessionError> {
    session.login("alice")?;
    Ok("welcome")
}

async fn read(session: Session) -> Result<String, SessionError> {
    Ok(session.get::<u64>("count")?.expect("the visitor has been here").to_string())
}

async fn write(session: Session) -> Result<String, SessionError> {
    Ok(session.update("count", |count: Option<u64>| count.unwrap_or(0) + 1)?.to_string())
}

/// Sends a request with the visitor's cookie and keeps what comes back.
async fn ask(application: &Router, path: &str, cookie: &mut Option<String>) {
    let mut request = Request::get(path);
    if let Some(cookie) = &cookie {
        request = request.header("cookie", cookie);
    }
    let response = application.clone().oneshot(request.body(Body::empty()).unwrap()).await.unwrap();
    assert_eq!(response.status(), StatusCode::OK, "{path}");
    if let Some(new) = response.headers().get("set-cookie") {
        *cookie = Some(new.to_str().unwrap().split(';').next().unwrap().to_owned());
    }
}
