//! Two stores as one: the contract of every store, and what becomes of sessions on their way.

use std::sync::Arc;
use std::time::{Duration, Instant};

use handstamp::store::{
    AnyStore, Created, Cursor, Record, StoreErrorKind, Stored, Updated, Version,
};
use handstamp::{
    Keys, MemoryStore, MovingStore, SealingKeys, Session, SessionConfig, SessionId, SessionManager,
    SessionStore,
};
use handstamp_testing::{
    Fault, FaultyStore, ManualClock, Operation, StoreHarness, changes_suite, store_suite,
};

use crate::engine::{Browser, HOUR, OLD_SECRET, SECRET};

/// Passages in every order of their steps.
mod passages;

/// Sessions begin in the new store.
mod moving_at_once {
    use super::{Harness, changes_suite, store_suite};

    store_suite!(Harness<false>);

    mod changes {
        use super::{Harness, changes_suite};

        changes_suite!(Harness<false>);
    }
}

/// Sessions begin and stay in the old store.
mod waiting {
    use super::{Harness, store_suite};

    store_suite!(Harness<true>);
}

struct Harness<const WAITS: bool> {
    clock: Arc<ManualClock>,
    store: Arc<MovingStore>,
}

impl<const WAITS: bool> StoreHarness for Harness<WAITS> {
    type Store = MovingStore;
    const TOLERANCE: Duration = Duration::ZERO;

    async fn start() -> Self {
        let clock = Arc::new(ManualClock::new());
        let memory = || MemoryStore::new().with_clock(clock.clone());
        let store = MovingStore::new(memory(), memory());
        let store = Arc::new(if WAITS { store.waiting() } else { store });
        Self { clock, store }
    }

    fn store(&self) -> Arc<MovingStore> {
        self.store.clone()
    }

    async fn pass(&self, time: Duration) {
        self.clock.advance(time);
    }
}

/// Two stores and the one that moves sessions between them.
struct Move {
    clock: Arc<ManualClock>,
    from: FaultyStore<MemoryStore>,
    to: FaultyStore<MemoryStore>,
    store: MovingStore,
}

impl Move {
    fn new() -> Self {
        let clock = Arc::new(ManualClock::new());
        let memory = || FaultyStore::new(MemoryStore::new().with_clock(clock.clone()));
        let (from, to) = (memory(), memory());
        let store = MovingStore::new(from.clone(), to.clone());
        Self { clock, from, to, store }
    }

    fn manager(&self, store: impl Into<AnyStore>) -> SessionManager {
        SessionManager::new(store, Keys::new(SECRET).unwrap()).with_clock(self.clock.clone())
    }

    async fn load(&self, name: &str) -> Option<Stored> {
        self.store.load(&id(name)).await.unwrap()
    }

    /// How many records each of the two stores holds, slots and claims included.
    fn sizes(&self) -> (usize, usize) {
        (self.from.inner().len(), self.to.inner().len())
    }
}

