//! Visitors who come again and again, to one process and another, and what they must find there.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use handstamp::store::AnyStore;
use handstamp::{Expiry, Session, SessionError, SessionManager};
use tokio::task::JoinHandle;
use tokio::time::{Instant, sleep, timeout};

/// How long a number of rounds may take at most.
const LIMIT: Duration = Duration::from_secs(120);

/// How long a visitor reads a page.
const PAUSE: Duration = Duration::from_millis(20);

/// How long sessions live that are not used, one visitor's and the next.
const LIFETIMES: [Duration; 3] = [
    Duration::from_secs(60 * 60),
    Duration::from_secs(24 * 60 * 60),
    Duration::from_secs(30 * 24 * 60 * 60),
];

/// By how much a lifetime may be off: MySQL's ends with a whole second, a session that moves gets the moment between
/// its reading and its writing, and a busy machine takes its time. From sign-in to the end it takes longer.
const TOLERANCE: Duration = Duration::from_secs(5);

/// What becomes of a visitor.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// Comes once before and once after.
    Idle,
    /// Logs out in the middle, and tries the old cookie ever after.
    LogsOut,
    /// Is signed out elsewhere.
    Revoked,
    /// Stays all the time.
    Stays,
}

/// One visitor, a browser and what its session has to hold.
pub(crate) struct Visitor {
    number: usize,
    kind: Kind,
    cookie: String,
    count: i64,
    rounds: usize,
    ended: bool,
    signed_in: Instant,
    fate: Arc<Fate>,
}

/// What others do to a visitor's sessions.
#[derive(Default)]
struct Fate {
    revoking: AtomicBool,
    revoked: AtomicBool,
}

impl Visitor {
    pub(crate) async fn sign_in(number: usize, active: bool, sessions: &SessionManager) -> Self {
        let kind = match number % 3 {
            _ if !active => Kind::Idle,
            0 => Kind::LogsOut,
            1 => Kind::Revoked,
            _ => Kind::Stays,
        };
        let mut visitor = Self {
            number,
            kind,
            cookie: String::new(),
            count: 0,
            rounds: 0,
            ended: false,
            signed_in: Instant::now(),
            fate: Arc::default(),
        };
        let (user, lifetime) = (visitor.user(), visitor.lifetime());
        let sign_in = |session: &Session| {
            session.login(user)?;
            session.set_expiry(Expiry::idle(lifetime))
        };
        visitor.ask(sessions, sign_in).await;
        visitor
    }

    pub(crate) fn user(&self) -> String {
        format!("user-{}", self.number)
    }

    /// Whether the visitor has a session in the end.
    pub(crate) fn survives(&self) -> bool {
        matches!(self.kind, Kind::Idle | Kind::Stays)
    }

    fn lifetime(&self) -> Duration {
        // Not by threes, as the kinds go.
        LIFETIMES[self.number / 3 % LIFETIMES.len()]
    }

    /// Asks a process; what it does to the cookie is done.
    async fn ask(
        &mut self,
        sessions: &SessionManager,
        handle: impl FnOnce(&Session) -> Result<(), SessionError>,
    ) {
        let given = request(sessions, &self.cookie, handle).await.given;
        self.cookie = given.unwrap_or_default();
    }

    /// One round: two requests at once to two processes, then now and then a new id.
    async fn round(&mut self, processes: &[SessionManager]) {
        let process = |n: usize| &processes[(self.number + self.rounds + n) % processes.len()];
        let (first, second, third) = (process(0), process(1), process(2));
        self.rounds += 1;
        let ended = self.ended || self.fate.revoked.load(Ordering::SeqCst);
        let cookie = self.cookie.clone();
        let (a, b) =
            tokio::join!(request(first, &cookie, increment), request(second, &cookie, increment));
        for answer in [a, b] {
            self.check(ended, answer.found);
            self.count += i64::from(answer.found);
        }
        if !self.ended && self.rounds.is_multiple_of(4) {
            // One more is on its way while the id changes.
            let (rotated, late) = tokio::join!(
                request(third, &cookie, if_found(Session::rotate)),
                request(first, &cookie, increment)
            );
            self.check(ended, rotated.found);
            self.check(ended, late.found);
            self.count += i64::from(late.found);
            self.cookie = rotated.given.filter(|_| rotated.found).unwrap_or(cookie);
        }
        if self.kind == Kind::LogsOut && !self.ended && self.rounds == 10 + self.number % 7 {
            request(third, &self.cookie, if_found(Session::logout)).await;
            self.ended = true;
        }
    }

    /// Whether it is right that the session was found, or not. Of two requests at once one may come before
    /// the end and one after it, so what counts is whether it had ended before both.
    fn check(&mut self, ended_before: bool, found: bool) {
        let Self { kind, number, .. } = *self;
        if found {
            assert!(!ended_before, "{kind:?} {number}: ended and brought back");
        } else if self.fate.revoking.load(Ordering::SeqCst) {
            self.ended = true;
        } else {
            assert!(self.ended, "{kind:?} {number}: signed out by the move");
        }
    }

