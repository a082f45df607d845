//! A session, as a handler holds it.

use std::borrow::Cow;
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::answer::{Answer, credential_header};
use crate::apply::{Outcome, Place, Reached, Standing, Work, apply};
use crate::changes::{Change, Changes};
use crate::config::Expiry;
use crate::credential::Verified;
use crate::document::{Document, is_reserved};
use crate::facts::Device;
use crate::flash;
use crate::key::KeyFor;
use crate::plan::{CredentialOperation, Held, Intent, Plan, Situation, StoreOperation, plan};
use crate::store::Version;
use crate::turn::Turn;
use crate::{ErrorKind, Event, Fingerprint, SessionError, SessionManager, Timestamp};

/// A visitor's session.
///
/// All handles (clones) of one request are the same session and see each other's writes. Reading and
/// writing is synchronous and stays in memory; the adapter saves everything when the handler is done,
/// in one step. What other requests wrote meanwhile is merged, key by key.
///
/// A key is a [`Key`](crate::Key) or a plain string. A few names belong to express-session (`cookie`,
/// `id`, `save` …) and are refused.
///
/// ```
/// # fn example(session: &handstamp::Session) -> Result<(), handstamp::SessionError> {
/// use handstamp::Key;
///
/// const VIEWS: Key<u64> = Key::new("views");
///
/// let views = session.update(VIEWS, |views| views.unwrap_or(0) + 1)?;
/// session.insert("theme", "dark")?;
/// let theme: Option<String> = session.get("theme")?;
/// # Ok(())
/// # }
/// ```
#[derive(Clone)]
pub struct Session(Arc<Inner>);

struct Inner {
    manager: SessionManager,
    state: Mutex<State>,
    /// How far a save came that was to end the session and did not.
    reached: Reached,
    /// One conversation with the store at a time.
    turn: Turn,
}

/// What a request knows of its session.
struct State {
    presented: Presented,
    /// The session as this request sees it: what was found, with the changes done.
    claim: Claim,
    /// What was done since the session was last read or saved.
    changes: Changes,
    /// A save is under way.
    in_flight: bool,
    /// So many of the changes are being saved at this moment.
    saving: usize,
    /// How often the session was begun anew. A save that was under way then must not undo it.
    epoch: u32,
    intent: Intent,
    /// The application asked for a touch.
    touch: bool,
    /// What a save has decided on and the response still has to carry.
    credential: CredentialOperation,
    /// The response head has left.
    sent: bool,
}

/// The credentials that a request came with, each with the transport that brought it.
#[derive(Debug, Default)]
pub(crate) struct Presented {
    pub verified: Vec<(usize, Verified)>,
    pub forged: Option<usize>,
}

/// A session as it was found.
#[derive(Debug)]
pub(crate) struct Claim {
    pub held: Held,
    pub place: Option<Place>,
    pub document: Document,
    /// When the store will drop it.
    pub expires: Timestamp,
    /// The client's credential is of an old key or of an old id.
    pub stale: bool,
    /// What brought the credential.
    pub transport: Option<usize>,
}

impl Claim {
    /// A session that does not exist: a new one, with this document.
    pub(crate) fn new(held: Held, document: Document) -> Self {
        Self {
            held,
            place: None,
            document,
            expires: Timestamp::default(),
            stale: false,
            transport: None,
        }
    }
}

/// Reading and writing values.
impl Session {
    /// The value of a key. `None`: there is none.
    ///
    /// # Errors
    /// [`ErrorKind::Value`]: the stored value is not a `T`.
    pub fn get<T: DeserializeOwned>(&self, key: impl KeyFor<T>) -> Result<Option<T>, SessionError> {
        decode(key.name(), self.state().claim.document.data.get(key.name()))
    }

