//! Which session expires soonest: a heap of slot numbers in which each entry knows its place.
//!
//! Four children to a node: half as deep as a binary heap, and siblings are compared side by side.

use std::ops::Range;

use super::slab::{Slab, Slot};
use crate::Timestamp;

const CHILDREN: usize = 4;

/// The entries of a shard, the soonest to expire first.
#[derive(Default)]
pub(super) struct Schedule(Vec<Slot>);

impl Schedule {
    pub(super) fn len(&self) -> usize {
        self.0.len()
    }

    /// The entry that expires soonest.
    pub(super) fn first(&self) -> Option<Slot> {
        self.0.first().copied()
    }

    /// The entry that expires soonest, apart from this one.
    pub(super) fn first_other(&self, slab: &Slab, than: Slot) -> Option<Slot> {
        match self.first() {
            Some(first) if first == than => {
                self.soonest(slab, self.children(0)).map(|place| self.0[place])
            }
            first => first,
        }
    }

    pub(super) fn insert(&mut self, slab: &mut Slab, slot: Slot) {
        self.0.push(slot);
        self.rise(slab, self.0.len() - 1);
    }

    pub(super) fn remove(&mut self, slab: &mut Slab, slot: Slot) {
        let place = slab[slot].position as usize;
        let last = self.0.len() - 1;
        self.0.swap_remove(place);
        if place < last {
            self.settle(slab, place);
        }
    }

    /// Puts an entry where it belongs after its time has changed.
    pub(super) fn moved(&mut self, slab: &mut Slab, slot: Slot) {
        self.settle(slab, slab[slot].position as usize);
    }

    fn settle(&mut self, slab: &mut Slab, place: usize) {
        let place = self.rise(slab, place);
        self.sink(slab, place);
    }

    fn rise(&mut self, slab: &mut Slab, mut place: usize) -> usize {
        while place > 0 {
            let parent = (place - 1) / CHILDREN;
            if self.expiry(slab, parent) <= self.expiry(slab, place) {
                break;
            }
            self.0.swap(parent, place);
            self.note(slab, place);
            place = parent;
        }
        self.note(slab, place);
        place
    }

    fn sink(&mut self, slab: &mut Slab, mut place: usize) {
        while let Some(child) = self.soonest(slab, self.children(place)) {
            if self.expiry(slab, place) <= self.expiry(slab, child) {
                break;
            }
            self.0.swap(place, child);
            self.note(slab, place);
            place = child;
        }
        self.note(slab, place);
    }

    fn soonest(&self, slab: &Slab, mut places: Range<usize>) -> Option<usize> {
        let first = places.next()?;
        Some(places.fold(first, |soonest, place| {
            if self.expiry(slab, place) < self.expiry(slab, soonest) { place } else { soonest }
        }))
    }

    fn children(&self, place: usize) -> Range<usize> {
        let first = place * CHILDREN + 1;
        first.min(self.0.len())..(first + CHILDREN).min(self.0.len())
    }

    fn expiry(&self, slab: &Slab, place: usize) -> Timestamp {
        slab[self.0[place]].expires
    }

    /// Tells the entry at a place where it is.
    fn note(&self, slab: &mut Slab, place: usize) {
        // There are at most as many places as slots, and those are counted in 32 bits.
        slab[self.0[place]].position = place as u32;
    }
}
