//! The state of a PE as plain fields.
//!
//! `Regs` is what instructions touch most and what compiled code addresses; `Sys` is what system registers
//! name. Rows that exist once per Exception level are arrays indexed by the level.

use crate::Pstate;
use crate::debug::{BREAKPOINTS, WATCHPOINTS};
use crate::pauth::Keys;

/// General registers, PSTATE, SIMD&FP registers.
#[derive(Clone, Debug, Default, PartialEq, serde::Serialize, serde::Deserialize)]
#[repr(C, align(64))]
pub struct Regs {
    /// X0 to X30.
    pub x: [u64; 31],
    /// The current stack pointer: the bank that PSTATE.{EL, SP} selects lives here, not in `Sys::sp_el`.
    pub sp: u64,
    /// Address of the current instruction.
    pub pc: u64,
    /// PSTATE.{N, Z, C, V} in bits 3 to 0.
    pub nzcv: u32,
    /// The rest of PSTATE.
    pub pstate: Pstate,
    /// FPCR.
    pub fpcr: u32,
    /// FPSR.
    pub fpsr: u32,
    /// V0 to V31.
    pub v: [u128; 32],
}

/// System registers that are plain storage. Index 0 of an EL-indexed array is unused unless said.
#[derive(Clone, Debug, Default, PartialEq, serde::Serialize, serde::Deserialize)]
#[repr(C)]
pub struct Sys {
    /// SP_EL0 to SP_EL3, except the bank in use (see `Regs::sp`).
    pub sp_el: [u64; 4],
    /// ELR_ELx.
    pub elr: [u64; 4],
    /// SPSR_ELx.
    pub spsr: [u64; 4],
    /// ESR_ELx.
    pub esr: [u64; 4],
    /// FAR_ELx.
    pub far: [u64; 4],
    /// VBAR_ELx.
    pub vbar: [u64; 4],
    /// SCTLR_ELx.
    pub sctlr: [u64; 4],
    /// TCR_ELx.
    pub tcr: [u64; 4],
    /// TTBR0_ELx.
    pub ttbr0: [u64; 4],
    /// TTBR1_ELx.
    pub ttbr1: [u64; 4],
    /// MAIR_ELx.
    pub mair: [u64; 4],
    /// AMAIR_ELx.
    pub amair: [u64; 4],
    /// ACTLR_ELx.
    pub actlr: [u64; 4],
    /// AFSR0_ELx.
    pub afsr0: [u64; 4],
    /// AFSR1_ELx.
    pub afsr1: [u64; 4],
    /// CONTEXTIDR_ELx.
    pub contextidr: [u64; 4],
    /// TPIDR_EL0 to TPIDR_EL3.
    pub tpidr: [u64; 4],
    /// TPIDRRO_EL0.
    pub tpidrro: u64,
    /// CPACR_EL1.
    pub cpacr: u64,
    /// CPTR_EL2 and CPTR_EL3 (indices 2, 3).
    pub cptr: [u64; 4],
    /// CSSELR_EL1.
    pub csselr: u64,
    /// PAR_EL1.
    pub par: u64,
    /// HCR_EL2.
    pub hcr: u64,
    /// SCR_EL3.
    pub scr: u64,
    /// VPIDR_EL2.
    pub vpidr: u64,
    /// VMPIDR_EL2.
    pub vmpidr: u64,
    /// VSESR_EL2.
    pub vsesr: u64,
    /// VTTBR_EL2.
    pub vttbr: u64,
    /// VTCR_EL2.
    pub vtcr: u64,
    /// HPFAR_EL2.
    pub hpfar: u64,
    /// Keys of pointer authentication.
    pub keys: Keys,
    /// MDSCR_EL1.
    pub mdscr: u64,
    /// OS lock: OSLSR_EL1.OSLK.
    pub os_lock: bool,
    /// OSDLR_EL1.DLK.
    pub osdlr: u64,
    /// DBGPRCR_EL1.
    pub dbgprcr: u64,
    /// DBGCLAIM tags.
    pub dbgclaim: u64,
    /// MDCCINT_EL1.
    pub mdccint: u64,
    /// DBGBVRn_EL1.
    pub dbgbvr: [u64; BREAKPOINTS],
    /// DBGBCRn_EL1.
    pub dbgbcr: [u64; BREAKPOINTS],
    /// DBGWVRn_EL1.
    pub dbgwvr: [u64; WATCHPOINTS],
    /// DBGWCRn_EL1.
    pub dbgwcr: [u64; WATCHPOINTS],
    /// DISR_EL1.
    pub disr: u64,
    /// CNTHCTL_EL2.
    pub cnthctl: u64,
    /// CNTKCTL_EL1.
    pub cntkctl: u64,
    /// CNTFRQ_EL0 as software last wrote it; has no effect on the count.
    pub cntfrq: u64,
}

impl Sys {
    /// Does HCR_EL2.TGE have effect: is EL0 EL2's, and EL1&0 not translated? SCR_EL3.NS is 1 on models without EL3.
    #[inline(always)]
    pub(crate) const fn tge(&self) -> bool {
        use crate::sysreg::bits::{hcr, scr};
        self.hcr & hcr::TGE != 0 && self.scr & scr::NS != 0
    }
}
