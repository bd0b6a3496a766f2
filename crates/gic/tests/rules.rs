//! The rules of the conformance checklist, by number, each as a few register accesses.

#![cfg(not(any(loom, shuttle)))]

use armagic_gic::{Affinity, CpuInterface, Gic, GicError, GicSpec, PeSpec, Signals};
use hw::{AccessSize, IntId, MmioDevice};
use std::sync::Arc;
use sync::{Attention, Reasons};

const NONE: u64 = 1023;
const IRQ: Signals = Signals { irq: true, fiq: false, nmi: false };
const FIQ: Signals = Signals { irq: false, fiq: true, nmi: false };
const QUIET: Signals = Signals { irq: false, fiq: false, nmi: false };

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
        let gic = Gic::new(GicSpec { spis, pes: specs.collect(), ..Default::default() }).unwrap();
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

// 1 and 2: INTIDs, frames, access sizes.

#[test]
fn chk_1_4_and_3_3_6_unimplemented_intids_are_razwi() {
    let rig = Rig::off(1, 64);
    (0..32).for_each(|n| rig.d(0x100 + 4 * n, 0xffff_ffff));
    let found: Vec<_> = (0..32).map(|n| rig.rd(0x100 + 4 * n)).collect();
    let mut expect = vec![0; 32];
    expect[1..3].fill(0xffff_ffff);
    assert_eq!(found, expect);
}

#[test]
fn chk_1_4_intids_from_1020_do_not_exist() {
    let rig = Rig::off(1, 988);
    rig.d(0x17c, 0xffff_ffff);
    assert_eq!((rig.rd(0x17c), rig.rd(0x4) & 0x1f), (0x0fff_ffff, 31));
}

#[test]
fn chk_2_1_priorities_by_byte() {
    let rig = Rig::off(1, 64);
    rig.gicd.write(0x421, AccessSize::Byte, 0xff);
    rig.gicr.write(0x10403, AccessSize::Byte, 0x57);
    assert_eq!((rig.rd(0x420), rig.gicd.read(0x421, AccessSize::Byte)), (0xf800, 0xf8));
    assert_eq!(rig.rr(0, 0x10400), 0x5000_0000);
}

#[test]
fn chk_2_3_halves_of_irouter_leave_each_other_alone() {
    let rig = Rig::off(1, 64);
    rig.d(0x6100, 0x8001_0203);
    rig.d(0x6104, 0xffff_ff07);
    assert_eq!(rig.gicd.read(0x6100, AccessSize::Double), 0x07_8001_0203);
    rig.d(0x6100, 0x0a);
    assert_eq!(rig.gicd.read(0x6100, AccessSize::Double), 0x07_0000_000a);
}

#[test]
fn chk_2_4_and_3_2_1_bad_accesses_are_razwi_and_recorded() {
    let rig = Rig::off(1, 64);
    let cases: &[(u64, AccessSize, u64)] = &[
        (0x104, AccessSize::Byte, 0b0011),  // a byte of ISENABLER
        (0x422, AccessSize::Word, 0b0011),  // unaligned
        (0x7ff0, AccessSize::Word, 0b0011), // reserved
        (0x104, AccessSize::Half, 0b0011),
        (0x0004, AccessSize::Word, 0b1000), // TYPER: read-only
        (0x0040, AccessSize::Word, 0b0100), // SETSPI: write-only
        (0x0104, AccessSize::Word, 0b0000),
    ];
    for &(offset, size, status) in cases {
        rig.d(0x10, 0xf);
        let before = rig.rd(0x104);
        let read = rig.gicd.read(offset, size);
        assert!(read == 0 || status & 1 == 0, "{offset:#x} {size:?}");
        rig.gicd.write(offset, size, 0xffff_ffff);
        assert_eq!(rig.rd(0x10), status, "{offset:#x} {size:?}");
        assert!(rig.rd(0x104) == before || status == 0);
    }
    rig.gicr.read(0x2_0000 * 9, AccessSize::Word);
    rig.gicr.write(0x0030, AccessSize::Word, 0);
    assert_eq!(rig.rr(0, 0x10), 0b0010);
}

