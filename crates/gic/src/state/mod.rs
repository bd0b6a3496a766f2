//! The interrupt words, the hints that lead to them, and the word each PE publishes: all that threads share.
//!
//! The only place of this crate with an `Ordering`. Three layers, truth first:
//!
//! 1. **Words** (here). All state of one interrupt is one word; every transition is one compare-and-swap, so the
//!    history of an interrupt is the modification order of its word. A PE takes an interrupt by swapping its
//!    word to active, so no interrupt is taken twice.
//! 2. **Rows** (`rows`). One set of places per PE, group and level: which words are ready there. Taking an interrupt takes
//!    its place out.
//! 3. **Published** (`rows`, and `gates` for the configuration's part). Per PE and group: which rows are not empty,
//!    the gates, and a limit, at or above the first level that the owner's priority mask and running priority hold
//!    back, in *one* word.
//!
//! Invariant: a ready word has its place in the row of its slot, and that row its bit in the published word, or
//! the thread that made it ready is still in `announce`, inside the call that changed it, or the owner is between
//! a clear and its second look. A set bit may be stale; only the PE's owner clears bits. An announcement sets the place,
//! then the level, each by a read-modify-write; the owner clears in the opposite direction what it looks at again: a
//! place, then its word; a level, then its row. The two meet in the modification order of what is set and cleared.
//!
//! Why no wake-up is lost: the announcing thread's `fetch_or` and the owner's raise of the limit meet in the
//! modification order of the published word. Announced first: the owner's own read-modify-write, or any later
//! load of it, sees the level, and the owner looks at its signals after it opens its mask. Announced second:
//! the announcer sees the open limit and posts. A mask opened below the published limit needs no meeting: all
//! that was announced there was posted, and the owner looks again.
//!
//! Nothing here waits: no lock but `configuration`, which only writes of GICD_CTLR, GICR_CTLR and GICR_WAKER take.

mod gates;
mod lpis;
mod one_of_n;
mod rows;

use crate::ids::{Home, Layout, PRIVATE};
use crate::lpi::Lpis;
use crate::prim::{AtomicU32, AtomicU64, Mutex, Ordering::*};
use crate::published::Published;
use crate::route::Routes;
use crate::spec::PeSpec;
use crate::word::{GROUPS, LEVELS, NOBODY, Slot, Word};
use crossbeam::utils::CachePadded;
use std::{array, num::NonZeroU64, sync::Arc};
use sync::{Attention, Row, Rows};

pub(crate) use gates::Control;

/// What is shared of one PE. Separate cache lines, so that PEs do not slow one another.
pub(crate) struct Pe {
    /// SGIs and PPIs.
    private: CachePadded<[AtomicU64; PRIVATE as usize]>,
    /// EPPIs.
    extended: Box<[AtomicU64]>,
    /// Its owner has this at hand.
    published: Arc<Shared>,
    /// By group and level.
    rows: Rows,
    attention: Arc<Attention>,
    /// GICR_STATUSR, Non-secure and Secure.
    status: [AtomicU32; 2],
    /// GICR_CTLR.DPG as it reads, by group.
    declines: AtomicU32,
    claimed: AtomicU32,
}

/// The words that a PE publishes.
pub(crate) struct Shared(CachePadded<[AtomicU64; GROUPS]>);

/// Everything that is shared, for all PEs.
pub(crate) struct State {
    layout: Layout,
    /// SPIs, then ESPIs.
    shared: Box<[CachePadded<AtomicU64>]>,
    pes: Box<[Pe]>,
    /// What GICD_CTLR holds (`Control`); the gates of all PEs are copies of its group enables.
    control: AtomicU32,
    /// `Control` after power-on.
    control_at_reset: Control,
    /// Shared places that this GIC has no interrupt for.
    absent: Box<[u32]>,
    /// GICD_STATUSR, Non-secure and Secure.
    status: [AtomicU32; 2],
    /// Some IROUTER has held IRM=1 since power-on; until then nobody looks for 1-of-N interrupts.
    one_of_n_used: AtomicU32,
    /// Where the next 1-of-N choice starts to look.
    cursor: CachePadded<AtomicU32>,
    /// Ordered meeting point of "this interrupt found nobody" and "this PE now participates".
    participation: AtomicU32,
    configuration: Mutex<()>,
    lpis: Option<Box<Lpis>>,
}

/// A ready interrupt as the owner of a PE found it. Two registers, also when there may be none: it is handed on several
/// times.
#[derive(Clone, Copy)]
pub(crate) struct Candidate {
    pub word: Word,
    /// One more than the place, PE, group and level, in 32, 16, 8 and 8 bits from the top.
    at: NonZeroU64,
}

impl Candidate {
    #[inline(always)]
    pub fn new(place: u32, slot: Slot, word: Word) -> Candidate {
        let slot = (slot.pe as u64) << 16 | (slot.group as u64) << 8 | u64::from(slot.level);
        // `|` with a number that is not zero is not zero.
        Candidate { word, at: NonZeroU64::new((u64::from(place) + 1) << 32).expect("places are small") | slot }
    }

