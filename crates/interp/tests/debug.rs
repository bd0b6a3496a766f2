//! A guest that debugs itself: single steps, breakpoints and watchpoints through the run loop.

mod common;

use a64::SysReg;
use armagic_interp::Interp;
use common::{CODE, DATA, load, pe, resume, run};
use hw::{IntId, Leave};

const NOP: u32 = 0xd503_201f;
const LDXR_X0_X1: u32 = 0xc85f_7c20;
const LDAXR_X0_X1: u32 = 0xc85f_fc20;
const LDXP_X0_X2_X1: u32 = 0xc87f_0820;
const STXR_W2_X0_X1: u32 = 0xc802_7c20;
const CASP_X2_X3_X4_X5_X1: u32 = 0x4822_7c24;
const LDAR_X0_X1: u32 = 0xc8df_fc20;
const LDR_X0_X1: u32 = 0xf940_0020;
const STRB_W2_X1_3: u32 = 0x3900_0c22;
const SVC_5: u32 = 0xd400_00a1;
const BRK_7: u32 = 0xd420_00e0;
const UDF: u32 = 0;
const B_SELF: u32 = 0x1400_0000;
const DAIFSET_8: u32 = 0xd503_48df;
const DAIFCLR_8: u32 = 0xd503_48ff;
const WFE: u32 = 0xd503_205f;

const SS: u64 = 1 << 0;
const KDE: u64 = 1 << 13;
const MDE: u64 = 1 << 15;
const LOWER_STEP: u64 = 0x32;
const SAME_STEP: u64 = 0x33;
/// ISS: the stepped instruction is known (ISV), and was a Load-Exclusive (EX).
const STEPPED: u64 = 1 << 24 | 0x22;
const STEPPED_EXCLUSIVE: u64 = STEPPED | 1 << 6;
const NOT_STEPPED: u64 = 0x22;

fn set(pe: &mut Interp, reg: SysReg, v: u64) {
    assert_ne!(pe.cpu.write_sysreg(reg, v), Err(Leave::Exception), "{reg:?}");
}

/// A PE with `program`, X1 at data, and debug exceptions as `mdscr` says.
fn debugged(program: &[u32], mdscr: u64) -> Interp {
    let mut pe = pe();
    load(&pe, CODE, program);
    pe.cpu.regs.x[1] = DATA;
    set(&mut pe, SysReg::new(2, 0, 1, 0, 4), 0);
    // While D is set: ERET shall enable.
    pe.cpu.regs.pstate.daif = 0xf;
    set(&mut pe, SysReg::new(2, 0, 0, 2, 2), mdscr);
    pe
}

/// Steps `insn` at EL`el`: exception class, ISS and return offset; and SPSR.SS, with which it is resumed.
#[track_caller]
fn check(el: u8, insn: u32, want: (u64, u64, u64), ss: bool) {
    let mut pe = debugged(&[insn, NOP], SS | KDE);
    resume(&mut pe, el, CODE, true);
    assert_eq!(run(&mut pe), want, "{insn:08x}");
    assert_eq!(pe.cpu.sys.spsr[1] >> 21 & 1 != 0, ss, "{insn:08x}: SPSR.SS");
}

#[test]
#[rustfmt::skip]
fn steps() {
    //       instruction          class       ISS                return SPSR.SS
    check(0, NOP,                 (LOWER_STEP, STEPPED,           4), false);
    check(0, B_SELF,              (LOWER_STEP, STEPPED,           0), false);
    check(0, LDXR_X0_X1,          (LOWER_STEP, STEPPED_EXCLUSIVE, 4), false);
    check(0, LDAXR_X0_X1,         (LOWER_STEP, STEPPED_EXCLUSIVE, 4), false);
    check(0, LDXP_X0_X2_X1,       (LOWER_STEP, STEPPED_EXCLUSIVE, 4), false);
    check(0, STXR_W2_X0_X1,       (LOWER_STEP, STEPPED,           4), false);
    check(0, CASP_X2_X3_X4_X5_X1, (LOWER_STEP, STEPPED,           4), false);
    check(0, LDAR_X0_X1,          (LOWER_STEP, STEPPED,           4), false);
    // A call is stepped, and its exception taken; what will be tried again is not stepped yet.
    check(0, SVC_5,               (0x15,       5,                 4), false);
    check(0, BRK_7,               (0x3c,       7,                 0), true);
    check(0, UDF,                 (0x00,       0,                 0), true);
    check(1, NOP,                 (SAME_STEP,  STEPPED,           4), false);
    check(1, LDXR_X0_X1,          (SAME_STEP,  STEPPED_EXCLUSIVE, 4), false);
    check(1, SVC_5,               (0x15,       5,                 4), false);
}

/// From active-pending, nothing is executed.
#[test]
fn a_pending_step_is_taken_at_once() {
    let mut pe = debugged(&[NOP, NOP], SS);
    resume(&mut pe, 0, CODE, false);
    assert_eq!(run(&mut pe), (LOWER_STEP, NOT_STEPPED, 0));
}

/// A program stepped from end to end executes every instruction once.
#[test]
fn one_by_one() {
    const ADD_X0_1: u32 = 0x9100_0400;
    let mut pe = debugged(&[ADD_X0_1; 5], SS);
    for i in 1..=5 {
        resume(&mut pe, 0, CODE + 4 * (i - 1), true);
        assert_eq!(run(&mut pe), (LOWER_STEP, STEPPED, 4 * i));
        assert_eq!(pe.cpu.regs.x[0], i);
    }
}

