//! The engine as an adapter drives it: requests of browsers, over real stores that break on command.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use handstamp::store::StoreError;
use handstamp::{
    Answer, Event, Keys, MemoryStore, Session, SessionConfig, SessionError, SessionId,
    SessionManager, SessionStore,
};
use handstamp_testing::{FaultyStore, ManualClock};

/// Credentials: every transport, every spelling, old keys, forged and foreign ones.
mod credentials;
/// Futures that are dropped halfway.
mod dropped;
/// What is ended stays ended.
mod ending;
/// Idle, absolute and per-session lifetimes.
mod expiry;
/// Documents that Express applications wrote, and what they read of ours.
mod express;
/// Stores that fail, hang and lose answers.
mod failure;
/// Parallel requests that lose nothing.
mod merging;
/// The whole engine against a simple reference.
mod model;
/// New ids for old sessions.
mod rotation;
/// No id, no secret and no value anywhere it could be read.
mod secrecy;
/// Sessions put aside as text and taken up again.
mod snapshots;
/// The sessions of a user.
mod users;

pub(crate) const SECRET: &str = "q7Jc0vX2m9LrT4bWz1Ns8KpYd5Hf3GaE";
pub(crate) const OLD_SECRET: &str = "Zt6RkU1oPw8Vn3Ci0yMj5Qx2Ba9LsDeF";
pub(crate) const MINUTE: Duration = Duration::from_secs(60);
pub(crate) const HOUR: Duration = Duration::from_secs(60 * 60);
pub(crate) const DAY: Duration = Duration::from_secs(24 * 60 * 60);

/// An application: a manager over a store whose every call is counted and can be made to fail.
pub(crate) struct App {
    pub(crate) sessions: SessionManager,
    pub(crate) store: FaultyStore<MemoryStore>,
    pub(crate) clock: Arc<ManualClock>,
    pub(crate) events: Arc<Mutex<Vec<String>>>,
}

impl App {
    pub(crate) fn new() -> Self {
        Self::with(SessionConfig::strict())
    }

    pub(crate) fn with(config: SessionConfig) -> Self {
        let clock = Arc::new(ManualClock::new());
        let store = FaultyStore::new(MemoryStore::new().with_clock(clock.clone()));
        let events = Arc::<Mutex<Vec<String>>>::default();
        let seen = Arc::clone(&events);
        let sessions = SessionManager::new(store.clone(), Keys::new(SECRET).unwrap())
            .with_clock(clock.clone())
            .with_observer(move |event: &Event<'_>| seen.lock().unwrap().push(format!("{event:?}")))
            .with_config(config)
            .unwrap();
        Self { sessions, store, clock, events }
    }

    /// The same store and clock under another configuration, as another process would have it.
    pub(crate) fn again(&self, config: SessionConfig, keys: Keys) -> SessionManager {
        SessionManager::new(self.store.clone(), keys)
            .with_clock(self.clock.clone())
            .with_config(config)
            .unwrap()
    }

    pub(crate) fn browser(&self) -> Browser {
        Browser::new(&self.sessions)
    }

    /// What the store holds under the id of this browser's credential.
    pub(crate) async fn stored(&self, browser: &Browser) -> Option<String> {
        self.load(&browser.id()?).await.unwrap()
    }

    pub(crate) async fn load(&self, id: &SessionId) -> Result<Option<String>, StoreError> {
        let stored = SessionStore::load(self.store.inner(), id).await?;
        Ok(stored.map(|stored| String::from_utf8(stored.document.to_vec()).unwrap()))
    }

    pub(crate) fn saw(&self, event: &str) -> bool {
        self.events.lock().unwrap().iter().any(|seen| seen.starts_with(event))
    }
}

/// A visitor's browser with one cookie in its jar.
#[derive(Clone)]
pub(crate) struct Browser {
    sessions: SessionManager,
    /// The cookie as it goes into the `Cookie` header.
    pub(crate) cookie: Option<String>,
}

impl Browser {
    pub(crate) fn new(sessions: &SessionManager) -> Self {
        Self { sessions: sessions.clone(), cookie: None }
    }

    pub(crate) fn at(&self, sessions: &SessionManager) -> Self {
        Self { sessions: sessions.clone(), cookie: self.cookie.clone() }
    }

    /// Begins a request.
    pub(crate) async fn request(&self) -> Result<Session, SessionError> {
        let cookie = self.cookie.clone().unwrap_or_default();
        self.sessions.load(|name| (name == "cookie").then_some(cookie.as_bytes()).into_iter()).await
    }

    /// Ends a request: the cookie that comes back goes into the jar.
    pub(crate) async fn respond(&mut self, session: Session) -> Result<Answer, SessionError> {
        let answer = self.sessions.commit(&session).await?;
        if let Some(header) = answer.credential() {
            let pair = header.value.split(';').next().unwrap();
            let removed = header.value.contains("Max-Age=0");
            self.cookie = (!removed).then(|| pair.to_owned());
        }
        Ok(answer)
    }

    /// A whole request.
    pub(crate) async fn visit<T>(
        &mut self,
        handle: impl FnOnce(&Session) -> Result<T, SessionError>,
    ) -> T {
        let session = self.request().await.unwrap();
        let answer = handle(&session).unwrap();
        self.respond(session).await.unwrap();
        answer
    }

    pub(crate) async fn get(&mut self, key: &str) -> Option<i64> {
        self.visit(|session| session.get(key)).await
    }

    pub(crate) async fn insert(&mut self, key: &str, value: i64) {
        self.visit(|session| session.insert(key, value)).await;
    }

    /// The id in the cookie.
    pub(crate) fn id(&self) -> Option<SessionId> {
        let (_, value) = self.cookie.as_ref()?.split_once("=s%3A")?;
        SessionId::parse(value.rsplit_once('.')?.0)
    }
}

/// Adds one, so that it can be done again.
pub(crate) fn increment(session: &Session, key: &str) -> Result<i64, SessionError> {
    session.update(key, |count: Option<i64>| count.unwrap_or(0) + 1)
}
