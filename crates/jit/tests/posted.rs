//! A program that enables an interrupt sees it enabled after DSB, and not before, where the GIC is not in a hurry: with both
//! engines, and whatever kind of barrier it is.
#![cfg(all(target_arch = "x86_64", target_os = "linux"))]

mod board;

use armagic_jit::{Jit, Options};
use board::{GICD, GICR, RAM, board_with, poke, vcpu};
use cpu::{Exit, Shared, Vcpu};
use gic::{Features, Fidelity, Frame};
use hw::{AccessSize, IntId, PhysAddr};
use interp::Interp;
use std::sync::Arc;
use std::time::Duration;

const CODE: u64 = RAM + 0x10_0000;
/// Nothing comes by itself.
const NEVER: Fidelity = Fidelity::Relaxed(Duration::from_secs(3600));
const SPI: IntId = IntId(40);
const SPURIOUS: u64 = 1023;
/// Often enough that it is compiled.
const TURNS: u32 = 6;

const DMB_SY: u32 = 0xd503_3fbf;
const DSB_LD: u32 = 0xd503_3d9f;
const DSB_ST: u32 = 0xd503_3e9f;
const DSB_ISHST: u32 = 0xd503_3a9f;
const DSB_SY: u32 = 0xd503_3f9f;
const SSBB: u32 = 0xd503_309f;
const LDR_GICD_CTLR: u32 = 0xb940_0287; // ldr w7, [x20]
const LDR_GICR_CTLR: u32 = 0xb940_02a7; // ldr w7, [x21]

/// A PE whose interface is open, and an interrupt that waits for nothing but GICD_ISENABLER.
fn machine(fidelity: Fidelity, between: &[u32]) -> (Arc<Shared>, Vcpu) {
    let shared = board_with(1, Features { fidelity, ..Features::default() });
    for (at, v) in [(GICD, 2), (GICD + 0x84, !0), (GICR + 0x14, 0)] {
        shared.bus.write(PhysAddr(at), AccessSize::Word, v).unwrap();
    }
    shared.gic.set_spi(SPI, true);
    let mut words = vec![
        0xb901_0681, // str w1, [x20, #0x104]
        0xd538_cc42, // mrs x2, icc_hppir1_el1
    ];
    words.extend(between);
    words.extend([
        0xd503_3fdf, // isb
        0xd538_cc43, // mrs x3, icc_hppir1_el1
        0xd400_0002, // hvc #0
    ]);
    poke(&shared, CODE, &words);
    let mut cpu = vcpu(&shared, 0, 1 << 12 | 1);
    (cpu.regs.x[20], cpu.regs.x[21], cpu.regs.x[1]) = (GICD, GICR, 1 << 8);
    cpu.gic.set_pmr(0xff);
    cpu.gic.set_igrpen1(1);
    (shared, cpu)
}

/// What ICC_HPPIR1_EL1 reads after the write, and after `between`, each turn.
fn turns(shared: &Shared, mut turn: impl FnMut() -> [u64; 2]) -> Vec<[u64; 2]> {
    let one = |_| {
        shared.gic.raw_write(Frame::Distributor, 0x104, 0);
        turn()
    };
    (0..TURNS).map(one).collect()
}

fn interpreted(fidelity: Fidelity, between: &[u32]) -> Vec<[u64; 2]> {
    let (shared, cpu) = machine(fidelity, between);
    let mut interp = Interp::new(cpu);
    turns(&shared, || {
        interp.cpu.regs.pc = CODE;
        assert_eq!(interp.run(), Exit::Firmware);
        [interp.cpu.regs.x[2], interp.cpu.regs.x[3]]
    })
}

fn compiled(fidelity: Fidelity, between: &[u32]) -> Vec<[u64; 2]> {
    let (shared, cpu) = machine(fidelity, between);
    let mut jit = Jit::with(cpu, &Options { hot: 1, ..Options::default() }).unwrap();
    let seen = turns(&shared, || {
        jit.interp.cpu.regs.pc = CODE;
        assert_eq!(jit.run(), Exit::Firmware);
        [jit.interp.cpu.regs.x[2], jit.interp.cpu.regs.x[3]]
    });
    assert!(jit.counts.entries > 1, "nothing was compiled");
    seen
}

#[track_caller]
fn check(fidelity: Fidelity, between: &[u32], want: [u64; 2]) {
    assert_eq!(interpreted(fidelity, between), vec![want; TURNS as usize], "interpreted");
    assert_eq!(compiled(fidelity, between), vec![want; TURNS as usize], "compiled");
}

#[test]
fn chk_17_1_a_dsb_that_waits_for_stores_waits_for_the_gic() {
    for dsb in [DSB_SY, DSB_ST, DSB_ISHST] {
        check(NEVER, &[dsb], [SPURIOUS, 40]);
    }
}

#[test]
fn chk_17_1_other_barriers_do_not() {
    check(NEVER, &[DMB_SY, DSB_LD, SSBB], [SPURIOUS; 2]);
    // They do not take from the next DSB what it has to wait for.
    check(NEVER, &[DMB_SY, DSB_LD, SSBB, DSB_SY], [SPURIOUS, 40]);
}

#[test]
fn chk_17_1_a_read_of_the_frame_comes_after_it_and_of_another_does_not() {
    check(NEVER, &[LDR_GICD_CTLR], [SPURIOUS, 40]);
    check(NEVER, &[LDR_GICR_CTLR], [SPURIOUS; 2]);
}

#[test]
fn otherwise_it_is_enabled_at_once() {
    check(Fidelity::Fast, &[], [40; 2]);
    check(Fidelity::Strict, &[], [40; 2]);
}

/// What a PE wrote before it stops is there for those that go on.
#[test]
fn a_pe_that_stops_has_written() {
    let (shared, cpu) = machine(NEVER, &[]);
    let mut interp = Interp::new(cpu);
    interp.cpu.regs.pc = CODE;
    assert_eq!(interp.run(), Exit::Firmware);
    assert!(!shared.gic.describe(0, SPI).unwrap().enabled);
    interp.cpu.park();
    assert!(shared.gic.describe(0, SPI).unwrap().enabled);
}
