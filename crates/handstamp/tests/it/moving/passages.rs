//! Passages in every order of their steps: movers, writers and enders in several processes, some of which
//! know nothing of the move, some of which are killed.
//!
//! The stores stand behind a network that a test controls: a call is on its way until the test delivers
//! it, in any order, also after its caller was killed. So each case is one interleaving, step by step.

use std::collections::HashMap;
use std::future::{Future, poll_fn};
use std::hash::{DefaultHasher, Hash, Hasher};
use std::pin::Pin;
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use handstamp::store::{
    BoxFuture, Created, Cursor, Page, Record, SessionIndex, SessionScan, StoreError, Stored,
    Updated, Version,
};
use handstamp::{MovingStore, SessionId, SessionStore};
use proptest::prelude::*;

const CASES: u32 = 4000;

/// What a process does.
#[derive(Clone, Copy, Debug)]
enum Act {
    /// Moves everything, as the bulk does.
    Bulk,
    /// Ends all sessions at once.
    Clear,
    /// Ends the session at the version that stands there.
    End,
    /// As [`End`](Self::End), where only the old store is known.
    EndInFrom,
    /// Adds one.
    Increment,
    /// As [`Increment`](Self::Increment), where only the old store is known.
    IncrementInFrom,
    /// Lists the owner's sessions.
    List,
    /// Reads twice.
    Read,
    /// Ends the owner's sessions.
    Revoke,
    /// Extends the session's life.
    Touch,
}

/// A process, whether it waits for others to begin, and after how many steps it is killed.
type Process = (Act, bool, Option<u8>);

/// Whether this process leaves sessions where they are, as long as it sees none that has moved.
fn leaves(process: &Process) -> bool {
    match process {
        (Act::EndInFrom | Act::IncrementInFrom, ..) => true,
        (Act::Bulk, ..) => false,
        (_, waits, _) => *waits,
    }
}

fn processes() -> impl Strategy<Value = Vec<Process>> {
    use Act::*;
    let act = prop_oneof![
        3 => Just(Bulk),
        1 => Just(Clear),
        2 => Just(End),
        1 => Just(EndInFrom),
        3 => Just(Increment),
        2 => Just(IncrementInFrom),
        1 => Just(List),
        3 => Just(Read),
        1 => Just(Revoke),
        1 => Just(Touch),
    ];
    let waits = prop::bool::weighted(0.4);
    prop::collection::vec((act, waits, prop::option::weighted(0.2, 0..60u8)), 1..7)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: CASES, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn nothing_is_lost_doubled_or_brought_back_in_any_order(
        processes in processes(),
        order in prop::collection::vec(any::<u16>(), 0..150),
        digests in any::<(bool, bool)>(),
    ) {
        World::new(digests).run(&processes, &order);
    }
}

/// Both stores, and what is known of the session.
struct World {
    from: Wired,
    to: Wired,
    network: Network,
    known: Arc<Mutex<Known>>,
}

#[derive(Debug, Default)]
struct Known {
    /// The number of deliveries so far: the time.
    now: usize,
    /// When somebody first got the answer that the session is ended.
    ended: Option<usize>,
    /// Whether somebody who may have ended it was killed before the answer came.
    may_be_ended: bool,
    /// How many increments were confirmed.
    increments: u64,
    /// How many had been begun and not confirmed when their process was killed.
    unclear: u64,
}

impl World {
    fn new((from, to): (bool, bool)) -> Self {
        let network = Network::default();
        let store = |digests| Wired {
            network: network.clone(),
            plain: Arc::new(Mutex::new(Plain { digests, ..Plain::default() })),
        };
        let (from, to) = (store(from), store(to));
        from.plain.lock().unwrap().create(&id(), &counter(0));
        Self { from, to, network, known: Arc::default() }
    }

    fn run(&self, processes: &[Process], order: &[u16]) {
        let mut running: Vec<_> = processes
            .iter()
            .map(|(act, waits, kill)| (*act, *kill, Some(self.start(*act, *waits))))
            .collect();
        let mut order = order.iter();
        loop {
            poll_all(&mut running);
            let waiting = self.network.waiting();
            if waiting == 0 {
                break;
            }
            let next = order.next().map_or(0, |choice| usize::from(*choice) % waiting);
            self.network.deliver(next);
            let now = self.pass();
            for (act, kill, process) in &mut running {
                if kill.is_some_and(|kill| usize::from(kill) == now) && process.take().is_some() {
                    self.kill(*act);
                }
            }
        }
        assert!(running.iter().all(|(_, _, process)| process.is_none()), "a process hangs");
        if processes.iter().all(leaves) {
            assert!(
                self.to.plain.lock().unwrap().sessions.is_empty(),
                "nobody was to move anything"
            );
        }
        self.check();
    }

