//! 1-of-N: which PE an interrupt with IROUTER.IRM=1 goes to. The choice is part of the interrupt's word.

use super::State;
use crate::prim::Ordering::*;
use crate::published::Published;
use crate::word::{G0, NOBODY, Word};

impl State {
    /// `new` with a target, if any PE may take it. A choice stands while the interrupt stays ready.
    #[inline(always)]
    pub(super) fn routed(&self, old: Word, new: Word) -> Word {
        if new.one_of_n() { self.routed_one_of_n(old, new) } else { new }
    }

    #[cold]
    fn routed_one_of_n(&self, old: Word, new: Word) -> Word {
        let stands = old.one_of_n() && old.ready() && old.group() == new.group() && old.target() != NOBODY;
        if !new.ready() {
            new.with_target(NOBODY)
        } else if stands && self.eligible(self.published(old.target(), new.group())) {
            new.with_target(old.target())
        } else {
            new.with_target(self.choose(new.group(), new.level()))
        }
    }

    /// May a PE that publishes this be chosen? Asleep only with GICD_CTLR.E1NWF.
    #[inline]
    pub(super) fn eligible(&self, word: Published) -> bool {
        word.participates() || word.participates_if_woken() && self.control().wakes_for_one_of_n()
    }

    /// An eligible PE, rather one that would take it now, or is awake at least; IMPLEMENTATION DEFINED, we go round.
    fn choose(&self, group: usize, level: u32) -> usize {
        let (pes, start) = (self.pes.len(), self.cursor.fetch_add(1, Relaxed) as usize);
        let wish = |of: &dyn Fn(Published) -> bool| {
            (0..pes).map(|n| (start + n) % pes).find(|&pe| of(self.published(pe, group)))
        };
        wish(&|word| word.participates() && word.passes(level))
            .or_else(|| wish(&|word| word.participates()))
            .or_else(|| wish(&|word| self.eligible(word)))
            .unwrap_or(NOBODY)
    }

    /// A 1-of-N interrupt is about to exist: PEs that come and go must look for such interrupts from now on.
    pub fn use_one_of_n(&self) {
        // Relaxed: the swap of the word that follows releases it, and `participation_changed` says why that does.
        self.one_of_n_used.store(1, Relaxed);
    }

    #[cold]
    pub(super) fn found_nobody(&self, place: u32, word: Word) {
        // Meets `participation_changed` in one modification order: if we come first, the PE's search sees our
        // word; if second, we see that the PE participates.
        self.participation.fetch_add(1, AcqRel);
        if (0..self.pes.len()).any(|pe| self.eligible(self.published(pe, word.group()))) {
            self.update(0, place, |word| word);
        }
    }

    /// `pe` now participates in 1-of-N for a group, or no longer does: its interrupts, or those without a PE,
    /// choose again. An interrupt announced to a PE that left is handled by `announce`.
    #[cold]
    pub(super) fn participation_changed(&self, pe: usize) {
        self.participation.fetch_add(1, AcqRel);
        if self.one_of_n_used.load(Relaxed) == 0 {
            return;
        }
        for place in self.layout.shared_places() {
            let word = self.word(pe, place);
            if word.one_of_n() && word.ready() && (word.target() == pe || word.target() == NOBODY) {
                self.update(pe, place, |word| word);
            }
        }
    }

    /// GICR_WAKER: is something pending for a PE that is asleep (the WakeRequest signal)?
    pub fn wake_request(&self, pe: usize) -> bool {
        !self.published(pe, G0).has(Published::AWAKE) && !self.pes[pe].published.is_quiet()
    }
}