    #[inline(always)]
    pub fn place(self) -> u32 {
        (self.at.get() >> 32) as u32 - 1
    }

    #[inline(always)]
    pub fn slot(self) -> Slot {
        let at = self.at.get() as usize;
        Slot { pe: at >> 16 & 0xffff, group: at >> 8 & 0xff, level: at as u32 & 0xff }
    }
}

impl State {
    pub fn new(
        layout: Layout,
        absent: Box<[u32]>,
        two_states: bool,
        pes: Vec<PeSpec>,
        lpis: Option<Box<Lpis>>,
    ) -> State {
        let groups = if two_states { GROUPS } else { GROUPS - 1 };
        let pes = pes.into_iter().map(|pe| Pe {
            private: CachePadded::new(array::from_fn(|_| AtomicU64::new(0))),
            extended: (0..layout.eppis).map(|_| AtomicU64::new(0)).collect(),
            published: Arc::new(Shared(CachePadded::new(array::from_fn(|_| AtomicU64::new(0))))),
            rows: Rows::new(groups * LEVELS as usize, layout.places()),
            attention: pe.attention,
            status: Default::default(),
            declines: AtomicU32::new(0),
            claimed: AtomicU32::new(0),
        });
        let control_at_reset = Control::at_reset(two_states);
        State {
            layout,
            shared: (0..layout.shared()).map(|_| CachePadded::new(AtomicU64::new(0))).collect(),
            pes: pes.collect(),
            control: AtomicU32::new(control_at_reset.0),
            control_at_reset,
            absent,
            status: Default::default(),
            one_of_n_used: AtomicU32::new(0),
            cursor: CachePadded::new(AtomicU32::new(0)),
            participation: AtomicU32::new(0),
            configuration: Mutex::new(()),
            lpis,
        }
    }

    /// Power-on. The owners are stopped; device threads may move wires meanwhile, which is why even this swaps.
    pub fn reset(&self, routes: &Routes) {
        let _configuration = self.configure();
        let two = !self.control_at_reset.one_state();
        for pe in 0..self.pes.len() {
            self.layout.private_places().for_each(|place| self.swap(pe, place, at_reset(pe, place, two)));
        }
        let spi = Word::at_reset(routes.find(0).unwrap_or(NOBODY)).with_two_states(two);
        for place in self.layout.shared_places() {
            let word = if self.absent.contains(&place) { Word(0) } else { spi };
            self.swap(0, place, |old| word.with_line(old.line()));
        }
        for pe in &self.pes {
            // Relaxed from here on: whoever restarts the owners orders all this before their first step.
            pe.rows.clear();
            let keep = Published::owner(true, 0x3f).0;
            pe.published.0.iter().for_each(|word| _ = word.fetch_and(keep, Relaxed));
            pe.status.iter().for_each(|status| status.store(0, Relaxed));
            pe.declines.store(0, Relaxed);
        }
        self.control.store(self.control_at_reset.0, Relaxed);
        self.status.iter().for_each(|status| status.store(0, Relaxed));
        self.one_of_n_used.store(0, Relaxed);
    }

    /// The private interrupts of a PE as after power-on: its redistributor was switched off.
    pub fn reset_private(&self, pe: usize) {
        let two = !self.control().one_state();
        self.layout.private_places().for_each(|place| self.update(pe, place, at_reset(pe, place, two)));
    }

    /// Replaces a word without announcing it.
    fn swap(&self, pe: usize, place: u32, f: impl Fn(Word) -> Word) {
        let Some(cell) = self.cell(pe, place) else { return };
        let mut old = cell.load(Acquire);
        while let Err(now) = cell.compare_exchange(old, f(Word(old)).0, AcqRel, Acquire) {
            old = now;
        }
    }

    pub fn layout(&self) -> Layout {
        self.layout
    }

    pub fn pes(&self) -> usize {
        self.pes.len()
    }

    #[inline(always)]
    pub fn pe(&self, pe: usize) -> &Pe {
        &self.pes[pe]
    }

    /// What a PE publishes.
    pub fn shared(&self, pe: usize) -> Arc<Shared> {
        self.pes[pe].published.clone()
    }

    #[inline(always)]
    fn cell(&self, pe: usize, place: u32) -> Option<&AtomicU64> {
        self.cell_by(|| &self.pes[pe], place)
    }

    #[inline(always)]
    fn cell_by<'a>(&'a self, pe: impl FnOnce() -> &'a Pe, place: u32) -> Option<&'a AtomicU64> {
        match self.layout.home(place)? {
            Home::Private(n) => Some(&pe().private[n]),
            Home::Extended(n) => pe().extended.get(n),
            Home::Shared(n) => self.shared.get(n).map(|word| &**word),
        }
    }

    /// The word of the interrupt at `place`, seen from `pe` if it is private; all zero if there is none.
    #[inline(always)]
    pub fn word(&self, pe: usize, place: u32) -> Word {
        // Acquire pairs with the AcqRel swaps: the word brings along what was announced with it.
        self.cell(pe, place).map_or(Word(0), |cell| Word(cell.load(Acquire)))
    }

