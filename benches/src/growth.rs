//! What becomes of a store when it grows: measured on the store and the manager alone, without HTTP. A
//! store that keeps its sessions in this process gets a process of its own for each size.

use std::fs;
use std::hint::black_box;
use std::path::Path;
use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use handstamp::store::{Created, Record};
use handstamp::{Clock, Keys, MemoryStore, SessionId, SessionManager, SessionStore, Timestamp};
use handstamp_sqlite::{SqliteOptions, Synchronous};
use rustix::time::{ClockId, clock_gettime};
use tokio::runtime;
use tokio::task::JoinSet;

use crate::database::{Database, Kind, Layout};
use crate::{Fallible, Options, median, ours};

const DAY: Duration = Duration::from_secs(24 * 60 * 60);
/// So many sessions of all are read, each by its credential, in no order.
const SAMPLE: usize = 10_000;
/// So many of a database: as many as there are at first, so that only the database has grown.
const SAMPLE_OF_DATABASE: usize = 1_000;
/// The application's part of each document.
pub(crate) const BYTES: usize = 200;
/// So many are made at a time, as requests come: the SQLite store commits them together.
const AT_ONCE: usize = 256;

/// A store with so many sessions.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Size {
    pub(crate) sessions: usize,
    /// The time of reading one session, by its credential, in nanoseconds.
    pub(crate) read: f64,
    /// Memory of the process for a session, above its document, if the store is in it.
    pub(crate) bytes: Option<f64>,
}

/// Calls of a memory store while all of its sessions expire, in microseconds.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Stops {
    pub(crate) sessions: usize,
    pub(crate) longest: f64,
    /// As `longest`, but the CPU time of the call's thread: without what other programs did.
    pub(crate) longest_cpu: f64,
    /// The CPU time of making a document beside such a call: the allocator may choose this moment to
    /// put in order what the expired sessions have left.
    pub(crate) longest_allocation: f64,
    pub(crate) p999: f64,
}

/// Measures a kind of store at each size.
pub(crate) fn sizes(kind: &str, options: &Options) -> Fallible<Vec<Size>> {
    let sizes = options.either(vec![1_000, 10_000], vec![1_000, 10_000, 100_000, 1_000_000]);
    let measure = |sessions: usize| {
        let folder = crate::scratch()?;
        measure(kind, sessions, &folder.path().display().to_string())
    };
    sizes.into_iter().map(measure).collect()
}

fn measure(kind: &str, sessions: usize, place: &str) -> Fallible<Size> {
    let [read, bytes] = child(&["grow", kind, &sessions.to_string(), place])?;
    Ok(Size { sessions, read, bytes: Some(bytes) })
}

/// Few sessions in a database, and many.
pub(crate) fn few_and_many(options: &Options) -> [usize; 2] {
    [1_000, options.either(20_000, 1_000_000)]
}

/// Measures our store on a database of some kind, with few sessions and with many.
pub(crate) fn of_database(kind: Kind, layout: Layout, options: &Options) -> Fallible<Vec<Size>> {
    few_and_many(options).into_iter().map(|sessions| filled(kind, layout, sessions)).collect()
}

/// A read in a database with so many sessions. Those that are read are begun here; the database makes all
/// others itself, which is fast.
fn filled(kind: Kind, layout: Layout, sessions: usize) -> Fallible<Size> {
    let database = Database::start(kind);
    let runtime = runtime::Builder::new_current_thread().enable_all().build()?;
    let store = runtime.block_on(ours::store(kind, &database.url()))?;
    let manager = SessionManager::new(store, Keys::new(ours::SECRET)?);
    let some = sessions.min(SAMPLE_OF_DATABASE);
    let cookies = runtime.block_on(async {
        let mut cookies = Vec::with_capacity(some);
        for _ in 0..some {
            cookies.push(begin(&manager).await?);
        }
        Fallible::Ok(cookies)
    })?;
    database.copy(layout, sessions - some);
    let read = runtime.block_on(read(&manager, &cookies))?;
    Ok(Size { sessions, read, bytes: None })
}

