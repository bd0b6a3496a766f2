//! The CPU interface of one PE: the ICC_* system registers, owned by the vCPU thread by value.
//!
//! Registers are plain fields; what senders need of them (group enables, and a limit at or above the level from
//! which interrupts are held back) is published. Opening publishes at once; closing is published only when
//! `signals` finds that it would have spared a post, so that most priority changes touch nothing shared. The
//! owner looks at `signals` after its own writes, so opening a mask needs no post either.

mod deliver;
mod explain;

use crate::published::Published;
use crate::wires::Gic;
use crate::word::{GROUPS, PRIORITY_MASK};
use std::{cell::Cell, sync::Arc};

/// What the GIC asserts at one PE.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Signals {
    /// A Group 1 interrupt.
    pub irq: bool,
    /// A Group 0 interrupt.
    pub fiq: bool,
}

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

    // For engines.

    /// Does nothing wait at this PE, whatever is masked? It may say no when the answer is yes.
    #[inline]
    pub fn is_quiet(&self) -> bool {
        self.gic.state.is_quiet(self.pe)
    }

    /// Where two words are whose low [`LEVELS`](crate::LEVELS) bits are zero while nothing waits at this PE. Good
    /// while the GIC is there.
    pub fn waiting_address(&self) -> usize {
        self.gic.state.published_address(self.pe)
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
}

impl Drop for CpuInterface {
    fn drop(&mut self) {
        self.reset();
        self.gic.state.unclaim(self.pe);
    }
}