    /// Sets a key. If several requests set the same key, the one that is saved last wins; where that
    /// is not enough, there is [`update`](Self::update).
    ///
    /// Writing the value that is there already changes nothing.
    ///
    /// # Errors
    /// [`ErrorKind::ReservedKey`]; [`ErrorKind::Value`]: the value can't be JSON;
    /// [`ErrorKind::ReadOnly`]: see [`FailurePolicy`](crate::FailurePolicy);
    /// [`ErrorKind::Destroyed`]: this request has destroyed the session.
    pub fn insert<T: Serialize>(&self, key: impl KeyFor<T>, value: T) -> Result<(), SessionError> {
        let (name, value) = (writable(key.name())?, encode(key.name(), &value)?);
        self.change(|document| {
            let differs = document.data.get(name) != Some(value.as_bytes());
            Ok(differs.then(|| Change::Set(name.into(), Arc::clone(&value))))
        })
    }

    /// Computes a key's value from its current one and returns it.
    ///
    /// If another request changes the key before this one is saved, the closure runs again on the new
    /// value: no increment is lost. So it should depend on nothing but its argument. What is returned
    /// is the value as of now; after a [`save`](Self::save), `get` tells what was stored.
    ///
    /// # Errors
    /// As [`insert`](Self::insert) and [`get`](Self::get).
    pub fn update<T, F>(&self, key: impl KeyFor<T>, compute: F) -> Result<T, SessionError>
    where
        T: Serialize + DeserializeOwned,
        F: Fn(Option<T>) -> T + Send + Sync + 'static,
    {
        let name: Arc<str> = writable(key.name())?.into();
        let key = Arc::clone(&name);
        let compute = Arc::new(compute);
        let again = Arc::clone(&compute);
        let again =
            move |current: Option<&[u8]>| encode(&key, &again(decode(&key, current)?)).map(Some);
        let change = Change::Update(Arc::clone(&name), Arc::new(again));
        loop {
            // The closure runs without a lock: it may take its time, and it may panic.
            let current = self.state().claim.document.data.get(&name).map(<[u8]>::to_vec);
            let value = compute(decode(&name, current.as_deref())?);
            if self.put_if_unchanged(&name, current.as_deref(), encode(&name, &value)?, &change)? {
                return Ok(value);
            }
        }
    }

    /// Takes a key out and returns what it held. A key that is not there is not an error. If its type
    /// does not matter: `session.remove::<serde::de::IgnoredAny>("key")?`.
    ///
    /// # Errors
    /// As [`insert`](Self::insert); and as [`get`](Self::get), but the key is out all the same.
    pub fn remove<T: DeserializeOwned>(
        &self,
        key: impl KeyFor<T>,
    ) -> Result<Option<T>, SessionError> {
        let name = writable(key.name())?;
        let mut removed: Option<Vec<u8>> = None;
        self.change(|document| {
            removed = document.data.get(name).map(<[u8]>::to_vec);
            Ok(removed.as_ref().map(|_| Change::Remove(name.into())))
        })?;
        decode(name, removed.as_deref())
    }

    /// Whether there is a value under this name, of whatever type.
    #[must_use]
    pub fn contains(&self, name: &str) -> bool {
        self.state().claim.document.data.get(name).is_some()
    }

    /// The names of all keys, in the order of the document.
    #[must_use]
    pub fn keys(&self) -> Vec<String> {
        self.state().claim.document.data.names().map(Cow::into_owned).collect()
    }

