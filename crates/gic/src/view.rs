//! One interrupt as a tool sees it: a snapshot of its word, taken in one load.

use crate::{wires::Gic, word::NOBODY};
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
        let word = (pe < self.state.pes()).then(|| self.state.word(pe, id.0)).filter(|word| word.implemented())?;
        Some(InterruptView {
            pending: word.pending(),
            line: word.line(),
            active: word.active(),
            enabled: word.enabled(),
            group: word.group() as u8,
            priority: word.priority(),
            edge: word.edge(),
            target: Some(word.target()).filter(|&target| target != NOBODY),
            one_of_n: word.one_of_n(),
        })
    }
}
