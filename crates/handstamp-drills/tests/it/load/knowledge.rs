//! What a visitor knows of a session of his, and whether what he is shown agrees with it.
//!
//! A write that was answered is certain. One that failed may have happened, and as long as no later
//! write was answered, it may still happen: the network may hold it. So what is known are ranges.

use std::time::Instant;

use handstamp::{Session, SessionError};

use super::fault::Fault;
use super::report::Finding;

/// The keys of a session under load.
pub(super) const NAME: &str = "name";
pub(super) const COUNTER: &str = "counter";
pub(super) const NOTES: [&str; 2] = ["left", "right"];

/// A session as a request found or left it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Sighting {
    /// Which session it says that it is: each has a name of its own.
    pub name: String,
    pub counter: u64,
    pub notes: [u64; 2],
    pub owner: Option<String>,
}

impl Sighting {
    /// `None`: there is no session.
    pub(super) fn of(session: &Session) -> Result<Option<Self>, SessionError> {
        if session.is_new() {
            return Ok(None);
        }
        let number = |key| Ok::<_, SessionError>(session.get::<u64>(key)?.unwrap_or_default());
        Ok(Some(Self {
            name: session.get(NAME)?.unwrap_or_default(),
            counter: number(COUNTER)?,
            notes: [number(NOTES[0])?, number(NOTES[1])?],
            owner: session.owner(),
        }))
    }
}

/// What a visitor knows of a session. Moments are those at which the requests began that taught it.
#[derive(Clone, Debug)]
pub(super) struct Knowledge {
    name: String,
    owner: Option<String>,
    /// How far the counter is certainly, and since when.
    counter: Vec<(u64, Instant)>,
    /// How far it may be.
    most: u64,
    notes: [Note; 2],
    /// Since when it has its present id.
    named: Instant,
    /// When it was last alive.
    alive: Instant,
    /// An ending or a login was not answered, so it may be over for whoever has this credential.
    is_doubtful: bool,
}

/// What is known of a key that is set again and again.
#[derive(Clone, Debug)]
struct Note {
    /// The values that it certainly had, and since when.
    certain: Vec<(u64, Instant)>,
    /// The values that it may have got without an answer.
    possible: Vec<u64>,
}

/// What the knowledge of a session says about a sighting of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    Agrees,
    Contradicts(Finding, String),
    /// The server has lost it, or something of it, and may do so.
    LostWithServer,
    /// It is over, as it may be.
    Over,
}

impl Knowledge {
    /// A session that has just been stored.
    pub(super) fn new(name: String, begun: Instant) -> Self {
        let note = || Note { certain: vec![(0, begun)], possible: Vec::new() };
        Self {
            name,
            owner: None,
            counter: vec![(0, begun)],
            most: 0,
            notes: [note(), note()],
            named: begun,
            alive: begun,
            is_doubtful: false,
        }
    }

    pub(super) fn owner(&self) -> Option<&str> {
        self.owner.as_deref()
    }

    /// An increment is on its way.
    pub(super) fn expect_increment(&mut self) {
        self.most += 1;
    }

    /// The increment has certainly not happened.
    pub(super) fn drop_increment(&mut self) {
        self.most -= 1;
    }

    /// The increment was answered.
    pub(super) fn count_increment(&mut self, begun: Instant) {
        self.counter.push((self.least() + 1, begun));
        self.alive = begun;
    }

    /// A note is on its way.
    pub(super) fn expect_note(&mut self, which: usize, value: u64) {
        self.notes[which].possible.push(value);
    }

    /// The note has certainly not been taken.
    pub(super) fn drop_note(&mut self, which: usize, value: u64) {
        self.notes[which].possible.retain(|possible| *possible != value);
    }

    /// The note was answered.
    pub(super) fn take_note(&mut self, which: usize, value: u64, begun: Instant) {
        self.drop_note(which, value);
        self.notes[which].certain.push((value, begun));
        self.alive = begun;
    }

    /// It has a new id.
    pub(super) fn rename(&mut self, begun: Instant) {
        self.named = begun;
        self.alive = begun;
    }

