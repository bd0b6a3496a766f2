//! Rules of the conformance checklist about two security states, non-maskable interrupts, extended ranges and the
//! choice of 1-of-N, each as a few register accesses.

#![cfg(not(any(loom, shuttle)))]

use armagic_gic::{
    Accessor, Affinity, CpuInterface, Features, Fidelity, Gic, GicError, GicSpec, PeSpec, Product, Security, Signals,
};
use hw::{AccessSize, IntId, MmioDevice};
use std::sync::Arc;

const NONE: u64 = 1023;
const EL3: Accessor = Accessor { el: 3, secure: true, fiq_to_el3: false, nmi: false };
const SECURE: Accessor = Accessor { el: 1, secure: true, fiq_to_el3: false, nmi: false };
const NON_SECURE: Accessor = Accessor { el: 1, secure: false, fiq_to_el3: true, nmi: false };

/// SPIs: 40 in Group 0, 41 in Group 1 Non-secure, 42 in Group 1 Secure; SGIs and PPIs 0 and 16, 1 and 17, 2 and 18
/// likewise. Everything enabled, edge-triggered SPIs, priority 0x40, but Non-secure ones 0xc0.
struct Rig {
    gic: Arc<Gic>,
    gicd: [Arc<dyn MmioDevice>; 2],
    gicr: [Arc<dyn MmioDevice>; 2],
    pes: Vec<CpuInterface>,
}

impl Rig {
    fn off(pes: usize, features: Features) -> Rig {
        let spec = |n: usize| PeSpec {
            affinity: Affinity { aff0: n as u8, ..Affinity::default() },
            attention: Arc::default(),
        };
        let gic =
            Gic::new(GicSpec { spis: 64, pes: (0..pes).map(spec).collect(), features, ..Default::default() }).unwrap();
        let states = [Security::NonSecure, Security::Secure];
        Rig {
            gicd: states.map(|state| gic.distributor_for(state)),
            gicr: states.map(|state| gic.redistributors_for(state)),
            pes: (0..pes).map(|pe| gic.cpu_interface(pe)).collect(),
            gic,
        }
    }

    fn new(pes: usize) -> Rig {
        let mut rig =
            Rig::off(pes, Features { two_states: true, nmi: true, eppis: 32, espis: 64, ..Default::default() });
        rig.s(0, 7);
        rig.s(0x84, 1 << 9);
        rig.s(0xd04, 1 << 10);
        rig.s(0x104, !0);
        rig.s(0xc08, !0);
        rig.s(0x428, 0x4040_c040);
        for pe in 0..pes {
            rig.sr(pe, 0x14, 0);
            rig.sr(pe, 0x10080, 0x0002_0002);
            rig.sr(pe, 0x10d00, 0x0004_0004);
            rig.sr(pe, 0x10100, !0);
            rig.sr(pe, 0x10400, 0x4040_c040);
            rig.sr(pe, 0x10410, 0x4040_c040);
            let it = &mut rig.pes[pe];
            it.set_accessor(EL3);
            it.set_pmr(0xf8);
            it.set_igrpen0(1);
            it.set_igrpen1_el3(3);
        }
        rig
    }

    fn s(&self, offset: u64, value: u64) {
        self.gicd[1].write(offset, AccessSize::Word, value & 0xffff_ffff);
    }
    fn ns(&self, offset: u64, value: u64) {
        self.gicd[0].write(offset, AccessSize::Word, value & 0xffff_ffff);
    }
    fn read_s(&self, offset: u64) -> u64 {
        self.gicd[1].read(offset, AccessSize::Word)
    }
    fn read_ns(&self, offset: u64) -> u64 {
        self.gicd[0].read(offset, AccessSize::Word)
    }
    fn sr(&self, pe: usize, offset: u64, value: u64) {
        self.gicr[1].write(pe as u64 * 0x20000 + offset, AccessSize::Word, value & 0xffff_ffff);
    }
    fn nsr(&self, pe: usize, offset: u64, value: u64) {
        self.gicr[0].write(pe as u64 * 0x20000 + offset, AccessSize::Word, value & 0xffff_ffff);
    }
    fn read_nsr(&self, pe: usize, offset: u64) -> u64 {
        self.gicr[0].read(pe as u64 * 0x20000 + offset, AccessSize::Word)
    }
    fn read_sr(&self, pe: usize, offset: u64) -> u64 {
        self.gicr[1].read(pe as u64 * 0x20000 + offset, AccessSize::Word)
    }
    fn pulse(&self, id: u32) {
        self.gic.set_spi(IntId(id), true);
        self.gic.set_spi(IntId(id), false);
    }
    fn as_(&mut self, who: Accessor) -> &mut CpuInterface {
        self.pes[0].set_accessor(who);
        &mut self.pes[0]
    }
    fn pending(&self, pe: usize, id: u32) -> bool {
        self.gic.describe(pe, IntId(id)).unwrap().pending
    }
}

