//! Rows: self-hosted debug and the debug communications channel.
//!
//! What the registers do is in `crate::debug`. No external debugger is ever attached, so the communications
//! channel reads as zero.

use super::bits::mdscr;
use super::row::{After, Gate, RAZ_WI, Row, enc, reg};

/// CLAIM tags: eight.
const CLAIM: u64 = 0xff;
/// OSLSR_EL1.OSLM: the OS lock is implemented.
const OSLM: u64 = 1 << 3;

/// DBGBCR_EL1.BAS is RES1 without AArch32.
const BAS: u64 = 0xf << 5;

/// DBGBVRn_EL1 and DBGBCRn_EL1. The low bits of a value are RES0 if it is an address, but not if it is a context.
macro_rules! breakpoint {
    ($n:literal, $value:literal, $control:literal) => {
        [
            reg($value, enc(2, 0, 0, $n, 4)).rw(1, at!(sys.dbgbvr[$n])).after(After::Debug),
            reg($control, enc(2, 0, 0, $n, 5))
                .rw(1, at!(sys.dbgbcr[$n]))
                .bits(|_| 0x00ff_e007)
                .ones(BAS)
                .after(After::Debug),
        ]
    };
}

/// DBGWVRn_EL1 and DBGWCRn_EL1.
macro_rules! watchpoint {
    ($n:literal, $value:literal, $control:literal) => {
        [
            reg($value, enc(2, 0, 0, $n, 6)).rw(1, at!(sys.dbgwvr[$n])).bits(|_| !3).after(After::Debug),
            reg($control, enc(2, 0, 0, $n, 7)).rw(1, at!(sys.dbgwcr[$n])).bits(|_| 0x1f1f_ffff).after(After::Debug),
        ]
    };
}

#[rustfmt::skip]
pub(super) const ROWS: &[Row] = &[
    reg("OSDTRRX_EL1",        enc(2, 0, 0, 0, 2)).rw(1, RAZ_WI),
    reg("MDCCINT_EL1",        enc(2, 0, 0, 2, 0)).rw(1, at!(sys.mdccint)).bits(|_| 3 << 29),
    reg("MDSCR_EL1",          enc(2, 0, 0, 2, 2)).rw(1, at!(sys.mdscr)).bits(|_| mdscr::RW).after(After::Debug),
    reg("OSDTRTX_EL1",        enc(2, 0, 0, 3, 2)).rw(1, RAZ_WI),
    reg("OSECCR_EL1",         enc(2, 0, 0, 6, 2)).rw(1, RAZ_WI),
    reg("MDRAR_EL1",          enc(2, 0, 1, 0, 0)).ro(1, |_| 0),
    reg("OSLAR_EL1",          enc(2, 0, 1, 0, 4)).wo(1, |c, v| c.sys.os_lock = v & 1 != 0).after(After::Debug),
    reg("OSLSR_EL1",          enc(2, 0, 1, 1, 4)).ro(1, |c| OSLM | u64::from(c.sys.os_lock) << 1),
    reg("OSDLR_EL1",          enc(2, 0, 1, 3, 4)).rw(1, at!(sys.osdlr)).bits(|_| 1).after(After::Debug),
    reg("DBGPRCR_EL1",        enc(2, 0, 1, 4, 4)).rw(1, at!(sys.dbgprcr)).bits(|_| 1).after(After::Debug),
    // Reads as all tags; writes set them. CLAIMCLR reads the tags and clears.
    reg("DBGCLAIMSET_EL1",    enc(2, 0, 7, 8, 6)).wo(1, |c, v| c.sys.dbgclaim |= v & CLAIM).showing(|_| CLAIM),
    reg("DBGCLAIMCLR_EL1",    enc(2, 0, 7, 9, 6)).wo(1, |c, v| c.sys.dbgclaim &= !v).showing(|c| c.sys.dbgclaim),
    reg("DBGAUTHSTATUS_EL1",  enc(2, 0, 7, 14, 6)).ro(1, |_| 0),
    reg("MDCCSR_EL0",         enc(2, 3, 0, 1, 0)).ro(0, |_| 0).gate(Gate::Tdcc),
    reg("DBGDTR_EL0",         enc(2, 3, 0, 4, 0)).rw(0, RAZ_WI).gate(Gate::Tdcc),
    reg("DBGDTRTRX_EL0",      enc(2, 3, 0, 5, 0)).rw(0, RAZ_WI).gate(Gate::Tdcc),
];

#[rustfmt::skip]
pub(super) const BREAKPOINT_ROWS: &[Row] = [
    breakpoint!(0, "DBGBVR0_EL1", "DBGBCR0_EL1"),
    breakpoint!(1, "DBGBVR1_EL1", "DBGBCR1_EL1"),
    breakpoint!(2, "DBGBVR2_EL1", "DBGBCR2_EL1"),
    breakpoint!(3, "DBGBVR3_EL1", "DBGBCR3_EL1"),
    breakpoint!(4, "DBGBVR4_EL1", "DBGBCR4_EL1"),
    breakpoint!(5, "DBGBVR5_EL1", "DBGBCR5_EL1"),
    watchpoint!(0, "DBGWVR0_EL1", "DBGWCR0_EL1"),
    watchpoint!(1, "DBGWVR1_EL1", "DBGWCR1_EL1"),
    watchpoint!(2, "DBGWVR2_EL1", "DBGWCR2_EL1"),
    watchpoint!(3, "DBGWVR3_EL1", "DBGWCR3_EL1"),
]
.as_flattened();
