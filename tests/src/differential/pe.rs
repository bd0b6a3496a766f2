//! The engine under test: one PE with the interpreter, at EL0 as Linux sets it up, on a little RAM.
//!
//! Scratch and code are where the runner of QEMU has them; nothing else is mapped for EL0. Every exception
//! leads to an HVC at its vector, where `Interp::run` returns.

use super::compiler::Compiler;
use super::layout::{BATCH, SCRATCH, SCRATCH_SIZE, SLOT_SIZE, SLOTS};
use super::rows;
use super::state::{Case, Outcome, Ran, State, signal};
use cpu::{Alarms, Exit, Peer, Pstate, Shared, TlbiQueue, Vcpu, VcpuSpec, pauth};
use gic::{Affinity, Gic, GicSpec, PeSpec};
use hw::{Clock, PhysAddr};
use interp::Interp;
use mem::{Bus, Ram};
use std::sync::Arc;
use sync::Attention;

/// RAM: vectors, translation tables, then at their places scratch and slots. What QEMU's runner has here (TEXT)
/// is not mapped for EL0 there either, as far as instructions under test can tell.
const VECTORS: u64 = 0x4000_0000;
const TABLES: u64 = VECTORS + 0x1000;
const RAM_SIZE: u64 = 0x20_0000;
const PAGE: u64 = 4096;

/// Ends a case: the first if it was reached in order, the second if the last instruction was skipped.
const SVC: u32 = 0xd400_0001;
const HVC: u32 = 0xd400_0002;

/// A PE with one case after the other.
pub struct Pe {
    interp: Interp,
    /// Another that runs them compiled, where the host can.
    compiler: Compiler,
}

/// Where a case stopped.
struct Stop {
    class: u64,
    iss: u64,
    pc: u64,
    far: u64,
}

impl Pe {
    /// With these keys of pointer authentication.
    pub fn new(keys: pauth::Keys) -> Pe {
        Pe { interp: Interp::new(vcpu(keys)), compiler: Compiler::new(vcpu(keys)) }
    }

    /// What comes of `case` at `pc`, with `memory` in scratch.
    pub fn run(&mut self, case: &Case, memory: &[u8], pc: u64) -> Ran {
        let stop = self.execute(&case.state, &case.words, memory, pc);
        came_of(&self.interp.cpu, case, pc, stop)
    }

    /// The same compiled, if this host can.
    pub fn run_compiled(&mut self, case: &Case, memory: &[u8], pc: u64) -> Option<Ran> {
        let cpu = self.compiler.cpu()?;
        begin(cpu, &case.state, &case.words, memory, pc);
        [pc, pc + SLOT_SIZE - 1].iter().for_each(|at| cpu.shared.bus.code().invalidate(PhysAddr(*at)));
        let exit = self.compiler.run();
        let cpu = self.compiler.cpu()?;
        Some(came_of(cpu, case, pc, stopped(cpu, exit)))
    }

    /// Blocks that were compiled.
    pub fn blocks(&self) -> u64 {
        self.compiler.blocks()
    }

    /// The address that `word` alone at `pc` cannot access, if there is one; the whole page at 0 is such.
    pub fn inaccessible(&mut self, state: &State, words: &[u32], memory: &[u8], pc: u64) -> Option<u64> {
        let stop = self.execute(state, words, memory, pc);
        (stop.class == 0x24).then_some(stop.far)
    }

    /// Where `words` at `pc` branch to: an address that cannot be fetched from.
    pub fn leaves_to(&mut self, state: &State, words: &[u32], memory: &[u8], pc: u64) -> Option<u64> {
        let stop = self.execute(state, words, memory, pc);
        matches!(stop.class, 0x20 | 0x22).then_some(stop.pc)
    }

    fn execute(&mut self, state: &State, words: &[u32], memory: &[u8], pc: u64) -> Stop {
        begin(&mut self.interp.cpu, state, words, memory, pc);
        // WFET and WFIT: the machine lets them go on.
        let exit = std::iter::repeat_with(|| self.interp.run()).find(|exit| *exit != Exit::Wfe).expect("it repeats");
        stopped(&self.interp.cpu, exit)
    }
}

/// Puts `words` at `pc`, `memory` into scratch, and the PE there at EL0.
fn begin(cpu: &mut Vcpu, state: &State, words: &[u32], memory: &[u8], pc: u64) {
    let write = |at: u64, bytes: &[u8]| {
        cpu.shared.bus.ram().write_bytes(PhysAddr(at), bytes).expect("slots and scratch are RAM");
    };
    let code: Vec<u8> = words.iter().chain(&[SVC, SVC]).flat_map(|word| word.to_le_bytes()).collect();
    write(pc, &code);
    write(SCRATCH, memory);
    let State { x, sp, nzcv, fpcr, fpsr, v } = state;
    (cpu.regs.x, cpu.regs.fpcr, cpu.regs.fpsr, cpu.regs.v) = (*x, *fpcr, *fpsr, *v);
    (cpu.sys.sp_el[0], cpu.monitor, cpu.event) = (*sp, cpu::Monitor::default(), false);
    cpu.sys.elr[1] = pc;
    let user = Pstate { el: 0, sp_elx: false, ..Pstate::reset(1) };
    cpu.sys.spsr[1] = user.to_spsr(nzcv >> 28);
    _ = cpu.eret();
}

