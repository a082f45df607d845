//! What a request knows of its session.

use crate::apply::Place;
use crate::changes::Changes;
use crate::credential::Verified;
use crate::document::Document;
use crate::plan::{CredentialOperation, Held, Intent, Situation};
use crate::{ErrorKind, SavePolicy, SessionError, SessionId, SessionManager, Timestamp};

/// The most credentials of one request that are tried. Each that is well signed but dead costs a
/// look-up, and who can plant cookies decides how many come in front of the visitor's.
const MAX_CANDIDATES: usize = 8;

/// What a request knows of its session.
pub(super) struct State {
    pub presented: Presented,
    /// The session as this request sees it: what was found, with the changes done.
    pub claim: Claim,
    /// What was done since the session was last read or saved.
    pub changes: Changes,
    /// A save is under way.
    pub in_flight: bool,
    /// So many of the changes are being saved at this moment.
    pub saving: usize,
    /// How often the session was begun anew. A save that was under way then must not undo it.
    pub epoch: u32,
    pub intent: Intent,
    /// The id that the session gets next, if the caller has made one.
    pub next_id: Option<SessionId>,
    /// The application asked for a touch.
    pub touch: bool,
    /// What a save has decided on and the response still has to carry.
    pub credential: CredentialOperation,
    /// The response head has left.
    pub sent: bool,
}

/// The credentials that a request came with, each with the transport that brought it.
#[derive(Debug, Default)]
pub(crate) struct Presented {
    pub verified: Vec<(usize, Verified)>,
    pub forged: Option<usize>,
}

impl Presented {
    /// Adds a credential, unless it is one more of the same id or there are enough.
    pub(crate) fn add(&mut self, transport: usize, verified: Verified) {
        let known = self.verified.iter().any(|(_, other)| other.id == verified.id);
        if !known && self.verified.len() < MAX_CANDIDATES {
            self.verified.push((transport, verified));
        }
    }
}

/// A session as it was found.
#[derive(Debug)]
pub(crate) struct Claim {
    pub held: Held,
    pub place: Option<Place>,
    pub document: Document,
    /// When the store will drop it.
    pub expires: Timestamp,
    /// The client's credential is of an old key or of an old id.
    pub stale: bool,
    /// What brought the credential.
    pub transport: Option<usize>,
}

impl Claim {
    /// A session that does not exist: a new one, with this document.
    pub(crate) fn new(held: Held, document: Document) -> Self {
        Self {
            held,
            place: None,
            document,
            expires: Timestamp::default(),
            stale: false,
            transport: None,
        }
    }
}

impl State {
    pub(super) fn new(presented: Presented, claim: Claim) -> Self {
        Self {
            presented,
            claim,
            changes: Changes::default(),
            in_flight: false,
            saving: 0,
            epoch: 0,
            intent: Intent::Keep,
            next_id: None,
            touch: false,
            credential: CredentialOperation::None,
            sent: false,
        }
    }

    pub(super) fn situation(&self, manager: &SessionManager) -> Situation {
        let (config, now) = (manager.config(), manager.now());
        let Claim { held, document, expires, stale, .. } = &self.claim;
        let lifetime = document.lifetime(config, now);
        // A session that express-session began has no absolute deadline until we write one.
        let undated = *held == Held::Stored
            && config.expiry.absolute.is_some()
            && document.facts.until.is_none();
        // Every write starts the session's time anew, but not that of the client's credential.
        let lags = config.save_policy == SavePolicy::Smart && document.is_credential_due(now);
        Situation {
            held: *held,
            intent: self.intent,
            changed: !self.changes.is_empty() || undated,
            empty: document.data.is_empty() && document.facts.owner.is_none(),
            due: self.touch || lags || expires.remaining(now) < lifetime / 20 * 19,
            persistent: document.expiry(config).persistent,
            expiry_changed: self.changes.set_expiry(),
            stale_credential: *stale,
            presented: !self.presented.verified.is_empty() || self.presented.forged.is_some(),
            sent: self.sent,
            policy: config.save_policy,
        }
    }

    pub(super) fn check_writable(&self) -> Result<(), SessionError> {
        if self.claim.held == Held::Unavailable {
            let message =
                "the session is read-only, because the store failed when it was to be read";
            return Err(SessionError::new(ErrorKind::ReadOnly, message));
        }
        Ok(())
    }

    pub(super) fn check_alive(&self) -> Result<(), SessionError> {
        self.check_writable()?;
        if self.intent == Intent::Destroy {
            let message =
                "the session was destroyed by this request; regenerate it to begin a new one";
            return Err(SessionError::new(ErrorKind::Destroyed, message));
        }
        Ok(())
    }

    pub(super) fn begin_anew(&mut self, document: Document, intent: Intent) {
        self.epoch += 1;
        self.changes.clear();
        self.saving = 0;
        self.intent = intent;
        self.claim.document = document;
    }

    pub(super) fn note_credential(&mut self, credential: CredentialOperation) {
        if credential != CredentialOperation::None {
            self.credential = credential;
            self.claim.stale = false;
        }
    }

    /// The way by which the answer goes: that of the request, or the first one.
    pub(super) fn transport(&self) -> usize {
        let brought = self.claim.transport.or(self
            .presented
            .verified
            .first()
            .map(|(transport, _)| *transport));
        brought.or(self.presented.forged).unwrap_or(0)
    }
}
