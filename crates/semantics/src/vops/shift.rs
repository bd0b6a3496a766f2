//! Shifts, by an immediate and by a register.

use super::Lane;
use super::lanes::{Bytes, Element};

/// SHL
pub(super) fn shl(lane: Lane, n: u8, out: &mut Bytes, a: &Bytes) {
    lanes!(each unsigned lane, out, |x = a| x.wrapping_shl(n.into()))
}

/// SSHR: a shift by the whole width leaves the sign.
pub(super) fn sshr(lane: Lane, n: u8, out: &mut Bytes, a: &Bytes) {
    lanes!(each signed lane, out, |x = a| x >> u32::from(n).min(T::BITS - 1))
}

/// USHR
pub(super) fn ushr(lane: Lane, n: u8, out: &mut Bytes, a: &Bytes) {
    lanes!(each unsigned lane, out, |x = a| x.unbounded_shr(n.into()))
}

/// SRSHR: the highest bit shifted out is added, which is what adding half before the shift comes to.
pub(super) fn srshr(lane: Lane, n: u8, out: &mut Bytes, a: &Bytes) {
    let carry = n.saturating_sub(1);
    lanes!(each signed lane, out, |x = a| (x >> u32::from(n).min(T::BITS - 1)) + (x.unbounded_shr(carry.into()) & 1))
}

/// URSHR
pub(super) fn urshr(lane: Lane, n: u8, out: &mut Bytes, a: &Bytes) {
    let carry = n.saturating_sub(1);
    lanes!(each unsigned lane, out, |x = a| x.unbounded_shr(n.into()) + (x.unbounded_shr(carry.into()) & 1))
}

/// XAR, RAX1
pub(super) fn ror(lane: Lane, n: u8, out: &mut Bytes, a: &Bytes) {
    lanes!(each unsigned lane, out, |x = a| x.rotate_right(n.into()))
}

/// SSHL of one lane of `bits`; the caller cuts the result.
#[inline(always)]
pub(super) fn signed(x: i64, n: i8, bits: u32) -> i64 {
    let by = u32::from(n.unsigned_abs());
    if n >= 0 { if by < bits { x << by } else { 0 } } else { x >> by.min(63) }
}

/// USHL
#[inline(always)]
pub(super) fn unsigned(x: u64, n: i8, bits: u32) -> u64 {
    let by = u32::from(n.unsigned_abs());
    if n >= 0 { if by < bits { x << by } else { 0 } } else { x.unbounded_shr(by) }
}

/// SRSHL
#[inline(always)]
pub(super) fn signed_rounding(x: i64, n: i8, bits: u32) -> i64 {
    if n >= 0 {
        return signed(x, n, bits);
    }
    let by = u32::from(n.unsigned_abs());
    (x >> by.min(63)) + (x >> (by - 1).min(63) & 1)
}

/// URSHL
#[inline(always)]
pub(super) fn unsigned_rounding(x: u64, n: i8, bits: u32) -> u64 {
    if n >= 0 {
        return unsigned(x, n, bits);
    }
    let by = u32::from(n.unsigned_abs());
    x.unbounded_shr(by) + (x.unbounded_shr(by - 1) & 1)
}
