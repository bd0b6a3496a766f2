//! System instructions: MRS, MSR, SYS, hints, barriers.

use crate::{Done, Engine, Gpr, Hint, PstateField, SysReg, Trap};
use a64::*;

/// NOP, YIELD, WFE, WFI, SEV, SEVL, ESB. Every other number is a NOP here: the hint space holds what newer
/// cores do with it (PACIASP, BTI, CSDB, PSB …), and an Armv8.2 core ignores it.
pub fn hint_op<E: Engine>(e: &mut E, i: HintOp) -> Done {
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

/// MSR (immediate)
pub fn msr_imm<E: Engine>(e: &mut E, i: MsrImm) -> Done {
    let field = match (i.op1, i.op2) {
        (0, 3) => PstateField::Uao,
        (0, 4) => PstateField::Pan,
        (0, 5) => PstateField::SpSel,
        (3, 1) => PstateField::Ssbs,
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
