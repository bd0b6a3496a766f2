//! Where compiled code goes when an instruction does not simply finish: to a vector, back from one, or on in
//! another context, without leaving for the dispatcher unless something else is to be done.

use crate::Jit;
use crate::context::{PC, pack, unpack};
use crate::emit::{Emitter, asm};
use crate::thunks::{jump, why};
use dynasmrt::{DynasmApi, dynasm};
use hw::Leave;
use semantics::{PacKey, Trap};

/// In the place of an immediate of SVC, which has 16 bits.
const ERET: u32 = 1 << 16;

impl Emitter {
    /// SVC; what else raises an exception on purpose is rare.
    pub(crate) fn raise(&mut self, trap: Trap) {
        match trap {
            Trap::Svc(imm) => self.leave_level(imm),
            _ => self.give_up(),
        }
    }

    /// ERET.
    pub(crate) fn exception_return(&mut self, key: Option<PacKey>) {
        match key {
            None if self.context.is_el1() => self.leave_level(ERET),
            _ => self.give_up(),
        }
    }

    fn leave_level(&mut self, what: u32) {
        self.ended = true;
        let state = self.state();
        self.settle(&state, self.executed());
        self.rax_becomes(self.pc_here());
        asm!(self ; mov [rbp + PC], rax ; mov eax, what as i32);
        let turn = self.thunks.turn;
        jump(&mut self.buf, turn);
    }
}

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
        let new = self.context.executed.wrapping_sub(self.accounted);
        self.accounted = self.context.executed;
        let again = self.is_again(leave);
        if again {
            self.give_back_type(self.context.executed.wrapping_sub(1));
        }
        if new > 0 || again {
            self.interp.executed_elsewhere(new, &Err(leave));
        }
        self.conclude(leave)
    }

    /// SVC with immediate `what`, or ERET. All guest registers are in memory, and it has been counted.
    pub(crate) fn leave_level(&mut self, what: u32) -> u32 {
        let new = self.context.executed.wrapping_sub(self.accounted);
        self.accounted = self.context.executed;
        self.context.forget_pages();
        self.interp.executed_elsewhere(new, &Ok(()));
        let cpu = &mut self.interp.cpu;
        cpu.regs.nzcv = unpack(self.context.flags);
        let done = if what == ERET { cpu.eret() } else { cpu.svc(what) };
        self.conclude(done.expect_err("neither goes on with the next instruction"))
    }

    /// The rest of `turn`.
    #[inline]
    fn conclude(&mut self, leave: Leave) -> u32 {
        self.resynced = true;
        let why = match self.interp.settle(Err(leave)) {
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
    #[inline]
    pub(crate) fn onward(&mut self) -> u32 {
        if self.is_single() {
            return why::LOOKUP;
        }
        if let Some(exit) = self.interp.posted() {
            self.left = Some(self.interp.cpu.leave(exit));
            return why::LEFT;
        }
        if self.interp.is_watched() || self.interp.cpu.regs.pstate.btype != 0 {
            return why::LOOKUP;
        }
        self.interp.take_interrupts();
        if self.interp.cpu.regs.pstate.el > 1 {
            return why::LOOKUP;
        }
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
