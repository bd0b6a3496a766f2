//! FPAdd, FPSub, and their absolute difference.

use super::host::{Borrowed, borrow2};
use super::nan::{invalid, process_nans};
use super::round::{Exact, round, shift_right_sticky};
use super::unpack::{Unpacked, unpack};
use super::{Format, FpEnv, abs};

/// FPAdd.
#[inline(always)]
pub fn add<F: Format>(env: &mut FpEnv, a: u64, b: u64) -> u64 {
    match borrow2(F::BITS, Borrowed::Add, env, a, b) {
        Some(sum) => sum,
        None => soft_add::<F>(env, a, b),
    }
}

/// FPSub.
#[inline(always)]
pub fn sub<F: Format>(env: &mut FpEnv, a: u64, b: u64) -> u64 {
    match borrow2(F::BITS, Borrowed::Sub, env, a, b) {
        Some(difference) => difference,
        None => soft_sub::<F>(env, a, b),
    }
}

/// FABD: `|a - b|`.
#[inline(always)]
pub fn abd<F: Format>(env: &mut FpEnv, a: u64, b: u64) -> u64 {
    abs::<F>(sub::<F>(env, a, b))
}

#[inline(never)]
pub(super) fn soft_add<F: Format>(env: &mut FpEnv, a: u64, b: u64) -> u64 {
    let (x, y) = (unpack::<F>(env, a), unpack::<F>(env, b));
    process_nans::<F, 2>(env, [&x, &y], [a, b]).unwrap_or_else(|| sum::<F>(env, x, y))
}

#[inline(never)]
pub(super) fn soft_sub<F: Format>(env: &mut FpEnv, a: u64, b: u64) -> u64 {
    let (x, y) = (unpack::<F>(env, a), unpack::<F>(env, b));
    // NaNs keep their sign: only numbers are negated.
    process_nans::<F, 2>(env, [&x, &y], [a, b]).unwrap_or_else(|| sum::<F>(env, x, y.negated()))
}

#[inline(always)]
fn sum<F: Format>(env: &mut FpEnv, x: Unpacked, y: Unpacked) -> u64 {
    match (x.is_inf(), y.is_inf()) {
        (true, true) if x.sign != y.sign => return invalid::<F>(env),
        (true, _) => return F::sign(x.sign) | F::INF,
        (_, true) => return F::sign(y.sign) | F::INF,
        _ => {}
    }
    if x.is_zero() && y.is_zero() {
        return F::sign(if x.sign == y.sign { x.sign } else { env.zero_sign() });
    }
    // A zero has significand 0, and must not decide the alignment.
    let (big, small) = match y.is_zero() || !x.is_zero() && (x.exp, x.sig) >= (y.exp, y.sig) {
        true => (x, y),
        false => (y, x),
    };
    // One bit of headroom above; the ten bits below a 53-bit significand are guard and sticky.
    let distance = if small.is_zero() { 0 } else { (big.exp - small.exp) as u32 };
    let (high, low) = (big.sig >> 1, shift_right_sticky(small.sig >> 1, distance));
    let total = if big.sign == small.sign { high + low } else { high - low };
    if total == 0 {
        return F::sign(env.zero_sign());
    }
    let up = total.leading_zeros();
    round::<F>(env, Exact { sign: big.sign, exp: big.exp + 1 - up as i32, sig: total << up })
}
