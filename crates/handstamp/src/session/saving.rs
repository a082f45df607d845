//! From memory to the store and back.

use std::sync::{Arc, MutexGuard};

use super::{Claim, Session, State};
use crate::answer::{Answer, credential_header};
use crate::apply::{Outcome, Place, Standing, Work, apply};
use crate::document::Document;
use crate::plan::{CredentialOperation, Held, Intent, Plan, StoreOperation, plan};
use crate::store::Version;
use crate::{ErrorKind, Event, SessionError};

/// Saving and reloading.
impl Session {
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
        let outcome = apply(&self.0.manager, work, plan, &self.0.begun).await?;
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
            next_id: state.next_id,
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
                state.next_id = state.next_id.filter(|id| *id != place.id);
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
