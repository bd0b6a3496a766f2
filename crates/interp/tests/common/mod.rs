//! PEs with the interpreter, on a little RAM, whose exceptions all end in HVC: `Interp::run` then returns.
#![allow(dead_code)]

use armagic_interp::Interp;
use cpu::{Alarms, Exit, Model, Peer, Pstate, Shared, TlbiQueue, Vcpu, VcpuSpec};
use gic::{Affinity, Gic, GicSpec, PeSpec};
use hw::{AccessSize, Clock, PhysAddr};
use mem::{Bus, Ram};
use std::sync::Arc;
use sync::Attention;

/// First byte of RAM; the vectors are there.
pub const VECTORS: u64 = 0x4000_0000;
/// Where programs start.
pub const CODE: u64 = 0x4000_1000;
/// Where they may write.
pub const DATA: u64 = 0x4000_8000;
const HVC: u32 = 0xd400_0002;

/// `n` PEs at EL1, PC `CODE`, D, A, I, F open, stage 1 off.
pub fn pes(n: usize) -> Vec<Interp> {
    let shared = machine(n);
    (0..n).map(|index| pe_of(&shared, index)).collect()
}

/// One of them.
pub fn pe() -> Interp {
    pes(1).remove(0)
}

/// What `n` PEs share.
pub fn machine(n: usize) -> Arc<Shared> {
    let clock = Clock::start();
    let attentions: Vec<_> = (0..n).map(|_| Arc::new(Attention::new())).collect();
    let pe = |i: usize| PeSpec {
        affinity: Affinity { aff0: i as u8, ..Affinity::default() },
        attention: attentions[i].clone(),
    };
    let gic = Gic::new(GicSpec { spis: 32, pes: (0..n).map(pe).collect(), ..Default::default() }).unwrap();
    let mut bus = Bus::new(Ram::new(PhysAddr(VECTORS), 1 << 20).unwrap());
    bus.map(PhysAddr(0x800_0000), 0x1_0000, gic.distributor()).unwrap();
    bus.map(PhysAddr(0x80a_0000), gic.redistributor_region_size(), gic.redistributors()).unwrap();
    let peers = attentions.iter().map(|a| Peer { attention: a.clone(), tlbi: TlbiQueue::new() }).collect();
    let alarms = Alarms::new(clock, attentions);
    let shared = Arc::new(Shared { bus, gic, clock, alarms, peers });
    (0..16).for_each(|vector| poke(&shared, VECTORS + 0x80 * vector, HVC));
    shared
}

/// PE `index` of a machine; it lives on the thread that makes it.
pub fn pe_of(shared: &Arc<Shared>, index: usize) -> Interp {
    pe_like("neoverse-n1", shared, index)
}

/// The same of another model.
pub fn pe_like(model: &str, shared: &Arc<Shared>, index: usize) -> Interp {
    let model = Model::by_name(model).unwrap();
    let mut cpu = Vcpu::new(VcpuSpec { index, mpidr: index as u64, model }, shared.clone());
    cpu.sys.vbar[1] = VECTORS;
    cpu.regs.pc = CODE;
    cpu.regs.pstate = Pstate { daif: 0, ..Pstate::reset(1) };
    cpu.refresh();
    Interp::new(cpu)
}

/// Lets PPIs of PE 0 through: both groups on, awake, all of Group 1 and enabled, at priority 0.
pub fn open_gic(pe: &mut Interp) {
    let writes = [(0x800_0000, 3), (0x80a_0014, 0), (0x80b_0080, !0), (0x80b_0100, !0)];
    writes.iter().for_each(|(at, v)| poke(&pe.cpu.shared, *at, *v));
    pe.cpu.gic.set_pmr(0xff);
    pe.cpu.gic.set_igrpen1(1);
}

/// Writes a word of code.
pub fn poke(shared: &Shared, at: u64, word: u32) {
    shared.bus.write(PhysAddr(at), AccessSize::Word, word.into()).unwrap();
}

/// Puts `words` at `at`.
pub fn load(pe: &Interp, at: u64, words: &[u32]) {
    words.iter().zip((at..).step_by(4)).for_each(|(word, at)| poke(&pe.cpu.shared, at, *word));
}

/// Goes on at `pc` in EL`el`, by ERET with SPSR.SS `step`.
pub fn resume(pe: &mut Interp, el: u8, pc: u64, step: bool) {
    pe.cpu.sys.elr[1] = pc;
    pe.cpu.sys.spsr[1] = Pstate { el, sp_elx: el == 1, ss: step, daif: 0, ..Pstate::reset(1) }.to_spsr(0);
    _ = pe.cpu.eret();
}

/// Runs to the next exception: exception class, ISS, and the offset of the return address in the code.
pub fn run(pe: &mut Interp) -> (u64, u64, u64) {
    assert_eq!(pe.run(), Exit::Firmware, "{}", pe.cpu.describe_exception());
    let (esr, elr) = (pe.cpu.sys.esr[1], pe.cpu.sys.elr[1]);
    (esr >> 26, esr & 0x1ff_ffff, elr.wrapping_sub(CODE))
}
