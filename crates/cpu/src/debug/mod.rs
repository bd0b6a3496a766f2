//! Self-hosted debug: who may be debugged now, and what that costs when nobody is (ARM DDI 0487, "AArch64
//! Self-hosted Debug").
//!
//! Nothing here is on a hot path. `Debug` caches whether any debug exception is possible at the present
//! Exception level; engines look at `is_debugged` where they look at interrupts, and only then execute by
//! single instructions through `check_step`, `debugs_page` and `check_breakpoints`. A page with a watched
//! address never has a TLB entry that the fast path of memory accesses matches.
//!
//! Debug exceptions go to EL1. There is no external debugger and no Debug state.

mod breakpoint;
mod matching;
mod step;
mod watchpoint;

use crate::sysreg::bits::mdscr;
use crate::{Exception, ReturnTo, Vcpu};
use hw::{Leave, VirtAddr};

/// Breakpoints of every model (ID_AA64DFR0_EL1.BRPs + 1).
pub const BREAKPOINTS: usize = 6;
/// The last of them compare contexts as well (ID_AA64DFR0_EL1.CTX_CMPs + 1).
pub const CONTEXT_AWARE: usize = 2;
/// Watchpoints (ID_AA64DFR0_EL1.WRPs + 1).
pub const WATCHPOINTS: usize = 4;

/// DBGBCR_EL1.E and DBGWCR_EL1.E.
const E: u64 = 1 << 0;
/// IFSC and DFSC of debug exceptions.
const DEBUG_STATUS: u32 = 0b100010;

/// The software step state machine's memory, and caches of what the registers ask for.
#[derive(Clone, Copy, Debug, Default)]
pub struct Debug {
    /// Cache: some breakpoint or step is enabled, for whatever Exception level.
    armed: bool,
    /// Cache: and may be taken from the current one.
    live: bool,
    /// Cache: some watchpoint is enabled.
    watching: bool,
    /// The instruction that software step has just let through, and whether it was a Load-Exclusive.
    pub(crate) stepped: Option<bool>,
}

impl Debug {
    /// Offset of the byte that says that some breakpoint or step is enabled, for whatever Exception level.
    pub const ARMED: usize = std::mem::offset_of!(Debug, armed);
}

impl Vcpu {
    /// Must instructions be executed one by one, through `check_step` and `check_breakpoints`? It may say so
    /// when it is not necessary, never the other way round.
    #[inline(always)]
    pub fn is_debugged(&self) -> bool {
        self.debug.live
    }

    /// Is some watchpoint enabled?
    #[inline(always)]
    pub(crate) fn is_watching(&self) -> bool {
        self.debug.watching
    }

    /// Registers of self-hosted debug have changed.
    #[cold]
    pub fn debug_changed(&mut self) {
        let breaks = self.sys.mdscr & mdscr::MDE != 0 && self.sys.dbgbcr.iter().any(|bcr| bcr & E != 0);
        self.debug.armed = breaks || self.sys.mdscr & mdscr::SS != 0;
        let watched = self.debug.watching;
        self.debug.watching = self.sys.mdscr & mdscr::MDE != 0 && self.sys.dbgwcr.iter().any(|wcr| wcr & E != 0);
        if watched || self.debug.watching {
            // Every page shall be looked at again.
            self.mmu.flush();
        }
        self.refresh_debug();
    }

    /// The Exception level or PSTATE.D has changed.
    #[inline(always)]
    pub(crate) fn refresh_debug(&mut self) {
        self.debug.live = self.debug.armed && self.debug_exceptions_enabled();
    }

    /// `AArch64.GenerateDebugExceptions`.
    fn debug_exceptions_enabled(&self) -> bool {
        self.debug_exceptions_enabled_from(self.regs.pstate.el, self.regs.pstate.daif)
    }

    /// `AArch64.GenerateDebugExceptionsFrom`: with PSTATE.DAIF `daif`.
    fn debug_exceptions_enabled_from(&self, el: u8, daif: u8) -> bool {
        const DLK: u64 = 1;
        const CORENPDRQ: u64 = 1;
        let double_lock = self.sys.osdlr & DLK != 0 && self.sys.dbgprcr & CORENPDRQ == 0;
        match el {
            _ if self.sys.os_lock || double_lock => false,
            0 => true,
            1 => self.sys.mdscr & mdscr::KDE != 0 && daif & crate::Pstate::D == 0,
            _ => false,
        }
    }

    #[cold]
    fn raise_debug(&mut self, class: u32, iss: u32, far: Option<VirtAddr>) -> Leave {
        self.raise(Exception { class, iss: iss | DEBUG_STATUS, far, return_to: ReturnTo::This, to: 0 })
    }

    /// At reset: the OS lock is locked, and everything is disabled.
    pub(crate) fn reset_debug(&mut self) {
        self.debug = Debug::default();
    }
}
