//! Branch target identification (ARM DDI 0487, FEAT_BTI): in a guarded page, what an indirect branch may land on.
//!
//! PSTATE.BTYPE is not 0 only between an indirect branch and the end of the instruction it led to. So an engine
//! leaves its fast path at an indirect branch (`set_branch_type`), asks `landed` before the next instruction, and
//! gives the type back to `missed_landing` if that one did not finish.

use crate::exception::class;
use crate::sysreg::bits::sctlr;
use crate::{Exception, ReturnTo, Vcpu};
use a64::Feature;
use hw::Leave;

/// May an indirect branch of type `btype` land on `word`? `strict`: PACIxSP does not serve for a jump (SCTLR_ELx.BT).
pub fn is_landing(word: u32, btype: u8, strict: bool) -> bool {
    const HINT: u32 = 0xd503_201f;
    const PACIASP: u32 = HINT | 25 << 5;
    const PACIBSP: u32 = HINT | 27 << 5;
    /// BTI, BTI c, BTI j, BTI jc.
    const BTI: [u32; 4] = [HINT | 32 << 5, HINT | 34 << 5, HINT | 36 << 5, HINT | 38 << 5];
    match word {
        _ if word == BTI[0] => false,
        _ if word == BTI[1] => btype != 0b11,
        _ if word == BTI[2] => btype != 0b10,
        _ if word == BTI[3] => true,
        PACIASP | PACIBSP => btype != 0b11 || !strict,
        // BRK, HLT.
        _ => matches!(word & 0xffe0_001f, 0xd420_0000 | 0xd440_0000),
    }
}

impl Vcpu {
    /// The end of an indirect branch from a page that is guarded or not: BTYPE for the instruction at its target.
    /// `by_call`: BLR and its kin. `rn` is the register that held the target.
    #[inline]
    pub fn set_branch_type(&mut self, by_call: bool, rn: u32) -> Result<(), Leave> {
        if !self.model.has(Feature::BTI) {
            return Ok(());
        }
        self.regs.pstate.btype = match by_call {
            true => 0b10,
            // The registers that linkers' veneers use.
            false if rn == 16 || rn == 17 || !self.fetch_guarded(self.regs.pc) => 0b01,
            false => 0b11,
        };
        Err(Leave::Resync)
    }

    /// Before `word`, the instruction at the PC: takes BTYPE, which the instruction's own work starts from zero;
    /// an exception if `word` is in a guarded page and not one to land on.
    pub fn landed(&mut self, word: u32) -> Result<u8, Leave> {
        let btype = self.regs.pstate.btype;
        let bit = if self.regs.pstate.el == 0 { sctlr::BT0 } else { sctlr::BT1 };
        let strict = self.sys.sctlr[self.regime()] & bit != 0;
        if btype != 0 && self.fetch_guarded(self.regs.pc) && !is_landing(word, btype, strict) {
            let (iss, return_to) = (btype.into(), ReturnTo::This);
            return Err(self.raise(Exception { class: class::BRANCH_TARGET, iss, far: None, return_to, to: 0 }));
        }
        self.regs.pstate.btype = 0;
        Ok(btype)
    }

    /// May an indirect branch of type `btype` land on `word`, the instruction at the PC, whatever SCTLR_ELx.BT says, and
    /// is it not one that raises an exception there? True only if both are certain.
    pub fn may_land(&self, word: u32, btype: u8) -> bool {
        let breaks = matches!(word & 0xffe0_001f, 0xd420_0000 | 0xd440_0000);
        !self.fetch_guarded(self.regs.pc) || is_landing(word, btype, true) && !breaks
    }

    /// The instruction that `landed` gave `btype` for raised the exception that is about to be taken: if it will be
    /// executed again, then from the state it had.
    pub fn missed_landing(&mut self, btype: u8) {
        if self.exception.return_to == ReturnTo::This {
            self.regs.pstate.btype = btype;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Lines: instruction, and whether types 1, 2, 3 may land on it; 3 also with SCTLR_ELx.BT set.
    #[test]
    #[rustfmt::skip]
    fn landings() {
        for (word, text, want) in [
            (0xd503_241f, "bti",     [false, false, false, false]),
            (0xd503_245f, "bti c",   [true,  true,  false, false]),
            (0xd503_249f, "bti j",   [true,  false, true,  true]),
            (0xd503_24df, "bti jc",  [true,  true,  true,  true]),
            (0xd503_233f, "paciasp", [true,  true,  true,  false]),
            (0xd503_237f, "pacibsp", [true,  true,  true,  false]),
            (0xd503_23bf, "autiasp", [false, false, false, false]),
            (0xd503_201f, "nop",     [false, false, false, false]),
            (0xd420_0020, "brk #1",  [true,  true,  true,  true]),
            (0xd45e_0000, "hlt #0xf000", [true, true, true, true]),
            (0xd65f_03c0, "ret",     [false, false, false, false]),
        ] {
            let got = [(1, true), (2, true), (3, false), (3, true)].map(|(t, strict)| is_landing(word, t, strict));
            assert_eq!(got, want, "{text}");
        }
    }
}
