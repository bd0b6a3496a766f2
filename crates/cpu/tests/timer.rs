//! The generic timers: arithmetic on given times, and their wires.

mod common;

use a64::SysReg;
use armagic_cpu::Timers;
use armagic_cpu::timer::Which::{self, Physical, Virtual};
use common::{open_gic, vcpu};
use hw::Leave;

const CTL: SysReg = SysReg::new(3, 3, 14, 3, 1);
const CVAL: SysReg = SysReg::new(3, 3, 14, 3, 2);
const TVAL: SysReg = SysReg::new(3, 3, 14, 3, 0);
const IAR1: SysReg = SysReg::new(3, 0, 12, 12, 0);
const SPURIOUS: u64 = 1023;

/// A timer with CVAL `cval` and CTL `ctl`, virtual offset 1000, at time `now`: (CTL, TVAL, line, deadline).
#[track_caller]
fn check(which: Which, cval: u64, ctl: u64, now: u64, want: (u64, u64, bool, Option<u64>)) {
    let mut t = Timers::default();
    t.offset = 1000;
    t.set_cval(which, cval);
    t.set_ctl(which, ctl);
    let got = (t.ctl(which, now), t.tval(which, now), t.line(which, now), t.next_deadline_ns(now));
    assert_eq!(got, want, "{which:?} CVAL={cval} CTL={ctl} at {now}");
}

#[test]
#[rustfmt::skip]
fn conditions() {
    //    timer     CVAL  CTL   now     CTL  TVAL         line   deadline
    check(Physical, 5000, 0b01, 4999,  (0b001, 1,           false, Some(5000)));
    check(Physical, 5000, 0b01, 5000,  (0b101, 0,           true,  Some(5000)));
    check(Physical, 5000, 0b01, 5001,  (0b101, 0xffff_ffff, true,  Some(5001)));
    check(Physical, 5000, 0b11, 5001,  (0b111, 0xffff_ffff, false, None));
    check(Physical, 5000, 0b11, 4999,  (0b011, 1,           false, None));
    check(Physical, 5000, 0b00, 5001,  (0b000, 0xffff_ffff, false, None));
    check(Physical, 5000, 0b10, 5001,  (0b010, 0xffff_ffff, false, None));
    check(Virtual,  5000, 0b01, 5999,  (0b001, 1,           false, Some(6000)));
    check(Virtual,  5000, 0b01, 6000,  (0b101, 0,           true,  Some(6000)));
    // Comparison is unsigned: the largest CVAL never comes, and the deadline does not wrap.
    check(Physical, !0,   0b01, 7,     (0b001, 0xffff_fff8, false, Some(!0)));
    check(Virtual,  !0,   0b01, 2000,  (0b001, 0xffff_fc17, false, Some(!0)));
    // Before the offset the virtual count is huge, as the subtraction says.
    check(Virtual,  5000, 0b01, 10,    (0b101, 0x1770 - 10, true,  Some(10)));
    // Other bits of CTL are not there.
    check(Physical, 5000, !0,   1,     (0b011, 4999,        false, None));
}

/// TVAL written `v` at `now` gives CVAL: 32 bits, signed.
#[test]
fn tval_is_signed() {
    let mut t = Timers::default();
    t.offset = 1000;
    for (which, v, now, cval) in [
        (Physical, 100, 5000, 5100),
        (Virtual, 100, 5000, 4100),
        (Physical, 0xffff_ffff, 5000, 4999),
        (Physical, 0x8000_0000, 0x1_0000_0000, 0x8000_0000),
        (Physical, 0xdead_0000_0000_0001, 5000, 5001),
        (Physical, 0xffff_ffff, 0, !0),
    ] {
        t.set_tval(which, v, now);
        assert_eq!(t.cval(which), cval, "{which:?} TVAL={v:#x} at {now}");
    }
}

