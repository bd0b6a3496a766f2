//! The performance monitors as a program sees them: a cycle is a retired instruction, exactly.

mod common;

use a64::SysReg;
use armagic_interp::Interp;
use common::{CODE, load, pe, resume, run};
use hw::Leave;

const NOP: u32 = 0xd503_201f;
const SVC_5: u32 = 0xd400_00a1;
const MRS_X0_PMCCNTR: u32 = 0xd53b_9d00;
const MRS_X1_PMCCNTR: u32 = 0xd53b_9d01;
const SUB_X4_1: u32 = 0xd100_0484;
const CBNZ_X4_BACK_1: u32 = 0xb5ff_ffe4;
const UDF: u32 = 0;
const B_4K: u32 = 0x1400_0400;

const PMCR: SysReg = SysReg::new(3, 3, 9, 12, 0);
const CNTENSET: SysReg = SysReg::new(3, 3, 9, 12, 1);
const CCNTR: SysReg = SysReg::new(3, 3, 9, 13, 0);
const INTENSET: SysReg = SysReg::new(3, 0, 9, 14, 1);
const USERENR: SysReg = SysReg::new(3, 3, 9, 14, 0);
const CCFILTR: SysReg = SysReg::new(3, 3, 14, 15, 7);

fn set(pe: &mut Interp, reg: SysReg, v: u64) {
    assert_ne!(pe.cpu.write_sysreg(reg, v), Err(Leave::Exception), "{reg:?}");
}

/// A PE that counts cycles at all levels, which EL0 may read.
fn counting(program: &[u32]) -> Interp {
    let mut pe = pe();
    load(&pe, CODE, program);
    [(CNTENSET, 1 << 31), (PMCR, 1), (USERENR, 1)].iter().for_each(|(reg, v)| set(&mut pe, *reg, *v));
    pe
}

/// Cycles between two reads with `between` in between, at EL0.
#[track_caller]
fn check(between: &[u32], want: u64) {
    let program = [&[NOP, MRS_X0_PMCCNTR], between, &[MRS_X1_PMCCNTR, SVC_5]].concat();
    let mut pe = counting(&program);
    pe.cpu.regs.x[4] = 1000;
    resume(&mut pe, 0, CODE, false);
    run(&mut pe);
    assert_eq!(pe.cpu.regs.x[1] - pe.cpu.regs.x[0], want);
}

#[test]
fn reads_are_exact_wherever_they_are() {
    check(&[], 1);
    check(&[NOP; 7], 8);
    check(&[NOP; 2000], 2001);
    check(&[SUB_X4_1, CBNZ_X4_BACK_1], 2001);
}

/// SVC retires; what faults does not. The vector's HVC is EL1's.
#[test]
fn filters_see_each_level() {
    const NOT_EL1: u64 = 1 << 31;
    const NOT_EL0: u64 = 1 << 30;
    for (last, filter, want) in
        [(SVC_5, NOT_EL1, 4), (SVC_5, NOT_EL0, 1), (SVC_5, 0, 5), (UDF, NOT_EL1, 3), (UDF, NOT_EL0, 1)]
    {
        let mut pe = counting(&[NOP, NOP, NOP, last]);
        set(&mut pe, CCFILTR, filter);
        resume(&mut pe, 0, CODE, false);
        run(&mut pe);
        assert_eq!(pe.cpu.read_sysreg(CCNTR), Ok(want), "{last:08x} with {filter:#x}");
    }
}

/// EL0 without PMUSERENR: trapped, not retired.
#[test]
fn a_trapped_read_is_not_counted() {
    let mut pe = counting(&[NOP, MRS_X0_PMCCNTR]);
    set(&mut pe, USERENR, 0);
    set(&mut pe, CCFILTR, 1 << 31);
    resume(&mut pe, 0, CODE, false);
    let (class, iss, at) = run(&mut pe);
    // mrs x0, pmccntr_el0: op0 3, op1 3, CRn 9, CRm 13, op2 0, read
    assert_eq!((class, iss, at), (0x18, 3 << 20 | 3 << 14 | 9 << 10 | 13 << 1 | 1, 4));
    assert_eq!(pe.cpu.read_sysreg(CCNTR), Ok(1));
}

/// The overflow interrupts at the taken branch after it, also in a loop that never leaves its page.
#[track_caller]
fn check_overflow(program: &[u32], start: i64, want: (u64, i64)) {
    let mut pe = counting(program);
    load(&pe, CODE + 0x1008, &[NOP, SVC_5]);
    common::open_gic(&mut pe);
    set(&mut pe, INTENSET, 1 << 31);
    set(&mut pe, CCFILTR, 1 << 31);
    set(&mut pe, CCNTR, start as u64);
    pe.cpu.regs.x[4] = 200;
    resume(&mut pe, 0, CODE, false);
    let (_, _, at) = run(&mut pe);
    assert_eq!(pe.cpu.regs.pc & 0x7ff, 0x484, "an IRQ");
    assert_eq!((at, pe.cpu.read_sysreg(CCNTR).unwrap() as i64), want);
    assert_eq!(pe.cpu.read_sysreg(SysReg::new(3, 0, 12, 12, 0)), Ok(23));
}

#[test]
fn overflow_interrupts() {
    const B_SELF: u32 = 0x1400_0000;
    check_overflow(&[SUB_X4_1, CBNZ_X4_BACK_1, B_4K], -301, (0, 1));
    check_overflow(&[SUB_X4_1, CBNZ_X4_BACK_1, B_4K], -300, (0, 0));
    check_overflow(&[SUB_X4_1, CBNZ_X4_BACK_1, B_4K], -401, (0x1008, 0));
    check_overflow(&[B_SELF], -100_000, (0, 0));
    check_overflow(&[NOP, NOP, NOP, NOP, B_4K], -2, (0x1010, 3));
}