const IRQ: Signals = Signals { irq: true, fiq: false, nmi: false };
const FIQ: Signals = Signals { irq: false, fiq: true, nmi: false };
const QUIET: Signals = Signals { irq: false, fiq: false, nmi: false };

// 1, 2 and 3: INTIDs, frames, the distributor.

#[test]
fn chk_1_4_absent_spis_are_razwi() {
    let absent = vec![IntId(40)];
    let rig = Rig::off(1, Features { absent, ..Default::default() });
    rig.ns(0x104, !0);
    assert_eq!(rig.read_ns(0x104), 0xffff_ffff & !(1 << 8));
    rig.ns(0x428, 0x8888_8888);
    assert_eq!(rig.read_ns(0x428), 0x8888_8800);
    rig.ns(0x40, 40);
    assert_eq!(rig.read_ns(0x204), 0);
    let spec = |features| Gic::new(GicSpec { spis: 32, features, ..Default::default() }).err();
    let refused = |id| spec(Features { absent: vec![IntId(id)], ..Default::default() });
    assert_eq!(refused(16), Some(GicError::Absent(IntId(16))));
    assert_eq!(refused(64), Some(GicError::Absent(IntId(64))));
    assert_eq!(spec(Features { eppis: 33, ..Default::default() }), Some(GicError::Eppis(33)));
    assert_eq!(spec(Features { espis: 1056, ..Default::default() }), Some(GicError::Espis(1056)));
}

#[test]
fn chk_2_7_non_secure_accesses_do_not_reach_secure_interrupts() {
    let rig = Rig::new(1);
    for offset in [0x104, 0x184, 0x204, 0x284, 0x304, 0x384] {
        rig.ns(offset, 0x700);
    }
    rig.ns(0x204, 0x700);
    assert_eq!(rig.read_s(0x204), 0x200, "only the Non-secure one became pending");
    assert_eq!((rig.read_ns(0x104), rig.read_s(0x104)), (0, 0xffff_ffff & !0x200));
    assert_eq!((rig.read_ns(0x84), rig.read_s(0x84)), (0, 0x200));
    rig.ns(0x84, !0);
    rig.ns(0xd04, !0);
    assert_eq!((rig.read_s(0x84), rig.read_s(0xd04), rig.read_ns(0xd04)), (0x200, 0x400, 0));
    assert_eq!((rig.read_ns(0xc08), rig.read_s(0xc08)), (0x2 << 18, 0xaaaa_aaaa));
    assert_eq!(rig.read_nsr(0, 0x10c00), 0xaaaa_aaaa, "SGIs are edge-triggered to everyone");
    assert_eq!(rig.gicd[0].read(0x6000 + 8 * 40, AccessSize::Double), 0);
}

#[test]
fn chk_2_8_a_masked_write_leaves_what_it_may_not_write() {
    let rig = Rig::new(1);
    rig.s(0xf84, 0x600);
    assert_eq!(rig.read_s(0xf84), 0x600, "Group 1 of both states");
    rig.ns(0xf84, 0);
    assert_eq!(rig.read_s(0xf84), 0x400);
}

#[test]
fn chk_3_1_control_has_three_layouts() {
    let rig = Rig::new(1);
    assert_eq!((rig.read_s(0), rig.read_ns(0)), (0x37, 0x12));
    rig.ns(0, 0);
    assert_eq!((rig.read_s(0), rig.read_ns(0)), (0x35, 0x10));
    rig.ns(0, !0);
    assert_eq!(rig.read_s(0), 0x37);
    rig.s(0, 0xc0);
    assert_eq!((rig.read_s(0), rig.read_ns(0)), (0xd0, 0xd0));
    rig.s(0, 0);
    assert_eq!(rig.read_ns(0), 0x50, "only power-on clears DS");
    rig.gic.reset();
    assert_eq!(rig.read_s(0), 0x30);
}

#[test]
fn chk_3_1_2_one_state_forgets_secure_groups() {
    let rig = Rig::new(1);
    rig.s(0, 0);
    rig.s(0xe08, 3 << 16);
    rig.s(0, 0x40);
    assert_eq!((rig.read_s(0xd04), rig.read_s(0xe08), rig.read_ns(0x104)), (0, 0, 0xffff_ffff));
    assert_eq!((rig.read_ns(4) >> 10 & 1, rig.read_ns(0x428)), (0, 0x4040_c040));
    rig.ns(0xd04, !0);
    assert_eq!(rig.read_ns(0xd04), 0);
}

