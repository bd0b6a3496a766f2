//! Rows and published words: how the owner of a PE is led to a ready interrupt, and told of it.

use super::{Candidate, Pe, State};
use crate::prim::{AtomicU64, Ordering::*};
use crate::published::Published;
use crate::word::{GROUPS, Slot, Word};
use sync::{Hints, Reasons, Way};

/// How many stale hints of a row one search tolerates.
const STALE_HINTS: u32 = if cfg!(loom) {
    0
} else if cfg!(shuttle) {
    1
} else {
    8
};

/// What an announcement goes through. It is looked up before the interrupt's word is swapped, as later loads wait for
/// that.
pub(super) struct Path<'a> {
    place: u32,
    slot: Slot,
    pe: &'a Pe,
    published: &'a AtomicU64,
    row: &'a Hints,
    way: Option<Way<'a>>,
}

impl Path<'_> {
    /// Leads the owner of the slot's PE to the place.
    ///
    /// Who has seen a ready word, and goes on, calls it too, as the thread that made it ready may not have come so
    /// far: what one thread has seen pending, no acknowledge that begins later may miss.
    #[inline(always)]
    pub fn lead(&self) {
        let level = 1 << self.slot.level;
        // Meets the clears of `forget` and `settle` in one modification order. If this comes first, Release shows
        // the clearer our interrupt's word, and it looks again after clearing. If second, Acquire shows us the
        // clear, so the look into the row sees the place gone.
        self.published.fetch_or(level, AcqRel);
        if self.row.insert_by(self.way.as_ref(), self.place) {
            // The level again, because the owner may have cleared it when it found the row empty.
            self.published.fetch_or(level, AcqRel);
        }
    }
}

