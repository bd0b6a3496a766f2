//! The CPU interface of one PE: the ICC_* system registers, owned by the vCPU thread by value.
//!
//! Registers are plain fields; what senders need of them (group enables, and a limit at or above the level from
//! which interrupts are held back) is published. Opening publishes at once; closing is published only when
//! `signals` finds that it would have spared a post, so that most priority changes touch nothing shared. The
//! owner looks at `signals` after its own writes, so opening a mask needs no post either.
//!
//! One interrupt is the highest priority pending one (IHI 0069, `HighestPriorityPendingInterrupt`): the best of
//! the enabled groups. It alone is signalled, as IRQ in Group 1 and FIQ in Group 0, and acknowledged.
//! Equal priority: the order is IMPLEMENTATION DEFINED; we choose the lowest INTID.

use crate::state::{Candidate, Published};
use crate::wires::Gic;
use crate::word::{GROUPS, PRIORITY_MASK, Slot};
use std::{cell::Cell, fmt::Write, sync::Arc};

/// What the GIC asserts at one PE.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Signals {
    /// A Group 1 interrupt.
    pub irq: bool,
    /// A Group 0 interrupt.
    pub fiq: bool,
}

/// INTID returned when there is nothing to return.
const SPURIOUS: u64 = 1023;
/// Running priority when nothing is active.
const IDLE: u32 = 0xff;
/// 5 bits of priority, all of which preempt: BPR0 is at least 2, and BPR1 one more.
const BPR0_MIN: u8 = 2;
const BPR1_MIN: u8 = 3;

/// ICC_CTLR_EL1 fields that can be written.
const CBPR: u64 = 1 << 0;
const EOIMODE: u64 = 1 << 1;
/// PRIbits 5, IDbits 16, A3V, RSS; PMHE, SEIS and ExtRange are 0.
const CTLR_FIXED: u64 = 4 << 8 | 1 << 15 | 1 << 18;

/// The CPU interface of one PE. `Send`, so that it can be made by the machine and moved to its vCPU's thread; not
/// `Sync`, because only its owner clears hints.
pub struct CpuInterface {
    gic: Arc<Gic>,
    pe: usize,
    pmr: u8,
    bpr0: u8,
    bpr1: u8,
    /// CBPR and EOImode.
    ctlr: u64,
    enabled: [bool; GROUPS],
    /// Active priorities: bit n is group priority 8·n, of Group 0 and Group 1.
    ap: [u32; GROUPS],
    /// Cache, computed from the registers: the first level of each group that is held back; 0 while disabled.
    limit: [u32; GROUPS],
    /// Cache of the owner's part of the published words, whose limits are never below `limit`. Being a `Cell` also
    /// makes this type not `Sync`.
    published: [Cell<Published>; GROUPS],
    /// How often each INTID was acknowledged here; for tools.
    acknowledged: Box<[u64]>,
}

impl CpuInterface {
    pub(crate) fn new(gic: Arc<Gic>, pe: usize) -> CpuInterface {
        let ids = 32 + gic.state.spis() as usize;
        let mut it = CpuInterface {
            gic,
            pe,
            pmr: 0,
            bpr0: BPR0_MIN,
            bpr1: BPR1_MIN,
            ctlr: 0,
            enabled: [false; GROUPS],
            ap: [0; GROUPS],
            limit: [0; GROUPS],
            published: Default::default(),
            acknowledged: vec![0; ids].into(),
        };
        it.update();
        it
    }

    /// Power-on of this PE: everything disabled and masked, nothing active here.
    pub fn reset(&mut self) {
        (self.pmr, self.bpr0, self.bpr1, self.ctlr) = (0, BPR0_MIN, BPR1_MIN, 0);
        (self.enabled, self.ap) = ([false; GROUPS], [0; GROUPS]);
        self.acknowledged.fill(0);
        self.update();
    }

    /// What the GIC asserts at this PE now. One load for each enabled group when nothing waits.
    #[inline]
    pub fn signals(&self) -> Signals {
        if !self.waits(1) && !self.waits(0) {
            return Signals::default();
        }
        match self.signalled() {
            Some(best) if best.slot.group == 1 => Signals { irq: true, fiq: false },
            Some(_) => Signals { irq: false, fiq: true },
            None => Signals::default(),
        }
    }

