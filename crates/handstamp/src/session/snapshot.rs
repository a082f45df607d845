//! A session put aside as text and taken up again: for an adapter whose handlers are written in
//! another language and change a copy of the data.
//!
//! The handler's copy comes back as a whole. Here it is turned into the steps that lead from what was
//! read to what is wanted, key by key, so that the merge with other requests is the same as for
//! everyone else. What such a copy can't hold exactly (JavaScript's numbers are floating) and did not
//! change stays as it was stored.

use std::borrow::Cow;
use std::collections::HashMap;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use serde_json::value::RawValue;

use super::{Claim, Presented, Session};
use crate::apply::Place;
use crate::changes::Change;
use crate::document::{COOKIE, Document, RESERVED, is_cookie};
use crate::object::Object;
use crate::plan::Held;
use crate::scan::is_value;
use crate::store::Version;
use crate::{ErrorKind, SessionConfig, SessionError, SessionId, SessionManager};

/// A stored session as text.
#[derive(Clone)]
pub struct Snapshot {
    /// The session's id. It may be another one than was asked for, if that has been rotated.
    pub id: SessionId,
    /// The writing that this was read from.
    pub version: Version,
    /// How long the session lives if it is not used.
    pub remaining: Duration,
    /// Whether so much of its idle time has passed that it is to be [touched](Session::touch).
    pub due: bool,
    /// Whether a client that keeps its credential needs it anew, for what it has runs out; see
    /// [`note_sent`](Session::note_sent).
    pub credential_due: bool,
    /// Who is signed in.
    pub owner: Option<Arc<str>>,
    /// express-session's `cookie` object, as JSON.
    pub cookie: String,
    /// The application's keys: a JSON object.
    pub data: String,
    /// What handstamp itself notes of the session: a JSON object, to be handed back as it is.
    pub facts: String,
}

/// A session that was looked up by its id.
#[derive(Debug)]
pub enum LookUp {
    /// There is none, or it is over.
    Missing,
    /// A login has retired this id. What is written to it is added to the session that it was, which
    /// can't be seen, and no credential must be sent for it.
    Retired(Session),
    /// It is there.
    Stored(Session),
}

/// For adapters whose handlers are written in another language, and which verify and send credentials
/// themselves.
impl SessionManager {
    /// Finds a session by an id whose signature the caller has verified: mostly one round trip.
    ///
    /// An id that was rotated leads to the session's new one.
    ///
    /// # Errors
    /// The store failed. The failure policy is the caller's business here.
    pub async fn look_up(&self, id: SessionId) -> Result<LookUp, SessionError> {
        let Some(claim) = self.find_again(id).await? else { return Ok(LookUp::Missing) };
        let retired = claim.held == Held::Retired;
        let session = Session::new(self.clone(), Presented::default(), claim);
        Ok(if retired { LookUp::Retired(session) } else { LookUp::Stored(session) })
    }

    /// A new, empty session that will get this id when it is stored.
    ///
    /// The id must have been made by the server, as [`SessionId::random`] does. A client never chooses one:
    /// whoever chooses an id knows it (session fixation).
    #[must_use]
    pub fn begin(&self, id: SessionId) -> Session {
        let claim = Claim::new(Held::Nothing, self.new_document());
        let session = Session::new(self.clone(), Presented::default(), claim);
        session.set_next_id(id);
        session
    }

    /// Takes a session up again that was put aside by [`Session::snapshot`].
    ///
    /// # Errors
    /// [`ErrorKind::Value`]: the texts are not what was put aside.
    pub fn resume(&self, snapshot: &Snapshot) -> Result<Session, SessionError> {
        let document = assemble(snapshot, self.config()).ok_or_else(|| {
            SessionError::new(ErrorKind::Value, "the session that was put aside is no document")
        })?;
        let claim = Claim {
            place: Some(Place { id: snapshot.id, version: snapshot.version }),
            expires: self.now().after(snapshot.remaining),
            ..Claim::new(Held::Stored, document)
        };
        Ok(Session::new(self.clone(), Presented::default(), claim))
    }