#[test]
fn chk_2_5_a_64_bit_access_is_one_to_each_register() {
    let rig = Rig::off(1, 64);
    rig.gicd.write(0x100, AccessSize::Double, 0x1234_5678_ffff_ffff);
    assert_eq!((rig.rd(0x100), rig.rd(0x104)), (0, 0x1234_5678));
    assert_eq!(rig.gicd.read(0x100, AccessSize::Double), 0x1234_5678_0000_0000);
}

// 3 and 4: the frames.

#[test]
fn chk_3_1_control_in_a_single_security_state() {
    let rig = Rig::off(1, 32);
    assert_eq!(rig.rd(0), 0x50);
    rig.d(0, 0xffff_ffff);
    assert_eq!(rig.rd(0), 0xd3, "E1NWF, ARE, DS and two groups");
}

#[test]
fn chk_3_1_5_a_closed_group_holds_and_keeps() {
    let mut rig = Rig::new(1);
    rig.spi(40, true);
    rig.d(0, 1);
    assert_eq!((rig.signals(0), rig.iar(0)), (QUIET, NONE));
    assert_eq!(rig.rd(0x204), 1 << 8);
    assert!(rig.posted(0), "opening and closing are news");
    rig.d(0, 3);
    assert!(rig.posted(0));
    assert_eq!((rig.signals(0), rig.iar(0)), (IRQ, 40));
}

#[test]
fn chk_3_2_identification() {
    const DPGS: u64 = 1 << 5;
    let rig = Rig::off(40, 256);
    // 8 blocks of SPIs, MBIS, 10 ID bits, A3V, RSS; no LPIs, no NMIs, No1N=0.
    assert_eq!(rig.rd(4), 8 | 1 << 16 | 9 << 19 | 1 << 24 | 1 << 26);
    assert_eq!((rig.rd(8) & 0xfff, rig.rd(0xffe8), rig.rr(39, 0xffe8)), (0x43b, 0x3b, 0x3b));
    assert_eq!(rig.gicr.read(33 * 0x20000 + 8, AccessSize::Double), 0x0201 << 32 | 33 << 8 | DPGS);
    assert_eq!(rig.gicr.read(39 * 0x20000 + 8, AccessSize::Double), 0x0207 << 32 | 39 << 8 | DPGS | 1 << 4);
    assert_eq!(rig.gic.redistributor_region_size(), 40 * 0x20000);
}

#[test]
fn chk_3_3_1_private_arrays_are_res0_in_the_distributor() {
    let rig = Rig::new(1);
    rig.d(0x180, 0xffff_ffff);
    rig.gicd.write(0x400, AccessSize::Byte, 0x10);
    assert_eq!((rig.rd(0x100), rig.rr(0, 0x10100), rig.rr(0, 0x10400) & 0xff), (0, 0xffff_ffff, 0x80));
}

#[test]
fn chk_3_3_3_a_level_survives_a_change_of_configuration() {
    let mut rig = Rig::new(1);
    rig.edge(40);
    rig.spi(40, true);
    assert_eq!(rig.iar(0), 40);
    rig.eoi(0, 40);
    rig.d(0xc08, 0);
    assert_eq!((rig.signals(0), rig.iar(0)), (IRQ, 40));
}

#[test]
fn chk_3_3_5_every_configuration_write_is_looked_at() {
    // What holds INTID 40 back, and what lets it through; offset and value.
    let cases: &[(u64, u64, u64, u64)] = &[
        (0x184, 1 << 8, 0x104, 1 << 8), // enable
        (0x428, 0xf8f8_f8f8, 0x428, 0), // priority
        (0x6140, 9, 0x6140, 0),         // route
        (0x304, 1 << 8, 0x384, 1 << 8), // active
        (0x0, 0, 0x0, 3),               // group enable
    ];
    for &(close, closed, open, opened) in cases {
        let mut rig = Rig::new(1);
        rig.d(close, closed);
        rig.spi(40, true);
        assert_eq!((rig.signals(0), rig.iar(0)), (QUIET, NONE), "{close:#x}");
        rig.attention[0].take();
        rig.d(open, opened);
        assert!(rig.posted(0), "{open:#x}");
        assert_eq!((rig.signals(0), rig.iar(0)), (IRQ, 40), "{open:#x}");
    }
}

