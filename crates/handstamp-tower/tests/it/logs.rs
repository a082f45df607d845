//! What reaches the log: enough for the developer, no id and no value.

use std::error::Error;
use std::fmt::{Debug, Write as _};
use std::sync::{Arc, Mutex};

use axum::Router;
use axum::routing::get;
use handstamp::store::StoreErrorKind;
use handstamp::{Keys, MemoryStore, SessionConfig, SessionManager};
use handstamp_testing::{Fault, FaultyStore, Operation};
use handstamp_tower::{Session, SessionError, SessionLayer};
use tracing::field::{Field, Visit};
use tracing::span::{Attributes, Id, Record};
use tracing::subscriber::{DefaultGuard, set_default};
use tracing::{Event, Metadata, Subscriber};

use crate::lab::{SECRET, ask};

/// Everything that this thread logs, as lines of level and fields.
pub(crate) struct Logs {
    lines: Arc<Mutex<String>>,
    _guard: DefaultGuard,
}

impl Logs {
    pub(crate) fn capture() -> Self {
        let lines = Arc::new(Mutex::new(String::new()));
        let guard = set_default(Recorder(lines.clone()));
        Self { lines, _guard: guard }
    }

    /// All lines from warnings upwards.
    pub(crate) fn text(&self) -> String {
        let quiet = ["DEBUG", "TRACE", "INFO"];
        let lines = self.lines.lock().unwrap();
        let loud = lines.lines().filter(|line| !quiet.iter().any(|level| line.starts_with(level)));
        loud.collect::<Vec<_>>().join("\n")
    }

    /// All lines of all levels.
    fn all(&self) -> String {
        self.lines.lock().unwrap().clone()
    }
}

struct Recorder(Arc<Mutex<String>>);

impl Subscriber for Recorder {
    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        metadata.target().starts_with("handstamp")
    }

    fn new_span(&self, _: &Attributes<'_>) -> Id {
        Id::from_u64(1)
    }

    fn record(&self, _: &Id, _: &Record<'_>) {}

    fn record_follows_from(&self, _: &Id, _: &Id) {}

    fn event(&self, event: &Event<'_>) {
        let mut line = Line(event.metadata().level().to_string());
        event.record(&mut line);
        self.0.lock().unwrap().push_str(&(line.0 + "\n"));
    }

    fn enter(&self, _: &Id) {}

    fn exit(&self, _: &Id) {}
}

struct Line(String);

impl Visit for Line {
    fn record_debug(&mut self, field: &Field, value: &dyn Debug) {
        let _ = write!(self.0, " {field}={value:?}");
    }

    fn record_error(&mut self, field: &Field, value: &(dyn Error + 'static)) {
        let _ = write!(self.0, " {field}={value:?}");
    }
}

fn secretive() -> Router {
    let write = get(async |session: Session| {
        session.insert("secret", "canary")?;
        tracing::warn!(target: "handstamp_test", ?session);
        Ok::<_, SessionError>(())
    });
    let wrong = get(async |session: Session| {
        Ok::<_, SessionError>(session.get::<u64>("secret")?.unwrap_or(0).to_string())
    });
    let end = get(async |session: Session| Ok::<_, SessionError>(session.destroy()?));
    let login = get(async |session: Session| Ok::<_, SessionError>(session.login("canary")?));
    Router::new()
        .route("/write", write)
        .route("/wrong", wrong)
        .route("/end", end)
        .route("/login", login)
}

// S50: the raw id is in no log; nor are values.
#[tokio::test]
async fn no_id_and_no_value_is_logged_whatever_happens() {
    let logs = Logs::capture();
    let store = FaultyStore::new(MemoryStore::new());
    let manager = SessionManager::new(store.clone(), Keys::express([SECRET]));
    let app = secretive().layer(SessionLayer::new(manager));

    let answer = ask(&app, "/write", "").await;
    let set_cookie = &answer.headers["set-cookie"];
    assert!(set_cookie.is_sensitive());
    let mut cookies = vec![answer.cookie().unwrap()];
    ask(&app, "/wrong", &cookies[0]).await;
    cookies.extend(ask(&app, "/login", &cookies[0]).await.cookie());
    ask(&app, "/write", &cookies[0]).await;
    for operation in [Operation::Load, Operation::Update, Operation::Create, Operation::Delete] {
        store.inject(operation, Fault::Fail(StoreErrorKind::Corrupt));
        for path in ["/write", "/wrong", "/login", "/end"] {
            ask(&app, path, &cookies[1]).await;
        }
        store.mend();
    }
    ask(&app, "/end", &cookies[1]).await;
    ask(&app, "/write", &cookies[1]).await;
    ask(&app, "/write", &cookies[1].replace("s%3A", "s%3AA")).await;

    let logged = logs.all();
    assert!(logged.contains("Session(#") && logged.contains("Created"), "{logged}");
    assert!(logged.contains("EndedMeanwhile") || logged.contains("UnknownId"), "{logged}");
    for cookie in &cookies {
        let id = cookie.split("s%3A").nth(1).and_then(|rest| rest.split('.').next()).unwrap();
        assert!(!logged.contains(id), "{logged}");
    }
    assert!(!logged.contains("canary") && !logged.contains(SECRET), "{logged}");
}

#[tokio::test]
async fn a_failing_store_is_logged_with_its_cause() {
    let logs = Logs::capture();
    let store = FaultyStore::new(MemoryStore::new());
    store.inject(Operation::Create, Fault::Fail(StoreErrorKind::Unavailable));
    let manager = SessionManager::new(store, Keys::express([SECRET]));
    let app = secretive().layer(SessionLayer::new(manager));
    ask(&app, "/write", "").await;
    let logged = logs.text();
    assert!(logged.contains("ERROR"), "{logged}");
    assert!(logged.contains("the session store can't be reached: "), "{logged}");
    assert!(logged.contains("a test has made this call fail"), "{logged}");
    assert!(logged.contains("a session was changed and never saved"), "{logged}");
}

#[tokio::test]
async fn an_observer_of_the_application_stays() {
    let logs = Logs::capture();
    let seen = Arc::new(Mutex::new(0));
    let counter = seen.clone();
    let manager = SessionManager::new(MemoryStore::new(), Keys::express([SECRET]))
        .with_config(SessionConfig::strict())
        .unwrap()
        .with_observer(move |_| *counter.lock().unwrap() += 1);
    let app = secretive().layer(SessionLayer::new(manager));
    ask(&app, "/login", "").await;
    assert_eq!((*seen.lock().unwrap(), &*logs.all()), (1, ""));
}
