//! A GIC for histories, and its model: brought to the same state, and each operation done on the GIC.

use super::{AFFINITIES, Op, PES, PPI, SHARED};
use crate::spec::Model;
use armagic_gic::{Affinity, CpuInterface, Features, Gic, GicSpec, PeSpec};
use hw::{AccessSize, IntId, MmioDevice};
use std::sync::Arc;
use sync::Attention;

pub struct Rig {
    pub gic: Arc<Gic>,
    #[cfg_attr(not(shuttle), expect(dead_code, reason = "on real threads nobody sleeps here"))]
    pub attention: Vec<Arc<Attention>>,
    gicd: Arc<dyn MmioDevice>,
    gicr: Arc<dyn MmioDevice>,
}

/// A register of the array that begins at `spi` for SPIs, at `espi` for extended ones, with a bit for each interrupt.
pub fn register(id: u64, spi: u64, espi: u64) -> u64 {
    if id < 4096 { spi + id / 32 * 4 } else { espi + (id - 4096) / 32 * 4 }
}

pub fn bit(id: u64) -> u64 {
    1 << (id % 32)
}

/// What an operation writes, to which offset of the distributor, if it is one such write of a word.
pub fn write_of(op: Op) -> Option<(u64, u64)> {
    let set = |on: bool, id: u64| if on { bit(id) } else { 0 };
    Some(match op {
        Op::Enable { id, on: true } => (register(id, 0x100, 0x1200), bit(id)),
        Op::Enable { id, on: false } => (register(id, 0x180, 0x1400), bit(id)),
        Op::Pend { id, on: true } => (register(id, 0x200, 0x1600), bit(id)),
        Op::Pend { id, on: false } => (register(id, 0x280, 0x1800), bit(id)),
        Op::Group { id, one } => (register(id, 0x80, 0x1000), set(one, id)),
        Op::NonMaskable { id, on } => (register(id, 0xf80, 0x3b00), set(on, id)),
        Op::Edge { id, on } => (2 * register(id, 0x600, 0x1800), if on { 2 } else { 0 }),
        _ => return None,
    })
}

impl Rig {
    pub fn new() -> Rig {
        let attention: Vec<Arc<Attention>> = (0..PES).map(|_| Arc::new(Attention::new())).collect();
        let spec = |n: usize| PeSpec {
            affinity: Affinity { aff0: n as u8, ..Affinity::default() },
            attention: attention[n].clone(),
        };
        let features = Features { nmi: true, espis: 32, ..Features::default() };
        let pes = (0..PES).map(spec).collect();
        let gic = Gic::new(GicSpec { spis: 64, pes, features, lpis: None }).unwrap();
        Rig { gicd: gic.distributor(), gicr: gic.redistributors(), gic, attention }
    }

    /// Everything open and enabled: Group 1, edge-triggered but for the last, priority 0x80, the nth goes to PE n. The
    /// hints are what the last history left.
    pub fn set_up(&self) -> Model {
        let mut model = Model::new(64, 32, 0, false, true, &AFFINITIES[..PES]);
        model.gates = Some(vec![[[true; 2]; 3]; PES]);
        let write = |model: &mut Model, offset: u64, value: u64| {
            self.gicd.write(offset, AccessSize::Word, value);
            model.write_distributor(offset as usize, false, value);
        };
        write(&mut model, 0, 3);
        for (n, id) in SHARED.into_iter().enumerate() {
            self.gic.set_spi(IntId(id as u32), false);
            for op in [
                Op::Enable { id, on: false },
                Op::NonMaskable { id, on: false },
                Op::Edge { id, on: n < 2 },
                Op::Group { id, one: true },
                Op::Pend { id, on: false },
            ] {
                let (offset, value) = write_of(op).expect("these are writes of words");
                write(&mut model, offset, value);
            }
            write(&mut model, register(id, 0x380, 0x1c00), bit(id));
            self.configure(&mut model, Op::Priority { id, value: 0x80 });
            self.configure(&mut model, Op::Route { id, pe: n as u64 });
            write(&mut model, register(id, 0x100, 0x1200), bit(id));
        }
        let private = 1 << PPI | 3;
        for pe in 0..PES {
            self.gic.set_ppi(pe, IntId(PPI as u32), false);
            let registers = [
                (0x14, 0),
                (0x10280, private),
                (0x10380, private),
                (0x10080, private),
                (0x10400, 0x8080),
                (0x10414, 0xa0),
                (0x10100, private),
            ];
            for (offset, value) in registers {
                self.gicr.write((pe * 0x20000 + offset) as u64, AccessSize::Word, value);
                model.write_redistributor(pe, offset, false, value);
            }
            (model.pes[pe].pmr, model.pes[pe].enabled) = (0xf0, [true, true, false]);
        }
        model
    }

