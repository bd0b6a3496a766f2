//! The rules of the conformance checklist, by number, each as a few register accesses.

use armagic_gic::{Affinity, CpuInterface, Gic, GicError, GicSpec, PeSpec, Signals};
use hw::{AccessSize, IntId, MmioDevice};
use std::sync::Arc;
use sync::{Attention, Reasons};

const NONE: u64 = 1023;
const IRQ: Signals = Signals { irq: true, fiq: false };
const FIQ: Signals = Signals { irq: false, fiq: true };
const QUIET: Signals = Signals { irq: false, fiq: false };

/// A GIC with its PEs, and short ways to reach its registers.
struct Rig {
    gic: Arc<Gic>,
    gicd: Arc<dyn MmioDevice>,
    gicr: Arc<dyn MmioDevice>,
    pes: Vec<CpuInterface>,
    attention: Vec<Arc<Attention>>,
}

/// PE n of a rig: sixteen to a cluster.
fn affinity(n: usize) -> Affinity {
    Affinity { aff0: n as u8 % 16, aff1: n as u8 / 16, aff2: 0, aff3: 0 }
}

impl Rig {
    fn off(pes: usize, spis: u32) -> Rig {
        let attention: Vec<_> = (0..pes).map(|_| Arc::new(Attention::new())).collect();
        let specs = (0..pes).map(|n| PeSpec { affinity: affinity(n), attention: attention[n].clone() });
        let gic = Gic::new(GicSpec { spis, pes: specs.collect() }).unwrap();
        let pes = (0..pes).map(|n| gic.cpu_interface(n)).collect();
        Rig { gicd: gic.distributor(), gicr: gic.redistributors(), gic, pes, attention }
    }

    /// All awake, both groups enabled, masks open, every interrupt in Group 1 at priority 0x80 and enabled.
    fn new(pes: usize) -> Rig {
        let mut rig = Rig::off(pes, 64);
        rig.d(0, 3);
        for pe in 0..pes {
            rig.r(pe, 0x14, 0);
            rig.r(pe, 0x10080, 0xffff_ffff);
            rig.r(pe, 0x10100, 0xffff_ffff);
            (0..8).for_each(|n| rig.r(pe, 0x10400 + 4 * n, 0x8080_8080));
            rig.pes[pe].set_pmr(0xf0);
            rig.pes[pe].set_igrpen0(1);
            rig.pes[pe].set_igrpen1(1);
        }
        (1..3).for_each(|n| rig.d(0x80 + 4 * n, 0xffff_ffff));
        (1..3).for_each(|n| rig.d(0x100 + 4 * n, 0xffff_ffff));
        (8..24).for_each(|n| rig.d(0x400 + 4 * n, 0x8080_8080));
        rig.attention.iter().for_each(|attention| _ = attention.take());
        rig
    }

    fn d(&self, offset: u64, value: u64) {
        self.gicd.write(offset, AccessSize::Word, value);
    }
    fn rd(&self, offset: u64) -> u64 {
        self.gicd.read(offset, AccessSize::Word)
    }
    fn r(&self, pe: usize, offset: u64, value: u64) {
        self.gicr.write(pe as u64 * 0x20000 + offset, AccessSize::Word, value);
    }
    fn rr(&self, pe: usize, offset: u64) -> u64 {
        self.gicr.read(pe as u64 * 0x20000 + offset, AccessSize::Word)
    }
    fn spi(&self, id: u32, high: bool) {
        self.gic.set_spi(IntId(id), high);
    }
    fn ppi(&self, pe: usize, id: u32, high: bool) {
        self.gic.set_ppi(pe, IntId(id), high);
    }
    fn priority(&self, id: u32, priority: u64) {
        self.gicd.write(0x400 + u64::from(id), AccessSize::Byte, priority);
    }
    fn edge(&self, id: u32) {
        let offset = 0xc00 + u64::from(id) / 16 * 4;
        self.d(offset, self.rd(offset) | 2 << (id % 16 * 2));
    }
    fn group0(&self, id: u32) {
        let offset = 0x80 + u64::from(id) / 32 * 4;
        self.d(offset, self.rd(offset) & !(1 << (id % 32)));
    }
    fn route(&self, id: u32, value: u64) {
        self.gicd.write(0x6000 + 8 * u64::from(id), AccessSize::Double, value);
    }
    fn signals(&self, pe: usize) -> Signals {
        self.pes[pe].signals()
    }
    fn posted(&self, pe: usize) -> bool {
        self.attention[pe].take().has(Reasons::INTERRUPT)
    }
    fn iar(&mut self, pe: usize) -> u64 {
        self.pes[pe].iar1()
    }
    fn eoi(&mut self, pe: usize, id: u64) {
        self.pes[pe].set_eoir1(id);
    }
}

#[test]
fn an_spi_goes_all_the_way() {
    let mut rig = Rig::new(1);
    assert_eq!(rig.signals(0), QUIET);
    rig.spi(40, true);
    assert!(rig.posted(0));
    assert_eq!(rig.signals(0), IRQ);
    assert_eq!(rig.iar(0), 40);
    assert_eq!((rig.signals(0), rig.pes[0].rpr()), (QUIET, 0x80));
    rig.spi(40, false);
    rig.eoi(0, 40);
    assert_eq!((rig.signals(0), rig.pes[0].rpr(), rig.iar(0)), (QUIET, 0xff, NONE));
}