    /// Whether there is no key at all.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.state().claim.document.data.is_empty()
    }

    /// Takes all keys out, those included that other requests add before this one is saved. The
    /// session, its id and its owner stay.
    ///
    /// # Errors
    /// As [`insert`](Self::insert).
    pub fn clear(&self) -> Result<(), SessionError> {
        self.change(|_| Ok(Some(Change::Clear)))
    }

    /// Leaves a message for the page that is shown next. `kind` tells messages apart, such as
    /// `"info"` and `"error"`.
    ///
    /// A message waits until [`flashes`](Self::flashes) takes it. The form is connect-flash's: an
    /// Express application that shares the session shows the message too.
    ///
    /// # Errors
    /// As [`insert`](Self::insert).
    pub fn flash<T: Serialize>(&self, kind: &str, message: T) -> Result<(), SessionError> {
        let (kind, message) = (kind.to_owned(), encode(flash::KEY, &message)?);
        let add = move |all: Option<&[u8]>| flash::add(all, &kind, &message);
        self.change(|_| Ok(Some(Change::Update(flash::KEY.into(), Arc::new(add)))))
    }

    /// Takes the messages of this kind, in their order. None is not an error. Two requests that take
    /// them at the same moment both get them.
    ///
    /// # Errors
    /// As [`insert`](Self::insert) and [`get`](Self::get).
    pub fn flashes<T: DeserializeOwned>(&self, kind: &str) -> Result<Vec<T>, SessionError> {
        let kind = kind.to_owned();
        let mut messages = Vec::new();
        self.change(|document| {
            messages = flash::peek(document.data.get(flash::KEY), &kind)?;
            let shown = messages.clone();
            let take = move |all: Option<&[u8]>| flash::take(all, &kind, &shown);
            Ok((!messages.is_empty()).then(|| Change::Update(flash::KEY.into(), Arc::new(take))))
        })?;
        messages.iter().map(|message| parse(flash::KEY, message.get().as_bytes())).collect()
    }
}

/// The session itself: its id, its owner, its life.
impl Session {
    /// What may be shown of the session's id. `None`: it is not stored yet and has no id.
    #[must_use]
    pub fn id(&self) -> Option<Fingerprint> {
        let state = self.state();
        let place = state.claim.place.filter(|_| state.claim.held == Held::Stored);
        place.map(|place| place.id.fingerprint())
    }

    /// Whether the store does not hold this session: it begins with the first write.
    #[must_use]
    pub fn is_new(&self) -> bool {
        self.state().claim.held != Held::Stored
    }

    /// Whether another request ended this session while this one was using it. Nothing that is still
    /// written to it will be stored. Known after a [`save`](Self::save) or [`reload`](Self::reload).
    #[must_use]
    pub fn is_ended(&self) -> bool {
        self.state().claim.held == Held::Ended
    }

    /// Who is signed in: what [`login`](Self::login) was given.
    #[must_use]
    pub fn owner(&self) -> Option<String> {
        self.state().claim.document.facts.owner.as_deref().map(str::to_owned)
    }

    /// When the session began, or when its owner last signed in.
    #[must_use]
    pub fn created(&self) -> Option<Timestamp> {
        self.state().claim.document.facts.created
    }

    /// The device that was noted by [`set_device`](Self::set_device).
    #[must_use]
    pub fn device(&self) -> Option<Device> {
        self.state().claim.document.facts.device.clone()
    }

    /// Notes the device, for the owner's list of sessions.
    ///
    /// # Errors
    /// As [`insert`](Self::insert).
    pub fn set_device(&self, device: Device) -> Result<(), SessionError> {
        self.change(|document| {
            let differs = document.facts.device.as_ref() != Some(&device);
            Ok(differs.then_some(Change::Device(device)))
        })
    }

    /// Gives this session an expiry of its own, which it keeps: «keep me signed in». An absolute limit
    /// counts from now; without one the session's deadline stays where it is. Call it after
    /// [`login`](Self::login), which starts the configured limit anew.
    ///
    /// # Errors
    /// A lifetime of zero; and as [`insert`](Self::insert).
    pub fn set_expiry(&self, expiry: Expiry) -> Result<(), SessionError> {
        expiry.check()?;
        self.change(|_| Ok(Some(Change::Expiry(expiry))))
    }

    /// How long the session lives from its last use, and whether the browser keeps it. Its absolute
    /// deadline is a moment and not in here.
    #[must_use]
    pub fn expiry(&self) -> Expiry {
        self.state().claim.document.expiry(self.0.manager.config())
    }

    /// Extends the session's life now, even if less than a twentieth of the idle time has passed.
    pub fn touch(&self) {
        self.state().touch = true;
    }

