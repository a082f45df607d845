//! What nobody asks for moves from one real store to another: with the time that it has left, from where
//! another process has died, and never over what is newer.

use std::time::Duration;

use handstamp::SessionId;
use handstamp::store::{AnyStore, Created, Cursor, Record, Stored, Updated};
use handstamp_testing::{Fault, Gate, Operation};
use tokio::task::JoinHandle;
use tokio::time::{Instant, sleep, timeout};

use super::pair::Pair;
use super::{finish, total};

/// How long anything here may take.
const LIMIT: Duration = Duration::from_secs(30);

const HOUR: Duration = Duration::from_secs(60 * 60);
const DAY: Duration = Duration::from_secs(24 * 60 * 60);

/// By how much a lifetime may be off: MySQL's ends with a whole second, a session that moves gets the moment
/// between its reading and its writing, and a busy machine takes its time.
const TOLERANCE: Duration = Duration::from_secs(5);

/// How many sessions a page of the bulk has where the old store walks in the order of ids.
const PAGE: u64 = 100;

/// Makes a test of an async function for each of these pairs of places.
macro_rules! between {
    ($test:ident in $space:literal: $($name:ident $from:ident $to:ident),+ $(,)?) => {
        mod $test {
            use crate::moving::pair::Pair;
            use crate::places::Place;

            $(
                #[tokio::test(flavor = "multi_thread", worker_threads = 4)]
                async fn $name() {
                    super::$test(&Pair::new(Place::$from, Place::$to, $space)).await;
                }
            )+
        }
    };
    ($test:ident in $space:literal) => {
        between! {
            $test in $space:
            postgres_to_mariadb Postgres MariaDb,
            redis_to_a_cluster Redis RedisCluster,
            redis_to_postgres Redis Postgres,
            sqlite_to_redis Sqlite Redis,
        }
    };
}

between!(each_session_keeps_the_time_that_it_has_left in "keeps");
between! {
    a_bulk_goes_on_where_another_has_died in "goes_on":
    mariadb_to_redis MariaDb Redis,
    postgres_to_mariadb Postgres MariaDb,
    sqlite_to_postgres Sqlite Postgres,
}
between!(what_a_dying_process_leaves_half_way_arrives in "dying");
between!(what_is_newer_in_the_new_store_stays in "newer");
between!(what_is_written_while_the_bulk_moves_it_is_not_overwritten in "race");

async fn each_session_keeps_the_time_that_it_has_left(pair: &Pair) {
    let (from, to) = (pair.from().await, pair.to().await);
    let lifetimes = [HOUR / 30, HOUR, DAY, 30 * DAY, 400 * DAY];
    for (n, lifetime) in lifetimes.into_iter().enumerate() {
        put(&from, &session(n), n, lifetime).await;
    }
    put(&from, &id("over"), 0, Duration::from_secs(1)).await;
    let expiring = async {
        while from.load(&id("over")).await.unwrap().is_some() {
            sleep(Duration::from_millis(100)).await;
        }
    };
    timeout(LIMIT, expiring).await.expect("it expires");

    let mut before = Vec::new();
    for (n, lifetime) in lifetimes.into_iter().enumerate() {
        let asked = Instant::now();
        let remaining = living(&from, &session(n)).await.remaining;
        assert!(remaining <= lifetime + TOLERANCE, "{lifetime:?} began as {remaining:?}");
        before.push((asked, remaining));
    }
    finish(pair.process().await.bulk().unwrap()).await;
    for (n, (asked, before)) in before.into_iter().enumerate() {
        let after = living(&to, &session(n)).await.remaining;
        let least = before.saturating_sub(asked.elapsed() + TOLERANCE);
        assert!((least..=before + TOLERANCE).contains(&after), "{before:?} became {after:?}");
    }
    assert!(to.load(&id("over")).await.unwrap().is_none());
    assert_eq!((total(&from).await, total(&to).await), (0, lifetimes.len()));
}

/// It dies in its second page, and all that is known is the cursor behind the first.
async fn a_bulk_goes_on_where_another_has_died(pair: &Pair) {
    let (from, to) = (pair.from().await, pair.to().await);
    for n in 0..250 {
        put(&from, &session(n), n, HOUR).await;
    }
    let (moving, _, broken) = pair.breakable().await;
    let mut bulk = moving.bulk().unwrap();
    let progress = bulk.step().await.unwrap().unwrap();
    assert_eq!((progress.met, progress.moved), (PAGE, PAGE));
    let written_down = progress.next.unwrap().0;
    let gate = Gate::new();
    broken.inject(Operation::Update, Fault::WaitBefore(gate.clone()));
    die_at(&gate, tokio::spawn(async move { bulk.step().await })).await;

    // Where the walk has been, so that only one who begins anew meets it.
    put(&from, &id("before-all"), 0, HOUR).await;
    let rest = pair.process().await.bulk().unwrap().resume_at(Cursor(written_down));
    assert_eq!(finish(rest).await, 250 - PAGE);
    assert_eq!((total(&from).await, total(&to).await), (1, 250));
    assert_eq!(finish(pair.process().await.bulk().unwrap()).await, 1);
    assert_eq!((total(&from).await, total(&to).await), (0, 251));
    assert_whole(&to, 250).await;
}