#[test]
fn chk_3_5_messages() {
    let mut rig = Rig::new(1);
    rig.gicd.write(0x40, AccessSize::Half, 41);
    rig.d(0x284, 1 << 9); // ICPENDR does not end the message level
    assert_eq!((rig.signals(0), rig.iar(0)), (IRQ, 41));
    assert_eq!((rig.rd(0x204), rig.rd(0x304)), (1 << 9, 1 << 9), "active and pending");
    rig.d(0x48, 41);
    rig.eoi(0, 41);
    assert_eq!(rig.signals(0), QUIET);
    rig.edge(42);
    rig.d(0x40, 42);
    rig.d(0x48, 42);
    rig.d(0x40, 5);
    rig.d(0x40, 1019);
    rig.d(0x50, 43);
    assert_eq!(rig.iar(0), NONE);
}

#[test]
fn chk_4_2_sgis_are_edge_and_stay_so() {
    let rig = Rig::new(1);
    rig.r(0, 0x10c00, 0);
    rig.r(0, 0x10c04, 0xffff_ffff);
    assert_eq!((rig.rr(0, 0x10c00), rig.rr(0, 0x10c04)), (0xaaaa_aaaa, 0xaaaa_aaaa));
}

#[test]
fn chk_4_2_sgis_can_be_pended_through_the_frame() {
    let mut rig = Rig::new(2);
    rig.r(1, 0x10200, 1 << 7);
    assert_eq!((rig.signals(0), rig.signals(1), rig.iar(1)), (QUIET, IRQ, 7));
    rig.r(1, 0x10200, 1 << 8);
    rig.r(1, 0x10280, 1 << 8);
    rig.eoi(1, 7);
    assert_eq!(rig.iar(1), NONE);
}

// 6: register fields.

#[test]
fn chk_6_3_fixed_fields() {
    let mut rig = Rig::off(1, 32);
    let it = &mut rig.pes[0];
    it.set_ctlr(!0);
    it.set_sre(0);
    assert_eq!((it.ctlr(), it.sre()), (0b100_0011 | 4 << 8 | 1 << 15 | 1 << 18, 7));
    it.set_igrpen1(!0);
    assert_eq!((it.igrpen0(), it.igrpen1()), (0, 1));
}

// 7: the state machine.

#[test]
fn chk_7_1_edges_merge_and_a_held_line_does_not_repeat() {
    let mut rig = Rig::new(1);
    rig.edge(40);
    for high in [true, false, true, true] {
        rig.spi(40, high);
    }
    assert_eq!(rig.iar(0), 40);
    assert_eq!(rig.rd(0x204), 0);
    rig.spi(40, true);
    rig.eoi(0, 40);
    assert_eq!(rig.iar(0), NONE);
    rig.spi(40, false);
    rig.spi(40, true);
    assert_eq!(rig.iar(0), 40);
}

#[test]
fn chk_7_2_software_pending_of_a_level() {
    let mut rig = Rig::new(1);
    rig.spi(40, true);
    rig.d(0x204, 1 << 8);
    rig.spi(40, false);
    assert_eq!(rig.rd(0x204), 1 << 8, "stays pending after the line falls");
    rig.spi(40, true);
    rig.d(0x284, 1 << 8);
    assert_eq!(rig.rd(0x284), 1 << 8, "the line is still asserted");
    rig.spi(40, false);
    assert_eq!((rig.rd(0x204), rig.iar(0)), (0, NONE));
}

#[test]
fn chk_7_3_to_7_5_active_and_pending_waits_for_deactivation() {
    let mut rig = Rig::new(2);
    rig.spi(40, true);
    assert_eq!(rig.iar(0), 40);
    assert_eq!((rig.rd(0x204), rig.rd(0x304)), (1 << 8, 1 << 8));
    rig.route(40, 1);
    assert_eq!((rig.iar(0), rig.iar(1)), (NONE, NONE));
    rig.eoi(0, 40);
    assert!(rig.posted(1));
    assert_eq!((rig.iar(0), rig.iar(1)), (NONE, 40));
}

