//! All sessions of a memory store: each in a shard, within common bounds, known by owner.
//!
//! Everything here is short and nothing waits but for locks, one shard's at a time; only
//! [`clear`](Shards::clear) takes them all.

use std::cmp::Ordering::{Equal, Greater, Less};
use std::hash::BuildHasher;
use std::iter;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use arrayvec::ArrayVec;
use hashbrown::DefaultHashBuilder;

use super::key::Key;
use super::owners::Owners;
use super::shard::{Name, Replaced, Shard, Size};
use super::slab::Entry;
use crate::store::{Created, Record, Stored, Updated, Version};
use crate::{SessionId, Timestamp};

/// So many that writers seldom meet, and that a growing table is soon moved: at a million sessions
/// each holds four thousand.
pub(super) const SHARDS: usize = 256;

/// How many expired sessions a write cleans up at most. More than one, so that cleaning gains on
/// whatever is written.
const CLEANED_PER_WRITE: usize = 4;

/// Stands for «never» among the moments when a shard's next session expires.
const NEVER: u64 = u64::MAX;

/// How much a store may hold.
#[derive(Clone, Copy, Debug)]
pub(super) struct Bounds {
    pub(super) sessions: usize,
    pub(super) bytes: usize,
}

/// All of it: see the module docs.
pub(super) struct Shards {
    hasher: DefaultHashBuilder,
    shards: Box<[Mutex<Shard>]>,
    /// When the next session of each shard expires, to be read without its lock.
    soonest: Box<[AtomicU64]>,
    owners: Owners,
    sessions: AtomicUsize,
    bytes: AtomicUsize,
    /// Whose turn it is to be cleaned.
    turn: AtomicUsize,
    /// Held while making room, so that two writers do not both expel for one session too many.
    room: Mutex<()>,
}

impl Shards {
    pub(super) fn new() -> Self {
        let hasher = DefaultHashBuilder::default();
        Self {
            shards: (0..SHARDS).map(|_| Mutex::new(Shard::new(hasher.clone()))).collect(),
            soonest: (0..SHARDS).map(|_| AtomicU64::new(NEVER)).collect(),
            owners: Owners::new(hasher.clone()),
            hasher,
            sessions: AtomicUsize::new(0),
            bytes: AtomicUsize::new(0),
            turn: AtomicUsize::new(0),
            room: Mutex::new(()),
        }
    }

    pub(super) fn size(&self) -> Size {
        Size {
            sessions: self.sessions.load(Ordering::Relaxed),
            bytes: self.bytes.load(Ordering::Relaxed),
        }
    }

    pub(super) fn load(&self, id: &SessionId, now: Timestamp) -> Option<Stored> {
        let name = self.name(id.as_str().as_bytes());
        self.shard(shard_of(name)).load(name, now)
    }

    pub(super) fn create(
        &self,
        id: &SessionId,
        record: &Record,
        now: Timestamp,
        bounds: Bounds,
    ) -> Created {
        let name = self.name(id.as_str().as_bytes());
        let owned = record.owner.clone().map(|owner| self.owners.lock(owner));
        let created = self.write(shard_of(name), |shard| shard.create(name, record, now));
        let Some((version, expired)) = created else { return Created::Duplicate };
        if let Some(mut owned) = owned {
            owned.insert(name.id);
        }
        self.forget(expired);
        self.make_room(bounds, name);
        self.clean(now);
        Created::Done(version)
    }

    pub(super) fn update(
        &self,
        id: &SessionId,
        version: Version,
        record: &Record,
        now: Timestamp,
        bounds: Bounds,
    ) -> Updated {
        let name = self.name(id.as_str().as_bytes());
        let (version, former) = match self.replace(name, version, record, now) {
            Replaced::Conflict(stored) => return Updated::Conflict(stored),
            Replaced::Done { version, former, document } => {
                // A large one takes a while to free: not under the shard's lock.
                drop(document);
                (version, former)
            }
            Replaced::Gone => return Updated::Gone,
        };
        if let Some(owner) = former {
            self.disown(owner, name);
        }
        self.make_room(bounds, name);
        self.clean(now);
        Updated::Done(version)
    }

