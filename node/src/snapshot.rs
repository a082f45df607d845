//! Sessions, as they cross the border: one text each.
//!
//! An object of eight properties costs several times as much to make as one string that JavaScript splits.
//! The parts stand between NULs, which no JSON has; the id may have some and comes last:
//! version, time left, what is due (1: a touch, 2: a credential), owner, cookie, data, facts, id.

use std::time::Duration;

use handstamp::store::Version;
use handstamp::{LookUp, Session};

use crate::error::Failure;
use crate::id::Name;
use crate::options::duration;

/// What is written in the place of a session that can't be seen: a login has retired its id.
const RETIRED: &str = "retired";

/// A session or a retired id that JavaScript hands back.
#[derive(Debug)]
pub(crate) enum Former {
    Retired(Name),
    Stored(Name, Box<handstamp::Snapshot>),
}

impl Former {
    /// Reads what [`found`] or [`saved`] has written.
    pub(crate) fn parse(text: &str) -> Result<Self, Failure> {
        let incomplete = || Failure::value("the session that was put aside is incomplete");
        if let Some(id) = text.strip_prefix(RETIRED).and_then(|rest| rest.strip_prefix('\0')) {
            return Ok(Self::Retired(Name::new(id.to_owned())));
        }
        let mut parts = text.splitn(8, '\0');
        let mut next = || parts.next().ok_or_else(incomplete);
        let (version, remaining, _due, _owner) = (next()?, next()?, next()?, next()?);
        let (cookie, data, facts) = (next()?.to_owned(), next()?.to_owned(), next()?.to_owned());
        let name = Name::new(next()?.to_owned());
        let remaining = remaining.parse().map_err(|_| incomplete())?;
        let snapshot = handstamp::Snapshot {
            id: name.id(),
            version: version_of(version)?,
            remaining: duration("remaining", Some(remaining))?.unwrap_or(Duration::ZERO),
            due: false,
            credential_due: false,
            owner: None,
            cookie,
            data,
            facts,
        };
        Ok(Self::Stored(name, Box::new(snapshot)))
    }

    /// The session that this was. A retired id has none.
    pub(crate) fn into_snapshot(self) -> Result<handstamp::Snapshot, Failure> {
        match self {
            Self::Retired(_) => Err(Failure::value("the id has been retired")),
            Self::Stored(_, snapshot) => Ok(*snapshot),
        }
    }
}

/// What was found, for JavaScript, which asked for it by this name.
pub(crate) fn found(found: &LookUp, name: &Name) -> Option<String> {
    match found {
        LookUp::Missing => None,
        LookUp::Retired(_) => {
            Some(format!("{RETIRED}\0{}", name.text_of(&name.id()).unwrap_or_default()))
        }
        LookUp::Stored(session) => text(session, &[name], None),
    }
}

/// What became of a session that was saved: how it stands now, `ended`, or `added`. JavaScript knows its
/// id by one of these names. Data that are just what was sent are left out.
pub(crate) fn saved(session: &Session, names: &[&Name], sent: Option<&str>) -> String {
    if session.is_ended() {
        return "ended".to_owned();
    }
    text(session, names, sent).unwrap_or_else(|| "added".to_owned())
}

fn text(session: &Session, names: &[&Name], sent: Option<&str>) -> Option<String> {
    let snapshot = session.snapshot()?;
    let due = u8::from(snapshot.due) + 2 * u8::from(snapshot.credential_due);
    let handstamp::Snapshot { id, version, remaining, owner, cookie, data, facts, .. } = snapshot;
    let known = names.iter().find_map(|name| name.text_of(&id));
    let owner = owner.map_or_else(|| "null".to_owned(), |owner| json(&owner));
    let data = if sent == Some(&data) { "" } else { &data };
    Some(format!(
        "{:x}\0{}\0{due}\0{owner}\0{cookie}\0{data}\0{facts}\0{}",
        version.0,
        millis(remaining),
        known.unwrap_or(id.as_str()),
    ))
}

/// The time that a session has left, for JavaScript.
pub(crate) fn millis(time: Duration) -> f64 {
    time.as_secs_f64() * 1000.0
}

fn json(text: &str) -> String {
    serde_json::to_string(text).unwrap_or_default()
}

fn version_of(version: &str) -> Result<Version, Failure> {
    let version = u128::from_str_radix(version, 16);
    version.map(Version).map_err(|_| Failure::value("the session's version is none of ours"))
}