#[test]
fn chk_3_2_types_of_a_full_gic() {
    let rig = Rig::new(1);
    let typer = rig.read_ns(4);
    assert_eq!((typer & 0x1f, typer >> 8 & 7, typer >> 27), (2, 0b111, 1), "64 SPIs; ESPI, NMI, security; 64 ESPIs");
    assert_eq!(typer >> 19 & 0x1f, 12, "13 bits reach extended INTIDs");
    assert_eq!(rig.gicr[0].read(8, AccessSize::Double) >> 27 & 0x1f, 1, "EPPIs to 1087");
    let arm = Rig::off(1, Features { product: Product::Gic600, ..Default::default() });
    assert_eq!((arm.read_ns(8), arm.read_ns(0xffe0), arm.read_nsr(0, 0xffe0)), (0x0201_743b, 0x92, 0x93));
    assert_eq!(Rig::off(1, Features { product: Product::Kvm, ..Default::default() }).read_ns(8) >> 24, 0x4b);
}

#[test]
fn chk_3_2_1_status_is_banked() {
    let rig = Rig::new(1);
    rig.read_ns(0x20);
    assert_eq!((rig.read_ns(0x10), rig.read_s(0x10)), (1, 0));
    rig.ns(0x10, 1);
    assert_eq!(rig.read_ns(0x10), 0);
}

#[test]
fn chk_3_3_extended_spis() {
    let mut rig = Rig::new(1);
    rig.s(0x1000, 1 << 5);
    rig.s(0x1200, 1 << 5);
    rig.s(0x3000, 0b10 << 10);
    rig.gicd[1].write(0x2005, AccessSize::Byte, 0xa0);
    assert_eq!((rig.read_s(0x2004), rig.read_ns(0x2004)), (0xa000, 0x4000));
    rig.pulse(4101);
    assert_eq!(rig.read_s(0x1600), 1 << 5);
    assert_eq!(rig.as_(NON_SECURE).iar1(), 4101);
    assert_eq!(rig.read_s(0x1a00), 1 << 5);
    rig.pes[0].set_eoir1(4101);
    assert_eq!(rig.read_s(0x1a00), 0);
    rig.ns(0x40, 4101);
    assert_eq!(rig.read_s(0x1600), 1 << 5, "messages reach extended SPIs");
    assert_eq!(rig.pes[0].ctlr() >> 19 & 1, 1, "ExtRange");
    rig.s(0x1208, !0);
    assert_eq!(rig.read_s(0x1208), 0, "there are 64");
}

#[test]
fn chk_3_4_nsacr_grants_step_by_step() {
    let rig = Rig::new(1);
    let (set, clear, active, router) = (0x204, 0x284, 0x304, 0x6000 + 8 * 40);
    let bit = 1 << 8;
    let grant = |v: u64| rig.s(0xe08, v << 16);
    rig.ns(set, bit);
    rig.ns(0x40, 40);
    assert_eq!(rig.read_s(set) & bit, 0, "0 grants nothing");
    grant(1);
    rig.ns(set, bit);
    assert_eq!((rig.read_s(set) & bit, rig.read_ns(set) & bit), (bit, bit));
    rig.ns(clear, bit);
    rig.ns(0x48, 40);
    assert_eq!(rig.read_s(set) & bit, bit, "1 sets");
    rig.s(active, bit);
    assert_eq!(rig.read_ns(active) & bit, 0);
    grant(2);
    rig.ns(clear, bit);
    assert_eq!((rig.read_s(set) & bit, rig.read_ns(active) & bit), (0, bit), "2 clears, and shows active");
    rig.ns(0x384, bit);
    assert_eq!(rig.read_s(active) & bit, bit);
    rig.gicd[0].write(router, AccessSize::Double, 1);
    assert_eq!(rig.gicd[1].read(router, AccessSize::Double), 0);
    grant(3);
    rig.gicd[0].write(router, AccessSize::Double, 1);
    assert_eq!(rig.gicd[1].read(router, AccessSize::Double), 1, "3 routes");
    rig.ns(0xe08, 0);
    assert_eq!((rig.read_s(0xe08) >> 16 & 3, rig.read_ns(0xe08)), (3, 0));
    rig.sr(0, 0x10e00, !0);
    rig.sr(0, 0x10e04, !0);
    assert_eq!((rig.read_sr(0, 0x10e00), rig.read_sr(0, 0x10e04)), (0xffff_ffff, 0), "SGIs have NSACR, PPIs none");
}

