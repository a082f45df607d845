//! What is behind a test application: its store, its clock, and managers made of a dialogue's
//! settings.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use handstamp::store::Record;
use handstamp::{
    Clock as _, CookieConfig, Expiry, Keys, Priority, SameSite, SavePolicy, SessionConfig,
    SessionId, SessionManager, SessionStore, Timestamp, Transport,
};

use super::App;
use super::format::Profile;
use crate::{FaultyStore, ManualClock, Operation};

const DAY: u64 = 24 * 60 * 60;

/// The secret of applications that name none.
const SECRET: &str = "the secret of the dialogues of handstamp";

/// Store, clock and settings of a test application: most of a [`Client`](super::Client).
#[derive(Debug)]
pub struct Backstage<S> {
    store: FaultyStore<S>,
    clock: Arc<ManualClock>,
}

impl<S: SessionStore + Clone> Backstage<S> {
    /// Over this store, which has to go by the same clock.
    pub fn new(store: S, clock: Arc<ManualClock>) -> Self {
        Self { store: FaultyStore::new(store), clock }
    }

    /// A manager with these settings. All of them share the store and the clock.
    ///
    /// # Panics
    /// The settings contradict each other.
    #[must_use]
    pub fn manager(&self, app: &App) -> SessionManager {
        let keys = match &app.secrets {
            Some(secrets) => Keys::express(secrets),
            None => Keys::express([SECRET]),
        };
        let manager = SessionManager::new(self.store.clone(), keys)
            .with_clock(self.clock.clone())
            .with_config(config(app))
            .unwrap();
        if app.ids.is_empty() {
            return manager;
        }
        let (ids, next) = (app.ids.clone(), AtomicUsize::new(0));
        manager.with_id_generator(move || {
            let id = &ids[next.fetch_add(1, Ordering::Relaxed) % ids.len()];
            Ok(SessionId::parse(id).unwrap())
        })
    }

    /// See [`Client::seed`](super::Client::seed).
    ///
    /// # Panics
    /// The id can't be one, or the store fails.
    pub async fn seed(&self, id: &str, document: &str) {
        let id = SessionId::parse(id).unwrap();
        let record = Record {
            document: Arc::from(document.as_bytes()),
            lifetime: Duration::from_secs(DAY),
            owner: None,
        };
        self.store.inner().create(&id, &record).await.unwrap();
    }

    /// See [`Client::store_calls`](super::Client::store_calls).
    #[must_use]
    pub fn store_calls(&self) -> BTreeMap<String, usize> {
        let operations = [
            Operation::Create,
            Operation::Delete,
            Operation::List,
            Operation::Load,
            Operation::Revoke,
            Operation::Touch,
            Operation::Update,
        ];
        let count = |operation: &Operation| {
            (format!("{operation:?}").to_lowercase(), self.store.calls(*operation))
        };
        let calls = operations.iter().map(count).filter(|(_, calls)| *calls > 0).collect();
        self.store.reset_calls();
        calls
    }

    /// See [`Client::now`](super::Client::now).
    #[must_use]
    pub fn now(&self) -> Timestamp {
        self.clock.now()
    }

    /// See [`Client::pass`](super::Client::pass).
    pub fn pass(&self, time: Duration) {
        self.clock.advance(time);
    }
}

fn config(app: &App) -> SessionConfig {
    let (config, absolute) = match app.profile {
        Profile::Express => (SessionConfig::express(), None),
        Profile::Strict => (SessionConfig::strict(), Some(30 * DAY)),
    };
    let mut expiry = Expiry::idle(Duration::from_secs(app.idle.unwrap_or(DAY)));
    if let Some(absolute) = app.absolute.or(absolute) {
        expiry = expiry.with_absolute(Duration::from_secs(absolute));
    }
    if app.persistent {
        expiry = expiry.persistent();
    }
    let mut config = config.with_cookie(cookie(app)).with_expiry(expiry);
    if let Some(grace) = app.grace {
        config = config.with_rotation_grace(Duration::from_secs(grace));
    }
    if app.profile == Profile::Express {
        config = config.with_save_policy(SavePolicy::Express {
            resave: app.resave,
            rolling: app.rolling,
            save_uninitialized: app.save_uninitialized,
        });
    }
    config.with_transports(app.transports().into_iter().map(|transport| match transport {
        "bearer" => Transport::bearer(),
        "cookie" => Transport::cookie(),
        header => Transport::header(header),
    }))
}

fn cookie(app: &App) -> CookieConfig {
    let settings = &app.cookie;
    let mut cookie = match app.profile {
        Profile::Express => CookieConfig::express(),
        Profile::Strict => CookieConfig::strict(),
    };
    cookie = cookie.with_name(app.cookie_name());
    match settings.secure {
        Some(false) => cookie = cookie.insecure_http(app.cookie_name()),
        Some(true) => cookie = cookie.with_secure(true),
        None => {}
    }
    if let Some(domain) = &settings.domain {
        cookie = cookie.with_domain(domain);
    }
    if let Some(path) = &settings.path {
        cookie = cookie.with_path(path);
    }
    if let Some(http_only) = settings.http_only {
        cookie = cookie.with_http_only(http_only);
    }
    match settings.same_site.as_deref() {
        Some("lax") => cookie = cookie.with_same_site(SameSite::Lax),
        Some("none") => cookie = cookie.with_same_site(SameSite::None),
        Some("strict") => cookie = cookie.with_same_site(SameSite::Strict),
        Some(other) => panic!("there is no SameSite={other:?}"),
        None => {}
    }
    match settings.priority.as_deref() {
        Some("high") => cookie = cookie.with_priority(Priority::High),
        Some("low") => cookie = cookie.with_priority(Priority::Low),
        Some("medium") => cookie = cookie.with_priority(Priority::Medium),
        Some(other) => panic!("there is no priority {other:?}"),
        None => {}
    }
    cookie.with_partitioned(settings.partitioned)
}
