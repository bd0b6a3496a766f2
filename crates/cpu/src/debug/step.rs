//! Software step (ARM DDI 0487, "Software Step exceptions").
//!
//! The state machine is inactive, active-not-pending (PSTATE.SS is 1: one instruction may be executed) or
//! active-pending (it is 0: the exception is taken before the next instruction).

use crate::exception::class;
use crate::sysreg::bits::mdscr;
use crate::{Pstate, ReturnTo, Vcpu};
use hw::Leave;

/// ESR_ELx.ISS.
const ISV: u32 = 1 << 24;
const EX: u32 = 1 << 6;

/// LDXR, LDAXR, LDXP, LDAXP.
const fn is_load_exclusive(word: u32) -> bool {
    let (exclusive, pair, is_casp) = (word & 0x3fc0_0000 == 0x0840_0000, word >> 21 & 1 != 0, word >> 31 == 0);
    exclusive && !(pair && is_casp)
}

impl Vcpu {
    pub(super) fn step_is_active(&self) -> bool {
        self.sys.mdscr & mdscr::SS != 0 && self.debug_exceptions_enabled()
    }

    /// Raises the Software Step exception if it is pending. Comes before interrupts and before fetching.
    pub fn check_step(&mut self) -> Result<(), Leave> {
        if self.regs.pstate.ss || !self.step_is_active() {
            return Ok(());
        }
        let iss = match self.debug.stepped {
            None => 0,
            Some(was_exclusive) => ISV | if was_exclusive { EX } else { 0 },
        };
        Err(self.raise_debug(class::STEP, iss, None))
    }

    /// The instruction `word` was executed alone and ended with `result`: the state machine advances, unless
    /// an exception will have it executed again.
    pub fn stepped(&mut self, word: u32, result: Result<(), Leave>) {
        let again = result == Err(Leave::Exception) && self.exception.return_to == ReturnTo::This;
        if !again && self.regs.pstate.ss {
            self.regs.pstate.ss = false;
            self.debug.stepped = Some(is_load_exclusive(word));
        }
    }

    /// Forgets what was stepped: an exception is taken or returned from.
    #[inline(always)]
    pub(crate) fn forget_step(&mut self) {
        self.debug.stepped = None;
    }

    /// PSTATE.SS after an exception return to `target` with `spsr` (`DebugExceptionReturnSS`).
    pub(crate) fn step_of_return(&self, spsr: Pstate, target: u8) -> bool {
        spsr.ss
            && self.sys.mdscr & mdscr::SS != 0
            && !self.debug_exceptions_enabled()
            && self.debug_exceptions_enabled_from(target, spsr.daif)
    }
}