    /// Binds the session to a user who has just signed in, under a new id: whoever knew the old one
    /// (session fixation) gets nowhere. The data stay, unless they were another user's. The session's
    /// time starts anew, with the configured expiry; to keep someone signed in for longer, call
    /// [`set_expiry`](Self::set_expiry) afterwards.
    ///
    /// # Errors
    /// [`ErrorKind::ReadOnly`].
    pub fn login(&self, user: impl Into<Arc<str>>) -> Result<(), SessionError> {
        let user = user.into();
        if self.state().intent == Intent::Destroy || self.is_ended() {
            self.regenerate()?;
        }
        self.change(|_| Ok(Some(Change::Login(user))))?;
        self.intend(Intent::Login);
        Ok(())
    }

    /// Ends the user's session: the data are gone, and what is written from now on is a new session.
    ///
    /// # Errors
    /// [`ErrorKind::ReadOnly`]: the store failed, so the user can't be signed out.
    pub fn logout(&self) -> Result<(), SessionError> {
        self.begin_anew(Intent::Logout)
    }

    /// A new id for the same data. For a while, requests that still carry the old id reach the
    /// session too; see [`SessionConfig::with_rotation_grace`](crate::SessionConfig::with_rotation_grace).
    ///
    /// # Errors
    /// [`ErrorKind::ReadOnly`], [`ErrorKind::Destroyed`].
    pub fn rotate(&self) -> Result<(), SessionError> {
        self.change(|_| Ok(None))?;
        self.intend(Intent::Rotate);
        Ok(())
    }

    /// A new id and an empty session; the old one is ended.
    ///
    /// # Errors
    /// [`ErrorKind::ReadOnly`].
    pub fn regenerate(&self) -> Result<(), SessionError> {
        self.begin_anew(Intent::Regenerate)
    }

    /// Ends the session and takes the credential from the client. Writing to it from now on is an
    /// error.
    ///
    /// # Errors
    /// [`ErrorKind::ReadOnly`]: the store failed, so the session can't be ended.
    pub fn destroy(&self) -> Result<(), SessionError> {
        self.begin_anew(Intent::Destroy)
    }

    /// Saves now what has changed, instead of when the response leaves.
    ///
    /// Needed where there is no response to wait for: in a job, in a WebSocket, in a streaming body. There,
    /// don't `login`, `rotate` or `regenerate`: no response would bring the client its new credential.
    /// If another request ended the session meanwhile, nothing is stored, which is not an error; see
    /// [`is_ended`](Self::is_ended).
    ///
    /// # Errors
    /// The store failed; [`ErrorKind::TooLarge`]; [`ErrorKind::Conflict`]; and
    /// [`ErrorKind::HeadersSent`]: the session would need a new credential, which can't be sent any
    /// more. What was not saved is still there to be saved again. After a timeout, and after dropping the
    /// future of a save, the store may have it all the same: an `update` that is saved again is then
    /// done twice.
    pub async fn save(&self) -> Result<(), SessionError> {
        let _turn = self.0.turn.take().await;
        let Some((work, plan, mut saving)) = self.begin_save()? else { return Ok(()) };
        let outcome = apply(&self.0.manager, work, plan, &self.0.reached).await?;
        saving.intent = Intent::Keep;
        self.settle(outcome, saving.epoch)
    }

    /// Reads the session again and forgets what was not saved. If it has been ended meanwhile, it is
    /// empty then; see [`is_ended`](Self::is_ended).
    ///
    /// # Errors
    /// The store failed.
    pub async fn reload(&self) -> Result<(), SessionError> {
        let _turn = self.0.turn.take().await;
        let place = self.state().claim.place;
        let found = match place {
            Some(place) => self.0.manager.find_again(place.id).await?,
            None => None,
        };
        let mut state = self.state();
        state.changes.clear();
        state.intent = Intent::Keep;
        // Only what was there can have ended.
        let held = if place.is_some() { Held::Ended } else { state.claim.held };
        let claim = found.unwrap_or_else(|| Claim::new(held, self.0.manager.new_document()));
        let stale = state.claim.stale || claim.stale;
        state.claim = Claim { transport: state.claim.transport, stale, ..claim };
        Ok(())
    }
}

