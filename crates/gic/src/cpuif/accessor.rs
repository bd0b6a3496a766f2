//! Who accesses the CPU interface, and which of the PE's inputs an interrupt asserts there.

use crate::word::{G0, G1};

/// What the GIC asserts at one PE.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Signals {
    /// The IRQ input.
    pub irq: bool,
    /// The FIQ input.
    pub fiq: bool,
    /// What is asserted has superpriority (it is a non-maskable interrupt).
    pub nmi: bool,
}

/// The state of the PE that decides which registers an access reaches and which interrupts it sees. A PE without EL3
/// is Non-secure EL1 (the default), or EL2.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Accessor {
    /// Exception level, 0 to 3.
    pub el: u8,
    /// SCR_EL3.NS is 0. At EL3, which is Secure, it only chooses among registers that the states bank.
    pub secure: bool,
    /// SCR_EL3.FIQ: Group 0 is EL3's, and Non-secure software sees the lower half of priorities only.
    pub fiq_to_el3: bool,
    /// SCTLR_ELx.NMI at this EL: NMIs are acknowledged by ICC_NMIAR1_EL1.
    pub nmi: bool,
}

impl Default for Accessor {
    fn default() -> Accessor {
        Accessor { el: 1, secure: false, fiq_to_el3: false, nmi: false }
    }
}

impl Accessor {
    /// Does it see priorities shifted (IHI 0069, ICC_PMR_EL1 and ICC_RPR_EL1)?
    #[inline]
    pub(super) fn shifted(self) -> bool {
        self.fiq_to_el3 & !self.secure
    }

    /// IHI 0069, "Interrupt grouping and security": FIQ is what another state, or EL3, should handle.
    pub(super) fn signals(self, group: usize, nmi: bool, one_state: bool) -> Signals {
        let irq = match (group, one_state) {
            (G0, _) => false,
            (_, true) => true,
            _ if self.el == 3 => false,
            (G1, false) => !self.secure,
            (_, false) => self.secure,
        };
        Signals { irq, fiq: !irq, nmi }
    }
}
