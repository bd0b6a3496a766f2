//! The interrupt words, the hints that lead to them, and the word each PE publishes: all that threads share.
//!
//! The only file of this crate with an `Ordering`. Three layers, truth first:
//!
//! 1. **Words.** All state of one interrupt is one word; every transition is one compare-and-swap, so the
//!    history of an interrupt is the modification order of its word. A PE takes an interrupt by swapping its
//!    word to active, so no interrupt is taken twice.
//! 2. **Rows.** One bitmap of INTIDs per PE, group and level: a cache of which words are ready there.
//! 3. **Published.** Per PE and group: which rows are not empty, the gates, and a limit, at or above the first
//!    level that the owner's priority mask and running priority hold back, in *one* word.
//!
//! Invariant: a ready word has its bit in the row of its slot, and that row its bit in the published word, or
//! the thread that made it ready is still in `announce`, inside the call that changed it, or the owner is between
//! a clear and its second look. A set bit may be stale; only the PE's owner clears bits.
//!
//! Why no wake-up is lost: the announcing thread's `fetch_or` and the owner's raise of the limit meet in the
//! modification order of the published word. Announced first: the owner's own read-modify-write, or any later
//! load of it, sees the level, and the owner looks at its signals after it opens its mask. Announced second:
//! the announcer sees the open limit and posts. A mask opened below the published limit needs no meeting: all
//! that was announced there was posted, and the owner looks again.
//!
//! Nothing here waits: no lock but `configuration`, which only writes of GICD_CTLR and GICR_WAKER take.

use crate::prim::{AtomicU32, AtomicU64, Mutex, MutexGuard, Ordering::*};
use crate::published::Published;
use crate::route::Routes;
use crate::spec::PeSpec;
use crate::word::{GROUPS, LEVELS, NOBODY, Slot, Word};
use crossbeam::utils::CachePadded;
use std::{array, sync::Arc};
use sync::{Attention, Reasons};

/// Words of a row: INTIDs 0 to 1023. Models under loom have 64 INTIDs.
const ROW_WORDS: usize = if cfg!(loom) { 1 } else { 16 };

/// Private interrupts (SGIs and PPIs) per PE.
pub(crate) const PRIVATE: u32 = 32;

/// How many stale hints of a row one search tolerates.
const STALE_HINTS: u32 = if cfg!(loom) { 0 } else { 8 };

type Row = CachePadded<[AtomicU64; ROW_WORDS]>;

/// What is shared of one PE. Separate cache lines, so that PEs do not slow one another.
struct Pe {
    private: CachePadded<[AtomicU64; PRIVATE as usize]>,
    published: CachePadded<[AtomicU64; GROUPS]>,
    rows: Box<[Row]>,
    attention: Arc<Attention>,
    status: AtomicU32,
    claimed: AtomicU32,
}

/// Everything that is shared, for all PEs.
pub(crate) struct State {
    spis: Box<[CachePadded<AtomicU64>]>,
    pes: Box<[Pe]>,
    /// How many words of a row are in use.
    row_words: usize,
    /// GICD_CTLR group enables, bits 0 and 1; the gates of all PEs are copies of it.
    enables: AtomicU32,
    /// GICD_STATUSR.
    status: AtomicU32,
    /// Some IROUTER has held IRM=1 since power-on; until then nobody looks for 1-of-N interrupts.
    one_of_n_used: AtomicU32,
    /// Where the next 1-of-N choice starts to look.
    cursor: CachePadded<AtomicU32>,
    /// Ordered meeting point of "this interrupt found nobody" and "this PE now participates".
    participation: AtomicU32,
    configuration: Mutex<()>,
}

/// A ready interrupt as the owner of a PE found it.
#[derive(Clone, Copy)]
pub(crate) struct Candidate {
    pub id: u32,
    pub slot: Slot,
    pub word: Word,
}

