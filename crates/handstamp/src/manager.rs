//! The session manager: configuration, keys and store, and what is done with them for a request.

use std::fmt;
use std::hash::BuildHasher as _;
use std::sync::Arc;
use std::time::Duration;

use hashbrown::DefaultHashBuilder;

use crate::apply::{MAX_ATTEMPTS, Place, beaten};
use crate::credential::{self, Verified};
use crate::deadline::within;
use crate::document::Document;
use crate::plan::Held;
use crate::recent::Recent;
use crate::session::{Claim, Presented};
use crate::shapes::Shapes;
use crate::store::{AnyStore, Record, StoreError, Stored, Updated, Version};
use crate::turn::{Taken, Turn};
use crate::{
    Answer, Clock, ErrorKind, Event, FailurePolicy, Keys, Session, SessionConfig, SessionError,
    SessionId, SystemClock, Timestamp, seal,
};

/// How often a rotated id is followed to its successor: an application may rotate with every request.
pub(crate) const MAX_HOPS: usize = 256;

/// Configuration, keys and store: everything there is to know about an application's sessions.
///
/// Cloning it is cheap, and all clones are the same manager. Adapters use it for requests; jobs and
/// WebSockets may use it too: [`load`](Self::load) a session from the headers of the handshake, keep
/// it, [`save`](Session::save) it.
///
/// ```
/// # async fn example() -> Result<(), handstamp::SessionError> {
/// use handstamp::{Keys, MemoryStore, SessionManager};
///
/// let keys = Keys::new("q7Jc0vX2m9LrT4bWz1Ns8KpYd5Hf3GaE")?;
/// let sessions = SessionManager::new(MemoryStore::new(), keys);
/// let session = sessions.load(|_header| std::iter::empty()).await?;
/// assert!(session.is_new());
/// # Ok(())
/// # }
/// ```
#[derive(Clone)]
pub struct SessionManager(Arc<Inner>);

#[derive(Clone)]
struct Inner {
    config: SessionConfig,
    keys: Keys,
    /// What tells managers apart: it stays when only the observer changes.
    identity: Arc<()>,
    /// What the keys verified lately.
    recent: Arc<Recent>,
    /// What was read and written lately.
    shapes: Arc<Shapes>,
    store: AnyStore,
    clock: Arc<dyn Clock>,
    make_id: Arc<MakeId>,
    observe: Option<Arc<Observe>>,
    vary: Arc<str>,
    /// Requests of this process that lost a race for the same session queue up here.
    stripes: Arc<[Turn; 64]>,
    hasher: DefaultHashBuilder,
}