    /// Takes a session up again of which only the id and the version are known: what there is to
    /// [assign](Session::assign_member) is merged with what others have written since. `None`: it has been
    /// ended.
    ///
    /// That costs a look-up, where [`resume`](Self::resume) costs none; with a store in memory it is less
    /// work than to put the whole session aside.
    ///
    /// # Errors
    /// The store failed.
    pub async fn resume_at(
        &self,
        id: SessionId,
        version: Version,
    ) -> Result<Option<Session>, SessionError> {
        let Some(stored) = self.call(self.store().load(&id)).await? else { return Ok(None) };
        // Where another writing stands, saving leads to it: what is assigned needs no document.
        let document = if stored.version == version {
            let living = self.read(&id, &stored);
            let Some(document) = living.filter(|document| document.facts.successor.is_none())
            else {
                return Ok(None);
            };
            document
        } else {
            self.new_document()
        };
        let claim = Claim {
            place: Some(Place { id, version }),
            expires: self.now().after(stored.remaining),
            ..Claim::new(Held::Stored, document)
        };
        Ok(Some(Session::new(self.clone(), Presented::default(), claim)))
    }

    /// Ends the session of this id, and what it was rotated to. `false`: there was none. Since the version
    /// is not known, that is two round trips.
    ///
    /// # Errors
    /// The store failed.
    pub async fn end_session(&self, id: SessionId) -> Result<bool, SessionError> {
        self.end(Place { id, version: Version::NONE }, None).await
    }
}

/// For adapters whose handlers are written in another language.
impl Session {
    /// The session as text, as it stands here. `None`: it is not stored.
    #[must_use]
    pub fn snapshot(&self) -> Option<Snapshot> {
        let manager = &self.0.manager;
        let state = self.state();
        let place = state.claim.place.filter(|_| state.claim.held == Held::Stored)?;
        let document = &state.claim.document;
        let (now, situation) = (manager.now(), state.situation(manager));
        Some(Snapshot {
            id: place.id,
            version: place.version,
            remaining: state.claim.expires.remaining(now),
            // A touch is also what gives a session its missing absolute deadline.
            due: situation.due || situation.changed,
            credential_due: document.is_credential_due(now),
            owner: document.facts.owner.clone(),
            cookie: text(document.cookie_json().to_vec()),
            data: text(document.data.to_json()),
            facts: text(document.facts.to_json()),
        })
    }

    /// Writes the session at the next save even if nothing of it changes: only a conditional write tells
    /// whether its id is still the session's, before a credential for it is sent again.
    ///
    /// # Errors
    /// As [`insert`](Self::insert).
    pub fn rewrite(&self) -> Result<(), SessionError> {
        self.change(|_| Ok(Some(Change::Rewrite)))
    }

    /// Notes that the client is given a credential with this answer, for callers who send it themselves.
    ///
    /// # Errors
    /// As [`insert`](Self::insert).
    pub fn note_sent(&self) -> Result<(), SessionError> {
        self.change(|_| Ok(Some(Change::Sent)))
    }

    /// The id that the session gets when it is stored for the first time, or next rotated, in the place of
    /// one that the manager makes; never one that a client chose. If it is taken then, saving is an error
    /// of the kind [`IdTaken`](ErrorKind::IdTaken).
    pub fn set_next_id(&self, id: SessionId) {
        self.state().next_id = Some(id);
    }

    /// Makes the application's keys those of this JSON object, by as few steps as it takes, and tells
    /// whether any was needed. A value that is the same for JavaScript stays as it is.
    ///
    /// # Errors
    /// [`ErrorKind::Value`]: it is no JSON object; and as [`insert`](Self::insert), but for reserved
    /// names: those are the other language's business.
    pub fn assign(&self, object: &str) -> Result<bool, SessionError> {
        let source = Arc::from(object.as_bytes());
        let (wanted, [_, _]) = Object::parse(&source, [COOKIE, RESERVED]).ok_or_else(|| {
            SessionError::new(ErrorKind::Value, "the session's data is no JSON object")
        })?;
        let steps = steps(&self.state().claim.document.data, &wanted);
        let changed = !steps.is_empty();
        steps.into_iter().try_for_each(|step| self.change(|_| Ok(Some(step))))?;
        Ok(changed)
    }

