//! One session's way from the old store to the new one; the module above says why it goes so.

use std::sync::Arc;
use std::time::Duration;

use super::MovingStore;
use super::mark::{Passage, Standing, is_mark, over};
use super::waiting::staying;
use crate::store::{
    AnyStore, Created, Record, StoreError, StoreErrorKind, Stored, Updated, Version,
};
use crate::{SessionId, seal};

/// How often the situation is looked at anew. Each time another process has gone a step, so only a store
/// that does not keep its promises gets here.
const MAX_LOOKS: usize = 1000;

/// How much longer than its session a slot stays. A slot that goes before it is filled takes the session
/// with it, so the slowest process gets its time; an empty one is in nobody's way.
const SLACK: Duration = Duration::from_secs(60 * 60);

/// What is done about a session, by what stands in both stores.
#[derive(Debug, PartialEq, Eq)]
enum Step {
    AnswerNothing,
    AnswerSession,
    /// Claim the session in the old store, for the slot that is there or for a new one.
    Claim(Option<Passage>),
    /// End what is left over in the old store.
    EndFrom,
    /// End what is left over in the new store.
    EndTo,
    /// Put the claimed document into the slot.
    Fill(Arc<[u8]>),
    /// Put the claimed document back where the claim stands: the move is going back.
    TakeBack(Arc<[u8]>),
}

/// The table of the module's docs.
fn decide(to: Option<&Standing>, from: Option<&Standing>) -> Step {
    use Standing::{Claim, Session, Slot};
    match (to, from) {
        (None, None) => Step::AnswerNothing,
        (Some(Session), _) => Step::AnswerSession,
        (None, Some(Session)) => Step::Claim(None),
        (Some(Slot(slot)), Some(Session)) => Step::Claim(Some(*slot)),
        (Some(Slot(slot)), Some(Claim(passage, document))) if slot == passage => {
            Step::Fill(document.clone())
        }
        (Some(Slot(_)), None) => Step::EndTo,
        // What a move in the other direction has left, when it was given up half-way.
        (Some(Claim(passage, document)), Some(Slot(slot))) if slot == passage => {
            Step::TakeBack(document.clone())
        }
        (Some(Claim(..)), None | Some(Session)) => Step::EndTo,
        (_, Some(Claim(..) | Slot(_))) => Step::EndFrom,
    }
}

/// A session, and which store it is in. The version is that store's own.
pub(super) enum Found {
    From(Stored),
    To(Stored),
}

impl Found {
    /// The session as it is answered.
    pub(super) fn into_stored(self) -> Stored {
        match self {
            Self::From(stored) => staying(stored),
            Self::To(stored) => stored,
        }
    }
}

impl MovingStore {
    /// Brings a session to the new store, if it isn't there and this one is not waiting, and returns it.
    pub(super) async fn find(&self, id: &SessionId) -> Result<Option<Found>, StoreError> {
        for _ in 0..MAX_LOOKS {
            let mut to = Seen::in_store(&self.to, id).await?;
            if to.stored.is_some() {
                self.begin();
            }
            if to.is_session() {
                return Ok(to.stored.map(Found::To));
            }
            let from = Seen::in_store(&self.from, id).await?;
            if !from.is_session() {
                // It may have arrived between the two looks.
                to = Seen::in_store(&self.to, id).await?;
            }
            let arrived = match decide(to.standing.as_ref(), from.standing.as_ref()) {
                Step::AnswerNothing => return Ok(None),
                Step::AnswerSession => return Ok(to.stored.map(Found::To)),
                Step::Claim(None) if self.is_waiting() => {
                    return Ok(from.stored.map(Found::From));
                }
                Step::Claim(slot) => self.claim(id, slot, &to, &from).await?,
                Step::EndFrom => self.end(&self.from, id, &from).await?,
                Step::EndTo => self.end(&self.to, id, &to).await?,
                Step::Fill(document) => {
                    let record = self.record(id, document, from.remaining())?;
                    self.fill(id, record, to.version(), from.version()).await?
                }
                Step::TakeBack(document) => {
                    let record = self.record(id, document, to.remaining())?;
                    self.to.update(id, to.version(), &record).await?;
                    None
                }
            };
            if arrived.is_some() {
                return Ok(arrived.map(Found::To));
            }
        }
        let cause = format!("a session was not moved after {MAX_LOOKS} attempts");
        Err(StoreError::new(StoreErrorKind::Unavailable, cause))
    }

    /// Of what was listed in the new store, the sessions; slots are filled first.
    pub(super) async fn arrived(
        &self,
        listed: Vec<(SessionId, Stored)>,
    ) -> Result<Vec<(SessionId, Stored)>, StoreError> {
        let mut sessions = Vec::with_capacity(listed.len());
        for (id, stored) in listed {
            let found = if is_mark(&stored.document) {
                self.find(&id).await?.map(Found::into_stored)
            } else {
                Some(stored)
            };
            sessions.extend(found.map(|stored| (id, stored)));
        }
        Ok(sessions)
    }

    /// Ends what is left in the old store of a session that lives in the new one.
    pub(super) async fn sweep(&self, id: &SessionId) -> Result<(), StoreError> {
        let left = Seen::in_store(&self.from, id).await?;
        if left.stored.is_some() {
            self.end(&self.from, id, &left).await?;
        }
        Ok(())
    }

