//! What the hypervisor sees: the ICH_*_EL2 registers. Together they are the whole state.

use super::list::ListRegister;
use super::{BPR0_MIN, BPR1_MIN, PRIORITY_MASK, VirtualInterface};

// ICH_HCR_EL2 fields.
const EN: u64 = 1 << 0;
const TC: u64 = 1 << 10;
const TALL0: u64 = 1 << 11;
const TALL1: u64 = 1 << 12;
const TDIR: u64 = 1 << 14;
const EOICOUNT_SHIFT: u32 = 27;
const EOICOUNT: u64 = 0x1f << EOICOUNT_SHIFT;
/// Bits 7:1 enable the maintenance interrupts that ICH_MISR_EL2 shows in the same bits.
pub(super) const MAINTENANCE_ENABLES: u64 = 0xfe;
const HCR_IMPLEMENTED: u64 = EN | MAINTENANCE_ENABLES | TC | TALL0 | TALL1 | TDIR | EOICOUNT;

/// ICH_VTR_EL2: PRIbits and PREbits 5, IDbits 16, A3V, nV4, TDS; SEIS and DVIM are 0.
const VTR_FIXED: u64 = 4 << 29 | 4 << 26 | 1 << 21 | 1 << 20 | 1 << 19;

// ICH_VMCR_EL2 fields.
const VENG0: u64 = 1 << 0;
const VENG1: u64 = 1 << 1;
const VFIQEN: u64 = 1 << 3;
const VCBPR: u64 = 1 << 4;
const VEOIM: u64 = 1 << 9;
const VBPR1_SHIFT: u32 = 18;
const VBPR0_SHIFT: u32 = 21;
const VPMR_SHIFT: u32 = 24;

/// ICH_AP1R0_EL2.NMI.
const AP_NMI_SHIFT: u32 = 63;

impl VirtualInterface {
    /// ICH_VTR_EL2.
    pub fn vtr(&self) -> u64 {
        VTR_FIXED | (self.spec.list_registers as u64 - 1)
    }

    /// ICH_HCR_EL2.
    pub fn hcr(&self) -> u64 {
        self.hcr
    }

    /// ICH_HCR_EL2, EOIcount included.
    pub fn set_hcr(&mut self, v: u64) {
        self.hcr = v & HCR_IMPLEMENTED;
        self.masks_changed();
    }

    /// ICH_VMCR_EL2.
    pub fn vmcr(&self) -> u64 {
        let flag = |set: bool, bit: u64| if set { bit } else { 0 };
        flag(self.enabled[0], VENG0)
            | flag(self.enabled[1], VENG1)
            | VFIQEN
            | flag(self.common_bpr, VCBPR)
            | flag(self.eoimode, VEOIM)
            | u64::from(self.bpr1) << VBPR1_SHIFT
            | u64::from(self.bpr0) << VBPR0_SHIFT
            | u64::from(self.pmr) << VPMR_SHIFT
    }

    /// ICH_VMCR_EL2. VBPR1 can be written whatever VCBPR is.
    pub fn set_vmcr(&mut self, v: u64) {
        self.enabled = [v & VENG0 != 0, v & VENG1 != 0];
        (self.common_bpr, self.eoimode) = (v & VCBPR != 0, v & VEOIM != 0);
        self.bpr1 = ((v >> VBPR1_SHIFT) as u8 & 7).max(BPR1_MIN);
        self.bpr0 = ((v >> VBPR0_SHIFT) as u8 & 7).max(BPR0_MIN);
        self.pmr = (v >> VPMR_SHIFT) as u8 & PRIORITY_MASK;
        self.enables_changed();
    }

    /// ICH_AP0R0_EL2 and ICV_AP0R0_EL1: bit n is active group priority 8·n.
    pub fn ap0r0(&self) -> u64 {
        self.ap[0].into()
    }

    /// ICH_AP0R0_EL2 and ICV_AP0R0_EL1.
    pub fn set_ap0r0(&mut self, v: u64) {
        self.ap[0] = v as u32;
        self.masks_changed();
    }

    /// ICH_AP1R0_EL2 and ICV_AP1R0_EL1: bit n is active group priority 8·n, bit 63 an active NMI.
    pub fn ap1r0(&self) -> u64 {
        u64::from(self.nmi_active) << AP_NMI_SHIFT | u64::from(self.ap[1])
    }

    /// ICH_AP1R0_EL2 and ICV_AP1R0_EL1.
    pub fn set_ap1r0(&mut self, v: u64) {
        self.ap[1] = v as u32;
        self.nmi_active = self.spec.nmi && v >> AP_NMI_SHIFT != 0;
        self.masks_changed();
    }

    /// `ICH_LR<n>_EL2`. One that is not implemented is UNDEFINED, which is the PE's to say; here it reads zero.
    pub fn lr(&self, n: usize) -> u64 {
        self.lists.get(n).map_or(0, |list| list.0)
    }

    /// `ICH_LR<n>_EL2`. One that is not implemented stays zero.
    pub fn set_lr(&mut self, n: usize, v: u64) {
        if n < self.spec.list_registers {
            self.lists[n] = ListRegister::written(v, self.spec);
            self.list_changed(n);
        }
    }

    /// ICH_MISR_EL2. It tells the conditions whatever ICH_HCR_EL2.En is.
    pub fn misr(&self) -> u64 {
        self.misr.into()
    }

    /// ICH_EISR_EL2: list registers with an EOI maintenance interrupt.
    pub fn eisr(&self) -> u64 {
        self.status.ended.into()
    }

    /// ICH_ELRSR_EL2: list registers that can be used without losing anything.
    pub fn elrsr(&self) -> u64 {
        self.status.empty.into()
    }

    // ICH_HCR_EL2, for the PE and for the rest of this module.

    /// TC: EL1's accesses to registers common to both groups trap to EL2.
    pub fn traps_common(&self) -> bool {
        self.hcr & TC != 0
    }

    /// TALL0: EL1's accesses to Group 0 registers trap to EL2.
    pub fn traps_group0(&self) -> bool {
        self.hcr & TALL0 != 0
    }

    /// TALL1: EL1's accesses to Group 1 registers trap to EL2.
    pub fn traps_group1(&self) -> bool {
        self.hcr & TALL1 != 0
    }

    /// TDIR: EL1's writes of ICV_DIR_EL1 trap to EL2.
    pub fn traps_dir(&self) -> bool {
        self.hcr & TDIR != 0
    }

    /// ICH_HCR_EL2.En.
    #[inline]
    pub(super) fn on(&self) -> bool {
        self.hcr & EN != 0
    }

    /// ICH_HCR_EL2.EOIcount is not 0.
    #[inline]
    pub(super) fn has_eoicount(&self) -> bool {
        self.hcr & EOICOUNT != 0
    }

    /// A deactivation for which there is no list register.
    pub(super) fn count_eoi(&mut self) {
        let next = (self.hcr & EOICOUNT) + (1 << EOICOUNT_SHIFT);
        self.hcr = self.hcr & !EOICOUNT | next & EOICOUNT;
        self.masks_changed();
    }
}
