//! What is done to a server while visitors are at work, and what that may cost.

use std::time::{Duration, Instant};

/// What a fault takes from those who were answered, because the server is run so that it does.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Loss {
    /// All sessions that there were: the server keeps them in memory only, or was emptied.
    Everything,
    /// Nothing.
    Nothing,
    /// What was answered in so short a time before a master was killed: its replicas get what it has
    /// written after it has answered.
    Recent(Duration),
}

/// A fault, from its beginning until everybody was served again.
#[derive(Clone, Copy, Debug)]
pub(super) struct Fault {
    pub loss: Loss,
    pub began: Instant,
    /// When the server was back.
    pub healed: Option<Instant>,
    /// When everybody had been served again.
    pub over: Option<Instant>,
}

impl Fault {
    pub(super) fn new(loss: Loss) -> Self {
        Self { loss, began: Instant::now(), healed: None, over: None }
    }

    /// Whether a call that lasted from `start` to `end` met this fault.
    pub(super) fn met(&self, start: Instant, end: Instant) -> bool {
        end >= self.began && self.over.is_none_or(|over| start <= over)
    }

    /// Whether a write that was answered, and begun at this moment, may be undone.
    pub(super) fn undoes(&self, begun: Instant) -> bool {
        match self.loss {
            Loss::Recent(lag) => begun + lag >= self.began && self.is_before_its_end(begun),
            Loss::Everything | Loss::Nothing => false,
        }
    }

    /// Whether what is lost by it is lost for good. Otherwise an id that is lost may give back the one before.
    pub(super) fn is_total(&self) -> bool {
        !matches!(self.loss, Loss::Recent(_))
    }

    /// Whether a session may be missing that was alive for a request which began at this moment.
    pub(super) fn ends(&self, alive: Instant) -> bool {
        matches!(self.loss, Loss::Everything) && self.is_before_its_end(alive)
    }

    fn is_before_its_end(&self, moment: Instant) -> bool {
        self.healed.is_none_or(|healed| moment <= healed)
    }
}
