//! FPDiv and FPSqrt.

use super::host::{Borrowed, borrow_sqrt, borrow2};
use super::nan::{invalid, process_nan, process_nans};
use super::round::{Exact, round};
use super::unpack::{Unpacked, unpack};
use super::{Format, FpEnv, Fpsr};

/// FPDiv.
#[inline(always)]
pub fn div<F: Format>(env: &mut FpEnv, a: u64, b: u64) -> u64 {
    match borrow2(F::BITS, Borrowed::Div, env, a, b) {
        Some(quotient) => quotient,
        None => soft_div::<F>(env, a, b),
    }
}

/// FPSqrt.
#[inline(always)]
pub fn sqrt<F: Format>(env: &mut FpEnv, a: u64) -> u64 {
    match borrow_sqrt(F::BITS, env, a) {
        Some(root) => root,
        None => soft_sqrt::<F>(env, a),
    }
}

#[inline(never)]
pub(super) fn soft_div<F: Format>(env: &mut FpEnv, a: u64, b: u64) -> u64 {
    let (x, y) = (unpack::<F>(env, a), unpack::<F>(env, b));
    process_nans::<F, 2>(env, [&x, &y], [a, b]).unwrap_or_else(|| quotient::<F>(env, x, y))
}

#[inline(always)]
fn quotient<F: Format>(env: &mut FpEnv, x: Unpacked, y: Unpacked) -> u64 {
    let sign = x.sign != y.sign;
    if x.is_inf() && y.is_inf() || x.is_zero() && y.is_zero() {
        return invalid::<F>(env);
    }
    if x.is_inf() || y.is_zero() {
        if !x.is_inf() {
            env.raise(Fpsr::DIVIDE_BY_ZERO);
        }
        return F::sign(sign) | F::INF;
    }
    if x.is_zero() || y.is_inf() {
        return F::sign(sign);
    }
    // Both significands are in [2^63, 2^64), so the quotient is in (2^62, 2^64).
    let numerator = u128::from(x.sig) << 63;
    let whole = (numerator / u128::from(y.sig)) as u64;
    let inexact = u128::from(whole) * u128::from(y.sig) != numerator;
    let up = whole.leading_zeros();
    round::<F>(env, Exact { sign, exp: x.exp - y.exp - up as i32, sig: whole << up | u64::from(inexact) })
}

#[inline(never)]
pub(super) fn soft_sqrt<F: Format>(env: &mut FpEnv, a: u64) -> u64 {
    let x = unpack::<F>(env, a);
    if x.is_nan() {
        return process_nan::<F>(env, a);
    }
    if x.is_zero() {
        return F::sign(x.sign);
    }
    if x.sign {
        return invalid::<F>(env);
    }
    if x.is_inf() {
        return F::INF;
    }
    // sig / 2^63 * 2^exp with an even exponent: an odd one lends a factor of two to the significand.
    let square = u128::from(x.sig) << (63 + (x.exp & 1));
    let root = square.isqrt() as u64;
    let inexact = u128::from(root) * u128::from(root) != square;
    round::<F>(env, Exact { sign: false, exp: x.exp >> 1, sig: root | u64::from(inexact) })
}
