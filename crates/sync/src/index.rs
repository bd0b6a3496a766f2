//! A table that is searched without a lock: from a hash to values that the searcher recognises.
//!
//! Open addressing over words. One `Filler` changes it; readers never wait and may miss what is being put in. What a
//! value stands for must outlive every search that may still find it (`Epochs`).

use crate::prim::{Arc, AtomicU32, Ordering};

/// Never used since, or nothing is behind it.
const EMPTY: u32 = 0;
/// Passed over by searches, used again by insertions.
const REMOVED: u32 = u32::MAX;

/// The table.
pub struct Index {
    slots: Box<[AtomicU32]>,
}

/// The way to change it.
pub struct Filler {
    index: Arc<Index>,
    values: usize,
}

impl Index {
    /// An empty table with room for `slots` values, a power of two.
    pub fn with_filler(slots: usize) -> (Arc<Index>, Filler) {
        assert!(slots.is_power_of_two());
        let index = Arc::new(Index { slots: (0..slots).map(|_| AtomicU32::new(EMPTY)).collect() });
        (index.clone(), Filler { index, values: 0 })
    }

    fn slot(&self, hash: u64, n: usize) -> &AtomicU32 {
        &self.slots[(hash as usize).wrapping_add(n) & (self.slots.len() - 1)]
    }

    /// The value put in under `hash` that `is` recognises.
    #[inline]
    pub fn find(&self, hash: u64, is: impl Fn(u32) -> bool) -> Option<u32> {
        for n in 0..self.slots.len() {
            // Acquire pairs with `insert`: seeing the value is seeing what it stands for.
            match self.slot(hash, n).load(Ordering::Acquire) {
                EMPTY => return None,
                REMOVED => {}
                value if is(value) => return Some(value),
                _ => {}
            }
        }
        None
    }
}

impl Filler {
    /// So full that searches become long?
    pub fn is_full(&self) -> bool {
        self.values >= self.index.slots.len() / 4 * 3
    }

    /// Puts `value` in, which is neither 0 nor all ones. There is room (`is_full`).
    pub fn insert(&mut self, hash: u64, value: u32) {
        let slots = (0..self.index.slots.len()).map(|n| self.index.slot(hash, n));
        // Relaxed: only this filler writes.
        let free = slots.into_iter().find(|slot| matches!(slot.load(Ordering::Relaxed), EMPTY | REMOVED));
        // Release pairs with `find`.
        free.expect("the caller asks `is_full`").store(value, Ordering::Release);
        self.values += 1;
    }

    /// Takes `value` out, which was put in under `hash`. Searches that are in progress may still find it.
    pub fn remove(&mut self, hash: u64, value: u32) {
        let at = |n| self.index.slot(hash, n);
        let held = (0..self.index.slots.len()).find(|n| at(*n).load(Ordering::Relaxed) == value);
        let held = held.expect("it was put in");
        self.values -= 1;
        // Relaxed, all: whoever misses or finds it does so rightly for this moment; memory of what it stands for is
        // the business of epochs.
        at(held).store(REMOVED, Ordering::Relaxed);
        if at(held.wrapping_add(1)).load(Ordering::Relaxed) != EMPTY {
            return;
        }
        // Nothing is behind it, so nothing is found by passing over it, nor over removed ones just before.
        let mut last = held;
        while at(last).load(Ordering::Relaxed) == REMOVED {
            at(last).store(EMPTY, Ordering::Relaxed);
            last = last.wrapping_sub(1);
        }
    }
}

#[cfg(test)]
mod tests;
