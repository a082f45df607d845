//! What has to be done for a request: decided here and nowhere else, from facts alone.
//!
//! | id | data | store operation | credential |
//! |---|---|---|---|
//! | none, unknown, expired, forged | untouched, or emptied again | none | none |
//! | none, unknown, expired, forged | changed | create | issue |
//! | stored | untouched | touch, when due | none |
//! | stored, persistent | untouched, due | update | issue, so that the browser's copy slides along |
//! | stored | changed | update | issue if it is persistent and due, or its lifetime changed |
//! | stored | rotated | create new, then retire old | issue |
//! | stored | regenerated, logged out | create new if it holds something, then end old | issue, or remove |
//! | any | destroyed | end | remove |
//! | ended meanwhile by another request | whatever | none | none |
//! | retired by a login | changed | update of the successor | none |
//!
//! A credential that an old key signed, or that names a rotated id, is re-issued whenever its session
//! is found, with an update. Nothing is issued after the response head has left. [`SavePolicy::Express`] puts express-session's rules in the place of the middle rows.

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
    /// A twentieth of the idle time has passed since the session was used (or written, of a persistent
    /// one: since its credential was sent), or the application asked for a touch.
    pub due: bool,
    /// The browser keeps the cookie when it closes.
    pub persistent: bool,
    pub expiry_changed: bool,
    /// The client's credential is of an old key or an old id.
    pub stale_credential: bool,
    /// The client sent some credential.
    pub presented: bool,
    /// The response head has left: nothing can be sent any more.
    pub sent: bool,
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
    /// As regenerating, but there need not be a new session.
    Logout,
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
    /// End the session.
    Delete,
    None,
    /// Create the new session, then end the old one.
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
        (Held::Retired, Intent::Keep | Intent::Rotate) if now.changed => {
            Plan { store: StoreOperation::Update, credential: CredentialOperation::None }
        }
        (Held::Stored, Intent::Keep) => keep(now),
        (Held::Stored, Intent::Rotate | Intent::Login) => issue(StoreOperation::Rotate),
        (Held::Stored, Intent::Logout | Intent::Regenerate) | (Held::Retired, Intent::Logout) => {
            if has_content(now) {
                issue(StoreOperation::Replace)
            } else {
                delete()
            }
        }
        (Held::Retired, Intent::Keep | Intent::Rotate) => nothing(),
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
    let send = !now.sent && (send || now.expiry_changed || now.stale_credential);
    let store = match (save || send, now.due) {
        // Only a conditional write tells whether the id has been retired meanwhile. A credential of
        // such an id would take the place of the new one in the browser.
        (true, _) => StoreOperation::Update,
        (false, true) => StoreOperation::Touch,
        (false, false) => StoreOperation::None,
    };
    Plan {
        store,
        credential: if send { CredentialOperation::Issue } else { CredentialOperation::None },
    }
}