    // Interrupts.

    /// ICC_IAR0_EL1: acknowledges a Group 0 interrupt.
    pub fn iar0(&mut self) -> u64 {
        self.acknowledge(0)
    }

    /// ICC_IAR1_EL1: acknowledges a Group 1 interrupt.
    pub fn iar1(&mut self) -> u64 {
        self.acknowledge(1)
    }

    /// ICC_HPPIR0_EL1.
    pub fn hppir0(&self) -> u64 {
        self.highest(0)
    }

    /// ICC_HPPIR1_EL1.
    pub fn hppir1(&self) -> u64 {
        self.highest(1)
    }

    /// ICC_EOIR0_EL1: priority drop, and deactivation unless EOImode is 1.
    pub fn set_eoir0(&mut self, v: u64) {
        self.end(0, v);
    }

    /// ICC_EOIR1_EL1: priority drop, and deactivation unless EOImode is 1.
    pub fn set_eoir1(&mut self, v: u64) {
        self.end(1, v);
    }

    /// ICC_DIR_EL1: deactivation; ignored unless EOImode is 1 (IHI 0069, ICC_DIR_EL1).
    pub fn set_dir(&mut self, v: u64) {
        if self.ctlr & EOIMODE != 0 {
            self.deactivate(v as u32 & 0xff_ffff);
        }
    }

    /// ICC_RPR_EL1: the running group priority as if the binary point were at its minimum, 0xff when idle.
    pub fn rpr(&self) -> u64 {
        self.running().into()
    }

    // Masks.

    /// ICC_PMR_EL1.
    pub fn pmr(&self) -> u64 {
        self.pmr.into()
    }

    /// ICC_PMR_EL1; unimplemented bits are RAZ/WI.
    #[inline]
    pub fn set_pmr(&mut self, v: u64) {
        self.pmr = v as u8 & PRIORITY_MASK;
        self.update();
    }

    /// ICC_BPR0_EL1.
    pub fn bpr0(&self) -> u64 {
        self.bpr0.into()
    }

    /// ICC_BPR0_EL1; less than the minimum stores the minimum.
    pub fn set_bpr0(&mut self, v: u64) {
        self.bpr0 = (v as u8 & 7).max(BPR0_MIN);
        self.update();
    }

    /// ICC_BPR1_EL1; with CBPR, BPR0 plus one, at most 7.
    pub fn bpr1(&self) -> u64 {
        if self.ctlr & CBPR != 0 { u64::from(self.bpr0 + 1).min(7) } else { self.bpr1.into() }
    }

    /// ICC_BPR1_EL1; ignored with CBPR.
    pub fn set_bpr1(&mut self, v: u64) {
        if self.ctlr & CBPR == 0 {
            self.bpr1 = (v as u8 & 7).max(BPR1_MIN);
            self.update();
        }
    }

    /// ICC_AP0R0_EL1: bit n is active group priority 8·n.
    pub fn ap0r0(&self) -> u64 {
        self.ap[0].into()
    }

    /// ICC_AP0R0_EL1, for restore.
    pub fn set_ap0r0(&mut self, v: u64) {
        self.ap[0] = v as u32;
        self.update();
    }

    /// ICC_AP1R0_EL1: bit n is active group priority 8·n.
    pub fn ap1r0(&self) -> u64 {
        self.ap[1].into()
    }

    /// ICC_AP1R0_EL1, for restore.
    pub fn set_ap1r0(&mut self, v: u64) {
        self.ap[1] = v as u32;
        self.update();
    }

    // Control.

    /// ICC_CTLR_EL1.
    pub fn ctlr(&self) -> u64 {
        CTLR_FIXED | self.ctlr
    }

    /// ICC_CTLR_EL1: CBPR and EOImode.
    pub fn set_ctlr(&mut self, v: u64) {
        self.ctlr = v & (CBPR | EOIMODE);
        self.update();
    }

    /// ICC_SRE_EL1: system registers only, no bypass.
    pub fn sre(&self) -> u64 {
        0b111
    }

