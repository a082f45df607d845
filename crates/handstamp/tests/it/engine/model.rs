use std::collections::BTreeMap;

use proptest::prelude::*;

use super::*;

/// Seconds for which a request that is under way still finds where its session went. The grace time is
/// for new requests, which all have the newest id here.
const REACH: u64 = 60;

/// What a handler does.
#[derive(Clone, Debug, PartialEq)]
enum Act {
    Add(u8),
    Clear,
    Destroy,
    Login(u8),
    Regenerate,
    Remove(u8),
    Rotate,
    Set(u8, i64),
}

/// What happens in one browser: requests begin and end in any order, and seconds pass.
#[derive(Clone, Debug)]
enum Step {
    Begin,
    Do(usize, Act),
    End(usize),
    Pass(u64),
}

/// The reference: sessions are plain maps, and a request does all its acts at its end, one request
/// after another. Whatever the engine merges, retries and redirects must come to the same.
#[derive(Default)]
struct Reference {
    sessions: Vec<Plain>,
    /// The session that the browser's cookie names.
    cookie: Option<usize>,
    now: u64,
}

#[derive(Clone, Debug, Default, PartialEq)]
struct Plain {
    data: BTreeMap<String, i64>,
    owner: Option<u8>,
    /// When it got each of its new ids.
    rotations: Vec<u64>,
    ended: bool,
}

/// A request, in the reference: what it began with, what it sees, what it does.
#[derive(Clone, Debug)]
struct Request {
    session: Option<usize>,
    presented: bool,
    rotations: usize,
    view: Plain,
    acts: Vec<Act>,
    rotates: bool,
    fresh: bool,
    destroyed: bool,
}

impl Reference {
    fn begin(&self) -> Request {
        let session = self.cookie.filter(|&at| !self.sessions[at].ended);
        let view = session.map(|at| self.sessions[at].clone()).unwrap_or_default();
        let (presented, rotations) = (self.cookie.is_some(), view.rotations.len());
        Request {
            session,
            presented,
            rotations,
            view,
            acts: Vec::new(),
            rotates: false,
            fresh: false,
            destroyed: false,
        }
    }

    /// Whether the id that a request began with still leads to its session.
    fn reaches(&self, request: &Request, at: usize) -> bool {
        let mut rotations = self.sessions[at].rotations[request.rotations..].iter();
        !self.sessions[at].ended && rotations.all(|rotated| rotated + REACH > self.now)
    }

    fn end(&mut self, request: &Request) {
        let reached = request.session.filter(|&at| self.reaches(request, at));
        match (request.session, reached) {
            (None, _) => {
                let made = self.create(request);
                let removed = request.destroyed && request.presented;
                self.cookie = if removed { None } else { made.or(self.cookie) };
            }
            (Some(_), _) if request.fresh => {
                reached.into_iter().for_each(|at| self.sessions[at].ended = true);
                self.cookie = self.create(request);
            }
            (Some(_), Some(at)) if request.rotates || !request.acts.is_empty() => {
                self.change(request, at);
            }
            (Some(_), _) => {}
        }
    }

    fn create(&mut self, request: &Request) -> Option<usize> {
        let empty = request.view.data.is_empty() && request.view.owner.is_none();
        (!empty && !request.destroyed).then(|| {
            self.sessions.push(Plain {
                rotations: Vec::new(),
                ended: false,
                ..request.view.clone()
            });
            self.sessions.len() - 1
        })
    }

    fn change(&mut self, request: &Request, at: usize) {
        let (now, session) = (self.now, &mut self.sessions[at]);
        request.acts.iter().for_each(|act| session.act(act));
        let overtaken = session.rotations.len() > request.rotations;
        if request.rotates && !overtaken {
            session.rotations.push(now);
        }
        if request.rotates || overtaken {
            self.cookie = Some(at);
        }
    }
}

impl Request {
    /// Does an act on what the request sees, and notes it if there is something to do.
    fn act(&mut self, act: &Act) {
        let before = self.view.clone();
        match act {
            Act::Destroy | Act::Regenerate => {
                self.view = Plain::default();
                self.acts.clear();
                self.fresh = true;
                self.destroyed = *act == Act::Destroy;
            }
            _ if self.destroyed => {}
            Act::Rotate => self.rotates = true,
            act => {
                self.view.act(act);
                if self.view != before || matches!(act, Act::Add(_) | Act::Clear) {
                    self.acts.push(act.clone());
                }
                if matches!(act, Act::Login(_)) {
                    self.acts.push(act.clone());
                    self.rotates = true;
                }
            }
        }
    }
}

