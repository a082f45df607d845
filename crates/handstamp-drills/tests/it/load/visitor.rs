//! A visitor, who does one thing after the other and remembers what he was told.

use std::mem;
use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::time::sleep;

use crate::browser::Cookie;

use super::Shared;
use super::fault::Fault;
use super::knowledge::{Knowledge, Sighting, Verdict};
use super::random::Random;
use super::report::Finding;
use super::request::{Deed, Outcome, Reply};

/// How many credentials that are over a visitor remembers, to look whether they stay so.
const GRAVES: usize = 24;

/// How long somebody thinks between two things that he does. Who never thinks takes the processors away from
/// the servers.
const THOUGHT: Duration = Duration::from_millis(2);

/// How long somebody waits who was refused. Otherwise the load would be one of refusals.
const PAUSE: Duration = Duration::from_millis(10);

pub(super) struct Visitor {
    number: usize,
    shared: Arc<Shared>,
    random: Random,
    /// How many sessions, owners and notes he has named: each name is new.
    names: u64,
    current: Option<Current>,
    /// Credentials that must show nothing any more.
    graves: Vec<Grave>,
}

/// The session that he has now.
struct Current {
    cookie: String,
    /// What his cookie was before, and when the requests began that gave him the next. It leads to the session
    /// as long as that lives.
    former: Vec<(String, Instant)>,
    known: Knowledge,
}

/// A credential that is over.
struct Grave {
    cookie: String,
    /// The cookies by which it led from one id to the next, itself the first, and when the requests began after
    /// which each was over. If one of them is undone, it leads to something again.
    steps: Vec<(String, Instant)>,
}

impl Visitor {
    pub(super) fn new(number: usize, shared: Arc<Shared>, seed: u64) -> Self {
        let random = Random::new(seed.wrapping_mul(1000) + number as u64);
        Self { number, shared, random, names: 0, current: None, graves: Vec::new() }
    }

    /// Does one thing after the other until it is enough, and then looks at everything once more.
    pub(super) async fn live(mut self) {
        while !self.shared.is_enough() {
            let is_answered = self.act().await;
            self.shared.acted(self.number, is_answered);
            sleep(if is_answered { THOUGHT } else { PAUSE }).await;
        }
        if let Some(current) = self.current.take() {
            self.alone(current, Deed::Read).await;
        }
        for grave in (0..self.graves.len()).rev() {
            self.visit(grave).await;
        }
    }

    /// Does one thing. `false`: some of it was not answered.
    async fn act(&mut self) -> bool {
        let Some(current) = self.current.take() else { return self.begin().await };
        let second = match self.random.below(24) {
            0..4 => return self.alone(current, Deed::Read).await,
            4..8 => return self.alone(current, Deed::Increment).await,
            8..10 => {
                let note = self.note();
                return self.alone(current, note).await;
            }
            10..13 => Deed::Increment,
            13..15 => self.note(),
            15 => return self.alone(current, Deed::Rotate).await,
            16 => Deed::Rotate,
            17 => {
                let login = self.login(&current);
                return self.alone(current, login).await;
            }
            18 => self.login(&current),
            19 => {
                let ending = self.ending();
                return self.alone(current, ending).await;
            }
            20 => self.ending(),
            21 if current.known.owner().is_some() => {
                return self.sign_out_everywhere(current).await;
            }
            _ if self.graves.is_empty() => return self.alone(current, Deed::Read).await,
            _ => {
                self.current = Some(current);
                let grave = self.random.below(self.graves.len() as u64);
                return self.visit(usize::try_from(grave).unwrap()).await;
            }
        };
        self.together(current, Deed::Increment, second).await
    }

    /// A first visit.
    async fn begin(&mut self) -> bool {
        let name = self.name("session");
        let reply = self.request(None, &Deed::Begin(name.clone())).await;
        match reply.outcome {
            Outcome::Done(Some(_), Some(Cookie::Set(cookie))) => {
                let known = Knowledge::new(name, reply.begun);
                self.current = Some(Current { cookie, former: Vec::new(), known });
                true
            }
            Outcome::Failed | Outcome::NotFound | Outcome::Refused => false,
            Outcome::Absent | Outcome::Done(..) => {
                self.shared.find(Finding::WrongAnswer, format!("{name}: it began as {reply:?}"));
                true
            }
        }
    }

