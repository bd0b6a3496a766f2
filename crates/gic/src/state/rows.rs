//! Rows and published words: how the owner of a PE is led to a ready interrupt, and told of it.

use super::{Candidate, Pe, Shared, State};
use crate::prim::{AtomicU64, Ordering::*};
use crate::published::Published;
use crate::word::{GROUPS, Slot};
use sync::{Hints, Reasons, Row};

/// What an announcement goes through. It is looked up before the interrupt's word is swapped, as later loads wait for
/// that.
pub(super) struct Path<'a> {
    place: u32,
    slot: Slot,
    pe: &'a Pe,
    published: &'a AtomicU64,
    row: Row<'a>,
}

impl Path<'_> {
    /// Leads the owner of the slot's PE to the place.
    ///
    /// Who has seen a ready word, and goes on, calls it too, as the thread that made it ready may not have come so
    /// far: what one thread has seen pending, no acknowledge that begins later may miss.
    #[inline(always)]
    pub fn lead(&self) {
        // Meets the owner's clear of the place in one modification order. If this comes first, the owner sees our
        // interrupt's word when it looks again; if second, the place stays.
        self.row.insert(self.place);
        // The same one layer up. If this comes before the owner's clear of the level, Release shows the owner our
        // place; if after, the level stays.
        self.published.fetch_or(1 << self.slot.level, AcqRel);
    }
}

impl State {
    /// The path of `place` to a slot.
    #[inline(always)]
    pub(super) fn path(&self, place: u32, slot: Slot) -> Path<'_> {
        let pe = &self.pes[slot.pe];
        Path { place, slot, pe, published: pe.published.of(slot.group), row: pe.row(slot) }
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
            if Published(pe.published.of(group).fetch_or(0, AcqRel)).limit() != 0 {
                return pe.attention.post(Reasons::INTERRUPT);
            }
        }
    }

    /// The published word of a PE.
    #[inline(always)]
    pub fn published(&self, pe: usize, group: usize) -> Published {
        Published(self.pes[pe].published.of(group).load(Acquire))
    }

    /// Where the published words of a PE are, one for each group: the levels are the low bits of each.
    pub fn published_address(&self, pe: usize) -> usize {
        self.pes[pe].published.0.as_ptr().addr()
    }

    /// The lowest that is ready at this slot of the PE: LPIs come after the others. Owner only.
    #[inline(always)]
    pub fn first(&self, pe: &Pe, slot: Slot) -> Option<Candidate> {
        self.first_placed(pe, slot).or_else(|| self.first_lpi(slot))
    }

    /// The lowest place that is ready at this slot. What is out of date is forgotten. A word that is ready at another
    /// slot may be on its way there, and is led there: somewhere a place leads to it always. Owner only.
    #[inline(always)]
    pub(super) fn first_placed(&self, pe: &Pe, slot: Slot) -> Option<Candidate> {
        let row = pe.row(slot);
        let mut from = 0;
        while let Some(place) = row.next(from) {
            let word = self.word(slot.pe, place);
            if word.is_at(slot) {
                return Some(Candidate::new(place, slot, word));
            }
            self.forget(place, slot, row);
            from = place + 1;
        }
        None
    }

    /// Takes `place` out of a row, and leads to it where it is ready, if it is. Owner only.
    #[cold]
    fn forget(&self, place: u32, slot: Slot, row: Row) {
        row.remove(place);
        // An announcement is ordered before the clear, and its word is visible to this look, or after, and the place is
        // there again.
        if let Some(at) = self.word(slot.pe, place).slot() {
            self.lead(place, at);
        }
    }

    /// Takes back "this level may hold a ready interrupt", unless it does. Owner only.
    #[cold]
    pub fn settle(&self, pe: &Pe, slot: Slot) {
        let word = pe.published.of(slot.group);
        // An announcement ordered before this clear is found by the look below; one ordered after it sets the level
        // again by itself.
        word.fetch_and(!(1 << slot.level), AcqRel);
        if self.first(pe, slot).is_some() {
            word.fetch_or(1 << slot.level, AcqRel);
        }
    }

    /// The same after the last of the row, for which there may be LPIs, was taken.
    #[inline(always)]
    pub(super) fn settle_after(&self, published: &AtomicU64, slot: Slot, row: Row, lpis: Option<&Hints>) {
        // As in `settle`. The words that the row leads to are not looked at: if they are out of date, the next search
        // finds that.
        published.fetch_and(!(1 << slot.level), AcqRel);
        // A set for LPIs of this level may have been made since.
        let lpis = if lpis.is_none() { self.lpi_hints(slot) } else { lpis };
        if !row.is_empty() || self.has_lpi(lpis, slot) {
            published.fetch_or(1 << slot.level, AcqRel);
        }
    }

    /// Replaces the owner's part of a published word. Owner only, and it looks at its signals afterwards.
    #[inline(always)]
    pub fn publish(&self, pe: usize, group: usize, old: Published, new: Published) {
        // Only the owner writes these bits, so flipping the difference is a store of them. AcqRel: whatever was
        // announced under the old limit is visible to the owner's next look.
        let before = Published(self.pes[pe].published.of(group).fetch_xor(old.0 ^ new.0, AcqRel));
        if self.eligible(before) != self.eligible(Published(before.0 ^ old.0 ^ new.0)) {
            self.participation_changed(pe);
        }
    }
}

impl Shared {
    #[inline(always)]
    pub(super) fn of(&self, group: usize) -> &AtomicU64 {
        &self.0[group]
    }

    /// The published words, each read once.
    #[inline(always)]
    pub fn look(&self) -> [Published; GROUPS] {
        // Acquire pairs with announcements: seeing a level is seeing the word and its place.
        let [a, b, c] = &*self.0;
        [a, b, c].map(|word| Published(word.load(Acquire)))
    }

    /// Are the published words without levels?
    #[inline(always)]
    pub fn is_quiet(&self) -> bool {
        let [a, b, c] = self.look();
        !Published(a.0 | b.0 | c.0).has(Published::LEVELS)
    }
}
