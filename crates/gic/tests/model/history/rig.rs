//! A GIC for histories, and its model: brought to the same state, and each operation done on the GIC.

use super::memory::{self, Memory};
use super::{AFFINITIES, ANY, Op, PES, PPI, SHARED, Theme};
use crate::spec::{LPI, LPIS, Lpis, Model};
use armagic_gic::{Affinity, CpuInterface, Features, Gic, GicSpec, Its, ItsSpec, LpiSpec, PeSpec};
use hw::{AccessSize, GuestMemory, IntId, MmioDevice, PhysAddr};
#[cfg(shuttle)]
use shuttle::sync::Mutex;
use std::sync::Arc;
#[cfg(not(shuttle))]
use std::sync::Mutex;
use sync::Attention;

/// Commands fit into a page.
const QUEUE_SIZE: u64 = 4096;
/// The configuration of LPIs in the beginning.
const BYTE: u8 = 0x81;
const VALID: u64 = 1 << 63;

pub struct Rig {
    pub gic: Arc<Gic>,
    #[cfg_attr(not(shuttle), expect(dead_code, reason = "on real threads nobody sleeps here"))]
    pub attention: Vec<Arc<Attention>>,
    gicd: Arc<dyn MmioDevice>,
    gicr: Arc<dyn MmioDevice>,
    gits: Arc<dyn MmioDevice>,
    its: Arc<Its>,
    memory: Arc<Memory>,
    /// Where the next command goes.
    tail: Mutex<u64>,
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
        let memory = Arc::new(Memory::new());
        let lpis = LpiSpec { direct: true, ..LpiSpec::new(memory.clone()) };
        let gic = Gic::new(GicSpec { spis: 64, pes, features, lpis: Some(lpis) }).unwrap();
        let its = Its::new(gic.clone(), ItsSpec::default());
        let (gicd, gicr, gits) = (gic.distributor(), gic.redistributors(), its.frames(0));
        let rig = Rig { gicd, gicr, gits, its, memory, gic, attention, tail: Mutex::new(0) };
        rig.open_its();
        rig
    }

    /// Tables for LPIs; the ITS with its device, and collection n at PE n.
    fn open_its(&self) {
        for pe in 0..PES {
            let at = pe as u64 * 0x20000;
            self.gicr.write(at + 0x70, AccessSize::Double, memory::CONFIG | 13);
            self.gicr.write(at + 0x78, AccessSize::Double, memory::PENDING + 0x1_0000 * pe as u64);
        }
        for (offset, value) in [(0x80, memory::QUEUE), (0x100, memory::DEVICES), (0x108, memory::COLLECTIONS)] {
            // Pages of 4 KiB.
            self.gits.write(offset, AccessSize::Double, VALID | value);
        }
        self.gits.write(0, AccessSize::Word, 1);
        self.command([8 | 1 << 32, 1, VALID | memory::ITT, 0]);
        (0..PES as u64).for_each(|pe| _ = self.command([9, 0, VALID | pe << 16 | pe, 0]));
    }

    /// Has it executed; 1 if it failed.
    fn command(&self, words: [u64; 4]) -> u64 {
        let mut tail = self.tail.lock().unwrap();
        for (n, word) in words.into_iter().enumerate() {
            self.memory.write_u64(PhysAddr(memory::QUEUE + *tail + 8 * n as u64), word).unwrap();
        }
        let before = self.its.failed_commands();
        *tail = (*tail + 32) % QUEUE_SIZE;
        self.gits.write(0x88, AccessSize::Double, *tail);
        u64::from(self.its.failed_commands() != before)
    }

    fn config(&self, n: usize, byte: u8) {
        self.memory.write(PhysAddr(memory::CONFIG + n as u64), &[byte]).unwrap();
    }

    /// Everything open and enabled: Group 1, edge-triggered but for the last, priority 0x80, the nth goes to PE n, or
    /// to any. The hints are what the last history left.
    pub fn set_up(&self, theme: Theme) -> Model {
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
            let to = if theme == Theme::OneOfN { ANY } else { n as u64 };
            self.configure(&mut model, Op::Route { id, pe: to });
            write(&mut model, register(id, 0x100, 0x1200), bit(id));
        }
        let private = 1 << PPI | 3;
        for pe in 0..PES {
            self.gic.set_ppi(pe, IntId(PPI as u32), false);
            self.gicr.write(pe as u64 * 0x20000, AccessSize::Word, 1);
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
        for n in 0..LPIS {
            self.config(n, BYTE);
            self.command([10 | 1 << 32, n as u64 | ((LPI + n) as u64) << 32, n as u64, 0]);
            for pe in 0..PES {
                self.lpi(pe, 0x48, n);
                self.lpi(pe, 0xa0, n);
            }
        }
        model.lpis = Some(Lpis::new(BYTE));
        model
    }

    /// Levels fall, nothing is active, nobody declines, everything is forwarded.
    #[cfg(shuttle)]
    pub fn let_all_through(&self) {
        self.gicd.write(0, AccessSize::Word, 3);
        for id in SHARED {
            self.gic.set_spi(IntId(id as u32), false);
            self.gicd.write(register(id, 0x380, 0x1c00), AccessSize::Word, bit(id));
        }
        for pe in 0..PES {
            self.gic.set_ppi(pe, IntId(PPI as u32), false);
            self.gicr.write((pe * 0x20000) as u64, AccessSize::Word, 1);
            self.gicr.write((pe * 0x20000 + 0x14) as u64, AccessSize::Word, 0);
            self.gicr.write((pe * 0x20000 + 0x10380) as u64, AccessSize::Word, u64::from(u32::MAX));
        }
    }

    /// What is ready. Of an LPI also the PE.
    #[cfg(shuttle)]
    pub fn left(&self) -> Vec<(u64, usize)> {
        let shared = SHARED.into_iter().filter(|id| {
            let view = self.gic.describe(0, IntId(*id as u32)).unwrap();
            view.pending && view.enabled && !view.active
        });
        let shared = shared.map(|id| (id, 0));
        let lpis = (0..PES * LPIS).map(|n| (n / LPIS, (LPI + n % LPIS) as u64)).filter(|(pe, id)| {
            self.gic.describe_lpi(*pe, IntId(*id as u32)).is_some_and(|view| view.pending && view.enabled)
        });
        shared.chain(lpis.map(|(pe, id)| (id, pe))).collect()
    }

    /// One of the registers that an LPI's INTID is written to.
    fn lpi(&self, pe: usize, register: u64, n: usize) {
        self.gicr.write(pe as u64 * 0x20000 + register, AccessSize::Double, (LPI + n) as u64);
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
            // EnableLPIs is 1 where there are such.
            Op::Decline { pe, groups } => self.gicr.write(pe as u64 * 0x20000, AccessSize::Word, 1 | groups << 24),
            Op::EnableLpis { pe, on } => self.gicr.write(pe as u64 * 0x20000, AccessSize::Word, on.into()),
            Op::Send { n } => self.its.write(1, n as u32),
            Op::Lpi { pe, n, pending } => self.lpi(pe, if pending { 0x40 } else { 0x48 }, n),
            Op::Configure { n, byte } => self.config(n, byte),
            Op::Reload { pe, n } => self.lpi(pe, 0xa0, n),
            Op::Inv { n } => return self.command([12 | 1 << 32, n as u64, 0, 0]),
            Op::Movi { n, pe } => return self.command([1 | 1 << 32, n as u64, pe as u64, 0]),
            Op::Movall { from, to } => return self.command([14, 0, (from as u64) << 16, (to as u64) << 16]),
            Op::Discard { n } => return self.command([15 | 1 << 32, n as u64, 0, 0]),
            Op::Mapti { n, pe } => {
                return self.command([10 | 1 << 32, n as u64 | ((LPI + n) as u64) << 32, pe as u64, 0]);
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
