//! Does what was planned: the only place that writes to a store.
//!
//! When another request was faster, what this one did is done again on what stands there now. What
//! has been ended stays ended: nothing here creates a session under an id that a client holds.

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use crate::changes::Changes;
use crate::document::Document;
use crate::facts::Successor;
use crate::manager::MAX_HOPS;
use crate::plan::{CredentialOperation, Intent, Plan, StoreOperation};
use crate::store::{Created, StoreErrorKind, Stored, Updated, Version};
use crate::{ErrorKind, Event, SavePolicy, SessionError, SessionId, SessionManager, Timestamp};

/// How often a write is tried against others that win. Requests of one process queue up after their
/// first defeat, so it takes as many processes to get here.
pub(crate) const MAX_ATTEMPTS: usize = 256;

/// How many ids are tried. The second is never needed unless the generator is broken.
const MAX_IDS: usize = 8;

/// How long a store keeps the pointer to a rotated session at least: requests that are being answered
/// now, however slow and whatever the grace for new ones, still have to find where theirs went.
const MIN_STUB_LIFETIME: Duration = Duration::from_secs(60);

/// What a request has in its hands when it comes to write.
#[derive(Debug)]
pub(crate) struct Work {
    /// Where the session stood when it was read.
    pub place: Option<Place>,
    /// The document as this request wants it, if nobody came in between.
    pub document: Document,
    /// What led there.
    pub changes: Changes,
    pub intent: Intent,
    /// The id that a new record gets, if the caller has made one.
    pub next_id: Option<SessionId>,
    /// The place holds a pointer, not the session.
    pub retired: bool,
}

/// One writing of one session.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Place {
    pub id: SessionId,
    pub version: Version,
}

/// A session as it stands in the store.
#[derive(Debug)]
pub(crate) struct Standing {
    pub place: Place,
    pub document: Document,
}

/// What became of a session, and what to do about the client's credential.
#[derive(Debug)]
pub(crate) enum Outcome {
    /// The changes went into a session that this request must not see: a login retired its id.
    Added,
    /// It is no more, as was wanted.
    Deleted(CredentialOperation),
    /// Another request had ended it. Nothing was written.
    Gone,
    Stored(Box<Standing>, CredentialOperation),
    /// It has this much time left.
    Touched(Duration),
    Unchanged,
}

/// The new record that a rotation has made. If the rotation then fails or is given up, nobody else
/// knows of it.
#[derive(Debug, Default)]
pub(crate) struct Begun(Mutex<Option<Rotation>>);

#[derive(Clone, Copy, Debug)]
struct Rotation {
    old: SessionId,
    new: Place,
    intent: Intent,
}

impl Begun {
    fn of(&self, old: SessionId) -> Option<Rotation> {
        let begun = *self.0.lock().unwrap_or_else(PoisonError::into_inner);
        begun.filter(|rotation| rotation.old == old)
    }

    fn note(&self, rotation: Rotation) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Some(rotation);
    }
}

/// How one came from an id to the session that stands there now, the narrowest way first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Way {
    /// The id has been retired by a login: whoever holds the old one must not get the new one.
    Closed,
    /// The id has been rotated: whoever holds the old one may have the new one.
    Open,
    /// It is still that id.
    Straight,
}

pub(crate) async fn apply(
    manager: &SessionManager,
    work: Work,
    plan: Plan,
    begun: &Begun,
) -> Result<Outcome, SessionError> {
    let now = manager.now();
    let Work { place, document, changes, intent, next_id, retired } = work;
    let applier = Applier { manager, now, changes: &changes, intent, next_id, begun };
    let outcome = match (plan.store, place) {
        (StoreOperation::Create, _) => {
            Ok(Outcome::Stored(applier.create(document).await?.into(), plan.credential))
        }
        (StoreOperation::Delete, Some(place)) => {
            applier.end(place).await?;
            Ok(Outcome::Deleted(plan.credential))
        }
        (StoreOperation::Replace, Some(place)) => {
            let standing = applier.create(document).await?;
            if let Err(error) = applier.end(place).await {
                applier.take_back(&standing.place.id).await;
                return Err(error);
            }
            Ok(Outcome::Stored(standing.into(), plan.credential))
        }
        // Seldom done and large: it would make every save's future as large.
        (StoreOperation::Rotate, Some(place)) => Box::pin(applier.rotate(place, document)).await,
        (StoreOperation::Touch, Some(place)) => applier.touch(place.id, &document).await,
        (StoreOperation::Update, Some(place)) if retired => Box::pin(applier.add(place.id)).await,
        (StoreOperation::Update, Some(place)) => {
            applier.update(Standing { place, document }, Way::Straight, plan.credential).await
        }
        (_, _) => Ok(Outcome::Unchanged),
    }?;
    if let Outcome::Stored(session, _) = &outcome
        && intent >= Intent::Login
        && let Err(error) = manager.limit_sessions(session).await
    {
        // The login has happened; too many sessions are put right by the next one.
        manager.tell(|| Event::StoreFailed { error: &error });
    }
    Ok(outcome)
}

