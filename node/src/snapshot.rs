//! Sessions, as they cross the border: one text each.
//!
//! An object of eight properties costs several times as much to make as one string that JavaScript splits.
//! The parts stand between NULs, which no JSON has; the id may have some and comes last:
//! version, time left, what is due (1: a touch, 2: a credential), owner, cookie, data, facts, names, lengths,
//! id. Names and lengths tell where the members of the data stand; see [`Outline`].

use std::fmt::Write as _;
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
    let handstamp::Snapshot { id, version, remaining, due, credential_due, owner, .. } = snapshot;
    let known = names.iter().find_map(|name| name.text_of(&id));
    let owner = owner.map_or_else(|| "null".to_owned(), |owner| json(&owner));
    let data = if sent == Some(&snapshot.data) { "" } else { &snapshot.data };
    let Outline { names, lengths } =
        if sent.is_none() { Outline::of(session) } else { Outline::default() };
    let due = ["0", "1", "2", "3"][usize::from(due) + 2 * usize::from(credential_due)];
    let parts = [
        due,
        &owner,
        &snapshot.cookie,
        data,
        &snapshot.facts,
        &names,
        &lengths,
        known.unwrap_or(id.as_str()),
    ];
    let mut text =
        String::with_capacity(parts.iter().map(|part| part.len() + 1).sum::<usize>() + 64);
    let _ = write!(text, "{:x}\0{}", version.0, millis(remaining));
    for part in parts {
        text.push('\0');
        text.push_str(part);
    }
    Some(text)
}

/// Where the members of a session stand in the text of its data: their names, and how long each value's text is
/// for JavaScript. Empty if some name is escaped or empty, or if there are too many.
#[derive(Default)]
struct Outline {
    /// Between them stands what no unescaped name has.
    names: String,
    lengths: String,
}

impl Outline {
    const MOST_MEMBERS: usize = 64;

    fn of(session: &Session) -> Self {
        let mut outline = Self::default();
        let mut members = 0;
        let mut is_plain = true;
        session.each_member(|name, value| {
            members += 1;
            is_plain &= members <= Self::MOST_MEMBERS && name.len() > 2 && !name.contains('\\');
            if is_plain {
                outline.add(name, value);
            }
        });
        if is_plain { outline } else { Self::default() }
    }

    fn add(&mut self, name: &str, value: &str) {
        if !self.names.is_empty() {
            self.names.push('\u{1}');
            self.lengths.push(',');
        }
        self.names.push_str(name.trim_matches('"'));
        let _ = write!(self.lengths, "{}", utf16_length(value));
    }
}

fn utf16_length(text: &str) -> usize {
    if text.is_ascii() { text.len() } else { text.encode_utf16().count() }
}

/// The time that a session has left, for JavaScript.
pub(crate) fn millis(time: Duration) -> f64 {
    time.as_secs_f64() * 1000.0
}

fn json(text: &str) -> String {
    serde_json::to_string(text).unwrap_or_default()
}

/// The version that JavaScript hands back.
pub(crate) fn version_of(version: &str) -> Result<Version, Failure> {
    let version = u128::from_str_radix(version, 16);
    version.map(Version).map_err(|_| Failure::value("the session's version is none of ours"))
}
