//! Which version of each page's instructions an engine may rely on.
//!
//! A64 lets a PE keep fetching old instructions until software executes `IC IVAU`/`IC IALLU`, a DSB, and
//! an ISB (ARM DDI 0487, "Concurrent modification and execution of instructions"). So `IC` is our only
//! invalidation event: it moves the page's version on, and an engine compares versions when it enters a
//! page and after every context synchronisation event. No store is ever watched.

use hw::PhysAddr;
use std::sync::atomic::{AtomicU32, Ordering};

/// Bytes covered by one version number.
const PAGE_SHIFT: u32 = 12;

/// One version per 4 KiB page of RAM, and one for everything.
pub struct CodePages {
    base: u64,
    pages: Vec<AtomicU32>,
    all: AtomicU32,
}

impl CodePages {
    /// Versions for RAM at `base`, `size` bytes. The array is zero pages until touched.
    pub fn new(base: PhysAddr, size: u64) -> CodePages {
        let mut pages = Vec::new();
        pages.resize_with((size >> PAGE_SHIFT) as usize, AtomicU32::default);
        CodePages { base: base.0, pages, all: AtomicU32::new(0) }
    }

    /// The version of the page at `pa`: changes whenever the page may hold other instructions.
    /// The two halves are the page's own count and the count of `invalidate_all`.
    #[inline]
    pub fn version(&self, pa: PhysAddr) -> (u32, u32) {
        let index = (pa.0.wrapping_sub(self.base) >> PAGE_SHIFT) as usize;
        // Acquire pairs with the Release below: seeing the version is seeing the stores that the
        // invalidating PE completed before it.
        let page = self.pages.get(index).map_or(0, |p| p.load(Ordering::Acquire));
        (page, self.all.load(Ordering::Acquire))
    }

    /// `IC IVAU` on a line of the page at `pa`.
    pub fn invalidate(&self, pa: PhysAddr) {
        let index = (pa.0.wrapping_sub(self.base) >> PAGE_SHIFT) as usize;
        if let Some(page) = self.pages.get(index) {
            page.fetch_add(1, Ordering::Release);
        }
    }

    /// `IC IALLU`, `IC IALLUIS`, or a host-side change of memory (loading, reset).
    pub fn invalidate_all(&self) {
        self.all.fetch_add(1, Ordering::Release);
    }
}
