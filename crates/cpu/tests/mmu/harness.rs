//! Vcpus with 16 MiB of RAM, a device, and a builder of page tables.

use cpu::{Alarms, Exception, Model, Peer, Pstate, Shared, TlbiQueue, Vcpu, VcpuSpec};
use gic::{Affinity, Gic, GicSpec, PeSpec};
use hw::{Access, AccessSize, Clock, Leave, MmioDevice, PhysAddr};
use mem::{Bus, Ram};
use std::sync::{Arc, Mutex};
use sync::Attention;

pub const RAM: u64 = 0x4000_0000;
pub const RAM_SIZE: u64 = 16 << 20;
pub const DEVICE: u64 = 0x0900_0000;

/// SCTLR_EL1 bits.
pub const M: u64 = 1 << 0;
pub const A: u64 = 1 << 1;
pub const C: u64 = 1 << 2;
pub const NAA: u64 = 1 << 6;
pub const WXN: u64 = 1 << 19;
/// MAIR: 0 Device-nGnRnE, 1 Normal write-back, 2 Normal non-cacheable.
pub const MAIR: u64 = 0x44_ff_00;
/// AttrIndx 1, inner shareable, AF, page or table.
pub const PAGE: u64 = 1 << 2 | 3 << 8 | AF | 3;
/// The same but AttrIndx 2.
pub const UNCACHED: u64 = PAGE + (1 << 2);
pub const BLOCK: u64 = PAGE & !2;
pub const DEVICE_ATTR: u64 = 3 << 8 | AF | 3;
pub const AF: u64 = 1 << 10;
pub const USER: u64 = 1 << 6;
pub const READ_ONLY: u64 = 1 << 7;
pub const NG: u64 = 1 << 11;
pub const DBM: u64 = 1 << 51;

/// TCR_EL1: both halves 48 bits with 4 KiB granules, 48-bit output, 16-bit ASIDs from TTBR0.
pub const TCR: u64 = 16 | 16 << 16 | 2 << 30 | 5 << 32 | 1 << 36;

/// What a device saw: offset, size, and the value of a write.
#[derive(Default)]
pub struct Probe {
    pub seen: Mutex<Vec<(u64, AccessSize, Option<u64>)>>,
}

impl MmioDevice for Probe {
    fn name(&self) -> &str {
        "probe"
    }
    fn read(&self, offset: u64, size: AccessSize) -> u64 {
        self.seen.lock().unwrap().push((offset, size, None));
        size.truncate(0x8877_6655_4433_2211)
    }
    fn write(&self, offset: u64, size: AccessSize, value: u64) {
        self.seen.lock().unwrap().push((offset, size, Some(value)));
    }
    fn reset(&self) {}
}

pub struct Machine {
    pub shared: Arc<Shared>,
    pub probe: Arc<Probe>,
}

impl Machine {
    pub fn new(pes: usize) -> Machine {
        let attentions: Vec<_> = (0..pes).map(|_| Arc::new(Attention::new())).collect();
        let affinity = |i: usize| Affinity { aff0: i as u8, ..Affinity::default() };
        let spec = |(i, a): (usize, &Arc<Attention>)| PeSpec { affinity: affinity(i), attention: a.clone() };
        let gic = Gic::new(GicSpec {
            spis: 32,
            pes: attentions.iter().enumerate().map(spec).collect(),
            ..Default::default()
        })
        .unwrap();
        let mut bus = Bus::new(Ram::new(PhysAddr(RAM), RAM_SIZE).unwrap());
        let probe = Arc::new(Probe::default());
        bus.map(PhysAddr(DEVICE), 0x1000, probe.clone()).unwrap();
        let clock = Clock::start();
        let alarms = Alarms::new(clock, attentions.clone());
        let peers = attentions.iter().map(|a| Peer { attention: a.clone(), tlbi: TlbiQueue::new() }).collect();
        Machine { shared: Arc::new(Shared { bus, gic, clock, alarms, peers }), probe }
    }

    pub fn vcpu(&self, index: usize) -> Vcpu {
        self.model(index, "neoverse-n1")
    }

    pub fn model(&self, index: usize, name: &str) -> Vcpu {
        let model = Model::by_name(name).unwrap();
        Vcpu::new(VcpuSpec { index, mpidr: index as u64, model }, self.shared.clone())
    }

    pub fn peek(&self, pa: u64) -> u64 {
        self.shared.bus.read(PhysAddr(pa), AccessSize::Double).unwrap()
    }