#[test]
fn the_earlier_of_two_deadlines() {
    let mut t = Timers::default();
    for (which, cval) in [(Physical, 900), (Virtual, 700)] {
        t.set_cval(which, cval);
        t.set_ctl(which, 1);
    }
    assert_eq!(t.next_deadline_ns(100), Some(700));
    t.set_ctl(Virtual, 3);
    assert_eq!(t.next_deadline_ns(100), Some(900));
    t.set_ctl(Physical, 0);
    assert_eq!(t.next_deadline_ns(100), None);
}

/// Writing a condition that holds interrupts before the next instruction; the level falls when it is masked,
/// and the end of the interrupt does not bring it back.
#[test]
fn the_line_follows_the_registers() {
    for (base, intid) in [(2, 30), (3, 27)] {
        let reg = |op2| SysReg::new(3, 3, 14, base, op2);
        let (ctl, cval, eoir1) = (reg(1), reg(2), SysReg::new(3, 0, 12, 12, 1));
        let mut c = vcpu("neoverse-n1");
        open_gic(&mut c, 0);
        c.regs.pstate.daif = 0;
        c.write_sysreg(cval, 1).unwrap();
        assert_eq!((c.write_sysreg(ctl, 1), c.regs.pc), (Err(Leave::Resync), 4));
        assert_eq!(c.read_sysreg(ctl), Ok(0b101));
        assert_eq!(c.next_deadline_ns(), None, "an asserted line has no deadline");
        assert!(c.take_interrupts());
        assert_eq!(c.read_sysreg(IAR1), Ok(intid));
        assert_eq!(c.read_sysreg(IAR1), Ok(SPURIOUS));
        c.write_sysreg(ctl, 3).unwrap();
        c.write_sysreg(eoir1, intid).unwrap();
        c.regs.pstate.daif = 0;
        assert!(!c.take_interrupts());
        // An hour ahead: the deadline is there, the line is not.
        assert_eq!(c.write_sysreg(ctl, 1), Err(Leave::Resync));
        let hour = c.shared.clock.now_ns() + 3_600_000_000_000;
        c.write_sysreg(cval, hour).unwrap();
        assert_eq!(c.next_deadline_ns().map(|at| at.abs_diff(hour) < 1_000_000), Some(true));
        assert!(!c.take_interrupts());
        c.reset();
        assert_eq!((c.read_sysreg(ctl), c.next_deadline_ns()), (Ok(0), None));
    }
}

/// The alarm thread's post is what drives the line while the guest runs.
#[test]
fn an_alarm_comes_when_it_is_due() {
    let mut c = vcpu("neoverse-n1");
    open_gic(&mut c, 0);
    c.regs.pstate.daif = 0;
    c.attention.take();
    let shared = c.shared.clone();
    let thread = std::thread::spawn(move || shared.alarms.run());
    c.write_sysreg(TVAL, 2_000_000).unwrap();
    c.write_sysreg(CTL, 1).unwrap();
    let limit = c.shared.clock.instant_at(c.shared.clock.now_ns() + 10_000_000_000);
    c.attention.sleep(Some(limit));
    assert!(c.attention.take().has(sync::Reasons::TIMER));
    c.update_timers();
    assert!(c.shared.clock.now_ns() >= c.raw_read(CVAL).unwrap());
    assert!(c.take_interrupts());
    c.shared.alarms.stop();
    thread.join().unwrap();
}

#[test]
fn counters_count_nanoseconds() {
    let mut c = vcpu("neoverse-n1");
    let (pct, vct, frq) = (SysReg::new(3, 3, 14, 0, 1), SysReg::new(3, 3, 14, 0, 2), SysReg::new(3, 3, 14, 0, 0));
    assert_eq!(c.read_sysreg(frq), Ok(1_000_000_000));
    let before = c.shared.clock.now_ns();
    let counts = [c.read_sysreg(pct).unwrap(), c.read_sysreg(vct).unwrap()];
    let after = c.shared.clock.now_ns();
    assert!(before <= counts[0] && counts[0] <= counts[1] && counts[1] <= after);
}