impl Session {
    pub(crate) fn new(manager: SessionManager, presented: Presented, claim: Claim) -> Self {
        let state = State {
            presented,
            claim,
            changes: Changes::default(),
            in_flight: false,
            saving: 0,
            epoch: 0,
            intent: Intent::Keep,
            touch: false,
            credential: CredentialOperation::None,
            sent: false,
        };
        Self(Arc::new(Inner {
            manager,
            state: Mutex::new(state),
            reached: Reached::default(),
            turn: Turn::default(),
        }))
    }

    /// Whether the store has nothing to do. What that means for the credential is noted then.
    pub(crate) fn is_saved(&self) -> bool {
        let mut state = self.state();
        let plan = plan(&state.situation(&self.0.manager));
        let saved = plan.store == StoreOperation::None && !state.in_flight;
        if saved {
            state.note_credential(plan.credential);
        }
        saved
    }

    /// What the response has to carry. From now on a credential can't be sent any more.
    pub(crate) fn answer(&self) -> Answer {
        let manager = &self.0.manager;
        let mut state = self.state();
        state.sent = true;
        let operation = std::mem::replace(&mut state.credential, CredentialOperation::None);
        let session = state.claim.place.as_ref().map(|place| (&place.id, &state.claim.document));
        let header = credential_header(operation, state.transport(), session, manager);
        Answer::new(header, manager.config().cache_headers.then(|| Arc::clone(manager.vary())))
    }

    /// The place of the session in the store, for a look-up by the manager.
    pub(crate) fn place(&self) -> Option<Place> {
        self.state().claim.place
    }

    /// Notes a change and does it on the document. `decide` may find that there is nothing to do.
    fn change(
        &self,
        decide: impl FnOnce(&Document) -> Result<Option<Change>, SessionError>,
    ) -> Result<(), SessionError> {
        let manager = &self.0.manager;
        let mut state = self.state();
        state.check_alive()?;
        if let Some(change) = decide(&state.claim.document)? {
            change.apply(&mut state.claim.document, manager.config(), manager.now())?;
            let kept = state.saving;
            state.changes.push(change, kept);
        }
        Ok(())
    }

    /// Sets a value that was computed from `current`, and notes how. `false`: another handle of this
    /// request has changed it meanwhile.
    fn put_if_unchanged(
        &self,
        name: &str,
        current: Option<&[u8]>,
        value: Arc<str>,
        change: &Change,
    ) -> Result<bool, SessionError> {
        let mut state = self.state();
        state.check_alive()?;
        let data = &mut state.claim.document.data;
        if data.get(name) != current {
            return Ok(false);
        }
        if current == Some(value.as_bytes()) {
            return Ok(true);
        }
        data.set(name, value);
        let kept = state.saving;
        state.changes.push(change.clone(), kept);
        Ok(true)
    }

    fn begin_anew(&self, intent: Intent) -> Result<(), SessionError> {
        let mut state = self.state();
        state.check_writable()?;
        state.begin_anew(self.0.manager.new_document(), intent);
        Ok(())
    }

    fn intend(&self, intent: Intent) {
        let mut state = self.state();
        state.intent = state.intent.max(intent);
    }

    /// Decides what a save has to do. `None`: the store has nothing to do.
    fn begin_save(&self) -> Result<Option<(Work, Plan, Saving<'_>)>, SessionError> {
        let manager = &self.0.manager;
        let mut state = self.state();
        let plan = plan(&state.situation(manager));
        let needs_credential = matches!(
            plan.store,
            StoreOperation::Create | StoreOperation::Replace | StoreOperation::Rotate
        );
        if state.sent && needs_credential {
            let message = "the session needs a new credential, but the response head has left; save it earlier";
            return Err(SessionError::new(ErrorKind::HeadersSent, message));
        }
        if plan.store == StoreOperation::None {
            state.note_credential(plan.credential);
            return Ok(None);
        }
        state.in_flight = true;
        state.saving = state.changes.len();
        let work = Work {
            place: state.claim.place,
            document: state.claim.document.clone(),
            changes: state.changes.clone(),
            intent: state.intent,
            retired: state.claim.held == Held::Retired,
        };
        let saving = Saving { session: self, epoch: state.epoch, intent: state.intent };
        // What another handle intends from now on is for the next save. What is destroyed stays so.
        if state.intent != Intent::Destroy {
            state.intent = Intent::Keep;
        }
        Ok(Some((work, plan, saving)))
    }