    pub fn poke(&self, pa: u64, v: u64) {
        self.shared.bus.write(PhysAddr(pa), AccessSize::Double, v).unwrap();
    }
}

/// One PE whose tables are built as tests go. Tables are taken from the upper half of RAM.
pub struct Rig {
    pub machine: Machine,
    pub cpu: Vcpu,
    pub next_table: u64,
    pub roots: [u64; 2],
}

impl Rig {
    /// EL1, stage 1 on with empty tables, 4 KiB granules.
    pub fn new() -> Rig {
        Rig::on(Machine::new(1))
    }

    pub fn on(machine: Machine) -> Rig {
        Rig::with_model(machine, "neoverse-n1")
    }

    pub fn with_model(machine: Machine, model: &str) -> Rig {
        let mut cpu = machine.model(0, model);
        let roots = [RAM + (8 << 20), RAM + (8 << 20) + 0x1000];
        cpu.sys.sctlr[1] |= M;
        cpu.sys.tcr[1] = TCR;
        cpu.sys.mair[1] = MAIR;
        (cpu.sys.ttbr0[1], cpu.sys.ttbr1[1]) = (roots[0], roots[1]);
        cpu.regs.pstate = Pstate::reset(1);
        cpu.refresh();
        Rig { machine, cpu, next_table: RAM + (8 << 20) + 0x2000, roots }
    }

    /// A new zeroed 4 KiB table.
    pub fn table(&mut self) -> u64 {
        self.next_table += 0x1000;
        self.next_table - 0x1000
    }

    /// Where the level `level` descriptor for `va` is, making tables on the way from `root`.
    pub fn slot_from(&mut self, root: u64, va: u64, level: u32) -> u64 {
        let mut table = root;
        for l in 0..level {
            let slot = table + 8 * (va >> (39 - 9 * l) & 0x1ff);
            if self.machine.peek(slot) == 0 {
                let new = self.table();
                self.machine.poke(slot, new | 3);
            }
            table = self.machine.peek(slot) & 0xffff_ffff_f000;
        }
        table + 8 * (va >> (39 - 9 * level) & 0x1ff)
    }

    pub fn slot(&mut self, va: u64, level: u32) -> u64 {
        let root = self.roots[(va >> 55 & 1) as usize];
        self.slot_from(root, va, level)
    }

    /// Maps the 4 KiB page at `va`.
    pub fn map(&mut self, va: u64, desc: u64) -> &mut Rig {
        let slot = self.slot(va, 3);
        self.machine.poke(slot, desc);
        self
    }

    /// Sets registers or PSTATE, and tells the MMU.
    pub fn set(&mut self, f: impl FnOnce(&mut Vcpu)) -> &mut Rig {
        f(&mut self.cpu);
        self.cpu.context_changed();
        self
    }

    pub fn el(&mut self, el: u8) -> &mut Rig {
        self.set(|c| c.regs.pstate.el = el)
    }

    pub fn asid(&mut self, asid: u64) -> &mut Rig {
        self.set(|c| c.sys.ttbr0[1] = c.sys.ttbr0[1] & !(0xffff << 48) | asid << 48)
    }

    /// A plain 8-byte load.
    pub fn read(&mut self, va: u64) -> Outcome {
        let result = self.cpu.load(va, Access::plain(3));
        outcome(&self.cpu, result)
    }

    /// A plain 8-byte store.
    pub fn write(&mut self, va: u64, v: u64) -> Outcome {
        let result = self.cpu.store(va, Access::plain(3), v).map(|()| v);
        outcome(&self.cpu, result)
    }

    pub fn fetch(&mut self, va: u64) -> Outcome {
        let result = self.cpu.fetch(va).map(|pa| pa.0);
        outcome(&self.cpu, result)
    }
}

/// A value, or the low bits of the syndrome (WnR, CM, status code) and FAR.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Outcome {
    Value(u64),
    Fault { iss: u32, far: u64 },
}

pub fn outcome(cpu: &Vcpu, result: Result<u64, Leave>) -> Outcome {
    match result {
        Ok(v) => Outcome::Value(v),
        Err(Leave::Exception) => {
            let Exception { iss, far, .. } = cpu.exception;
            Outcome::Fault { iss, far: far.map_or(0, |va| va.0) }
        }
        Err(other) => panic!("memory accesses do not end with {other:?}"),
    }
}