/// An interrupt between step and exception: the step is pending when it returns, but not known any more.
#[test]
fn interrupts_come_between() {
    let mut pe = debugged(&[NOP, NOP], SS);
    common::open_gic(&mut pe);
    resume(&mut pe, 0, CODE, true);
    pe.cpu.shared.gic.set_ppi(0, IntId::ppi(4), true);
    // Not stepped yet: the interrupt comes first, and SPSR.SS says so.
    let (_, _, at) = run(&mut pe);
    assert_eq!((at, pe.cpu.sys.spsr[1] >> 21 & 1, pe.cpu.regs.pc & 0x7ff), (0, 1, 0x484));
}

/// At EL1 the step ends where PSTATE.D is set, and goes on where it is cleared.
#[test]
fn masking_suspends() {
    let mut pe = debugged(&[DAIFSET_8, NOP, NOP, DAIFCLR_8, NOP], SS | KDE);
    resume(&mut pe, 1, CODE, true);
    // Stepped away while setting D; nothing more until D is cleared, and then the step is pending.
    assert_eq!(run(&mut pe), (SAME_STEP, STEPPED, 16));
}

/// WFE that does not wait is one step like any other.
#[test]
fn waiting_is_stepped() {
    let mut pe = debugged(&[WFE, NOP], SS);
    pe.cpu.sys.sctlr[1] |= 1 << 18 | 1 << 16;
    resume(&mut pe, 0, CODE, true);
    assert!(pe.cpu.event, "ERET leaves an event");
    assert_eq!(run(&mut pe), (LOWER_STEP, STEPPED, 4));
}

#[test]
fn breakpoints_stop_before_the_instruction() {
    let mut pe = debugged(&[NOP, NOP, NOP, B_SELF], MDE);
    set(&mut pe, SysReg::new(2, 0, 0, 2, 4), CODE + 8);
    set(&mut pe, SysReg::new(2, 0, 0, 2, 5), 0x1e5); // EL0
    resume(&mut pe, 0, CODE, false);
    let before = pe.counts.instructions;
    assert_eq!(run(&mut pe), (0x30, 0x22, 8));
    // Two, and the HVC of the vector.
    assert_eq!(pe.counts.instructions - before, 3);
    // At EL1 it does not match.
    load(&pe, CODE + 12, &[SVC_5]);
    resume(&mut pe, 1, CODE, false);
    assert_eq!(run(&mut pe), (0x15, 5, 16));
}

/// A breakpoint elsewhere in the page, in another page, and the page after it.
#[test]
fn breakpoints_are_found_from_other_pages() {
    const B_4K: u32 = 0x1400_0400;
    let mut pe = debugged(&[B_4K, NOP], MDE);
    load(&pe, CODE + 0x1000, &[NOP, NOP, BRK_7]);
    set(&mut pe, SysReg::new(2, 0, 0, 0, 5), 0x1e5);
    for (at, want) in [
        (CODE, (0x30, 0x22, 0)),
        (CODE + 0x1004, (0x30, 0x22, 0x1004)),
        (CODE + 0x1ffc, (0x3c, 7, 0x1008)),
        (CODE + 0x2000, (0x3c, 7, 0x1008)),
    ] {
        set(&mut pe, SysReg::new(2, 0, 0, 0, 4), at);
        resume(&mut pe, 0, CODE, false);
        assert_eq!(run(&mut pe), want, "breakpoint at {at:#x}");
    }
}

/// The debugger's way past a breakpoint: disable, step, enable.
#[test]
fn past_a_breakpoint() {
    let mut pe = debugged(&[NOP, NOP, BRK_7], MDE);
    set(&mut pe, SysReg::new(2, 0, 0, 0, 4), CODE);
    set(&mut pe, SysReg::new(2, 0, 0, 0, 5), 0x1e5);
    resume(&mut pe, 0, CODE, false);
    assert_eq!(run(&mut pe), (0x30, 0x22, 0));
    set(&mut pe, SysReg::new(2, 0, 0, 2, 2), SS);
    resume(&mut pe, 0, CODE, true);
    assert_eq!(run(&mut pe), (LOWER_STEP, STEPPED, 4));
    set(&mut pe, SysReg::new(2, 0, 0, 2, 2), MDE);
    resume(&mut pe, 0, CODE + 4, false);
    assert_eq!(run(&mut pe), (0x3c, 7, 8));
}

#[test]
fn watchpoints_stop_at_the_instruction() {
    let mut pe = debugged(&[LDR_X0_X1, STRB_W2_X1_3, BRK_7], MDE);
    pe.cpu.regs.x[2] = 9;
    set(&mut pe, SysReg::new(2, 0, 0, 3, 6), DATA);
    set(&mut pe, SysReg::new(2, 0, 0, 3, 7), 1 | 2 << 1 | 2 << 3 | 1 << (5 + 3)); // EL0, stores, byte 3
    resume(&mut pe, 0, CODE, false);
    assert_eq!(run(&mut pe), (0x34, 0x62, 4));
    assert_eq!((pe.cpu.sys.far[1], pe.cpu.load(DATA, hw::Access::plain(3))), (DATA + 3, Ok(0)));
    set(&mut pe, SysReg::new(2, 0, 0, 2, 2), 0);
    resume(&mut pe, 0, CODE + 4, false);
    assert_eq!(run(&mut pe), (0x3c, 7, 8));
    assert_eq!(pe.cpu.load(DATA, hw::Access::plain(3)), Ok(9 << 24));
}
