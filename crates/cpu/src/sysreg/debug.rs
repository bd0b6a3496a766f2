//! Rows: self-hosted debug and the debug communications channel.
//!
//! Two breakpoints and two watchpoints are the least the architecture allows, so their registers hold what
//! is written. They do not fire yet, nor does software step. No external
//! debugger is ever attached, so the communications channel reads as zero.

use super::bits::mdscr;
use super::row::{Gate, RAZ_WI, Row, enc, reg};

/// CLAIM tags: eight.
const CLAIM: u64 = 0xff;
/// OSLSR_EL1.OSLM: the OS lock is implemented.
const OSLM: u64 = 1 << 3;

/// DBGBVR, DBGBCR, DBGWVR, DBGWCR by op2.
macro_rules! pair {
    ($name:literal, $n:literal, $op2:literal, $bits:expr) => {
        reg($name, enc(2, 0, 0, $n, $op2)).rw(1, at!(sys.breakpoints[$op2 - 4][$n])).bits($bits)
    };
}

#[rustfmt::skip]
pub(super) const ROWS: &[Row] = &[
    reg("OSDTRRX_EL1",        enc(2, 0, 0, 0, 2)).rw(1, RAZ_WI),
    reg("MDCCINT_EL1",        enc(2, 0, 0, 2, 0)).rw(1, at!(sys.mdccint)).bits(|_| 3 << 29),
    reg("MDSCR_EL1",          enc(2, 0, 0, 2, 2)).rw(1, at!(sys.mdscr)).bits(|_| mdscr::RW),
    reg("OSDTRTX_EL1",        enc(2, 0, 0, 3, 2)).rw(1, RAZ_WI),
    reg("OSECCR_EL1",         enc(2, 0, 0, 6, 2)).rw(1, RAZ_WI),
    pair!("DBGBVR0_EL1", 0, 4, |_| !3),
    pair!("DBGBCR0_EL1", 0, 5, |_| 0x00ff_e1e7),
    pair!("DBGWVR0_EL1", 0, 6, |_| !3),
    pair!("DBGWCR0_EL1", 0, 7, |_| 0x1f1f_ffff),
    pair!("DBGBVR1_EL1", 1, 4, |_| !3),
    pair!("DBGBCR1_EL1", 1, 5, |_| 0x00ff_e1e7),
    pair!("DBGWVR1_EL1", 1, 6, |_| !3),
    pair!("DBGWCR1_EL1", 1, 7, |_| 0x1f1f_ffff),
    reg("MDRAR_EL1",          enc(2, 0, 1, 0, 0)).ro(1, |_| 0),
    reg("OSLAR_EL1",          enc(2, 0, 1, 0, 4)).wo(1, |c, v| c.sys.os_lock = v & 1 != 0),
    reg("OSLSR_EL1",          enc(2, 0, 1, 1, 4)).ro(1, |c| OSLM | u64::from(c.sys.os_lock) << 1),
    reg("OSDLR_EL1",          enc(2, 0, 1, 3, 4)).rw(1, at!(sys.osdlr)).bits(|_| 1),
    reg("DBGPRCR_EL1",        enc(2, 0, 1, 4, 4)).rw(1, at!(sys.dbgprcr)).bits(|_| 1),
    // Reads as all tags; writes set them. CLAIMCLR reads the tags and clears.
    reg("DBGCLAIMSET_EL1",    enc(2, 0, 7, 8, 6)).wo(1, |c, v| c.sys.dbgclaim |= v & CLAIM).showing(|_| CLAIM),
    reg("DBGCLAIMCLR_EL1",    enc(2, 0, 7, 9, 6)).wo(1, |c, v| c.sys.dbgclaim &= !v).showing(|c| c.sys.dbgclaim),
    reg("DBGAUTHSTATUS_EL1",  enc(2, 0, 7, 14, 6)).ro(1, |_| 0),
    reg("MDCCSR_EL0",         enc(2, 3, 0, 1, 0)).ro(0, |_| 0).gate(Gate::Tdcc),
    reg("DBGDTR_EL0",         enc(2, 3, 0, 4, 0)).rw(0, RAZ_WI).gate(Gate::Tdcc),
    reg("DBGDTRTRX_EL0",      enc(2, 3, 0, 5, 0)).rw(0, RAZ_WI).gate(Gate::Tdcc),
];
