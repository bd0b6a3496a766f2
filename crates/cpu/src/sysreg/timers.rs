//! Rows: the generic timers.

use super::bits::{cnthctl, cntkctl};
use super::row::{After, Gate, Row, enc, reg};
use crate::Vcpu;
use crate::timer::Which::{Hyp, Physical, Secure, Virtual};

fn now(c: &Vcpu) -> u64 {
    c.shared.clock.now_ns()
}

#[rustfmt::skip]
pub(super) const ROWS: &[Row] = &[
    reg("CNTKCTL_EL1",   enc(3, 0, 14, 1, 0)).rw(1, at!(sys.cntkctl)).bits(|_| cntkctl::RW),
    // Writable at the highest Exception level; what it says does not change the count.
    reg("CNTFRQ_EL0",    enc(3, 3, 14, 0, 0)).rw(1, at!(sys.cntfrq)).bits(|_| 0xffff_ffff)
        .readable_from(0).gate(Gate::FRQ),
    reg("CNTPCT_EL0",    enc(3, 3, 14, 0, 1)).ro(0, |c| c.timers.count(Physical, now(c))).gate(Gate::PCT),
    reg("CNTVCT_EL0",    enc(3, 3, 14, 0, 2)).ro(0, |c| c.timers.count(Virtual, now(c))).gate(Gate::VCT),

    // A view of CVAL, so not state of its own.
    reg("CNTP_TVAL_EL0", enc(3, 3, 14, 2, 0)).wo(0, |c, v| c.timers.set_tval(Physical, v, now(c)))
        .showing(|c| c.timers.tval(Physical, now(c))).after(After::Timers).gate(Gate::PT),
    reg("CNTP_CTL_EL0",  enc(3, 3, 14, 2, 1)).rw(0, (|c| c.timers.ctl(Physical, now(c)),
        |c, v| c.timers.set_ctl(Physical, v))).bits(|_| 3).after(After::Timers).gate(Gate::PT),
    reg("CNTP_CVAL_EL0", enc(3, 3, 14, 2, 2)).rw(0, (|c| c.timers.cval(Physical),
        |c, v| c.timers.set_cval(Physical, v))).after(After::Timers).gate(Gate::PT),
    reg("CNTV_TVAL_EL0", enc(3, 3, 14, 3, 0)).wo(0, |c, v| c.timers.set_tval(Virtual, v, now(c)))
        .showing(|c| c.timers.tval(Virtual, now(c))).after(After::Timers).gate(Gate::VT),
    reg("CNTV_CTL_EL0",  enc(3, 3, 14, 3, 1)).rw(0, (|c| c.timers.ctl(Virtual, now(c)),
        |c, v| c.timers.set_ctl(Virtual, v))).bits(|_| 3).after(After::Timers).gate(Gate::VT),
    reg("CNTV_CVAL_EL0", enc(3, 3, 14, 3, 2)).rw(0, (|c| c.timers.cval(Virtual),
        |c, v| c.timers.set_cval(Virtual, v))).after(After::Timers).gate(Gate::VT),

    reg("CNTVOFF_EL2",   enc(3, 4, 14, 0, 3)).rw(2, at!(timers.offset)).after(After::Timers),
    reg("CNTHCTL_EL2",   enc(3, 4, 14, 1, 0)).rw(2, at!(sys.cnthctl)).bits(|_| cnthctl::RW),
    reg("CNTHP_TVAL_EL2", enc(3, 4, 14, 2, 0)).wo(2, |c, v| c.timers.set_tval(Hyp, v, now(c)))
        .showing(|c| c.timers.tval(Hyp, now(c))).after(After::Timers),
    reg("CNTHP_CTL_EL2", enc(3, 4, 14, 2, 1)).rw(2, (|c| c.timers.ctl(Hyp, now(c)),
        |c, v| c.timers.set_ctl(Hyp, v))).bits(|_| 3).after(After::Timers),
    reg("CNTHP_CVAL_EL2", enc(3, 4, 14, 2, 2)).rw(2, (|c| c.timers.cval(Hyp),
        |c, v| c.timers.set_cval(Hyp, v))).after(After::Timers),

    reg("CNTPS_TVAL_EL1", enc(3, 7, 14, 2, 0)).wo(1, |c, v| c.timers.set_tval(Secure, v, now(c)))
        .showing(|c| c.timers.tval(Secure, now(c))).after(After::Timers).gate(Gate::SecureTimer).only(|m| m.el3),
    reg("CNTPS_CTL_EL1", enc(3, 7, 14, 2, 1)).rw(1, (|c| c.timers.ctl(Secure, now(c)),
        |c, v| c.timers.set_ctl(Secure, v))).bits(|_| 3).after(After::Timers).gate(Gate::SecureTimer).only(|m| m.el3),
    reg("CNTPS_CVAL_EL1", enc(3, 7, 14, 2, 2)).rw(1, (|c| c.timers.cval(Secure),
        |c, v| c.timers.set_cval(Secure, v))).after(After::Timers).gate(Gate::SecureTimer).only(|m| m.el3),
];
