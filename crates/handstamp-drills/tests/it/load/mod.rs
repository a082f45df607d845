//! Visitors who use their sessions without a break, while a test does something to the server.
//!
//! Each visitor has a session of his own, remembers what he was told of it, and compares it with what he is
//! shown, through whichever of the processes (managers with connections of their own). He reads, counts,
//! notes, rotates, signs in and out, often with two requests at once, and looks at credentials that are over.
//! The choices come from a seed. How long it takes is a matter of work done, not of time.

mod fault;
mod knowledge;
mod probe;
mod random;
mod report;
mod request;
mod visitor;

use std::fmt;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::{Duration, Instant};

use handstamp::store::AnyStore;
use handstamp::{Keys, SessionConfig, SessionError, SessionManager};
use tokio::sync::watch;
use tokio::task::{JoinSet, block_in_place};
use tokio::time::timeout;

use self::fault::Fault;
use self::probe::Probe;
use self::report::Recovery;
use self::request::{Deed, Reply};
use self::visitor::Visitor;

pub(crate) use self::fault::Loss;
pub(crate) use self::probe::id_of;
pub(crate) use self::report::{Finding, Report};

/// How long a store may take for a call in drills.
pub(crate) const DEADLINE: Duration = Duration::from_secs(2);

/// How long a drill waits for its visitors. They need seconds, so what takes this long never comes.
const PATIENCE: Duration = Duration::from_secs(60);

const VISITORS: usize = 8;

/// How much each visitor does between two things that a drill does to the server.
const WORK: usize = 25;

/// A manager as a process of the application has it.
pub(crate) fn manager(store: impl Into<AnyStore>) -> SessionManager {
    patient_manager(store, DEADLINE)
}

/// The same, which gives the store more time, or less.
pub(crate) fn patient_manager(store: impl Into<AnyStore>, deadline: Duration) -> SessionManager {
    let config = SessionConfig::strict()
        .with_store_deadline(deadline)
        // An id from before a rotation leads to the session for the whole drill.
        .with_rotation_grace(Duration::from_secs(600));
    SessionManager::new(store, keys()).with_config(config).unwrap()
}

fn keys() -> Keys {
    Keys::new("Rz1u7VdYq4KpXw9Lt2NbGf6HsJc8MeTa").unwrap()
}

/// Visitors at work.
#[derive(Debug)]
pub(crate) struct Load {
    shared: Arc<Shared>,
    visitors: JoinSet<()>,
    probe: Probe,
}

impl Load {
    /// Sets them to work, and waits until they are well under way.
    pub(crate) async fn start(managers: Vec<SessionManager>, seed: u64) -> Self {
        let probe = Probe::begin(&managers[0]).await;
        let progress = Progress { begun: vec![None; managers.len()], ..Progress::default() };
        let shared = Arc::new(Shared {
            managers,
            faults: Mutex::default(),
            report: Mutex::default(),
            progress: watch::Sender::new(vec![progress; VISITORS]),
            is_enough: AtomicBool::new(false),
        });
        let visitors =
            (0..VISITORS).map(|number| Visitor::new(number, shared.clone(), seed).live()).collect();
        let mut load = Self { shared, visitors, probe };
        load.work().await;
        load
    }

    /// Waits until everybody has done some more, as if nothing were wrong.
    pub(crate) async fn work(&mut self) {
        let before = self.shared.progress.borrow().clone();
        self.wait_until("everybody works", |number, now| {
            now.answered >= before[number].answered + WORK
        })
        .await;
    }

    /// The id of a session which only tells when the server is back: whoever has this session has to be.
    pub(crate) fn probe(&self) -> String {
        self.probe.id()
    }

    /// From now on the server is not what it should be, but loses nothing.
    pub(crate) fn begin_fault(&self) {
        self.begin(Fault::new(Loss::Nothing));
    }

    /// Does something to the server, which is not what it should be from now on. What is begun when it has
    /// been done can't be lost by it.
    pub(crate) fn strike(&self, loss: Loss, blow: impl FnOnce()) {
        self.strike_part(loss, |_| true, blow);
    }