impl State {
    pub fn new(spis: u32, pes: Vec<PeSpec>) -> State {
        let row_words = (PRIVATE + spis).div_ceil(64) as usize;
        assert!(row_words <= ROW_WORDS, "GicSpec::check bounds the SPIs");
        let pes = pes.into_iter().map(|pe| Pe {
            private: CachePadded::new(array::from_fn(|_| AtomicU64::new(0))),
            published: CachePadded::new(array::from_fn(|_| AtomicU64::new(0))),
            rows: (0..GROUPS as u32 * LEVELS)
                .map(|_| CachePadded::new(array::from_fn(|_| AtomicU64::new(0))))
                .collect(),
            attention: pe.attention,
            status: AtomicU32::new(0),
            claimed: AtomicU32::new(0),
        });
        State {
            spis: (0..spis).map(|_| CachePadded::new(AtomicU64::new(0))).collect(),
            pes: pes.collect(),
            row_words,
            enables: AtomicU32::new(0),
            status: AtomicU32::new(0),
            one_of_n_used: AtomicU32::new(0),
            cursor: CachePadded::new(AtomicU32::new(0)),
            participation: AtomicU32::new(0),
            configuration: Mutex::new(()),
        }
    }

    /// Power-on. The owners are stopped; device threads may move wires meanwhile, which is why even this swaps.
    pub fn reset(&self, routes: &Routes) {
        let _configuration = self.configure();
        for pe in 0..self.pes.len() {
            for id in 0..PRIVATE {
                let sgi = id < 16;
                let word = Word::at_reset(pe).with_edge(sgi).with_fixed_edge(sgi);
                self.swap(&self.pes[pe].private[id as usize], |old| word.with_line(old.line()));
            }
        }
        let spi = Word::at_reset(routes.find(0).unwrap_or(NOBODY));
        self.spis.iter().for_each(|cell| self.swap(cell, |old| spi.with_line(old.line())));
        for pe in &self.pes {
            // Relaxed from here on: whoever restarts the owners orders all this before their first step.
            pe.rows.iter().flat_map(|row| row.iter()).for_each(|word| word.store(0, Relaxed));
            let keep = Published::owner(true, 0x3f).0;
            pe.published.iter().for_each(|word| _ = word.fetch_and(keep, Relaxed));
            pe.status.store(0, Relaxed);
        }
        self.enables.store(0, Relaxed);
        self.status.store(0, Relaxed);
        self.one_of_n_used.store(0, Relaxed);
    }

    fn swap(&self, cell: &AtomicU64, f: impl Fn(Word) -> Word) {
        let mut old = cell.load(Acquire);
        while let Err(now) = cell.compare_exchange(old, f(Word(old)).0, AcqRel, Acquire) {
            old = now;
        }
    }

    // Words.

    pub fn spis(&self) -> u32 {
        self.spis.len() as u32
    }

    pub fn pes(&self) -> usize {
        self.pes.len()
    }

    #[inline(always)]
    fn cell(&self, pe: usize, id: u32) -> Option<&AtomicU64> {
        match id.checked_sub(PRIVATE) {
            None => Some(&self.pes[pe].private[id as usize]),
            Some(spi) => Some(self.spis.get(spi as usize)?),
        }
    }

    /// The word of interrupt `id`, seen from `pe` if it is private; all zero if there is no such interrupt.
    #[inline(always)]
    pub fn word(&self, pe: usize, id: u32) -> Word {
        // Acquire pairs with the AcqRel swaps: the word brings along what was announced with it.
        self.cell(pe, id).map_or(Word(0), |cell| Word(cell.load(Acquire)))
    }

    /// Changes one interrupt by `f`, which is pure and may run again when another thread was faster. All that
    /// follows from the change has been announced when this returns.
    #[inline]
    pub fn update(&self, pe: usize, id: u32, f: impl Fn(Word) -> Word) {
        let Some(cell) = self.cell(pe, id) else { return };
        let mut old = Word(cell.load(Acquire));
        loop {
            let new = self.routed(old, f(old));
            // An edge that merges into a set latch still swaps, so that the acknowledge which consumes the
            // latch also acquires what was written before this edge. Without a latch nothing is consumed.
            if new == old && !new.latch() {
                return;
            }
            // Release: our announcement, and whatever the caller wrote before, is seen by who sees the word.
            // Acquire: a transition built on another thread's announces for it too, so must see as much.
            match cell.compare_exchange_weak(old.0, new.0, AcqRel, Acquire) {
                Ok(_) => return self.moved(id, old, new),
                Err(now) => old = Word(now),
            }
        }
    }