    /// One request, and nothing else of this visitor's at the same time.
    async fn alone(&mut self, mut current: Current, deed: Deed) -> bool {
        expect(&mut current.known, &deed);
        let reply = self.request(Some(&current.cookie), &deed).await;
        if reply.outcome == Outcome::NotFound {
            drop_expectation(&mut current.known, &deed);
            self.current = Some(current);
            return false;
        }
        let verdict = self.judge(&current, reply.found.as_ref());
        if !self.heed(&mut current, verdict, reply.begun) {
            return true;
        }
        if let Some(found) = &reply.found {
            current.known.learn(found, reply.begun);
        }
        let begun = reply.begun;
        let is_answered = reply.error.is_none();
        let settles = !matches!(deed, Deed::Read) && !deed.ends();
        let (left, is_absent) = match &reply.outcome {
            Outcome::Done(left, _) => (left.clone(), false),
            outcome => (None, *outcome == Outcome::Absent),
        };
        if is_absent {
            // It was there when the request began.
            let verdict = self.judge(&current, None);
            self.heed(&mut current, verdict, begun);
            return true;
        }
        let Some(mut current) = self.conclude(current, &deed, reply) else { return is_answered };
        if settles && is_answered {
            let verdict = self.judge(&current, left.as_ref());
            if !self.heed(&mut current, verdict, begun) {
                return true;
            }
            current.known.settle(&left.expect("what agrees is there"), begun);
        }
        self.current = Some(current);
        is_answered
    }

    /// Two requests at once, each in whatever process. Only the second may change which session it is.
    async fn together(&mut self, mut current: Current, first: Deed, second: Deed) -> bool {
        expect(&mut current.known, &first);
        expect(&mut current.known, &second);
        let cookie = current.cookie.clone();
        let (number, processes) = (self.number, [self.process(), self.process()]);
        let (one, other) = tokio::join!(
            self.shared.request(number, processes[0], Some(&cookie), &first),
            self.shared.request(number, processes[1], Some(&cookie), &second),
        );
        let is_answered = one.error.is_none() && other.error.is_none();
        // The second one may have ended it before the first one looked, or given it an id that is not shown.
        let judges = |reply: &Reply| reply.outcome != Outcome::NotFound;
        let judges_first = judges(&one) && (one.found.is_some() || !second.closes());
        for (reply, is_judged) in [(&one, judges_first), (&other, judges(&other))] {
            if is_judged {
                let verdict = self.judge(&current, reply.found.as_ref());
                if !self.heed(&mut current, verdict, reply.begun) {
                    return true;
                }
            }
        }
        self.current = match self.conclude(current, &first, one) {
            Some(current) => self.conclude(current, &second, other),
            None => None,
        };
        is_answered
    }

    /// Ends all sessions of the present one's owner.
    async fn sign_out_everywhere(&mut self, mut current: Current) -> bool {
        let owner = current.known.owner().expect("somebody is signed in").to_owned();
        let manager = self.process();
        let manager = &self.shared.managers[manager];
        let begun = Instant::now();
        let ended = manager.revoke_all(&owner, None).await;
        self.shared.took("revoke_all", begun, begun.elapsed(), 1);
        match ended {
            Ok(0) => {
                // The list of his sessions may be elsewhere than these.
                let verdict = current.known.judge(None, &self.shared.faults());
                self.heed(&mut current, verdict, begun);
                true
            }
            Ok(_) => {
                self.bury(&mut current, begun);
                true
            }
            Err(error) => {
                // It may still happen, at any time: it names no version. So this session is not used again.
                self.shared.failed(&error, begun);
                false
            }
        }
    }

    /// Looks whether what is over is over.
    async fn visit(&mut self, grave: usize) -> bool {
        let cookie = self.graves[grave].cookie.clone();
        let reply = self.request(Some(&cookie), &Deed::Read).await;
        if let Some(found) = reply.found {
            let steps = self.graves.swap_remove(grave).steps;
            let faults = self.shared.faults_of(steps.iter().map(|(cookie, _)| cookie));
            // One that is not there any more is none.
            if steps.iter().any(|(_, over)| faults.iter().any(|fault| fault.undoes(*over))) {
                self.shared.lose();
            } else {
                self.shared.find(Finding::Resurrection, format!("{found:?}"));
            }
        }
        reply.error.is_none()
    }

