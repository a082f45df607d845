//! Whether the server can be reached, and who is told when that changes.

use std::sync::atomic::{AtomicU8, Ordering};

use handstamp::store::ConnectionEvent;

use crate::options::Listener;

const UNKNOWN: u8 = 0;
const MADE: u8 = 1;
const LOST: u8 = 2;

/// What was last found out.
pub(crate) struct Reach {
    state: AtomicU8,
    listener: Option<Listener>,
}

impl Reach {
    pub(crate) fn told_to(listener: Option<Listener>) -> Self {
        Self { state: AtomicU8::new(UNKNOWN), listener }
    }

    /// The server has answered.
    pub(crate) fn made(&self) {
        self.change(MADE, || ConnectionEvent::Made);
    }

    /// The server can't be reached, and why.
    pub(crate) fn lost(&self, why: impl FnOnce() -> String) {
        self.change(LOST, || ConnectionEvent::Lost(why()));
    }

    fn change(&self, state: u8, event: impl FnOnce() -> ConnectionEvent) {
        let Some(Listener(tell)) = &self.listener else { return };
        if self.state.swap(state, Ordering::SeqCst) != state {
            tell(event());
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::{Arc, Mutex};

    use super::*;

    #[test]
    fn each_change_is_told_once() {
        let told = Arc::new(Mutex::new(Vec::new()));
        let list = told.clone();
        let listener = Listener(Arc::new(move |event| list.lock().unwrap().push(event)));
        let reach = Reach::told_to(Some(listener));
        reach.made();
        reach.made();
        reach.lost(|| "gone".into());
        reach.lost(|| "still gone".into());
        reach.made();
        let lost = ConnectionEvent::Lost("gone".into());
        assert_eq!(*told.lock().unwrap(), [ConnectionEvent::Made, lost, ConnectionEvent::Made]);
    }
}
