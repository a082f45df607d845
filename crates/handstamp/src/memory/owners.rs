//! Which sessions are whose.
//!
//! The sets may name sessions that have ended or changed hands, but they miss none: whoever makes a
//! session an owner's holds the owner's lock while doing so. Whoever revokes holds it too, from the
//! first session to the last, so no session can become the owner's behind its back; and a rotation
//! makes the new session the owner's before it gives the old one up. Giving one up needs no lock; the
//! set is corrected afterwards.
//!
//! The order of locks is: an owner's, then a shard's. Nobody holds two of a kind, but for who clears
//! the store: that takes all shards', one after the other, and no owner's with them.

use std::collections::BTreeSet;
use std::hash::BuildHasher;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use hashbrown::DefaultHashBuilder;

use super::key::Key;

/// Owners that share a lock wait for each other, so there are many locks.
const LOCKS: usize = 64;

type Sessions = BTreeSet<(Arc<str>, Key)>;

/// All owners: see the module docs.
pub(super) struct Owners {
    hasher: DefaultHashBuilder,
    parts: Box<[Mutex<Sessions>]>,
}

/// An owner's sessions, locked.
pub(super) struct Owned<'a> {
    owner: Arc<str>,
    sessions: MutexGuard<'a, Sessions>,
}

impl Owners {
    pub(super) fn new(hasher: DefaultHashBuilder) -> Self {
        Self { hasher, parts: (0..LOCKS).map(|_| Mutex::default()).collect() }
    }

    pub(super) fn lock(&self, owner: Arc<str>) -> Owned<'_> {
        let part = self.hasher.hash_one(&*owner) as usize % LOCKS;
        // A set is whole between two calls, so a panic elsewhere under the lock has broken nothing.
        let sessions = self.parts[part].lock().unwrap_or_else(PoisonError::into_inner);
        Owned { owner, sessions }
    }

    /// Takes those sessions off the lists of their owners that are no longer theirs.
    pub(super) fn retain(&self, is_theirs: impl Fn(&str, &Key) -> bool) {
        for part in &self.parts {
            let mut sessions = part.lock().unwrap_or_else(PoisonError::into_inner);
            sessions.retain(|(owner, key)| is_theirs(owner, key));
        }
    }
}

impl Owned<'_> {
    pub(super) fn insert(&mut self, id: &[u8]) {
        self.sessions.insert((Arc::clone(&self.owner), Key::from(id)));
    }

    pub(super) fn remove(&mut self, key: &Key) {
        self.sessions.remove(&(Arc::clone(&self.owner), key.clone()));
    }

    /// The sessions that are, or were, this owner's.
    pub(super) fn keys(&self) -> impl Iterator<Item = &Key> {
        let from = (Arc::clone(&self.owner), Key::FIRST);
        self.sessions
            .range(from..)
            .take_while(|(owner, _)| *owner == self.owner)
            .map(|(_, key)| key)
    }
}