#[test]
fn chk_3_5_2_secure_messages() {
    let rig = Rig::new(1);
    rig.ns(0x50, 41);
    assert!(!rig.pending(0, 41));
    rig.s(0x50, 42);
    assert!(rig.pending(0, 42));
    rig.s(0x58, 42);
    assert!(!rig.pending(0, 42));
    rig.s(0x40, 42);
    assert!(rig.pending(0, 42), "a Secure write to the Non-secure register reaches any SPI");
}

// 4: redistributors.

#[test]
fn chk_4_1_10_declining_1_of_n() {
    let mut rig = Rig::new(2);
    rig.nsr(0, 0, 0x0700_0000);
    assert_eq!((rig.read_nsr(0, 0), rig.read_sr(0, 0)), (1 << 25, 1 << 25));
    rig.sr(0, 0, 0x0700_0000);
    assert_eq!((rig.read_nsr(0, 0), rig.read_sr(0, 0)), (1 << 25, 7 << 24));
    rig.gicd[1].write(0x6000 + 8 * 41, AccessSize::Double, 1 << 31);
    for _ in 0..4 {
        rig.pulse(41);
        assert_eq!(rig.gic.describe(0, IntId(41)).unwrap().target, Some(1));
        rig.pes[1].set_accessor(NON_SECURE);
        assert_eq!(rig.pes[1].iar1(), 41);
        rig.pes[1].set_eoir1(41);
    }
    rig.pulse(41);
    rig.sr(1, 0, 7 << 24);
    assert_eq!(rig.gic.describe(0, IntId(41)).unwrap().target, None);
    rig.sr(0, 0, 0);
    assert_eq!(rig.gic.describe(0, IntId(41)).unwrap().target, Some(0), "it chooses again");
    rig.s(0, 0x47);
    rig.sr(0, 0, 7 << 24);
    assert_eq!(rig.read_sr(0, 0), 3 << 24, "DPG1S is RES0 with one state");
}

#[test]
fn chk_4_2_extended_ppis() {
    let mut rig = Rig::new(1);
    rig.sr(0, 0x10084, 1);
    rig.sr(0, 0x10104, 1);
    rig.gic.set_ppi(0, IntId(1056), true);
    assert_eq!(rig.read_sr(0, 0x10204), 1);
    assert_eq!(rig.as_(NON_SECURE).iar1(), 1056);
    rig.gic.set_ppi(0, IntId(1056), false);
    rig.pes[0].set_eoir1(1056);
    assert_eq!(rig.read_sr(0, 0x10304), 0);
    rig.sr(0, 0x10108, !0);
    assert_eq!(rig.read_sr(0, 0x10108), 0, "there are 32");
}

#[test]
fn chk_16_1_waker_is_the_secure_sides() {
    let rig = Rig::new(1);
    rig.nsr(0, 0x14, 2);
    assert_eq!((rig.read_nsr(0, 0x14), rig.read_sr(0, 0x14)), (0, 0));
    rig.sr(0, 0x14, 2);
    assert_eq!((rig.read_nsr(0, 0x14), rig.read_sr(0, 0x14)), (0, 6));
    rig.pulse(41);
    assert!(rig.pes[0].wake_request());
}

// 8: priorities.

#[test]
fn chk_8_2_non_secure_software_sees_the_lower_half() {
    let rig = Rig::new(1);
    rig.gicd[0].write(0x400 + 41, AccessSize::Byte, 0x40);
    assert_eq!((rig.read_s(0x428) >> 8 & 0xff, rig.read_ns(0x428) >> 8 & 0xff), (0xa0, 0x40));
    rig.gicd[1].write(0x400 + 41, AccessSize::Byte, 0x38);
    assert_eq!(rig.read_ns(0x428), 0x7000, "0x38 doubled, and nothing of Secure interrupts");
    rig.gicd[0].write(0x400 + 40, AccessSize::Byte, 0xf0);
    assert_eq!(rig.read_s(0x428) & 0xff, 0x40);
}

