//! Rows: the GIC CPU interface. The registers themselves are `gic::CpuInterface`'s.

use super::row::{After, Row, enc, reg};

/// A write that may let an interrupt through.
const OPENS: After = After::Interrupts;

#[rustfmt::skip]
pub(super) const ROWS: &[Row] = &[
    reg("ICC_PMR_EL1",     enc(3, 0, 4, 6, 0)).rw(1, (|c| c.gic.pmr(), |c, v| c.gic.set_pmr(v))).after(OPENS),
    reg("ICC_IAR0_EL1",    enc(3, 0, 12, 8, 0)).taken(1, |c| c.gic.iar0()),
    reg("ICC_EOIR0_EL1",   enc(3, 0, 12, 8, 1)).wo(1, |c, v| c.gic.set_eoir0(v)).after(OPENS),
    reg("ICC_HPPIR0_EL1",  enc(3, 0, 12, 8, 2)).ro(1, |c| c.gic.hppir0()),
    reg("ICC_BPR0_EL1",    enc(3, 0, 12, 8, 3)).rw(1, (|c| c.gic.bpr0(), |c, v| c.gic.set_bpr0(v))).after(OPENS),
    reg("ICC_AP0R0_EL1",   enc(3, 0, 12, 8, 4)).rw(1, (|c| c.gic.ap0r0(), |c, v| c.gic.set_ap0r0(v))).after(OPENS),
    reg("ICC_AP1R0_EL1",   enc(3, 0, 12, 9, 0)).rw(1, (|c| c.gic.ap1r0(), |c, v| c.gic.set_ap1r0(v))).after(OPENS),
    reg("ICC_DIR_EL1",     enc(3, 0, 12, 11, 1)).wo(1, |c, v| c.gic.set_dir(v)).after(OPENS),
    reg("ICC_RPR_EL1",     enc(3, 0, 12, 11, 3)).ro(1, |c| c.gic.rpr()),
    reg("ICC_SGI1R_EL1",   enc(3, 0, 12, 11, 5)).wo(1, |c, v| c.gic.set_sgi1r(v)).after(OPENS),
    reg("ICC_ASGI1R_EL1",  enc(3, 0, 12, 11, 6)).wo(1, |c, v| c.gic.set_asgi1r(v)).after(OPENS),
    reg("ICC_SGI0R_EL1",   enc(3, 0, 12, 11, 7)).wo(1, |c, v| c.gic.set_sgi0r(v)).after(OPENS),
    reg("ICC_IAR1_EL1",    enc(3, 0, 12, 12, 0)).taken(1, |c| c.gic.iar1()),
    reg("ICC_EOIR1_EL1",   enc(3, 0, 12, 12, 1)).wo(1, |c, v| c.gic.set_eoir1(v)).after(OPENS),
    reg("ICC_HPPIR1_EL1",  enc(3, 0, 12, 12, 2)).ro(1, |c| c.gic.hppir1()),
    reg("ICC_BPR1_EL1",    enc(3, 0, 12, 12, 3)).rw(1, (|c| c.gic.bpr1(), |c, v| c.gic.set_bpr1(v))).after(OPENS),
    reg("ICC_CTLR_EL1",    enc(3, 0, 12, 12, 4)).rw(1, (|c| c.gic.ctlr(), |c, v| c.gic.set_ctlr(v))).after(OPENS),
    reg("ICC_SRE_EL1",     enc(3, 0, 12, 12, 5)).rw(1, (|c| c.gic.sre(), |c, v| c.gic.set_sre(v))),
    reg("ICC_IGRPEN0_EL1", enc(3, 0, 12, 12, 6)).rw(1, (|c| c.gic.igrpen0(), |c, v| c.gic.set_igrpen0(v))).after(OPENS),
    reg("ICC_IGRPEN1_EL1", enc(3, 0, 12, 12, 7)).rw(1, (|c| c.gic.igrpen1(), |c, v| c.gic.set_igrpen1(v))).after(OPENS),
];