    /// It has a new id and an owner.
    pub(super) fn own(&mut self, owner: String, begun: Instant) {
        self.owner = Some(owner);
        self.rename(begun);
    }

    /// It may be over, or it may have to be looked for under an id that nobody was told.
    pub(super) fn doubt(&mut self) {
        self.is_doubtful = true;
    }

    /// Takes over what a request was shown while nothing else was under way. What is possible stays so.
    pub(super) fn learn(&mut self, seen: &Sighting, begun: Instant) {
        self.alive = begun;
        if seen.counter > self.least() {
            self.counter.push((seen.counter, begun));
        }
        for (note, value) in self.notes.iter_mut().zip(seen.notes) {
            if note.last() != value {
                note.certain.push((value, begun));
            }
        }
    }

    /// Takes over what a write that was answered has left. Whatever was under way before has been beaten by
    /// it, because every write names the version that it replaces.
    pub(super) fn settle(&mut self, left: &Sighting, begun: Instant) {
        self.learn(left, begun);
        self.most = left.counter;
        self.notes.iter_mut().for_each(|note| note.possible.clear());
        self.is_doubtful = false;
    }

    /// Compares with what a request was shown; `None` is no session.
    pub(super) fn judge(&self, seen: Option<&Sighting>, faults: &[Fault]) -> Verdict {
        let Some(seen) = seen else { return self.judge_absence(faults) };
        let name = &self.name;
        let contradiction = |finding, how| Verdict::Contradicts(finding, format!("{name}: {how}"));
        if seen.name != *name {
            return contradiction(Finding::WrongAnswer, format!("it is {:?}", seen.name));
        }
        if seen.owner != self.owner {
            let how = format!("its owner is {:?}, not {:?}", seen.owner, self.owner);
            return contradiction(Finding::WrongAnswer, how);
        }
        if seen.counter > self.most {
            let how = format!("the counter is {}, at most {}", seen.counter, self.most);
            return contradiction(Finding::WrongAnswer, how);
        }
        let known = |note: &Note, value| note.had(value) || note.possible.contains(&value);
        if !self.notes.iter().zip(seen.notes).all(|(note, value)| known(note, value)) {
            let how = format!("the notes are {:?}, of {:?}", seen.notes, self.notes);
            return contradiction(Finding::WrongAnswer, how);
        }
        let lost: Vec<Instant> = self.lacking(seen).collect();
        if lost.is_empty() {
            return Verdict::Agrees;
        }
        if lost.iter().all(|begun| faults.iter().any(|fault| fault.undoes(*begun))) {
            return Verdict::LostWithServer;
        }
        contradiction(Finding::LostUpdate, format!("{seen:?}, but {self:?}"))
    }

    fn judge_absence(&self, faults: &[Fault]) -> Verdict {
        if self.is_doubtful {
            Verdict::Over
        } else if faults.iter().any(|fault| fault.ends(self.alive) || fault.undoes(self.named)) {
            Verdict::LostWithServer
        } else {
            let how = format!("{}: it is gone, and nobody has ended it", self.name);
            Verdict::Contradicts(Finding::LostSession, how)
        }
    }

    /// When the writes began that are certain and not there.
    fn lacking(&self, seen: &Sighting) -> impl Iterator<Item = Instant> {
        let increment = self.counter.iter().find(|(count, _)| *count > seen.counter);
        let notes =
            self.notes.iter().zip(seen.notes).filter_map(|(note, value)| note.follower(value));
        increment.map(|(_, begun)| *begun).into_iter().chain(notes)
    }

    fn least(&self) -> u64 {
        self.counter.last().unwrap().0
    }
}

impl Note {
    fn last(&self) -> u64 {
        self.certain.last().unwrap().0
    }

    fn had(&self, value: u64) -> bool {
        self.certain.iter().any(|(certain, _)| *certain == value)
    }

    /// When the write began that has certainly replaced this value.
    fn follower(&self, value: u64) -> Option<Instant> {
        let at = self.certain.iter().position(|(certain, _)| *certain == value)?;
        self.certain.get(at + 1).map(|(_, begun)| *begun)
    }
}
