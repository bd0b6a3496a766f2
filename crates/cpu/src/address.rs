//! Tagged addresses in the PC (ARM DDI 0487, `AArch64.BranchAddr`).
//!
//! With TCR_ELx.TBI and without TBID a branch strips the tag. Branches themselves do not: they leave what they were given in
//! the PC, which can then be in no TLB; fetching it and taking an exception are where the tag is noticed.

use crate::Vcpu;
use crate::mmu::{Regime, Stage1};

/// Do bits \[63:55\] agree? Then there is no tag.
#[inline(always)]
pub(crate) const fn is_untagged(va: u64) -> bool {
    va.wrapping_add(1 << 55) >> 56 == 0
}

impl Vcpu {
    /// What a branch to `va` at the current Exception level makes of it.
    #[inline(always)]
    pub(crate) fn branch_address(&self, va: u64) -> u64 {
        if is_untagged(va) { va } else { self.strip_tag(va) }
    }

    #[cold]
    fn strip_tag(&self, va: u64) -> u64 {
        let regime = Regime::current(&self.regs.pstate);
        let stage1 = Stage1::of(regime, &self.sys, self.model, va).of_instructions();
        match (stage1.tbi, regime) {
            (false, _) => va,
            (true, Regime::El10) => ((va << 8) as i64 >> 8) as u64,
            (true, _) => va << 8 >> 8,
        }
    }
}