impl Plain {
    fn act(&mut self, act: &Act) {
        match act {
            Act::Add(key) => *self.data.entry(name(*key)).or_default() += 1,
            Act::Clear => self.data.clear(),
            Act::Login(user) => {
                if self.owner.is_some_and(|owner| owner != *user) {
                    self.data.clear();
                }
                self.owner = Some(*user);
            }
            Act::Remove(key) => drop(self.data.remove(&name(*key))),
            Act::Set(key, value) => drop(self.data.insert(name(*key), *value)),
            Act::Destroy | Act::Regenerate | Act::Rotate => {}
        }
    }
}

fn name(key: u8) -> String {
    format!("k{key}")
}

fn perform(session: &Session, act: &Act) {
    let done = match act {
        Act::Add(key) => increment(session, &name(*key)).map(drop),
        Act::Clear => session.clear(),
        Act::Destroy => session.destroy(),
        Act::Login(user) => session.login(user.to_string()),
        Act::Regenerate => session.regenerate(),
        Act::Remove(key) => session.remove::<i64>(&name(*key)).map(drop),
        Act::Rotate => session.rotate(),
        Act::Set(key, value) => session.insert(&name(*key), *value),
    };
    let refused = done.is_err_and(|error| error.kind() != handstamp::ErrorKind::Destroyed);
    assert!(!refused, "{act:?}");
}

fn seen(session: &Session) -> (BTreeMap<String, i64>, Option<String>) {
    let data =
        session.keys().into_iter().map(|key| (key.clone(), session.get(&key).unwrap().unwrap()));
    (data.collect(), session.owner())
}

/// Plays the steps against both and compares what every request sees.
async fn play(steps: Vec<Step>) {
    let app = App::new();
    let mut browser = app.browser();
    let mut reference = Reference::default();
    let mut open: Vec<(Session, Request)> = Vec::new();
    for step in steps {
        match step {
            Step::Begin => {
                let (session, request) = (browser.request().await.unwrap(), reference.begin());
                compare(&session, &request);
                open.push((session, request));
            }
            Step::Do(at, act) if !open.is_empty() => {
                let at = at % open.len();
                let (session, request) = &mut open[at];
                // Logins of requests that overlap are sessions of their own, which have their own tests.
                if !matches!(act, Act::Login(_)) {
                    perform(session, &act);
                    request.act(&act);
                    compare(session, request);
                }
            }
            Step::End(at) if !open.is_empty() => {
                let (session, request) = open.remove(at % open.len());
                browser.respond(session).await.unwrap();
                reference.end(&request);
            }
            Step::Pass(seconds) => {
                app.clock.advance(Duration::from_secs(seconds));
                reference.now += seconds;
            }
            Step::Do(_, act @ Act::Login(_)) => {
                let (session, mut request) = (browser.request().await.unwrap(), reference.begin());
                perform(&session, &act);
                request.act(&act);
                browser.respond(session).await.unwrap();
                reference.end(&request);
            }
            Step::Do(..) | Step::End(_) => {}
        }
    }
    let last = browser.request().await.unwrap();
    compare(&last, &reference.begin());
    let living =
        reference.sessions.iter().filter(|session| !session.ended && session.owner.is_some());
    let mut listed = 0;
    for user in 0..3 {
        listed += app.sessions.for_user(&user.to_string()).await.unwrap().len();
    }
    assert_eq!(listed, living.count(), "the users' sessions");
}

fn compare(session: &Session, request: &Request) {
    let expected = (request.view.data.clone(), request.view.owner.map(|owner| owner.to_string()));
    assert_eq!(seen(session), expected);
}

fn act() -> impl Strategy<Value = Act> {
    prop_oneof![
        6 => (0..4u8).prop_map(Act::Add),
        1 => Just(Act::Clear),
        1 => Just(Act::Destroy),
        2 => (0..3u8).prop_map(Act::Login),
        1 => Just(Act::Regenerate),
        3 => (0..4u8).prop_map(Act::Remove),
        3 => Just(Act::Rotate),
        6 => (0..4u8, 0..5i64).prop_map(|(key, value)| Act::Set(key, value)),
    ]
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        4 => Just(Step::Begin),
        8 => (any::<usize>(), act()).prop_map(|(at, act)| Step::Do(at, act)),
        4 => any::<usize>().prop_map(Step::End),
        1 => (0..40u64).prop_map(Step::Pass),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2000))]

    #[test]
    fn every_interleaving_of_requests_comes_to_what_one_after_the_other_would(steps in prop::collection::vec(step(), 1..40)) {
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        runtime.block_on(play(steps));
    }
}
