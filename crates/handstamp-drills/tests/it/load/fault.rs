//! What is done to a server while visitors are at work, and what that may cost.

use std::sync::Arc;
use std::time::{Duration, Instant};

/// What a fault takes from those who were answered, because the server is run so that it does.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Loss {
    /// All sessions that there were: the server keeps them in memory only, or was emptied.
    Everything,
    /// Nothing.
    Nothing,
    /// What a master has answered in so short a time before it was killed: its replicas get what it has
    /// written after it has answered. It answers nothing afterwards, and whoever takes over loses nothing.
    Recent(Duration),
}

/// A fault, from its beginning until everybody was served again.
#[derive(Clone)]
pub(super) struct Fault {
    pub loss: Loss,
    /// Whether it may take something from a session that has had this id.
    pub reaches: Arc<dyn Fn(&str) -> bool + Send + Sync>,
    pub began: Instant,
    /// When it had been done: the master was dead, or all was gone.
    pub struck: Option<Instant>,
    /// When everybody had been served again.
    pub over: Option<Instant>,
}

impl Fault {
    pub(super) fn new(loss: Loss) -> Self {
        Self { loss, reaches: Arc::new(|_| true), began: Instant::now(), struck: None, over: None }
    }

    /// Whether a call that lasted from `start` to `end` met this fault.
    pub(super) fn met(&self, start: Instant, end: Instant) -> bool {
        end >= self.began && self.over.is_none_or(|over| start <= over)
    }

    /// Whether a write that was answered, and begun at this moment, may be undone.
    pub(super) fn undoes(&self, begun: Instant) -> bool {
        match self.loss {
            Loss::Recent(lag) => begun + lag >= self.began && self.is_before_the_end(begun),
            Loss::Everything | Loss::Nothing => false,
        }
    }

    /// Whether sessions may be missing because of it.
    pub(super) fn ends_sessions(&self) -> bool {
        matches!(self.loss, Loss::Everything)
    }

    /// Whether what is lost by it is lost for good. Otherwise an id that is lost may give back the one before.
    pub(super) fn is_total(&self) -> bool {
        !matches!(self.loss, Loss::Recent(_))
    }

    /// Whether a session may be missing that was alive for a request which began at this moment.
    pub(super) fn ends(&self, alive: Instant) -> bool {
        self.ends_sessions() && self.is_before_the_end(alive)
    }

    /// Whether what began at this moment may have been answered by a server that was about to lose it.
    fn is_before_the_end(&self, moment: Instant) -> bool {
        self.struck.is_none_or(|struck| moment <= struck)
    }
}

#[test]
fn a_master_takes_its_last_writes_with_it_and_none_that_began_later() {
    let second = Duration::from_secs(1);
    let began = Instant::now() + 10 * second;
    let struck = began + second;
    let fault = Fault { began, struck: Some(struck), ..Fault::new(Loss::Recent(2 * second)) };
    for (begun, is_undone) in [
        (began - 3 * second, false),
        (began - 2 * second, true),
        (began, true),
        (struck, true),
        (struck + Duration::from_nanos(1), false),
        (struck + 10 * second, false),
    ] {
        assert_eq!(fault.undoes(begun), is_undone, "{:?}", begun.checked_duration_since(began));
    }
}

#[test]
fn whoever_loses_everything_loses_no_session_that_was_shown_later() {
    let mut fault = Fault::new(Loss::Everything);
    let later = fault.began + Duration::from_secs(1);
    assert!(fault.ends(later));
    fault.struck = Some(fault.began);
    assert!(fault.ends(fault.began) && !fault.ends(later));
}