#[tokio::test]
async fn a_session_that_is_asked_for_moves_with_the_time_it_has_left() {
    let m = Move::new();
    put(&m.from, "a", r#"{"cookie":{},"n":1}"#, 10 * HOUR).await;
    m.clock.advance(3 * HOUR);
    let stored = m.load("a").await.unwrap();
    assert_eq!(&*stored.document, br#"{"cookie":{},"n":1}"#);
    assert_eq!(stored.remaining, 7 * HOUR);
    assert!(m.from.load(&id("a")).await.unwrap().is_none());
    let there = m.to.load(&id("a")).await.unwrap().unwrap();
    assert_eq!((there.version, there.remaining), (stored.version, 7 * HOUR));
}

#[tokio::test]
async fn the_round_trips_are_those_that_the_docs_tell() {
    let m = Move::new();
    let trips = || (m.from.reset_calls(), m.to.reset_calls());
    for name in ["load", "update", "touch"] {
        put(&m.from, name, "{}", HOUR).await;
    }
    trips();
    let stored = m.load("load").await.unwrap();
    assert_eq!(trips(), (3, 3));
    m.load("load").await.unwrap();
    m.store.update(&id("load"), stored.version, &record("{}", HOUR)).await.unwrap();
    assert_eq!(trips(), (0, 2), "what has moved does not need the old store");
    m.store.touch(&id("load"), HOUR).await.unwrap();
    assert_eq!(trips(), (0, 2));
    let updated = m.store.update(&id("update"), stored.version, &record("{}", HOUR)).await;
    let Updated::Conflict(current) = updated.unwrap() else { panic!("it has another version") };
    m.store.update(&id("update"), current.version, &record("{}", HOUR)).await.unwrap();
    assert_eq!(trips(), (3, 5));
    m.store.touch(&id("touch"), HOUR).await.unwrap();
    assert_eq!(trips(), (3, 4));
    assert!(m.load("none").await.is_none());
    assert_eq!(trips(), (1, 2));
    m.store.update(&id("none"), stored.version, &record("{}", HOUR)).await.unwrap();
    assert_eq!(trips(), (1, 3));
    m.store.touch(&id("none"), HOUR).await.unwrap();
    assert_eq!(trips(), (1, 2));
    m.store.create(&id("none"), &record("{}", HOUR)).await.unwrap();
    assert_eq!(trips(), (1, 1));
}

#[tokio::test]
async fn every_operation_finds_a_session_that_has_not_moved() {
    let m = Move::new();
    for name in ["create", "update", "touch", "delete"] {
        put(&m.from, name, r#"{"n":1}"#, HOUR).await;
    }
    let created = m.store.create(&id("create"), &record("{}", HOUR)).await.unwrap();
    assert!(matches!(created, Created::Duplicate));
    let never = Version(0x5eed << 64);
    let updated = m.store.update(&id("update"), never, &record("{}", HOUR)).await.unwrap();
    let Updated::Conflict(stored) = updated else {
        panic!("another has written, yet: {updated:?}")
    };
    let updated = m.store.update(&id("update"), stored.version, &record("{}", HOUR)).await.unwrap();
    assert!(matches!(updated, Updated::Done(_)));
    assert!(m.store.touch(&id("touch"), 2 * HOUR).await.unwrap());
    assert_eq!(m.load("touch").await.unwrap().remaining, 2 * HOUR);
    let last = m.store.delete(&id("delete")).await.unwrap();
    assert_eq!(last.as_deref(), Some(&br#"{"n":1}"#[..]));
    assert!(m.load("delete").await.is_none());
    assert_eq!(m.sizes(), (0, 3));
}

#[tokio::test]
async fn new_sessions_begin_in_the_new_store() {
    let m = Move::new();
    m.store.create(&id("a"), &record("{}", HOUR)).await.unwrap();
    assert_eq!(m.sizes(), (0, 1));
}

#[tokio::test]
async fn an_expired_session_does_not_move() {
    let m = Move::new();
    put(&m.from, "a", "{}", HOUR).await;
    m.clock.advance(HOUR);
    assert!(m.load("a").await.is_none());
    assert_eq!(m.to.inner().len(), 0);
}

#[tokio::test]
async fn the_owner_keeps_a_session_that_moves() {
    let m = Move::new();
    let phone = signed_in(&m.manager(m.from.clone()), "alice").await;
    let laptop = signed_in(&m.manager(m.from.clone()), "alice").await;
    let sessions = m.manager(m.store.clone());
    assert!(lives(&phone, &sessions).await);
    assert_eq!(sessions.for_user("alice").await.unwrap().len(), 2);
    assert_eq!(m.sizes(), (0, 2), "what is listed has moved");
    assert_eq!(m.to.index().unwrap().count("alice").await.unwrap(), 2);
    assert_eq!(sessions.revoke_all("alice", None).await.unwrap(), 2);
    assert!(!lives(&phone, &sessions).await && !lives(&laptop, &sessions).await);
}

#[tokio::test]
async fn a_revocation_ends_what_has_moved_and_what_has_not() {
    let m = Move::new();
    let old = m.manager(m.from.clone());
    let (moved, left, others) = (
        signed_in(&old, "alice").await,
        signed_in(&old, "alice").await,
        signed_in(&old, "bob").await,
    );
    let sessions = m.manager(m.store.clone());
    assert!(lives(&moved, &sessions).await);
    assert_eq!(m.sizes(), (2, 1));
    assert_eq!(sessions.revoke_all("alice", None).await.unwrap(), 2);
    assert!(!lives(&moved, &sessions).await && !lives(&left, &sessions).await);
    assert!(lives(&others, &sessions).await);
}

#[tokio::test]
async fn a_sealed_session_moves_with_its_owner_if_the_keys_are_there() {
    let m = Move::new();
    let keys = SealingKeys::new(OLD_SECRET).unwrap();
    let config = SessionConfig::strict().with_sealing(keys.clone());
    let sealed = |store: AnyStore| m.manager(store).with_config(config.clone());
    let browser = signed_in(&sealed(m.from.clone().into()).unwrap(), "alice").await;

    let refused = m.manager(m.store.clone()).for_user("alice").await.unwrap_err();
    let refused = refused.store_error().unwrap().kind();
    assert_eq!(refused, StoreErrorKind::Refused, "nobody could revoke it any more");
    assert_eq!(m.sizes(), (1, 0));

    let store = m.store.clone().with_sealing(keys);
    let sessions = sealed(store.into()).unwrap();
    assert!(lives(&browser, &sessions).await);
    assert_eq!(m.to.index().unwrap().count("alice").await.unwrap(), 1);
}

#[tokio::test]
async fn what_no_key_opens_moves_as_nobodys() {
    let m = Move::new();
    let store = m.store.clone().with_sealing(SealingKeys::new(OLD_SECRET).unwrap());
    for (name, document) in [("a", "not JSON"), ("b", r#"{"cookie":{},"sealed":"hs1.00.00"}"#)] {
        put(&m.from, name, document, HOUR).await;
        assert_eq!(&*store.load(&id(name)).await.unwrap().unwrap().document, document.as_bytes());
    }
    assert_eq!(m.sizes(), (0, 2));
}

#[tokio::test]
async fn a_walk_moves_what_it_meets_and_meets_it_once() {
    let m = Move::new();
    for n in 0..300 {
        let store = if n % 3 == 0 { &m.to } else { &m.from };
        put(store, &format!("session-{n}"), "{}", HOUR).await;
    }
    let scan = m.store.scan().unwrap();
    assert_eq!(scan.total().await.unwrap(), 300);
    let (mut met, mut next) = (Vec::new(), None);
    loop {
        let page = scan.page(next.as_ref(), 10).await.unwrap();
        met.extend(page.sessions.into_iter().map(|(id, _)| id.as_str().to_owned()));
        next = page.next;
        if next.is_none() {
            break;
        }
    }
    met.sort();
    met.dedup();
    assert_eq!(met.len(), 300);
    assert_eq!(m.sizes(), (0, 300));
    assert_eq!(scan.total().await.unwrap(), 300);
}

#[tokio::test]
async fn clear_ends_what_is_in_either_store() {
    let m = Move::new();
    put(&m.from, "a", "{}", HOUR).await;
    put(&m.to, "b", "{}", HOUR).await;
    assert_eq!(m.store.scan().unwrap().clear().await.unwrap(), 2);
    assert_eq!(m.sizes(), (0, 0));
}

#[tokio::test]
async fn the_bulk_moves_everything_and_tells_how_far_it_is() {
    let m = Move::new();
    for n in 0..1000 {
        put(&m.from, &format!("session-{n}"), &format!(r#"{{"n":{n}}}"#), 10 * HOUR).await;
    }
    m.clock.advance(HOUR);
    m.load("session-7").await.unwrap();
    let mut bulk = m.store.bulk().unwrap();
    let (mut last, mut steps) = (0, 0);
    while let Some(progress) = bulk.step().await.unwrap() {
        assert!(progress.met > last || progress.next.is_none());
        assert_eq!((progress.met, progress.too_large), (progress.moved, 0));
        (last, steps) = (progress.met, steps + 1);
    }
    assert_eq!(last, 999, "one had moved already");
    assert!(steps > 5, "{steps} pages");
    assert_eq!(m.sizes(), (0, 1000));
    for n in 0..1000 {
        let stored = m.to.load(&id(&format!("session-{n}"))).await.unwrap().unwrap();
        assert_eq!(&*stored.document, format!(r#"{{"n":{n}}}"#).as_bytes());
        assert_eq!(stored.remaining, 9 * HOUR);
    }
    assert!(bulk.step().await.unwrap().is_none());
}

#[tokio::test]
async fn a_bulk_that_was_stopped_goes_on_elsewhere() {
    let m = Move::new();
    for n in 0..1000 {
        put(&m.from, &format!("session-{n}"), "{}", HOUR).await;
    }
    let next = m.store.bulk().unwrap().step().await.unwrap().unwrap().next;
    let written_down = next.unwrap().0;
    let moved = m.to.inner().len();
    assert!((100..500).contains(&moved), "{moved} in the first step");
    let mut rest = m.store.bulk().unwrap().resume_at(Cursor(written_down));
    let mut met = 0;
    while let Some(progress) = rest.step().await.unwrap() {
        met = progress.met;
    }
    assert_eq!(met, 1000 - moved as u64);
    assert_eq!(m.sizes(), (0, 1000));
}

#[tokio::test]
async fn the_bulk_goes_no_faster_than_it_may() {
    let m = Move::new();
    for n in 0..400 {
        put(&m.from, &format!("session-{n}"), "{}", HOUR).await;
    }
    let begun = Instant::now();
    let mut bulk = m.store.bulk().unwrap().with_rate(1000.try_into().unwrap());
    let mut pages = Vec::new();
    while let Some(progress) = bulk.step().await.unwrap() {
        pages.push(progress.met);
        // The page before this one has had its time.
        let waited = pages.len().checked_sub(2).map_or(0, |before| pages[before]);
        assert!(begun.elapsed() >= Duration::from_millis(waited), "{pages:?}");
    }
    assert!(pages.len() > 2, "{pages:?}");
    assert_eq!(m.sizes(), (0, 400));
}

#[tokio::test]
async fn the_bulk_overwrites_nothing_and_sweeps_what_is_left_over() {
    let m = Move::new();
    put(&m.to, "a", r#"{"newer":true}"#, HOUR).await;
    // An application that knows of no versions has written it again.
    put(&m.from, "a", r#"{"newer":false}"#, HOUR).await;
    let progress = m.store.bulk().unwrap().step().await.unwrap().unwrap();
    assert_eq!(progress.moved, 1);
    assert_eq!(&*m.load("a").await.unwrap().document, br#"{"newer":true}"#);
    assert_eq!(m.sizes(), (0, 1));
}

#[tokio::test]
async fn a_bulk_that_failed_tries_again_at_the_same_place() {
    let m = Move::new();
    for n in 0..10 {
        put(&m.from, &format!("session-{n}"), "{}", HOUR).await;
    }
    let mut bulk = m.store.bulk().unwrap();
    m.to.inject_next(1, Operation::Update, Fault::LoseAnswer(StoreErrorKind::Timeout));
    assert_eq!(bulk.step().await.unwrap_err().kind(), StoreErrorKind::Timeout);
    let progress = bulk.step().await.unwrap().unwrap();
    assert_eq!((progress.met, progress.moved), (10, 10), "one had arrived, and left its claim");
    assert_eq!(m.sizes(), (0, 10));
}

#[tokio::test]
async fn a_session_that_is_too_large_for_the_new_store_stays_and_the_others_move() {
    let clock = Arc::new(ManualClock::new());
    let from = MemoryStore::new().with_clock(clock.clone());
    let to = MemoryStore::new().with_clock(clock).with_max_bytes(1000);
    let store = MovingStore::new(from.clone(), to.clone());
    put(&from, "small", "{}", HOUR).await;
    put(&from, "large", &"x".repeat(2000), HOUR).await;
    let mut bulk = store.bulk().unwrap();
    let progress = bulk.step().await.unwrap().unwrap();
    assert_eq!((progress.met, progress.moved, progress.too_large), (2, 1, 1));
    assert_eq!(store.load(&id("large")).await.unwrap_err().kind(), StoreErrorKind::TooLarge);
    // It is whole, and moves as soon as there is room.
    let roomy = MovingStore::new(from, to.with_max_bytes(10_000));
    assert_eq!(roomy.load(&id("large")).await.unwrap().unwrap().document.len(), 2000);
}

#[tokio::test]
async fn a_failure_of_either_store_is_told_and_loses_nothing() {
    use Operation::{Create, Load, Update};
    let m = Move::new();
    let kind = StoreErrorKind::Unavailable;
    for fault in [Fault::Fail(kind), Fault::LoseAnswer(kind)] {
        for (store, operation) in
            [(&m.to, Load), (&m.from, Load), (&m.to, Create), (&m.from, Update), (&m.to, Update)]
        {
            put(&m.from, "a", r#"{"n":1}"#, HOUR).await;
            store.inject_next(1, operation, fault.clone());
            assert_eq!(m.store.load(&id("a")).await.unwrap_err().kind(), kind, "{operation:?}");
            assert_eq!(&*m.load("a").await.unwrap().document, br#"{"n":1}"#, "{operation:?}");
            assert_eq!(
                m.store.delete(&id("a")).await.unwrap().as_deref(),
                Some(&br#"{"n":1}"#[..])
            );
            while m.store.bulk().unwrap().step().await.unwrap().unwrap().next.is_some() {}
            assert_eq!(m.sizes(), (0, 0), "{operation:?}");
        }
    }
}

#[tokio::test]
async fn what_has_moved_does_not_need_the_old_store() {
    let m = Move::new();
    put(&m.from, "a", "{}", HOUR).await;
    m.load("a").await.unwrap();
    for operation in [Operation::Load, Operation::Update, Operation::Create] {
        m.from.inject(operation, Fault::Fail(StoreErrorKind::Unavailable));
    }
    let stored = m.load("a").await.unwrap();
    let updated = m.store.update(&id("a"), stored.version, &record("{}", HOUR)).await.unwrap();
    assert!(matches!(updated, Updated::Done(_)));
    let error = m.store.load(&id("b")).await.unwrap_err();
    assert_eq!(error.kind(), StoreErrorKind::Unavailable, "b may be in the old store");
}

#[tokio::test]
async fn while_it_waits_sessions_stay_and_begin_in_the_old_store() {
    let m = Move::new();
    let (old, waiting) = (m.manager(m.from.clone()), m.manager(m.store.clone().waiting()));
    let mut browser = signed_in(&old, "alice").await;
    // Requests go to processes of both kinds, and both see what the other has done.
    for n in 1..=3 {
        for sessions in [&old, &waiting] {
            browser = browser.at(sessions);
            browser.visit(|session| session.update("n", |n: Option<i64>| n.unwrap_or(0) + 1)).await;
            browser.visit(Session::rotate).await;
        }
        assert_eq!(browser.at(&old).get("n").await, Some(2 * n));
    }
    assert_eq!(waiting.for_user("alice").await.unwrap().len(), 1);
    assert_eq!(m.to.inner().len(), 0);
    assert_eq!(waiting.revoke_all("alice", None).await.unwrap(), 1);
    assert!(!lives(&browser, &old).await);
}

#[tokio::test]
async fn the_waiting_is_over_when_one_is_seen_that_others_have_moved() {
    let m = Move::new();
    for name in ["a", "b", "c"] {
        put(&m.from, name, "{}", HOUR).await;
    }
    let waiting = m.store.clone().waiting();
    waiting.load(&id("a")).await.unwrap().unwrap();
    assert_eq!(m.sizes(), (3, 0));
    m.load("b").await.unwrap();
    waiting.load(&id("a")).await.unwrap().unwrap();
    assert_eq!(m.sizes(), (2, 1), "it has not seen it yet");
    waiting.load(&id("b")).await.unwrap().unwrap();
    waiting.load(&id("a")).await.unwrap().unwrap();
    assert_eq!(m.sizes(), (1, 2));
    waiting.create(&id("d"), &record("{}", HOUR)).await.unwrap();
    assert_eq!(m.sizes(), (1, 3));
}

/// Who rotates takes a conflict on the new record, of which nobody knows, for a revocation.
#[tokio::test]
async fn a_version_moves_with_the_session() {
    let m = Move::new();
    put(&m.from, "a", r#"{"n":1}"#, HOUR).await;
    let waiting = m.store.clone().waiting();
    let stays = waiting.load(&id("a")).await.unwrap().unwrap();
    let begins = waiting.create(&id("b"), &record(r#"{"n":1}"#, HOUR)).await.unwrap();
    let Created::Done(begins) = begins else { panic!("the id is free") };
    m.load("a").await.unwrap();
    m.load("b").await.unwrap();
    for (name, version) in [("a", stays.version), ("b", begins)] {
        let updated =
            waiting.update(&id(name), version, &record(r#"{"n":2}"#, HOUR)).await.unwrap();
        assert!(matches!(updated, Updated::Done(_)), "nobody else has written, yet: {updated:?}");
        assert_eq!(&*m.load(name).await.unwrap().document, br#"{"n":2}"#);
    }
}

#[tokio::test]
async fn a_version_is_no_more_when_the_session_was_written_after_it_moved() {
    let m = Move::new();
    put(&m.from, "a", r#"{"n":1}"#, HOUR).await;
    let waiting = m.store.clone().waiting();
    let stays = waiting.load(&id("a")).await.unwrap().unwrap();
    let moved = m.load("a").await.unwrap();
    let current = m.store.update(&id("a"), moved.version, &record(r#"{"n":2}"#, HOUR)).await;
    let Updated::Done(current) = current.unwrap() else { panic!("nobody else has written") };
    let late = waiting.update(&id("a"), stays.version, &record(r#"{"n":3}"#, HOUR)).await.unwrap();
    let Updated::Conflict(stored) = late else { panic!("another has written, yet: {late:?}") };
    assert_eq!((&*stored.document, stored.version), (&br#"{"n":2}"#[..], current));
}

#[tokio::test]
async fn a_bulk_ends_the_waiting() {
    let m = Move::new();
    put(&m.from, "a", "{}", HOUR).await;
    let waiting = m.store.clone().waiting();
    let progress = waiting.bulk().unwrap().step().await.unwrap().unwrap();
    assert_eq!((progress.met, progress.moved), (1, 1));
    assert_eq!(m.sizes(), (0, 1));
}

/// A move that was given up half-way is taken back by the opposite one.
#[tokio::test]
async fn a_move_can_go_back_from_every_point() {
    use Operation::{Create, Update};
    for (point, left) in [
        (None, (0, 1)),
        (Some((true, Create)), (1, 1)),
        (Some((false, Update)), (1, 1)),
        (Some((true, Update)), (1, 1)),
    ] {
        let m = Move::new();
        put(&m.from, "a", r#"{"n":1}"#, HOUR).await;
        if let Some((in_to, operation)) = point {
            let store = if in_to { &m.to } else { &m.from };
            store.inject_next(1, operation, Fault::LoseAnswer(StoreErrorKind::Timeout));
            m.store.load(&id("a")).await.unwrap_err();
        } else {
            m.load("a").await.unwrap();
        }
        assert_eq!(m.sizes(), left, "{point:?}");
        let back = MovingStore::new(m.to.clone(), m.from.clone());
        let stored = back.load(&id("a")).await.unwrap().unwrap();
        assert_eq!(&*stored.document, br#"{"n":1}"#, "{point:?}");
        while back.bulk().unwrap().step().await.unwrap().unwrap().next.is_some() {}
        assert_eq!(m.sizes(), (1, 0), "{point:?}");
    }
}

#[tokio::test]
async fn debug_names_the_stores_and_nothing_of_their_sessions() {
    let m = Move::new();
    put(&m.from, "secret-id", r#"{"secret":"data"}"#, HOUR).await;
    let shown = format!("{:?} {:?}", m.store, m.store.bulk().unwrap());
    assert!(shown.contains("MemoryStore") && !shown.contains("secret"), "{shown}");
}

async fn signed_in(sessions: &SessionManager, user: &str) -> Browser {
    let mut browser = Browser::new(sessions);
    browser.visit(|session| session.login(user)).await;
    browser
}

/// Whether a browser's session is found by this manager.
async fn lives(browser: &Browser, sessions: &SessionManager) -> bool {
    !browser.at(sessions).request().await.unwrap().is_new()
}

fn id(text: &str) -> SessionId {
    SessionId::parse(text).unwrap()
}

fn record(document: &str, lifetime: Duration) -> Record {
    Record { document: Arc::from(document.as_bytes()), lifetime, owner: None }
}

async fn put(store: &impl SessionStore, name: &str, document: &str, lifetime: Duration) -> Version {
    match store.create(&id(name), &record(document, lifetime)).await.unwrap() {
        Created::Done(version) => version,
        Created::Duplicate => panic!("{name} is there already"),
    }
}