/// Where it ended, with `exit`.
fn stopped(cpu: &Vcpu, exit: Exit) -> Stop {
    assert_eq!(exit, Exit::Firmware, "every vector is an HVC; {}", cpu.describe_exception());
    let esr = cpu.sys.esr[1];
    Stop { class: esr >> 26 & 0x3f, iss: esr & 0x1ff_ffff, pc: cpu.sys.elr[1], far: cpu.sys.far[1] }
}

/// What came of `case` at `pc`, which ended at `stop`.
fn came_of(cpu: &Vcpu, case: &Case, pc: u64, stop: Stop) -> Ran {
    let end = pc + 4 * case.words.len() as u64;
    let outcome = match (stop.class, stop.iss & 0x3f) {
        (0x15, _) if (end..=end + 4).contains(&(stop.pc - 4)) => Outcome::Finished,
        // Aborts of data (0x21 is for alignment) and of instructions; a misaligned PC.
        (0x24, 0x21) | (0x22, _) => Outcome::Signal { signal: signal::BUS, pc: stop.pc },
        (0x20 | 0x24, _) => Outcome::Signal { signal: signal::SEGV, pc: stop.pc },
        (0x3c, _) => Outcome::Signal { signal: signal::TRAP, pc: stop.pc },
        _ => Outcome::Signal { signal: signal::ILL, pc: stop.pc },
    };
    let mut memory = vec![0; SCRATCH_SIZE as usize];
    cpu.shared.bus.ram().read_bytes(PhysAddr(SCRATCH), &mut memory).expect("scratch is RAM");
    let state = State {
        x: cpu.regs.x,
        sp: cpu.sys.sp_el[0],
        nzcv: cpu.sys.spsr[1] as u32 & 0xf000_0000,
        fpcr: cpu.regs.fpcr,
        fpsr: cpu.regs.fpsr,
        v: cpu.regs.v,
    };
    Ran { state, outcome, memory }
}

/// A PE at EL1, with these keys of pointer authentication.
fn vcpu(keys: pauth::Keys) -> Vcpu {
    let shared = machine();
    let mut cpu = Vcpu::new(VcpuSpec { index: 0, mpidr: 0, model: rows::model() }, shared);
    let sys = &mut cpu.sys;
    sys.keys = keys;
    sys.vbar[1] = VECTORS;
    sys.ttbr0[1] = TABLES;
    sys.mair[1] = 0xff;
    // 48 bits and 4 KiB granules in both halves, write-back tables; EPD1; the top byte is ignored below.
    sys.tcr[1] = 1 << 37 | 5 << 32 | 2 << 30 | 1 << 23 | 0x3500 | 16 << 16 | 16;
    sys.sctlr[1] = sctlr();
    sys.cpacr = 3 << 20;
    cpu.refresh();
    cpu
}

/// SCTLR_EL1 as Linux has it, but for SP alignment, which user-mode QEMU does not check, and the instruction
/// cache: without one, new code needs no maintenance.
fn sctlr() -> u64 {
    use cpu::sysreg::bits::sctlr::*;
    RES1 | M | C | UCT | UCI | DZE | NTWE | NTWI | SPAN | EN_IA | EN_IB | EN_DA | EN_DB | MSC_EN
}

/// RAM with vectors and tables, and an interrupt controller that nobody uses.
fn machine() -> Arc<Shared> {
    let clock = Clock::start();
    let attention = Arc::new(Attention::new());
    let pe = PeSpec { affinity: Affinity::default(), attention: attention.clone() };
    let gic = Gic::new(GicSpec { spis: 32, pes: vec![pe], ..Default::default() })
        .expect("one PE and 32 SPIs are within the GIC's limits");
    let ram = Ram::new(PhysAddr(VECTORS), RAM_SIZE).expect("2 MiB can be had");
    let put = |at: u64, bytes: &[u8]| ram.write_bytes(PhysAddr(at), bytes).expect("what is put is put in RAM");
    (0..16).for_each(|vector| put(VECTORS + 0x80 * vector, &HVC.to_le_bytes()));
    // Three levels of one entry each, then pages; RAM lies within 2 MiB.
    let level = |n: u64| TABLES + n * PAGE;
    let entry = |table: u64, index: u64, value: u64| put(table + 8 * index, &value.to_le_bytes());
    (0..3).for_each(|n| entry(level(n), VECTORS >> (39 - 9 * n) & 511, level(n + 1) | 3));
    // Descriptors: page, AF, inner shareable; AP[1] for EL0; UXN, PXN.
    let page = |va: u64, bits: u64| entry(level(3), va >> 12 & 511, va | 0x703 | bits);
    page(VECTORS, 1 << 7 | 1 << 54);
    page(SCRATCH, 1 << 6 | 1 << 54 | 1 << 53);
    (SLOTS..SLOTS + BATCH as u64 * SLOT_SIZE).step_by(PAGE as usize).for_each(|va| page(va, 1 << 6 | 1 << 53));
    let peers = vec![Peer { attention: attention.clone(), tlbi: TlbiQueue::new() }];
    Arc::new(Shared { bus: Bus::new(ram), gic, clock, alarms: Alarms::new(clock, vec![attention]), peers })
}
