//! Rows: system control, exceptions, translation, special-purpose registers. Those of EL2 and EL3 are in `higher`.

use super::bits::{sctlr, tcr};
use super::row::{After, Gate, RAZ_WI, Row, enc, reg};
use crate::{Model, Pstate, Vcpu};
use a64::Feature;

/// What SPSR_ELx keeps: N, Z, C, V, UAO, PAN, SS, IL, SSBS, D, A, I, F, M[4:0]; and with features DIT, ALLINT, BTYPE.
pub(crate) fn spsr(m: &Model) -> u64 {
    0xf0f0_13df | m.bits(&[(Feature::DIT, 1 << 24), (Feature::NMI, 1 << 13), (Feature::BTI, 0b11 << 10)])
}
/// CPACR_EL1.FPEN; there is no trace unit and no SVE.
const CPACR: u64 = 3 << 20;
/// AHP, DN, FZ, RMode. Trapped floating-point exceptions are not implemented, so their enables are RAZ/WI.
const FPCR: u64 = 0x07c0_0000;
const FPCR_FZ16: u64 = 1 << 19;
/// QC and the cumulative exception bits; NZCV are AArch32's.
const FPSR: u64 = 0x0800_009f;

/// The stack pointer that is not in use, or the current one.
pub(super) fn sp(c: &Vcpu, bank: usize) -> u64 {
    if bank == current_bank(c) { c.regs.sp } else { c.sys.sp_el[bank] }
}

pub(super) fn set_sp(c: &mut Vcpu, bank: usize, v: u64) {
    if bank == current_bank(c) { c.regs.sp = v } else { c.sys.sp_el[bank] = v }
}

fn current_bank(c: &Vcpu) -> usize {
    if c.regs.pstate.sp_elx { c.regs.pstate.el as usize } else { 0 }
}

pub(super) fn set_spsel(c: &mut Vcpu, v: u64) {
    let old = c.regs.pstate;
    c.regs.pstate.sp_elx = v & 1 != 0;
    c.switch_stack(old);
}

/// Half a key of pointer authentication, by CRm and op2.
macro_rules! key {
    ($name:literal, $crm:literal, $op2:literal, $($place:tt)+) => {
        reg($name, enc(3, 0, 2, $crm, $op2)).rw(1, at!(sys.$($place)+)).only(|m| m.has(Feature::PAuth))
    };
}

