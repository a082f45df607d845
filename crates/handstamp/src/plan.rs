//! What has to be done for a request: decided here and nowhere else, from facts alone.
//!
//! | id | data | store operation | credential |
//! |---|---|---|---|
//! | none, unknown, expired, forged | untouched, or emptied again | none | none |
//! | none, unknown, expired, forged | changed | create | issue |
//! | stored | untouched | touch, when due | issue with the touch if it is persistent |
//! | stored | changed | update | issue if it is persistent and due, or its lifetime changed |
//! | stored | rotated | create new, then retire old | issue |
//! | stored | regenerated | create new if it holds something, then delete old | issue, or remove |
//! | any | destroyed | delete | remove |
//! | ended meanwhile by another request | whatever | none | none |
//! | retired by a login | changed | update of the successor | none |
//!
//! A credential that an old key signed, or that names a rotated id, is re-issued whenever its session
//! is found. [`SavePolicy::Express`] puts express-session's rules in the place of the middle rows.

use crate::SavePolicy;

/// What there is to decide from.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Situation {
    pub held: Held,
    pub intent: Intent,
    /// Something was written since the session was read.
    pub changed: bool,
    /// Nothing is known of the visitor: no data, no owner.
    pub empty: bool,
    /// A twentieth of the idle time has passed, or the application asked for a touch.
    pub due: bool,
    /// The browser keeps the cookie when it closes.
    pub persistent: bool,
    pub expiry_changed: bool,
    /// The client's credential is of an old key or an old id.
    pub stale_credential: bool,
    /// The client sent some credential.
    pub presented: bool,
    pub policy: SavePolicy,
}

/// What the store holds for this request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Held {
    /// The session was there and another request ended it.
    Ended,
    /// No id came, or one that names nothing.
    Nothing,
    /// The id was retired by a login: its session can be added to, not seen.
    Retired,
    Stored,
    /// The store failed, and the policy lets the request go on without it.
    Unavailable,
}

/// What the handler wants to become of the session's id. Later ones outweigh earlier ones.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Intent {
    #[default]
    Keep,
    /// A new id for the same data.
    Rotate,
    /// A new id, and the old one must not lead to it.
    Login,
    /// A new id and nothing of the old data.
    Regenerate,
    Destroy,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Plan {
    pub store: StoreOperation,
    pub credential: CredentialOperation,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum StoreOperation {
    Create,
    Delete,
    None,
    /// Create the new session, then delete the old one.
    Replace,
    /// Create the new session, then retire the old id.
    Rotate,
    Touch,
    Update,
}

/// What becomes of the client's credential, whatever carries it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum CredentialOperation {
    Issue,
    None,
    Remove,
}

pub(crate) fn plan(now: &Situation) -> Plan {
    match (now.held, now.intent) {
        (Held::Unavailable, _) | (Held::Ended, Intent::Keep | Intent::Rotate | Intent::Login) => {
            nothing()
        }
        (Held::Stored | Held::Retired, Intent::Destroy) => delete(),
        (_, Intent::Destroy) => {
            Plan { store: StoreOperation::None, credential: remove_if(now.presented) }
        }
        (Held::Retired, Intent::Keep) if now.changed => {
            Plan { store: StoreOperation::Update, credential: CredentialOperation::None }
        }
        (Held::Stored, Intent::Keep) => keep(now),
        (Held::Stored, Intent::Rotate | Intent::Login) => issue(StoreOperation::Rotate),
        (Held::Stored, Intent::Regenerate) if has_content(now) => issue(StoreOperation::Replace),
        (Held::Stored, Intent::Regenerate) => delete(),
        (Held::Retired, Intent::Keep) => nothing(),
        (Held::Nothing | Held::Retired | Held::Ended, _) if has_content(now) => {
            issue(StoreOperation::Create)
        }
        (Held::Nothing | Held::Retired | Held::Ended, _) => nothing(),
    }
}

/// A stored session that keeps its id.
fn keep(now: &Situation) -> Plan {
    let (save, send) = match now.policy {
        SavePolicy::Express { resave, rolling, .. } => {
            (now.changed || resave, rolling || now.persistent && now.changed)
        }
        SavePolicy::Smart => (now.changed, now.persistent && now.due),
    };
    let store = match (save, now.due) {
        (true, _) => StoreOperation::Update,
        (false, true) => StoreOperation::Touch,
        (false, false) => StoreOperation::None,
    };
    let send = send || now.expiry_changed || now.stale_credential;
    Plan {
        store,
        credential: if send { CredentialOperation::Issue } else { CredentialOperation::None },
    }
}

/// Whether a session that is not stored yet is worth storing.
fn has_content(now: &Situation) -> bool {
    match now.policy {
        // A new id counts as a modification there.
        SavePolicy::Express { save_uninitialized, .. } => {
            save_uninitialized || now.intent == Intent::Regenerate || !now.empty
        }
        SavePolicy::Smart => !now.empty,
    }
}

fn issue(store: StoreOperation) -> Plan {
    Plan { store, credential: CredentialOperation::Issue }
}

fn delete() -> Plan {
    Plan { store: StoreOperation::Delete, credential: CredentialOperation::Remove }
}

fn nothing() -> Plan {
    Plan { store: StoreOperation::None, credential: CredentialOperation::None }
}

fn remove_if(presented: bool) -> CredentialOperation {
    if presented { CredentialOperation::Remove } else { CredentialOperation::None }
}
