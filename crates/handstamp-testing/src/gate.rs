//! A gate at which a call waits until the test has done what has to come first.

use std::sync::Arc;

use tokio::sync::watch;

/// A closed gate. Clones are the same gate.
///
/// It makes a race run in one order: let a call stop at the gate, wait until it
/// [has arrived](Self::arrived), do what is to come first, then [open](Self::open) the gate.
#[derive(Clone, Debug)]
pub struct Gate(Arc<Doors>);

#[derive(Debug)]
struct Doors {
    arrivals: watch::Sender<usize>,
    open: watch::Sender<bool>,
}

impl Gate {
    /// A gate that is closed.
    #[must_use]
    pub fn new() -> Self {
        Self(Arc::new(Doors { arrivals: watch::Sender::new(0), open: watch::Sender::new(false) }))
    }

    /// Waits until at least one call has come to the gate.
    pub async fn arrived(&self) {
        self.arrivals(1).await;
    }

    /// Waits until so many calls have come to the gate.
    pub async fn arrivals(&self, calls: usize) {
        // The sender lives as long as this gate, so waiting ends by arrival only.
        let _ = self.0.arrivals.subscribe().wait_for(|arrived| *arrived >= calls).await;
    }

    /// Lets through all that wait and all that will come.
    pub fn open(&self) {
        self.0.open.send_replace(true);
    }

    /// Comes to the gate and waits until it is open.
    pub async fn pass(&self) {
        self.0.arrivals.send_modify(|arrived| *arrived += 1);
        let _ = self.0.open.subscribe().wait_for(|open| *open).await;
    }
}

impl Default for Gate {
    fn default() -> Self {
        Self::new()
    }
}
