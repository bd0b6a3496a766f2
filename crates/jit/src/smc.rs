//! `--check-smc`: does the guest execute instructions that it changed, without cache maintenance?
//!
//! Compiled code runs one block at a time, and what each block was made from is compared with memory before it runs.
//! Words that differ, though every invalidation so far was acted on, are a mistake of the guest: hardware may execute
//! the old instruction or the new one. A journal of stores says who changed them. Instructions that the architecture
//! lets be changed at any time are no mistake (ARM DDI 0487, "Concurrent modification and execution of instructions").
//! Nor is it reported if the invalidation comes a little later: kernels patch functions that the patching itself calls,
//! where old and new do the same.

use crate::Jit;
use crate::code::Offset;
use crate::tables::block;
use a64::Row;
use hashbrown::{HashMap, HashSet};
use hw::{AccessSize, PhysAddr};
use mem::CodePages;
use semantics::Done;
use std::sync::{Arc, Mutex, MutexGuard};

/// Pages with code, the stores to them, and what was found; shared by the vCPUs of a machine.
#[derive(Debug, Default)]
pub struct CodeStores(Mutex<Seen>);

#[derive(Debug, Default)]
struct Seen {
    /// By physical page number: the instruction that wrote each doubleword last.
    pages: HashMap<u64, HashMap<u64, u64>>,
    reported: HashSet<u64>,
    pending: Vec<Pending>,
    reports: Vec<String>,
}

/// A report, unless the page is invalidated soon.
#[derive(Debug)]
struct Pending {
    report: String,
    page: PhysAddr,
    version: (u32, u32),
    /// The vCPU that executes it, and at which of its entries into compiled code it is soon no more.
    index: usize,
    due: u64,
}

/// Entries into compiled code, a block each, that may lie between a store and its maintenance.
const SOON: u64 = 10_000;

impl Seen {
    /// vCPU `index` has entered compiled code so many times.
    fn settle(&mut self, index: usize, entries: u64, code: &CodePages) {
        let Seen { pending, reported, reports, .. } = self;
        pending.retain(|p| {
            let invalidated = code.version(p.page) != p.version;
            if invalidated {
                // Another time it may be forgotten.
                reported.remove(&(p.page.0 >> 12));
            } else if p.index == index && p.due <= entries {
                reports.push(p.report.clone());
                return false;
            }
            !invalidated
        });
    }
}

impl CodeStores {
    fn lock(&self) -> MutexGuard<'_, Seen> {
        self.0.lock().expect("no code panics while it holds this lock")
    }

    /// What was found, a line for each page; then nothing, until there is more.
    pub(crate) fn take_reports(&self, code: &CodePages) -> Vec<String> {
        let mut seen = self.lock();
        // Nothing comes any more.
        (0..=seen.pending.iter().map(|p| p.index).max().unwrap_or(0)).for_each(|i| seen.settle(i, u64::MAX, code));
        std::mem::take(&mut seen.reports)
    }
}

/// May `word` be replaced, or put in the place of another, while it is executed?
fn changes_freely(word: u32) -> bool {
    const NOP: u32 = 0xd503_201f;
    use Row::*;
    word == NOP || a64::lookup(word).is_some_and(|row| matches!(row, B | Bl | Brk | Hvc | Isb | Smc | Svc))
}

impl Jit {
    /// `Options::check_smc`: what was found since it was last asked, by any vCPU.
    pub fn stale_code(&self) -> Vec<String> {
        self.stores.as_ref().map_or_else(Vec::new, |stores| stores.take_reports(self.interp.cpu.shared.bus.code()))
    }

    /// Runs the block at the PC, and looks at its words before.
    #[cold]
    pub(crate) fn advance_checked(&mut self, stores: &Arc<CodeStores>) -> Done {
        self.note_stores(stores);
        let Some(block) = self.block()? else { return self.interp.run_block() };
        self.compare_block(stores, block);
        let (interpret, done) = self.run_once(block);
        self.account_once(&done);
        if interpret { self.interp.run_block() } else { done }
    }

    /// Keeps what the journal says of pages with code.
    fn note_stores(&mut self, stores: &CodeStores) {
        let Some(journal) = &mut self.interp.cpu.journal else { return self.interp.cpu.keep_journal() };
        if journal.written.is_empty() {
            return;
        }
        let mut seen = stores.lock();
        for written in journal.written.drain(..) {
            if let Some(page) = seen.pages.get_mut(&(written.at.0 >> 12)) {
                page.insert(written.at.0, written.pc);
            }
        }
    }

    /// Reports the first word of the block that is not the one in memory.
    fn compare_block(&mut self, stores: &CodeStores, at: Offset) {
        let arena = &self.space.arena;
        let (words, pc) = (block::words(arena, at), block::pc(arena, at));
        let pa = block::page(arena, at) & !0xfff | pc & 0xfff;
        let mut seen = stores.lock();
        seen.pages.entry(pa >> 12).or_default();
        let (index, entries, code) = (self.interp.cpu.index, self.counts.entries, self.interp.cpu.shared.bus.code());
        if !seen.pending.is_empty() {
            seen.settle(index, entries, code);
        }
        let ram = self.interp.cpu.shared.bus.ram();
        for i in 0..block::length(arena, at) {
            let word_at = pa + 4 * u64::from(i);
            let Some(host) = ram.host(PhysAddr(word_at)) else { return };
            let was = arena.get32(words + 4 * i);
            let is = ram.load(host, AccessSize::Word) as u32;
            if was == is || changes_freely(was) && changes_freely(is) || !self.interp.cpu.instruction_cache_on() {
                continue;
            }
            if seen.reported.insert(pa >> 12) {
                let by = seen.pages[&(pa >> 12)].get(&(word_at & !7));
                let by = by.map_or("a store that was not seen".to_owned(), |pc| format!("the store at {pc:#x}"));
                let report = format!(
                    "CPU {index} executes {:#x} (physical {word_at:#x}), which {by} changed from {was:08x} to \
                     {is:08x}, without IC for it",
                    pc.wrapping_add(4 * u64::from(i)),
                );
                let page = PhysAddr(pa & !0xfff);
                let version = code.version(page);
                seen.pending.push(Pending { report, page, version, index, due: entries + SOON });
            }
            return;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn branches_and_nops_may_change_at_any_time() {
        let (nop, b, bl, brk, isb, svc) =
            (0xd503_201f, 0x1400_0001, 0x9400_0001, 0xd420_0000, 0xd503_3fdf, 0xd400_0001);
        assert!([nop, b, bl, brk, isb, svc].into_iter().all(changes_freely));
        let (add, yields, ret, b_eq) = (0x9100_0400, 0xd503_203f, 0xd65f_03c0, 0x5400_0040);
        assert!(![add, yields, ret, b_eq].into_iter().any(changes_freely));
    }
}
