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

/// A key of pointer authentication.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[allow(missing_docs)]
pub enum PacKey {
    Ia,
    Ib,
    Da,
    Db,
}

impl PacKey {
    /// Is it a key for data pointers?
    pub const fn is_data(self) -> bool {
        matches!(self, PacKey::Da | PacKey::Db)
    }
}

/// What pointer authentication does with a pointer and a modifier.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Pauth {
    /// PACIA and its kin: inserts the code.
    Sign(PacKey),
    /// AUTIA and its kin: checks and removes it.
    Authenticate(PacKey),
    /// XPACI.
    StripCode,
    /// XPACD.
    StripData,
    /// PACGA: the code alone, in bits [63:32].
    Generic,
}

/// The part of a memory copy or memory set (FEAT_MOPS) that an instruction is.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum MopsStage {
    /// CPYP, SETP.
    Prologue,
    /// CPYM, SETM.
    Main,
    /// CPYE, SETE.
    Epilogue,
}