    /// Notes what became of the session. What the handler did meanwhile stays to be saved.
    fn settle(&self, outcome: Outcome, epoch: u32) -> Result<(), SessionError> {
        let manager = &self.0.manager;
        let mut state = self.state();
        let same = state.epoch == epoch;
        match outcome {
            Outcome::Added => {
                state.claim.held = Held::Retired;
                if same {
                    return self.go_on(state, manager.new_document());
                }
            }
            Outcome::Deleted(credential) => {
                let document = state.claim.document.clone();
                let transport = state.claim.transport;
                state.claim = Claim { transport, ..Claim::new(Held::Nothing, document) };
                state.note_credential(credential);
            }
            Outcome::Gone => {
                let ended = state.claim.place.map(|place| place.id.fingerprint());
                if same {
                    state.begin_anew(manager.new_document(), Intent::Keep);
                    state.claim.held = Held::Ended;
                }
                drop(state);
                ended
                    .into_iter()
                    .for_each(|session| manager.tell(|| Event::EndedMeanwhile { session }));
            }
            Outcome::Stored(standing, credential) => {
                let Standing { place, document } = *standing;
                let now = manager.now();
                state.claim.expires = now.after(document.lifetime(manager.config(), now));
                state.claim.held = Held::Stored;
                state.claim.place = Some(place);
                state.note_credential(credential);
                state.touch = false;
                if same {
                    return self.go_on(state, document);
                }
            }
            Outcome::Touched(left) => {
                state.claim.expires = manager.now().after(left);
                state.touch = false;
            }
            Outcome::Unchanged => {}
        }
        Ok(())
    }

    /// Takes over what has been stored, and does again what other handles did meanwhile. Their closures
    /// run without a lock.
    fn go_on<'a>(
        &'a self,
        mut state: MutexGuard<'a, State>,
        stored: Document,
    ) -> Result<(), SessionError> {
        let saved = state.saving;
        state.changes.saved(saved);
        state.saving = 0;
        let epoch = state.epoch;
        while !state.changes.is_empty() {
            let (changes, mut document) = (state.changes.clone(), stored.clone());
            drop(state);
            let manager = &self.0.manager;
            let done = changes.apply(&mut document, manager.config(), manager.now());
            state = self.state();
            if let Err(error) = done {
                // What this handle sees is not what is stored: the next save has to merge.
                state.claim.place =
                    state.claim.place.map(|place| Place { version: Version::NONE, ..place });
                return Err(error);
            }
            if state.epoch != epoch {
                return Ok(());
            }
            if state.changes.len() == changes.len() {
                state.claim.document = document;
                return Ok(());
            }
        }
        state.claim.document = stored;
        Ok(())
    }

    fn state(&self) -> MutexGuard<'_, State> {
        // A panic while it was held came from a closure of the application, before anything changed.
        self.0.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn situation(&self, manager: &SessionManager) -> Situation {
        let (config, now) = (manager.config(), manager.now());
        let Claim { held, document, expires, stale, .. } = &self.claim;
        let lifetime = document.lifetime(config, now);
        // A session that express-session began has no absolute deadline until we write one.
        let undated = *held == Held::Stored
            && config.expiry.absolute.is_some()
            && document.facts.until.is_none();
        Situation {
            held: *held,
            intent: self.intent,
            changed: !self.changes.is_empty() || undated,
            empty: document.data.is_empty() && document.facts.owner.is_none(),
            due: self.touch || expires.remaining(now) < lifetime / 20 * 19,
            persistent: document.expiry(config).persistent,
            expiry_changed: self.changes.set_expiry(),
            stale_credential: *stale,
            presented: !self.presented.verified.is_empty() || self.presented.forged.is_some(),
            policy: config.save_policy,
        }
    }

    fn check_writable(&self) -> Result<(), SessionError> {
        if self.claim.held == Held::Unavailable {
            let message =
                "the session is read-only, because the store failed when it was to be read";
            return Err(SessionError::new(ErrorKind::ReadOnly, message));
        }
        Ok(())
    }

    fn check_alive(&self) -> Result<(), SessionError> {
        self.check_writable()?;
        if self.intent == Intent::Destroy {
            let message =
                "the session was destroyed by this request; regenerate it to begin a new one";
            return Err(SessionError::new(ErrorKind::Destroyed, message));
        }
        Ok(())
    }

    fn begin_anew(&mut self, document: Document, intent: Intent) {
        self.epoch += 1;
        self.changes.clear();
        self.saving = 0;
        self.intent = intent;
        self.claim.document = document;
    }

    fn note_credential(&mut self, credential: CredentialOperation) {
        if credential != CredentialOperation::None {
            self.credential = credential;
            self.claim.stale = false;
        }
    }

    /// The way by which the answer goes: that of the request, or the first one.
    fn transport(&self) -> usize {
        let brought = self.claim.transport.or(self
            .presented
            .verified
            .first()
            .map(|(transport, _)| *transport));
        brought.or(self.presented.forged).unwrap_or(0)
    }
}