#[test]
fn chk_7_7_a_line_that_falls_before_acknowledge() {
    let mut rig = Rig::new(1);
    rig.ppi(0, 27, true);
    assert_eq!(rig.signals(0), IRQ);
    rig.ppi(0, 27, false);
    assert_eq!((rig.signals(0), rig.iar(0), rig.pes[0].rpr()), (QUIET, NONE, 0xff));
}

// 8: priorities.

#[test]
fn chk_8_6_strictly_below_pmr() {
    let cases = [(0x80, 0x80, false), (0x80, 0x88, true), (0, 0, false), (0, 8, true), (0xf8, 0xff, false)];
    for (priority, pmr, expect) in cases {
        let mut rig = Rig::new(1);
        rig.priority(40, priority);
        rig.pes[0].set_pmr(pmr);
        rig.spi(40, true);
        assert_eq!(rig.signals(0).irq, expect, "priority {priority:#x} pmr {pmr:#x}");
        assert_eq!(rig.iar(0) == 40, expect);
        assert_eq!(rig.pes[0].pmr(), pmr & 0xf8);
    }
}

#[test]
fn chk_8_6_and_10_5_preemption_and_return() {
    let mut rig = Rig::new(1);
    rig.priority(41, 0x40);
    rig.spi(40, true);
    assert_eq!(rig.iar(0), 40);
    rig.spi(42, true);
    assert_eq!(rig.signals(0), QUIET, "equal priority does not preempt");
    rig.spi(41, true);
    assert_eq!((rig.signals(0), rig.iar(0), rig.pes[0].rpr()), (IRQ, 41, 0x40));
    assert_eq!(rig.pes[0].ap1r0(), 1 << 8 | 1 << 16);
    rig.eoi(0, 41);
    rig.spi(41, false);
    assert_eq!((rig.signals(0), rig.pes[0].rpr()), (QUIET, 0x80));
    rig.spi(40, false);
    rig.eoi(0, 40);
    assert_eq!((rig.signals(0), rig.iar(0)), (IRQ, 42));
}

#[test]
fn chk_8_8_and_8_9_binary_points() {
    // BPR1, priority of the running one, priority of the next, does it preempt.
    let cases = [
        (0, 0x80, 0x78, true),
        (4, 0x88, 0x80, false),
        (4, 0x90, 0x88, true),
        (7, 0x80, 0x78, true),
        (7, 0xa0, 0x80, false),
    ];
    for (bpr, running, next, expect) in cases {
        let mut rig = Rig::new(1);
        rig.pes[0].set_bpr1(bpr);
        assert_eq!(rig.pes[0].bpr1(), bpr.max(3));
        rig.priority(40, running);
        rig.priority(41, next);
        rig.spi(40, true);
        assert_eq!(rig.iar(0), 40);
        rig.spi(41, true);
        assert_eq!(rig.signals(0).irq, expect, "bpr1 {bpr} running {running:#x} next {next:#x}");
    }
    let mut rig = Rig::new(1);
    rig.pes[0].set_bpr0(0);
    assert_eq!(rig.pes[0].bpr0(), 2);
}

#[test]
fn chk_8_8_bpr0_7_lets_nothing_of_group_0_preempt_group_0() {
    let mut rig = Rig::new(1);
    rig.group0(40);
    rig.group0(41);
    rig.priority(41, 0);
    rig.pes[0].set_bpr0(7);
    rig.spi(40, true);
    assert_eq!((rig.signals(0), rig.pes[0].iar0()), (FIQ, 40));
    rig.spi(41, true);
    assert_eq!((rig.signals(0), rig.pes[0].iar0(), rig.pes[0].hppir0()), (QUIET, NONE, 41));
}

#[test]
fn chk_8_10_cbpr() {
    let mut rig = Rig::new(1);
    rig.pes[0].set_bpr1(5);
    rig.pes[0].set_ctlr(1);
    rig.pes[0].set_bpr0(4);
    rig.pes[0].set_bpr1(3);
    assert_eq!(rig.pes[0].bpr1(), 5);
    rig.pes[0].set_bpr0(7);
    assert_eq!(rig.pes[0].bpr1(), 7);
    rig.spi(40, true);
    rig.iar(0);
    rig.priority(41, 0);
    rig.spi(41, true);
    assert_eq!(rig.pes[0].rpr(), 0, "no bit is left to compare");
    assert_eq!(rig.signals(0), QUIET);
    rig.pes[0].set_ctlr(0);
    assert_eq!(rig.pes[0].bpr1(), 5);
}

