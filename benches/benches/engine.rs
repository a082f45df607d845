//! The engine's parts, through its public face: `cargo bench -p handstamp-benches`.

use std::future::Future;
use std::hint::black_box;
use std::iter;
use std::pin::pin;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use criterion::{BatchSize, Criterion, Throughput, criterion_group, criterion_main};
use handstamp::store::{Created, Record, Updated, Version};
use handstamp::{Keys, MemoryStore, Session, SessionId, SessionManager, SessionStore};
use handstamp_sqlite::{SqliteOptions, Synchronous};
use tokio::runtime::{self, Runtime};

const SIZES: [(usize, &str); 3] = [(200, "200 B"), (4 << 10, "4 KB"), (64 << 10, "64 KB")];
const DAY: Duration = Duration::from_secs(24 * 60 * 60);

criterion_group!(engine, credentials, documents, conflicts, memory_store, sqlite_store);
criterion_main!(engine);

/// A manager over a memory store, and a cookie of a session with a document of so many bytes.
fn manager(bytes: usize) -> (SessionManager, String) {
    let keys = Keys::new("q7Jc0vX2m9LrT4bWz1Ns8KpYd5Hf3GaE").expect("the secret is long enough");
    let manager = SessionManager::new(MemoryStore::new(), keys);
    let session = load(&manager, "");
    for (name, value) in kit::document(bytes) {
        session.insert(&*name, value).expect("no name is reserved");
    }
    let answer = at_once(manager.commit(&session)).expect("the memory store doesn't fail");
    let cookie = &answer.credential().expect("a new session has a credential").value;
    let pair = cookie.split(';').next().unwrap_or_default().to_owned();
    (manager, pair)
}

fn load(manager: &SessionManager, cookie: &str) -> Session {
    let values = |_: &str| iter::once(cookie.as_bytes());
    at_once(manager.load(values)).expect("the memory store doesn't fail")
}

/// The outcome of a future that waits for nothing.
fn at_once<T>(future: impl Future<Output = T>) -> T {
    match pin!(future).poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(outcome) => outcome,
        Poll::Pending => unreachable!("nothing in memory waits"),
    }
}

fn credentials(criterion: &mut Criterion) {
    let (manager, cookie) = manager(200);
    let name = cookie.split('=').next().unwrap_or_default();
    let (_, other) = self::manager(200);
    // Right in form, of another session, with the wrong signature: no store call follows.
    let forged = format!("{}{}", &other[..other.len() - 8], &cookie[cookie.len() - 8..]);
    let mut group = criterion.benchmark_group("credential");
    group.bench_function("none", |bencher| bencher.iter(|| load(&manager, black_box("a=b"))));
    group.bench_function("verify, forged", |bencher| {
        bencher.iter(|| load(&manager, black_box(&forged)));
    });
    group.bench_function("verify, load", |bencher| {
        bencher.iter(|| load(&manager, black_box(&cookie)));
    });
    group.bench_function("create, sign", |bencher| {
        bencher.iter(|| {
            let session = load(&manager, black_box(name));
            session.insert("count", 1).expect("it is writable");
            at_once(manager.commit(&session)).expect("the memory store doesn't fail")
        });
    });
    group.finish();
}

fn documents(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("document");
    for (bytes, size) in SIZES {
        let (manager, cookie) = manager(bytes);
        group.throughput(Throughput::Bytes(bytes as u64));
        group.bench_function(format!("read {size}"), |bencher| {
            bencher.iter(|| {
                let session = load(&manager, &cookie);
                let count: Option<u64> = session.get("count").expect("it is a number");
                (count, at_once(manager.commit(&session)))
            });
        });
        group.bench_function(format!("write {size}"), |bencher| {
            bencher.iter(|| {
                let session = load(&manager, &cookie);
                increment(&session);
                at_once(manager.commit(&session)).expect("the memory store doesn't fail")
            });
        });
    }
    group.finish();
}

fn conflicts(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("conflict");
    for (bytes, size) in SIZES {
        let (manager, cookie) = manager(bytes);
        // Both have read before either writes, so the second has to merge.
        group.bench_function(format!("merge {size}"), |bencher| {
            bencher.iter_batched(
                || {
                    let [first, second] = [load(&manager, &cookie), load(&manager, &cookie)];
                    [&first, &second].into_iter().for_each(increment);
                    at_once(manager.commit(&first)).expect("the memory store doesn't fail");
                    second
                },
                |second| at_once(manager.commit(&second)).expect("the merge succeeds"),
                BatchSize::PerIteration,
            );
        });
    }
    group.finish();
}

fn increment(session: &Session) {
    session.update("count", |count: Option<u64>| count.unwrap_or(0) + 1).expect("it is a number");
}

fn memory_store(criterion: &mut Criterion) {
    let store = MemoryStore::new();
    let (id, record, mut version) = at_once(created(&store));
    let mut group = criterion.benchmark_group("memory store");
    group.bench_function("load", |bencher| bencher.iter(|| at_once(store.load(black_box(&id)))));
    group.bench_function("update", |bencher| {
        bencher.iter(|| version = at_once(updated(&store, &id, version, &record)));
    });
    group.bench_function("touch", |bencher| bencher.iter(|| at_once(store.touch(&id, DAY))));
    group.finish();
}

fn sqlite_store(criterion: &mut Criterion) {
    let runtime = runtime().expect("a runtime can be made");
    let folder = tempfile::tempdir().expect("a folder can be made");
    let mut group = criterion.benchmark_group("SQLite store");
    for (synchronous, name) in [(Synchronous::Normal, "NORMAL"), (Synchronous::Full, "FULL")] {
        let options = SqliteOptions::new().synchronous(synchronous);
        let store = options.open(folder.path().join(name)).expect("the file can be made");
        let (id, record, mut version) = runtime.block_on(created(&store));
        group.bench_function(format!("load, {name}"), |bencher| {
            bencher.iter(|| runtime.block_on(store.load(&id)));
        });
        group.bench_function(format!("update, {name}"), |bencher| {
            bencher.iter(|| version = runtime.block_on(updated(&store, &id, version, &record)));
        });
    }
    group.finish();
}

fn runtime() -> std::io::Result<Runtime> {
    runtime::Builder::new_current_thread().enable_all().build()
}

async fn created(store: &impl SessionStore) -> (SessionId, Record, Version) {
    let id = SessionId::random().expect("the system has random bytes");
    let document: Arc<[u8]> =
        serde_json::Value::from(kit::document(200)).to_string().into_bytes().into();
    let record = Record { document, lifetime: DAY, owner: None };
    match store.create(&id, &record).await {
        Ok(Created::Done(version)) => (id, record, version),
        other => panic!("the session was not created: {other:?}"),
    }
}

async fn updated(
    store: &impl SessionStore,
    id: &SessionId,
    version: Version,
    record: &Record,
) -> Version {
    match store.update(id, version, record).await {
        Ok(Updated::Done(version)) => version,
        other => panic!("the session was not updated: {other:?}"),
    }
}
