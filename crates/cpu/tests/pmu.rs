//! The performance monitors as registers: what counts, filters, overflow.

mod common;

use a64::SysReg;
use armagic_cpu::Vcpu;
use common::{open_gic, vcpu};
use hw::Leave;

const PMCR: SysReg = SysReg::new(3, 3, 9, 12, 0);
const CNTENSET: SysReg = SysReg::new(3, 3, 9, 12, 1);
const CNTENCLR: SysReg = SysReg::new(3, 3, 9, 12, 2);
const OVSCLR: SysReg = SysReg::new(3, 3, 9, 12, 3);
const SWINC: SysReg = SysReg::new(3, 3, 9, 12, 4);
const SELR: SysReg = SysReg::new(3, 3, 9, 12, 5);
const CCNTR: SysReg = SysReg::new(3, 3, 9, 13, 0);
const XEVTYPER: SysReg = SysReg::new(3, 3, 9, 13, 1);
const XEVCNTR: SysReg = SysReg::new(3, 3, 9, 13, 2);
const OVSSET: SysReg = SysReg::new(3, 3, 9, 14, 3);
const INTENSET: SysReg = SysReg::new(3, 0, 9, 14, 1);
const INTENCLR: SysReg = SysReg::new(3, 0, 9, 14, 2);
const CCFILTR: SysReg = SysReg::new(3, 3, 14, 15, 7);
const CYCLES: u64 = 1 << 31;
const E: u64 = 1;

const fn counter(n: u32) -> SysReg {
    SysReg::new(3, 3, 14, 8, n)
}

const fn kind(n: u32) -> SysReg {
    SysReg::new(3, 3, 14, 12, n)
}

fn set(c: &mut Vcpu, reg: SysReg, v: u64) {
    assert_ne!(c.write_sysreg(reg, v), Err(Leave::Exception), "{reg:?}");
}

/// Runs 100 instructions at EL0, SVC, 20 at EL1 with SWINC of all, and ERET.
fn work(c: &mut Vcpu) {
    c.regs.pstate.el = 0;
    c.retire(100);
    assert_eq!(c.svc(0), Err(Leave::Exception));
    c.take_exception();
    set(c, SWINC, 0x3f);
    c.retire(20);
    _ = c.eret();
    c.regs.pstate.el = 1;
}

/// Counter 2 set to `start` counts `event` through `work`: its value, and PMOVSSET.
#[track_caller]
fn check(event: u64, start: u64, control: u64, want: (u64, u64)) {
    let mut c = vcpu("neoverse-n1");
    set(&mut c, kind(2), event);
    set(&mut c, counter(2), start);
    set(&mut c, CNTENSET, 1 << 2);
    set(&mut c, PMCR, control);
    work(&mut c);
    let got = (c.read_sysreg(counter(2)).unwrap(), c.read_sysreg(OVSSET).unwrap());
    assert_eq!(got, want, "event {event:#x}");
}

#[test]
#[rustfmt::skip]
fn events() {
    const NOT_EL1: u64 = 1 << 31;
    const NOT_EL0: u64 = 1 << 30;
    //    event              start        PMCR   count   overflow
    check(0x08,              0,           E,     (120,   0));
    check(0x11,              0,           E,     (120,   0));
    check(0x08,              0,           0,     (0,     0));
    check(0x08 | NOT_EL1,    0,           E,     (100,   0));
    check(0x08 | NOT_EL0,    0,           E,     (20,    0));
    check(0x08 | NOT_EL0 | NOT_EL1, 0,    E,     (0,     0));
    check(0x00,              5,           E,     (6,     0));
    check(NOT_EL1,    5,           E,     (5,     0));
    check(NOT_EL0,    5,           E,     (6,     0));
    check(0x09,              0,           E,     (1,     0));
    check(0x0a,              0,           E,     (1,     0));
    check(0x0a | NOT_EL1,    0,           E,     (0,     0));
    // Not implemented: never counts. 16 bits of event number, so this is not 0x08.
    check(0x21,              7,           E,     (7,     0));
    check(0x8008,            7,           E,     (7,     0));
    check(0x08,              0xffff_ffff, E,     (119,   4));
    check(0x08,              0xffff_ff87, E,     (0xffff_ffff, 0));
    check(0x08,              0xffff_ff88, E,     (0,     4));
    check(0x00,              0xffff_ffff, E,     (0,     4));
}