    /// Makes sure of a slot, claims the session for it, and fills it. `None`: look again.
    async fn claim(
        &self,
        id: &SessionId,
        slot: Option<Passage>,
        to: &Seen,
        from: &Seen,
    ) -> Result<Option<Stored>, StoreError> {
        let session = self.record(id, from.document(), from.remaining())?;
        let passage = slot.map_or_else(Passage::new, Ok)?;
        let keeper = Record {
            document: passage.slot(),
            lifetime: session.lifetime.saturating_add(SLACK),
            owner: session.owner.clone(),
        };
        let slot = if slot.is_none() {
            done_create(self.to.create(id, &keeper).await?)
        } else {
            // The session may have another owner than when the slot was made.
            done_update(&self.to.update(id, to.version(), &keeper).await?)
        };
        let Some(slot) = slot else { return Ok(None) };
        let claimed = Record { document: passage.claim(&session.document), ..session.clone() };
        let claim = done_update(&self.from.update(id, from.version(), &claimed).await?);
        let Some(claim) = claim else { return Ok(None) };
        self.fill(id, session, slot, claim).await
    }

    /// Puts a session into its slot and ends its claim. `None`: look again.
    async fn fill(
        &self,
        id: &SessionId,
        session: Record,
        slot: Version,
        claim: Version,
    ) -> Result<Option<Stored>, StoreError> {
        let filled = done_update(&self.to.update(id, slot, &session).await?);
        let Some(version) = filled else { return Ok(None) };
        // The session has arrived. A claim that stays is one of a session that has, and nobody's trouble.
        let _ = self.from.update(id, claim, &nothing()).await;
        let Record { document, lifetime, .. } = session;
        Ok(Some(Stored { document, version, remaining: lifetime }))
    }

    async fn end(
        &self,
        store: &AnyStore,
        id: &SessionId,
        seen: &Seen,
    ) -> Result<Option<Stored>, StoreError> {
        store.update(id, seen.version(), &nothing()).await?;
        Ok(None)
    }

    fn record(
        &self,
        id: &SessionId,
        document: Arc<[u8]>,
        lifetime: Duration,
    ) -> Result<Record, StoreError> {
        let owner = self.owner(id, &document)?;
        Ok(Record { document, lifetime, owner })
    }

    /// Whose session it is. A store says that of none; the document does, if it can be read.
    fn owner(&self, id: &SessionId, document: &Arc<[u8]>) -> Result<Option<Arc<str>>, StoreError> {
        if self.to.index().is_none() {
            return Ok(None);
        }
        if self.config.sealing.is_none() && seal::is_sealed(document) {
            let cause = "a sealed session can't be moved without the keys that tell its owner; \
                         give them to MovingStore::with_sealing";
            return Err(StoreError::new(StoreErrorKind::Refused, cause));
        }
        let document = seal::decode(document, id, &self.config);
        Ok(document.and_then(|document| document.facts.owner))
    }
}

/// What a store holds under an id.
struct Seen {
    stored: Option<Stored>,
    standing: Option<Standing>,
}

impl Seen {
    async fn in_store(store: &AnyStore, id: &SessionId) -> Result<Self, StoreError> {
        let stored = store.load(id).await?;
        let standing = stored.as_ref().map(|stored| Standing::read(&stored.document));
        Ok(Self { stored, standing })
    }

    fn is_session(&self) -> bool {
        self.standing == Some(Standing::Session)
    }

    fn document(&self) -> Arc<[u8]> {
        self.stored.as_ref().map(|stored| stored.document.clone()).unwrap_or_default()
    }

    fn remaining(&self) -> Duration {
        self.stored.as_ref().map_or(Duration::ZERO, |stored| stored.remaining)
    }

    fn version(&self) -> Version {
        self.stored.as_ref().map_or(Version::NONE, |stored| stored.version)
    }
}

/// A record that ends what it is written over.
pub(super) fn nothing() -> Record {
    Record { document: over(), lifetime: Duration::ZERO, owner: None }
}

fn done_create(created: Created) -> Option<Version> {
    match created {
        Created::Done(version) => Some(version),
        Created::Duplicate => None,
    }
}

fn done_update(updated: &Updated) -> Option<Version> {
    match updated {
        Updated::Done(version) => Some(*version),
        Updated::Conflict(_) | Updated::Gone => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_done_in_every_situation() {
        use Standing::{Claim, Session, Slot};
        let (a, b) = (Passage::new().unwrap(), Passage::new().unwrap());
        let document: Arc<[u8]> = b"{}"[..].into();
        let held = || [None, Some(Session), Some(Slot(a)), Some(Claim(a, document.clone()))];
        let other = || [Some(Slot(b)), Some(Claim(b, document.clone()))];
        for from in held().into_iter().chain(other()) {
            assert_eq!(decide(Some(&Session), from.as_ref()), Step::AnswerSession);
            let expected = match &from {
                None => Step::AnswerNothing,
                Some(Session) => Step::Claim(None),
                Some(_) => Step::EndFrom,
            };
            assert_eq!(decide(None, from.as_ref()), expected);
            let expected = match &from {
                None => Step::EndTo,
                Some(Session) => Step::Claim(Some(a)),
                Some(Claim(passage, _)) if *passage == a => Step::Fill(document.clone()),
                Some(_) => Step::EndFrom,
            };
            assert_eq!(decide(Some(&Slot(a)), from.as_ref()), expected);
            let expected = match &from {
                None | Some(Session) => Step::EndTo,
                Some(Slot(passage)) if *passage == a => Step::TakeBack(document.clone()),
                Some(_) => Step::EndFrom,
            };
            assert_eq!(decide(Some(&Claim(a, document.clone())), from.as_ref()), expected);
        }
    }
}