    /// Makes one of the application's keys this JSON, or takes it out, and tells whether that is a step. As
    /// with [`assign`](Self::assign), a value that is the same for JavaScript stays as it is, and the names
    /// `cookie` and `__handstamp` are passed over.
    ///
    /// # Errors
    /// [`ErrorKind::Value`]: it is no JSON; and as [`insert`](Self::insert), but for reserved names.
    pub fn assign_member(&self, name: &str, json: Option<&str>) -> Result<bool, SessionError> {
        if json.is_some_and(|json| !is_value(json.as_bytes())) {
            let message = format!("what the key {name:?} is to be is no JSON");
            return Err(SessionError::new(ErrorKind::Value, message));
        }
        if [COOKIE, RESERVED].contains(&name) {
            return Ok(false);
        }
        let mut changed = false;
        self.change(|document| {
            let step = match (document.data.get(name), json) {
                (Some(held), Some(json)) if is_same(held, json.as_bytes()) => return Ok(None),
                (_, Some(json)) => Change::Set(name.into(), json.into()),
                // What is not here may be where this is saved: another request may have added it.
                (_, None) => Change::Remove(name.into()),
            };
            changed = true;
            Ok(Some(step))
        })?;
        Ok(changed)
    }

    /// The application's keys as a JSON object, as [`snapshot`](Self::snapshot) has them; also of a session that
    /// is not stored.
    #[must_use]
    pub fn data_json(&self) -> String {
        text(self.state().claim.document.data.to_json())
    }

    /// Shows each of the application's keys and its value, in their order, both as JSON.
    pub fn each_member(&self, mut show: impl FnMut(&str, &str)) {
        let state = self.state();
        let source = |json| str::from_utf8(json).unwrap_or_default();
        state.claim.document.data.each(|name, value| show(source(name), source(value)));
    }

    /// Makes express-session's `cookie` object this one: its attributes, and by `originalMaxAge` how
    /// long the session lives.
    ///
    /// # Errors
    /// [`ErrorKind::Value`]: it is no JSON object; and as [`insert`](Self::insert).
    pub fn assign_cookie(&self, cookie: &str) -> Result<(), SessionError> {
        if !is_cookie(cookie) {
            let message = "the session's cookie is no JSON object";
            return Err(SessionError::new(ErrorKind::Value, message));
        }
        self.change(|_| Ok(Some(Change::Cookie(cookie.into()))))
    }

    /// Sets a key to a value that the caller has computed from `from`; both are JSON, `None` is no value.
    ///
    /// If the key holds something else when the session is saved, nothing is saved, and the error is of
    /// the kind [`Stale`](ErrorKind::Stale): look the session up again and compute anew.
    ///
    /// # Errors
    /// As [`insert`](Self::insert); `Stale` at once if the key holds something else already.
    pub fn set_computed(
        &self,
        key: &str,
        from: Option<&str>,
        value: Option<&str>,
    ) -> Result<(), SessionError> {
        let (from, value) = (from.map(str::to_owned), value.map(Arc::from));
        let name = key.to_owned();
        let compute = move |current: Option<&[u8]>| {
            let same = match (current, &from) {
                (Some(current), Some(from)) => is_same(current, from.as_bytes()),
                (None, None) => true,
                _ => false,
            };
            if same { Ok(value.clone()) } else { Err(stale(&name)) }
        };
        self.change(|_| Ok(Some(Change::Update(key.into(), Arc::new(compute)))))
    }
}

/// The document that a snapshot was made of.
fn assemble(snapshot: &Snapshot, config: &SessionConfig) -> Option<Document> {
    let Snapshot { cookie, data, facts, .. } = snapshot;
    let members = data.strip_prefix('{')?.strip_suffix('}')?;
    let comma = if members.is_empty() { "" } else { "," };
    let json = format!("{{\"cookie\":{cookie},{members}{comma}\"{RESERVED}\":{facts}}}");
    Document::parse(&json.into_bytes().into(), config)
}