type MakeId = dyn Fn() -> Result<SessionId, SessionError> + Send + Sync;
type Observe = dyn Fn(&Event<'_>) + Send + Sync;

impl SessionManager {
    /// Sessions in this store, signed with these keys, under the [strict](SessionConfig::strict)
    /// configuration.
    pub fn new(store: impl Into<AnyStore>, keys: Keys) -> Self {
        let config = SessionConfig::strict();
        Self(Arc::new(Inner {
            vary: vary(&config),
            config,
            keys,
            identity: Arc::default(),
            recent: Arc::new(Recent::new()),
            shapes: Arc::new(Shapes::new()),
            store: store.into(),
            clock: Arc::new(SystemClock),
            make_id: Arc::new(|| Ok(SessionId::random()?)),
            observe: None,
            stripes: Arc::new(std::array::from_fn(|_| Turn::default())),
            hasher: DefaultHashBuilder::default(),
        }))
    }

    /// Uses these settings.
    ///
    /// # Errors
    /// The settings contradict each other, or there is no key to sign with.
    pub fn with_config(self, config: SessionConfig) -> Result<Self, SessionError> {
        config.check()?;
        if self.0.keys.is_empty() {
            return Err(SessionError::config(
                "there is no secret to sign with; give Keys at least one",
            ));
        }
        if config.max_sessions_per_owner.is_some() && self.0.store.index().is_none() {
            return Err(SessionError::config(
                "a limit of sessions per owner needs a store that can find them: this one has no index",
            ));
        }
        Ok(self.change(|inner| {
            inner.vary = vary(&config);
            inner.config = config;
        }))
    }

    /// Reads the time from this clock. It should be the one that the store uses, if the store uses
    /// one of this process.
    #[must_use]
    pub fn with_clock(self, clock: Arc<dyn Clock>) -> Self {
        self.change(|inner| inner.clock = clock)
    }

    /// Makes ids in this way instead of [`SessionId::random`]; express-session's `genid`.
    ///
    /// Ids that can be guessed make sessions that can be listed and probed, though not taken over:
    /// they are still signed.
    #[must_use]
    pub fn with_id_generator(
        self,
        make: impl Fn() -> Result<SessionId, SessionError> + Send + Sync + 'static,
    ) -> Self {
        self.change(|inner| inner.make_id = Arc::new(make))
    }

    /// Tells this function what happens to sessions. It is called in the middle of requests, so it
    /// must be quick.
    #[must_use]
    pub fn with_observer(mut self, observe: impl Fn(&Event<'_>) + Send + Sync + 'static) -> Self {
        Arc::make_mut(&mut self.0).observe = Some(Arc::new(observe));
        self
    }

    /// Whether [`with_observer`](Self::with_observer) was called: an adapter that logs does not want to
    /// take its place.
    #[must_use]
    pub fn is_observed(&self) -> bool {
        self.0.observe.is_some()
    }

    /// Whether both are clones of one manager, whoever observes them.
    #[must_use]
    pub fn is_same(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.0.identity, &other.0.identity)
    }

    /// The settings.
    #[must_use]
    pub fn config(&self) -> &SessionConfig {
        &self.0.config
    }

    /// Finds the session of a request. `values` gives the values of the request's header of this
    /// (lower-case) name, in their order.
    ///
    /// A request without a session, with a forged credential, or whose session is over gets a new,
    /// empty one, which is stored only when something is written to it. The id that the client sent
    /// is never used again.
    ///
    /// # Errors
    /// The store failed, and the failure policy is [`FailClosed`](FailurePolicy::FailClosed).
    pub async fn load<'h, I>(&self, values: impl FnMut(&str) -> I) -> Result<Session, SessionError>
    where
        I: Iterator<Item = &'h [u8]>,
    {
        let presented = self.open(values);
        match self.find(&presented).await {
            Ok(claim) => Ok(Session::new(self.clone(), presented, claim)),
            Err(error)
                if error.is_temporary()
                    && self.config().failure_policy == FailurePolicy::Anonymous =>
            {
                self.tell(|| Event::StoreFailed { error: &error });
                Ok(Session::new(
                    self.clone(),
                    presented,
                    Claim::new(Held::Unavailable, self.new_document()),
                ))
            }
            Err(error) => Err(error),
        }
    }

    /// Saves what a request left unsaved and says what its response has to carry.
    ///
    /// It is called once, before the response head leaves. What is changed afterwards is saved by
    /// [`Session::save`] only.
    ///
    /// # Errors
    /// The store failed, the session is too large, or other requests won every attempt to write. The
    /// response must not be sent as if nothing had happened.
    pub async fn commit(&self, session: &Session) -> Result<Answer, SessionError> {
        session.save().await?;
        Ok(session.answer())
    }

    /// Does [`commit`](Self::commit) at once, if the store has nothing to do for it: most requests only
    /// read. `None`: it has.
    #[must_use]
    pub fn commit_unchanged(&self, session: &Session) -> Option<Answer> {
        session.is_saved().then(|| session.answer())
    }

    /// Finds every candidate and keeps those whose signature is good. No store is asked.
    fn open<'h, I>(&self, mut values: impl FnMut(&str) -> I) -> Presented
    where
        I: Iterator<Item = &'h [u8]>,
    {
        let inner = &*self.0;
        let mut presented = Presented::default();
        for (transport, way) in inner.config.transports.iter().enumerate() {
            for value in values(way.request_header()) {
                way.candidates(value, inner.config.cookie.name(), |candidate| {
                    match inner
                        .recent
                        .get_or(candidate, || credential::verify(candidate, &inner.keys))
                    {
                        Some(verified) => presented.add(transport, verified),
                        None if way.is_ours(candidate) => {
                            presented.forged = presented.forged.or(Some(transport));
                        }
                        None => {}
                    }
                });
            }
        }
        if presented.verified.is_empty() && presented.forged.is_some() {
            self.tell(|| Event::Forged);
        }
        presented
    }

    /// Asks the store for the first candidate that names a living session: mostly one round trip.
    async fn find(&self, presented: &Presented) -> Result<Claim, SessionError> {
        let mut retired = None;
        for (transport, verified) in &presented.verified {
            match self.claim(verified).await? {
                Some(claim) => {
                    let claim = Claim { transport: Some(*transport), ..claim };
                    if claim.held == Held::Stored {
                        return Ok(claim);
                    }
                    retired = retired.or(Some(claim));
                }
                None => self.tell(|| Event::UnknownId { session: verified.id.fingerprint() }),
            }
        }
        Ok(retired.unwrap_or_else(|| Claim::new(Held::Nothing, self.new_document())))
    }

    /// Finds the session of an id that is known to be ours.
    pub(crate) async fn find_again(&self, id: SessionId) -> Result<Option<Claim>, SessionError> {
        self.claim(&Verified { id, by_old_key: false }).await
    }

    /// Finds the session of an id, also if it goes by another id now.
    async fn claim(&self, verified: &Verified) -> Result<Option<Claim>, SessionError> {
        let mut id = verified.id;
        for _ in 0..MAX_HOPS {
            let Some(stored) = self.call(self.store().load(&id)).await? else { return Ok(None) };
            let Some(document) = self.read(&id, &stored) else { return Ok(None) };
            let place = Some(Place { id, version: stored.version });
            match &document.facts.successor {
                Some(successor) if successor.open => id = successor.id,
                // All that this request may do is add to the session that it can't see, or end it. The
                // pointer itself must not be written over.
                Some(_) => {
                    return Ok(Some(Claim {
                        place: Some(Place { id, version: Version::NONE }),
                        ..Claim::new(Held::Retired, self.new_document())
                    }));
                }
                None => {
                    let expires = self.now().after(stored.remaining);
                    let stale = verified.by_old_key || id != verified.id;
                    return Ok(Some(Claim {
                        place,
                        expires,
                        stale,
                        ..Claim::new(Held::Stored, document)
                    }));
                }
            }
        }
        Ok(None)
    }

    /// Ends a session, under whatever id it goes by now. `false`: there was none.
    ///
    /// It is written over by one that is over, and only where the session itself is known to stand. A
    /// deletion could hit a pointer, and if its answer were lost, so would be the way to the session.
    /// The pointers stay, so whoever tries again finds the way again; they lead nowhere then.
    ///
    /// With an owner, only a session of this owner is ended: it may have changed hands meanwhile.
    pub(crate) async fn end(
        &self,
        start: Place,
        owner: Option<&str>,
    ) -> Result<bool, SessionError> {
        let mut place = start;
        for _ in 0..MAX_ATTEMPTS {
            let (over, _) = self.record(&place.id, &self.new_document(), Duration::ZERO)?;
            match self.call(self.store().update(&place.id, place.version, &over)).await? {
                Updated::Conflict(stored) => match self.further(place.id, &stored, owner) {
                    Some(further) => place = further,
                    None => return Ok(false),
                },
                Updated::Done(_) => {
                    self.tell(|| Event::Destroyed { session: place.id.fingerprint() });
                    return Ok(true);
                }
                Updated::Gone => return Ok(false),
            }
        }
        Err(beaten())
    }

    /// From what stands under an id to where its session has to be looked for. `None`: it is another
    /// owner's by now.
    fn further(&self, id: SessionId, stored: &Stored, owner: Option<&str>) -> Option<Place> {
        let facts = self.read_again(&id, &stored.document).map(|document| document.facts);
        if let Some(successor) = facts.as_ref().and_then(|facts| facts.successor.as_ref()) {
            return Some(Place { id: successor.id, version: Version::NONE });
        }
        let owned_by = facts.as_ref().and_then(|facts| facts.owner.as_deref());
        let is_others = owner.is_some() && owned_by != owner;
        (!is_others).then_some(Place { id, version: stored.version })
    }

    pub(crate) fn new_document(&self) -> Document {
        Document::new(self.config(), self.now())
    }

    /// Reads a stored document. `None`: it is over or can't be read, which is as good as missing.
    pub(crate) fn read(&self, id: &SessionId, stored: &Stored) -> Option<Document> {
        let now = self.now();
        let living = |document: &Document| document.facts.until.is_none_or(|until| until > now);
        let known = self.0.shapes.get(self.hash(id), id, stored);
        known.or_else(|| self.learn(id, stored)).filter(living)
    }

    /// Reads a document that is not known yet.
    fn learn(&self, id: &SessionId, stored: &Stored) -> Option<Document> {
        let document = self.decode(id, &stored.document)?;
        if self.config().sealing.is_none() {
            let placed = document.clone().out_of_source();
            self.remember(id, stored.version, stored.document.len(), placed);
        }
        Some(document)
    }

    /// Remembers where everything stands in a text of this length, which is this writing of a session.
    pub(crate) fn remember(
        &self,
        id: &SessionId,
        version: Version,
        length: usize,
        placed: Option<Document>,
    ) {
        if let Some(document) = placed {
            self.0.shapes.put(self.hash(id), *id, version, length, document);
        }
    }

    /// Reads a stored document for a request that had the session before: it may follow the pointer to
    /// the session's new id for as long as there is one, also after the grace time for new requests.
    pub(crate) fn read_again(&self, id: &SessionId, document: &Arc<[u8]>) -> Option<Document> {
        let now = self.now();
        let living = |document: &Document| {
            document.facts.successor.is_some()
                || document.facts.until.is_none_or(|until| until > now)
        };
        self.decode(id, document).filter(living)
    }

    fn decode(&self, id: &SessionId, document: &Arc<[u8]>) -> Option<Document> {
        let decoded = seal::decode(document, id, self.config());
        if decoded.is_none() {
            self.tell(|| Event::Unreadable { session: id.fingerprint() });
        }
        decoded
    }

    /// Puts a document into the form that stores keep. If it can be remembered how it stands there, that
    /// comes with it.
    pub(crate) fn record(
        &self,
        id: &SessionId,
        document: &Document,
        lifetime: Duration,
    ) -> Result<(Record, Option<Document>), SessionError> {
        let (bytes, placed) = seal::encode(document, id, self.config())?;
        let most = self.config().max_document_bytes;
        if bytes.len() > most {
            let message = format!(
                "the session has {} bytes as JSON, the limit is {most}; see SessionConfig::with_max_document_bytes",
                bytes.len()
            );
            return Err(SessionError::new(ErrorKind::TooLarge, message));
        }
        let owner = document.facts.owner.clone();
        Ok((Record { document: bytes, lifetime, owner }, placed))
    }

    /// A call to the store, within the deadline.
    pub(crate) async fn call<T>(
        &self,
        call: impl Future<Output = Result<T, StoreError>>,
    ) -> Result<T, SessionError> {
        Ok(within(self.config().store_deadline, call).await?)
    }

    pub(crate) fn store(&self) -> &AnyStore {
        &self.0.store
    }

    pub(crate) fn keys(&self) -> &Keys {
        &self.0.keys
    }

    pub(crate) fn vary(&self) -> &Arc<str> {
        &self.0.vary
    }

    pub(crate) fn now(&self) -> Timestamp {
        self.0.clock.now()
    }

    pub(crate) fn make_id(&self) -> Result<SessionId, SessionError> {
        if self.0.keys.is_empty() {
            return Err(SessionError::config(
                "there is no secret to sign with; give Keys at least one",
            ));
        }
        (self.0.make_id)()
    }

    pub(crate) fn tell<'a>(&self, event: impl FnOnce() -> Event<'a>) {
        if let Some(observe) = &self.0.observe {
            observe(&event());
        }
    }

    /// Queues up behind the requests of this process that lost a race for this session too.
    pub(crate) async fn queue(&self, id: &SessionId) -> Result<Taken<'_>, SessionError> {
        let stripe = &self.0.stripes[usize::try_from(self.hash(id) % 64).unwrap_or_default()];
        self.call(async { Ok(stripe.take().await) }).await
    }

    fn hash(&self, id: &SessionId) -> u64 {
        self.0.hasher.hash_one(id)
    }

    fn change(mut self, change: impl FnOnce(&mut Inner)) -> Self {
        let inner = Arc::make_mut(&mut self.0);
        inner.identity = Arc::default();
        // Another store, other settings: what is known says nothing there.
        inner.shapes = Arc::new(Shapes::new());
        change(inner);
        self
    }
}

impl fmt::Debug for SessionManager {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Inner { config, keys, store, .. } = &*self.0;
        f.debug_struct("SessionManager")
            .field("config", config)
            .field("keys", keys)
            .field("store", store)
            .finish_non_exhaustive()
    }
}

/// The request headers that an answer depends on.
fn vary(config: &SessionConfig) -> Arc<str> {
    let names: Vec<_> =
        config.transports.iter().map(|way| capitalized(way.request_header())).collect();
    names.join(", ").into()
}

/// A header's name as people write it: `x-auth-token` is `X-Auth-Token`.
fn capitalized(name: &str) -> String {
    let mut start = true;
    let capital = |letter: char| {
        let letter = if start { letter.to_ascii_uppercase() } else { letter };
        start = letter == '-';
        letter
    };
    name.chars().map(capital).collect()
}