/// How much longer a read takes with most sessions than with fewest.
pub(crate) fn ratio(sizes: &[Size]) -> f64 {
    match sizes {
        [first, .., last] => last.read / first.read,
        _ => f64::NAN,
    }
}

/// The points of a plot: sessions, and microseconds of a read.
pub(crate) fn line(sizes: &[Size]) -> Vec<(f64, f64)> {
    sizes.iter().map(|size| (size.sessions as f64, size.read / 1000.0)).collect()
}

/// Measures the calls of a memory store while its sessions expire.
pub(crate) fn stops(options: &Options) -> Fallible<Stops> {
    let sessions = options.either(10_000, 1_000_000);
    let [longest, longest_cpu, longest_allocation, p999] =
        child(&["expire", &sessions.to_string()])?;
    Ok(Stops { sessions, longest, longest_cpu, longest_allocation, p999 })
}

fn child<const N: usize>(arguments: &[&str]) -> Fallible<[f64; N]> {
    let output = Command::new(std::env::current_exe()?).args(arguments).output()?;
    if !output.status.success() {
        let said = String::from_utf8_lossy(&output.stderr);
        return Err(format!("{arguments:?} failed: {said}").into());
    }
    let figures = String::from_utf8(output.stdout)?;
    let figures: Vec<f64> = figures.split_whitespace().map(str::parse).collect::<Result<_, _>>()?;
    figures.try_into().map_err(|_| format!("{arguments:?} printed something else").into())
}

/// The child process: fills a store and prints the time of a read and the bytes for a session.
pub(crate) fn grow(kind: &str, sessions: usize, place: &str) -> Fallible<()> {
    let runtime = runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(async {
        match kind {
            "memory" => {
                let store =
                    MemoryStore::new().with_max_sessions(2 * sessions).with_max_bytes(4 << 30);
                fill(store, sessions).await
            }
            "sqlite" => {
                // How it got there doesn't matter to the reader.
                let options = SqliteOptions::new().synchronous(Synchronous::Normal);
                fill(options.open(Path::new(place).join("sessions.db"))?, sessions).await
            }
            _ => Err(kit::unknown(kind)),
        }
    })
}

async fn fill<S: SessionStore + Clone>(store: S, sessions: usize) -> Fallible<()> {
    let manager = SessionManager::new(store.clone(), Keys::new(ours::SECRET)?);
    let document = whole_document()?;
    let mut cookies = Vec::with_capacity(2 * SAMPLE);
    let step = (sessions / SAMPLE).max(1);
    let before = resident()?;
    for group in 0..sessions.div_ceil(AT_ONCE) {
        let mut tasks = JoinSet::new();
        for number in group * AT_ONCE..sessions.min((group + 1) * AT_ONCE) {
            let (store, manager, document) = (store.clone(), manager.clone(), document.clone());
            tasks.spawn(async move {
                if number % step == 0 {
                    return begin(&manager).await.map(Some).map_err(|error| error.to_string());
                }
                let created = create(&store, document.into_bytes().into(), DAY).await;
                created.map(|_| None).map_err(|error| error.to_string())
            });
        }
        for cookie in tasks.join_all().await {
            cookies.extend(cookie?);
        }
    }
    let bytes = (resident()?.saturating_sub(before)) as f64 / sessions as f64;
    println!("{} {}", read(&manager, &cookies).await?, bytes - document.len() as f64);
    Ok(())
}

/// The time of a read in nanoseconds.
async fn read(manager: &SessionManager, cookies: &[String]) -> Fallible<f64> {
    let mut times = Vec::new();
    for _ in 0..11 {
        let begun = Instant::now();
        for number in 0..cookies.len() {
            // A prime's multiples: each once, none beside the one before.
            let cookie = cookies[number * 104_729 % cookies.len()].as_bytes();
            let session = manager.load(|_: &str| std::iter::once(cookie)).await?;
            if session.is_new() {
                return Err("a session is missing".into());
            }
        }
        times.push(begun.elapsed().as_secs_f64() * 1e9 / cookies.len() as f64);
    }
    Ok(median(times))
}

