//! The loop: fetch a page of decoded code, call handlers, take exceptions and interrupts.

use crate::code::{CodeCache, UNALLOCATED, UNDECODED};
use a64::ROW_COUNT;
use cpu::{Abort, Exit, Fault, FaultStatus, Vcpu};
use hashbrown::HashMap;
use hw::{Leave, VirtAddr};
use semantics::{Done, Handler};
use sync::Reasons;

/// What this engine counted, for `--stats`.
#[derive(Clone, Debug, Default)]
pub struct Counts {
    /// Guest instructions executed.
    pub instructions: u64,
    /// Synchronous exceptions taken.
    pub exceptions: u64,
    /// Interrupts taken.
    pub interrupts: u64,
    /// Words executed that belong to no row, and how often.
    pub unallocated: HashMap<u32, u64>,
}

/// One vCPU with the interpreter as its engine. Lives on the vCPU's thread.
pub struct Interp {
    /// The PE.
    pub cpu: Vcpu,
    /// What was counted.
    pub counts: Counts,
    /// PC of the instruction after the one being executed; branches change it.
    pub(crate) next: u64,
    code: CodeCache,
    /// `counts.instructions` at the last exception, and how many in a row came with nothing between.
    at_exception: u64,
    fruitless: u32,
}

/// Rows first, then what is not a row.
static HANDLERS: [Handler<Interp>; ROW_COUNT + 1] = {
    let rows = semantics::handlers::<Interp>();
    let mut all: [Handler<Interp>; ROW_COUNT + 1] = [|e, word| e.unallocated(word); ROW_COUNT + 1];
    let mut i = 0;
    while i < ROW_COUNT {
        all[i] = rows[i];
        i += 1;
    }
    all
};
const _: () = assert!(UNALLOCATED as usize == ROW_COUNT);

impl Interp {
    /// An engine for `cpu`.
    pub fn new(cpu: Vcpu) -> Interp {
        Interp { cpu, counts: Counts::default(), next: 0, code: CodeCache::new(), at_exception: 0, fruitless: 0 }
    }

    /// Executes until the machine must act; the PC is then that of the next instruction.
    pub fn run(&mut self) -> Exit {
        loop {
            if let Some(exit) = self.between() {
                return exit;
            }
            let done = self.run_page::<false>();
            if let Some(exit) = self.settle(done) {
                return exit;
            }
        }
    }

    /// Executes until a branch is taken, or as long as `run` would without looking up.
    pub fn run_block(&mut self) -> Done {
        self.run_page::<true>()
    }

    /// Executes one instruction that belongs to the row numbered `handler`. The PC is its own, and afterwards
    /// that of the next one if it simply finished.
    #[inline]
    pub fn execute(&mut self, handler: u16, word: u32) -> Done {
        self.next = self.cpu.regs.pc.wrapping_add(4);
        HANDLERS[usize::from(handler).min(ROW_COUNT)](self, word)?;
        self.cpu.regs.pc = self.next;
        Ok(())
    }

    /// What is due between two instructions: what was posted, and interrupts. `Some` if the machine wants the
    /// thread.
    #[inline]
    pub fn between(&mut self) -> Option<Exit> {
        if self.cpu.attention.is_set()
            && let Some(exit) = self.attend()
        {
            return Some(exit);
        }
        if self.cpu.take_interrupts() {
            self.counts.interrupts += 1;
        }
        None
    }

    /// What follows from how an instruction finished. `Some` if the machine must act.
    #[inline]
    pub fn settle(&mut self, done: Done) -> Option<Exit> {
        match done {
            Ok(()) | Err(Leave::Resync) => None,
            Err(Leave::Exception) => {
                self.counts.exceptions += 1;
                self.cpu.take_exception();
                self.locked_up().then_some(Exit::Lockup)
            }
            Err(Leave::Exit) => Some(self.cpu.exit),
        }
    }

    /// Has nothing been executed between the last many exceptions? Then nothing ever will.
    fn locked_up(&mut self) -> bool {
        const MANY: u32 = 64;
        // The instruction that raised the exception is counted, though it did not finish.
        self.fruitless = if self.counts.instructions - self.at_exception <= 1 { self.fruitless + 1 } else { 0 };
        self.at_exception = self.counts.instructions;
        self.fruitless >= MANY
    }

    /// Does what was posted; `Some` if the machine wants the thread.
    #[cold]
    fn attend(&mut self) -> Option<Exit> {
        let reasons = self.cpu.attention.take();
        if reasons.has(Reasons::TLBI) {
            self.cpu.drain_tlbi();
        }
        if reasons.has(Reasons::TIMER) {
            self.cpu.update_timers();
        }
        if reasons.has(Reasons::EVENT) {
            self.cpu.event = true;
        }
        reasons.has(Reasons::CONTROL).then_some(Exit::Control)
    }

    /// Executes until control leaves the page of the PC, attention is wanted at a taken branch, or an
    /// instruction does not simply finish; with `TO_BRANCH`, or a branch is taken.
    fn run_page<const TO_BRANCH: bool>(&mut self) -> Done {
        let start = self.cpu.regs.pc;
        let pa = self.cpu.fetch(start)?;
        let trust = self.cpu.instruction_cache_on();
        let Some(page) = self.code.page(&self.cpu.shared.bus, pa, trust) else {
            let fault = Fault { status: FaultStatus::External, abort: Abort::Fetch, address: VirtAddr(start) };
            return Err(self.cpu.raise_fault(fault));
        };
        let mut pc = start;
        let mut executed = 0;
        let result = loop {
            let mut op = page.op(pc);
            if op.handler == UNDECODED {
                op = page.decode(pc);
            }
            let fall_through = pc.wrapping_add(4);
            self.next = fall_through;
            executed += 1;
            if let Err(leave) = HANDLERS[op.handler as usize](self, op.word) {
                break Err(leave);
            }
            let next = self.next;
            self.cpu.regs.pc = next;
            // Same page, and word aligned.
            if (next ^ start) & !0xffc != start & 3 {
                break Ok(());
            }
            if next != fall_through && (TO_BRANCH || self.cpu.attention.is_set()) {
                break Ok(());
            }
            pc = next;
        };
        self.counts.instructions += executed;
        result
    }

    #[cold]
    fn unallocated(&mut self, word: u32) -> Done {
        *self.counts.unallocated.entry(word).or_default() += 1;
        Err(self.cpu.raise_undefined())
    }
}