/// Whether a session that is not stored yet is worth storing.
fn has_content(now: &Situation) -> bool {
    match now.policy {
        // A new id counts as a modification there. After a logout nothing is wanted of it.
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

#[cfg(test)]
mod tests {
    use super::*;

    const SMART: Situation = Situation {
        held: Held::Nothing,
        intent: Intent::Keep,
        changed: false,
        empty: false,
        due: false,
        persistent: false,
        expiry_changed: false,
        stale_credential: false,
        presented: false,
        sent: false,
        policy: SavePolicy::Smart,
    };
    const NEW: Situation = Situation { empty: true, ..SMART };
    const UNKNOWN: Situation = Situation { presented: true, ..NEW };
    const STORED: Situation = Situation { held: Held::Stored, presented: true, ..SMART };

    fn express(resave: bool, rolling: bool, save_uninitialized: bool) -> SavePolicy {
        SavePolicy::Express { resave, rolling, save_uninitialized }
    }

    fn check(rows: &[(&str, Situation, StoreOperation, CredentialOperation)]) {
        for (name, situation, store, credential) in rows {
            assert_eq!(plan(situation), Plan { store: *store, credential: *credential }, "{name}");
        }
    }

    #[test]
    fn the_table_of_new_sessions() {
        use CredentialOperation as C;
        use StoreOperation as S;
        check(&[
            ("untouched", NEW, S::None, C::None),
            ("emptied again", Situation { changed: true, ..NEW }, S::None, C::None),
            ("changed", Situation { changed: true, empty: false, ..NEW }, S::Create, C::Issue),
            (
                "rotated with nothing in it",
                Situation { intent: Intent::Rotate, ..NEW },
                S::None,
                C::None,
            ),
            (
                "signed in",
                Situation { intent: Intent::Login, empty: false, changed: true, ..NEW },
                S::Create,
                C::Issue,
            ),
            (
                "regenerated with nothing in it",
                Situation { intent: Intent::Regenerate, ..NEW },
                S::None,
                C::None,
            ),
            ("destroyed", Situation { intent: Intent::Destroy, ..NEW }, S::None, C::None),
            ("unknown, untouched", UNKNOWN, S::None, C::None),
            (
                "unknown, changed",
                Situation { changed: true, empty: false, ..UNKNOWN },
                S::Create,
                C::Issue,
            ),
            (
                "unknown, destroyed",
                Situation { intent: Intent::Destroy, ..UNKNOWN },
                S::None,
                C::Remove,
            ),
            ("touch of nothing", Situation { due: true, ..NEW }, S::None, C::None),
        ]);
    }

    #[test]
    fn the_table_of_stored_sessions() {
        use CredentialOperation as C;
        use StoreOperation as S;
        let persistent = Situation { persistent: true, ..STORED };
        check(&[
            ("untouched", STORED, S::None, C::None),
            ("untouched, due", Situation { due: true, ..STORED }, S::Touch, C::None),
            ("untouched, persistent", persistent, S::None, C::None),
            (
                "untouched, persistent, due",
                Situation { due: true, ..persistent },
                S::Update,
                C::Issue,
            ),
            (
                "untouched, old credential",
                Situation { stale_credential: true, ..STORED },
                S::Update,
                C::Issue,
            ),
            ("changed", Situation { changed: true, ..STORED }, S::Update, C::None),
            ("emptied", Situation { changed: true, empty: true, ..STORED }, S::Update, C::None),
            ("changed, due", Situation { changed: true, due: true, ..STORED }, S::Update, C::None),
            ("changed, persistent", Situation { changed: true, ..persistent }, S::Update, C::None),
            (
                "changed, persistent, due, head gone",
                Situation { changed: true, due: true, sent: true, ..persistent },
                S::Update,
                C::None,
            ),
            (
                "changed, persistent, due",
                Situation { changed: true, due: true, ..persistent },
                S::Update,
                C::Issue,
            ),
            (
                "new expiry",
                Situation { changed: true, expiry_changed: true, ..STORED },
                S::Update,
                C::Issue,
            ),
            (
                "changed, old credential",
                Situation { changed: true, stale_credential: true, ..STORED },
                S::Update,
                C::Issue,
            ),
            ("rotated", Situation { intent: Intent::Rotate, ..STORED }, S::Rotate, C::Issue),
            (
                "signed in",
                Situation { intent: Intent::Login, changed: true, ..STORED },
                S::Rotate,
                C::Issue,
            ),
            (
                "regenerated",
                Situation { intent: Intent::Regenerate, empty: true, ..STORED },
                S::Delete,
                C::Remove,
            ),
            (
                "regenerated, written",
                Situation { intent: Intent::Regenerate, changed: true, ..STORED },
                S::Replace,
                C::Issue,
            ),
            (
                "destroyed",
                Situation { intent: Intent::Destroy, empty: true, ..STORED },
                S::Delete,
                C::Remove,
            ),
        ]);
    }

    #[test]
    fn the_table_of_sessions_that_are_not_ours_to_write() {
        use CredentialOperation as C;
        use StoreOperation as S;
        let ended = Situation { held: Held::Ended, changed: true, ..STORED };
        let retired = Situation { held: Held::Retired, empty: true, ..STORED };
        let away = Situation { held: Held::Unavailable, changed: true, due: true, ..STORED };
        check(&[
            ("ended, changed", ended, S::None, C::None),
            ("ended, rotated", Situation { intent: Intent::Rotate, ..ended }, S::None, C::None),
            ("ended, signed in", Situation { intent: Intent::Login, ..ended }, S::None, C::None),
            (
                "ended, begun anew",
                Situation { intent: Intent::Regenerate, ..ended },
                S::Create,
                C::Issue,
            ),
            (
                "ended, destroyed",
                Situation { intent: Intent::Destroy, ..ended },
                S::None,
                C::Remove,
            ),
            ("retired, untouched", Situation { due: true, ..retired }, S::None, C::None),
            ("retired, rotated", Situation { intent: Intent::Rotate, ..retired }, S::None, C::None),
            (
                "retired, logged out",
                Situation { intent: Intent::Logout, ..retired },
                S::Delete,
                C::Remove,
            ),
            (
                "retired, changed",
                Situation { changed: true, empty: false, ..retired },
                S::Update,
                C::None,
            ),
            (
                "retired, signed in",
                Situation { intent: Intent::Login, changed: true, empty: false, ..retired },
                S::Create,
                C::Issue,
            ),
            (
                "retired, destroyed",
                Situation { intent: Intent::Destroy, ..retired },
                S::Delete,
                C::Remove,
            ),
            ("store away", away, S::None, C::None),
            (
                "store away, destroyed",
                Situation { intent: Intent::Destroy, ..away },
                S::None,
                C::None,
            ),
        ]);
    }

    #[test]
    fn the_table_of_the_express_profile() {
        use CredentialOperation as C;
        use StoreOperation as S;
        let with = |policy, situation| Situation { policy, ..situation };
        let (off, resave, rolling, all) = (
            express(false, false, false),
            express(true, false, false),
            express(false, true, false),
            express(false, false, true),
        );
        let persistent = Situation { persistent: true, ..STORED };
        check(&[
            ("new, untouched", with(off, NEW), S::None, C::None),
            ("new, untouched, saveUninitialized", with(all, NEW), S::Create, C::Issue),
            ("new, untouched, rolling", with(rolling, NEW), S::None, C::None),
            (
                "new, changed",
                with(off, Situation { changed: true, empty: false, ..NEW }),
                S::Create,
                C::Issue,
            ),
            (
                "regenerated",
                with(off, Situation { intent: Intent::Regenerate, empty: true, ..STORED }),
                S::Replace,
                C::Issue,
            ),
            (
                "stored, untouched, due",
                with(off, Situation { due: true, ..STORED }),
                S::Touch,
                C::None,
            ),
            ("stored, untouched, resave", with(resave, STORED), S::Update, C::None),
            ("stored, untouched, rolling", with(rolling, STORED), S::Update, C::Issue),
            (
                "stored, changed",
                with(off, Situation { changed: true, ..STORED }),
                S::Update,
                C::None,
            ),
            (
                "stored, changed, persistent",
                with(off, Situation { changed: true, ..persistent }),
                S::Update,
                C::Issue,
            ),
            (
                "stored, untouched, persistent, due",
                with(off, Situation { due: true, ..persistent }),
                S::Touch,
                C::None,
            ),
        ]);
    }

    /// What holds in every situation there is.
    #[test]
    fn no_situation_sends_a_credential_of_nothing_or_writes_what_is_not_there() {
        for situation in every_situation() {
            let Plan { store, credential } = plan(&situation);
            let stored = matches!(situation.held, Held::Stored | Held::Retired);
            if matches!(
                store,
                StoreOperation::Update
                    | StoreOperation::Touch
                    | StoreOperation::Rotate
                    | StoreOperation::Replace
                    | StoreOperation::Delete
            ) {
                assert!(stored, "{situation:?}");
            }
            if credential == CredentialOperation::Issue && !stored {
                assert_eq!(store, StoreOperation::Create, "{situation:?}");
            }
            if credential == CredentialOperation::Issue {
                // Else the browser could be given an id that was retired meanwhile.
                assert!(
                    !matches!(store, StoreOperation::None | StoreOperation::Touch),
                    "{situation:?}"
                );
            }
            if store == StoreOperation::Create {
                assert_eq!(credential, CredentialOperation::Issue, "{situation:?}");
            }
            if situation.intent == Intent::Destroy {
                assert_ne!(credential, CredentialOperation::Issue, "{situation:?}");
            }
        }
    }

    fn every_situation() -> impl Iterator<Item = Situation> {
        let helds = [Held::Ended, Held::Nothing, Held::Retired, Held::Stored, Held::Unavailable];
        let intents = [
            Intent::Keep,
            Intent::Rotate,
            Intent::Login,
            Intent::Logout,
            Intent::Regenerate,
            Intent::Destroy,
        ];
        let policies = [SavePolicy::Smart, express(false, false, false), express(true, true, true)];
        let bit = |bits: u32, at: u32| bits >> at & 1 == 1;
        helds.into_iter().flat_map(move |held| {
            intents.into_iter().flat_map(move |intent| {
                policies.into_iter().flat_map(move |policy| {
                    (0..256).map(move |bits| Situation {
                        held,
                        intent,
                        changed: bit(bits, 0),
                        empty: bit(bits, 1),
                        due: bit(bits, 2),
                        persistent: bit(bits, 3),
                        expiry_changed: bit(bits, 4),
                        stale_credential: bit(bits, 5),
                        presented: bit(bits, 6),
                        sent: bit(bits, 7),
                        policy,
                    })
                })
            })
        })
    }
}
