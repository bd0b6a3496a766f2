//! The second level of a PE's data TLBs: what the small ones have forgotten.
//!
//! One table for all of them, four ways a set. An entry belongs to one TLB in one life of it (`Tlb::life`): when that is
//! cleared, its entries here are never found again. Everything else that removes entries removes them here as well.

use super::tlb::{Entry, PAGE, UNTAGGED};

/// Sets, by page number, and ways.
const SETS: usize = if cfg!(test) { 4 } else { 2048 };
const WAYS: usize = 4;

#[derive(Clone, Copy)]
struct Slot {
    /// No TLB's life is 0.
    life: u64,
    entry: Entry,
}

const NONE: Slot = Slot { life: 0, entry: Entry { read: u64::MAX, write: u64::MAX, addend: 0, meta: 0 } };

/// The table.
pub(super) struct Second {
    sets: Box<[[Slot; WAYS]]>,
}

fn set(va: u64) -> usize {
    (va >> 12) as usize % SETS
}

impl Second {
    pub fn new() -> Second {
        Second { sets: vec![[NONE; WAYS]; SETS].into() }
    }

    /// What TLB `life` has known of `va`.
    #[inline]
    pub fn find(&self, life: u64, va: u64) -> Option<&Entry> {
        let hit = |slot: &&Slot| slot.life == life && slot.entry.is_of(va);
        self.sets[set(va)].iter().find(hit).map(|slot| &slot.entry)
    }

    /// TLB `life` has no room for `entry` any more. The oldest of the set makes room.
    pub fn keep(&mut self, life: u64, entry: &Entry) {
        let va = entry.read & PAGE;
        let ways = &mut self.sets[set(va)];
        let same = |slot: &Slot| slot.life == life && slot.entry.is_of(va);
        let way = ways.iter().position(same).unwrap_or(WAYS - 1);
        ways.copy_within(..way, 1);
        ways[0] = Slot { life, entry: *entry };
    }

    /// TLB `life` forgets the page at `va`, whatever the tag of the address.
    pub fn drop_page(&mut self, life: u64, va: u64) {
        let same = |slot: &&mut Slot| slot.life == life && (slot.entry.read ^ va) & UNTAGGED & PAGE == 0;
        self.sets[set(va)].iter_mut().filter(same).for_each(|slot| *slot = NONE);
    }
}
