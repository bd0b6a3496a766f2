//! The loop while the guest debugs or samples itself: one instruction at a time where a step or breakpoint may
//! be, and no further than the next overflow of a counter that interrupts.

use crate::Interp;
use semantics::Done;

impl Interp {
    /// One turn of `run` while `Vcpu::is_debugged` or `is_sampled`. A pending step comes before interrupts,
    /// breakpoints after.
    #[cold]
    pub fn run_watched(&mut self) -> Done {
        self.cpu.check_step()?;
        self.take_interrupts();
        if self.cpu.debugs_page(self.cpu.regs.pc) { self.run_one() } else { self.run_page::<true, false>() }
    }

    /// Executes one instruction, unless it has a breakpoint.
    fn run_one(&mut self) -> Done {
        let page = self.fetch_page()?;
        self.cpu.check_breakpoints()?;
        let (word, result) = self.execute_one(&page);
        self.cpu.stepped(word, result);
        self.finish(result)
    }
}