// 9: acknowledge.

#[test]
fn chk_9_1_each_group_has_its_register() {
    let mut rig = Rig::new(1);
    rig.group0(40);
    rig.spi(40, true);
    rig.priority(41, 0xa0);
    rig.spi(41, true);
    assert_eq!(rig.signals(0), FIQ);
    assert_eq!((rig.pes[0].hppir0(), rig.pes[0].hppir1()), (40, NONE));
    assert_eq!((rig.iar(0), rig.pes[0].iar0()), (NONE, 40));
    assert_eq!((rig.pes[0].ap0r0(), rig.pes[0].ap1r0()), (1 << 16, 0));
    rig.spi(40, false);
    rig.pes[0].set_eoir0(40);
    assert_eq!((rig.signals(0), rig.iar(0)), (IRQ, 41));
}

#[test]
fn chk_9_1_hppir_ignores_pmr_but_not_the_group_enables() {
    let mut rig = Rig::new(1);
    rig.spi(40, true);
    rig.pes[0].set_pmr(0);
    assert_eq!((rig.pes[0].hppir1(), rig.iar(0)), (40, NONE));
    rig.pes[0].set_igrpen1(0);
    assert_eq!(rig.pes[0].hppir1(), NONE);
    rig.pes[0].set_pmr(0xf0);
    assert_eq!(rig.signals(0), QUIET);
    rig.pes[0].set_igrpen1(1);
    assert_eq!((rig.signals(0), rig.iar(0)), (IRQ, 40));
}

#[test]
fn ties_go_to_the_lowest_intid_of_either_group() {
    let mut rig = Rig::new(1);
    rig.group0(50);
    for id in [63, 50, 95, 40] {
        rig.spi(id, true);
    }
    rig.ppi(0, 30, true);
    rig.pes[0].set_ctlr(2);
    for expect in [30, 40, 50, 63, 95] {
        let taken = if rig.signals(0) == FIQ { rig.pes[0].iar0() } else { rig.iar(0) };
        assert_eq!(taken, expect);
        if expect == 50 { rig.pes[0].set_eoir0(50) } else { rig.eoi(0, expect) }
    }
}

#[test]
fn chk_9_6_a_spurious_read_changes_nothing() {
    let mut rig = Rig::new(1);
    assert_eq!((rig.iar(0), rig.pes[0].iar0(), rig.pes[0].rpr()), (NONE, NONE, 0xff));
    rig.spi(40, true);
    assert_eq!((rig.pes[0].iar0(), rig.pes[0].rpr(), rig.rd(0x304)), (NONE, 0xff, 0));
}

// 10: end of interrupt.

#[test]
fn chk_10_2_and_10_7_drop_and_deactivate_apart() {
    let mut rig = Rig::new(1);
    rig.pes[0].set_ctlr(2);
    rig.spi(40, true);
    assert_eq!(rig.iar(0), 40);
    rig.eoi(0, 40);
    assert_eq!((rig.pes[0].rpr(), rig.rd(0x304), rig.signals(0)), (0xff, 1 << 8, QUIET));
    rig.pes[0].set_dir(40);
    assert_eq!((rig.rd(0x304), rig.signals(0)), (0, IRQ));
    rig.pes[0].set_ctlr(0);
    assert_eq!(rig.iar(0), 40);
    rig.pes[0].set_dir(40);
    assert_eq!(rig.rd(0x304), 1 << 8, "DIR is ignored while EOImode is 0");
}

#[test]
fn chk_10_3_10_4_and_10_10_ends_that_end_nothing() {
    let mut rig = Rig::new(1);
    rig.d(0x304, 1 << 8);
    rig.eoi(0, 40);
    assert_eq!(rig.rd(0x304), 1 << 8, "nothing is active here");
    rig.spi(41, true);
    assert_eq!(rig.iar(0), 41);
    (1020..1024).for_each(|id| rig.eoi(0, id));
    rig.pes[0].set_eoir0(41);
    assert_eq!((rig.pes[0].rpr(), rig.rd(0x304)), (0x80, 3 << 8));
    rig.eoi(0, 5000);
    assert_eq!((rig.pes[0].rpr(), rig.rd(0x304)), (0xff, 3 << 8), "the priority drops, no such INTID to deactivate");
}