struct Applier<'a> {
    manager: &'a SessionManager,
    now: Timestamp,
    changes: &'a Changes,
    intent: Intent,
    next_id: Option<SessionId>,
    begun: &'a Begun,
}

impl Applier<'_> {
    /// Stores a new session under an id that nobody has.
    async fn create(&self, mut document: Document) -> Result<Standing, SessionError> {
        let config = self.manager.config();
        document.refresh(config, self.now);
        self.note_sent(&mut document, CredentialOperation::Issue);
        let tries = if self.next_id.is_some() { 1 } else { MAX_IDS };
        for _ in 0..tries {
            let id = self.next_id.map_or_else(|| self.manager.make_id(), Ok)?;
            let (record, placed) =
                self.manager.record(&id, &document, document.lifetime(config, self.now))?;
            if let Created::Done(version) =
                self.manager.call(self.manager.store().create(&id, &record)).await?
            {
                self.manager.remember(&id, version, record.document.len(), placed);
                self.manager.tell(|| Event::Created { session: id.fingerprint() });
                return Ok(Standing { place: Place { id, version }, document });
            }
        }
        let message = "the new id was taken already, and so were others: the id generator repeats itself, or this session has been stored before and the answer was lost";
        Err(SessionError::new(ErrorKind::IdTaken, message))
    }

    /// Ends a session, and the new record that a failed rotation of it has left behind.
    async fn end(&self, place: Place) -> Result<(), SessionError> {
        self.manager.end(place, None).await?;
        if let Some(left) = self.begun.of(place.id) {
            self.take_back(&left.new.id).await;
        }
        Ok(())
    }

    /// Writes into a living session, merging with whoever was faster. `way`: how this request came
    /// to where the session stands now.
    async fn update(
        &self,
        mut session: Standing,
        mut way: Way,
        credential: CredentialOperation,
    ) -> Result<Outcome, SessionError> {
        let mut queue = None;
        for _ in 0..MAX_ATTEMPTS {
            let credential = match way {
                Way::Closed => CredentialOperation::None,
                Way::Open => CredentialOperation::Issue,
                Way::Straight => credential,
            };
            self.note_sent(&mut session.document, credential);
            let stored = match self.write(&mut session).await? {
                Updated::Conflict(stored) => stored,
                Updated::Done(_) if way == Way::Closed => return Ok(Outcome::Added),
                Updated::Done(version) => {
                    session.place.version = version;
                    return Ok(Outcome::Stored(session.into(), credential));
                }
                Updated::Gone => return Ok(Outcome::Gone),
            };
            if queue.is_none() {
                queue = Some(self.manager.queue(&session.place.id).await?);
            }
            let follow = Box::pin(self.follow(session.place.id, stored));
            let Some((standing, further)) = follow.await? else { return Ok(Outcome::Gone) };
            way = way.min(further);
            session = self.merged(standing, way)?;
        }
        Err(beaten())
    }

    /// Notes in a document that goes out with a credential when that was. express-session's rules don't ask.
    fn note_sent(&self, document: &mut Document, credential: CredentialOperation) {
        let asks = self.manager.config().save_policy == SavePolicy::Smart;
        if asks && credential == CredentialOperation::Issue {
            document.note_sent(self.now);
        }
    }

    /// Writes into the session that an id was retired for, without learning or telling where it is.
    async fn add(&self, id: SessionId) -> Result<Outcome, SessionError> {
        let Some(stored) = self.manager.call(self.manager.store().load(&id)).await? else {
            return Ok(Outcome::Gone);
        };
        let Some((standing, _)) = self.follow(id, stored).await? else { return Ok(Outcome::Gone) };
        if self.changes.additions(&standing.document).is_empty() {
            return Ok(Outcome::Added);
        }
        let session = self.merged(standing, Way::Closed)?;
        self.update(session, Way::Closed, CredentialOperation::None).await
    }

    /// Gives a session a new id: creates it anew, then retires the old id. Until the second step the
    /// old session is whole; with it the old id becomes a pointer.
    async fn rotate(
        &self,
        mut old: Place,
        mut document: Document,
    ) -> Result<Outcome, SessionError> {
        let from = old.id;
        document.facts.from = Some(from.fingerprint());
        let left = self.left_by_attempt_before(from);
        let mut new = self.begin(from, document, left).await?;
        for _ in 0..MAX_ATTEMPTS {
            let mut retired = self.retire(old, new.place.id).await;
            // What an attempt before has made may be where the old id leads already.
            if left.is_none() {
                retired = self.undo_if_refused(retired, &new).await;
            }
            let stored = match retired? {
                Updated::Conflict(stored) => stored,
                Updated::Done(_) => return Ok(self.rotated(from, new)),
                Updated::Gone if left.is_some() => return Ok(Outcome::Gone),
                Updated::Gone => return self.abandon(&new, Outcome::Gone).await,
            };
            let Some((standing, way)) = self.follow(old.id, stored).await? else {
                return self.abandon(&new, Outcome::Gone).await;
            };
            // The pointer is our own: an attempt before this one has put it there.
            if standing.place.id == new.place.id {
                return Ok(self.rotated(from, standing));
            }
            match (way, self.intent) {
                // Two logins at once are two sessions: neither may get the other's credential.
                (Way::Closed, Intent::Login) => {
                    return Ok(Outcome::Stored(new.into(), CredentialOperation::Issue));
                }
                // Another request rotated first: one new id is enough.
                (Way::Closed | Way::Open, Intent::Rotate) => {
                    self.manager.call(self.manager.store().delete(&new.place.id)).await?;
                    let session = self.merged(standing, way)?;
                    return self.update(session, way, CredentialOperation::None).await;
                }
                _ => {}
            }
            old = standing.place;
            new.document = self.merged(standing, way)?.document;
            new.document.facts.from = Some(old.id.fingerprint());
            match self.write(&mut new).await? {
                Updated::Done(version) => new.place.version = version,
                // Somebody has revoked the owner's sessions, this one included.
                Updated::Conflict(_) | Updated::Gone => return Ok(Outcome::Gone),
            }
        }
        self.abandon(&new, Outcome::Gone).await?;
        Err(beaten())
    }

    /// The new record that an attempt before this one has made. That of a rotation is of no use to a
    /// login: an open pointer may lead to it.
    fn left_by_attempt_before(&self, old: SessionId) -> Option<Place> {
        let left = self.begun.of(old).filter(|rotation| rotation.intent == self.intent);
        left.map(|rotation| rotation.new)
    }

    /// The new record of a rotation: what was left by an attempt before, written over, or another one.
    async fn begin(
        &self,
        old: SessionId,
        document: Document,
        left: Option<Place>,
    ) -> Result<Standing, SessionError> {
        if let Some(place) = left {
            let left = Standing { place, document: document.clone() };
            let written = self.update(left, Way::Straight, CredentialOperation::Issue).await?;
            if let Outcome::Stored(standing, _) = written {
                self.begun.note(Rotation { old, new: standing.place, intent: self.intent });
                return Ok(*standing);
            }
        }
        let new = self.create(document).await?;
        self.begun.note(Rotation { old, new: new.place, intent: self.intent });
        Ok(new)
    }

    fn rotated(&self, from: SessionId, new: Standing) -> Outcome {
        let to = new.place.id;
        self.manager.tell(|| Event::Rotated { from: from.fingerprint(), to: to.fingerprint() });
        Outcome::Stored(new.into(), CredentialOperation::Issue)
    }

    /// Extends a session's life. A failure costs the visitor a twentieth of the idle time at most, so
    /// it doesn't fail the request.
    async fn touch(&self, id: SessionId, document: &Document) -> Result<Outcome, SessionError> {
        let lifetime = document.lifetime(self.manager.config(), self.now);
        match self.manager.call(self.manager.store().touch(&id, lifetime)).await {
            Ok(true) => Ok(Outcome::Touched(lifetime)),
            Ok(false) => Ok(Outcome::Gone),
            Err(error) => {
                self.manager.tell(|| Event::StoreFailed { error: &error });
                Ok(Outcome::Unchanged)
            }
        }
    }

    /// One attempt to write a session where it stood.
    async fn write(&self, session: &mut Standing) -> Result<Updated, SessionError> {
        let config = self.manager.config();
        let Standing { place, document } = session;
        document.refresh(config, self.now);
        let (record, placed) =
            self.manager.record(&place.id, document, document.lifetime(config, self.now))?;
        let store = self.manager.store();
        let updated = self.manager.call(store.update(&place.id, place.version, &record)).await?;
        if let Updated::Done(version) = updated {
            self.manager.remember(&place.id, version, record.document.len(), placed);
        }
        Ok(updated)
    }

    /// Puts the pointer in the place of a session.
    async fn retire(&self, old: Place, new: SessionId) -> Result<Updated, SessionError> {
        let config = self.manager.config();
        let grace = config.rotation_grace;
        let open = self.intent != Intent::Login;
        let stub =
            Document::stub(Successor { id: new, until: self.now.after(grace), open }, config);
        let (record, _) = self.manager.record(&old.id, &stub, grace.max(MIN_STUB_LIFETIME))?;
        self.manager.call(self.manager.store().update(&old.id, old.version, &record)).await
    }

    /// Takes the new session back when the old one certainly stayed. When nobody knows (a timeout),
    /// it may be all there is, so it stays too.
    async fn undo_if_refused(
        &self,
        retired: Result<Updated, SessionError>,
        new: &Standing,
    ) -> Result<Updated, SessionError> {
        if let Err(error) = &retired {
            let unknown =
                |kind| matches!(kind, StoreErrorKind::Timeout | StoreErrorKind::Unavailable);
            if !error.store_error().is_some_and(|error| unknown(error.kind())) {
                self.take_back(&new.place.id).await;
            }
        }
        retired
    }

    /// Deletes a new session that nobody has heard of, because the step after it failed. If that fails
    /// too, the first failure is the one to tell.
    async fn take_back(&self, new: &SessionId) {
        if let Err(error) = self.manager.call(self.manager.store().delete(new)).await {
            self.manager.tell(|| Event::StoreFailed { error: &error });
        }
    }

    async fn abandon(&self, new: &Standing, outcome: Outcome) -> Result<Outcome, SessionError> {
        self.manager.call(self.manager.store().delete(&new.place.id)).await?;
        Ok(outcome)
    }

    /// From what stands under an id to the session itself. `None`: it has been ended.
    async fn follow(
        &self,
        mut id: SessionId,
        mut stored: Stored,
    ) -> Result<Option<(Standing, Way)>, SessionError> {
        let mut way = Way::Straight;
        for _ in 0..MAX_HOPS {
            let Some(document) = self.manager.read_again(&id, &stored.document) else {
                return Ok(None);
            };
            let Some(successor) = &document.facts.successor else {
                return Ok(Some((
                    Standing { place: Place { id, version: stored.version }, document },
                    way,
                )));
            };
            way = if successor.open && way != Way::Closed { Way::Open } else { Way::Closed };
            id = successor.id;
            match self.manager.call(self.manager.store().load(&id)).await? {
                Some(found) => stored = found,
                None => return Ok(None),
            }
        }
        Ok(None)
    }

    /// What this request did, done on what stands there now. Whoever comes by an id that a login has
    /// retired may add to the session: set keys that are not there, and let an `update` go on.
    fn merged(&self, mut standing: Standing, way: Way) -> Result<Standing, SessionError> {
        let additions = (way == Way::Closed).then(|| self.changes.additions(&standing.document));
        let changes = additions.as_ref().unwrap_or(self.changes);
        changes.apply(&mut standing.document, self.manager.config(), self.now)?;
        Ok(standing)
    }
}

pub(crate) fn beaten() -> SessionError {
    let message = format!(
        "other requests changed the session {MAX_ATTEMPTS} times while this one tried to save it"
    );
    SessionError::new(ErrorKind::Conflict, message)
}