    fn pass(&self) -> usize {
        let mut known = self.known.lock().unwrap();
        known.now += 1;
        known.now
    }

    fn kill(&self, act: Act) {
        let mut known = self.known.lock().unwrap();
        match act {
            Act::Clear | Act::End | Act::EndInFrom | Act::Revoke => known.may_be_ended = true,
            Act::Increment | Act::IncrementInFrom => known.unclear += 1,
            Act::Bulk | Act::List | Act::Read | Act::Touch => {}
        }
    }

    fn start(&self, act: Act, waits: bool) -> BoxFuture<'static, ()> {
        let moving = MovingStore::new(self.from.clone(), self.to.clone());
        let moving = if waits { moving.waiting() } else { moving };
        let (from, known) = (self.from.clone(), Arc::clone(&self.known));
        match act {
            Act::Bulk => Box::pin(move_all(moving)),
            Act::Clear => Box::pin(async move {
                moving.scan().unwrap().clear().await.unwrap();
                note_end(&known);
            }),
            Act::End => Box::pin(end(moving, known)),
            Act::EndInFrom => Box::pin(end(from, known)),
            Act::Increment => Box::pin(increment(moving, known)),
            Act::IncrementInFrom => Box::pin(increment(from, known)),
            Act::List => Box::pin(async move {
                let begun = known.lock().unwrap().now;
                let listed = moving.index().unwrap().list("alice").await.unwrap();
                assert!(listed.len() <= 1, "the session is listed twice");
                for (_, stored) in listed {
                    assert_lives(&known, begun, &stored);
                }
            }),
            Act::Read => Box::pin(async move {
                let mut last = 0;
                for _ in 0..2 {
                    let begun = known.lock().unwrap().now;
                    let Some(stored) = moving.load(&id()).await.unwrap() else { continue };
                    assert_lives(&known, begun, &stored);
                    let count = count_in(&stored.document).expect("a mark was shown as a session");
                    assert!(last <= count, "the session went back in time");
                    last = count;
                }
            }),
            Act::Revoke => Box::pin(async move {
                moving.index().unwrap().revoke("alice", None).await.unwrap();
                note_end(&known);
            }),
            Act::Touch => Box::pin(async move {
                let begun = known.lock().unwrap().now;
                let touched = moving.touch(&id(), Duration::from_secs(60)).await.unwrap();
                let ended = known.lock().unwrap().ended;
                assert!(!touched || ended.is_none_or(|ended| ended >= begun), "an ended one lived");
            }),
        }
    }

    /// What there is when everybody has finished, and once more when everything has moved.
    fn check(&self) {
        let moving = MovingStore::new(self.from.clone(), self.to.clone());
        let known = self.known.lock().unwrap();
        let lives = self.finish(moving.load(&id())).unwrap();
        match &lives {
            Some(stored) => {
                assert!(known.ended.is_none(), "it was ended and is there again");
                let count = count_in(&stored.document).expect("a mark was shown as a session");
                let most = known.increments + known.unclear;
                assert!((known.increments..=most).contains(&count), "{count}: {known:?}");
            }
            None => assert!(known.ended.is_some() || known.may_be_ended, "it was lost: {known:?}"),
        }
        self.finish(move_all(moving.clone()));
        assert!(self.from.plain.lock().unwrap().sessions.is_empty(), "something is left behind");
        let listed = self.finish(moving.index().unwrap().list("alice")).unwrap();
        let again = self.finish(moving.load(&id())).unwrap();
        assert_eq!(again.is_some(), lives.is_some());
        assert_eq!(listed.len(), usize::from(lives.is_some()), "the owner has lost the session");
        let there = self.to.plain.lock().unwrap().sessions.len();
        assert_eq!(there, usize::from(lives.is_some()), "something is left over");
    }

    /// Runs a future alone, with a network that delivers at once.
    fn finish<T>(&self, future: impl Future<Output = T>) -> T {
        let mut future = Box::pin(future);
        loop {
            if let Poll::Ready(output) = poll(&mut future) {
                return output;
            }
            self.network.deliver(0);
        }
    }
}

async fn move_all(moving: MovingStore) {
    let mut bulk = moving.bulk().unwrap();
    while bulk.step().await.unwrap().is_some() {}
}

