//! Where compiled code goes when an instruction does not simply finish: to a vector, back from one, or on in
//! another context, without leaving for the dispatcher unless something else is to be done.

use crate::Jit;
use crate::context::{pack, unpack};
use crate::thunks::why;
use cpu::ReturnTo;
use hw::Leave;

impl Jit {
    /// The last instruction since compiled code was entered, counted in `Context::executed`, ended with `leave`;
    /// guest registers, and the flags in `Context::flags`, are as it left them. Takes the exception, or does what
    /// else follows, and finds the block to go on with.
    pub(crate) fn turn(&mut self, leave: Leave) -> u32 {
        if self.is_single() {
            self.left = Some(leave);
            return why::LEFT;
        }
        self.interp.cpu.regs.nzcv = unpack(self.context.flags);
        let done = Err(leave);
        let new = self.context.executed.wrapping_sub(self.accounted);
        self.accounted = self.context.executed;
        let again = leave == Leave::Exception && self.interp.cpu.exception.return_to == ReturnTo::This;
        if new > 0 || again {
            self.interp.executed_elsewhere(new, &done);
        }
        self.resynced = true;
        let why = match self.interp.settle(done) {
            Some(exit) => {
                self.left = Some(self.interp.cpu.leave(exit));
                why::LEFT
            }
            None => self.onward(),
        };
        self.context.flags = pack(self.interp.cpu.regs.nzcv);
        why
    }

    /// Between two instructions: takes an interrupt if one waits, and finds the block at the PC.
    pub(crate) fn onward(&mut self) -> u32 {
        if self.is_single()
            || self.interp.cpu.attention.is_set()
            || self.interp.is_watched()
            || self.interp.cpu.regs.pstate.btype != 0
        {
            return why::LOOKUP;
        }
        self.interp.take_interrupts();
        // It passes, too: the block that called is not returned to.
        self.catch_up();
        let pc = self.interp.cpu.regs.pc;
        self.refresh(pc);
        match self.jumps.find(pc) {
            Some(code) => {
                self.counts.turns += 1;
                self.context.target = code;
                why::JUMP
            }
            None => why::LOOKUP,
        }
    }
}