#[test]
fn chk_8_3_pmr_is_shifted_for_non_secure_software() {
    let mut rig = Rig::new(1);
    rig.as_(EL3).set_pmr(0x40);
    assert_eq!(rig.as_(NON_SECURE).pmr(), 0);
    rig.as_(NON_SECURE).set_pmr(0xf0);
    assert_eq!(rig.as_(EL3).pmr(), 0x40, "it cannot open what is closed further");
    rig.as_(EL3).set_pmr(0x80);
    rig.as_(NON_SECURE).set_pmr(0x40);
    assert_eq!((rig.as_(NON_SECURE).pmr(), rig.as_(EL3).pmr()), (0x40, 0xa0));
    let unshifted = Accessor { fiq_to_el3: false, ..NON_SECURE };
    assert_eq!(rig.as_(unshifted).pmr(), 0xa0);
}

#[test]
fn chk_8_4_running_priority_is_shifted_too() {
    let mut rig = Rig::new(1);
    assert_eq!(rig.as_(NON_SECURE).rpr(), 0xff);
    rig.pulse(41);
    assert_eq!(rig.as_(NON_SECURE).iar1(), 41);
    assert_eq!((rig.as_(NON_SECURE).rpr(), rig.as_(EL3).rpr()), (0x80, 0xc0));
    rig.pulse(40);
    assert_eq!(rig.as_(EL3).iar0(), 40);
    assert_eq!((rig.as_(NON_SECURE).rpr(), rig.as_(EL3).rpr()), (0, 0x40));
}

#[test]
fn chk_8_6_a_coarse_binary_point_lets_nothing_preempt_what_is_more_urgent() {
    let mut rig = Rig::new(1);
    rig.s(0x428, 0x0000_7840);
    rig.as_(NON_SECURE).set_bpr1(7);
    rig.pulse(40);
    assert_eq!(rig.as_(SECURE).iar0(), 40);
    rig.pulse(41);
    assert_eq!((rig.as_(NON_SECURE).signals(), rig.as_(NON_SECURE).iar1()), (QUIET, NONE));
}

#[test]
fn chk_8_9_minimum_binary_points() {
    let mut rig = Rig::new(1);
    rig.as_(SECURE).set_bpr1(0);
    rig.as_(SECURE).set_bpr0(0);
    rig.as_(NON_SECURE).set_bpr1(0);
    assert_eq!((rig.as_(SECURE).bpr0(), rig.as_(SECURE).bpr1(), rig.as_(NON_SECURE).bpr1()), (2, 2, 3));
}

#[test]
fn chk_8_10_common_binary_point() {
    let mut rig = Rig::new(1);
    rig.as_(SECURE).set_bpr0(4);
    rig.as_(EL3).set_ctlr_el3(3);
    assert_eq!((rig.as_(SECURE).bpr1(), rig.as_(NON_SECURE).bpr1()), (4, 5));
    rig.as_(NON_SECURE).set_bpr1(7);
    rig.as_(SECURE).set_bpr1(6);
    assert_eq!((rig.as_(SECURE).bpr0(), rig.as_(NON_SECURE).bpr1()), (6, 7));
    rig.as_(NON_SECURE).set_ctlr(0);
    assert_eq!(rig.as_(NON_SECURE).ctlr() & 1, 1, "CBPR is EL3's while there are two states");
}

#[test]
fn chk_8_11_non_maskable_interrupts_come_first() {
    let mut rig = Rig::new(1);
    rig.s(0x428, 0x0000_8840);
    rig.s(0xf84, 1 << 9);
    assert_eq!((rig.read_s(0x428) >> 8 & 0xff, rig.read_ns(0x428)), (0, 0), "IPRIORITYR is RES0");
    // The NMI counts as 0x80: behind 0x40, before 0x80.
    rig.gicd[1].write(0x400 + 42, AccessSize::Byte, 0x80);
    rig.pulse(40);
    rig.pulse(41);
    rig.pulse(42);
    assert_eq!(rig.as_(EL3).hppir0(), 40);
    assert_eq!(rig.as_(EL3).iar0(), 40);
    rig.pes[0].set_eoir0(40);
    assert_eq!(rig.as_(EL3).hppir1(), 41);
    rig.s(0xf84, 0);
    assert_eq!(rig.as_(EL3).hppir1(), 42);
    rig.s(0xf84, 1 << 8);
    assert_eq!(rig.read_s(0xf84), 0, "Group 0 has none");
}