async fn end(store: impl SessionStore, known: Arc<Mutex<Known>>) {
    let over = Record { lifetime: Duration::ZERO, owner: None, ..counter(0) };
    let Some(mut stored) = store.load(&id()).await.unwrap() else { return };
    // Where only the old store is known, a mark is a session that is over.
    while count_in(&stored.document).is_some() {
        match store.update(&id(), stored.version, &over).await.unwrap() {
            Updated::Conflict(current) => stored = current,
            Updated::Done(_) => return note_end(&known),
            Updated::Gone => return,
        }
    }
}

async fn increment(store: impl SessionStore, known: Arc<Mutex<Known>>) {
    let begun = known.lock().unwrap().now;
    let Some(mut stored) = store.load(&id()).await.unwrap() else { return };
    while let Some(count) = count_in(&stored.document) {
        match store.update(&id(), stored.version, &counter(count + 1)).await.unwrap() {
            Updated::Conflict(current) => stored = current,
            Updated::Done(_) => {
                assert_lives(&known, begun, &stored);
                known.lock().unwrap().increments += 1;
                return;
            }
            Updated::Gone => return,
        }
    }
}

fn note_end(known: &Mutex<Known>) {
    let mut known = known.lock().unwrap();
    let now = known.now;
    known.ended.get_or_insert(now);
}

/// Asserts that what was asked for at this moment had not been ended before.
fn assert_lives(known: &Mutex<Known>, begun: usize, stored: &Stored) {
    let known = known.lock().unwrap();
    let before = known.ended.is_some_and(|ended| ended < begun);
    assert!(!before, "ended and brought back: {:?}", String::from_utf8_lossy(&stored.document));
}

fn id() -> SessionId {
    SessionId::parse("session").unwrap()
}

fn counter(count: u64) -> Record {
    let document = format!(r#"{{"cookie":{{}},"n":{count},"__handstamp":{{"owner":"alice"}}}}"#);
    Record {
        document: document.into_bytes().into(),
        lifetime: Duration::from_secs(3600),
        owner: Some("alice".into()),
    }
}

/// `None`: this is no session of ours.
fn count_in(document: &[u8]) -> Option<u64> {
    let document: serde_json::Value = serde_json::from_slice(document).unwrap();
    document.get("n")?.as_u64()
}

type Running = (Act, Option<u8>, Option<BoxFuture<'static, ()>>);

/// Lets every process go on until it waits for the network.
fn poll_all(running: &mut [Running]) {
    for (_, _, process) in running {
        if process.as_mut().is_some_and(|process| poll(process).is_ready()) {
            *process = None;
        }
    }
}

fn poll<F: Future + ?Sized>(future: &mut Pin<Box<F>>) -> Poll<F::Output> {
    future.as_mut().poll(&mut Context::from_waker(Waker::noop()))
}

type Call = Box<dyn FnOnce() + Send>;

/// The calls that are on their way.
#[derive(Clone, Default)]
struct Network(Arc<Mutex<Vec<Call>>>);

impl Network {
    fn waiting(&self) -> usize {
        self.0.lock().unwrap().len()
    }

    fn deliver(&self, index: usize) {
        let call = self.0.lock().unwrap().remove(index);
        call();
    }

    /// Sends a call and waits until it has been delivered.
    async fn call<T: Send + 'static>(
        &self,
        call: impl FnOnce() -> T + Send + 'static,
    ) -> Result<T, StoreError> {
        let answer = Arc::new(Mutex::new(None));
        let there = Arc::clone(&answer);
        self.0.lock().unwrap().push(Box::new(move || *there.lock().unwrap() = Some(call())));
        let arrived = poll_fn(|_| answer.lock().unwrap().take().map_or(Poll::Pending, Poll::Ready));
        Ok(arrived.await)
    }
}

/// A store as plain as can be; its versions are numbers or digests.
#[derive(Default)]
struct Plain {
    digests: bool,
    writes: u128,
    sessions: HashMap<SessionId, (Record, Version)>,
}

impl Plain {
    fn stored(&self, id: &SessionId) -> Option<Stored> {
        let (record, version) = self.sessions.get(id)?;
        let Record { document, lifetime, .. } = record.clone();
        Some(Stored { document, version: *version, remaining: lifetime })
    }

    fn write(&mut self, id: &SessionId, record: &Record) -> Version {
        self.writes += 1;
        let version = if self.digests { digest(&record.document) } else { Version(self.writes) };
        self.sessions.insert(*id, (record.clone(), version));
        if record.lifetime.is_zero() {
            self.sessions.remove(id);
        }
        version
    }

    fn create(&mut self, id: &SessionId, record: &Record) -> Created {
        match self.stored(id) {
            None => Created::Done(self.write(id, record)),
            Some(_) => Created::Duplicate,
        }
    }

    fn update(&mut self, id: &SessionId, version: Version, record: &Record) -> Updated {
        match self.stored(id) {
            None => Updated::Gone,
            Some(stored) if stored.version == version => Updated::Done(self.write(id, record)),
            Some(stored) => Updated::Conflict(stored),
        }
    }

    fn all(&self) -> Vec<(SessionId, Stored)> {
        self.sessions.keys().filter_map(|id| Some((*id, self.stored(id)?))).collect()
    }

    fn of(&self, owner: &str) -> Vec<(SessionId, Stored)> {
        let owned = |id: &SessionId| self.sessions[id].0.owner.as_deref() == Some(owner);
        self.all().into_iter().filter(|(id, _)| owned(id)).collect()
    }
}

fn digest(document: &[u8]) -> Version {
    let mut hasher = DefaultHasher::new();
    document.hash(&mut hasher);
    Version(hasher.finish().into())
}

/// A plain store behind the network.
#[derive(Clone)]
struct Wired {
    network: Network,
    plain: Arc<Mutex<Plain>>,
}

impl std::fmt::Debug for Wired {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Wired")
    }
}