/// One process after the other dies at the next step of the same session's way.
async fn what_a_dying_process_leaves_half_way_arrives(pair: &Pair) {
    let (from, to) = (pair.from().await, pair.to().await);
    for n in 0..3 {
        put(&from, &session(n), n, HOUR).await;
    }
    for step in 0..4 {
        let (moving, broken_from, broken_to) = pair.breakable().await;
        let gate = Gate::new();
        let (before, after) = (Fault::WaitBefore(gate.clone()), Fault::WaitAfter(gate.clone()));
        match step {
            0 => broken_to.inject(Operation::Create, before),
            1 => broken_to.inject(Operation::Create, after),
            2 => broken_from.inject(Operation::Update, after),
            _ => broken_to.inject(Operation::Update, after),
        }
        die_at(&gate, tokio::spawn(finish(moving.bulk().unwrap()))).await;
    }
    finish(pair.process().await.bulk().unwrap()).await;
    assert_eq!((total(&from).await, total(&to).await), (0, 3));
    assert_whole(&to, 3).await;
}

/// As when an application that knows of no moves has written it into the old store once more.
async fn what_is_newer_in_the_new_store_stays(pair: &Pair) {
    let (from, to) = (pair.from().await, pair.to().await);
    put(&from, &session(0), 0, 30 * DAY).await;
    put(&to, &session(0), 100, HOUR).await;
    put(&from, &session(1), 1, HOUR).await;
    let begin = Instant::now();
    finish(pair.process().await.bulk().unwrap()).await;
    let stored = living(&to, &session(0)).await;
    assert_eq!(text(&stored), document(100));
    let least = HOUR - begin.elapsed() - TOLERANCE;
    assert!((least..=HOUR + TOLERANCE).contains(&stored.remaining), "{:?}", stored.remaining);
    assert_eq!((total(&from).await, total(&to).await), (0, 2));
}

/// The bulk has read it, and is about to claim it, when its visitor comes.
async fn what_is_written_while_the_bulk_moves_it_is_not_overwritten(pair: &Pair) {
    let (from, to) = (pair.from().await, pair.to().await);
    put(&from, &session(0), 0, HOUR).await;
    let (moving, broken, _) = pair.breakable().await;
    let gate = Gate::new();
    broken.inject_next(1, Operation::Update, Fault::WaitBefore(gate.clone()));
    let bulk = tokio::spawn(finish(moving.bulk().unwrap()));
    arrived(&gate).await;
    let visitor = AnyStore::from(pair.process().await);
    let version = living(&visitor, &session(0)).await.version;
    let updated = visitor.update(&session(0), version, &record(100, HOUR)).await.unwrap();
    assert!(matches!(updated, Updated::Done(_)), "{updated:?}");
    gate.open();

    timeout(LIMIT, bulk).await.unwrap().unwrap();
    assert_eq!(text(&living(&to, &session(0)).await), document(100));
    assert_eq!((total(&from).await, total(&to).await), (0, 1));
}

/// Waits until a task has come to the gate, and ends it there.
async fn die_at<T>(gate: &Gate, task: JoinHandle<T>) {
    arrived(gate).await;
    task.abort();
    assert!(task.await.is_err_and(|error| error.is_cancelled()), "it got through the gate");
}

async fn arrived(gate: &Gate) {
    timeout(LIMIT, gate.arrived()).await.expect("nobody comes to the gate");
}

/// Asserts that the sessions up to this number are there, with what they held, and are their owner's.
async fn assert_whole(store: &AnyStore, sessions: usize) {
    for n in 0..sessions {
        let stored = living(store, &session(n)).await;
        assert_eq!(text(&stored), document(n));
        let left = stored.remaining;
        assert!((HOUR / 2..=HOUR + TOLERANCE).contains(&left), "{n} has {left:?} left");
        let owned = store.index().unwrap().list(&owner(n)).await.unwrap();
        assert!(owned.iter().any(|(id, _)| *id == session(n)), "{n} is not its owner's");
    }
}

async fn put(store: &AnyStore, id: &SessionId, n: usize, lifetime: Duration) {
    let created = store.create(id, &record(n, lifetime)).await.unwrap();
    assert!(matches!(created, Created::Done(_)), "{created:?}");
}

async fn living(store: &AnyStore, id: &SessionId) -> Stored {
    store.load(id).await.unwrap().expect("the session lives")
}

fn text(stored: &Stored) -> &str {
    str::from_utf8(&stored.document).unwrap()
}

fn record(n: usize, lifetime: Duration) -> Record {
    let document = document(n).into_bytes().into();
    Record { document, lifetime, owner: Some(owner(n).into()) }
}

fn document(n: usize) -> String {
    format!(r#"{{"cookie":{{}},"n":{n},"__handstamp":{{"owner":"{}"}}}}"#, owner(n))
}

fn owner(n: usize) -> String {
    format!("user-{n}")
}

/// In the order of their numbers.
fn session(n: usize) -> SessionId {
    id(&format!("session-{n:03}"))
}

fn id(text: &str) -> SessionId {
    SessionId::parse(text).unwrap()
}
