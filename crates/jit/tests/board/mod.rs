//! A board for several vCPUs, with a megabyte or more of RAM under an identity map and at another address.

use cpu::{Alarms, Model, Peer, Shared, TlbiQueue, Vcpu, VcpuSpec};
use gic::{Affinity, Features, Gic, GicSpec, PeSpec};
use hw::{AccessSize, Clock, PhysAddr};
use mem::{Bus, Ram};
use std::sync::Arc;
use sync::Attention;

pub const RAM: u64 = 0x4000_0000;
/// RAM is there too, where the MMU is on.
#[allow(dead_code)] // not all tests do
pub const ALIAS: u64 = 0x8000_0000;
/// Where the GIC is.
pub const GICD: u64 = 0x800_0000;
pub const GICR: u64 = 0x80a_0000;
const TABLE: u64 = RAM + 0x1000;

/// What `count` vCPUs share.
#[allow(dead_code)] // not all tests do
pub fn board(count: usize) -> Arc<Shared> {
    board_with(count, Features::default())
}

/// The same with another GIC.
pub fn board_with(count: usize, features: Features) -> Arc<Shared> {
    let clock = Clock::start();
    let attentions: Vec<_> = (0..count).map(|_| Arc::new(Attention::new())).collect();
    let pe = |(n, attention): (usize, &Arc<Attention>)| PeSpec {
        affinity: Affinity { aff0: n as u8, ..Affinity::default() },
        attention: attention.clone(),
    };
    let pes = attentions.iter().enumerate().map(pe).collect();
    let gic = Gic::new(GicSpec { spis: 32, pes, features, lpis: None }).unwrap();
    let mut bus = Bus::new(Ram::new(PhysAddr(RAM), 4 << 20).unwrap());
    // An identity map of the gigabyte that RAM is in: a block of Normal memory, accessed, global.
    for entry in [RAM >> 30, ALIAS >> 30] {
        bus.write(PhysAddr(TABLE + 8 * entry), AccessSize::Double, RAM | 1 << 10 | 3 << 8 | 1).unwrap();
    }
    bus.map(PhysAddr(GICD), 0x1_0000, gic.distributor()).unwrap();
    bus.map(PhysAddr(GICR), gic.redistributor_region_size(), gic.redistributors()).unwrap();
    // Theirs is Device memory.
    bus.write(PhysAddr(TABLE), AccessSize::Double, 1 << 10 | 1 << 2 | 1).unwrap();
    let peer = |attention: &Arc<Attention>| Peer { attention: attention.clone(), tlbi: TlbiQueue::new() };
    let peers = attentions.iter().map(peer).collect();
    Arc::new(Shared { bus, gic, clock, alarms: Alarms::new(clock, attentions), peers })
}

/// vCPU `index`, at EL1; `sctlr` are bits of SCTLR_EL1 to set.
pub fn vcpu(shared: &Arc<Shared>, index: usize, sctlr: u64) -> Vcpu {
    let model = Model::by_name("neoverse-n1").unwrap();
    let mut cpu = Vcpu::new(VcpuSpec { index, mpidr: index as u64, model }, shared.clone());
    cpu.unpark();
    cpu.sys.mair[1] = 0xff;
    cpu.sys.ttbr0[1] = TABLE;
    cpu.sys.tcr[1] = 25 | 2 << 32 | 1 << 23;
    cpu.sys.sctlr[1] |= sctlr;
    cpu.refresh();
    cpu
}

pub fn poke(shared: &Shared, at: u64, words: &[u32]) {
    for (word, n) in words.iter().zip(0..) {
        shared.bus.write(PhysAddr(at + 4 * n), AccessSize::Word, (*word).into()).unwrap();
    }
}
