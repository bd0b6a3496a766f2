//! What happens to LPIs, and what follows from it: the ready ones are announced to their PE.

use super::store::{Moved, Store};
use super::{LpiCache, Lpis};
use crate::wires::Gic;

impl Gic {
    /// A message for LPI `n` at `pe` has come.
    #[inline]
    pub(crate) fn pend_lpi(&self, pe: usize, n: u32) {
        let Some((lpis, store)) = self.lpi_store(pe) else { return };
        let moved = match lpis.spec.cache {
            LpiCache::Full => store.pend(n),
            LpiCache::None => store.pend_reading(n, || lpis.read_config(pe, n, self.two_states())),
        };
        self.lpi_moved(pe, n, store, moved);
    }

    /// Takes the pending state of LPI `n` away; whether there was one.
    pub(crate) fn take_lpi(&self, pe: usize, n: u32) -> bool {
        let Some((_, store)) = self.lpi_store(pe) else { return false };
        let moved = store.take(n);
        self.lpi_moved(pe, n, store, moved);
        moved.from.latch()
    }

    /// Reads the configuration of LPI `n` again, and acts on it before it returns.
    pub(crate) fn reload_lpi(&self, pe: usize, n: u32) {
        let Some((lpis, store)) = self.lpi_store(pe) else { return };
        let moved = store.reload(n, || lpis.read_config(pe, n, self.two_states()));
        self.lpi_moved(pe, n, store, moved);
    }

    /// Reads the configuration of all LPIs of `pe` again.
    pub(crate) fn reload_lpis(&self, pe: usize) {
        let Some((_, store)) = self.lpi_store(pe) else { return };
        // Those that are off are after all that are on.
        (0..store.capacity()).take_while(|n| store.word(*n).on()).for_each(|n| self.reload_lpi(pe, n));
    }

    /// The pending state of LPI `n` moves. The destination may have kept a configuration from when the LPI was there
    /// before, so reads it anew. Off at either side, the state is lost (CONSTRAINED UNPREDICTABLE).
    pub(crate) fn move_lpi(&self, n: u32, from: usize, to: usize) {
        if from != to {
            if self.watch.is_strict()
                && let Some(off) = [from, to].into_iter().find(|&pe| !self.lpis_enabled(pe))
            {
                self.watch.report("MOVI", 0, off, || {
                    format!("MOVI or MOVALL from PE {from} to PE {to}, of which PE {off} has EnableLPIs 0; a pending state is lost")
                });
            }
            self.reload_lpi(to, n);
            if self.take_lpi(from, n) {
                self.pend_lpi(to, n);
            }
        }
    }

    /// Moves every pending state: those at `to` stay.
    pub(crate) fn move_all_lpis(&self, from: usize, to: usize) {
        if let Some((_, store)) = self.lpi_store(from) {
            store.latched().for_each(|n| self.move_lpi(n, from, to));
        }
    }

    /// Can `pe` ever have LPI `n` pending? While its EnableLPIs is 0 we cannot tell, and say yes.
    pub(crate) fn lpi_in_range(&self, pe: usize, n: u32) -> bool {
        n < super::MAX_LPIS && (!self.lpis_enabled(pe) || self.lpi_store(pe).is_some_and(|(_, s)| s.word(n).on()))
    }

    fn two_states(&self) -> bool {
        !self.state.control().one_state()
    }

    #[inline(always)]
    fn lpi_store(&self, pe: usize) -> Option<(&Lpis, &Store)> {
        let lpis = self.state.lpis()?;
        Some((lpis, lpis.store(pe)?))
    }

    /// What follows from a word's change.
    #[inline(always)]
    pub(super) fn lpi_moved(&self, pe: usize, n: u32, store: &Store, moved: Moved) {
        let (was, is) = (moved.from.ready_at(), moved.to.ready_at());
        if was != is {
            self.state.lpi_moved(pe, n, store, was, is);
        } else if let Some(level) = is {
            // A message that merges into another, whose thread may not have announced it yet: see `lead`.
            self.state.lead_lpi(pe, n, store, level);
        }
    }
}