    /// What there must be when everything has moved.
    pub(crate) async fn assert_is_right(self, sessions: &SessionManager, store: &AnyStore) {
        let Self { kind, number, count, .. } = self;
        self.assert_has_its_time(store).await;
        let mut held = None;
        let look = |session: &Session| {
            held = session.get::<i64>("count")?;
            Ok(())
        };
        let found = request(sessions, &self.cookie, look).await.found;
        let devices = sessions.for_user(&self.user()).await.unwrap().len();
        if matches!(kind, Kind::LogsOut | Kind::Revoked) {
            assert!(!found, "{kind:?} {number}: ended and brought back");
            assert_eq!(devices, 0, "{kind:?} {number}: another session is there");
        } else {
            assert!(found, "{kind:?} {number}: lost");
            assert_eq!(held.unwrap_or(0), count, "{kind:?} {number}: an update was lost");
            assert_eq!(devices, 1, "{kind:?} {number}: the owner's sessions");
        }
    }

    /// Whoever has not come since has what is left of the time; for who has come it began anew.
    async fn assert_has_its_time(&self, store: &AnyStore) {
        let Self { kind, number, .. } = self;
        let (passed, whole) = (self.signed_in.elapsed(), self.lifetime() + TOLERANCE);
        let most = if *kind == Kind::Idle { whole - passed } else { whole };
        for (_, stored) in store.index().unwrap().list(&self.user()).await.unwrap() {
            let least = self.lifetime() - self.signed_in.elapsed() - TOLERANCE;
            let (left, whole) = (stored.remaining, self.lifetime());
            let is_right = (least..=most).contains(&left);
            assert!(is_right, "{kind:?} {number}: {left:?} of {whole:?} after {passed:?}");
        }
    }
}

fn increment(session: &Session) -> Result<(), SessionError> {
    if_found(|session| session.update("count", |n: Option<i64>| n.unwrap_or(0) + 1).map(drop))(
        session,
    )
}

/// Does nothing for a visitor who is not known.
fn if_found(
    handle: impl Fn(&Session) -> Result<(), SessionError>,
) -> impl Fn(&Session) -> Result<(), SessionError> {
    move |session| if session.is_new() { Ok(()) } else { handle(session) }
}

struct Answered {
    found: bool,
    /// The cookie that came with the answer.
    given: Option<String>,
}

/// A whole request. No failure is expected: both stores are well.
async fn request(
    sessions: &SessionManager,
    cookie: &str,
    handle: impl FnOnce(&Session) -> Result<(), SessionError>,
) -> Answered {
    let cookies = |name: &str| (name == "cookie").then_some(cookie.as_bytes()).into_iter();
    let session = sessions.load(cookies).await.unwrap();
    let found = !session.is_new();
    handle(&session).unwrap();
    let answer = sessions.commit(&session).await.unwrap();
    let given = answer
        .credential()
        .map(|header| header.value.split(';').next().unwrap_or_default().to_owned());
    Answered { found, given }
}

/// Visitors at work, until they are told to end.
pub(crate) struct Traffic {
    processes: Vec<SessionManager>,
    fates: Vec<(String, Arc<Fate>)>,
    shared: Arc<Shared>,
    idle: Vec<Visitor>,
    active: Vec<JoinHandle<Visitor>>,
}

#[derive(Default)]
struct Shared {
    ends: AtomicBool,
    rounds: AtomicUsize,
}

impl Traffic {
    pub(crate) fn begin(visitors: Vec<Visitor>, processes: Vec<SessionManager>) -> Self {
        let shared = Arc::<Shared>::default();
        let (idle, active): (Vec<_>, Vec<_>) =
            visitors.into_iter().partition(|visitor| visitor.kind == Kind::Idle);
        let revoked = active.iter().filter(|visitor| visitor.kind == Kind::Revoked);
        let fates = revoked.map(|visitor| (visitor.user(), Arc::clone(&visitor.fate))).collect();
        let active = active
            .into_iter()
            .map(|visitor| tokio::spawn(come_again(visitor, processes.clone(), shared.clone())))
            .collect();
        Self { processes, fates, shared, idle, active }
    }

    /// Waits until every active visitor has come so many times more, on average.
    pub(crate) async fn rounds(&self, rounds: usize) {
        let enough = self.shared.rounds.load(Ordering::SeqCst) + rounds * self.active.len();
        let waiting = async {
            // There is no event for it: visitors come as they like.
            while self.shared.rounds.load(Ordering::SeqCst) < enough {
                assert!(!self.active.iter().any(JoinHandle::is_finished), "a visitor has failed");
                sleep(PAUSE).await;
            }
        };
        timeout(LIMIT, waiting).await.expect("the visitors are answered");
    }

    /// Signs users out everywhere, one after the other, by one process and another.
    pub(crate) async fn revoke(&self) {
        for (n, (user, fate)) in self.fates.iter().enumerate() {
            fate.revoking.store(true, Ordering::SeqCst);
            let ended =
                self.processes[n % self.processes.len()].revoke_all(user, None).await.unwrap();
            assert!(ended > 0, "{user} was signed in");
            fate.revoked.store(true, Ordering::SeqCst);
        }
    }

    /// Waits until the visitors have finished their rounds.
    pub(crate) async fn end(self) -> Vec<Visitor> {
        self.shared.ends.store(true, Ordering::SeqCst);
        let mut visitors = self.idle;
        for visitor in self.active {
            visitors.push(visitor.await.unwrap());
        }
        visitors
    }
}

async fn come_again(
    mut visitor: Visitor,
    processes: Vec<SessionManager>,
    shared: Arc<Shared>,
) -> Visitor {
    while !shared.ends.load(Ordering::SeqCst) {
        visitor.round(&processes).await;
        shared.rounds.fetch_add(1, Ordering::SeqCst);
        sleep(PAUSE).await;
    }
    visitor
}