    /// ICC_SRE_EL1: all bits are RAO/WI.
    pub fn set_sre(&mut self, _: u64) {}

    /// ICC_IGRPEN0_EL1.
    pub fn igrpen0(&self) -> u64 {
        self.enabled[0].into()
    }

    /// ICC_IGRPEN0_EL1.
    pub fn set_igrpen0(&mut self, v: u64) {
        self.enabled[0] = v & 1 != 0;
        self.update();
    }

    /// ICC_IGRPEN1_EL1.
    pub fn igrpen1(&self) -> u64 {
        self.enabled[1].into()
    }

    /// ICC_IGRPEN1_EL1.
    pub fn set_igrpen1(&mut self, v: u64) {
        self.enabled[1] = v & 1 != 0;
        self.update();
    }

    /// ICC_SGI1R_EL1: an SGI to those targets where it is in Group 1.
    pub fn set_sgi1r(&mut self, v: u64) {
        self.send(1, v);
    }

    /// ICC_SGI0R_EL1: an SGI to those targets where it is in Group 0.
    pub fn set_sgi0r(&mut self, v: u64) {
        self.send(0, v);
    }

    /// ICC_ASGI1R_EL1: the other security state's Group 1. With one security state, Group 0.
    pub fn set_asgi1r(&mut self, v: u64) {
        self.send(0, v);
    }

    // For tools.

    /// Which PE this is, counted as in the spec.
    pub fn pe(&self) -> usize {
        self.pe
    }

    /// How often `id` was acknowledged here since power-on.
    pub fn acknowledged(&self, id: hw::IntId) -> u64 {
        self.acknowledged.get(id.0 as usize).copied().unwrap_or(0)
    }

    /// Why nothing is signalled, in a few words, for a report about a guest that hangs.
    pub fn explain_masked(&self) -> String {
        let state = &self.gic.state;
        let mut text = String::new();
        if !state.awake(self.pe) {
            text.push_str("GICR_WAKER.ProcessorSleep=1; ");
        }
        for group in 0..GROUPS {
            if state.enables() >> group & 1 == 0 {
                _ = write!(text, "GICD_CTLR.EnableGrp{group}=0; ");
            }
            if !self.enabled[group] {
                _ = write!(text, "ICC_IGRPEN{group}_EL1=0; ");
            }
        }
        match self.best() {
            _ if self.signals() != Signals::default() => text.push_str("signalled; the PE masks it"),
            None => text.push_str("nothing pending and enabled in an enabled group"),
            Some(Candidate { id, word, .. }) => {
                let (priority, group, pmr) = (word.priority(), word.group(), self.pmr);
                _ = write!(text, "INTID {id} group {group} priority {priority:#04x} waits: ");
                if priority >= pmr {
                    _ = write!(text, "PMR={pmr:#04x}");
                } else {
                    _ = write!(text, "running priority {:#04x}", self.running());
                }
            }
        }
        text
    }

    // How it works.

    /// May something wait in this group that is not held back?
    #[inline(always)]
    fn waits(&self, group: usize) -> bool {
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
    fn best(&self) -> Option<Candidate> {
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
    fn signalled(&self) -> Option<Candidate> {
        self.best().filter(|found| found.slot.level < self.limit[found.slot.group])
    }

    fn highest(&self, group: usize) -> u64 {
        self.best().filter(|found| found.slot.group == group).map_or(SPURIOUS, |found| found.id.into())
    }

    #[inline]
    fn acknowledge(&mut self, group: usize) -> u64 {
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
    fn end(&mut self, group: usize, v: u64) {
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
    fn deactivate(&self, id: u32) {
        self.gic.state.update(self.pe, id, |word| word.with_active(false));
    }

    /// IHI 0069, ICC_SGI1R_EL1. The group is checked in the same step that makes it pending.
    fn send(&self, group: usize, v: u64) {
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

    fn running(&self) -> u32 {
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
    fn update(&mut self) {
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

impl Drop for CpuInterface {
    fn drop(&mut self) {
        self.reset();
        self.gic.state.unclaim(self.pe);
    }
}
