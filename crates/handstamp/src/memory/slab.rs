//! Where the entries lie: slots that never move, named by a number of four bytes.
//!
//! They lie in chunks, because a vector that doubles leaves half of itself empty and copies all of
//! it in one go.

use std::mem;
use std::ops::{Index, IndexMut};
use std::sync::Arc;

use super::key::Key;
use crate::Timestamp;

const CHUNK: usize = 32;

/// The number of an entry.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Slot(u32);

/// A session.
pub(super) struct Entry {
    pub(super) key: Key,
    pub(super) document: Arc<[u8]>,
    pub(super) owner: Option<Arc<str>>,
    pub(super) version: u64,
    pub(super) expires: Timestamp,
    /// Where the schedule has it.
    pub(super) position: u32,
}

/// The entries of a shard.
#[derive(Default)]
pub(super) struct Slab {
    chunks: Vec<Vec<Place>>,
    free: Option<Slot>,
    used: u32,
}

/// What a slot holds: an entry, or the number of the next free slot.
enum Place {
    Free(Option<Slot>),
    Taken(Entry),
}

impl Slab {
    pub(super) fn insert(&mut self, entry: Entry) -> Slot {
        let slot = self.free.unwrap_or_else(|| self.grow());
        if let Place::Free(next) = mem::replace(self.place(slot), Place::Taken(entry)) {
            self.free = next;
        }
        slot
    }

    /// Takes an entry out; its slot may be used again.
    pub(super) fn remove(&mut self, slot: Slot) -> Option<Entry> {
        let next = self.free;
        match mem::replace(self.place(slot), Place::Free(next)) {
            Place::Free(_) => None,
            Place::Taken(entry) => {
                self.free = Some(slot);
                Some(entry)
            }
        }
    }

    fn grow(&mut self) -> Slot {
        let slot = Slot(self.used);
        self.used += 1;
        if slot.chunk() == self.chunks.len() {
            self.chunks.push(Vec::with_capacity(CHUNK));
        }
        self.chunks[slot.chunk()].push(Place::Free(None));
        slot
    }

    fn place(&mut self, slot: Slot) -> &mut Place {
        &mut self.chunks[slot.chunk()][slot.offset()]
    }
}

impl Slot {
    fn chunk(self) -> usize {
        self.0 as usize / CHUNK
    }

    fn offset(self) -> usize {
        self.0 as usize % CHUNK
    }
}

impl Index<Slot> for Slab {
    type Output = Entry;

    fn index(&self, slot: Slot) -> &Entry {
        match &self.chunks[slot.chunk()][slot.offset()] {
            Place::Taken(entry) => entry,
            Place::Free(_) => unreachable!("{TAKEN}"),
        }
    }
}

impl IndexMut<Slot> for Slab {
    fn index_mut(&mut self, slot: Slot) -> &mut Entry {
        match self.place(slot) {
            Place::Taken(entry) => entry,
            Place::Free(_) => unreachable!("{TAKEN}"),
        }
    }
}

/// Table and schedule forget a slot's number in the same call that frees the slot.
const TAKEN: &str = "the table and the schedule name taken slots only";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_entry_with_its_slot_takes_96_bytes() {
        assert_eq!(size_of::<Place>(), 96);
    }
}
