//! `--engine verify`: every block is executed twice, by compiled code and by the interpreter, and compared.
//!
//! Compiled code runs one block at a time: nothing is linked, and the jump cache stays empty. The PE keeps a journal
//! of stores and refuses devices. After the block its stores are undone and the registers put back, and the
//! interpreter executes as many instructions as the block counted. Registers, system registers, the exception, and
//! every doubleword that either wrote must be the same; the interpreter's state then stands. What cannot be executed
//! twice (`once_only`) leaves compiled code before it acts, and is the interpreter's alone.

use crate::Jit;
use crate::listing::table;
use crate::turn::{Held, Turn};
use a64::Row;
use cpu::{Exception, Exit, Monitor, Regs, Sys, Vcpu, Written};
use hw::{AccessSize, Leave, PhysAddr};
use semantics::Done;
use std::collections::BTreeMap;
use std::sync::Arc;

/// Instructions of one turn, when there are several vCPUs.
const TURN: u64 = 4096;

/// What checking needs to remember.
pub(crate) struct Verifier {
    turn: Arc<Turn>,
    difference: Option<String>,
    compared: u64,
}

/// Can the instruction not be executed twice with one result? Its lowering, if there is one, is then not used.
pub(crate) fn once_only(row: Row, word: u32) -> bool {
    use Row::*;
    let (op0, op1, crn, crm, op2) = (word >> 19 & 3, word >> 16 & 7, word >> 12 & 15, word >> 8 & 15, word >> 5 & 7);
    match row {
        // DC ZVA is a store.
        Sys => (op1, crn, crm, op2) != (3, 7, 4, 1),
        // Debug, random numbers, ICC_PMR, performance monitors, the GIC, counters.
        Mrs | Msr => op0 == 2 || matches!((crn, crm), (2, 4) | (4, 6) | (9 | 11 | 14, _) | (12, 8..)),
        // YIELD, WFE, WFI, SEV, SEVL.
        HintOp => crm == 0 && matches!(op2, 1..=5),
        _ => called_once(row),
    }
}

/// The same of the interpreter's handler, called from compiled code.
pub(crate) fn called_once(row: Row) -> bool {
    use Row::*;
    matches!(row, Svc | Hvc | Smc | Brk | Hlt | Dcps | Eret | Drps | Sys | Sysl | Mrs | Msr | Wfet | Wfit | HintOp)
}

/// What is compared, besides memory.
#[derive(Clone, PartialEq, Debug)]
pub(crate) struct State {
    pub regs: Regs,
    pub sys: Sys,
    pub monitor: Monitor,
    pub event: bool,
}

impl State {
    fn of(cpu: &Vcpu) -> State {
        State { regs: cpu.regs.clone(), sys: cpu.sys.clone(), monitor: cpu.monitor, event: cpu.event }
    }

    fn put_back(&self, cpu: &mut Vcpu) {
        let cached = self.regs.pstate != cpu.regs.pstate || self.sys != cpu.sys;
        (cpu.regs, cpu.sys) = (self.regs.clone(), self.sys.clone());
        (cpu.monitor, cpu.event) = (self.monitor, self.event);
        if cached {
            cpu.refresh();
        }
    }
}

/// What came of a block.
#[derive(PartialEq)]
pub(crate) struct Outcome {
    pub executed: u64,
    pub exception: Option<Exception>,
    pub state: State,
    /// The doublewords that either engine wrote.
    pub memory: BTreeMap<u64, u64>,
}

impl Outcome {
    fn of(cpu: &Vcpu, executed: u64, done: Done, written: impl Iterator<Item = u64>) -> Outcome {
        let ram = cpu.shared.bus.ram();
        let load = |at| ram.load(ram.host(PhysAddr(at)).expect("only RAM is noted"), AccessSize::Double);
        let exception = (done == Err(Leave::Exception)).then_some(cpu.exception);
        Outcome { executed, exception, state: State::of(cpu), memory: written.map(|at| (at, load(at))).collect() }
    }
}

impl Verifier {
    pub fn new(turn: Arc<Turn>) -> Verifier {
        Verifier { turn, difference: None, compared: 0 }
    }
}

