//! Decoded guest code, by physical page.
//!
//! A page is trusted as long as its version in `mem::CodePages` stands still; when it moved, the words are
//! compared with RAM and only those that changed are decoded again.

use a64::{FeatureSet, ROW_COUNT};
use hashbrown::HashMap;
use hw::{AccessSize, PhysAddr};
use mem::{Bus, HostAddr};
use std::cell::Cell;
use std::rc::Rc;

/// Instructions in a page.
const OPS: usize = 1024;
/// Decoded pages kept; one page is 8 KiB. Small under test, so that eviction happens.
const MAX_PAGES: usize = if cfg!(test) { 2 } else { 1024 };
/// Entries of the direct-mapped front of the map.
const RECENT: usize = 256;
/// Words whose handlers are kept, a power of two.
const KNOWN: usize = 1024;

/// Handler number of a word that is not decoded yet.
pub(crate) const UNDECODED: u16 = ROW_COUNT as u16 + 1;
/// Handler number of a word that belongs to no row, or to one of a feature that the PE lacks.
pub(crate) const UNALLOCATED: u16 = ROW_COUNT as u16;

/// One instruction: its word, and the number of its handler.
#[derive(Clone, Copy)]
pub(crate) struct Op {
    pub word: u32,
    pub handler: u16,
}

/// The instructions of one 4 KiB page.
pub(crate) struct CodePage {
    version: Cell<(u32, u32)>,
    ops: [Cell<Op>; OPS],
}

impl CodePage {
    fn new() -> CodePage {
        let ops = [const { Cell::new(Op { word: 0, handler: UNDECODED }) }; OPS];
        CodePage { version: Cell::new((0, 0)), ops }
    }

    /// The instruction at byte offset `pc` modulo the page.
    #[inline(always)]
    pub fn op(&self, pc: u64) -> Op {
        self.ops[(pc >> 2) as usize % OPS].get()
    }

    /// Brings the words up to date with RAM.
    fn refresh(&self, bus: &Bus, at: HostAddr, version: (u32, u32)) {
        // The version was read before the words: a later change moves it again.
        self.version.set(version);
        for (pair, cells) in self.ops.chunks_exact(2).enumerate() {
            let both = bus.ram().load(HostAddr(at.0 + 8 * pair), AccessSize::Double);
            for (cell, word) in cells.iter().zip([both as u32, (both >> 32) as u32]) {
                if cell.get().word != word || cell.get().handler == UNDECODED {
                    cell.set(Op { word, handler: UNDECODED });
                }
            }
        }
    }
}

/// All pages this vCPU has executed from.
pub(crate) struct CodeCache {
    pages: HashMap<u64, Rc<CodePage>>,
    recent: Vec<(u64, Option<Rc<CodePage>>)>,
    /// What was decoded last, by word: the same words come again and again.
    known: Box<[Cell<Op>; KNOWN]>,
}

impl CodeCache {
    pub fn new() -> CodeCache {
        let nothing = const { Cell::new(Op { word: 0, handler: UNDECODED }) };
        let known = Box::new(std::array::from_fn(|_| nothing.clone()));
        CodeCache { pages: HashMap::new(), recent: vec![(0, None); RECENT], known }
    }

    /// Decodes the instruction at `pc` in `page` for the PE, which has `features`, and keeps the result.
    #[cold]
    pub fn decode(&self, page: &CodePage, pc: u64, features: FeatureSet) -> Op {
        let cell = &page.ops[(pc >> 2) as usize % OPS];
        let word = cell.get().word;
        let known = &self.known[(word.wrapping_mul(0x9e37_79b1) >> 16) as usize % KNOWN];
        let mut op = known.get();
        if op.word != word || op.handler == UNDECODED {
            let row = a64::lookup(word).filter(|row| features.contains(row.needs(word)));
            op = Op { word, handler: row.map_or(UNALLOCATED, |row| row as u16) };
            known.set(op);
        }
        cell.set(op);
        op
    }

    /// The page at `pa` with its present instructions; `None` if no RAM is there. With `trust` off (the
    /// guest's instruction cache is disabled), the words are compared even if the version stands still.
    #[inline]
    pub fn page(&mut self, bus: &Bus, pa: PhysAddr, trust: bool) -> Option<Rc<CodePage>> {
        let number = pa.0 >> 12;
        let version = bus.code().version(pa);
        let recent = &self.recent[number as usize % RECENT];
        if recent.0 == number
            && trust
            && let Some(page) = &recent.1
            && page.version.get() == version
        {
            return Some(page.clone());
        }
        self.slow(bus, number, version, trust)
    }

    #[cold]
    fn slow(&mut self, bus: &Bus, number: u64, version: (u32, u32), trust: bool) -> Option<Rc<CodePage>> {
        let at = bus.ram().host(PhysAddr(number << 12))?;
        if self.pages.len() >= MAX_PAGES && !self.pages.contains_key(&number) {
            self.pages.clear();
            self.recent.fill((0, None));
        }
        let mut fresh = false;
        let page = self.pages.entry(number).or_insert_with(|| {
            fresh = true;
            Rc::new(CodePage::new())
        });
        if fresh || !trust || page.version.get() != version {
            page.refresh(bus, at, version);
        }
        self.recent[number as usize % RECENT] = (number, Some(page.clone()));
        Some(page.clone())
    }
}
