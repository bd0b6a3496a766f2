//! Hardware breakpoints.
//!
//! No model has AArch32, so DBGBCR_EL1.BAS is RES1 and every address match is of a whole instruction.

use super::E;
use super::matching::{ADDRESS, LINKED_ADDRESS, UNLINKED_ADDRESS, UNLINKED_CONTEXT, breakpoint_type};
use crate::Vcpu;
use crate::exception::class;
use crate::sysreg::bits::mdscr;
use hw::Leave;

/// Do two addresses agree, apart from their `low` bits?
fn agree(a: u64, b: u64, low: u32) -> bool {
    ((a ^ b) & ADDRESS) >> low == 0
}

impl Vcpu {
    /// Is software step active, or may a breakpoint match in the page of `pc`? If not, its instructions may
    /// be executed as if nobody debugged. Exact as far as breakpoints go by address.
    pub fn debugs_page(&self, pc: u64) -> bool {
        self.step_is_active() || (0..self.sys.dbgbcr.len()).any(|n| self.breakpoint_matches(n, pc, 12))
    }

    /// Raises a Breakpoint exception if the instruction at the PC has one. Comes after fetching it.
    pub fn check_breakpoints(&mut self) -> Result<(), Leave> {
        let pc = self.regs.pc;
        match (0..self.sys.dbgbcr.len()).any(|n| self.breakpoint_matches(n, pc, 2)) {
            true => Err(self.raise_debug(class::BREAKPOINT, 0, None)),
            false => Ok(()),
        }
    }

    /// Breakpoint `n` and `pc`, without the `low` bits of the address.
    fn breakpoint_matches(&self, n: usize, pc: u64, low: u32) -> bool {
        let (value, control) = (self.sys.dbgbvr[n], self.sys.dbgbcr[n]);
        if control & E == 0 || self.sys.mdscr & mdscr::MDE == 0 || !self.debug_exceptions_enabled() {
            return false;
        }
        let (value_matches, linked) = match breakpoint_type(control) {
            UNLINKED_ADDRESS => (agree(value, pc, low), false),
            LINKED_ADDRESS => (agree(value, pc, low), true),
            UNLINKED_CONTEXT => (self.context_matches(n), false),
            _ => (false, false),
        };
        value_matches && self.state_matches(control, self.regs.pstate.el, linked)
    }
}