    #[inline(always)]
    fn moved(&self, id: u32, old: Word, new: Word) {
        let (was, is) = (old.slot(), new.slot());
        if was == is && !(new.one_of_n() && new.ready() && is.is_none()) {
            return;
        }
        match is {
            Some(slot) => self.announce(id, slot, new.one_of_n()),
            None if new.one_of_n() && new.ready() => self.found_nobody(id, new),
            None => {}
        }
        if let Some(slot) = was {
            self.withdrawn(slot);
        }
    }

    /// Leads the owner of the slot's PE to `id`, and posts if the owner would take it now.
    #[inline]
    fn announce(&self, id: u32, slot: Slot, one_of_n: bool) {
        let pe = &self.pes[slot.pe];
        let (word, bit) = (&pe.published[slot.group], 1 << (id % 64));
        let hints = &pe.row(slot)[id as usize / 64];
        // Meets the clears of `forget` and `settle` in one modification order. If this comes first, Release shows
        // the clearer our interrupt's word, and it looks again after clearing. If second, Acquire shows us the
        // clear, so the load below sees the bit gone.
        word.fetch_or(1 << slot.level, AcqRel);
        if hints.load(Relaxed) & bit == 0 {
            // Release pairs with the Acquire in `first`: seeing the bit is seeing the word. The level again,
            // because the owner may have cleared it when it found no bit.
            hints.fetch_or(bit, AcqRel);
            word.fetch_or(1 << slot.level, AcqRel);
        }
        // Not older than our own write, so either the limit here is as open as the owner had made it, or the
        // owner's raise comes later and finds our level. Relaxed: what we decide depends on this word alone.
        let now = Published(word.load(Relaxed));
        if now.passes(slot.level) {
            pe.attention.post(Reasons::INTERRUPT);
        }
        if one_of_n && !now.participates() {
            // The PE left between our choice and our announcement, so its own search may have missed us.
            self.update(slot.pe, id, |word| word);
        }
    }

    /// A ready interrupt left `slot`. It may have held back the best of the other group, which is now first.
    #[cold]
    fn withdrawn(&self, slot: Slot) {
        let pe = &self.pes[slot.pe];
        // A read as a read-modify-write: if the owner opens the other group later in the modification order, it
        // acquires our swap and finds the word gone; if earlier, we see it open.
        if Published(pe.published[1 - slot.group].fetch_or(0, AcqRel)).limit() != 0 {
            pe.attention.post(Reasons::INTERRUPT);
        }
    }

    // Rows: the owner's side.

    /// The published word of a PE.
    #[inline(always)]
    pub fn published(&self, pe: usize, group: usize) -> Published {
        Published(self.pes[pe].published[group].load(Acquire))
    }

    /// Are the published words of a PE without levels?
    #[inline]
    pub fn is_quiet(&self, pe: usize) -> bool {
        // Acquire as in `published`.
        let [a, b] = &*self.pes[pe].published;
        !Published(a.load(Acquire) | b.load(Acquire)).has(Published::LEVELS)
    }

    /// Where the published words of a PE are: the levels are the low bits of each.
    pub fn published_address(&self, pe: usize) -> usize {
        self.pes[pe].published.as_ptr().addr()
    }

    /// The lowest INTID that is ready at this slot. Stale hints cost a load each; beyond a few they are forgotten.
    /// Owner only.
    #[inline]
    pub fn first(&self, slot: Slot) -> Option<Candidate> {
        let mut stale = 0;
        for (at, hints) in self.pes[slot.pe].row(slot)[..self.row_words].iter().enumerate() {
            let mut left = hints.load(Acquire);
            while left != 0 {
                let id = at as u32 * 64 + left.trailing_zeros();
                let word = self.word(slot.pe, id);
                if word.is_at(slot) {
                    return Some(Candidate { id, slot, word });
                }
                stale += 1;
                if stale > STALE_HINTS {
                    self.forget(id, slot);
                }
                left &= left - 1;
            }
        }
        None
    }

