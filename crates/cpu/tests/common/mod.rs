//! One or more PEs on a bus with a little RAM, for tests of this crate.
#![allow(dead_code)]

use armagic_cpu::{Alarms, Extras, Model, Peer, Shared, TlbiQueue, Vcpu, VcpuSpec};
use gic::{Affinity, Features, Gic, GicSpec, PeSpec, Security};
use hw::{AccessSize, Clock, PhysAddr};
use mem::{Bus, Ram};
use std::sync::Arc;
use sync::Attention;

/// First byte of RAM.
pub const RAM: u64 = 0x4000_0000;

/// `n` PEs in reset state.
pub fn vcpus(n: usize, model: &str) -> Vec<Vcpu> {
    board(n, Model::by_name(model).unwrap())
}

/// One PE with more than EL1, on a GIC to match: two security states with EL3, non-maskable interrupts with FEAT_NMI.
pub fn layered(extras: Extras) -> Vcpu {
    board(1, Model::by_name("max").unwrap().with(extras)).remove(0)
}

fn board(n: usize, model: &'static Model) -> Vec<Vcpu> {
    let clock = Clock::start();
    let attentions: Vec<_> = (0..n).map(|_| Arc::new(Attention::new())).collect();
    let pe = |i: usize| PeSpec {
        affinity: Affinity { aff0: i as u8, ..Affinity::default() },
        attention: attentions[i].clone(),
    };
    let features = Features { two_states: model.el3, nmi: model.extras().nmi, ..Features::default() };
    let gic = Gic::new(GicSpec { spis: 32, pes: (0..n).map(pe).collect(), features, ..Default::default() }).unwrap();
    let mut bus = Bus::new(Ram::new(PhysAddr(RAM), 1 << 20).unwrap());
    bus.map(PhysAddr(0x800_0000), 0x1_0000, gic.distributor()).unwrap();
    bus.map(PhysAddr(0x80a_0000), gic.redistributor_region_size(), gic.redistributors()).unwrap();
    bus.map_secure(PhysAddr(0x800_0000), gic.distributor_for(Security::Secure));
    bus.map_secure(PhysAddr(0x80a_0000), gic.redistributors_for(Security::Secure));
    let peers = attentions.iter().map(|a| Peer { attention: a.clone(), tlbi: TlbiQueue::new() }).collect();
    let alarms = Alarms::new(clock, attentions);
    let shared = Arc::new(Shared { bus, gic, clock, alarms, peers });
    (0..n).map(|index| Vcpu::new(VcpuSpec { index, mpidr: index as u64, model }, shared.clone())).collect()
}

/// One PE in reset state.
pub fn vcpu(model: &str) -> Vcpu {
    vcpus(1, model).remove(0)
}

/// Writes a word to RAM.
pub fn poke(vcpu: &Vcpu, at: u64, word: u32) {
    vcpu.shared.bus.write(PhysAddr(at), AccessSize::Word, word.into()).unwrap();
}

/// Both groups on, PE 0 awake, its PPIs in Group 1 (or 0, by bit of `group0`) at 0x80, enabled; masks open.
pub fn open_gic(vcpu: &mut Vcpu, group0: u32) {
    let write = |at, value: u32| vcpu.shared.bus.write(PhysAddr(at), AccessSize::Word, value.into()).unwrap();
    write(0x800_0000, 3);
    write(0x80a_0014, 0);
    write(0x80b_0080, !group0);
    write(0x80b_0100, !0);
    (0..8).for_each(|n| write(0x80b_0400 + 4 * n, 0x8080_8080));
    vcpu.gic.set_pmr(0xf0);
    vcpu.gic.set_igrpen0(1);
    vcpu.gic.set_igrpen1(1);
}