#[rustfmt::skip]
pub(super) const ROWS: &[Row] = &[
    // System control.
    reg("SCTLR_EL1",      enc(3, 0, 1, 0, 0)).rw(1, at!(sys.sctlr[1])).after(After::Context).ones(sctlr::RES1)
        .bits(|m| sctlr::RW | m.bits(sctlr::BY_FEATURE)),
    reg("ACTLR_EL1",      enc(3, 0, 1, 0, 1)).rw(1, RAZ_WI),
    reg("CPACR_EL1",      enc(3, 0, 1, 0, 2)).rw(1, at!(sys.cpacr)).bits(|_| CPACR).after(After::Fp),
    reg("VBAR_EL1",       enc(3, 0, 12, 0, 0)).rw(1, at!(sys.vbar[1])).bits(|_| !0x7ff),
    reg("RVBAR_EL1",      enc(3, 0, 12, 0, 1)).ro(1, |_| 0).only(|m| m.highest_el() == 1),
    reg("ISR_EL1",        enc(3, 0, 12, 1, 0)).ro(1, |c| c.isr()),

    // Translation.
    reg("TTBR0_EL1",      enc(3, 0, 2, 0, 0)).rw(1, at!(sys.ttbr0[1])).bits(|_| !1).after(After::Context),
    reg("TTBR1_EL1",      enc(3, 0, 2, 0, 1)).rw(1, at!(sys.ttbr1[1])).bits(|_| !1).after(After::Context),
    reg("TCR_EL1",        enc(3, 0, 2, 0, 2)).rw(1, at!(sys.tcr[1])).after(After::Context)
        .bits(|m| tcr::RW
            | if m.hafdbs() >= 1 { tcr::HA } else { 0 }
            | if m.hafdbs() >= 2 { tcr::HD } else { 0 }
            | m.bits(tcr::BY_FEATURE)),
    reg("MAIR_EL1",       enc(3, 0, 10, 2, 0)).rw(1, at!(sys.mair[1])).after(After::Context),
    reg("AMAIR_EL1",      enc(3, 0, 10, 3, 0)).rw(1, RAZ_WI),
    reg("CONTEXTIDR_EL1", enc(3, 0, 13, 0, 1)).rw(1, at!(sys.contextidr[1])).bits(|_| 0xffff_ffff),
    reg("PAR_EL1",        enc(3, 0, 7, 4, 0)).rw(1, at!(sys.par)),

    // Exceptions.
    reg("SPSR_EL1",       enc(3, 0, 4, 0, 0)).rw(1, at!(sys.spsr[1])).bits(spsr),
    reg("ELR_EL1",        enc(3, 0, 4, 0, 1)).rw(1, at!(sys.elr[1])),
    reg("AFSR0_EL1",      enc(3, 0, 5, 1, 0)).rw(1, RAZ_WI),
    reg("AFSR1_EL1",      enc(3, 0, 5, 1, 1)).rw(1, RAZ_WI),
    reg("ESR_EL1",        enc(3, 0, 5, 2, 0)).rw(1, at!(sys.esr[1])).bits(|_| 0xffff_ffff),
    reg("FAR_EL1",        enc(3, 0, 6, 0, 0)).rw(1, at!(sys.far[1])),

    // Special-purpose.
    reg("SP_EL0",         enc(3, 0, 4, 1, 0)).rw(1, (|c| sp(c, 0), |c, v| set_sp(c, 0, v))).gate(Gate::SpSel),
    reg("SPSel",          enc(3, 0, 4, 2, 0)).rw(1, (|c| c.regs.pstate.sp_elx.into(), set_spsel)).bits(|_| 1),
    reg("CurrentEL",      enc(3, 0, 4, 2, 2)).ro(1, |c| u64::from(c.regs.pstate.el) << 2),
    reg("PAN",            enc(3, 0, 4, 2, 3)).rw(1, (|c| u64::from(c.regs.pstate.pan) << 22,
                                                     |c, v| c.regs.pstate.pan = v >> 22 & 1 != 0))
        .bits(|_| 1 << 22).after(After::Data).only(|m| m.pan()),
    reg("UAO",            enc(3, 0, 4, 2, 4)).rw(1, (|c| u64::from(c.regs.pstate.uao) << 23,
                                                     |c, v| c.regs.pstate.uao = v >> 23 & 1 != 0))
        .bits(|_| 1 << 23).after(After::Data).only(|m| m.uao()),
    reg("NZCV",           enc(3, 3, 4, 2, 0)).rw(0, (|c| u64::from(c.regs.nzcv) << 28,
                                                     |c, v| c.regs.nzcv = (v >> 28) as u32 & 0xf))
        .bits(|_| 0xf << 28),
    reg("DAIF",           enc(3, 3, 4, 2, 1)).rw(0, (|c| u64::from(c.regs.pstate.daif) << 6,
                                                     |c, v| c.regs.pstate.daif = (v >> 6) as u8 & 0xf))
        .bits(|_| 0xf << 6).after(After::Interrupts).gate(Gate::UMA),
    reg("SSBS",           enc(3, 3, 4, 2, 6)).rw(0, (|c| u64::from(c.regs.pstate.ssbs) << 12,
                                                     |c, v| c.regs.pstate.ssbs = v >> 12 & 1 != 0))
        .bits(|_| 1 << 12).only(|m| m.ssbs()),
    reg("DIT",            enc(3, 3, 4, 2, 5)).rw(0, (|c| u64::from(c.regs.pstate.dit) << 24,
                                                     |c, v| c.regs.pstate.dit = v >> 24 & 1 != 0))
        .bits(|_| 1 << 24).only(|m| m.has(Feature::DIT)),
    reg("ALLINT",         enc(3, 0, 4, 3, 0)).rw(1, (|c| u64::from(c.regs.pstate.allint) << 13,
                                                     |c, v| c.regs.pstate.allint = v >> 13 & 1 != 0))
        .bits(|_| 1 << 13).after(After::Interrupts).only(|m| m.has(Feature::NMI)),
    // Reading sets the flags, and gives another number each time.
    reg("RNDR",           enc(3, 3, 2, 4, 0)).taken(0, Vcpu::random).only(|m| m.has(Feature::RNG)),
    reg("RNDRRS",         enc(3, 3, 2, 4, 1)).taken(0, Vcpu::random).only(|m| m.has(Feature::RNG)),
    reg("FPCR",           enc(3, 3, 4, 4, 0)).rw(0, (|c| c.regs.fpcr.into(), |c, v| c.regs.fpcr = v as u32))
        .bits(|m| FPCR | if m.fp16() { FPCR_FZ16 } else { 0 }).gate(Gate::Fp),
    reg("FPSR",           enc(3, 3, 4, 4, 1)).rw(0, (|c| c.regs.fpsr.into(), |c, v| c.regs.fpsr = v as u32))
        .bits(|_| FPSR).gate(Gate::Fp),
    reg("TPIDR_EL0",      enc(3, 3, 13, 0, 2)).rw(0, at!(sys.tpidr[0])),
    reg("TPIDRRO_EL0",    enc(3, 3, 13, 0, 3)).rw(1, at!(sys.tpidrro)).readable_from(0),
    reg("TPIDR_EL1",      enc(3, 0, 13, 0, 4)).rw(1, at!(sys.tpidr[1])),

    // Pointer authentication keys.
    key!("APIAKeyLo_EL1", 1, 0, keys.pointer[0][0]),
    key!("APIAKeyHi_EL1", 1, 1, keys.pointer[0][1]),
    key!("APIBKeyLo_EL1", 1, 2, keys.pointer[1][0]),
    key!("APIBKeyHi_EL1", 1, 3, keys.pointer[1][1]),
    key!("APDAKeyLo_EL1", 2, 0, keys.pointer[2][0]),
    key!("APDAKeyHi_EL1", 2, 1, keys.pointer[2][1]),
    key!("APDBKeyLo_EL1", 2, 2, keys.pointer[3][0]),
    key!("APDBKeyHi_EL1", 2, 3, keys.pointer[3][1]),
    key!("APGAKeyLo_EL1", 3, 0, keys.generic[0]),
    key!("APGAKeyHi_EL1", 3, 1, keys.generic[1]),
];

/// The bits of `daif` that MSR DAIFSet and DAIFClr name.
pub(super) const fn daif(imm: u32) -> u8 {
    imm as u8 & (Pstate::D | Pstate::A | Pstate::I | Pstate::F)
}