/// While a save is under way. If it fails or is given up, what it was for is still intended.
struct Saving<'a> {
    session: &'a Session,
    epoch: u32,
    intent: Intent,
}

impl Drop for Saving<'_> {
    fn drop(&mut self) {
        let mut state = self.session.state();
        state.in_flight = false;
        state.saving = 0;
        if state.epoch == self.epoch {
            state.intent = state.intent.max(self.intent);
        }
    }
}

/// Says so when changes are lost. Nothing can be saved here.
impl Drop for Inner {
    fn drop(&mut self) {
        let state = self.state.get_mut().unwrap_or_else(PoisonError::into_inner);
        let unsaved = !state.changes.is_empty() || state.intent > Intent::Keep;
        let worth = state.claim.held == Held::Stored || !state.claim.document.data.is_empty();
        if unsaved
            && worth
            && state.claim.held != Held::Ended
            && !(state.sent && state.intent == Intent::Destroy)
        {
            let session = state.claim.place.map(|place| place.id.fingerprint());
            self.manager.tell(|| Event::ChangesLost { session });
        }
    }
}

/// Shows neither the id nor any data.
impl fmt::Debug for Session {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.id() {
            Some(fingerprint) => write!(f, "Session(#{fingerprint})"),
            None => f.write_str("Session(new)"),
        }
    }
}

fn writable(name: &str) -> Result<&str, SessionError> {
    if is_reserved(name) {
        let message =
            format!("the key {name:?} belongs to express-session's own object; use another name");
        return Err(SessionError::new(ErrorKind::ReservedKey, message));
    }
    Ok(name)
}

fn encode<T: Serialize>(name: &str, value: &T) -> Result<Arc<str>, SessionError> {
    serde_json::to_string(value).map(Arc::from).map_err(|_| {
        // serde's own words may quote the value.
        let message = format!("the value for the key {name:?} can't be written as JSON");
        SessionError::new(ErrorKind::Value, message)
    })
}

fn decode<T: DeserializeOwned>(name: &str, json: Option<&[u8]>) -> Result<Option<T>, SessionError> {
    json.map(|json| parse(name, json)).transpose()
}

fn parse<T: DeserializeOwned>(name: &str, json: &[u8]) -> Result<T, SessionError> {
    serde_json::from_slice(json).map_err(|error| {
        // serde's own words may quote the value.
        let kind = std::any::type_name::<T>();
        let message = format!(
            "the key {name:?} does not hold a {kind} ({:?} at column {})",
            error.classify(),
            error.column()
        );
        SessionError::new(ErrorKind::Value, message)
    })
}