    pub(super) fn touch(&self, id: &SessionId, expires: Timestamp, now: Timestamp) -> bool {
        let name = self.name(id.as_str().as_bytes());
        let touched = self.write(shard_of(name), |shard| shard.touch(name, expires, now));
        self.clean(now);
        touched
    }

    pub(super) fn delete(&self, id: &SessionId, now: Timestamp) -> Option<Arc<[u8]>> {
        let name = self.name(id.as_str().as_bytes());
        let entry = self.write(shard_of(name), |shard| shard.delete(name, now));
        let document = entry.as_ref().map(|entry| Arc::clone(&entry.document));
        self.forget(entry);
        self.clean(now);
        document
    }

    pub(super) fn list(&self, owner: Arc<str>, now: Timestamp) -> Vec<(SessionId, Stored)> {
        let owned = self.owners.lock(Arc::clone(&owner));
        owned
            .keys()
            .filter_map(|key| Some((key.to_id()?, self.load_of(&owner, key, now)?)))
            .collect()
    }

    pub(super) fn count(&self, owner: Arc<str>, now: Timestamp) -> usize {
        let owned = self.owners.lock(Arc::clone(&owner));
        owned.keys().filter(|key| self.load_of(&owner, key, now).is_some()).count()
    }

    pub(super) fn revoke(
        &self,
        owner: Arc<str>,
        except: Option<&SessionId>,
        now: Timestamp,
    ) -> usize {
        let mut owned = self.owners.lock(Arc::clone(&owner));
        let except = except.map(|id| id.as_str().as_bytes());
        let doomed: Vec<Key> =
            owned.keys().filter(|key| Some(key.as_bytes()) != except).cloned().collect();
        let mut ended = 0;
        for key in &doomed {
            let name = self.name(key.as_bytes());
            let entry = self.write(shard_of(name), |shard| shard.delete_of(&owner, name, now));
            if entry.is_some() {
                owned.remove(key);
                ended += 1;
            }
        }
        ended
    }

    /// The living sessions of whole shards, until they are enough, and the next shard if there is one.
    pub(super) fn page(
        &self,
        from: usize,
        most: usize,
        now: Timestamp,
    ) -> (Vec<(SessionId, Stored)>, Option<usize>) {
        let (mut sessions, mut next) = (Vec::new(), from);
        while next < SHARDS && sessions.len() < most.max(1) {
            sessions.extend(self.shard(next).load_all(now));
            next += 1;
        }
        (sessions, Some(next).filter(|next| *next < SHARDS))
    }

    pub(super) fn total(&self, now: Timestamp) -> usize {
        (0..SHARDS).map(|shard| self.shard(shard).count(now)).sum()
    }

    /// What takes long, to count and to free what was there, is done when the locks are free again.
    pub(super) fn clear(&self, now: Timestamp) -> usize {
        let ended = self.take_all();
        self.owners.retain(|owner, key| {
            let name = self.name(key.as_bytes());
            self.shard(shard_of(name)).holds(owner, name)
        });
        ended.iter().map(|shard| shard.count(now)).sum()
    }

    /// Empties all shards at one moment. One after the other would let a session escape that rotates
    /// from a shard that is still full into one that is empty already.
    fn take_all(&self) -> Vec<Shard> {
        let mut shards: Vec<_> = (0..SHARDS).map(|shard| self.shard(shard)).collect();
        let taken = shards.iter_mut().enumerate();
        taken.map(|(index, shard)| self.change(index, shard, Shard::take)).collect()
    }

    /// Updates under the owner's lock, if the session is to become the owner's.
    ///
    /// If it is the owner's already, no lock is needed: whoever takes it from the owner meanwhile
    /// also changes its version, and then this update is a conflict.
    fn replace(
        &self,
        name: Name<'_>,
        version: Version,
        record: &Record,
        now: Timestamp,
    ) -> Replaced {
        let stays = |owner: &Arc<str>| {
            !record.lifetime.is_zero() && !self.shard(shard_of(name)).holds(owner, name)
        };
        let comes_to = record.owner.clone().filter(stays);
        let owned = comes_to.map(|owner| self.owners.lock(owner));
        let replaced = self.write(shard_of(name), |shard| shard.update(name, version, record, now));
        if let (Some(mut owned), Replaced::Done { .. }) = (owned, &replaced) {
            owned.insert(name.id);
        }
        replaced
    }

