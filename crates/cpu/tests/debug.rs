//! Breakpoints and software step as the PE decides them; engines' part is in their own tests.

mod common;

use a64::SysReg;
use armagic_cpu::{Pstate, Vcpu};
use common::vcpu;
use hw::Leave;

const PC: u64 = 0x4000_1000;
const MDSCR: SysReg = SysReg::new(2, 0, 0, 2, 2);
const OSLAR: SysReg = SysReg::new(2, 0, 1, 0, 4);
const SS: u64 = 1 << 0;
const KDE: u64 = 1 << 13;
const MDE: u64 = 1 << 15;

fn set(c: &mut Vcpu, reg: SysReg, v: u64) {
    assert_ne!(c.write_sysreg(reg, v), Err(Leave::Exception), "{reg:?}");
}

/// DBGBVR`n` and DBGBCR`n`.
fn set_breakpoint(c: &mut Vcpu, n: u32, value: u64, control: u64) {
    set(c, SysReg::new(2, 0, 0, n, 4), value);
    set(c, SysReg::new(2, 0, 0, n, 5), control);
}

/// At `PC` in EL`el` with PSTATE.DAIF `daif`, the OS lock open.
fn at(el: u8, daif: u8, mdscr: u64) -> Vcpu {
    let mut c = vcpu("neoverse-n1");
    set(&mut c, OSLAR, 0);
    set(&mut c, MDSCR, mdscr);
    c.sys.elr[1] = PC;
    c.sys.spsr[1] = Pstate { el, sp_elx: el == 1, daif, ..Pstate::reset(1) }.to_spsr(0);
    assert_eq!(c.eret(), Err(Leave::Resync));
    c
}

/// DBGBCR: enabled, at `pmc`, of type `bt`, linked to `lbn`.
const fn control(pmc: u64, bt: u64, lbn: u64) -> u64 {
    bt << 20 | lbn << 16 | pmc << 1 | 1
}

/// Sets breakpoints (number, value, control) with CONTEXTIDR_EL1 0x1234; who is stopped at `PC`: EL0, EL1?
#[track_caller]
fn check(breakpoints: &[(u32, u64, u64)], want: [bool; 2]) {
    let got = [0, 1].map(|el| {
        let mut c = at(1, 0, MDE | KDE);
        breakpoints.iter().for_each(|&(n, value, control)| set_breakpoint(&mut c, n, value, control));
        set(&mut c, SysReg::new(3, 0, 13, 0, 1), 0x1234);
        c.sys.elr[1] = PC;
        c.sys.spsr[1] = Pstate { el, sp_elx: el == 1, daif: 0, ..Pstate::reset(1) }.to_spsr(0);
        _ = c.eret();
        let stopped = c.check_breakpoints() == Err(Leave::Exception);
        assert!(!stopped || c.is_debugged() && c.debugs_page(PC & !0xfff), "engines would not have asked");
        if stopped {
            c.take_exception();
            assert_eq!(
                (c.sys.esr[1] >> 25, c.sys.esr[1] & 0x1ff_ffff, c.sys.elr[1]),
                (0x61 + 2 * u64::from(el), 0x22, PC)
            );
        }
        stopped
    });
    assert_eq!(got, want, "{breakpoints:x?}");
}