    /// The same for a read that says what it saw: see `lead`.
    pub fn read(&self, pe: usize, place: u32) -> Word {
        let word = self.word(pe, place);
        self.observed(place, word);
        word
    }

    /// Somebody has seen this word.
    #[inline]
    fn observed(&self, place: u32, word: Word) {
        if let Some(slot) = word.slot() {
            self.lead(place, slot);
        }
    }

    /// Changes one interrupt by `f`, which is pure and may run again when another thread was faster. All that
    /// follows from the change has been announced when this returns. An interrupt that is not there does not change.
    #[inline]
    pub fn update(&self, pe: usize, place: u32, f: impl Fn(Word) -> Word) {
        let Some(cell) = self.cell(pe, place) else { return };
        let mut old = Word(cell.load(Acquire));
        loop {
            let new = self.routed(old, f(old));
            // An edge that merges into a set latch still swaps, so that the acknowledge which consumes the
            // latch also acquires what was written before this edge. Without a latch nothing is consumed.
            if new == old && !new.latch() || !old.implemented() {
                return self.observed(place, old);
            }
            let path = new.slot().map(|slot| self.path(place, slot));
            // Release: our announcement, and whatever the caller wrote before, is seen by who sees the word.
            // Acquire: a transition built on another thread's announces for it too, so must see as much.
            match cell.compare_exchange_weak(old.0, new.0, AcqRel, Acquire) {
                Ok(_) => {
                    return match path {
                        Some(path) if !old.ready() => self.announce_by(&path, new.one_of_n()),
                        Some(path) if old.ready() && old.shares_slot(new) => path.lead(),
                        None if !old.ready() && !new.ready() => {}
                        _ => self.moved(place, old, new),
                    };
                }
                Err(now) => old = Word(now),
            }
        }
    }

    /// The general case of what follows from a change.
    fn moved(&self, place: u32, old: Word, new: Word) {
        let (was, is) = (old.slot(), new.slot());
        if was == is && !(new.one_of_n() && new.ready() && is.is_none()) {
            return self.observed(place, new);
        }
        match is {
            Some(slot) => self.announce(place, slot, new.one_of_n()),
            None if new.one_of_n() && new.ready() => self.found_nobody(place, new),
            None => {}
        }
        if let Some(slot) = was {
            self.withdrawn(slot);
        }
    }

    /// Makes a candidate active, unless its word has changed since. Owner only.
    pub fn acknowledge(&self, pe: &Pe, found: Candidate) -> bool {
        match self.cell_by(|| pe, found.place()) {
            Some(cell) => self.take(pe, pe.row(found.slot()), cell, found.place(), found.slot(), found.word),
            None => self.acknowledge_lpi(found),
        }
    }

    /// Acknowledges the first of a slot without more ado, if its first place is not out of date and it may be taken:
    /// what `first` and `acknowledge` do most often.
    #[inline(always)]
    pub fn take_first(&self, pe: &Pe, slot: Slot, may: impl FnOnce(Word) -> bool) -> Option<(u32, Word)> {
        let row = pe.row(slot);
        let place = row.next(0)?;
        let cell = self.cell_by(|| pe, place)?;
        // Acquire as in `word`.
        let word = Word(cell.load(Acquire));
        (word.is_at(slot) && may(word) && self.take(pe, row, cell, place, slot, word)).then_some((place, word))
    }

    /// Makes an interrupt active whose word is `cell`, unless that is not `word` any more.
    #[inline(always)]
    fn take(&self, pe: &Pe, row: Row, cell: &AtomicU64, place: u32, slot: Slot, word: Word) -> bool {
        let new = self.routed(word, word.acknowledge());
        let (published, lpis) = (pe.published.of(slot.group), self.lpi_hints(slot));
        // Acquire: what was written before the interrupt was raised is visible to the PE that takes it.
        if cell.compare_exchange(word.0, new.0, AcqRel, Relaxed).is_err() {
            return false;
        }
        row.remove(place);
        let now = Word(cell.load(Acquire));
        if now.ready() {
            self.observed(place, now);
        }
        if row.is_empty() && !self.has_lpi(lpis, slot) {
            self.settle_after(published, slot, row, lpis);
        }
        true
    }

    /// One owner at a time; true if there was none.
    pub fn claim(&self, pe: usize) -> bool {
        self.pes[pe].claimed.swap(1, AcqRel) == 0
    }

    /// The owner is gone; another may claim.
    pub fn unclaim(&self, pe: usize) {
        self.pes[pe].claimed.store(0, Release);
    }
}

/// A private interrupt after power-on: its wire is a device's.
fn at_reset(pe: usize, place: u32, two_states: bool) -> impl Fn(Word) -> Word {
    let sgi = place < 16;
    let word = Word::at_reset(pe).with_edge(sgi).with_fixed_edge(sgi).with_two_states(two_states);
    move |old| word.with_line(old.line())
}

impl Pe {
    #[inline(always)]
    fn row(&self, slot: Slot) -> Row<'_> {
        self.rows.row(slot.group * LEVELS as usize + slot.level as usize)
    }
}