#[test]
fn chk_8_12_an_active_nmi_is_seen_and_ended() {
    let mut rig = Rig::new(1);
    rig.s(0xf84, 1 << 9);
    rig.pulse(41);
    let who = Accessor { nmi: true, ..NON_SECURE };
    assert_eq!(rig.as_(who).signals(), Signals { nmi: true, ..IRQ });
    assert_eq!((rig.as_(who).iar1(), rig.as_(who).hppir1()), (1022, 41));
    assert_eq!(rig.as_(who).nmiar1(), 41);
    assert_eq!((rig.as_(who).ap1r0(), rig.as_(who).rpr()), (1 << 63, 1 << 63));
    assert_eq!(rig.as_(SECURE).rpr(), 1 << 62 | 0x80);
    rig.pulse(41);
    assert_eq!(rig.as_(who).signals(), QUIET, "active, and no other NMI preempts");
    rig.as_(who).set_eoir1(41);
    assert_eq!((rig.as_(who).ap1r0(), rig.as_(who).rpr()), (0, 0xff));
    assert_eq!(rig.as_(NON_SECURE).iar1(), 41, "without SCTLR.NMI by IAR1");
}

#[test]
fn chk_8_11_an_nmi_preempts_its_own_priority() {
    let mut rig = Rig::new(1);
    rig.gicd[1].write(0x400 + 41, AccessSize::Byte, 0x80);
    rig.s(0x84, 3 << 9);
    rig.gicd[1].write(0x400 + 42, AccessSize::Byte, 0x80);
    rig.pulse(41);
    assert_eq!(rig.as_(NON_SECURE).iar1(), 41);
    rig.pulse(42);
    assert_eq!(rig.as_(NON_SECURE).signals(), QUIET, "equal priority does not");
    rig.s(0xf84, 1 << 10);
    assert_eq!(rig.as_(NON_SECURE).signals(), Signals { nmi: true, ..IRQ });
    rig.as_(EL3).set_pmr(0x78);
    assert_eq!(rig.as_(NON_SECURE).signals(), QUIET, "PMR that closes the Non-secure half masks it");
}

// 9 and 10: acknowledge, end.

#[test]
fn chk_9_2_special_intids_tell_el3_whose_it_is() {
    let mut rig = Rig::new(1);
    rig.pulse(42);
    assert_eq!((rig.as_(EL3).iar0(), rig.as_(EL3).hppir0()), (1020, 1020));
    assert_eq!((rig.as_(SECURE).iar0(), rig.as_(NON_SECURE).iar1(), rig.as_(NON_SECURE).hppir1()), (NONE, NONE, NONE));
    assert_eq!(rig.as_(SECURE).iar1(), 42);
    rig.as_(SECURE).set_eoir1(42);
    rig.pulse(41);
    assert_eq!((rig.as_(EL3).iar0(), rig.as_(SECURE).iar1()), (1021, NONE));
    assert_eq!(rig.as_(EL3).iar1(), 41);
    rig.as_(EL3).set_eoir1(41);
    rig.as_(EL3).set_ctlr_el3(1 << 5);
    rig.pulse(41);
    assert_eq!((rig.as_(EL3).iar1(), rig.as_(EL3).iar0()), (1021, NONE), "RM");
    rig.pulse(40);
    assert_eq!(rig.as_(EL3).iar0(), 1020);
}

#[test]
fn chk_9_3_group_0_is_secure() {
    let mut rig = Rig::new(1);
    rig.pulse(40);
    assert_eq!((rig.as_(NON_SECURE).iar0(), rig.as_(NON_SECURE).iar1(), rig.as_(SECURE).iar1()), (NONE, NONE, NONE));
    assert_eq!(rig.as_(SECURE).iar0(), 40);
}

#[test]
fn chk_10_1_eoimode_of_each_level() {
    let mut rig = Rig::new(1);
    rig.as_(EL3).set_ctlr_el3(1 << 4);
    assert_eq!((rig.as_(NON_SECURE).ctlr() >> 1 & 1, rig.as_(SECURE).ctlr() >> 1 & 1), (1, 0));
    rig.pulse(41);
    assert_eq!(rig.as_(NON_SECURE).iar1(), 41);
    rig.as_(NON_SECURE).set_eoir1(41);
    assert!(rig.gic.describe(0, IntId(41)).unwrap().active);
    rig.as_(NON_SECURE).set_dir(41);
    assert!(!rig.gic.describe(0, IntId(41)).unwrap().active);
}

#[test]
fn chk_10_7_non_secure_dir_ends_its_own_only() {
    let mut rig = Rig::new(1);
    rig.as_(EL3).set_ctlr_el3(7 << 2);
    rig.s(0x304, 0x700);
    for id in 40..43 {
        rig.as_(NON_SECURE).set_dir(id);
    }
    assert_eq!(rig.read_s(0x304), 0x500);
    rig.as_(SECURE).set_dir(40);
    assert_eq!(rig.read_s(0x304), 0x400);
}

