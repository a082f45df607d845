//! The session itself: its id, its owner, its beginning and its end.

use std::sync::Arc;

use super::{Claim, Session};
use crate::changes::Change;
use crate::config::Expiry;
use crate::facts::Device;
use crate::plan::{Held, Intent};
use crate::{Fingerprint, SessionError, Timestamp};

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

    /// When the session was last used, to within a twentieth of its idle time. Saving is using it.
    /// `None`: it is not stored yet.
    #[must_use]
    pub fn last_seen(&self) -> Option<Timestamp> {
        let state = self.state();
        let Claim { held, document, expires, .. } = &state.claim;
        (*held == Held::Stored).then(|| self.0.manager.last_seen(document, *expires)).flatten()
    }

    /// When the session ends if it is not used again: after its idle time, or at its absolute
    /// deadline if that comes first. `None`: it is not stored yet.
    ///
    /// That is what the store was told last, so an expiry that was just set counts after the
    /// [`save`](Self::save).
    ///
    /// ```
    /// # async fn example(session: &handstamp::Session) -> Result<(), handstamp::SessionError> {
    /// use std::time::Duration;
    ///
    /// use handstamp::Expiry;
    ///
    /// session.set_expiry(Expiry::idle(Duration::from_secs(30 * 24 * 60 * 60)).persistent())?;
    /// session.save().await?;
    /// assert!(session.expires().is_some());
    /// # Ok(())
    /// # }
    /// ```
    #[must_use]
    pub fn expires(&self) -> Option<Timestamp> {
        let state = self.state();
        (state.claim.held == Held::Stored).then_some(state.claim.expires)
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
    /// [`ErrorKind::ReadOnly`](crate::ErrorKind::ReadOnly).
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
    /// [`ErrorKind::ReadOnly`](crate::ErrorKind::ReadOnly): the store failed, so the user can't be signed out.
    pub fn logout(&self) -> Result<(), SessionError> {
        self.begin_anew(Intent::Logout)
    }

    /// A new id for the same data. For a while, requests that still carry the old id reach the
    /// session too; see [`SessionConfig::with_rotation_grace`](crate::SessionConfig::with_rotation_grace).
    ///
    /// # Errors
    /// [`ErrorKind::ReadOnly`](crate::ErrorKind::ReadOnly), [`ErrorKind::Destroyed`](crate::ErrorKind::Destroyed).
    pub fn rotate(&self) -> Result<(), SessionError> {
        self.change(|_| Ok(None))?;
        self.intend(Intent::Rotate);
        Ok(())
    }

    /// A new id and an empty session; the old one is ended.
    ///
    /// # Errors
    /// [`ErrorKind::ReadOnly`](crate::ErrorKind::ReadOnly).
    pub fn regenerate(&self) -> Result<(), SessionError> {
        self.begin_anew(Intent::Regenerate)
    }

    /// Ends the session and takes the credential from the client. Writing to it from now on is an
    /// error.
    ///
    /// # Errors
    /// [`ErrorKind::ReadOnly`](crate::ErrorKind::ReadOnly): the store failed, so the session can't be ended.
    pub fn destroy(&self) -> Result<(), SessionError> {
        self.begin_anew(Intent::Destroy)
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
}