impl Jit {
    /// Why `run` has returned before it should: the first block that did not do the same on both engines.
    pub fn difference(&mut self) -> Option<String> {
        self.verifier.as_mut()?.difference.take()
    }

    /// Executions of blocks that did the same on both engines.
    pub fn compared(&self) -> u64 {
        self.verifier.as_ref().map_or(0, |v| v.compared)
    }

    /// Is compiled code only executed to be compared?
    #[inline(always)]
    pub(crate) fn is_verifying(&self) -> bool {
        self.verifier.is_some()
    }

    /// Does compiled code run one block at a time?
    #[inline(always)]
    pub(crate) fn is_single(&self) -> bool {
        self.verifier.is_some() || self.stores.is_some()
    }

    /// As `run`, in turn with the other vCPUs, and until the first difference.
    #[cold]
    pub(crate) fn run_verified(&mut self, turn: Arc<Turn>) -> Exit {
        if self.interp.cpu.journal.is_none() {
            self.interp.cpu.keep_journal();
        }
        loop {
            let _held: Held = turn.take(&mut self.interp.cpu);
            let end = self.interp.counts.instructions + TURN;
            while self.interp.counts.instructions < end {
                if let Some(exit) = self.once() {
                    return exit;
                }
                if self.verifier.as_ref().is_some_and(|v| v.difference.is_some()) {
                    return Exit::Control;
                }
            }
        }
    }

    /// `Options::verify`.
    #[inline(always)]
    pub(crate) fn turn_taken(&self) -> Option<Arc<Turn>> {
        self.verifier.as_ref().map(|v| v.turn.clone())
    }

    /// Runs the block at the PC on both engines.
    #[cold]
    pub(crate) fn advance_verified(&mut self) -> Done {
        let Some(block) = self.block()? else { return self.interp.run_block() };
        let before = State::of(&self.interp.cpu);
        self.begin_journal(true);
        let (interpret, left) = self.run_once(block);
        let noted = self.begin_journal(true);
        let cpu = &mut self.interp.cpu;
        let mut got = Outcome::of(cpu, self.context.executed, left, noted.iter().map(|w| w.at.0));
        noted.iter().rev().for_each(|w| _ = cpu.shared.bus.write(w.at, AccessSize::Double, w.before));
        before.put_back(cpu);
        let (executed, done) = self.interp.run_exactly(got.executed);
        let more = self.begin_journal(false);
        // What compiled code did not write, it left as it was.
        more.iter().for_each(|w| _ = got.memory.entry(w.at.0).or_insert(w.before));
        let want = Outcome::of(&self.interp.cpu, executed, done, got.memory.keys().copied());
        let difference = (want != got).then(|| self.describe(&before, &want, &got));
        let verifier = self.verifier.as_mut().expect("see `advance`");
        if difference.is_some() {
            verifier.difference = difference;
            return Ok(());
        }
        verifier.compared += 1;
        match left {
            _ if interpret => self.interp.run_block(),
            Err(Leave::Resync) => left,
            _ => done,
        }
    }

    /// Empties the journal; what was in it.
    fn begin_journal(&mut self, refuses_devices: bool) -> Vec<Written> {
        let journal = self.interp.cpu.journal.as_mut().expect("see `run_verified`");
        journal.refuses_devices = refuses_devices;
        std::mem::take(&mut journal.written)
    }

    /// What differs, and the block.
    #[cold]
    fn describe(&mut self, before: &State, want: &Outcome, got: &Outcome) -> String {
        let (index, el) = (self.interp.cpu.index, before.regs.pstate.el);
        let (pc, compared) = (before.regs.pc, self.compared());
        let mut text = format!(
            "CPU {index} computed something else in compiled code than interpreted, after {compared} executions of \
             blocks that agreed.\nThe block at {pc:#x}, EL{el}:\n  {:<16}{:<36}got\n",
            "", "expected"
        );
        for (name, want, got) in differences(want, got) {
            text += &format!("  {name:<16}{want:<36}{got}\n");
        }
        let words = self.words(pc);
        text + &table(&self.space.block_lines(pc, self.statics, &words))
    }