    fn load_of(&self, owner: &str, key: &Key, now: Timestamp) -> Option<Stored> {
        let name = self.name(key.as_bytes());
        self.shard(shard_of(name)).load_of(owner, name, now)
    }

    /// Takes a session that is no more off its owner's list.
    fn forget(&self, entry: Option<Entry>) {
        if let Some(Entry { key, owner: Some(owner), .. }) = entry {
            self.disown(owner, self.name(key.as_bytes()));
        }
    }

    /// Takes a session off an owner's list, unless it has become the owner's again.
    fn disown(&self, owner: Arc<str>, name: Name<'_>) {
        let mut owned = self.owners.lock(Arc::clone(&owner));
        let again = self.shard(shard_of(name)).holds(&owner, name);
        if !again {
            owned.remove(&Key::from(name.id));
        }
    }

    /// Expels what expires soonest, wherever it is, until the bounds are kept; never `kept` itself.
    fn make_room(&self, bounds: Bounds, kept: Name<'_>) {
        if !self.exceeds(bounds) {
            return;
        }
        let _room = lock(&self.room);
        while self.exceeds(bounds) {
            let soonest = (0..SHARDS).map(|shard| (self.soonest_other(shard, kept), shard));
            let Some((_, shard)) = soonest.filter(|(expires, _)| *expires != NEVER).min() else {
                return;
            };
            let entry = self.write(shard, |shard| shard.expel_soonest_other(kept));
            self.forget(entry);
        }
    }

    fn exceeds(&self, bounds: Bounds) -> bool {
        let Size { sessions, bytes } = self.size();
        sessions > bounds.sessions || bytes > bounds.bytes
    }

    fn soonest_other(&self, shard: usize, than: Name<'_>) -> u64 {
        if shard == shard_of(than) {
            self.shard(shard).soonest_other(than).map_or(NEVER, Timestamp::as_millis)
        } else {
            self.soonest[shard].load(Ordering::Relaxed)
        }
    }

    /// Takes a few expired sessions out of the shard whose turn it is. With every write a little is
    /// cleaned, so no write takes long and no task in the background is needed.
    fn clean(&self, now: Timestamp) {
        let shard = self.turn.fetch_add(1, Ordering::Relaxed) % SHARDS;
        if self.soonest[shard].load(Ordering::Relaxed) > now.as_millis() {
            return;
        }
        let expired: ArrayVec<Entry, CLEANED_PER_WRITE> = self.write(shard, |shard| {
            iter::from_fn(|| shard.expel_expired(now)).take(CLEANED_PER_WRITE).collect()
        });
        for entry in expired {
            self.forget(Some(entry));
        }
    }

    fn name<'a>(&self, id: &'a [u8]) -> Name<'a> {
        Name { id, hash: self.hasher.hash_one(id) }
    }

    fn shard(&self, index: usize) -> MutexGuard<'_, Shard> {
        lock(&self.shards[index])
    }

    /// Locks a shard and changes it.
    fn write<T>(&self, index: usize, change: impl FnOnce(&mut Shard) -> T) -> T {
        self.change(index, &mut self.shard(index), change)
    }

    /// Changes a locked shard, and tells the others what that means for them before its lock is free.
    fn change<T>(
        &self,
        index: usize,
        shard: &mut Shard,
        change: impl FnOnce(&mut Shard) -> T,
    ) -> T {
        let before = shard.size();
        let outcome = change(shard);
        let after = shard.size();
        adjust(&self.sessions, before.sessions, after.sessions);
        adjust(&self.bytes, before.bytes, after.bytes);
        let soonest = shard.soonest().map_or(NEVER, Timestamp::as_millis);
        self.soonest[index].store(soonest, Ordering::Relaxed);
        outcome
    }
}

/// In which shard a session is. The table inside it uses the hash's lowest and highest bits.
fn shard_of(name: Name<'_>) -> usize {
    (name.hash >> 32) as usize % SHARDS
}

fn adjust(total: &AtomicUsize, before: usize, after: usize) {
    match after.cmp(&before) {
        Less => total.fetch_sub(before - after, Ordering::Relaxed),
        Equal => return,
        Greater => total.fetch_add(after - before, Ordering::Relaxed),
    };
}

/// Locks, also after a panic elsewhere: what the locks guard is whole whenever foreign code runs.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
