//! Servers that fail while visitors are at work.
//!
//! What must not happen is the same in all drills: no visitor sees another's session or loses an update, no
//! session that was ended lives again, no call hangs, and when the fault is over, everybody works on.
//! Errors are fine while it lasts.

/// The application's clock is wrong.
mod clocks;
/// Masters that are killed, and their replicas.
mod failover;
/// Connections that are black-holed, slow or cut.
mod network;
/// Servers that say no: no memory, no disk, no connection, nothing but reading.
mod refusals;
/// Servers that are killed and started again, and ones that are emptied.
mod restarts;
/// Slots of a Cluster that move.
mod slots;

use std::time::Duration;

use handstamp::SessionManager;

use crate::load::manager;
use crate::store::open;

/// What a store may add to the time that its server takes to come back.
const BACK_WITHIN: Duration = Duration::from_secs(1);

/// Two processes of an application.
async fn processes(url: &str, space: &str) -> Vec<SessionManager> {
    vec![manager(open(url, space).await), manager(open(url, space).await)]
}