#[test]
#[rustfmt::skip]
fn breakpoints() {
    const NO: [bool; 2] = [false, false];
    //      n  DBGBVR       DBGBCR                      EL0    EL1
    check(&[(0, PC,         control(3, 0, 0))],         [true,  true]);
    check(&[(5, PC,         control(2, 0, 0))],         [true,  false]);
    check(&[(3, PC,         control(1, 0, 0))],         [false, true]);
    check(&[(0, PC,         control(0, 0, 0))],         NO);
    check(&[(0, PC,         control(3, 0, 0) & !1)],    NO);
    check(&[(0, PC + 4,     control(3, 0, 0))],         NO);
    check(&[(0, PC - 4,     control(3, 0, 0))],         NO);
    // Bits above the address are not compared.
    check(&[(0, PC | 0xfe << 48, control(3, 0, 0))],    [true,  true]);
    check(&[(0, PC | 1 << 48,    control(3, 0, 0))],    NO);
    // BAS is RES1.
    check(&[(0, PC,         control(3, 0, 0) | 3 << 5)], [true, true]);
    // HMC and SSC name levels that are not there.
    check(&[(0, PC,         control(3, 0, 0) | 1 << 13)], NO);
    check(&[(0, PC,         control(3, 0, 0) | 1 << 14)], NO);
    // Contexts: only the last two can, and only a linked one serves others.
    check(&[(4, 0x1234,     control(3, 2, 0))],         [true,  true]);
    check(&[(5, 0x1234,     control(2, 2, 0))],         [true,  false]);
    check(&[(5, 0x1235,     control(3, 2, 0))],         NO);
    check(&[(3, 0x1234,     control(3, 2, 0))],         NO);
    check(&[(4, 0x1234,     control(3, 3, 0))],         NO);
    check(&[(0, PC, control(3, 1, 4)), (4, 0x1234, control(0, 3, 0))],      [true, true]);
    check(&[(0, PC, control(3, 1, 4)), (4, 0x1230, control(0, 3, 0))],      NO);
    check(&[(0, PC, control(3, 1, 5)), (4, 0x1234, control(0, 3, 0))],      NO);
    check(&[(0, PC, control(3, 1, 4)), (4, 0x1234, control(0, 3, 0) & !1)], NO);
    check(&[(0, PC, control(3, 1, 9)), (4, 0x1234, control(0, 3, 0))],      NO);
    // Types of levels and identifiers that are not there.
    check(&[(5, PC,         control(3, 8, 0))],         NO);
    check(&[(5, PC,         control(3, 4, 0))],         NO);
}

/// Nobody is asked unless something is enabled and possible at this Exception level.
#[test]
#[rustfmt::skip]
fn nothing_is_asked_when_nothing_is_enabled() {
    let step = |el, daif, mdscr| at(el, daif, mdscr).is_debugged();
    assert!(!step(0, 0, 0));
    assert!(!step(0, 0, MDE | KDE));
    assert!(step(0, 0, SS));
    assert!(!step(1, 0, SS));
    assert!(step(1, 0, SS | KDE));
    assert!(!step(1, 8, SS | KDE));
    assert!(step(0, 8, SS | KDE));
    // Unmasking D is followed by a look.
    let mut c = at(1, 8, SS | KDE);
    let pc = c.regs.pc;
    assert_eq!((c.write_pstate(a64::PstateField::DaifClr, 8), c.regs.pc), (Err(Leave::Resync), pc + 4));
    assert!(c.is_debugged());
    set(&mut c, OSLAR, 1);
    assert!(!c.is_debugged());
}

/// ERET at EL1 with `mdscr` and D `masked`, SPSR.SS set, to `el` with D `target_masked`: PSTATE.SS?
#[track_caller]
fn check_return(mdscr: u64, masked: bool, el: u8, target_masked: bool, want: bool) {
    let daif = |masked| if masked { Pstate::D } else { 0 };
    let mut c = at(1, daif(masked), mdscr & !SS);
    c.sys.mdscr |= mdscr & SS;
    c.debug_changed();
    let spsr = Pstate { el, sp_elx: el == 1, ss: true, daif: daif(target_masked), ..Pstate::reset(1) };
    c.sys.spsr[1] = spsr.to_spsr(0);
    _ = c.eret();
    assert_eq!(c.regs.pstate.ss, want);
}

#[test]
#[rustfmt::skip]
fn exception_returns() {
    //           MDSCR     D      to D      SS
    check_return(SS,       true,  0, false, true);
    check_return(SS,       true,  0, true,  true);
    check_return(SS,       false, 0, false, true);
    check_return(0,        true,  0, false, false);
    // Back to EL1: only if it can be debugged there and could not be here.
    check_return(SS,       true,  1, false, false);
    check_return(SS | KDE, true,  1, false, true);
    check_return(SS | KDE, true,  1, true,  false);
    check_return(SS | KDE, false, 1, false, false);
    check_return(SS | KDE, false, 0, false, false);
}
