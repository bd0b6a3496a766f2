//! How the CPU interface selects, masks, takes and ends interrupts; the registers are in the parent.
//!
//! One interrupt is the highest priority pending one (IHI 0069, `HighestPriorityPendingInterrupt`): the best of
//! the enabled groups. It alone is signalled, as IRQ in Group 1 and FIQ in Group 0, and acknowledged.
//! Equal priority: the order is IMPLEMENTATION DEFINED; we choose the lowest INTID.

use super::{CBPR, CpuInterface, EOIMODE};
use crate::published::Published;
use crate::state::Candidate;
use crate::wires::Gic;
use crate::word::{GROUPS, Slot};

/// INTID returned when there is nothing to return.
pub(super) const SPURIOUS: u64 = 1023;
/// Running priority when nothing is active.
pub(super) const IDLE: u32 = 0xff;

impl CpuInterface {
    /// May something wait in this group that is not held back?
    #[inline(always)]
    pub(super) fn waits(&self, group: usize) -> bool {
        let published = self.published[group].get();
        if published.limit() == 0 {
            return false;
        }
        let forwarded = self.gic.state.published(self.pe, group).forwarded();
        let below = |limit: u32| forwarded & ((1 << limit) - 1) != 0;
        if below(published.limit()) && !below(self.limit[group]) {
            // It was posted for nothing: the next like it shall not be.
            self.publish(group);
        }
        below(self.limit[group])
    }

    /// The highest priority pending interrupt of the enabled groups, whatever PMR and the running priority.
    #[inline]
    pub(super) fn best(&self) -> Option<Candidate> {
        let state = &self.gic.state;
        let forwarded = |group: usize| {
            if self.enabled[group] { state.published(self.pe, group).forwarded() } else { 0 }
        };
        loop {
            let waiting = [forwarded(0), forwarded(1)];
            let any = waiting[0] | waiting[1];
            if any == 0 {
                return None;
            }
            let level = any.trailing_zeros();
            let slot = |group| Slot { pe: self.pe, group, level };
            let there = |group: usize| waiting[group] >> level & 1 != 0;
            let first = |group| if there(group) { state.first(slot(group)) } else { None };
            match (first(0), first(1)) {
                (Some(a), Some(b)) => return Some(if a.id < b.id { a } else { b }),
                (None, None) => (0..GROUPS).filter(|&group| there(group)).for_each(|group| state.settle(slot(group))),
                (one, None) | (None, one) => return one,
            }
        }
    }

    /// `best`, if priority mask and running priority let it through.
    #[inline]
    pub(super) fn signalled(&self) -> Option<Candidate> {
        self.best().filter(|found| found.slot.level < self.limit[found.slot.group])
    }

    pub(super) fn highest(&self, group: usize) -> u64 {
        self.best().filter(|found| found.slot.group == group).map_or(SPURIOUS, |found| found.id.into())
    }

    #[inline]
    pub(super) fn acknowledge(&mut self, group: usize) -> u64 {
        loop {
            // A spurious read has no side effect (IHI 0069, ICC_IAR0_EL1).
            let Some(found) = self.signalled().filter(|found| found.slot.group == group) else { return SPURIOUS };
            if self.gic.state.acknowledge(found) {
                let level = u32::from(found.word.priority()) & self.group_mask(group);
                self.ap[group] |= 1 << (level >> 3);
                self.update();
                self.acknowledged[found.id as usize] += 1;
                return found.id.into();
            }
            // Another thread changed the interrupt meanwhile; it may be ours no longer.
        }
    }

    /// Drops the highest active priority, if it is of this group; EOIR of the wrong group is UNPREDICTABLE and we
    /// ignore it, as we do one with nothing active.
    #[inline]
    pub(super) fn end(&mut self, group: usize, v: u64) {
        let id = v as u32 & 0xff_ffff;
        let (mine, other) = (self.ap[group].trailing_zeros(), self.ap[1 - group].trailing_zeros());
        if (1020..1024).contains(&id) || self.ap[group] == 0 || mine > other {
            return;
        }
        self.ap[group] &= self.ap[group] - 1;
        self.update();
        if self.ctlr & EOIMODE == 0 {
            self.deactivate(id);
        }
    }

    /// Global for an SPI, this PE's own otherwise. A level still high is pending again at once.
    #[inline]
    pub(super) fn deactivate(&self, id: u32) {
        self.gic.state.update(self.pe, id, |word| word.with_active(false));
    }

    /// IHI 0069, ICC_SGI1R_EL1. The group is checked in the same step that makes it pending.
    pub(super) fn send(&self, group: usize, v: u64) {
        let Gic { state, routes } = &*self.gic;
        let id = (v >> 24) as u32 & 0xf;
        let pend = |pe| state.update(pe, id, |word| if word.group() == group { word.with_latch(true) } else { word });
        if v >> 40 & 1 != 0 {
            (0..state.pes()).filter(|&pe| pe != self.pe).for_each(pend);
        } else {
            let cluster = (v >> 48 & 0xff) << 16 | (v >> 32 & 0xff) << 8 | v >> 16 & 0xff;
            routes.list(cluster as u32, (v >> 44) as u32 & 0xf, v as u16).for_each(pend);
        }
    }

    pub(super) fn running(&self) -> u32 {
        match self.ap[0] | self.ap[1] {
            0 => IDLE,
            active => active.trailing_zeros() << 3,
        }
    }

    /// The bits of a priority that decide preemption (IHI 0069, "Priority grouping"): BPR0=n keeps [7:n+1],
    /// BPR1=n keeps [7:n]; with CBPR both use BPR0.
    #[inline(always)]
    fn group_mask(&self, group: usize) -> u32 {
        let drop = if group == 1 && self.ctlr & CBPR == 0 { self.bpr1 } else { self.bpr0 + 1 };
        0xff << drop & 0xff
    }

    /// The first level of this group that PMR or the running priority holds back. Both compare strictly, and
    /// grouping is monotonic, so all levels below it pass and none above.
    #[inline(always)]
    fn passing(&self, group: usize) -> u32 {
        let unmasked = u32::from(self.pmr >> 3);
        let active = self.ap[0] | self.ap[1];
        let preempts = if active == 0 {
            32
        } else {
            // The least priority whose group priority is not below the running one: the running one rounded up.
            let size = 0x100 - self.group_mask(group);
            (((active.trailing_zeros() << 3) + size - 1) & !(size - 1)).min(0x100) >> 3
        };
        // Superpriority is level 0 and priority p is level 1 + p/8. Nothing is at level 0 yet.
        match unmasked.min(preempts) {
            0 => 0,
            passing => 1 + passing,
        }
    }

    /// The registers have changed. Opens what they open, now; what they close may be published later.
    #[inline(always)]
    pub(super) fn update(&mut self) {
        for group in 0..GROUPS {
            let enabled = self.enabled[group];
            self.limit[group] = if enabled { self.passing(group) } else { 0 };
            let published = self.published[group].get();
            if self.limit[group] > published.limit() || enabled != published.pe_enabled() {
                self.publish(group);
            }
        }
    }

    fn publish(&self, group: usize) {
        let new = Published::owner(self.enabled[group], self.limit[group]);
        self.gic.state.publish(self.pe, group, self.published[group].replace(new), new);
    }
}
