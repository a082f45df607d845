//! Events as log lines of [tracing](https://docs.rs/tracing).

use handstamp::Event;

use crate::error::Causes;

/// Logs an event: what went wrong as a warning, the life of sessions as debug lines. For
/// [`SessionManager::with_observer`](handstamp::SessionManager::with_observer).
pub fn trace(event: &Event<'_>) {
    match event {
        Event::ChangesLost { session } => {
            tracing::warn!(?session, "a session was changed and never saved");
        }
        Event::StoreFailed { error } => tracing::warn!("{}", Causes(*error)),
        Event::Unreadable { session } => {
            tracing::warn!(%session, "a stored session can't be read and counts as missing");
        }
        event => tracing::debug!("{event:?}"),
    }
}
