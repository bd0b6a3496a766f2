//! System instructions: MRS, MSR, SYS, hints, barriers.

use crate::{Done, Engine, Gpr, Hint, Op1, PstateField, SysReg, Trap, WaitFor};
use a64::*;

/// NOP, YIELD, WFE, WFI, SEV, SEVL, ESB; PACIASP and its kin where there is FEAT_PAuth. Every other number is a NOP
/// here (BTI, CSDB, PSB …; of a BTI only the place it stands at matters).
pub fn hint_op<E: Engine>(e: &mut E, i: HintOp) -> Done {
    if matches!(i.crm << 3 | i.op2, 7..=14 | 24..=31) && e.has(Feature::PAuth) {
        return crate::pauth::hint(e, i.crm << 3 | i.op2);
    }
    e.hint(match i.crm << 3 | i.op2 {
        1 => Hint::Yield,
        2 => Hint::Wfe,
        3 => Hint::Wfi,
        4 => Hint::Sev,
        5 => Hint::Sevl,
        16 => Hint::Esb,
        _ => Hint::Nop,
    })
}

/// CLREX
pub fn clrex<E: Engine>(e: &mut E, _: Clrex) -> Done {
    e.hint(Hint::Clrex)
}

/// DSB, and SSBB and PSSBB, which are among its `CRm` values
pub fn dsb<E: Engine>(e: &mut E, i: Dsb) -> Done {
    e.hint(Hint::Dsb(i.crm))
}

/// DMB
pub fn dmb<E: Engine>(e: &mut E, i: Dmb) -> Done {
    e.hint(Hint::Dmb(i.crm))
}

/// ISB
pub fn isb<E: Engine>(e: &mut E, _: Isb) -> Done {
    e.hint(Hint::Isb)
}

/// SB
pub fn sb<E: Engine>(e: &mut E, _: Sb) -> Done {
    e.hint(Hint::Sb)
}

/// DSB nXS: no memory has the XS attribute, so it waits for what DSB waits for.
pub fn dsb_nxs<E: Engine>(e: &mut E, i: DsbNxs) -> Done {
    e.hint(Hint::Dsb(i.imm2 << 2 | 3))
}

/// WFET
pub fn wfet<E: Engine>(e: &mut E, i: Wfet) -> Done {
    let deadline = e.x(Gpr(i.rd));
    e.wait_until(deadline, WaitFor::Event)
}

/// WFIT
pub fn wfit<E: Engine>(e: &mut E, i: Wfit) -> Done {
    let deadline = e.x(Gpr(i.rd));
    e.wait_until(deadline, WaitFor::Interrupt)
}

/// NZCV = `op` of NZCV.
fn flags<E: Engine>(e: &mut E, op: Op1) -> Done {
    let nzcv = e.nzcv();
    let nzcv = e.op1(op, nzcv);
    e.set_nzcv(nzcv);
    Ok(())
}

/// CFINV
pub fn cfinv<E: Engine>(e: &mut E, _: Cfinv) -> Done {
    flags(e, Op1::Cfinv)
}

/// AXFLAG
pub fn axflag<E: Engine>(e: &mut E, _: Axflag) -> Done {
    flags(e, Op1::Axflag)
}

/// XAFLAG
pub fn xaflag<E: Engine>(e: &mut E, _: Xaflag) -> Done {
    flags(e, Op1::Xaflag)
}

/// MSR (immediate)
pub fn msr_imm<E: Engine>(e: &mut E, i: MsrImm) -> Done {
    let field = match (i.op1, i.op2) {
        (0, 3) => PstateField::Uao,
        (0, 4) => PstateField::Pan,
        (0, 5) => PstateField::SpSel,
        (1, 0) => PstateField::AllInt,
        (3, 1) => PstateField::Ssbs,
        (3, 2) => PstateField::Dit,
        (3, 6) => PstateField::DaifSet,
        (3, 7) => PstateField::DaifClr,
        _ => return e.trap(Trap::Undefined), // refused by the row's guard
    };
    e.msr_imm(field, i.crm)
}

/// MSR (register)
pub fn msr<E: Engine>(e: &mut E, i: Msr) -> Done {
    let v = e.x(Gpr(i.rt));
    e.msr(SysReg::new(2 + i.o0, i.op1, i.crn, i.crm, i.op2), v)
}

/// MRS
pub fn mrs<E: Engine>(e: &mut E, i: Mrs) -> Done {
    let v = e.mrs(SysReg::new(2 + i.o0, i.op1, i.crn, i.crm, i.op2))?;
    e.set_x(Gpr(i.rt), v);
    Ok(())
}

/// SYS: AT, DC, IC, TLBI
pub fn sys<E: Engine>(e: &mut E, i: Sys) -> Done {
    let v = e.x(Gpr(i.rt));
    e.sys(SysReg::new(1, i.op1, i.crn, i.crm, i.op2), v)
}

/// SYSL: no instruction of Armv8.2 uses it, so its whole space is undefined.
pub fn sysl<E: Engine>(e: &mut E, _: Sysl) -> Done {
    e.trap(Trap::Undefined)
}