#[test]
fn chk_10_8_and_10_11_drop_is_local_and_deactivation_global() {
    let mut rig = Rig::new(2);
    rig.pes[0].set_ctlr(2);
    rig.pes[1].set_ctlr(2);
    rig.spi(40, true);
    assert_eq!(rig.iar(0), 40);
    rig.spi(40, false);
    rig.pes[1].set_dir(40);
    assert_eq!((rig.rd(0x304), rig.pes[0].rpr()), (0, 0x80));
    rig.ppi(0, 27, true);
    rig.eoi(0, 40);
    assert_eq!(rig.iar(0), 27);
    rig.pes[1].set_dir(27);
    assert_eq!((rig.rr(0, 0x10300), rig.rr(1, 0x10300)), (1 << 27, 0));
}

// 11 and 12: signals and routing.

#[test]
fn chk_12_1_an_affinity_without_a_pe_goes_nowhere() {
    let mut rig = Rig::new(2);
    rig.route(40, 0x77);
    rig.spi(40, true);
    assert_eq!((rig.signals(0), rig.signals(1)), (QUIET, QUIET));
    assert_eq!(rig.gic.describe(0, IntId(40)).unwrap().target, None);
    rig.route(40, 1);
    assert!(rig.posted(1));
    assert_eq!((rig.iar(0), rig.iar(1)), (NONE, 40));
}

#[test]
fn chk_12_2_one_of_n_goes_to_one() {
    let mut rig = Rig::new(4);
    rig.route(40, 1 << 31);
    let mut taken = [0; 4];
    for _ in 0..8 {
        rig.spi(40, true);
        let takers: Vec<_> = (0..4).filter(|&pe| rig.signals(pe).irq).collect();
        assert_eq!(takers.len(), 1);
        assert_eq!(rig.iar(takers[0]), 40);
        rig.spi(40, false);
        rig.eoi(takers[0], 40);
        taken[takers[0]] += 1;
    }
    assert_eq!(taken, [2, 2, 2, 2], "we go round");
}

#[test]
fn chk_12_2_one_of_n_chooses_again() {
    let mut rig = Rig::new(3);
    rig.route(40, 1 << 31);
    rig.spi(40, true);
    let taker = |rig: &Rig| (0..3).filter(|&pe| rig.signals(pe).irq).collect::<Vec<_>>();
    let first = taker(&rig)[0];
    rig.pes[first].set_igrpen1(0);
    let second = taker(&rig)[0];
    assert_ne!(first, second);
    rig.r(second, 0x14, 2);
    let third = taker(&rig)[0];
    rig.r(third, 0x14, 2);
    assert_eq!(taker(&rig), []);
    rig.attention[first].take();
    rig.pes[first].set_igrpen1(1);
    assert_eq!(taker(&rig), [first]);
    rig.pes[first].set_igrpen1(0);
    rig.attention[third].take();
    rig.r(third, 0x14, 0);
    assert!(rig.posted(third));
    assert_eq!((taker(&rig), rig.iar(third)), (vec![third], 40));
}

#[test]
fn chk_12_4_sgi_lists() {
    // Written by PE 0 of 40, INTID 5; who receives it.
    let cases: &[(u64, &[usize])] = &[
        (0b1, &[0]),
        (0b1010, &[1, 3]),
        (0xffff | 2 << 16, &[32, 33, 34, 35, 36, 37, 38, 39]),
        (1 | 1 << 16, &[16]),
        (1 | 1 << 32, &[]),
        (1 | 1 << 44, &[]),
        (1 << 48 | 1, &[]),
    ];
    for &(v, expect) in cases {
        let mut rig = Rig::new(40);
        rig.pes[0].set_sgi1r(5 << 24 | v);
        let got: Vec<_> = (0..40).filter(|&pe| rig.signals(pe).irq).collect();
        assert_eq!(got, expect, "{v:#x}");
    }
    let mut rig = Rig::new(40);
    rig.pes[7].set_sgi1r(5 << 24 | 1 << 40);
    assert!((0..40).all(|pe| rig.signals(pe).irq == (pe != 7) && rig.posted(pe) == (pe != 7)));
    assert!((0..40).all(|pe| (rig.iar(pe) == 5) == (pe != 7)));
}

