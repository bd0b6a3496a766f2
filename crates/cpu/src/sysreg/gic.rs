//! Rows: the GIC CPU interface. The registers themselves are `gic::CpuInterface`'s, and those of a guest, with the
//! same encodings, `gic::VirtualInterface`'s.

use super::bits::sctlr;
use super::row::{After, Gate, Icc, Row, enc, reg};
use crate::Vcpu;
use a64::Feature;
use gic::PhysicalDeactivation;

/// A write that may let an interrupt through.
const OPENS: After = After::Interrupts;

/// A register that the virtual interface has as well, under the same names.
macro_rules! either {
    ($icc:ident, $get:ident, $set:ident) => {
        (
            |c| match &c.virt {
                Some(virt) if Icc::$icc.is_virtual(c) => virt.$get(),
                _ => c.gic.$get(),
            },
            |c, v| if Icc::$icc.is_virtual(c) { c.with_virt(|virt| virt.$set(v)) } else { c.gic.$set(v) },
        )
    };
}

/// One that is only read, and of which reading changes nothing.
macro_rules! shown {
    ($icc:ident, $get:ident) => {
        |c| match &c.virt {
            Some(virt) if Icc::$icc.is_virtual(c) => virt.$get(),
            _ => c.gic.$get(),
        }
    };
}

/// One whose read acknowledges.
macro_rules! taken {
    ($icc:ident, $get:ident) => {
        |c| if Icc::$icc.is_virtual(c) { c.with_virt(|virt| virt.$get()) } else { c.gic.$get() }
    };
}

/// One whose write may deactivate.
macro_rules! ends {
    ($icc:ident, $set:ident) => {
        |c, v| {
            if Icc::$icc.is_virtual(c) {
                let done = c.with_virt(|virt| virt.$set(v));
                deactivate(c, done);
            } else {
                c.gic.$set(v)
            }
        }
    };
}

/// A guest has ended a virtual interrupt that stands for a physical one.
fn deactivate(c: &mut Vcpu, done: Option<PhysicalDeactivation>) {
    if let Some(done) = done {
        c.gic.deactivate_for_guest(done);
    }
}

/// ICC_IAR1_EL1, which leaves non-maskable interrupts to ICC_NMIAR1_EL1 while SCTLR_ELx.NMI is 1.
fn iar1(c: &mut Vcpu) -> u64 {
    match (Icc::Group1.is_virtual(c), c.sys.sctlr[1] & sctlr::NMI != 0) {
        (false, _) => c.gic.iar1(),
        (true, false) => c.with_virt(|virt| virt.iar1()),
        (true, true) => c.with_virt(|virt| virt.iar1_without_nmi()),
    }
}

const fn icc(name: &'static str, crn: u32, crm: u32, op2: u32, icc: Icc) -> Row {
    reg(name, enc(3, 0, crn, crm, op2)).gate(Gate::Icc(icc))
}

/// A register of the virtual interface as EL2 sees it, by CRm and op2.
macro_rules! ich {
    ($name:literal, $crm:literal, $op2:literal, $get:ident) => {
        reg($name, enc(3, 4, 12, $crm, $op2)).ro(2, |c| c.virt.as_ref().map_or(0, |virt| virt.$get()))
    };
    ($name:literal, $crm:literal, $op2:literal, $get:ident, $set:ident) => {
        reg($name, enc(3, 4, 12, $crm, $op2))
            .rw(2, (|c| c.virt.as_ref().map_or(0, |virt| virt.$get()), |c, v| c.with_virt(|virt| virt.$set(v))))
            .after(OPENS)
    };
    ($name:literal, list $n:literal) => {
        reg($name, enc(3, 4, 12, 12, $n))
            .rw(2, (|c| c.virt.as_ref().map_or(0, |virt| virt.lr($n)), |c, v| c.with_virt(|virt| virt.set_lr($n, v))))
            .after(OPENS)
    };
}

