//! The loop while the guest debugs or samples itself: one instruction at a time where a step or breakpoint may
//! be, and no further than the next overflow of a counter that interrupts.

use crate::Interp;
use hw::Leave;
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

    /// Executes `n` instructions, interrupts and debug exceptions apart, or as many as simply finish; how many it
    /// was, and how the last ended. A context synchronisation event is no end.
    pub fn run_exactly(&mut self, n: u64) -> (u64, Done) {
        for done in 0..n {
            let page = match self.fetch_page() {
                Ok(page) => page,
                Err(leave) => return (done, Err(leave)),
            };
            let (_, result) = self.execute_one(&page);
            match self.finish(result) {
                Ok(()) | Err(Leave::Resync) => {}
                Err(leave) => return (done + 1, Err(leave)),
            }
        }
        (n, Ok(()))
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