#[test]
fn chk_12_5_the_group_at_the_target_decides() {
    let send: [fn(&mut CpuInterface, u64); 3] =
        [CpuInterface::set_sgi0r, CpuInterface::set_sgi1r, CpuInterface::set_asgi1r];
    for (n, group0, expect) in
        [(0, true, FIQ), (0, false, QUIET), (1, true, QUIET), (1, false, IRQ), (2, true, FIQ), (2, false, QUIET)]
    {
        let mut rig = Rig::new(2);
        if group0 {
            rig.r(1, 0x10080, !(1 << 5));
        }
        send[n](&mut rig.pes[0], 5 << 24 | 2);
        assert_eq!(rig.signals(1), expect, "register {n} group0 {group0}");
    }
}

// 16: power.

#[test]
fn chk_16_1_waker() {
    let mut rig = Rig::off(2, 32);
    assert_eq!((rig.rr(0, 0x14), rig.rr(1, 0x14)), (6, 6));
    rig = Rig::new(2);
    assert_eq!(rig.rr(1, 0x14), 0);
    rig.ppi(1, 27, true);
    rig.r(1, 0x14, 2);
    assert_eq!((rig.rr(1, 0x14), rig.signals(1), rig.iar(1)), (6, QUIET, NONE));
    assert_eq!(rig.rr(1, 0x10200), 1 << 27);
    rig.attention[1].take();
    rig.r(1, 0x14, 0);
    assert!(rig.posted(1));
    assert_eq!((rig.rr(1, 0x14), rig.signals(1), rig.iar(1)), (0, IRQ, 27));
}

// Ours: posts, reset, raw access, errors.

#[test]
fn posts_are_spared_when_the_candidate_cannot_win() {
    let mut rig = Rig::new(1);
    rig.pes[0].set_pmr(0x40);
    rig.spi(40, true);
    assert!(rig.posted(0), "closing is published late");
    assert_eq!(rig.signals(0), QUIET);
    rig.spi(41, true);
    assert!(!rig.posted(0));
    rig.priority(42, 0x20);
    rig.spi(42, true);
    assert!(rig.posted(0));
    assert_eq!(rig.iar(0), 42);
    rig.spi(42, false);
    rig.eoi(0, 42);
    rig.pes[0].set_pmr(0xf0);
    assert_eq!((rig.signals(0), rig.iar(0)), (IRQ, 40));
    let mut rig = Rig::new(1);
    rig.pes[0].set_igrpen1(0);
    rig.spi(40, true);
    assert!(!rig.posted(0));
}

#[test]
fn a_best_that_leaves_lets_the_other_group_through() {
    // Running 0x90. Group 0 at 0x80 is best and cannot preempt, as BPR0 cuts both to 0; Group 1 at 0x88 could.
    let leave: [fn(&Rig); 3] = [|rig| rig.spi(40, false), |rig| rig.d(0, 2), |rig| rig.d(0x184, 1 << 8)];
    for leave in leave {
        let mut rig = Rig::new(1);
        rig.group0(40);
        rig.priority(41, 0x88);
        rig.pes[0].set_bpr0(7);
        rig.pes[0].set_ap0r0(1 << 18);
        rig.spi(40, true);
        rig.spi(41, true);
        assert_eq!((rig.signals(0), rig.iar(0), rig.pes[0].iar0()), (QUIET, NONE, NONE));
        rig.attention[0].take();
        leave(&rig);
        assert!(rig.posted(0));
        assert_eq!((rig.signals(0), rig.iar(0)), (IRQ, 41));
    }
}

#[test]
fn reset_is_power_on_but_for_the_wires() {
    let mut rig = Rig::new(2);
    rig.spi(40, true);
    rig.spi(41, true);
    assert_eq!(rig.iar(0), 40);
    rig.gic.reset();
    rig.pes.iter_mut().for_each(CpuInterface::reset);
    assert_eq!((rig.rd(0), rig.rd(0x104), rig.rd(0x304), rig.rr(0, 0x14), rig.rr(0, 0x10100)), (0x50, 0, 0, 6, 0));
    assert_eq!(rig.rd(0x204), 3 << 8, "wires are the devices'");
    assert_eq!((rig.signals(0), rig.pes[0].rpr(), rig.pes[0].pmr()), (QUIET, 0xff, 0));
}

