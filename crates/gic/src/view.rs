//! One interrupt as a tool sees it: a snapshot of its word, taken in one load.

use crate::ids;
use crate::wires::Gic;
use crate::word::{G0, G1S, NOBODY};
use hw::IntId;

/// The state of one interrupt at one moment.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct InterruptView {
    /// Latched, or its level is asserted.
    pub pending: bool,
    /// The level of its wire.
    pub line: bool,
    /// Acknowledged and not deactivated.
    pub active: bool,
    /// GICx_ISENABLER.
    pub enabled: bool,
    /// 0 or 1.
    pub group: u8,
    /// In Group 1 Secure, of two security states.
    pub group1_secure: bool,
    /// GICx_INMIR: non-maskable.
    pub nmi: bool,
    /// GICx_IPRIORITYR; lower is more urgent.
    pub priority: u8,
    /// GICx_ICFGR.
    pub edge: bool,
    /// The PE it goes to. `None` if IROUTER names no PE, or it is 1-of-N and waits for none.
    pub target: Option<usize>,
    /// GICD_IROUTER.Interrupt_Routing_Mode.
    pub one_of_n: bool,
}

impl Gic {
    /// Interrupt `id`, seen from `pe` if it is private; `None` if this GIC has no such interrupt or PE.
    pub fn describe(&self, pe: usize, id: IntId) -> Option<InterruptView> {
        let place = ids::place(id.0).filter(|_| pe < self.state.pes())?;
        let word = Some(self.state.word(pe, place)).filter(|word| word.implemented())?;
        Some(InterruptView {
            pending: word.pending(),
            line: word.line(),
            active: word.active(),
            enabled: word.enabled(),
            group: u8::from(word.group() != G0),
            group1_secure: word.group() == G1S,
            nmi: word.nmi(),
            priority: word.priority(),
            edge: word.edge(),
            target: Some(word.target()).filter(|&target| target != NOBODY),
            one_of_n: word.one_of_n(),
        })
    }
}
