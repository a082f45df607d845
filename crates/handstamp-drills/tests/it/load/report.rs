//! What a load has found.

use std::collections::BTreeMap;
use std::fmt;
use std::time::Duration;

/// What must not happen, whatever is done to the server.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Finding {
    /// A call failed though nothing was wrong with the server.
    ErrorInPeace,
    /// A call took longer than the store's deadline and a second.
    HungCall,
    /// A session is gone that nobody has ended.
    LostSession,
    /// A session lacks what was written to it.
    LostUpdate,
    /// A visitor's task panicked.
    Panic,
    /// A session lives that was ended.
    Resurrection,
    /// A call failed in a way that no fault explains: something is damaged, or too large.
    StrangeError,
    /// A visitor was shown another's session, or what nobody has written.
    WrongAnswer,
}

/// How many findings of a kind are kept.
const MOST: usize = 10;

/// What a load has found and measured.
#[derive(Debug, Default)]
pub(crate) struct Report {
    /// How these happened, at most ten times each. None may be here.
    pub findings: BTreeMap<Finding, Vec<String>>,
    /// What was answered and lost together with a server that is run so that it may lose it.
    pub lost_with_server: usize,
    /// How many requests were answered.
    pub answered: usize,
    /// How many failed, by kind.
    pub errors: BTreeMap<String, usize>,
    /// From the return of the server to that of its service, for each fault.
    pub recoveries: Vec<Recovery>,
}

#[derive(Clone, Copy, Debug)]
pub(crate) struct Recovery {
    /// Until every process could use a session on the server that was away.
    pub back: Duration,
    /// Until every visitor had come to every process.
    pub everybody: Duration,
}

impl Report {
    pub(super) fn add(&mut self, finding: Finding, how: String) {
        let all = self.findings.entry(finding).or_default();
        // One reason may make thousands of them.
        if all.len() < MOST {
            all.push(how);
        }
    }

    pub(crate) fn count(&self, finding: Finding) -> usize {
        self.findings.get(&finding).map_or(0, Vec::len)
    }

    /// Says what was measured.
    ///
    /// # Panics
    /// When there is a finding.
    #[track_caller]
    pub(crate) fn assert_clean(&self, drill: &str) {
        println!("{drill}: {self}");
        assert!(self.findings.is_empty(), "{drill}: {:#?}", self.findings);
    }

    /// As [`assert_clean`](Self::assert_clean), and nothing was lost with the server either.
    #[track_caller]
    pub(crate) fn assert_whole(&self, drill: &str) {
        self.assert_clean(drill);
        assert_eq!(self.lost_with_server, 0, "{drill}: the server loses nothing by this");
    }

    /// The last process was served within this time of the server's return, each time.
    #[track_caller]
    pub(crate) fn assert_back_within(&self, limit: Duration) {
        for recovery in &self.recoveries {
            assert!(recovery.back <= limit, "{recovery:?} is more than {limit:?}");
        }
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} answers, errors {:?}", self.answered, self.errors)?;
        for Recovery { back, everybody } in &self.recoveries {
            write!(f, ", service {back:.0?} and everybody {everybody:.0?} after its return")?;
        }
        write!(f, ", {} lost with the server", self.lost_with_server)
    }
}