/// The steps from what there is to what is wanted.
fn steps(held: &Object, wanted: &Object) -> Vec<Change> {
    let mut kept: HashMap<_, _> = held.iter().collect();
    let mut steps = Vec::new();
    for (name, value) in wanted.iter() {
        if !kept.remove(&name).is_some_and(|held| is_same(held, value)) {
            steps.push(Change::Set(name.into(), text(value.to_vec()).into()));
        }
    }
    steps.extend(kept.into_keys().map(|name| Change::Remove(name.into())));
    steps
}

/// How deep two values are compared. Below that, another text counts as another value.
const MOST_LEVELS: usize = 128;

/// Whether two JSON texts are the same value for JavaScript, whose numbers are floating. The order of an
/// object's keys counts, as it does there.
fn is_same(one: &[u8], other: &[u8]) -> bool {
    same(one, other, MOST_LEVELS)
}

fn same(one: &[u8], other: &[u8], levels: usize) -> bool {
    if one == other || levels == 0 {
        return one == other;
    }
    match (one.first(), other.first()) {
        (Some(b'{'), Some(b'{')) => same_members(one, other, levels - 1),
        (Some(b'['), Some(b'[')) => same_elements(one, other, levels - 1),
        (Some(b'"'), Some(b'"')) => {
            let text = |json| serde_json::from_slice::<String>(json).ok();
            text(one).is_some() && text(one) == text(other)
        }
        _ => number(one).is_some_and(|one| Some(one) == number(other)),
    }
}

fn same_members(one: &[u8], other: &[u8], levels: usize) -> bool {
    let parse = |json: &[u8]| Object::parse(&json.into(), []).map(|(object, [])| object);
    let (Some(one), Some(other)) = (parse(one), parse(other)) else { return false };
    let equal =
        |(one, other): (Member<'_>, Member<'_>)| one.0 == other.0 && same(one.1, other.1, levels);
    one.len() == other.len() && in_order(&one).into_iter().zip(in_order(&other)).all(equal)
}

type Member<'a> = (Cow<'a, str>, &'a [u8]);

/// The members as JavaScript orders them: those first whose names are array indices, by number (ECMA-262,
/// 10.1.11.1).
fn in_order(object: &Object) -> Vec<Member<'_>> {
    let mut members: Vec<_> = object.iter().collect();
    members.sort_by_key(|(name, _)| index(name).map_or(u64::MAX, u64::from));
    members
}

fn index(name: &str) -> Option<u32> {
    let number: u32 = name.parse().ok().filter(|number| *number < u32::MAX)?;
    (number.to_string() == name).then_some(number)
}

fn same_elements(one: &[u8], other: &[u8], levels: usize) -> bool {
    let parse = |json| serde_json::from_slice::<Vec<&RawValue>>(json).ok();
    let (Some(one), Some(other)) = (parse(one), parse(other)) else { return false };
    let bytes = |value: &RawValue| value.get().as_bytes().to_vec();
    one.len() == other.len()
        && one.iter().zip(&other).all(|(one, other)| same(&bytes(one), &bytes(other), levels))
}

/// A number as JavaScript has it. One that is too large for it is infinite, and becomes `null` when it is
/// written.
fn number(json: &[u8]) -> Option<f64> {
    if json == b"null" {
        return Some(f64::INFINITY);
    }
    let number: f64 = str::from_utf8(json).ok()?.parse().ok()?;
    Some(if number.is_infinite() { f64::INFINITY } else { number })
}

fn stale(key: &str) -> SessionError {
    let message = format!("the key {key:?} was changed by another request; compute its value anew");
    SessionError::new(ErrorKind::Stale, message)
}

fn text(json: Vec<u8>) -> String {
    // Documents are checked for UTF-8 when they are read.
    String::from_utf8(json).unwrap_or_default()
}

/// Shows how much there is, never what.
impl fmt::Debug for Snapshot {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Snapshot(#{}, {} bytes of data)", self.id.fingerprint(), self.data.len())
    }
}
