//! What happens to sessions, told to whoever wants to watch: logs, metrics, alarms.

use crate::{Fingerprint, SessionError};

/// Something that happened to a session. Sessions are named by their [`Fingerprint`], never by id.
#[derive(Debug)]
#[non_exhaustive]
pub enum Event<'a> {
    /// Other requests won every attempt to save, or a session was dropped with changes that were
    /// never saved: the handler failed, was cancelled, or went on after the response head had left.
    ChangesLost {
        /// The session, unless it was never stored.
        session: Option<Fingerprint>,
    },
    /// A new session was stored.
    Created {
        /// The new session.
        session: Fingerprint,
    },
    /// The application ended a session.
    Destroyed {
        /// The session that ended.
        session: Fingerprint,
    },
    /// A request worked on a session that was ended meanwhile; its changes were dropped.
    EndedMeanwhile {
        /// The session that had ended.
        session: Fingerprint,
    },
    /// A credential came whose signature is not ours.
    Forged,
    /// Sessions of one user were ended together, by
    /// [`revoke_all`](crate::SessionManager::revoke_all). The store ends them in one step and does not
    /// say which they were.
    Revoked {
        /// How many there were. Never zero.
        count: usize,
    },
    /// A session changed its id.
    Rotated {
        /// What it was called.
        from: Fingerprint,
        /// What it is called now.
        to: Fingerprint,
    },
    /// The store failed, and the failure policy or the kind of call let the request go on.
    StoreFailed {
        /// What the store said.
        error: &'a SessionError,
    },
    /// A well-signed id came that names no living session: expired, ended, or from another store.
    UnknownId {
        /// The id that came.
        session: Fingerprint,
    },
    /// A stored document can't be read: damaged, forged, or sealed by a key that is not known. It
    /// counts as missing.
    Unreadable {
        /// The session that it was stored for.
        session: Fingerprint,
    },
}
