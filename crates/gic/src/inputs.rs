//! What comes in from wires and messages, for who takes the GIC to another process: no register shows the level of a wire
//! that is configured as edge-triggered, nor the level that GICD_SETSPI left. Neither does the host see GICx_STATUSR as
//! Non-secure accesses do: its accesses are Secure ones.

use crate::ids;
use crate::map::STATUS_BITS;
use crate::wires::Gic;
use hw::IntId;
use std::iter;

/// The inputs of one interrupt.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Input {
    /// Which PE's, of a private interrupt; else 0.
    pub pe: usize,
    /// INTID.
    pub id: IntId,
    /// The wire is high.
    pub line: bool,
    /// GICD_SETSPI was written, and not yet GICD_CLRSPI.
    pub message: bool,
}

impl Gic {
    /// The interrupts with an input that is high.
    pub fn inputs(&self) -> Vec<Input> {
        let layout = self.state.layout();
        let private = (0..self.state.pes()).flat_map(|pe| layout.private_places().map(move |place| (pe, place)));
        let all = private.chain(layout.shared_places().map(|place| (0, place)));
        let input = |(pe, place)| {
            let word = self.state.word(pe, place);
            Input { pe, id: IntId(ids::intid(place)), line: word.line(), message: word.msg() }
        };
        all.map(input).filter(|input| input.line || input.message).collect()
    }

    /// Puts an input back: a wire that becomes high so is no edge. False if there is no such interrupt.
    pub fn restore_input(&self, input: Input) -> bool {
        let Input { pe, id, line, message } = input;
        let place = ids::place(id.0).filter(|&place| self.state.layout().home(place).is_some());
        let Some(place) = place.filter(|_| pe < self.state.pes()) else { return false };
        self.state.update(pe, place, |word| word.with_line(line).with_msg(message));
        true
    }

    /// GICD_STATUSR, then GICR_STATUSR of each PE, as Non-secure accesses see them.
    pub fn statuses(&self) -> Vec<u32> {
        self.frames_with_status().map(|pe| self.state.status(pe, false)).collect()
    }

    /// Puts them back. False if they are of another number of PEs, or bits are none of the register's.
    pub fn restore_statuses(&self, statuses: &[u32]) -> bool {
        let fits = statuses.len() == self.state.pes() + 1;
        let known = statuses.iter().all(|status| u64::from(*status) & !STATUS_BITS == 0);
        if !fits || !known {
            return false;
        }
        for (pe, status) in self.frames_with_status().zip(statuses) {
            self.state.clear_status(pe, false, !0);
            self.state.set_status(pe, false, *status);
        }
        true
    }

    fn frames_with_status(&self) -> impl Iterator<Item = Option<usize>> {
        iter::once(None).chain((0..self.state.pes()).map(Some))
    }
}
