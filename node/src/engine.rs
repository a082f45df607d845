//! The engine over one store: what JavaScript can ask of sessions.

use std::sync::Arc;

use handstamp::{Fingerprint, Keys, LookUp, SessionConfig, SessionManager};
use napi_derive::napi;

use crate::answer::{Answer, IntoValue, answer, at_once};
use crate::changes::{Changes, amend, make};
use crate::error::{Failure, Thrown};
use crate::id::Name;
use crate::late::{Late, LateAnswer, Tell};
use crate::options::EngineOptions;
use crate::snapshot::{Former, found, millis, saved, version_of};
use crate::stores::{Desk, NativeHandle, Place, Tools, lock};
use crate::user::UserSessionRecord;

/// The engine over one store. What needs no I/O is answered at once; the rest is told later, by the ticket of the
/// call.
#[expect(missing_debug_implementations, reason = "a function of JavaScript has none")]
#[napi]
pub struct Engine {
    place: Place,
    late: Late,
    desk: Arc<Desk>,
}

#[napi]
impl Engine {
    /// An engine over this store, which tells late answers in this way.
    ///
    /// # Errors
    /// A setting is wrong, or the store has been closed.
    #[napi(constructor)]
    pub fn new(store: &NativeHandle, options: EngineOptions, tell: Tell) -> Result<Self, Thrown> {
        at_once(|| {
            let used = store.store()?;
            let place = used.place;
            let manager = used.manager(own_keys()?);
            let manager = manager.with_config(SessionConfig::try_from(options)?)?;
            Ok(Self {
                place,
                late: Late::told_to(tell),
                desk: store.desk(Tools { manager, store: used }),
            })
        })
    }

    /// Finds a session by an id whose signature has been verified.
    #[napi]
    pub fn load(&self, ticket: u32, id: String) -> Result<Answer, Thrown> {
        let manager = self.manager();
        answer(self.place.begin_look(), &self.late, ticket, async move {
            let name = Name::new(id);
            Ok(found(&manager?.look_up(name.id()).await?, &name))
        })
    }

    /// Stores a new session under this id.
    #[napi]
    pub fn create(
        &self,
        ticket: u32,
        id: String,
        data: Option<String>,
        cookie: Option<String>,
        changes: Option<Changes>,
    ) -> Result<Answer, Thrown> {
        let manager = self.manager();
        self.answer(ticket, async move {
            let name = Name::new(id);
            let session = manager?.begin(name.id());
            make(&session, data.as_deref(), cookie, changes)?;
            session.save().await?;
            Ok(saved(&session, &[&name], data.as_deref()))
        })
    }

    /// Saves what has become of a session. It is written even if nothing has changed: only that shows
    /// whether the id is still the session's.
    #[napi]
    pub fn commit(
        &self,
        ticket: u32,
        from: String,
        data: Option<String>,
        cookie: Option<String>,
        mut changes: Option<Changes>,
    ) -> Result<Answer, Thrown> {
        let manager = self.manager();
        self.answer(ticket, async move {
            let next = changes.as_mut().and_then(|changes| changes.next_id.take()).map(Name::new);
            let (name, session) = match Former::parse(&from)? {
                Former::Stored(name, snapshot) => (name, manager?.resume(&snapshot)?),
                Former::Retired(name) => match manager?.look_up(name.id()).await? {
                    LookUp::Retired(session) => (name, session),
                    // The way to the session that it was is gone, so that can't be reached any more.
                    _ => return Ok("ended".to_owned()),
                },
            };
            if let Some(next) = &next {
                session.set_next_id(next.id());
            }
            make(&session, data.as_deref(), cookie, changes)?;
            session.save().await?;
            let names: Vec<_> = next.iter().chain([&name]).collect();
            Ok(saved(&session, &names, data.as_deref()))
        })
    }

    /// As [`commit`](Self::commit), for a store that is asked at once: what stands there is not sent, and of the
    /// data only what has changed. `steps` are names and JSON, one after another and all between NULs; no JSON
    /// takes the member out.
    #[napi]
    pub fn amend(
        &self,
        ticket: u32,
        id: String,
        version: String,
        steps: Option<String>,
        cookie: Option<String>,
        changes: Option<Changes>,
    ) -> Result<Answer, Thrown> {
        let manager = self.manager();
        self.answer(ticket, async move {
            let name = Name::new(id);
            let version = version_of(&version)?;
            let Some(session) = manager?.resume_at(name.id(), version).await? else {
                return Ok("ended".to_owned());
            };
            amend(&session, steps.as_deref())?;
            make(&session, None, cookie, changes)?;
            let wanted = session.data_json();
            session.save().await?;
            Ok(saved(&session, &[&name], Some(&wanted)))
        })
    }

