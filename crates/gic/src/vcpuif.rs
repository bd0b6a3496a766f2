//! The virtual CPU interface of one PE: the ICH_*_EL2 and ICV_*_EL1 registers, owned by the vCPU thread by value.
//!
//! A hypervisor puts interrupts into list registers (`hyp`); the guest acknowledges and ends them (`guest`,
//! `deliver`). No word of it is shared, and it knows no other part of this crate: what an operation means for the
//! physical interrupt behind a list register is its result, a [`PhysicalDeactivation`] that the caller hands on.
//! The PE decides which accesses come here and which trap; the trap bits of ICH_HCR_EL2 are only kept here.
//!
//! The ICH registers hold the whole state, the ICV registers are views of it: to read the former is to save, to
//! write them is to restore.
//!
//! # What is implemented, and how the specification's licence is used
//!
//! GICv3 for a Non-secure guest: 4 to 16 list registers, 5 bits of priority which all preempt, 16-bit vINTIDs, Aff3 and
//! range selector, FEAT_GICv3_TDIR, and FEAT_GICv3_NMI if wanted. No GICv4 (nV4=1, so vSGIEOIcount and DVIM are RES0)
//! and no SEIs (so TSEI is RES0). ICC_SRE is fixed at 1, so VFIQEn is RES1 and VAckCtl RES0. IHI 0069 leaves open:
//!
//! | question | choice |
//! |---|---|
//! | which of equally urgent list registers goes first | the lowest-numbered |
//! | how many lines are asserted | one: that of the highest priority pending virtual interrupt |
//! | the bits of the running priority that count for preemption | those that count of the pending one |
//! | fields that are UNKNOWN after reset | zero; binary points at their minimum |
//! | HPPIR while ICH_HCR_EL2.En is 0 | as with 1: the specification silences only IAR, NMIAR and the signals |
//! | EOIR with nothing active, or of another group than the running priority's | ignored, and not counted in EOIcount |
//! | EOIR of another INTID than was acknowledged last | drops the running priority, deactivates what it names |
//! | DIR while EOImode is 0 | ignored |
//! | an LPI in a list register | active once acknowledged, as ICH_LR.State says of all types |
//! | the end of such an LPI | EOIR in both modes, never DIR; without a list register it does not count |
//! | vINTID 1020 to 1023 in a valid list register | is not presented |
//! | one vINTID in two list registers | each is presented; deactivation finds the lowest-numbered active one |
//! | ICH_LR.NMI with Group 0 or an LPI | as 0, except that it reads as written |
//! | the active priority of an NMI | ICH_AP1R0.NMI alone; bit 0 is that of the priority 0x00 without it |
//! | pINTID 1020 to 1023 | the list register changes, nothing is deactivated |
//! | EOIcount beyond 31 | wraps |

mod deliver;
mod guest;
mod hyp;
mod list;
mod status;

use list::ListRegister;
use std::fmt;

/// The virtual CPU interface a board wants for a PE.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct VirtualSpec {
    /// How many list registers: 4 to 16.
    pub list_registers: usize,
    /// FEAT_GICv3_NMI: list registers can hold non-maskable interrupts.
    pub nmi: bool,
    /// ICC_CTLR_EL1.ExtRange: pINTIDs have 13 bits instead of 10.
    pub extended_range: bool,
}

/// Why a [`VirtualSpec`] is refused: so many list registers cannot be.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct ListRegistersError(pub usize);

impl fmt::Display for ListRegistersError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "a virtual CPU interface cannot have {} list registers: give 4 to {MAX_LISTS}", self.0)
    }
}

impl std::error::Error for ListRegistersError {}

/// What the virtual CPU interface asserts at its PE.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct VirtualSignals {
    /// A virtual IRQ: a Group 1 interrupt.
    pub irq: bool,
    /// A virtual FIQ: a Group 0 interrupt.
    pub fiq: bool,
    /// The virtual IRQ has superpriority (it is a non-maskable interrupt).
    pub nmi: bool,
}

/// The guest has deactivated a virtual interrupt that stands for this physical one: deactivate that too, as a
/// Non-secure ICC_DIR_EL1 write of this PE would.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[must_use = "the physical interrupt stays active until it is deactivated"]
pub struct PhysicalDeactivation(pub hw::IntId);

const MAX_LISTS: usize = 16;
/// 5 bits of priority, all of which preempt: BPR0 is at least 2, and BPR1 one more.
const BPR0_MIN: u8 = 2;
const BPR1_MIN: u8 = 3;
/// The implemented bits of a priority.
const PRIORITY_MASK: u8 = 0xf8;
/// The first LPI.
const LPIS: u32 = 8192;

/// The virtual CPU interface of one PE.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct VirtualInterface {
    spec: VirtualSpec,
    /// ICH_HCR_EL2 as it reads.
    hcr: u64,
    /// `ICH_LR<n>_EL2`; those that are not implemented stay zero.
    lists: [ListRegister; MAX_LISTS],
    // What ICH_VMCR_EL2 and ICV registers both show.
    pmr: u8,
    bpr0: u8,
    bpr1: u8,
    common_bpr: bool,
    eoimode: bool,
    enabled: [bool; 2],
    /// Active priorities: bit n is group priority 8·n, of Group 0 and Group 1.
    ap: [u32; 2],
    /// ICH_AP1R0_EL2.NMI.
    nmi_active: bool,
    // Caches of what follows from the above. The first is of the list registers and group enables alone.
    status: status::ListStatus,
    signals: VirtualSignals,
    misr: u8,
}

impl VirtualInterface {
    /// After reset: disabled, all list registers empty.
    pub fn new(spec: VirtualSpec) -> Result<VirtualInterface, ListRegistersError> {
        if !(4..=MAX_LISTS).contains(&spec.list_registers) {
            return Err(ListRegistersError(spec.list_registers));
        }
        let mut it = VirtualInterface {
            spec,
            hcr: 0,
            lists: Default::default(),
            pmr: 0,
            bpr0: BPR0_MIN,
            bpr1: BPR1_MIN,
            common_bpr: false,
            eoimode: false,
            enabled: [false; 2],
            ap: [0; 2],
            nmi_active: false,
            status: Default::default(),
            signals: VirtualSignals::default(),
            misr: 0,
        };
        it.enables_changed();
        Ok(it)
    }

    /// Power-on of this PE.
    pub fn reset(&mut self) {
        *self = VirtualInterface::new(self.spec).expect("this spec was accepted when it was made");
    }

    /// What it asserts at the PE now.
    #[inline]
    pub fn signals(&self) -> VirtualSignals {
        self.signals
    }

    /// The level of the maintenance interrupt.
    #[inline]
    pub fn maintenance(&self) -> bool {
        self.misr != 0 && self.on()
    }

    /// What it was made as.
    pub fn spec(&self) -> VirtualSpec {
        self.spec
    }
}