    /// As [`strike`](Self::strike), where only sessions with these ids can be lost.
    pub(crate) fn strike_part(
        &self,
        loss: Loss,
        reaches: impl Fn(&str) -> bool + Send + Sync + 'static,
        blow: impl FnOnce(),
    ) {
        self.begin(Fault { reaches: Arc::new(reaches), ..Fault::new(loss) });
        block_in_place(blow);
        self.last_fault(|fault| fault.struck = Some(Instant::now()));
    }

    fn begin(&self, fault: Fault) {
        self.shared.faults_mut().push(fault);
        self.shared.progress.send_modify(|all| all.iter_mut().for_each(|one| one.failed = 0));
    }

    fn last_fault(&self, change: impl FnOnce(&mut Fault)) {
        change(self.shared.faults_mut().last_mut().expect("there is a fault"));
    }

    /// Waits until everybody was refused a few times.
    pub(crate) async fn suffer(&mut self) {
        self.wait_until("everybody is refused", |_, now| now.failed >= 3).await;
    }

    /// From now on the server is well again. Waits until every process and everybody is served, and works for
    /// a while.
    pub(crate) async fn heal(&mut self) {
        let healed = Instant::now();
        self.heal_since(healed).await;
    }

    /// As [`heal`](Self::heal), for a server that is well since then.
    pub(crate) async fn heal_since(&mut self, healed: Instant) {
        let back = self.until_back().await.saturating_duration_since(healed);
        self.wait_until("everybody is served again", |_, now| {
            now.begun.iter().all(|begun| begun.is_some_and(|begun| begun >= healed))
        })
        .await;
        let everybody = healed.elapsed();
        self.shared.report().recoveries.push(Recovery { back, everybody });
        self.last_fault(|fault| fault.over = Some(Instant::now()));
        self.work().await;
    }

    /// Waits until every process has served the probe, and says when the last one had.
    async fn until_back(&self) -> Instant {
        let managers = self.shared.managers.iter().cloned();
        let asked: JoinSet<_> =
            managers.map(|manager| self.probe.clone().until_served(manager)).collect();
        let served = timeout(PATIENCE, asked.join_all()).await;
        let served =
            served.unwrap_or_else(|_| panic!("nobody serves the probe: {:#?}", self.shared));
        if served.iter().any(|service| service.is_lost) && !self.shared.may_lose_sessions() {
            self.shared.find(Finding::LostSession, "the probe is gone".to_owned());
        }
        served.iter().map(|service| service.at).max().expect("there is a process")
    }

    /// Lets everybody look at all he has once more, and tells what was found.
    pub(crate) async fn end(mut self) -> Report {
        self.shared.is_enough.store(true, Ordering::SeqCst);
        let ended = timeout(PATIENCE, async {
            while let Some(ended) = self.visitors.join_next().await {
                self.shared.note_panic(ended);
            }
        });
        assert!(ended.await.is_ok(), "visitors hang: {:#?}", self.shared);
        std::mem::take(&mut *self.shared.report())
    }

    async fn wait_until(&mut self, what: &str, is_so: impl Fn(usize, &Progress) -> bool) {
        let mut progress = self.shared.progress.subscribe();
        let all = progress.wait_for(|all| {
            all.iter().enumerate().all(|(number, progress)| is_so(number, progress))
        });
        tokio::select! {
            all = timeout(PATIENCE, all) => {
                assert!(all.is_ok(), "not after {PATIENCE:?}: {what}. {:#?}", self.shared);
            }
            Some(ended) = self.visitors.join_next() => {
                self.shared.note_panic(ended);
                panic!("a visitor has ended: {:#?}", self.shared);
            }
        }
    }
}

/// What the visitors share with the test.
struct Shared {
    managers: Vec<SessionManager>,
    faults: Mutex<Vec<Fault>>,
    report: Mutex<Report>,
    progress: watch::Sender<Vec<Progress>>,
    is_enough: AtomicBool,
}

