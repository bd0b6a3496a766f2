//! What breakpoints and watchpoints have in common: state matching and links (ARM DDI 0487,
//! `AArch64.StateMatch`, `BreakpointValueMatch`).

use super::{BREAKPOINTS, CONTEXT_AWARE, E};
use crate::Vcpu;

/// What an address comparison compares: no model has more than 48 bits, and bit 48 is their sign. A tag in
/// the top byte does not matter.
pub(super) const ADDRESS: u64 = (1 << 49) - 1;

/// DBGBCR_EL1.BT.
pub(super) const fn breakpoint_type(bcr: u64) -> u64 {
    bcr >> 20 & 0xf
}
/// Address matches, without and with a link.
pub(super) const UNLINKED_ADDRESS: u64 = 0b0000;
pub(super) const LINKED_ADDRESS: u64 = 0b0001;
/// CONTEXTIDR_EL1 matches, by itself and for those that link to it.
pub(super) const UNLINKED_CONTEXT: u64 = 0b0010;
const LINKED_CONTEXT: u64 = 0b0011;

/// The fields that say in which states a breakpoint or watchpoint matches, from its control register: both
/// have them in the same places but for the privilege (PMC, PAC).
#[derive(Clone, Copy)]
struct States {
    hmc: bool,
    ssc: u64,
    el1: bool,
    el0: bool,
}

impl States {
    fn of(control: u64) -> States {
        let bit = |n: u32| control >> n & 1 != 0;
        States { hmc: bit(13), ssc: control >> 14 & 3, el1: bit(1), el0: bit(2) }
    }

    /// Reserved combinations are disabled, which is one of the choices allowed.
    fn include(self, el: u8, highest_el: u8) -> bool {
        let States { hmc, ssc, el1, el0 } = self;
        match highest_el {
            0 | 1 if hmc || ssc != 0 => false,
            2 | 3 if !hmc && ssc & 2 != 0 => false, // Secure only, and we are not
            _ => match el {
                0 => el0,
                1 => el1,
                2 => hmc && !(ssc == 2 && !el0 && !el1) || ssc == 3,
                _ => hmc && ssc & 1 == 0,
            },
        }
    }
}

impl Vcpu {
    /// Does `control` (DBGBCR or DBGWCR) match what `el` does? `linked` follows its LBN.
    pub(super) fn state_matches(&self, control: u64, el: u8, linked: bool) -> bool {
        let link = (control >> 16 & 0xf) as usize;
        States::of(control).include(el, self.model.highest_el()) && (!linked || self.link_matches(link))
    }

    /// Breakpoint `n` as what others link to. One that cannot compare contexts, or is of another type, is a
    /// CONSTRAINED UNPREDICTABLE link: it never matches.
    fn link_matches(&self, n: usize) -> bool {
        n < BREAKPOINTS
            && self.sys.dbgbcr[n] & E != 0
            && breakpoint_type(self.sys.dbgbcr[n]) == LINKED_CONTEXT
            && self.context_matches(n)
    }

    /// Is DBGBVR`n`_EL1 the context at EL1&0?
    pub(super) fn context_matches(&self, n: usize) -> bool {
        n >= BREAKPOINTS - CONTEXT_AWARE
            && self.regs.pstate.el < 2
            && self.sys.dbgbvr[n] as u32 == self.sys.contextidr[1] as u32
    }
}
