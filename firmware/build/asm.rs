//! What every program here shares: the assembler, constants, system register names.

use dynasmrt::aarch64::Aarch64Relocation;
use dynasmrt::{DynasmApi, VecAssembler, dynasm};

pub type Asm = VecAssembler<Aarch64Relocation>;

/// Where a headerless image is loaded and entered.
pub const LOAD: u64 = 0x4008_0000;

/// The operand of MRS and MSR: op0 without its top bit, op1, CRn, CRm, op2.
pub const fn sysreg(op0: u32, op1: u32, crn: u32, crm: u32, op2: u32) -> u32 {
    (op0 & 1) << 14 | op1 << 11 | crn << 7 | crm << 3 | op2
}

pub const MPIDR_EL1: u32 = sysreg(3, 0, 0, 0, 5);
pub const SCTLR_EL1: u32 = sysreg(3, 0, 1, 0, 0);
pub const TTBR0_EL1: u32 = sysreg(3, 0, 2, 0, 0);
pub const TCR_EL1: u32 = sysreg(3, 0, 2, 0, 2);
pub const MAIR_EL1: u32 = sysreg(3, 0, 10, 2, 0);
pub const VBAR_EL1: u32 = sysreg(3, 0, 12, 0, 0);
pub const ESR_EL1: u32 = sysreg(3, 0, 5, 2, 0);
pub const ELR_EL1: u32 = sysreg(3, 0, 4, 0, 1);
pub const FAR_EL1: u32 = sysreg(3, 0, 6, 0, 0);
pub const CNTVCT_EL0: u32 = sysreg(3, 3, 14, 0, 2);
pub const CNTFRQ_EL0: u32 = sysreg(3, 3, 14, 0, 0);
pub const CNTV_TVAL_EL0: u32 = sysreg(3, 3, 14, 3, 0);
pub const CNTV_CTL_EL0: u32 = sysreg(3, 3, 14, 3, 1);
pub const ICC_SRE_EL1: u32 = sysreg(3, 0, 12, 12, 5);
pub const ICC_PMR_EL1: u32 = sysreg(3, 0, 4, 6, 0);
pub const ICC_IGRPEN1_EL1: u32 = sysreg(3, 0, 12, 12, 7);
pub const ICC_IAR1_EL1: u32 = sysreg(3, 0, 12, 12, 0);
pub const ICC_EOIR1_EL1: u32 = sysreg(3, 0, 12, 12, 1);
pub const ICC_SGI1R_EL1: u32 = sysreg(3, 0, 12, 11, 5);

/// PSCI functions (DEN 0022).
pub const PSCI_CPU_ON: u64 = 0xc400_0003;
pub const PSCI_AFFINITY_INFO: u64 = 0xc400_0004;
pub const PSCI_SYSTEM_OFF: u64 = 0x8400_0008;

/// Xr = value, in as few moves as it takes.
pub fn load(asm: &mut Asm, r: u8, value: u64) {
    let part = |n: u32| (value >> (16 * n)) as u32 & 0xffff;
    dynasm!(asm ; .arch aarch64 ; movz X(r), part(0));
    if part(1) != 0 {
        dynasm!(asm ; .arch aarch64 ; movk X(r), part(1), lsl 16);
    }
    if part(2) != 0 {
        dynasm!(asm ; .arch aarch64 ; movk X(r), part(2), lsl 32);
    }
    if part(3) != 0 {
        dynasm!(asm ; .arch aarch64 ; movk X(r), part(3), lsl 48);
    }
}