#[test]
fn the_cycle_counter_has_64_bits() {
    let mut c = vcpu("neoverse-n1");
    set(&mut c, CCNTR, 0xffff_ffff);
    set(&mut c, CNTENSET, CYCLES);
    set(&mut c, PMCR, E);
    work(&mut c);
    assert_eq!((c.read_sysreg(CCNTR), c.read_sysreg(OVSSET)), (Ok(0xffff_ffff + 120), Ok(0)));
    set(&mut c, CCFILTR, 1 << 30);
    set(&mut c, CCNTR, !0 - 19);
    work(&mut c);
    assert_eq!((c.read_sysreg(CCNTR), c.read_sysreg(OVSSET)), (Ok(0), Ok(CYCLES)));
    // Reset by PMCR.C, not by P, and the flag stays.
    set(&mut c, CCNTR, 9);
    set(&mut c, counter(0), 9);
    set(&mut c, PMCR, 2);
    assert_eq!((c.read_sysreg(CCNTR), c.read_sysreg(counter(0))), (Ok(9), Ok(0)));
    set(&mut c, PMCR, 4);
    assert_eq!((c.read_sysreg(CCNTR), c.read_sysreg(OVSSET)), (Ok(0), Ok(CYCLES)));
    assert_eq!(c.read_sysreg(PMCR), Ok(6 << 11 | 1 << 6));
}

#[test]
fn an_odd_counter_continues_an_even_one() {
    let mut c = vcpu("neoverse-n1");
    for (n, event, start) in [(0, 0x08, 0xffff_ffff), (1, 0x1e, 0xffff_ffff), (2, 0x1e, 0), (3, 0x1e, 0)] {
        set(&mut c, kind(n), event);
        set(&mut c, counter(n), start);
    }
    set(&mut c, CNTENSET, 0xf);
    set(&mut c, PMCR, E);
    work(&mut c);
    let counts = [0, 1, 2, 3].map(|n| c.read_sysreg(counter(n)).unwrap());
    assert_eq!((counts, c.read_sysreg(OVSSET)), ([119, 0, 0, 0], Ok(3)));
    // Disabled, it does not.
    set(&mut c, CNTENCLR, 2);
    set(&mut c, counter(0), 0xffff_ffff);
    work(&mut c);
    assert_eq!(c.read_sysreg(counter(1)), Ok(0));
}

/// PMSELR: events, the cycle counter's filter, and nothing.
#[test]
fn selection() {
    let mut c = vcpu("neoverse-n1");
    for (select, kind_read, count_read) in [(3, 0xc000_1234, 77), (31, 0xc000_0000, 0), (6, 0, 0), (30, 0, 0)] {
        set(&mut c, SELR, select);
        set(&mut c, XEVTYPER, 0xffff_ffff_c000_1234);
        set(&mut c, XEVCNTR, 77);
        assert_eq!((c.read_sysreg(XEVTYPER), c.read_sysreg(XEVCNTR)), (Ok(kind_read), Ok(count_read)), "{select}");
    }
    assert_eq!((c.read_sysreg(kind(3)), c.read_sysreg(counter(3))), (Ok(0xc000_1234), Ok(77)));
    assert_eq!((c.read_sysreg(CCFILTR), c.read_sysreg(CCNTR)), (Ok(0xc000_0000), Ok(0)));
    set(&mut c, CNTENSET, !0);
    assert_eq!((c.read_sysreg(CNTENSET), c.read_sysreg(CNTENCLR)), (Ok(0x8000_003f), Ok(0x8000_003f)));
}

/// PPI 23 is a level: overflow and enable and PMCR.E.
#[test]
fn the_overflow_interrupt() {
    let mut c = vcpu("neoverse-n1");
    open_gic(&mut c, 0);
    c.regs.pstate.daif = 0;
    set(&mut c, kind(0), 0x08);
    set(&mut c, counter(0), 0xffff_ff00);
    set(&mut c, CNTENSET, 1);
    set(&mut c, INTENSET, 1);
    set(&mut c, PMCR, E);
    c.retire(0xff);
    assert!(!c.interrupt_waits());
    c.retire(1);
    assert!(c.interrupt_waits());
    for (reg, v, level) in [
        (INTENCLR, 1, false),
        (INTENSET, 1, true),
        (PMCR, 0, false),
        (PMCR, E, true),
        (OVSCLR, 2, true),
        (OVSCLR, 1, false),
        (OVSSET, 1, true),
    ] {
        set(&mut c, reg, v);
        assert_eq!(c.interrupt_waits(), level, "{reg:?} = {v}");
    }
    assert!(c.take_interrupts());
    assert_eq!(c.read_sysreg(SysReg::new(3, 0, 12, 12, 0)), Ok(23));
    c.reset();
    assert_eq!((c.read_sysreg(PMCR), c.read_sysreg(OVSSET)), (Ok(6 << 11 | 1 << 6), Ok(0)));
}
