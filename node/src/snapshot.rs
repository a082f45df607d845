//! Sessions, as they cross the border: texts and a few numbers.

use std::time::Duration;

use handstamp::store::Version;
use handstamp::{LookUp, Session};
use napi::Either;
use napi_derive::napi;

use crate::error::Failure;
use crate::id::Name;
use crate::options::duration;

/// A stored session as text. Times are milliseconds.
#[derive(Debug)]
#[napi(object, object_from_js = false, use_nullable = true)]
pub struct Snapshot {
    /// Its id, as JavaScript knows it.
    pub id: String,
    /// The writing that this was read from, in hexadecimal: it has more digits than a number can hold.
    pub version: String,
    /// How long the session lives if it is not used.
    pub remaining: f64,
    /// Whether it is time for a touch.
    pub due: bool,
    /// Who is signed in.
    pub owner: Option<String>,
    /// express-session's `cookie` object, as JSON.
    pub cookie: String,
    /// The application's keys: a JSON object.
    pub data: String,
    /// handstamp's own facts, to be handed back as they are.
    pub facts: String,
}

/// A login has retired this id: what is written is added to a session that can't be seen.
#[derive(Debug)]
#[napi(object, object_from_js = false)]
pub struct Retired {
    /// Always true: it tells this from a snapshot.
    pub retired: bool,
    /// The id.
    pub id: String,
}

/// What was found under an id.
pub(crate) type Found = Option<Either<Snapshot, Retired>>;

/// What became of a save: the session as it stands now, `ended`, or `added`.
pub(crate) type Saved = Either<Snapshot, &'static str>;

/// A snapshot or a retired id that JavaScript hands back.
#[derive(Debug)]
#[napi(object, object_to_js = false)]
pub struct Former {
    /// Whether it is a retired id, which has nothing else.
    pub retired: Option<bool>,
    /// The id.
    pub id: String,
    /// As it was in the snapshot.
    pub version: Option<String>,
    /// As it was in the snapshot.
    pub remaining: Option<f64>,
    /// As it was in the snapshot.
    pub cookie: Option<String>,
    /// As it was in the snapshot.
    pub data: Option<String>,
    /// As they were in the snapshot.
    pub facts: Option<String>,
}

impl Former {
    pub(crate) fn is_retired(&self) -> bool {
        self.retired == Some(true)
    }

    /// The snapshot that this was, and the name that its session went by.
    pub(crate) fn into_snapshot(self) -> Result<(Name, handstamp::Snapshot), Failure> {
        let incomplete = || Failure::value("the session that was put aside is incomplete");
        let name = Name::new(self.id);
        let snapshot = handstamp::Snapshot {
            id: name.id(),
            version: parse(&self.version.ok_or_else(incomplete)?)?,
            remaining: duration("remaining", self.remaining)?.unwrap_or(Duration::ZERO),
            due: false,
            owner: None,
            cookie: self.cookie.ok_or_else(incomplete)?,
            data: self.data.ok_or_else(incomplete)?,
            facts: self.facts.ok_or_else(incomplete)?,
        };
        Ok((name, snapshot))
    }
}

/// What was found, for JavaScript, which asked for it by this name.
pub(crate) fn found(found: &LookUp, name: &Name) -> Found {
    match found {
        LookUp::Missing => None,
        LookUp::Retired(_) => {
            let id = name.text_of(&name.id()).unwrap_or_default().to_owned();
            Some(Either::B(Retired { retired: true, id }))
        }
        LookUp::Stored(session) => snapshot(session, &[name]).map(Either::A),
    }
}

/// What became of a session that was saved. JavaScript knows its id by one of these names.
pub(crate) fn saved(session: &Session, names: &[&Name]) -> Saved {
    if session.is_ended() {
        return Either::B("ended");
    }
    snapshot(session, names).map_or(Either::B("added"), Either::A)
}

fn snapshot(session: &Session, names: &[&Name]) -> Option<Snapshot> {
    let snapshot = session.snapshot()?;
    let known = names.iter().find_map(|name| name.text_of(&snapshot.id));
    Some(Snapshot {
        id: known.unwrap_or(snapshot.id.as_str()).to_owned(),
        version: format!("{:x}", snapshot.version.0),
        remaining: millis(snapshot.remaining),
        due: snapshot.due,
        owner: snapshot.owner.as_deref().map(str::to_owned),
        cookie: snapshot.cookie,
        data: snapshot.data,
        facts: snapshot.facts,
    })
}

/// The time that a session has left, for JavaScript.
pub(crate) fn millis(time: Duration) -> f64 {
    time.as_secs_f64() * 1000.0
}

fn parse(version: &str) -> Result<Version, Failure> {
    let version = u128::from_str_radix(version, 16);
    version.map(Version).map_err(|_| Failure::value("the session's version is none of ours"))
}