/// How far a visitor has come.
#[derive(Clone, Debug, Default)]
struct Progress {
    /// How much he has done.
    answered: usize,
    /// How often he was refused since then.
    failed: usize,
    /// When the last request of his began that this process has answered.
    begun: Vec<Option<Instant>>,
}

impl Shared {
    fn is_enough(&self) -> bool {
        self.is_enough.load(Ordering::SeqCst)
    }

    fn acted(&self, number: usize, is_answered: bool) {
        self.progress.send_modify(|all| match is_answered {
            true => all[number].answered += 1,
            false => all[number].failed += 1,
        });
    }

    /// A process has answered a visitor.
    fn served(&self, number: usize, process: usize, begun: Instant) {
        self.progress.send_modify(|all| all[number].begun[process] = Some(begun));
    }

    /// Sends a request to a process and notes how it went.
    async fn request(
        &self,
        number: usize,
        process: usize,
        cookie: Option<&str>,
        deed: &Deed,
    ) -> Reply {
        let reply = request::request(&self.managers[process], cookie, deed).await;
        self.took(&format!("{deed:?}"), reply.begun, reply.longest, deed.deadlines());
        match &reply.error {
            Some(error) => self.failed(error, reply.begun),
            None => {
                self.report().answered += 1;
                self.served(number, process, reply.begun);
            }
        }
        reply
    }

    /// Something took so long, and may take so many deadlines of the store and a second.
    fn took(&self, what: &str, begun: Instant, time: Duration, deadlines: u32) {
        if time > DEADLINE * deadlines + Duration::from_secs(1) {
            let fault = self.faults().last().map(|fault| begun.checked_duration_since(fault.began));
            let how = format!("{what} took {time:?}, begun {fault:?} after the fault");
            self.find(Finding::HungCall, how);
        }
    }

    fn failed(&self, error: &SessionError, begun: Instant) {
        let how = describe(error);
        match request::kind(error) {
            Some(kind) => *self.report().errors.entry(kind).or_default() += 1,
            None => self.find(Finding::StrangeError, how.clone()),
        }
        if !self.faults().iter().any(|fault| fault.met(begun, Instant::now())) {
            self.find(Finding::ErrorInPeace, how);
        }
    }

    fn find(&self, finding: Finding, how: String) {
        self.report().add(finding, how);
    }

    /// Something was lost with the server.
    fn lose(&self) {
        self.report().lost_with_server += 1;
    }

    fn note_panic(&self, ended: Result<(), tokio::task::JoinError>) {
        if let Err(error) = ended {
            self.find(Finding::Panic, error.to_string());
        }
    }

    fn may_lose_sessions(&self) -> bool {
        self.faults().iter().any(Fault::ends_sessions)
    }

    fn faults(&self) -> Vec<Fault> {
        self.faults.lock().unwrap().clone()
    }

    /// Those that may take something from a session with these cookies.
    fn faults_of<'a>(&self, cookies: impl Iterator<Item = &'a String>) -> Vec<Fault> {
        let ids: Vec<String> = cookies.map(|cookie| id_of(cookie)).collect();
        let mut faults = self.faults();
        faults.retain(|fault| ids.iter().any(|id| (fault.reaches)(id)));
        faults
    }

    fn faults_mut(&self) -> MutexGuard<'_, Vec<Fault>> {
        self.faults.lock().unwrap()
    }

    fn report(&self) -> MutexGuard<'_, Report> {
        self.report.lock().unwrap()
    }
}

/// Shows how far everybody has come, and what was found.
impl fmt::Debug for Shared {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let progress = self.progress.borrow();
        let done: Vec<_> = progress.iter().map(|one| (one.answered, one.failed)).collect();
        let report = self.report();
        f.debug_struct("Shared")
            .field("answered and failed", &format_args!("{done:?}"))
            .field("report", &format_args!("{report}"))
            .field("findings", &report.findings)
            .finish_non_exhaustive()
    }
}

/// An error with all that led to it.
fn describe(error: &SessionError) -> String {
    let mut words = error.to_string();
    let mut source = std::error::Error::source(error);
    while let Some(error) = source {
        words = format!("{words}: {error}");
        source = error.source();
    }
    words
}
