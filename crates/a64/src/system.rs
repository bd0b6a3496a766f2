//! Names of system registers and PSTATE fields by their encodings.

/// A system register or system instruction by encoding: op0:2 op1:3 CRn:4 CRm:4 op2:3, bits [15:0].
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct SysReg(pub u16);

impl SysReg {
    /// From the fields of MRS, MSR, SYS.
    pub const fn new(op0: u32, op1: u32, crn: u32, crm: u32, op2: u32) -> SysReg {
        SysReg((op0 << 14 | op1 << 11 | crn << 7 | crm << 3 | op2) as u16)
    }
}

/// PSTATE fields that MSR (immediate) writes.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[allow(missing_docs)]
pub enum PstateField {
    Uao,
    Pan,
    SpSel,
    Ssbs,
    Dit,
    Tco,
    DaifSet,
    DaifClr,
    AllInt,
}