#[rustfmt::skip]
pub(super) const ROWS: &[Row] = &[
    icc("ICC_PMR_EL1",     4, 6, 0, Icc::Common).rw(1, either!(Common, pmr, set_pmr)).after(OPENS),
    icc("ICC_IAR0_EL1",    12, 8, 0, Icc::Group0).taken(1, taken!(Group0, iar0)),
    icc("ICC_EOIR0_EL1",   12, 8, 1, Icc::Group0).wo(1, ends!(Group0, set_eoir0)).after(OPENS),
    icc("ICC_HPPIR0_EL1",  12, 8, 2, Icc::Group0).ro(1, shown!(Group0, hppir0)),
    icc("ICC_BPR0_EL1",    12, 8, 3, Icc::Group0).rw(1, either!(Group0, bpr0, set_bpr0)).after(OPENS),
    icc("ICC_AP0R0_EL1",   12, 8, 4, Icc::Group0).rw(1, either!(Group0, ap0r0, set_ap0r0)).after(OPENS),
    icc("ICC_AP1R0_EL1",   12, 9, 0, Icc::Group1).rw(1, either!(Group1, ap1r0, set_ap1r0)).after(OPENS),
    icc("ICC_NMIAR1_EL1",  12, 9, 5, Icc::Group1).taken(1, taken!(Group1, nmiar1)).only(|m| m.has(Feature::NMI)),
    icc("ICC_DIR_EL1",     12, 11, 1, Icc::Dir).wo(1, ends!(Dir, set_dir)).after(OPENS),
    icc("ICC_RPR_EL1",     12, 11, 3, Icc::Common).ro(1, shown!(Common, rpr)),
    icc("ICC_SGI1R_EL1",   12, 11, 5, Icc::Sgi).wo(1, |c, v| c.gic.set_sgi1r(v)).after(OPENS),
    icc("ICC_ASGI1R_EL1",  12, 11, 6, Icc::Sgi).wo(1, |c, v| c.gic.set_asgi1r(v)).after(OPENS),
    icc("ICC_SGI0R_EL1",   12, 11, 7, Icc::Sgi).wo(1, |c, v| c.gic.set_sgi0r(v)).after(OPENS),
    icc("ICC_IAR1_EL1",    12, 12, 0, Icc::Group1).taken(1, iar1),
    icc("ICC_EOIR1_EL1",   12, 12, 1, Icc::Group1).wo(1, ends!(Group1, set_eoir1)).after(OPENS),
    icc("ICC_HPPIR1_EL1",  12, 12, 2, Icc::Group1).ro(1, shown!(Group1, hppir1)),
    icc("ICC_BPR1_EL1",    12, 12, 3, Icc::Group1).rw(1, either!(Group1, bpr1, set_bpr1)).after(OPENS),
    icc("ICC_CTLR_EL1",    12, 12, 4, Icc::Common).rw(1, either!(Common, ctlr, set_ctlr)).after(OPENS),
    reg("ICC_SRE_EL1",     enc(3, 0, 12, 12, 5)).rw(1, (|c| c.gic.sre(), |c, v| c.gic.set_sre(v))),
    icc("ICC_IGRPEN0_EL1", 12, 12, 6, Icc::Group0).rw(1, either!(Group0, igrpen0, set_igrpen0)).after(OPENS),
    icc("ICC_IGRPEN1_EL1", 12, 12, 7, Icc::Group1).rw(1, either!(Group1, igrpen1, set_igrpen1)).after(OPENS),

    // ICC_SRE_ELx.{SRE, Enable} are fixed at 1: lower levels' accesses never trap by them.
    reg("ICC_SRE_EL2",     enc(3, 4, 12, 9, 5)).rw(2, (|c| c.gic.sre_of_higher(), |_, _| {})),
    reg("ICC_CTLR_EL3",    enc(3, 6, 12, 12, 4)).rw(3, (|c| c.gic.ctlr_el3(), |c, v| c.gic.set_ctlr_el3(v))).after(OPENS),
    reg("ICC_SRE_EL3",     enc(3, 6, 12, 12, 5)).rw(3, (|c| c.gic.sre_of_higher(), |_, _| {})),
    reg("ICC_IGRPEN1_EL3", enc(3, 6, 12, 12, 7)).rw(3, (|c| c.gic.igrpen1_el3(), |c, v| c.gic.set_igrpen1_el3(v)))
        .after(OPENS),

    ich!("ICH_AP0R0_EL2", 8, 0, ap0r0, set_ap0r0),
    ich!("ICH_AP1R0_EL2", 9, 0, ap1r0, set_ap1r0),
    ich!("ICH_HCR_EL2",   11, 0, hcr, set_hcr),
    ich!("ICH_VTR_EL2",   11, 1, vtr),
    ich!("ICH_MISR_EL2",  11, 2, misr),
    ich!("ICH_EISR_EL2",  11, 3, eisr),
    ich!("ICH_ELRSR_EL2", 11, 5, elrsr),
    ich!("ICH_VMCR_EL2",  11, 7, vmcr, set_vmcr),
    // As many as `levels::LIST_REGISTERS`.
    ich!("ICH_LR0_EL2", list 0),
    ich!("ICH_LR1_EL2", list 1),
    ich!("ICH_LR2_EL2", list 2),
    ich!("ICH_LR3_EL2", list 3),
];