    /// Takes the bit of `id` out of its row, unless the word is ready there. Owner only.
    #[cold]
    fn forget(&self, id: u32, slot: Slot) {
        let pe = &self.pes[slot.pe];
        let hints = &pe.row(slot)[id as usize / 64];
        hints.fetch_and(!(1 << (id % 64)), AcqRel);
        // Nothing changes here, but an announcement is ordered before, and its word is visible to the look below,
        // or after, and sees the bit gone.
        pe.published[slot.group].fetch_or(0, AcqRel);
        if self.word(slot.pe, id).is_at(slot) {
            hints.fetch_or(1 << (id % 64), AcqRel);
        }
    }

    /// Takes back "this level may hold a ready interrupt", unless it does. Owner only.
    #[inline(always)]
    pub fn settle(&self, slot: Slot) {
        let word = &self.pes[slot.pe].published[slot.group];
        // As in `forget`: an announcement ordered before this clear is found by the look below; one ordered after
        // it sets the level again by itself.
        word.fetch_and(!(1 << slot.level), AcqRel);
        if self.first(slot).is_some() {
            word.fetch_or(1 << slot.level, AcqRel);
        }
    }

    /// Makes a candidate active, unless its word has changed since. Owner only.
    #[inline(always)]
    pub fn acknowledge(&self, found: Candidate) -> bool {
        let Candidate { id, slot, word } = found;
        let Some(cell) = self.cell(slot.pe, id) else { return false };
        let new = self.routed(word, word.acknowledge());
        // Acquire: what was written before the interrupt was raised is visible to the PE that takes it.
        if cell.compare_exchange(word.0, new.0, AcqRel, Relaxed).is_err() {
            return false;
        }
        // The hint stays: an interrupt that came once comes again, and then need not set it.
        self.settle(slot);
        true
    }

    /// Replaces the owner's part of a published word. Owner only, and it looks at its signals afterwards.
    #[inline(always)]
    pub fn publish(&self, pe: usize, group: usize, old: Published, new: Published) {
        // Only the owner writes these bits, so flipping the difference is a store of them. AcqRel: whatever was
        // announced under the old limit is visible to the owner's next look.
        let before = Published(self.pes[pe].published[group].fetch_xor(old.0 ^ new.0, AcqRel));
        if before.participates() != Published(before.0 ^ old.0 ^ new.0).participates() {
            self.participation_changed(pe);
        }
    }

    /// One owner at a time; true if there was none.
    pub fn claim(&self, pe: usize) -> bool {
        self.pes[pe].claimed.swap(1, AcqRel) == 0
    }

    /// The owner is gone; another may claim.
    pub fn unclaim(&self, pe: usize) {
        self.pes[pe].claimed.store(0, Release);
    }

    // 1-of-N.

    /// `new` with a target, if any PE may take it. A choice stands while the interrupt stays ready.
    #[inline(always)]
    fn routed(&self, old: Word, new: Word) -> Word {
        if new.one_of_n() { self.routed_one_of_n(old, new) } else { new }
    }

    #[cold]
    fn routed_one_of_n(&self, old: Word, new: Word) -> Word {
        let stands = old.one_of_n() && old.ready() && old.group() == new.group() && old.target() != NOBODY;
        if !new.ready() {
            new.with_target(NOBODY)
        } else if stands && self.published(old.target(), new.group()).participates() {
            new.with_target(old.target())
        } else {
            new.with_target(self.choose(new.group(), new.level()))
        }
    }

    /// A participating PE, rather one that would take it now; IMPLEMENTATION DEFINED, we go round.
    fn choose(&self, group: usize, level: u32) -> usize {
        let (pes, start) = (self.pes.len(), self.cursor.fetch_add(1, Relaxed) as usize);
        let round = || (0..pes).map(|n| (start + n) % pes);
        let now = |pe: &usize| {
            let word = self.published(*pe, group);
            word.participates() && word.passes(level)
        };
        round().find(now).or_else(|| round().find(|&pe| self.published(pe, group).participates())).unwrap_or(NOBODY)
    }

