//! Which version of each page's instructions an engine may rely on.
//!
//! A64 lets a PE keep fetching old instructions until software executes `IC IVAU`/`IC IALLU`, a DSB, and
//! an ISB (ARM DDI 0487, "Concurrent modification and execution of instructions"). So `IC` is our only
//! invalidation event: it moves the page's version on, and an engine compares versions when it enters a
//! page and after every context synchronisation event. No store is ever watched.

use hw::PhysAddr;
use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};
use std::sync::{Mutex, OnceLock};

/// Bytes covered by one version number.
const PAGE_SHIFT: u32 = 12;
/// Versions that are allocated together, when the first of them moves.
const CHUNK: usize = 4096;
/// Invalidations that are remembered by page.
const LOG: usize = 4096;
/// In the log: every page.
const EVERY_PAGE: u64 = u64::MAX;

/// One version per 4 KiB page of RAM, and one for everything.
pub struct CodePages {
    base: u64,
    chunks: Vec<OnceLock<Box<[AtomicU32; CHUNK]>>>,
    all: AtomicU32,
    /// The page numbers invalidated last, a ring indexed by event.
    log: Mutex<Box<[u64]>>,
    /// Invalidations so far.
    events: AtomicU64,
    /// See `anywhere`.
    wraps: bool,
}

impl CodePages {
    /// Versions for RAM at `base`, `size` bytes.
    pub fn new(base: PhysAddr, size: u64) -> CodePages {
        let chunks = (size >> PAGE_SHIFT).div_ceil(CHUNK as u64) as usize;
        CodePages {
            base: base.0,
            chunks: (0..chunks).map(|_| OnceLock::new()).collect(),
            all: AtomicU32::new(0),
            log: Mutex::new(vec![EVERY_PAGE; LOG].into()),
            events: AtomicU64::new(0),
            wraps: false,
        }
    }

    /// Versions for RAM anywhere: pages that are a multiple of 16 GiB apart share one, which then moves for nothing.
    pub fn anywhere() -> CodePages {
        CodePages { wraps: true, ..CodePages::new(PhysAddr(0), 16 << 30) }
    }

    fn place(&self, pa: PhysAddr) -> (usize, usize) {
        let page = (pa.0.wrapping_sub(self.base) >> PAGE_SHIFT) as usize;
        let chunk = page / CHUNK;
        (if self.wraps { chunk % self.chunks.len() } else { chunk }, page % CHUNK)
    }

    /// The version of the page at `pa`: changes whenever the page may hold other instructions.
    /// The two halves are the page's own count and the count of `invalidate_all`.
    #[inline]
    pub fn version(&self, pa: PhysAddr) -> (u32, u32) {
        let (chunk, page) = self.place(pa);
        // Acquire pairs with the Release below: seeing the version is seeing the stores that the
        // invalidating PE completed before it.
        let page = self.chunks.get(chunk).and_then(OnceLock::get).map_or(0, |c| c[page].load(Ordering::Acquire));
        (page, self.all.load(Ordering::Acquire))
    }

    /// `IC IVAU` on a line of the page at `pa`. Addresses that are not RAM have no versions.
    pub fn invalidate(&self, pa: PhysAddr) {
        let (chunk, page) = self.place(pa);
        if let Some(chunk) = self.chunks.get(chunk) {
            let versions = chunk.get_or_init(|| Box::new([const { AtomicU32::new(0) }; CHUNK]));
            versions[page].fetch_add(1, Ordering::Release);
            self.note(pa.0 >> PAGE_SHIFT);
        }
    }

    /// After the version moved.
    fn note(&self, page: u64) {
        let mut log = self.log.lock().expect("no code panics while it holds this lock");
        let event = self.events.load(Ordering::Relaxed);
        log[event as usize % LOG] = page;
        // Release: who counts this event finds the version moved.
        self.events.store(event + 1, Ordering::Release);
    }

    /// How many invalidations there have been: an engine that keeps compiled code compares this at every
    /// context synchronisation event.
    #[inline(always)]
    pub fn events(&self) -> u64 {
        self.events.load(Ordering::Acquire)
    }

    /// Where the count of `events` is, for compiled code. Good while `self` stays in place.
    pub fn events_address(&self) -> usize {
        self.events.as_ptr() as usize
    }

    /// Calls `each` for the pages invalidated since `seen` events, with `None` if that is every page.
    pub fn changed_since(&self, seen: u64, mut each: impl FnMut(Option<PhysAddr>)) {
        let log = self.log.lock().expect("no code panics while it holds this lock");
        let now = self.events.load(Ordering::Relaxed);
        if now - seen > LOG as u64 || (seen..now).any(|event| log[event as usize % LOG] == EVERY_PAGE) {
            return each(None);
        }
        let mut last = EVERY_PAGE;
        for event in seen..now {
            let page = log[event as usize % LOG];
            // Software invalidates a page line by line.
            if page != std::mem::replace(&mut last, page) {
                each(Some(PhysAddr(page << PAGE_SHIFT)));
            }
        }
    }

    /// `IC IALLU`, `IC IALLUIS`, or a host-side change of memory (loading, reset).
    pub fn invalidate_all(&self) {
        self.all.fetch_add(1, Ordering::Release);
        self.note(EVERY_PAGE);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_changed_is_listed_until_the_log_is_full() {
        let pages = CodePages::new(PhysAddr(0x4000_0000), 64 << 20);
        let since = |seen| {
            let mut list = vec![];
            pages.changed_since(seen, |page| list.push(page.map(|pa| pa.0)));
            list
        };
        for pa in [0x4000_1000, 0x4000_1040, 0x4000_3000, 0x4000_1000] {
            pages.invalidate(PhysAddr(pa));
        }
        assert_eq!(since(0), [0x4000_1000, 0x4000_3000, 0x4000_1000].map(Some));
        assert_eq!(since(pages.events()), []);
        let seen = pages.events();
        pages.invalidate_all();
        assert_eq!(since(seen), [None]);
        let seen = pages.events();
        (0..=LOG).for_each(|_| pages.invalidate(PhysAddr(0x4000_0000)));
        assert_eq!(since(seen), [None]);
        assert_eq!(since(seen + 1), [Some(0x4000_0000)]);
    }

    #[test]
    fn every_page_anywhere_has_a_version() {
        let pages = CodePages::anywhere();
        for pa in [0, 0x4000_0000, 0x8_8000_0000, 0xffff_ffff_f000] {
            let before = pages.version(PhysAddr(pa));
            pages.invalidate(PhysAddr(pa));
            assert_ne!(pages.version(PhysAddr(pa)), before, "{pa:#x}");
        }
    }

    #[test]
    fn only_the_invalidated_page_moves() {
        let pages = CodePages::new(PhysAddr(0x4000_0000), 64 << 20);
        let at = |pa| pages.version(PhysAddr(pa));
        let before = [0x4000_0000, 0x4000_1000, 0x43ff_f000].map(at);
        pages.invalidate(PhysAddr(0x4000_1abc));
        assert_eq!([0x4000_0000, 0x43ff_f000].map(at), [before[0], before[2]]);
        assert_ne!(at(0x4000_1000), before[1]);
        pages.invalidate_all();
        assert_ne!(at(0x4000_0000), before[0]);
        pages.invalidate(PhysAddr(0)); // not RAM: nothing to do
        assert_eq!(at(0).0, 0);
    }
}