    /// The instructions from `pc`, a place that was just executed, to the end of its page.
    fn words(&mut self, pc: u64) -> Vec<u32> {
        let Ok(pa) = self.interp.cpu.fetch(pc) else { return Vec::new() };
        let bus = &self.interp.cpu.shared.bus;
        let word = |at: u64| bus.read(PhysAddr(at), AccessSize::Word).unwrap_or(0) as u32;
        (pa.0..=(pa.0 | 0xfff)).step_by(4).map(word).collect()
    }
}

/// Names and both values of what differs.
fn differences(want: &Outcome, got: &Outcome) -> Vec<(String, String, String)> {
    let mut all = Vec::new();
    let mut add = |name: String, want: String, got: String| {
        if want != got {
            all.push((name, want, got));
        }
    };
    let hex = |v: u64| format!("{v:#018x}");
    add("instructions".into(), want.executed.to_string(), got.executed.to_string());
    add("exception".into(), format!("{:x?}", want.exception), format!("{:x?}", got.exception));
    let (a, b) = (&want.state, &got.state);
    (0..31).for_each(|n| add(format!("x{n}"), hex(a.regs.x[n]), hex(b.regs.x[n])));
    add("sp".into(), hex(a.regs.sp), hex(b.regs.sp));
    add("pc".into(), hex(a.regs.pc), hex(b.regs.pc));
    add("nzcv".into(), format!("{:04b}", a.regs.nzcv), format!("{:04b}", b.regs.nzcv));
    add("pstate".into(), format!("{:?}", a.regs.pstate), format!("{:?}", b.regs.pstate));
    add("fpcr".into(), hex(a.regs.fpcr.into()), hex(b.regs.fpcr.into()));
    add("fpsr".into(), hex(a.regs.fpsr.into()), hex(b.regs.fpsr.into()));
    (0..32).for_each(|n| add(format!("v{n}"), format!("{:#034x}", a.regs.v[n]), format!("{:#034x}", b.regs.v[n])));
    add("monitor".into(), format!("{:x?}", a.monitor), format!("{:x?}", b.monitor));
    add("event".into(), a.event.to_string(), b.event.to_string());
    let (a, b) = (format!("{:#x?}", a.sys), format!("{:#x?}", b.sys));
    let mut field = "";
    for (a, b) in a.lines().zip(b.lines()) {
        // Arrays are a line per element below the line of their field.
        field = a.trim().split_once(": ").map_or(field, |(name, _)| name);
        add(field.to_owned(), a.trim().to_owned(), b.trim().to_owned());
    }
    for (at, v) in &want.memory {
        add(format!("[{at:#x}]"), hex(*v), got.memory.get(at).map_or(String::new(), |v| hex(*v)));
    }
    all
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_acts_on_more_than_the_pe_is_executed_once() {
        let once = |word: u32| once_only(a64::lookup(word).unwrap(), word);
        let (cntvct, icc_iar1, pmccntr, rndr, icc_pmr) =
            (0xd53b_e040, 0xd538_cc00, 0xd53b_9d00, 0xd53b_2400, 0xd518_4600);
        let (wfi, yields, svc, eret, ic_ivau, tlbi) =
            (0xd503_207f, 0xd503_203f, 0xd400_0001, 0xd69f_03e0, 0xd50b_7520, 0xd508_871f);
        for word in [cntvct, icc_iar1, pmccntr, rndr, icc_pmr, wfi, yields, svc, eret, ic_ivau, tlbi] {
            assert!(once(word), "{word:#x}");
        }
        let (tpidr, elr, sp_el0, nzcv, fpcr, daif) =
            (0xd53b_d040, 0xd518_4020, 0xd518_4100, 0xd53b_4200, 0xd51b_4400, 0xd53b_4220);
        let (nop, zva, add, ldxr, ttbr0) = (0xd503_201f, 0xd50b_7420, 0x8b02_0020, 0xc85f_7c01, 0xd518_2000);
        for word in [tpidr, elr, sp_el0, nzcv, fpcr, daif, nop, zva, add, ldxr, ttbr0] {
            assert!(!once(word), "{word:#x}");
        }
    }
}