/// Begins a session as a request does, and returns its cookie.
async fn begin(manager: &SessionManager) -> Fallible<String> {
    let session = manager.load(|_: &str| std::iter::empty()).await?;
    for (name, value) in kit::document(BYTES) {
        session.insert(&*name, value)?;
    }
    let answer = manager.commit(&session).await?;
    let credential = answer.credential().ok_or("a new session without a credential")?;
    Ok(kit::cookie([&*credential.value]))
}

/// A document as the engine writes it.
fn whole_document() -> Fallible<String> {
    let application = serde_json::Value::from(kit::document(BYTES)).to_string();
    let members = application.strip_prefix('{').ok_or("no object")?;
    Ok(format!(
        r#"{{"cookie":{{"originalMaxAge":null,"expires":null,"httpOnly":true,"path":"/"}},{members}"#
    ))
}

async fn create(
    store: &impl SessionStore,
    document: Arc<[u8]>,
    lifetime: Duration,
) -> Fallible<SessionId> {
    let id = SessionId::random()?;
    match store.create(&id, &Record { document, lifetime, owner: None }).await? {
        Created::Done(_) => Ok(id),
        Created::Duplicate => Err("an id came twice".into()),
    }
}

/// The memory that this process holds, in bytes.
fn resident() -> Fallible<u64> {
    let status = fs::read_to_string("/proc/self/status")?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    let kilobytes = line.and_then(|line| line.split_whitespace().next()).ok_or("no VmRSS")?;
    Ok(kilobytes.parse::<u64>()? << 10)
}

/// The child process: lets all sessions of a memory store expire at once, goes on writing until they
/// are gone, and prints the longest call, its longest CPU time and the 99.9 % of the calls.
pub(crate) fn expire(sessions: usize) -> Fallible<()> {
    let runtime = runtime::Builder::new_current_thread().build()?;
    runtime.block_on(async {
        let clock = Arc::new(SetClock(AtomicU64::new(1_000_000)));
        let store = MemoryStore::new()
            .with_clock(clock.clone())
            .with_max_sessions(2 * sessions)
            .with_max_bytes(4 << 30);
        let document: Arc<[u8]> = whole_document()?.into_bytes().into();
        for _ in 0..sessions {
            create(&store, Arc::from(&*document), Duration::from_secs(60)).await?;
        }
        clock.0.fetch_add(61_000, Ordering::Relaxed);
        let mut walls = Vec::new();
        let (mut longest_cpu, mut longest_allocation) = (Duration::ZERO, Duration::ZERO);
        let mut last = create(&store, document.clone(), DAY).await?;
        while store.len() > walls.len() / 3 + 2 {
            // What an application does: begins sessions, reads them, keeps them alive.
            for operation in 0..3 {
                let cpu = thread_time();
                // Of its own, as from a request.
                let document = Arc::from(&*document);
                longest_allocation = longest_allocation.max(thread_time() - cpu);
                let (wall, cpu) = (Instant::now(), thread_time());
                match operation {
                    0 => last = create(&store, document, DAY).await?,
                    1 => drop(black_box(store.load(&last).await?)),
                    _ => drop(black_box(store.touch(&last, DAY).await?)),
                }
                longest_cpu = longest_cpu.max(thread_time() - cpu);
                walls.push(wall.elapsed());
            }
        }
        walls.sort_unstable();
        let micros = |duration: Duration| duration.as_secs_f64() * 1e6;
        let (longest, p999) = (walls[walls.len() - 1], walls[walls.len() * 999 / 1000]);
        let (cpu, allocation) = (micros(longest_cpu), micros(longest_allocation));
        println!("{} {cpu} {allocation} {}", micros(longest), micros(p999));
        Ok(())
    })
}

fn thread_time() -> Duration {
    let time = clock_gettime(ClockId::ThreadCPUTime);
    Duration::try_from(time).unwrap_or_default()
}

/// A clock that is set by hand.
#[derive(Debug)]
struct SetClock(AtomicU64);

impl Clock for SetClock {
    fn now(&self) -> Timestamp {
        Timestamp::from_millis(self.0.load(Ordering::Relaxed))
    }
}
