//! A part of the sessions, under one lock: found by id, ordered by expiry.
//!
//! What it is told to do it does at one stroke, and it never looks at other shards, the clock or the
//! bounds. What it has expelled it hands back, to be dropped when the lock is free again.

use std::hash::BuildHasher;
use std::mem;
use std::sync::Arc;

use hashbrown::{DefaultHashBuilder, HashTable};

use super::key::Key;
use super::schedule::Schedule;
use super::slab::{Entry, Slab, Slot};
use crate::store::{Record, Stored, Version};
use crate::{SessionId, Timestamp};

/// An id and its hash, which is needed more than once.
#[derive(Clone, Copy)]
pub(super) struct Name<'a> {
    pub(super) id: &'a [u8],
    pub(super) hash: u64,
}

/// One of the parts: see the module docs.
pub(super) struct Shard {
    hasher: DefaultHashBuilder,
    table: HashTable<Slot>,
    slab: Slab,
    schedule: Schedule,
    bytes: usize,
    last_version: u64,
}

/// How much a shard holds.
#[derive(Clone, Copy)]
pub(super) struct Size {
    pub(super) sessions: usize,
    pub(super) bytes: usize,
}

/// What came of an update.
pub(super) enum Replaced {
    /// Another writer came first; this stands there.
    Conflict(Stored),
    /// It is done.
    Done {
        version: Version,
        /// What was there before.
        document: Arc<[u8]>,
        /// Whose it was before, if it is no longer.
        former: Option<Arc<str>>,
    },
    /// There is no such session.
    Gone,
}

impl Shard {
    pub(super) fn new(hasher: DefaultHashBuilder) -> Self {
        Self {
            hasher,
            table: HashTable::new(),
            slab: Slab::default(),
            schedule: Schedule::default(),
            bytes: 0,
            last_version: 0,
        }
    }

    pub(super) fn size(&self) -> Size {
        Size { sessions: self.schedule.len(), bytes: self.bytes }
    }

    /// When the next session of this shard expires.
    pub(super) fn soonest(&self) -> Option<Timestamp> {
        self.schedule.first().map(|slot| self.slab[slot].expires)
    }

    /// When the next session apart from this one expires.
    pub(super) fn soonest_other(&self, than: Name<'_>) -> Option<Timestamp> {
        self.first_other(than).map(|slot| self.slab[slot].expires)
    }

    pub(super) fn load(&self, name: Name<'_>, now: Timestamp) -> Option<Stored> {
        self.living(name, now).map(|slot| stored(&self.slab[slot], now))
    }

    /// [`load`](Self::load), if the session is this owner's.
    pub(super) fn load_of(&self, owner: &str, name: Name<'_>, now: Timestamp) -> Option<Stored> {
        self.living(name, now)
            .filter(|slot| self.is_of(owner, *slot))
            .map(|slot| stored(&self.slab[slot], now))
    }

    /// All living sessions.
    pub(super) fn load_all(&self, now: Timestamp) -> impl Iterator<Item = (SessionId, Stored)> {
        self.all_living(now).filter_map(move |entry| Some((entry.key.to_id()?, stored(entry, now))))
    }

    /// How many living sessions there are.
    pub(super) fn count(&self, now: Timestamp) -> usize {
        self.all_living(now).count()
    }

    /// Whether this session is this owner's, living or not.
    pub(super) fn holds(&self, owner: &str, name: Name<'_>) -> bool {
        self.find(name).is_some_and(|slot| self.is_of(owner, slot))
    }

    /// `None`: a living session has this id. Otherwise its version, and what had expired there.
    pub(super) fn create(
        &mut self,
        name: Name<'_>,
        record: &Record,
        now: Timestamp,
    ) -> Option<(Version, Option<Entry>)> {
        if self.living(name, now).is_some() {
            return None;
        }
        let expired = self.find(name).and_then(|slot| self.expel(slot));
        let version = self.next_version();
        let slot = self.slab.insert(Entry {
            key: Key::from(name.id),
            document: Arc::clone(&record.document),
            owner: record.owner.clone(),
            version,
            expires: now.after(record.lifetime),
            position: 0,
        });
        let Self { hasher, slab, .. } = self;
        self.table
            .insert_unique(name.hash, slot, |slot| hasher.hash_one(slab[*slot].key.as_bytes()));
        self.schedule.insert(&mut self.slab, slot);
        self.bytes += record.document.len();
        Some((Version(version.into()), expired))
    }

