//! The loop: fetch a page of decoded code, call handlers, take exceptions and interrupts.

use crate::code::{CodeCache, CodePage, UNALLOCATED, UNDECODED};
use a64::ROW_COUNT;
use cpu::{Abort, Exit, Fault, FaultStatus, ReturnTo, Vcpu};
use hashbrown::HashMap;
use hw::{Leave, VirtAddr};
use semantics::{Done, Handler};
use std::rc::Rc;
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
    /// Words executed that belong to no row of the PE's features, and how often.
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
    /// Instructions executed that `retire` has not counted yet: these, and those from here to the PC.
    pub(crate) executed: u64,
    pub(crate) straight_from: u64,
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
        let (counts, code) = (Counts::default(), CodeCache::new());
        Interp { cpu, counts, next: 0, executed: 0, straight_from: 0, code, at_exception: 0, fruitless: 0 }
    }

    /// Forgets what it has decoded, of a PE that goes on over other memory.
    pub fn forget_code(&mut self) {
        self.code = CodeCache::new();
    }

    /// Executes until the machine must act; the PC is then that of the next instruction.
    pub fn run(&mut self) -> Exit {
        loop {
            if let Some(exit) = self.posted() {
                return exit;
            }
            let done = if self.is_watched() {
                self.run_watched()
            } else {
                self.take_interrupts();
                self.run_page::<false, false>()
            };
            if let Some(exit) = self.settle(done) {
                return exit;
            }
        }
    }

    /// Must `run_watched` execute instead of anything faster?
    #[inline(always)]
    pub fn is_watched(&self) -> bool {
        self.cpu.is_debugged() || self.cpu.is_sampled()
    }

    /// Executes until a branch is taken, or as long as `run` would without looking up.
    pub fn run_block(&mut self) -> Done {
        self.run_page::<false, true>()
    }

    /// Executes one instruction that belongs to the row numbered `handler`, on which no indirect branch landed. The
    /// PC is its own, and afterwards that of the next one if it simply finished. True if it has been counted; else
    /// the caller counts it (`executed_elsewhere`).
    #[inline]
    pub fn execute(&mut self, handler: u16, word: u32) -> (Done, bool) {
        let pc = self.cpu.regs.pc;
        self.straight_from = pc;
        self.next = pc.wrapping_add(4);
        let done = HANDLERS[usize::from(handler).min(ROW_COUNT)](self, word);
        if done.is_ok() {
            self.cpu.regs.pc = self.next;
        }
        self.straight_to(pc.wrapping_add(4));
        (done, std::mem::take(&mut self.executed) == 0)
    }

    /// Counts `n` instructions that compiled code executed. If the last of them ended with `done`, an exception, it
    /// may be executed again, and has not retired.
    #[inline]
    pub fn executed_elsewhere(&mut self, n: u64, done: &Done) {
        let again = *done == Err(Leave::Exception) && self.cpu.exception.return_to == ReturnTo::This;
        self.counts.instructions += n;
        self.cpu.retire(n.wrapping_sub(again.into()));
    }

    /// Does what was posted. `Some` if the machine wants the thread.
    #[inline(always)]
    pub fn posted(&mut self) -> Option<Exit> {
        if self.cpu.attention.is_set() { self.attend() } else { None }
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

    /// Takes an interrupt if one waits.
    #[inline(always)]
    pub fn take_interrupts(&mut self) {
        if self.cpu.take_interrupts() {
            self.counts.interrupts += 1;
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
    /// instruction does not simply finish. If `SAMPLED`, also at the taken branch where a counter may overflow;
    /// if `TO_BRANCH`, at any taken branch.
    pub(crate) fn run_page<const SAMPLED: bool, const TO_BRANCH: bool>(&mut self) -> Done {
        let page = self.fetch_page()?;
        let start = self.cpu.regs.pc;
        if self.cpu.regs.pstate.btype != 0 {
            let (_, result) = self.execute_one(&page);
            return self.finish(result);
        }
        let mut pc = start;
        self.straight_from = start;
        let result = loop {
            let mut op = page.op(pc);
            if op.handler == UNDECODED {
                op = self.code.decode(&page, pc, self.cpu.model.features);
            }
            let fall_through = pc.wrapping_add(4);
            self.next = fall_through;
            if let Err(leave) = HANDLERS[op.handler as usize](self, op.word) {
                self.straight_to(fall_through);
                break Err(leave);
            }
            let next = self.next;
            self.cpu.regs.pc = next;
            if next != fall_through {
                self.straight_to(fall_through);
                self.straight_from = next;
                if TO_BRANCH || self.cpu.attention.is_set() || SAMPLED && self.executed > self.cpu.until_overflow() {
                    break Ok(());
                }
            }
            // Same page, and word aligned.
            if (next ^ start) & !0xffc != start & 3 {
                self.straight_to(next);
                break Ok(());
            }
            pc = next;
        };
        self.finish(result)
    }

    /// Executes the instruction at the PC, in `page`, and nothing else: its word, and how it ended. It may be one
    /// that an indirect branch landed on.
    #[cold]
    pub(crate) fn execute_one(&mut self, page: &CodePage) -> (u32, Done) {
        let pc = self.cpu.regs.pc;
        let op = self.code.decode(page, pc, self.cpu.model.features);
        self.straight_from = pc;
        let btype = match self.cpu.landed(op.word) {
            Ok(btype) => btype,
            Err(leave) => {
                self.executed += 1; // as `finish` expects of an instruction that raised an exception
                return (op.word, Err(leave));
            }
        };
        self.next = pc.wrapping_add(4);
        let result = HANDLERS[op.handler as usize](self, op.word);
        self.straight_to(pc.wrapping_add(4));
        match result {
            Ok(()) => self.cpu.regs.pc = self.next,
            Err(Leave::Exception) => self.cpu.missed_landing(btype),
            Err(_) => {}
        }
        (op.word, result)
    }

    /// What was executed since the last taken branch ends before `pc`.
    #[inline(always)]
    pub(crate) fn straight_to(&mut self, pc: u64) {
        self.executed = self.executed.wrapping_add(pc.wrapping_sub(self.straight_from) / 4);
        self.straight_from = pc;
    }

    /// The page of the PC, decoded as far as it has been executed.
    #[inline(always)]
    pub(crate) fn fetch_page(&mut self) -> Result<Rc<CodePage>, Leave> {
        let pa = self.cpu.fetch(self.cpu.regs.pc)?;
        let trust = self.cpu.instruction_cache_on();
        match self.code.page(&self.cpu.shared.bus, pa, trust) {
            Some(page) => Ok(page),
            None => {
                let address = VirtAddr(self.cpu.regs.pc);
                let fault = Fault { status: FaultStatus::External, abort: Abort::Fetch, address };
                Err(self.cpu.raise_fault(fault))
            }
        }
    }

    /// Counts what was executed up to an instruction that ended with `result`. One that will be executed
    /// again has not retired.
    #[inline(always)]
    pub(crate) fn finish(&mut self, result: Done) -> Done {
        let again = match result {
            Err(Leave::Exception) => self.cpu.exception.return_to == ReturnTo::This,
            Err(Leave::Exit) => self.cpu.exit == Exit::Outside,
            _ => false,
        };
        if again {
            self.counts.instructions += 1;
            // It wraps if the instruction itself asked for `retire`; so do the sums.
            self.executed = self.executed.wrapping_sub(1);
        }
        self.retire();
        result
    }

    /// Tells the PE how many instructions it has executed.
    #[inline(always)]
    fn retire(&mut self) {
        let executed = std::mem::take(&mut self.executed);
        self.counts.instructions = self.counts.instructions.wrapping_add(executed);
        self.cpu.retire(executed);
    }

    /// The same from within an instruction, which counts as executed.
    #[inline(always)]
    pub(crate) fn retire_now(&mut self) {
        self.straight_to(self.cpu.regs.pc.wrapping_add(4));
        self.retire();
    }

    #[cold]
    fn unallocated(&mut self, word: u32) -> Done {
        *self.counts.unallocated.entry(word).or_default() += 1;
        Err(self.cpu.raise_undefined())
    }
}
