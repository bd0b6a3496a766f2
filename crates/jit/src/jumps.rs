//! Jump caches: from a virtual address to the block there, probed by compiled code at indirect branches.
//!
//! A cache belongs to one set of instruction translations (`cpu::mmu::Tlb::stamp`) and one static context, and
//! holds only what was entered while they were current. When they change, another cache becomes current; when
//! they come back, so does this one. A stamp never comes back once one of its translations is gone.

use crate::context::Static;
use crate::exits::{JUMP_FOLD, JUMPS};
use std::ops::Range;

/// Caches kept.
const CACHES: usize = 96;

/// One entry, as compiled code reads it.
#[derive(Clone, Copy)]
#[repr(C)]
struct Entry {
    pc: u64,
    code: u64,
}

/// No instruction has this address.
const EMPTY: Entry = Entry { pc: u64::MAX, code: 0 };
const _: () = assert!(size_of::<Entry>() == 16);

struct Cache {
    owner: (u64, Static),
    used: u64,
    entries: Box<[Entry]>,
    /// Which entries are not empty, until they are more than `FEW`.
    filled: Vec<u16>,
}

/// So many entries are emptied one by one.
const FEW: usize = 512;

impl Cache {
    fn new(owner: (u64, Static)) -> Cache {
        Cache { owner, used: 0, entries: vec![EMPTY; JUMPS].into(), filled: Vec::with_capacity(FEW) }
    }

    fn empty(&mut self) {
        match self.filled.len() < FEW {
            true => self.filled.iter().for_each(|i| self.entries[usize::from(*i)] = EMPTY),
            false => self.entries.fill(EMPTY),
        }
        self.filled.clear();
    }

    fn insert(&mut self, pc: u64, code: usize) {
        let i = index(pc);
        if self.filled.len() < FEW {
            self.filled.push(i as u16);
        }
        self.entries[i] = Entry { pc, code: code as u64 };
    }
}

/// All jump caches of a vCPU.
pub(crate) struct Jumps {
    caches: Vec<Cache>,
    current: usize,
    /// What was current before: Exception levels take turns.
    previous: usize,
    clock: u64,
    /// Caches that began empty.
    pub begun: u64,
}

/// Where compiled code looks for `pc`: see `exits.rs`.
pub(crate) fn index(pc: u64) -> usize {
    let pc = pc as u32;
    let kind = pc & 3; // see `landing.rs`
    let pc = pc ^ kind;
    (((pc ^ pc >> JUMP_FOLD) >> 2) as usize % JUMPS) ^ kind as usize
}

impl Jumps {
    pub fn new() -> Jumps {
        let cache = Cache::new((0, Static(0)));
        Jumps { caches: vec![cache], current: 0, previous: 0, clock: 0, begun: 0 }
    }

    /// Makes the cache of these translations and this context current; where its entries are.
    #[inline]
    pub fn select(&mut self, stamp: u64, context: Static) -> usize {
        if self.caches[self.current].owner != (stamp, context) {
            self.switch((stamp, context));
        }
        self.caches[self.current].entries.as_ptr().addr()
    }

    fn switch(&mut self, owner: (u64, Static)) {
        std::mem::swap(&mut self.current, &mut self.previous);
        if self.caches[self.current].owner != owner {
            self.search(owner);
        }
    }

    #[cold]
    fn search(&mut self, owner: (u64, Static)) {
        self.clock += 1;
        self.caches[self.previous].used = self.clock;
        self.caches[self.current].used = self.clock;
        if let Some(known) = self.caches.iter().position(|c| c.owner == owner) {
            self.current = known;
            return;
        }
        self.begun += 1;
        if self.caches.len() < CACHES {
            self.caches.push(Cache::new(owner));
            self.current = self.caches.len() - 1;
        } else {
            let oldest = (0..CACHES).min_by_key(|i| self.caches[*i].used).expect("CACHES is not zero");
            self.caches[oldest].owner = owner;
            self.caches[oldest].empty();
            self.current = oldest;
        }
    }

    /// The code of the block at `pc`, in the current cache.
    #[inline]
    pub fn find(&self, pc: u64) -> Option<usize> {
        let entry = self.caches[self.current].entries[index(pc)];
        (entry.pc == pc).then_some(entry.code as usize)
    }

    /// The block at `pc` is at `code`, in the current cache.
    pub fn insert(&mut self, pc: u64, code: usize) {
        self.caches[self.current].insert(pc, code);
    }

    /// Forgets the block at `pc`, in every cache.
    pub fn remove(&mut self, pc: u64) {
        for cache in &mut self.caches {
            for pc in pc..pc + 4 {
                let entry = &mut cache.entries[index(pc)];
                if entry.pc == pc {
                    *entry = EMPTY;
                }
            }
        }
    }

    /// Forgets blocks whose code is at these host addresses, in every cache.
    pub fn remove_code(&mut self, place: &Range<usize>) {
        let entries = self.caches.iter_mut().flat_map(|cache| cache.entries.iter_mut());
        entries.filter(|entry| place.contains(&(entry.code as usize))).for_each(|entry| *entry = EMPTY);
    }

    /// Forgets everything.
    pub fn clear(&mut self) {
        self.caches.iter_mut().for_each(Cache::empty);
    }
}
