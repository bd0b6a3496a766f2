//! The translations that were used lately: from DeviceID and EventID to a redistributor and an LPI, one word each.
//!
//! All orderings are relaxed. Who looks here or puts something in is on a visit (`sync::Grace`), and who takes
//! something out waits for visits before and after; that orders everything, see `Its::forget`.

use crate::prim::{AtomicU64, Ordering::*};

/// Translations kept: 32 KiB.
const SLOTS: usize = if cfg!(any(loom, shuttle)) {
    1
} else if cfg!(miri) {
    16
} else {
    4096
};

/// Where a message goes.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Translation {
    pub pe: usize,
    /// INTID less 8192.
    pub lpi: u32,
}

/// [63] valid, [57:48] PE, [47:32] LPI, [31:16] DeviceID, [15:0] EventID.
pub(super) struct Cache(Box<[AtomicU64]>);

const VALID: u64 = 1 << 63;

impl Cache {
    pub fn new() -> Cache {
        Cache((0..SLOTS).map(|_| AtomicU64::new(0)).collect())
    }

    /// DeviceID and EventID have 16 bits each.
    #[inline(always)]
    fn key(device: u32, event: u32) -> u32 {
        device << 16 | event
    }

    /// Events of one device, which follow one another, go to different cache lines of the host.
    #[inline(always)]
    fn slot(&self, key: u32) -> &AtomicU64 {
        &self.0[key.wrapping_mul(0x9e37_79b9) as usize >> 20 & (SLOTS - 1)]
    }

    #[inline(always)]
    pub fn find(&self, device: u32, event: u32) -> Option<Translation> {
        if (device | event) >> 16 != 0 {
            return None;
        }
        let key = Cache::key(device, event);
        let word = self.slot(key).load(Relaxed);
        let found = word & (VALID | 0xffff_ffff) == VALID | u64::from(key);
        found.then_some(Translation { pe: (word >> 48) as usize & 0x3ff, lpi: (word >> 32) as u32 & 0xffff })
    }

    /// Whatever was in its place is forgotten.
    pub fn fill(&self, device: u32, event: u32, Translation { pe, lpi }: Translation) {
        let key = Cache::key(device, event);
        let word = VALID | (pe as u64) << 48 | u64::from(lpi) << 32 | u64::from(key);
        self.slot(key).store(word, Relaxed);
    }

    pub fn clear(&self, device: u32, event: u32) {
        if self.find(device, event).is_some() {
            self.slot(Cache::key(device, event)).store(0, Relaxed);
        }
    }

    pub fn clear_all(&self) {
        self.0.iter().for_each(|slot| slot.store(0, Relaxed));
    }
}

#[cfg(all(test, not(loom)))]
mod tests {
    use super::*;

    #[test]
    fn finds_what_was_put_in_and_nothing_else() {
        let cache = Cache::new();
        let at = |n: u32| Translation { pe: n as usize % 512, lpi: n % 57344 };
        for n in 0..100_000u32 {
            let (device, event) = (n.wrapping_mul(77) & 0xffff, n.wrapping_mul(31) & 0xffff);
            cache.fill(device, event, at(n));
            assert_eq!(cache.find(device, event), Some(at(n)));
            assert_eq!(cache.find(device | 1 << 16, event), None);
            let other = (device ^ 1, event);
            assert!(cache.find(other.0, other.1).is_none_or(|found| found != at(n)));
        }
        cache.fill(3, 4, at(5));
        cache.clear(4, 3);
        assert!(cache.find(3, 4).is_some());
        cache.clear(3, 4);
        assert!(cache.find(3, 4).is_none());
    }
}