    pub(super) fn update(
        &mut self,
        name: Name<'_>,
        version: Version,
        record: &Record,
        now: Timestamp,
    ) -> Replaced {
        let Some(slot) = self.living(name, now) else { return Replaced::Gone };
        if version != Version(self.slab[slot].version.into()) {
            return Replaced::Conflict(stored(&self.slab[slot], now));
        }
        let next = self.next_version();
        if record.lifetime.is_zero() {
            // It is over at once, so its place is free at once.
            let Some(Entry { document, owner, .. }) = self.expel(slot) else {
                return Replaced::Gone;
            };
            return Replaced::Done { version: Version(next.into()), document, former: owner };
        }
        let entry = &mut self.slab[slot];
        entry.version = next;
        entry.expires = now.after(record.lifetime);
        let document = mem::replace(&mut entry.document, Arc::clone(&record.document));
        let mut former = None;
        if entry.owner != record.owner {
            former = mem::replace(&mut entry.owner, record.owner.clone());
        }
        self.bytes = self.bytes + record.document.len() - document.len();
        self.schedule.moved(&mut self.slab, slot);
        Replaced::Done { version: Version(next.into()), document, former }
    }

    pub(super) fn touch(&mut self, name: Name<'_>, expires: Timestamp, now: Timestamp) -> bool {
        let Some(slot) = self.living(name, now) else { return false };
        self.slab[slot].expires = expires;
        self.schedule.moved(&mut self.slab, slot);
        true
    }

    /// Takes a living session out.
    pub(super) fn delete(&mut self, name: Name<'_>, now: Timestamp) -> Option<Entry> {
        self.living(name, now).and_then(|slot| self.expel(slot))
    }

    /// Takes a living session out, if it is this owner's.
    pub(super) fn delete_of(
        &mut self,
        owner: &str,
        name: Name<'_>,
        now: Timestamp,
    ) -> Option<Entry> {
        let slot = self.living(name, now).filter(|slot| self.is_of(owner, *slot))?;
        self.expel(slot)
    }

    /// Takes the session out that expires soonest, if it already has.
    pub(super) fn expel_expired(&mut self, now: Timestamp) -> Option<Entry> {
        let slot = self.schedule.first().filter(|slot| self.slab[*slot].expires <= now)?;
        self.expel(slot)
    }

    /// Takes the session out that expires soonest, apart from this one.
    pub(super) fn expel_soonest_other(&mut self, than: Name<'_>) -> Option<Entry> {
        self.first_other(than).and_then(|slot| self.expel(slot))
    }

    /// Takes all sessions out at once, living or not.
    pub(super) fn take(&mut self) -> Self {
        let mut empty = Self::new(self.hasher.clone());
        // No version comes twice, not even to an id that is created again.
        empty.last_version = self.last_version;
        mem::replace(self, empty)
    }

    fn all_living(&self, now: Timestamp) -> impl Iterator<Item = &Entry> {
        let entries = self.table.iter().map(|slot| &self.slab[*slot]);
        entries.filter(move |entry| entry.expires > now)
    }

    fn first_other(&self, than: Name<'_>) -> Option<Slot> {
        match self.find(than) {
            Some(slot) => self.schedule.first_other(&self.slab, slot),
            None => self.schedule.first(),
        }
    }

    fn living(&self, name: Name<'_>, now: Timestamp) -> Option<Slot> {
        self.find(name).filter(|slot| self.slab[*slot].expires > now)
    }

    fn find(&self, name: Name<'_>) -> Option<Slot> {
        self.table.find(name.hash, |slot| self.slab[*slot].key.as_bytes() == name.id).copied()
    }

    fn is_of(&self, owner: &str, slot: Slot) -> bool {
        self.slab[slot].owner.as_deref() == Some(owner)
    }

    fn expel(&mut self, slot: Slot) -> Option<Entry> {
        let hash = self.hasher.hash_one(self.slab[slot].key.as_bytes());
        if let Ok(found) = self.table.find_entry(hash, |other| *other == slot) {
            found.remove();
        }
        self.schedule.remove(&mut self.slab, slot);
        let entry = self.slab.remove(slot)?;
        self.bytes -= entry.document.len();
        Some(entry)
    }

    /// Versions count per shard, and an id is always in the same one: none comes twice.
    fn next_version(&mut self) -> u64 {
        self.last_version += 1;
        self.last_version
    }
}

fn stored(entry: &Entry, now: Timestamp) -> Stored {
    Stored {
        document: Arc::clone(&entry.document),
        version: Version(entry.version.into()),
        remaining: entry.expires.remaining(now),
    }
}
