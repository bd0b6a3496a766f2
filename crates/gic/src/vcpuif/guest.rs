//! What the guest sees: the ICV_*_EL1 registers. The active priorities are in `hyp`, being the same there.

use super::{BPR0_MIN, BPR1_MIN, PRIORITY_MASK, PhysicalDeactivation, VirtualInterface};

// ICV_CTLR_EL1 fields.
const CBPR: u64 = 1 << 0;
const EOIMODE: u64 = 1 << 1;
const EXTRANGE: u64 = 1 << 19;
/// PRIbits 5, IDbits 16, A3V, RSS; SEIS is 0.
const CTLR_FIXED: u64 = 4 << 8 | 1 << 15 | 1 << 18;

impl VirtualInterface {
    /// ICV_IAR0_EL1: acknowledges a Group 0 interrupt.
    pub fn iar0(&mut self) -> u64 {
        self.acknowledge(0)
    }

    /// ICV_IAR1_EL1 while SCTLR_EL1.NMI is 0: acknowledges a Group 1 interrupt.
    pub fn iar1(&mut self) -> u64 {
        self.acknowledge(1)
    }

    /// ICV_IAR1_EL1 while SCTLR_EL1.NMI is 1: leaves a non-maskable interrupt to NMIAR1, reading 1022.
    pub fn iar1_without_nmi(&mut self) -> u64 {
        if self.signals.nmi { 1022 } else { self.acknowledge(1) }
    }

    /// ICV_NMIAR1_EL1: acknowledges a non-maskable interrupt.
    pub fn nmiar1(&mut self) -> u64 {
        if self.signals.nmi { self.acknowledge(1) } else { 1023 }
    }

    /// ICV_HPPIR0_EL1.
    pub fn hppir0(&self) -> u64 {
        self.highest(0)
    }

    /// ICV_HPPIR1_EL1.
    pub fn hppir1(&self) -> u64 {
        self.highest(1)
    }

    /// ICV_EOIR0_EL1: priority drop, and deactivation unless EOImode is 1.
    #[must_use]
    pub fn set_eoir0(&mut self, v: u64) -> Option<PhysicalDeactivation> {
        self.end(0, v)
    }

    /// ICV_EOIR1_EL1: priority drop, and deactivation unless EOImode is 1.
    #[must_use]
    pub fn set_eoir1(&mut self, v: u64) -> Option<PhysicalDeactivation> {
        self.end(1, v)
    }

    /// ICV_DIR_EL1: deactivation; ignored unless EOImode is 1.
    #[must_use]
    pub fn set_dir(&mut self, v: u64) -> Option<PhysicalDeactivation> {
        if self.eoimode { self.deactivate(v) } else { None }
    }

    /// ICV_RPR_EL1: the running group priority as if the binary point were at its minimum, 0xff when idle; bit 63
    /// while an NMI is active.
    pub fn rpr(&self) -> u64 {
        u64::from(self.nmi_active) << 63 | u64::from(self.running())
    }

    /// ICV_PMR_EL1.
    pub fn pmr(&self) -> u64 {
        self.pmr.into()
    }

    /// ICV_PMR_EL1; unimplemented bits are RAZ/WI.
    #[inline]
    pub fn set_pmr(&mut self, v: u64) {
        self.pmr = v as u8 & PRIORITY_MASK;
        self.masks_changed();
    }

    /// ICV_BPR0_EL1.
    pub fn bpr0(&self) -> u64 {
        self.bpr0.into()
    }

    /// ICV_BPR0_EL1; less than the minimum stores the minimum.
    pub fn set_bpr0(&mut self, v: u64) {
        self.bpr0 = (v as u8 & 7).max(BPR0_MIN);
        self.masks_changed();
    }

    /// ICV_BPR1_EL1; with CBPR, BPR0 plus one, at most 7.
    pub fn bpr1(&self) -> u64 {
        if self.common_bpr { u64::from(self.bpr0 + 1).min(7) } else { self.bpr1.into() }
    }

    /// ICV_BPR1_EL1; ignored with CBPR.
    pub fn set_bpr1(&mut self, v: u64) {
        if !self.common_bpr {
            self.bpr1 = (v as u8 & 7).max(BPR1_MIN);
            self.masks_changed();
        }
    }

    /// ICV_CTLR_EL1.
    pub fn ctlr(&self) -> u64 {
        CTLR_FIXED
            | if self.spec.extended_range { EXTRANGE } else { 0 }
            | if self.eoimode { EOIMODE } else { 0 }
            | if self.common_bpr { CBPR } else { 0 }
    }

    /// ICV_CTLR_EL1: CBPR and EOImode.
    pub fn set_ctlr(&mut self, v: u64) {
        (self.common_bpr, self.eoimode) = (v & CBPR != 0, v & EOIMODE != 0);
        self.masks_changed();
    }

    /// ICV_IGRPEN0_EL1.
    pub fn igrpen0(&self) -> u64 {
        self.enabled[0].into()
    }

    /// ICV_IGRPEN0_EL1.
    pub fn set_igrpen0(&mut self, v: u64) {
        self.enabled[0] = v & 1 != 0;
        self.enables_changed();
    }

    /// ICV_IGRPEN1_EL1.
    pub fn igrpen1(&self) -> u64 {
        self.enabled[1].into()
    }

    /// ICV_IGRPEN1_EL1.
    pub fn set_igrpen1(&mut self, v: u64) {
        self.enabled[1] = v & 1 != 0;
        self.enables_changed();
    }
}