    fn configure(&self, model: &mut Model, op: Op) {
        self.configure_gic(op);
        configure_model(model, op);
    }

    fn configure_gic(&self, op: Op) {
        match op {
            Op::Priority { id, value } => {
                let at = if id < 4096 { 0x400 + id } else { 0x2000 + id - 4096 };
                self.gicd.write(at, AccessSize::Byte, value);
            }
            Op::Route { id, pe } => self.gicd.write(router(id), AccessSize::Double, pe),
            _ => unreachable!("called with these two"),
        }
    }

    /// A PE's interface as `set_up` says.
    pub fn open(it: &mut CpuInterface) {
        it.reset();
        it.set_pmr(0xf0);
        it.set_igrpen0(1);
        it.set_igrpen1(1);
    }

    pub fn run(&self, it: &mut CpuInterface, op: Op) -> u64 {
        let read = |offset| self.gicd.read(offset, AccessSize::Word);
        match op {
            Op::Wire { id, high } => self.gic.set_spi(IntId(id as u32), high),
            Op::Ppi { pe, high } => self.gic.set_ppi(pe, IntId(PPI as u32), high),
            Op::Priority { .. } | Op::Route { .. } => self.configure_gic(op),
            Op::Sgi { id, pe } => it.set_sgi1r(id << 24 | 1 << pe),
            Op::ReadPending { id } => return read(register(id, 0x200, 0x1600)) & bit(id),
            Op::ReadActive { id } => return read(register(id, 0x300, 0x1a00)) & bit(id),
            Op::Forward { value } => self.gicd.write(0, AccessSize::Word, value),
            Op::Sleep { pe, asleep } => {
                self.gicr.write(pe as u64 * 0x20000 + 0x14, AccessSize::Word, u64::from(asleep) << 1);
            }
            Op::Pmr { value } => it.set_pmr(value),
            Op::Bpr { value } => it.set_bpr1(value),
            Op::Open { group: 0, on } => it.set_igrpen0(on.into()),
            Op::Open { on, .. } => it.set_igrpen1(on.into()),
            Op::Acknowledge { group: 0 } => return it.iar0(),
            Op::Acknowledge { .. } => return it.iar1(),
            Op::End { group: 0, id } => it.set_eoir0(id),
            Op::End { id, .. } => it.set_eoir1(id),
            Op::Highest { group: 0 } => return it.hppir0(),
            Op::Highest { .. } => return it.hppir1(),
            _ => {
                let (offset, value) = write_of(op).expect("all others are writes of words");
                self.gicd.write(offset, AccessSize::Word, value);
            }
        }
        0
    }
}

pub fn configure_model(model: &mut Model, op: Op) {
    match op {
        Op::Priority { id, value } => model.write_priority(0, id as usize, false, value),
        Op::Route { id, pe } => {
            model.write_distributor(router(id) as usize, false, pe);
            model.write_distributor(router(id) as usize + 4, false, 0);
        }
        _ => unreachable!("called with these two"),
    }
}

fn router(id: u64) -> u64 {
    if id < 4096 { 0x6000 + 8 * id } else { 0x8000 + 8 * (id - 4096) }
}
