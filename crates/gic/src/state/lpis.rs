//! LPIs among the interrupts of a PE: announced as others are, and found after those of the same level.
//!
//! Their words and hints are `lpi::Store`'s. The published word is the same, so the argument of `announce` is too.

use super::{Candidate, State};
use crate::ids;
use crate::lpi::{Found, LpiCache, LpiWord, Lpis, Store};
use crate::prim::Ordering::*;
use crate::published::Published;
use crate::word::{G1, Slot, Word};
use sync::{Hints, Reasons};

impl State {
    pub fn lpis(&self) -> Option<&Lpis> {
        self.lpis.as_deref()
    }

    /// LPI `n` was ready at one level and is at another, or at none.
    #[inline(always)]
    pub fn lpi_moved(&self, pe: usize, n: u32, store: &Store, was: Option<u32>, is: Option<u32>) {
        if let Some(level) = is {
            self.announce_lpi(pe, n, store, level);
        }
        if let Some(level) = was {
            self.withdrawn(Slot { pe, group: G1, level });
        }
    }

    /// As `lead`, line by line.
    #[inline(always)]
    pub fn lead_lpi(&self, pe: usize, n: u32, store: &Store, level: u32) {
        let word = self.pes[pe].published.of(G1);
        word.fetch_or(1 << level, AcqRel);
        let hints = store.hints(level).expect("a level's hints are made before a word is configured with it");
        if hints.insert(n) {
            word.fetch_or(1 << level, AcqRel);
        }
    }

    /// As `announce`, line by line.
    #[inline]
    fn announce_lpi(&self, pe: usize, n: u32, store: &Store, level: u32) {
        self.lead_lpi(pe, n, store, level);
        let pe = &self.pes[pe];
        let word = pe.published.of(G1);
        if Published(word.load(Relaxed)).passes(level) {
            pe.attention.post(Reasons::INTERRUPT);
        }
    }

    /// The lowest LPI that is ready at this slot. Owner only.
    #[inline]
    pub(super) fn first_lpi(&self, slot: Slot) -> Option<Candidate> {
        let store = self.lpis()?.store(slot.pe).filter(|_| slot.group == G1)?;
        // As in `forget`.
        let meet = || _ = self.pes[slot.pe].published.of(G1).fetch_or(0, AcqRel);
        let lead = |n, level| self.lead_lpi(slot.pe, n, store, level);
        let Found { n, word } = store.first(slot.level, meet, lead)?;
        // An LPI has no word of the other kind. The fields that a CPU interface asks for are made up, and its own word
        // is where it has no use for an affinity.
        let like = Word(0).with_group1(true).with_enabled(true).with_latch(true).with_target(slot.pe);
        let like = like.with_two_states(!self.control().one_state()).with_priority(word.priority());
        Some(Candidate::new(ids::LPI + n, slot, like.with_affinity(word.0)))
    }

    /// The hints of the LPIs of a slot, if there are any yet: where they are is found before an atomic operation that
    /// `has_lpi` comes after.
    #[inline(always)]
    pub(super) fn lpi_hints(&self, slot: Slot) -> Option<&Hints> {
        self.lpis()?.store(slot.pe).filter(|_| slot.group == G1)?.hints(slot.level)
    }

    /// Is an LPI ready at this slot? Owner only.
    #[inline(always)]
    pub(super) fn has_lpi(&self, hints: Option<&Hints>, slot: Slot) -> bool {
        // What is empty has nothing for a search to find.
        let hints = hints.filter(|hints| !hints.is_empty());
        let Some(first) = hints.and_then(|hints| hints.next(0)) else { return false };
        let store = self.lpis().and_then(|lpis| lpis.store(slot.pe));
        store.is_some_and(|store| store.word(first).ready_at() == Some(slot.level)) || self.first_lpi(slot).is_some()
    }

    /// Takes an LPI, unless its word has changed since. There is no active state.
    #[inline]
    pub(super) fn acknowledge_lpi(&self, found: Candidate) -> bool {
        let (place, slot, word) = (found.place(), found.slot(), found.word);
        let Some((lpis, store)) = self.lpis().and_then(|lpis| Some((lpis, lpis.store(slot.pe)?))) else { return false };
        let found = Found { n: place - ids::LPI, word: LpiWord(word.affinity()) };
        let taken = (lpis.spec.cache == LpiCache::Full || self.is_up_to_date(lpis, store, slot.pe, found))
            && store.acknowledge(found);
        if taken {
            self.settle_after_lpi(store, slot, found.n);
        }
        taken
    }

    /// As `settle_after`. The hint of the only LPI stays; of several it goes, or who takes many would pass by many.
    #[inline(always)]
    fn settle_after_lpi(&self, store: &Store, slot: Slot, n: u32) {
        let Some(hints) = store.hints(slot.level) else { return };
        let (pe, level) = (&self.pes[slot.pe], 1 << slot.level);
        let word = pe.published.of(G1);
        let is_ready = || store.word(n).ready_at() == Some(slot.level);
        let stays = hints.is_only(n);
        let others = || !pe.row(slot).is_empty() || !(stays && hints.is_only(n)) && self.first_lpi(slot).is_some();
        if !stays {
            hints.remove(n);
            if others() {
                // The level stays. As in `forget`: who announces before this is seen below, who comes after sees what
                // we cleared.
                word.fetch_or(level, AcqRel);
                if is_ready() {
                    hints.insert(n);
                }
                return;
            }
        }
        // As above, and as in `settle`.
        word.fetch_and(!level, AcqRel);
        let back = is_ready();
        if back && !stays {
            hints.insert(n);
        }
        // Asked again: another may have come since.
        if back || others() {
            word.fetch_or(level, AcqRel);
        }
    }

    /// Does the configuration table say what it said when the word was configured? If not, the word follows.
    #[cold]
    fn is_up_to_date(&self, lpis: &Lpis, store: &Store, pe: usize, Found { n, word }: Found) -> bool {
        let read = || lpis.read_config(pe, n, !self.control().one_state());
        if word.has(read()) {
            return true;
        }
        let moved = store.reload(n, read);
        self.lpi_moved(pe, n, store, moved.from.ready_at(), moved.to.ready_at());
        false
    }
}