impl Wired {
    async fn ask<T: Send + 'static>(
        &self,
        ask: impl FnOnce(&mut Plain) -> T + Send + 'static,
    ) -> Result<T, StoreError> {
        let plain = Arc::clone(&self.plain);
        self.network.call(move || ask(&mut plain.lock().unwrap())).await
    }
}

impl SessionStore for Wired {
    async fn load(&self, id: &SessionId) -> Result<Option<Stored>, StoreError> {
        let id = *id;
        self.ask(move |plain| plain.stored(&id)).await
    }

    async fn create(&self, id: &SessionId, record: &Record) -> Result<Created, StoreError> {
        let (id, record) = (*id, record.clone());
        self.ask(move |plain| plain.create(&id, &record)).await
    }

    async fn update(
        &self,
        id: &SessionId,
        version: Version,
        record: &Record,
    ) -> Result<Updated, StoreError> {
        let (id, record) = (*id, record.clone());
        self.ask(move |plain| plain.update(&id, version, &record)).await
    }

    async fn touch(&self, id: &SessionId, lifetime: Duration) -> Result<bool, StoreError> {
        let id = *id;
        self.ask(move |plain| match plain.sessions.get_mut(&id) {
            None => false,
            Some((record, _)) => {
                record.lifetime = lifetime;
                true
            }
        })
        .await
    }

    async fn delete(&self, id: &SessionId) -> Result<Option<Arc<[u8]>>, StoreError> {
        let id = *id;
        self.ask(move |plain| plain.sessions.remove(&id).map(|(record, _)| record.document)).await
    }

    fn index(&self) -> Option<&dyn SessionIndex> {
        Some(self)
    }

    fn scan(&self) -> Option<&dyn SessionScan> {
        Some(self)
    }
}

impl SessionIndex for Wired {
    fn list<'a>(
        &'a self,
        owner: &'a str,
    ) -> BoxFuture<'a, Result<Vec<(SessionId, Stored)>, StoreError>> {
        let owner = owner.to_owned();
        Box::pin(self.ask(move |plain| plain.of(&owner)))
    }

    fn count<'a>(&'a self, owner: &'a str) -> BoxFuture<'a, Result<usize, StoreError>> {
        let owner = owner.to_owned();
        Box::pin(self.ask(move |plain| plain.of(&owner).len()))
    }

    fn revoke<'a>(
        &'a self,
        owner: &'a str,
        except: Option<&'a SessionId>,
    ) -> BoxFuture<'a, Result<usize, StoreError>> {
        let (owner, except) = (owner.to_owned(), except.copied());
        Box::pin(self.ask(move |plain| {
            let doomed = plain.of(&owner).into_iter().filter(|(id, _)| Some(*id) != except);
            doomed.filter_map(|(id, _)| plain.sessions.remove(&id)).count()
        }))
    }
}

impl SessionScan for Wired {
    fn page<'a>(
        &'a self,
        _: Option<&'a Cursor>,
        _: usize,
    ) -> BoxFuture<'a, Result<Page, StoreError>> {
        Box::pin(self.ask(|plain| Page { sessions: plain.all(), next: None }))
    }

    fn total<'a>(&'a self) -> BoxFuture<'a, Result<usize, StoreError>> {
        Box::pin(self.ask(|plain| plain.sessions.len()))
    }

    fn clear<'a>(&'a self) -> BoxFuture<'a, Result<usize, StoreError>> {
        Box::pin(self.ask(|plain| plain.sessions.drain().count()))
    }
}