    /// Extends a session's life. The time that it has left then, or null: there is no such session.
    #[napi]
    pub fn touch(&self, ticket: u32, from: String) -> Result<Answer, Thrown> {
        let manager = self.manager();
        self.answer(ticket, async move {
            let session = manager?.resume(&Former::parse(&from)?.into_snapshot()?)?;
            session.touch();
            session.save().await?;
            Ok(session.snapshot().map(|snapshot| millis(snapshot.remaining)))
        })
    }

    /// Goes on with what was not answered at once, and gives the answers that have come since. JavaScript calls this
    /// at the end of a turn in which there was any.
    #[napi]
    pub fn go_on(&self) -> Vec<LateAnswer> {
        // What talks to a server may go on in the runtime only, and memory has answered.
        self.late.go_on(self.place == Place::File)
    }

    /// Whether calls are answered at once: the store does no I/O.
    #[napi(getter)]
    pub fn is_immediate(&self) -> bool {
        self.place == Place::Memory
    }

    /// Extends the life of a session that nobody looks at, if it is time for that.
    #[napi]
    pub fn visit(&self, ticket: u32, id: String) -> Result<Answer, Thrown> {
        let manager = self.manager();
        self.answer(ticket, async move {
            if let LookUp::Stored(session) = manager?.look_up(Name::new(id).id()).await? {
                session.save().await?;
            }
            Ok(())
        })
    }

    /// Ends a session, and what its id has been rotated to. False: there was none.
    #[napi]
    pub fn destroy(&self, ticket: u32, id: String) -> Result<Answer, Thrown> {
        let manager = self.manager();
        self.answer(ticket, async move { Ok(manager?.end_session(Name::new(id).id()).await?) })
    }

    /// The living sessions of a user, the one used last in front.
    #[napi]
    pub fn for_user(&self, ticket: u32, user: String) -> Result<Answer, Thrown> {
        let manager = self.manager();
        self.answer(ticket, async move {
            let sessions = manager?.for_user(&user).await?;
            Ok(sessions.into_iter().map(UserSessionRecord::from).collect::<Vec<_>>())
        })
    }

    /// Ends one of a user's sessions. False: the user has no such session.
    #[napi]
    pub fn revoke(&self, ticket: u32, user: String, fingerprint: String) -> Result<Answer, Thrown> {
        let manager = self.manager();
        self.answer(ticket, async move {
            let manager = manager?;
            let Some(fingerprint) = Fingerprint::parse(&fingerprint) else { return Ok(false) };
            Ok(manager.revoke(&user, fingerprint).await?)
        })
    }

    /// Ends all sessions of a user but for the one of the id `except`, and tells how many there were.
    #[napi]
    pub fn revoke_all(
        &self,
        ticket: u32,
        user: String,
        except: Option<String>,
    ) -> Result<Answer, Thrown> {
        let manager = self.manager();
        self.answer(ticket, async move {
            let manager = manager?;
            let except = match except {
                Some(id) => match manager.look_up(Name::new(id).id()).await? {
                    LookUp::Stored(session) => Some(session),
                    _ => None,
                },
                None => None,
            };
            let ended = manager.revoke_all(&user, except.as_ref()).await?;
            Ok(ended as u64)
        })
    }
}

impl Engine {
    pub(crate) fn answer<T: IntoValue>(
        &self,
        ticket: u32,
        work: impl Future<Output = Result<T, Failure>> + Send + 'static,
    ) -> Result<Answer, Thrown> {
        answer(self.place.begin(), &self.late, ticket, work)
    }

    fn manager(&self) -> Result<SessionManager, Failure> {
        let desk = lock(&self.desk);
        desk.as_ref().map(|tools| tools.manager.clone()).ok_or_else(Failure::closed)
    }

    pub(crate) fn tools(&self) -> Result<Tools, Failure> {
        lock(&self.desk).clone().ok_or_else(Failure::closed)
    }
}

/// The engine refuses to store what nobody could ever sign. Here JavaScript signs, with a keyring, so
/// a key that nobody knows is enough.
fn own_keys() -> Result<Keys, Failure> {
    let mut key = [0; 32];
    getrandom::fill(&mut key)?;
    Ok(Keys::express([key]))
}
