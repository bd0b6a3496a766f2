//! What executing twice needs: a journal of stores, devices refused, and a count of instructions that is kept.

mod common;

use common::{CODE, DATA, VECTORS, load, pe};
use cpu::Written;
use hw::{AccessSize, Leave, PhysAddr};
use semantics::Done;

const STR_X1_X0: u32 = 0xf900_0001;
const STRB_W1_X0_3: u32 = 0x3900_0c01;
const STUR_X1_X0_4: u32 = 0xf800_4001;
const LDADD_X1_X2_X0: u32 = 0xf821_0002;
const STXR_W3_X1_X0: u32 = 0xc803_7c01;
const DC_ZVA_X0: u32 = 0xd50b_7420;
const LDR_X1_X0: u32 = 0xf940_0001;
const ISB: u32 = 0xd503_3fdf;
const NOP: u32 = 0xd503_201f;
const UDF: u32 = 0;

/// One instruction with X0 = `at`: the doublewords that it wrote, of which each held its own address.
#[track_caller]
fn check(word: u32, at: u64, want: &[u64]) {
    let mut pe = pe();
    load(&pe, CODE, &[word]);
    // The gigabyte of RAM as a block of Normal memory, accessed, global, at its own address.
    const TABLE: u64 = VECTORS + 0x4000;
    let block = VECTORS | 1 << 10 | 3 << 8 | 1;
    pe.cpu.shared.bus.write(PhysAddr(TABLE + 8), AccessSize::Double, block).unwrap();
    let sys = &mut pe.cpu.sys;
    (sys.mair[1], sys.ttbr0[1], sys.tcr[1]) = (0xff, TABLE, 25 | 2 << 32 | 1 << 23);
    sys.sctlr[1] |= 1;
    pe.cpu.refresh();
    let doubleword = |at| (PhysAddr(at), AccessSize::Double);
    for at in (DATA..DATA + 128).step_by(8) {
        pe.cpu.shared.bus.write(doubleword(at).0, doubleword(at).1, at).unwrap();
    }
    pe.cpu.regs.x[0] = at;
    // Known before there is a journal.
    pe.cpu.store(at & !63, hw::Access::plain(3), at & !63).unwrap();
    pe.cpu.keep_journal();
    assert_eq!(pe.run_exactly(1), (1, Ok(())));
    let want: Vec<Written> = want.iter().map(|at| Written { at: PhysAddr(*at), before: *at, pc: CODE }).collect();
    assert_eq!(pe.cpu.journal.unwrap().written, want);
}

#[test]
fn every_kind_of_store_is_noted() {
    check(STR_X1_X0, DATA, &[DATA]);
    check(STRB_W1_X0_3, DATA, &[DATA]);
    check(STUR_X1_X0_4, DATA, &[DATA, DATA + 8]);
    check(LDADD_X1_X2_X0, DATA + 8, &[DATA + 8]);
    check(STXR_W3_X1_X0, DATA + 8, &[DATA + 8]);
    check(DC_ZVA_X0, DATA + 64, &[0, 8, 16, 24, 32, 40, 48, 56].map(|i| DATA + 64 + i));
    check(LDR_X1_X0, DATA, &[]);
}

/// Runs `n` instructions of `words`: what came of it, and how far the PC went.
#[track_caller]
fn count(words: &[u32], x0: u64, n: u64, want: (u64, Done), instructions: u64) {
    let mut pe = pe();
    load(&pe, CODE, words);
    pe.cpu.keep_journal();
    pe.cpu.journal.as_mut().unwrap().refuses_devices = true;
    pe.cpu.regs.x[0] = x0;
    assert_eq!(pe.run_exactly(n), want);
    assert_eq!(((pe.cpu.regs.pc - CODE) / 4, pe.counts.instructions), (instructions, want.0));
}

#[test]
fn as_many_as_were_asked_for() {
    count(&[NOP, ISB, NOP, NOP], 0, 3, (3, Ok(())), 3);
    count(&[NOP, ISB, NOP, UDF], 0, 9, (4, Err(Leave::Exception)), 3);
}

#[test]
fn a_refused_device_is_not_accessed() {
    const GICD: u64 = 0x800_0000;
    count(&[NOP, STR_X1_X0], GICD, 2, (2, Ok(())), 1);
    count(&[NOP, LDR_X1_X0], GICD, 2, (2, Ok(())), 1);
}
