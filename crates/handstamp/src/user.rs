//! The sessions of a user: to list them, to end one, the others, or all.

use std::fmt;

use crate::apply::{Place, Standing};
use crate::document::Document;
use crate::facts::Device;
use crate::store::{SessionIndex, Stored};
use crate::{
    ErrorKind, Event, Fingerprint, Session, SessionError, SessionId, SessionManager, Timestamp,
};

/// One of a user's sessions, as «my devices» shows it.
#[derive(Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct UserSession {
    /// What names the session; [`SessionManager::revoke`] takes it.
    pub id: Fingerprint,
    /// When the user signed in.
    pub created: Option<Timestamp>,
    /// When it was last used, to within a twentieth of its idle time.
    pub last_seen: Option<Timestamp>,
    /// When it ends if it is not used.
    pub expires: Timestamp,
    /// The device that the application noted.
    pub device: Device,
}

impl SessionManager {
    /// The living sessions of a user, the one used last in front.
    ///
    /// # Errors
    /// The store failed, or it can't find sessions by user ([`ErrorKind::Config`]).
    pub async fn for_user(&self, user: &str) -> Result<Vec<UserSession>, SessionError> {
        let living = without_rotating(self.living(user).await?);
        let mut sessions: Vec<_> = living.iter().map(|living| self.describe(living)).collect();
        sessions
            .sort_by_key(|session| (std::cmp::Reverse(session.last_seen), session.id.to_string()));
        Ok(sessions)
    }

    /// Ends one of a user's sessions. `false`: the user has no such session (any more).
    ///
    /// Another user's session is never ended, whatever the fingerprint.
    ///
    /// # Errors
    /// As [`for_user`](Self::for_user).
    pub async fn revoke(&self, user: &str, session: Fingerprint) -> Result<bool, SessionError> {
        let living = self.living(user).await?;
        let Some(found) = living.iter().find(|living| living.place.id.fingerprint() == session)
        else {
            return Ok(false);
        };
        self.end(found.place, Some(user)).await
    }

    /// Ends all sessions of a user, but for `except`, and returns how many there were. A session that
    /// is rotating at this moment is ended too.
    ///
    /// # Errors
    /// As [`for_user`](Self::for_user).
    pub async fn revoke_all(
        &self,
        user: &str,
        except: Option<&Session>,
    ) -> Result<usize, SessionError> {
        let except = except.and_then(Session::place).map(|place| place.id);
        let count = self.call(self.index()?.revoke(user, except.as_ref())).await?;
        if count > 0 {
            self.tell(|| Event::Revoked { count });
        }
        Ok(count)
    }

    /// Ends the oldest sessions of the owner of a session that has just begun, if there are too many.
    ///
    /// Every login does so after it is stored, and all agree on which are the oldest: so when the
    /// last of many logins is done, there are not too many.
    pub(crate) async fn limit_sessions(&self, session: &Standing) -> Result<(), SessionError> {
        let (Some(most), Some(owner)) =
            (self.config().max_sessions_per_owner, &session.document.facts.owner)
        else {
            return Ok(());
        };
        let mut living = without_rotating(self.living(owner).await?);
        living.sort_by_key(|living| {
            std::cmp::Reverse((living.document.facts.created, living.place.id))
        });
        for surplus in living.iter().skip(most.get()) {
            self.end(surplus.place, Some(owner)).await?;
        }
        Ok(())
    }

    async fn living(&self, user: &str) -> Result<Vec<Living>, SessionError> {
        let found = self.call(self.index()?.list(user)).await?;
        let read = |(id, stored): (SessionId, Stored)| {
            let document = self.read(&id, &stored)?;
            let expires = self.now().after(stored.remaining);
            let place = Place { id, version: stored.version };
            (document.facts.owner.as_deref() == Some(user)).then_some(Living {
                place,
                document,
                expires,
            })
        };
        Ok(found.into_iter().filter_map(read).collect())
    }

    fn describe(&self, living: &Living) -> UserSession {
        let facts = &living.document.facts;
        UserSession {
            id: living.place.id.fingerprint(),
            created: facts.created,
            last_seen: self.last_seen(&living.document, living.expires),
            expires: living.expires,
            device: facts.device.clone().unwrap_or_default(),
        }
    }

    /// Every use sets the time that is left, so that tells when it was. Near the absolute deadline
    /// the time that is left tells nothing, and the last writing has to do.
    pub(crate) fn last_seen(&self, document: &Document, expires: Timestamp) -> Option<Timestamp> {
        let used = expires.before(document.expiry(self.config()).idle);
        document.facts.seen.max(Some(used.min(self.now())))
    }

    fn index(&self) -> Result<&dyn SessionIndex, SessionError> {
        let message = "this session store can't find sessions by user: it has no index";
        self.store().index().ok_or_else(|| SessionError::new(ErrorKind::Config, message))
    }
}

/// A session whose id rotates at this moment stands there twice. It counts once, by its old id: ending
/// that one ends the rotation, too.
fn without_rotating(mut living: Vec<Living>) -> Vec<Living> {
    let ids: Vec<_> = living.iter().map(|living| living.place.id.fingerprint()).collect();
    living.retain(|living| living.document.facts.from.is_none_or(|from| !ids.contains(&from)));
    living
}

struct Living {
    place: Place,
    document: Document,
    expires: Timestamp,
}

/// Shows neither the device nor the times: a list of sessions is personal.
impl fmt::Debug for UserSession {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "UserSession(#{})", self.id)
    }
}