    /// A 1-of-N interrupt is about to exist: PEs that come and go must look for such interrupts from now on.
    pub fn use_one_of_n(&self) {
        // Relaxed: the swap of the word that follows releases it, and `participation_changed` says why that does.
        self.one_of_n_used.store(1, Relaxed);
    }

    #[cold]
    fn found_nobody(&self, id: u32, word: Word) {
        // Meets `participation_changed` in one modification order: if we come first, the PE's search sees our
        // word; if second, we see that the PE participates.
        self.participation.fetch_add(1, AcqRel);
        if (0..self.pes.len()).any(|pe| self.published(pe, word.group()).participates()) {
            self.update(0, id, |word| word);
        }
    }

    /// `pe` now participates in 1-of-N for a group, or no longer does: its interrupts, or those without a PE,
    /// choose again. An interrupt announced to a PE that left is handled by `announce`.
    #[cold]
    fn participation_changed(&self, pe: usize) {
        self.participation.fetch_add(1, AcqRel);
        if self.one_of_n_used.load(Relaxed) == 0 {
            return;
        }
        for id in PRIVATE..PRIVATE + self.spis() {
            let word = self.word(pe, id);
            if word.one_of_n() && word.ready() && (word.target() == pe || word.target() == NOBODY) {
                self.update(pe, id, |word| word);
            }
        }
    }

    // Gates: configuration.

    /// Serialises the writers of gates; nothing on an interrupt's way takes it.
    pub fn configure(&self) -> MutexGuard<'_, ()> {
        self.configuration.lock().expect("no code panics while it holds this lock")
    }

    /// GICD_CTLR.EnableGrp0 and EnableGrp1, in bits 0 and 1.
    pub fn enables(&self) -> u32 {
        self.enables.load(Acquire)
    }

    /// Opens and closes both groups at all PEs.
    pub fn set_enables(&self, enables: u32) {
        let _configuration = self.configure();
        self.enables.store(enables & 3, Release);
        for pe in 0..self.pes.len() {
            for group in 0..GROUPS {
                self.set_gate(pe, group, Published::DISTRIBUTED, enables >> group & 1 != 0);
            }
        }
    }

    /// Is GICR_WAKER.ProcessorSleep 0?
    pub fn awake(&self, pe: usize) -> bool {
        self.published(pe, 0).has(Published::AWAKE)
    }

    /// Holds, or releases, everything that goes to `pe`.
    pub fn set_awake(&self, pe: usize, awake: bool) {
        let _configuration = self.configure();
        if awake != self.awake(pe) {
            (0..GROUPS).for_each(|group| self.set_gate(pe, group, Published::AWAKE, awake));
            self.participation_changed(pe);
        }
    }

    fn set_gate(&self, pe: usize, group: usize, gate: u64, open: bool) {
        let word = &self.pes[pe].published[group];
        // Decided on the same word as the limit, by the same argument as `announce`.
        let before = if open { word.fetch_or(gate, AcqRel) } else { word.fetch_and(!gate, AcqRel) };
        // Closing one group may make the other's best interrupt first, so any change with something waiting is
        // news; the owner finds out what it means.
        if Published(before).has(gate) != open {
            self.pes[pe].attention.post(Reasons::INTERRUPT);
        }
    }

    // STATUSR.

    /// GICD_STATUSR, or GICR_STATUSR of a PE.
    pub fn status(&self, pe: Option<usize>) -> u32 {
        self.status_cell(pe).load(Relaxed)
    }

    /// Records an access error. Relaxed: nothing is published through these bits.
    pub fn set_status(&self, pe: Option<usize>, bits: u32) {
        self.status_cell(pe).fetch_or(bits, Relaxed);
    }

    /// Write one to clear.
    pub fn clear_status(&self, pe: Option<usize>, bits: u32) {
        self.status_cell(pe).fetch_and(!bits, Relaxed);
    }

    fn status_cell(&self, pe: Option<usize>) -> &AtomicU32 {
        pe.map_or(&self.status, |pe| &self.pes[pe].status)
    }
}

impl Pe {
    #[inline(always)]
    fn row(&self, slot: Slot) -> &[AtomicU64; ROW_WORDS] {
        &self.rows[slot.group * LEVELS as usize + slot.level as usize]
    }
}