    /// Takes over how a request went. `None`: the visitor has no session any more.
    fn conclude(&mut self, mut current: Current, deed: &Deed, reply: Reply) -> Option<Current> {
        let begun = reply.begun;
        match reply.outcome {
            Outcome::Absent | Outcome::NotFound | Outcome::Refused => {
                drop_expectation(&mut current.known, deed);
            }
            Outcome::Failed if deed.closes() => current.known.doubt(),
            Outcome::Failed => {}
            Outcome::Done(_, cookie) => {
                if deed.closes() {
                    self.bury(&mut current, begun);
                }
                note_done(&mut current.known, deed, begun);
                match cookie {
                    Some(Cookie::Set(cookie)) => {
                        let former = mem::replace(&mut current.cookie, cookie);
                        if !deed.closes() {
                            current.former.push((former, begun));
                        }
                    }
                    Some(Cookie::Removed) if *deed == Deed::Logout => return None,
                    None if !deed.closes() && *deed != Deed::Rotate => {}
                    cookie => {
                        let how = format!("{deed:?} was answered with {cookie:?}");
                        self.shared.find(Finding::WrongAnswer, how);
                        return None;
                    }
                }
            }
        }
        Some(current)
    }

    /// What is to be thought of what a request was shown of a session.
    fn judge(&self, current: &Current, seen: Option<&Sighting>) -> Verdict {
        let former = current.former.iter().map(|(cookie, _)| cookie);
        let faults = self.shared.faults_of(former.chain([&current.cookie]));
        current.known.judge(seen, &faults)
    }

    /// Acts on a verdict. `false`: this session is not used again.
    fn heed(&mut self, current: &mut Current, verdict: Verdict, begun: Instant) -> bool {
        match verdict {
            Verdict::Agrees => return true,
            Verdict::Contradicts(finding, how) => self.shared.find(finding, how),
            Verdict::LostWithServer => {
                self.shared.lose();
                if self.shared.faults().iter().all(Fault::is_total) {
                    self.bury(current, begun);
                }
            }
            Verdict::Over => self.bury(current, begun),
        }
        false
    }

    /// Remembers the credentials of a session that is over.
    fn bury(&mut self, current: &mut Current, begun: Instant) {
        let mut steps = mem::take(&mut current.former);
        steps.push((current.cookie.clone(), begun));
        for at in 0..steps.len() {
            self.graves.push(Grave { cookie: steps[at].0.clone(), steps: steps[at..].to_vec() });
        }
        let surplus = self.graves.len().saturating_sub(GRAVES);
        self.graves.drain(..surplus);
    }

    async fn request(&mut self, cookie: Option<&str>, deed: &Deed) -> Reply {
        let process = self.process();
        self.shared.request(self.number, process, cookie, deed).await
    }

    fn process(&mut self) -> usize {
        usize::try_from(self.random.below(self.shared.managers.len() as u64)).unwrap()
    }

    /// The same user again, if there is one: another one would not get the data of this one.
    fn login(&mut self, current: &Current) -> Deed {
        let user = current.known.owner().map(str::to_owned);
        Deed::Login(user.unwrap_or_else(|| self.name("user")))
    }

    fn ending(&mut self) -> Deed {
        match self.random.below(2) {
            0 => Deed::Logout,
            _ => Deed::Regenerate(self.name("session")),
        }
    }

    fn note(&mut self) -> Deed {
        self.names += 1;
        Deed::Note(usize::try_from(self.random.below(2)).unwrap(), self.names)
    }

    fn name(&mut self, what: &str) -> String {
        self.names += 1;
        format!("{what} {} of visitor {}", self.names, self.number)
    }
}

fn expect(known: &mut Knowledge, deed: &Deed) {
    match deed {
        Deed::Increment => known.expect_increment(),
        Deed::Note(which, value) => known.expect_note(*which, *value),
        _ => {}
    }
}

fn drop_expectation(known: &mut Knowledge, deed: &Deed) {
    match deed {
        Deed::Increment => known.drop_increment(),
        Deed::Note(which, value) => known.drop_note(*which, *value),
        _ => {}
    }
}

fn note_done(known: &mut Knowledge, deed: &Deed, begun: Instant) {
    match deed {
        Deed::Increment => known.count_increment(begun),
        Deed::Login(user) => known.own(user.clone(), begun),
        Deed::Note(which, value) => known.take_note(*which, *value, begun),
        Deed::Regenerate(name) => *known = Knowledge::new(name.clone(), begun),
        Deed::Rotate => known.rename(begun),
        Deed::Begin(_) | Deed::Logout | Deed::Read => {}
    }
}