#[test]
fn chk_10_10_end_in_the_wrong_state_is_ignored() {
    let mut rig = Rig::new(1);
    rig.pulse(42);
    assert_eq!(rig.as_(SECURE).iar1(), 42);
    rig.as_(NON_SECURE).set_eoir1(42);
    rig.as_(SECURE).set_eoir0(42);
    assert_eq!(rig.as_(SECURE).rpr(), 0x40);
    rig.as_(SECURE).set_eoir1(42);
    assert_eq!(rig.as_(SECURE).rpr(), 0xff);
}

// 11 and 12: signals, routing.

#[test]
fn chk_11_1_fiq_is_what_another_state_handles() {
    let mut rig = Rig::new(1);
    for (id, by) in [(40, [FIQ, FIQ, FIQ]), (42, [FIQ, IRQ, FIQ]), (41, [FIQ, FIQ, IRQ])] {
        rig.pulse(id);
        assert_eq!([EL3, SECURE, NON_SECURE].map(|who| rig.as_(who).signals()), by, "{id}");
        rig.s(0x284, 0x700);
    }
}

#[test]
fn chk_11_2_with_one_state_the_group_decides() {
    let mut rig = Rig::new(1);
    rig.s(0, 0x43);
    rig.pulse(41);
    assert_eq!([EL3, SECURE, NON_SECURE].map(|who| rig.as_(who).signals()), [IRQ; 3]);
    rig.pulse(40);
    assert_eq!([EL3, SECURE, NON_SECURE].map(|who| rig.as_(who).signals()), [FIQ; 3]);
}

#[test]
fn chk_12_2_e1nwf_wakes_a_pe() {
    let mut rig = Rig::new(1);
    rig.sr(0, 0x14, 2);
    rig.gicd[1].write(0x6000 + 8 * 41, AccessSize::Double, 1 << 31);
    rig.pulse(41);
    assert_eq!((rig.gic.describe(0, IntId(41)).unwrap().target, rig.pes[0].wake_request()), (None, false));
    rig.s(0, 0x87);
    assert_eq!((rig.gic.describe(0, IntId(41)).unwrap().target, rig.pes[0].wake_request()), (Some(0), true));
    rig.sr(0, 0x14, 0);
    assert_eq!(rig.as_(NON_SECURE).iar1(), 41);
}

/// By the writer's state and register, and the SGI (0: Group 0, 1: Non-secure Group 1, 2: Secure Group 1): from which
/// GICR_NSACR on it is generated; 9 is never.
#[test]
fn chk_12_5_which_sgi_may_be_generated() {
    let table = [
        (SECURE, 0, [0, 9, 9]),
        (SECURE, 1, [0, 9, 0]),
        (SECURE, 2, [9, 0, 9]),
        (NON_SECURE, 0, [1, 9, 9]),
        (NON_SECURE, 1, [1, 0, 2]),
        (NON_SECURE, 2, [1, 9, 2]),
    ];
    let mut rig = Rig::new(1);
    for (who, register, from) in table {
        for id in 0..3u64 {
            for nsacr in 0..3 {
                rig.sr(0, 0x10e00, nsacr * 0x15);
                rig.sr(0, 0x10280, !0);
                let it = rig.as_(who);
                let value = id << 24 | 1;
                match register {
                    0 => it.set_sgi0r(value),
                    1 => it.set_sgi1r(value),
                    _ => it.set_asgi1r(value),
                }
                let generated = rig.pending(0, id as u32);
                assert_eq!(generated, nsacr >= from[id as usize], "{who:?} register {register} SGI {id} NSACR {nsacr}");
            }
        }
    }
}

// 17 and what is UNPREDICTABLE: the modes.

#[test]
fn chk_17_2_relaxed_rwp_has_to_be_polled_for() {
    let delay = std::time::Duration::from_secs(3600);
    let rig = Rig::off(2, Features { fidelity: Fidelity::Relaxed(delay), ..Default::default() });
    rig.ns(0, 3);
    rig.ns(0x104, !0);
    assert_eq!(rig.read_ns(0) >> 31, 0, "opening is nothing to wait for");
    rig.ns(0x184, 1);
    assert_eq!((rig.read_ns(0) >> 31, rig.read_ns(0x104) & 1), (1, 0), "the bit reads back at once");
    assert_eq!(rig.read_nsr(0, 0) >> 3 & 1, 0);
    rig.nsr(0, 0x10180, 1);
    assert_eq!((rig.read_nsr(0, 0) >> 3 & 1, rig.read_nsr(1, 0) >> 3 & 1), (1, 0));
    assert_eq!(rig.read_nsr(0, 0x14), 6, "and is nothing that WAKER tells of");
    rig.nsr(1, 0x14, 0);
    assert_eq!(rig.read_nsr(1, 0x14), 4, "ChildrenAsleep follows");
    let short = std::time::Duration::from_nanos(1);
    let rig = Rig::off(1, Features { fidelity: Fidelity::Relaxed(short), ..Default::default() });
    rig.ns(0, 3);
    rig.ns(0, 0);
    std::thread::sleep(std::time::Duration::from_micros(10));
    assert_eq!(rig.read_ns(0), 0x50);
    rig.nsr(0, 0x14, 0);
    std::thread::sleep(std::time::Duration::from_micros(10));
    assert_eq!(rig.read_nsr(0, 0x14), 0);
}

