//! Rows: the banks of EL2 and EL3. From EL3 of a PE without EL2, the registers of EL2 are RES0 (see `Row::is_res0`).
//!
//! HCR_EL2 and SCR_EL3 keep the bits that have an effect; the others read as zero, as where a feature is absent.

use super::bits::{cptr, hcr, scr, sctlr};
use super::control::{set_sp, sp, spsr};
use super::row::{After, RAZ_WI, Row, enc, reg};

#[rustfmt::skip]
pub(super) const ROWS: &[Row] = &[
    // EL2.
    reg("VPIDR_EL2",      enc(3, 4, 0, 0, 0)).rw(2, at!(sys.vpidr)).bits(|_| 0xffff_ffff),
    reg("VMPIDR_EL2",     enc(3, 4, 0, 0, 5)).rw(2, at!(sys.vmpidr)).bits(|_| 0xff_c1ff_ffff).ones(super::MPIDR_RES1),
    reg("SCTLR_EL2",      enc(3, 4, 1, 0, 0)).rw(2, at!(sys.sctlr[2])).after(After::Context).ones(sctlr::RES1_HIGH)
        .bits(|m| sctlr::RW_HIGH | m.bits(sctlr::HIGH_BY_FEATURE)),
    reg("ACTLR_EL2",      enc(3, 4, 1, 0, 1)).rw(2, RAZ_WI),
    reg("HCR_EL2",        enc(3, 4, 1, 1, 0)).rw(2, at!(sys.hcr)).after(After::Context).ones(hcr::RES1)
        .bits(|m| if m.el3 { hcr::RW & !hcr::HCD } else { hcr::RW }),
    reg("MDCR_EL2",       enc(3, 4, 1, 1, 1)).rw(2, RAZ_WI),
    reg("CPTR_EL2",       enc(3, 4, 1, 1, 2)).rw(2, at!(sys.cptr[2])).bits(|_| cptr::TFP).after(After::Fp)
        .ones(cptr::RES1_EL2 & !cptr::TFP),
    reg("HSTR_EL2",       enc(3, 4, 1, 1, 3)).rw(2, RAZ_WI),
    reg("HACR_EL2",       enc(3, 4, 1, 1, 7)).rw(2, RAZ_WI),
    reg("TTBR0_EL2",      enc(3, 4, 2, 0, 0)).rw(2, at!(sys.ttbr0[2])).bits(|_| !1).after(After::Context),
    reg("TCR_EL2",        enc(3, 4, 2, 0, 2)).rw(2, at!(sys.tcr[2])).after(After::Context),
    // Without a stage 2, the VMID only tells one guest's translations from another's.
    reg("VTTBR_EL2",      enc(3, 4, 2, 1, 0)).rw(2, (|c| c.sys.vttbr, |c, v| {
        if (c.sys.vttbr ^ v) >> 48 != 0 {
            c.mmu.flush();
        }
        c.sys.vttbr = v;
    })).bits(|_| !1).after(After::Context),
    reg("VTCR_EL2",       enc(3, 4, 2, 1, 2)).rw(2, at!(sys.vtcr)),
    reg("SPSR_EL2",       enc(3, 4, 4, 0, 0)).rw(2, at!(sys.spsr[2])).bits(spsr),
    reg("ELR_EL2",        enc(3, 4, 4, 0, 1)).rw(2, at!(sys.elr[2])),
    reg("SP_EL1",         enc(3, 4, 4, 1, 0)).rw(2, (|c| sp(c, 1), |c, v| set_sp(c, 1, v))),
    reg("AFSR0_EL2",      enc(3, 4, 5, 1, 0)).rw(2, RAZ_WI),
    reg("AFSR1_EL2",      enc(3, 4, 5, 1, 1)).rw(2, RAZ_WI),
    reg("ESR_EL2",        enc(3, 4, 5, 2, 0)).rw(2, at!(sys.esr[2])).bits(|_| 0xffff_ffff),
    reg("VSESR_EL2",      enc(3, 4, 5, 2, 3)).rw(2, at!(sys.vsesr)).bits(|_| 0x1ff_ffff).only(|m| m.ras()),
    reg("FAR_EL2",        enc(3, 4, 6, 0, 0)).rw(2, at!(sys.far[2])),
    reg("HPFAR_EL2",      enc(3, 4, 6, 0, 4)).rw(2, at!(sys.hpfar)),
    reg("MAIR_EL2",       enc(3, 4, 10, 2, 0)).rw(2, at!(sys.mair[2])).after(After::Context),
    reg("AMAIR_EL2",      enc(3, 4, 10, 3, 0)).rw(2, RAZ_WI),
    reg("VBAR_EL2",       enc(3, 4, 12, 0, 0)).rw(2, at!(sys.vbar[2])).bits(|_| !0x7ff),
    reg("RVBAR_EL2",      enc(3, 4, 12, 0, 1)).ro(2, |_| 0).only(|m| m.highest_el() == 2),
    reg("TPIDR_EL2",      enc(3, 4, 13, 0, 2)).rw(2, at!(sys.tpidr[2])),

    // EL3.
    reg("SCTLR_EL3",      enc(3, 6, 1, 0, 0)).rw(3, at!(sys.sctlr[3])).after(After::Context).ones(sctlr::RES1_HIGH)
        .bits(|m| sctlr::RW_HIGH | m.bits(sctlr::HIGH_BY_FEATURE)),
    reg("ACTLR_EL3",      enc(3, 6, 1, 0, 1)).rw(3, RAZ_WI),
    // Translations of the two security states are told apart by flushing.
    reg("SCR_EL3",        enc(3, 6, 1, 1, 0)).rw(3, (|c| c.sys.scr, |c, v| {
        if (c.sys.scr ^ v) & scr::NS != 0 {
            c.mmu.flush();
        }
        c.sys.scr = v;
    })).bits(|m| if m.el2 { scr::RW } else { scr::RW & !scr::HCE }).after(After::Context).ones(scr::RES1),
    reg("CPTR_EL3",       enc(3, 6, 1, 1, 2)).rw(3, at!(sys.cptr[3])).bits(|_| cptr::TFP).after(After::Fp),
    reg("MDCR_EL3",       enc(3, 6, 1, 3, 1)).rw(3, RAZ_WI),
    reg("TTBR0_EL3",      enc(3, 6, 2, 0, 0)).rw(3, at!(sys.ttbr0[3])).bits(|_| !1).after(After::Context),
    reg("TCR_EL3",        enc(3, 6, 2, 0, 2)).rw(3, at!(sys.tcr[3])).after(After::Context),
    reg("SPSR_EL3",       enc(3, 6, 4, 0, 0)).rw(3, at!(sys.spsr[3])).bits(spsr),
    reg("ELR_EL3",        enc(3, 6, 4, 0, 1)).rw(3, at!(sys.elr[3])),
    reg("SP_EL2",         enc(3, 6, 4, 1, 0)).rw(3, (|c| sp(c, 2), |c, v| set_sp(c, 2, v))),
    reg("AFSR0_EL3",      enc(3, 6, 5, 1, 0)).rw(3, RAZ_WI),
    reg("AFSR1_EL3",      enc(3, 6, 5, 1, 1)).rw(3, RAZ_WI),
    reg("ESR_EL3",        enc(3, 6, 5, 2, 0)).rw(3, at!(sys.esr[3])).bits(|_| 0xffff_ffff),
    reg("FAR_EL3",        enc(3, 6, 6, 0, 0)).rw(3, at!(sys.far[3])),
    reg("MAIR_EL3",       enc(3, 6, 10, 2, 0)).rw(3, at!(sys.mair[3])).after(After::Context),
    reg("AMAIR_EL3",      enc(3, 6, 10, 3, 0)).rw(3, RAZ_WI),
    reg("VBAR_EL3",       enc(3, 6, 12, 0, 0)).rw(3, at!(sys.vbar[3])).bits(|_| !0x7ff),
    reg("RVBAR_EL3",      enc(3, 6, 12, 0, 1)).ro(3, |_| 0),
    reg("TPIDR_EL3",      enc(3, 6, 13, 0, 2)).rw(3, at!(sys.tpidr[3])),
];
