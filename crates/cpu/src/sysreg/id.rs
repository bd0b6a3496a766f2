//! Rows: identification and cache geometry.

use super::row::{Gate, RAZ_WI, Row, enc, reg};
use crate::Vcpu;

/// A field of the model in the space op0=3 op1=0 CRn=0 CRm=1..7; what has no row there reads as zero.
macro_rules! id {
    ($name:literal, $crm:literal, $op2:literal, $field:ident) => {
        reg($name, enc(3, 0, 0, $crm, $op2)).ro(1, |c| c.model.id.$field).fixed(|m| m.id.$field)
    };
}

/// Reserved, or of an AArch32 that is not there: reads as zero.
const fn zero(name: &'static str, crm: u32, op2: u32) -> Row {
    reg(name, enc(3, 0, 0, crm, op2)).ro(1, |_| 0).fixed(|_| 0)
}

/// MPIDR_EL1 bit 31.
pub(crate) const MPIDR_RES1: u64 = 1 << 31;

/// Does EL1 see what EL2 says of the PE?
fn is_guest(c: &Vcpu) -> bool {
    c.layered && c.regs.pstate.el < 2 && c.el2_enabled()
}

/// DC ZVA works on 64 bytes, and is permitted while SCTLR_EL1.DZE says so.
fn dczid(c: &Vcpu) -> u64 {
    use super::bits::sctlr::DZE;
    let prohibited = c.regs.pstate.el == 0 && c.sys.sctlr[1] & DZE == 0;
    u64::from(prohibited) << 4 | 4
}

/// The cache that CSSELR_EL1 selects; UNKNOWN and here zero if there is none.
fn ccsidr(c: &Vcpu) -> u64 {
    c.model.ccsidr.get(c.sys.csselr as usize).copied().unwrap_or(0)
}

#[rustfmt::skip]
pub(super) const ROWS: &[Row] = &[
    reg("MIDR_EL1",    enc(3, 0, 0, 0, 0)).ro(1, |c| if is_guest(c) { c.sys.vpidr } else { c.model.midr }),
    reg("MPIDR_EL1",   enc(3, 0, 0, 0, 5)).ro(1, |c| if is_guest(c) { c.sys.vmpidr } else { c.mpidr | MPIDR_RES1 }),
    reg("REVIDR_EL1",  enc(3, 0, 0, 0, 6)).ro(1, |_| 0).fixed(|_| 0),
    reg("AIDR_EL1",    enc(3, 1, 0, 0, 7)).ro(1, |_| 0).fixed(|_| 0),

    // AArch32, which no Exception level has.
    zero("ID_PFR0_EL1",  1, 0), zero("ID_PFR1_EL1",  1, 1), zero("ID_DFR0_EL1",  1, 2), zero("ID_AFR0_EL1",  1, 3),
    zero("ID_MMFR0_EL1", 1, 4), zero("ID_MMFR1_EL1", 1, 5), zero("ID_MMFR2_EL1", 1, 6), zero("ID_MMFR3_EL1", 1, 7),
    zero("ID_ISAR0_EL1", 2, 0), zero("ID_ISAR1_EL1", 2, 1), zero("ID_ISAR2_EL1", 2, 2), zero("ID_ISAR3_EL1", 2, 3),
    zero("ID_ISAR4_EL1", 2, 4), zero("ID_ISAR5_EL1", 2, 5), zero("ID_MMFR4_EL1", 2, 6), zero("ID_ISAR6_EL1", 2, 7),
    zero("MVFR0_EL1",    3, 0), zero("MVFR1_EL1",    3, 1), zero("MVFR2_EL1",    3, 2),
    zero("ID_PFR2_EL1",  3, 4), zero("ID_DFR1_EL1",  3, 5), zero("ID_MMFR5_EL1", 3, 6),

    id!("ID_AA64PFR0_EL1", 4, 0, pfr0),
    id!("ID_AA64PFR1_EL1", 4, 1, pfr1),
    zero("ID_AA64PFR2_EL1",  4, 2),
    zero("ID_AA64ZFR0_EL1",  4, 4),
    zero("ID_AA64SMFR0_EL1", 4, 5),
    zero("ID_AA64FPFR0_EL1", 4, 7),
    id!("ID_AA64DFR0_EL1", 5, 0, dfr0),
    zero("ID_AA64DFR1_EL1",  5, 1),
    zero("ID_AA64AFR0_EL1",  5, 4),
    zero("ID_AA64AFR1_EL1",  5, 5),
    id!("ID_AA64ISAR0_EL1", 6, 0, isar0),
    id!("ID_AA64ISAR1_EL1", 6, 1, isar1),
    id!("ID_AA64ISAR2_EL1", 6, 2, isar2),
    zero("ID_AA64ISAR3_EL1", 6, 3),
    id!("ID_AA64MMFR0_EL1", 7, 0, mmfr0),
    id!("ID_AA64MMFR1_EL1", 7, 1, mmfr1),
    id!("ID_AA64MMFR2_EL1", 7, 2, mmfr2),
    zero("ID_AA64MMFR3_EL1", 7, 3),
    zero("ID_AA64MMFR4_EL1", 7, 4),

    reg("CCSIDR_EL1",  enc(3, 1, 0, 0, 0)).ro(1, ccsidr),
    reg("CLIDR_EL1",   enc(3, 1, 0, 0, 1)).ro(1, |c| c.model.id.clidr).fixed(|m| m.id.clidr),
    reg("CSSELR_EL1",  enc(3, 2, 0, 0, 0)).rw(1, at!(sys.csselr)).bits(|_| 0xf),
    reg("CTR_EL0",     enc(3, 3, 0, 0, 1)).ro(0, |c| c.model.id.ctr).fixed(|m| m.id.ctr).gate(Gate::UCT),
    reg("DCZID_EL0",   enc(3, 3, 0, 0, 7)).ro(0, dczid),

    // RAS: no error records, so ERRSELR_EL1 selects nothing, and no SError is ever pending.
    reg("ERRIDR_EL1",  enc(3, 0, 5, 3, 0)).ro(1, |_| 0).only(|m| m.ras()),
    reg("ERRSELR_EL1", enc(3, 0, 5, 3, 1)).rw(1, RAZ_WI).only(|m| m.ras()),
    reg("DISR_EL1",    enc(3, 0, 12, 1, 1)).rw(1, at!(sys.disr)).bits(|_| 0x8000_0000_01ff_ffff).only(|m| m.ras()),
];

/// The reserved part of the identification space: op0=3 op1=0 CRn=0 CRm=1..7.
pub(super) static RESERVED: Row = reg("reserved ID register", enc(3, 0, 0, 7, 7)).ro(1, |_| 0).fixed(|_| 0);
