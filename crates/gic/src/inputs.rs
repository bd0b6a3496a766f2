//! What comes in from wires and messages, for who takes the GIC to another process: no register shows the level of a wire
//! that is configured as edge-triggered, nor the level that GICD_SETSPI left.

use crate::ids;
use crate::wires::Gic;
use hw::IntId;

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
}
