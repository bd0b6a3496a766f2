//! A PE to run programs on, whose handler of synchronous exceptions goes on after the instruction.

use cpu::{Alarms, Model, Peer, Shared, TlbiQueue, Vcpu, VcpuSpec};
use gic::{Affinity, Gic, GicSpec, PeSpec};
use hw::{AccessSize, Clock, PhysAddr};
use mem::{Bus, Ram};
use std::sync::Arc;
use sync::Attention;

/// First byte of RAM.
pub const RAM: u64 = 0x4000_0000;
const RAM_SIZE: u64 = 1 << 20;
/// VBAR_EL1.
#[allow(dead_code)] // not every test looks at it
pub const VECTORS: u64 = RAM + 0x800;
/// The handler of synchronous exceptions from EL1 goes on after the instruction.
pub const HANDLER: [u32; 6] = [
    0xd518_d080, // msr tpidr_el1, x0
    0xd538_4020, // mrs x0, elr_el1
    0x9100_1000, // add x0, x0, #4
    0xd518_4020, // msr elr_el1, x0
    0xd538_d080, // mrs x0, tpidr_el1
    0xd69f_03e0, // eret
];
/// TTBR0_EL1.
#[allow(dead_code)] // not every test looks at it
pub const TABLE: u64 = RAM + 0x1000;
/// A PE at EL1 with a little RAM; with `mmu`, RAM is mapped at its own address.
pub fn vcpu(mmu: bool) -> Vcpu {
    vcpu_of("neoverse-n1", mmu)
}

/// The same of another model.
pub fn vcpu_of(model: &str, mmu: bool) -> Vcpu {
    let clock = Clock::start();
    let attention = Arc::new(Attention::new());
    let pe = PeSpec { affinity: Affinity::default(), attention: attention.clone() };
    let gic = Gic::new(GicSpec { spis: 32, pes: vec![pe], ..Default::default() }).unwrap();
    let bus = Bus::new(Ram::new(PhysAddr(RAM), RAM_SIZE).unwrap());
    let peers = vec![Peer { attention: attention.clone(), tlbi: TlbiQueue::new() }];
    let alarms = Alarms::new(clock, vec![attention]);
    let shared = Arc::new(Shared { bus, gic, clock, alarms, peers });
    let mut cpu = Vcpu::new(VcpuSpec { index: 0, mpidr: 0, model: Model::by_name(model).unwrap() }, shared);
    cpu.unpark();
    restore(&cpu);
    cpu.sys.vbar[1] = VECTORS;
    cpu.sys.cpacr = 3 << 20;
    cpu.sys.mair[1] = 0xff;
    cpu.sys.ttbr0[1] = TABLE;
    cpu.sys.tcr[1] = 25 | 2 << 32 | 1 << 23;
    cpu.sys.sctlr[1] |= 1 << 12 | 1 << 3 | u64::from(mmu);
    cpu.refresh();
    cpu
}

/// Puts the handler and the tables where they were: a program may have found a way to write there.
pub fn restore(cpu: &Vcpu) {
    poke(cpu, VECTORS + 0x200, &HANDLER);
    // An identity map of the gigabyte that RAM is in: a block of Normal memory, accessed, global.
    let block = RAM | 1 << 10 | 3 << 8 | 1;
    cpu.shared.bus.write(PhysAddr(TABLE + 8), AccessSize::Double, block).unwrap();
}

/// Writes code.
pub fn poke(cpu: &Vcpu, at: u64, words: &[u32]) {
    for (i, word) in words.iter().enumerate() {
        cpu.shared.bus.write(PhysAddr(at + 4 * i as u64), AccessSize::Word, (*word).into()).unwrap();
    }
}