impl State {
    /// The path of `place` to a slot.
    #[inline(always)]
    pub(super) fn path(&self, place: u32, slot: Slot) -> Path<'_> {
        let pe = &self.pes[slot.pe];
        let row = pe.row(slot);
        Path { place, slot, pe, published: &pe.published[slot.group], row, way: row.way(place) }
    }

    /// Leads the owner of the slot's PE to `place`.
    #[inline]
    pub(super) fn lead(&self, place: u32, slot: Slot) {
        self.path(place, slot).lead();
    }

    /// Leads the owner of the slot's PE to `place`, and posts if the owner would take it now.
    pub(super) fn announce(&self, place: u32, slot: Slot, one_of_n: bool) {
        self.announce_by(&self.path(place, slot), one_of_n);
    }

    /// `announce`.
    #[inline(always)]
    pub(super) fn announce_by(&self, path: &Path, one_of_n: bool) {
        path.lead();
        // Not older than our own write, so either the limit here is as open as the owner had made it, or the
        // owner's raise comes later and finds our level. Relaxed: what we decide depends on this word alone.
        let now = Published(path.published.load(Relaxed));
        if now.passes(path.slot.level) {
            path.pe.attention.post(Reasons::INTERRUPT);
        }
        if one_of_n && !self.eligible(now) {
            // The PE left between our choice and our announcement, so its own search may have missed us.
            self.choose_again(path.slot.pe, path.place);
        }
    }

    #[cold]
    fn choose_again(&self, pe: usize, place: u32) {
        self.update(pe, place, |word| word);
    }

    /// A ready interrupt left `slot`. It may have held back the best of another group, which is now first.
    #[cold]
    pub(super) fn withdrawn(&self, slot: Slot) {
        let pe = &self.pes[slot.pe];
        for group in (0..GROUPS).filter(|&group| group != slot.group) {
            // A read as a read-modify-write: if the owner opens the other group later in the modification order, it
            // acquires our swap and finds the word gone; if earlier, we see it open.
            if Published(pe.published[group].fetch_or(0, AcqRel)).limit() != 0 {
                return pe.attention.post(Reasons::INTERRUPT);
            }
        }
    }

    /// The published word of a PE.
    #[inline(always)]
    pub fn published(&self, pe: usize, group: usize) -> Published {
        Published(self.pes[pe].published[group].load(Acquire))
    }

    /// The published words of a PE, each read when it is asked for.
    #[inline(always)]
    pub fn all_published(&self, pe: usize) -> impl Fn(usize) -> Published {
        let words = &*self.pes[pe].published;
        // Acquire pairs with announcements: seeing a level is seeing the word and its hint.
        |group| Published(words[group].load(Acquire))
    }

    /// Are the published words of a PE without levels?
    #[inline]
    pub fn is_quiet(&self, pe: usize) -> bool {
        // Acquire as in `published`.
        let [a, b, c] = &*self.pes[pe].published;
        !Published(a.load(Acquire) | b.load(Acquire) | c.load(Acquire)).has(Published::LEVELS)
    }

    /// Where the published words of a PE are, one for each group: the levels are the low bits of each.
    pub fn published_address(&self, pe: usize) -> usize {
        self.pes[pe].published.as_ptr().addr()
    }

    /// The lowest that is ready at this slot: LPIs come after the others. Owner only.
    #[inline(always)]
    pub fn first(&self, slot: Slot) -> Option<Candidate> {
        self.first_placed(slot).or_else(|| self.first_lpi(slot))
    }

    /// The lowest place that is ready at this slot. Stale hints cost a load each; beyond a few they are forgotten.
    /// A word that is ready at another slot may be on its way there, and is led there: somewhere a hint to it is
    /// always. Owner only.
    #[inline(always)]
    pub(super) fn first_placed(&self, slot: Slot) -> Option<Candidate> {
        let row = self.pes[slot.pe].row(slot);
        let probe = slot.probe();
        let (mut from, mut stale) = (0, 0);
        while let Some(place) = row.next(from) {
            let word = self.word(slot.pe, place);
            if word.is_at(probe) {
                return Some(Candidate::new(place, slot, word));
            }
            stale += 1;
            if word.ready() || stale > STALE_HINTS {
                self.passed(place, slot, word, stale > STALE_HINTS);
            }
            from = place + 1;
        }
        None
    }

    /// A search came by a hint that is stale.
    #[cold]
    fn passed(&self, place: u32, slot: Slot, word: Word, forget: bool) {
        if let Some(elsewhere) = word.slot() {
            self.lead(place, elsewhere);
        }
        if forget {
            self.forget(place, slot);
        }
    }

    /// Takes `place` out of its row, unless the word is ready there. Owner only.
    #[cold]
    fn forget(&self, place: u32, slot: Slot) {
        let pe = &self.pes[slot.pe];
        pe.row(slot).remove(place);
        // Nothing changes here, but an announcement is ordered before, and its word is visible to the look below,
        // or after, and sees the place gone.
        pe.published[slot.group].fetch_or(0, AcqRel);
        if let Some(at) = self.word(slot.pe, place).slot() {
            self.lead(place, at);
        }
    }

    /// Takes back "this level may hold a ready interrupt", unless it does. Owner only.
    #[cold]
    pub fn settle(&self, slot: Slot) {
        let word = &self.pes[slot.pe].published[slot.group];
        // As in `forget`: an announcement ordered before this clear is found by the look below; one ordered after
        // it sets the level again by itself.
        word.fetch_and(!(1 << slot.level), AcqRel);
        if self.holds(slot) {
            word.fetch_or(1 << slot.level, AcqRel);
        }
    }

    #[inline(never)]
    fn holds(&self, slot: Slot) -> bool {
        self.first(slot).is_some()
    }

    /// The same after the interrupt at `place` was taken, which is often the only one there.
    #[inline(always)]
    pub(super) fn settle_after(&self, path: &Path, cell: &AtomicU64) {
        let (word, slot) = (path.published, path.slot);
        let lpis = self.lpi_hints(slot);
        // As in `settle`; that the row holds no other place, and the word is not back there, is what a search would find.
        word.fetch_and(!(1 << slot.level), AcqRel);
        let alone = path.way.as_ref().is_some_and(Way::is_all) && !Word(cell.load(Acquire)).ready();
        let left = if alone { self.has_lpi(lpis, slot) } else { self.holds(slot) };
        if left {
            word.fetch_or(1 << slot.level, AcqRel);
        }
    }

    /// Replaces the owner's part of a published word. Owner only, and it looks at its signals afterwards.
    #[inline(always)]
    pub fn publish(&self, pe: usize, group: usize, old: Published, new: Published) {
        // Only the owner writes these bits, so flipping the difference is a store of them. AcqRel: whatever was
        // announced under the old limit is visible to the owner's next look.
        let before = Published(self.pes[pe].published[group].fetch_xor(old.0 ^ new.0, AcqRel));
        if self.eligible(before) != self.eligible(Published(before.0 ^ old.0 ^ new.0)) {
            self.participation_changed(pe);
        }
    }
}