#[test]
fn raw_access_has_no_side_effects_and_restores() {
    use armagic_gic::Frame::{Distributor, Private, Redistributor};
    let mut rig = Rig::new(1);
    rig.spi(40, true);
    assert_eq!(rig.gic.raw_read(Distributor, 0x204), Some(0), "the latch alone");
    assert!(rig.gic.raw_write(Distributor, 0x204, 1 << 9));
    assert_eq!((rig.gic.raw_read(Distributor, 0x284), rig.signals(0)), (Some(1 << 9), IRQ));
    assert!(rig.gic.raw_write(Distributor, 0x104, 1 << 9));
    assert_eq!((rig.rd(0x104), rig.iar(0)), (1 << 9, 41), "replaced, so 40 is disabled");
    assert!(rig.gic.raw_write(Private(0), 0x100, 0xf) && rig.rr(0, 0x10100) == 0xf);
    assert!(rig.gic.raw_write(Distributor, 0x6144, 3) && rig.rd(0x6144) == 3);
    let none =
        [(Distributor, 0x40), (Distributor, 0x42), (Distributor, 0x7ff8), (Redistributor(1), 0), (Private(0), 0)];
    none.iter().for_each(|&(frame, at)| assert_eq!(rig.gic.raw_read(frame, at), None, "{frame:?} {at:#x}"));
    let fixed = [(Distributor, 4), (Distributor, 8), (Redistributor(0), 8), (Distributor, 0x40)];
    fixed.iter().for_each(|&(frame, at)| assert!(!rig.gic.raw_write(frame, at, 0), "{frame:?} {at:#x}"));
    assert_eq!(Gic::register_name(Distributor, 0x6108), Some("IROUTER"));
    assert_eq!(Gic::register_name(Private(0), 0x418), Some("IPRIORITYR"));
}

#[test]
fn explanations_name_the_gate() {
    #[track_caller]
    fn check(close: impl Fn(&mut Rig), expect: &str) {
        let mut rig = Rig::new(1);
        rig.spi(40, true);
        close(&mut rig);
        let text = rig.pes[0].explain_masked();
        assert!(text.contains(expect), "{text}");
    }
    check(|_| (), "signalled");
    check(|rig| rig.spi(40, false), "nothing pending");
    check(|rig| rig.pes[0].set_pmr(0x80), "INTID 40 group 1 priority 0x80 waits: PMR=0x80");
    check(|rig| rig.pes[0].set_igrpen1(0), "ICC_IGRPEN1_EL1=0");
    check(|rig| rig.d(0, 1), "GICD_CTLR.EnableGrp1=0");
    check(|rig| rig.r(0, 0x14, 2), "ProcessorSleep=1");
    check(|rig| rig.pes[0].set_ap1r0(1), "running priority 0x00");
}

#[test]
fn specs_that_cannot_be_built() {
    #[track_caller]
    fn check(spis: u32, affinities: &[u8], expect: GicError) {
        let pe = |aff0: &u8| PeSpec { affinity: Affinity { aff0: *aff0, ..affinity(0) }, attention: Arc::default() };
        let error = Gic::new(GicSpec { spis, pes: affinities.iter().map(pe).collect(), ..Default::default() }).err();
        assert_eq!(error, Some(expect));
    }
    check(33, &[0], GicError::Spis(33));
    check(992, &[0], GicError::Spis(992));
    check(32, &[], GicError::Pes(0));
    check(32, &[1, 2, 1], GicError::Affinity(Affinity { aff0: 1, ..affinity(0) }));
}

#[test]
fn a_cpu_interface_has_one_owner_at_a_time() {
    let mut rig = Rig::off(1, 32);
    rig.pes.clear();
    rig.pes.push(rig.gic.cpu_interface(0));
    let second = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| rig.gic.cpu_interface(0)));
    assert!(second.is_err());
}
