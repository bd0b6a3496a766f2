//! The loop while the guest debugs or samples itself: one instruction at a time where a step or breakpoint may
//! be, and no further than the next overflow of a counter that interrupts.

use crate::Interp;
use crate::code::UNDECODED;
use crate::run::HANDLERS;
use hw::Leave;
use semantics::Done;

impl Interp {
    /// One turn of `run` while `Vcpu::is_debugged` or `is_sampled`. A pending step comes before interrupts,
    /// breakpoints after.
    #[cold]
    pub(crate) fn run_watched(&mut self) -> Done {
        self.cpu.check_step()?;
        self.take_interrupts();
        if self.cpu.debugs_page(self.cpu.regs.pc) { self.run_one() } else { self.run_page::<true>() }
    }

    /// Executes one instruction, unless it has a breakpoint.
    fn run_one(&mut self) -> Done {
        let page = self.fetch_page()?;
        self.cpu.check_breakpoints()?;
        let pc = self.cpu.regs.pc;
        let btype = if self.cpu.regs.pstate.btype == 0 { 0 } else { self.cpu.landed(page.op(pc).word)? };
        let mut op = page.op(pc);
        if op.handler == UNDECODED {
            op = page.decode(pc, self.cpu.model.features);
        }
        self.next = pc.wrapping_add(4);
        self.straight_from = pc;
        let result = HANDLERS[op.handler as usize](self, op.word);
        self.straight_to(pc.wrapping_add(4));
        if result.is_ok() {
            self.cpu.regs.pc = self.next;
        }
        if btype != 0 && result == Err(Leave::Exception) {
            self.cpu.missed_landing(btype);
        }
        self.cpu.stepped(op.word, result);
        self.finish(result)
    }
}