/// What the reports are about, in the order of their registers.
fn reported(rig: &Rig) -> Vec<(&'static str, u64)> {
    rig.gic.reports().into_iter().map(|report| (report.register, report.times)).collect()
}

#[test]
fn strict_reports_what_is_unpredictable() {
    let features = Features { two_states: true, fidelity: Fidelity::Strict, ..Default::default() };
    let mut rig = Rig::off(1, features);
    rig.s(0, 7);
    rig.s(0x84, 0x600);
    rig.s(0x104, !0);
    rig.s(0xc08, !0);
    rig.sr(0, 0x14, 0);
    rig.s(0xc08, !0);
    let it = rig.as_(NON_SECURE);
    it.set_accessor(EL3);
    it.set_pmr(0xf8);
    it.set_igrpen1_el3(1);
    assert_eq!(reported(&rig), [("ICFGR", 1); 16], "enabled SPIs 32 to 47");
    rig.s(0x184, 1 << 8);
    rig.pulse(40);
    rig.s(0xc08, !(2 << 16));
    rig.s(0x6000 + 8 * 40, 0x55);
    rig.s(0x6000 + 8 * 40, 0);
    assert_eq!(reported(&rig), [("GICD_IROUTER", 1), ("ICFGR", 1)], "pending, and then with no PE to go to");
    rig.s(0x284, 1 << 8);
    rig.pulse(41);
    assert_eq!(rig.as_(NON_SECURE).iar1(), 41);
    rig.as_(EL3).set_eoir0(41);
    rig.as_(NON_SECURE).set_dir(41);
    rig.as_(NON_SECURE).set_eoir1(42);
    rig.as_(NON_SECURE).set_eoir1(42);
    rig.sr(0, 0x14, 2);
    rig.s(0, 0x47);
    let expect = ["GICD_CTLR", "GICR_WAKER", "ICC_DIR_EL1", "ICC_EOIR0_EL1", "ICC_EOIR1_EL1", "ICC_EOIR1_EL1"];
    assert_eq!(reported(&rig), expect.map(|register| (register, 1)));
    assert_eq!(reported(&rig), [], "told once");
}

#[test]
fn fast_reports_nothing() {
    let mut rig = Rig::new(1);
    rig.as_(EL3).set_eoir0(41);
    rig.s(0, 0x47);
    assert_eq!(reported(&rig), []);
}

#[test]
fn one_security_state_makes_an_irq_of_an_fiq_and_posts() {
    let attention = Arc::new(sync::Attention::new());
    let pe = PeSpec { affinity: Affinity::default(), attention: attention.clone() };
    let features = Features { two_states: true, ..Default::default() };
    let gic = Gic::new(GicSpec { spis: 32, pes: vec![pe], features, ..Default::default() }).unwrap();
    let (gicd, gicr) = (gic.distributor_for(Security::Secure), gic.redistributors_for(Security::Secure));
    let mut it = gic.cpu_interface(0);
    it.set_accessor(EL3);
    it.set_pmr(0xf8);
    it.set_igrpen1_el3(3);
    gicr.write(0x14, AccessSize::Word, 0);
    for (offset, value) in [(0, 3), (0x84, 1), (0x104, 1)] {
        gicd.write(offset, AccessSize::Word, value);
    }
    // At the priority that both states see as it is: nothing else changes with the states.
    gicd.write(0x420, AccessSize::Byte, 0x80);
    gic.set_spi(IntId(32), true);
    it.set_accessor(SECURE);
    assert_eq!((it.signals().fiq, it.signals().irq), (true, false));
    attention.take();
    gicd.write(0, AccessSize::Word, 0x43);
    assert_eq!((it.signals().fiq, it.signals().irq), (false, true));
    assert!(attention.is_set());
}
