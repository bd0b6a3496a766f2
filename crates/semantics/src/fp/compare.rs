//! FPCompare and its kin, FPMax and FPMin and theirs.

use super::nan::process_nan;
use super::unpack::squash;
use super::{Format, FpEnv, Fpsr};

/// FPCompare: NZCV in the low four bits. `signal` makes quiet NaNs invalid too (FCMPE).
#[inline]
pub fn compare<F: Format>(env: &mut FpEnv, a: u64, b: u64, signal: bool) -> u32 {
    let (a, b) = (squash::<F>(env, a), squash::<F>(env, b));
    if unordered::<F>(env, a, b, signal) {
        return 0b0011;
    }
    match order::<F>(a).cmp(&order::<F>(b)) {
        std::cmp::Ordering::Less => 0b1000,
        std::cmp::Ordering::Equal => 0b0110,
        std::cmp::Ordering::Greater => 0b0010,
    }
}

/// FPCompareEQ.
#[inline]
pub fn compare_eq<F: Format>(env: &mut FpEnv, a: u64, b: u64) -> bool {
    compare::<F>(env, a, b, false) == 0b0110
}

/// FPCompareGE: invalid on any NaN.
#[inline]
pub fn compare_ge<F: Format>(env: &mut FpEnv, a: u64, b: u64) -> bool {
    matches!(compare::<F>(env, a, b, true), 0b0110 | 0b0010)
}

/// FPCompareGT: invalid on any NaN.
#[inline]
pub fn compare_gt<F: Format>(env: &mut FpEnv, a: u64, b: u64) -> bool {
    compare::<F>(env, a, b, true) == 0b0010
}

/// FPMax.
#[inline]
pub fn max<F: Format>(env: &mut FpEnv, a: u64, b: u64) -> u64 {
    let (x, y) = (squash::<F>(env, a), squash::<F>(env, b));
    if let Some(nan) = first_nan::<F>(env, x, y) {
        return nan;
    }
    match (order::<F>(x), order::<F>(y)) {
        (0, 0) => x & y,
        (p, q) if p > q => x,
        _ => y,
    }
}

/// FPMin.
#[inline]
pub fn min<F: Format>(env: &mut FpEnv, a: u64, b: u64) -> u64 {
    let (x, y) = (squash::<F>(env, a), squash::<F>(env, b));
    if let Some(nan) = first_nan::<F>(env, x, y) {
        return nan;
    }
    match (order::<F>(x), order::<F>(y)) {
        (0, 0) => x | y,
        (p, q) if p < q => x,
        _ => y,
    }
}

/// FPMaxNum: a single quiet NaN counts as minus infinity.
#[inline]
pub fn max_num<F: Format>(env: &mut FpEnv, a: u64, b: u64) -> u64 {
    let (a, b) = without_lone_quiet::<F>(a, b, F::SIGN | F::INF);
    max::<F>(env, a, b)
}

/// FPMinNum: a single quiet NaN counts as infinity.
#[inline]
pub fn min_num<F: Format>(env: &mut FpEnv, a: u64, b: u64) -> u64 {
    let (a, b) = without_lone_quiet::<F>(a, b, F::INF);
    min::<F>(env, a, b)
}

/// A key that orders numbers as their values; both zeros are 0.
#[inline(always)]
fn order<F: Format>(a: u64) -> i64 {
    let magnitude = (a & !F::SIGN) as i64;
    if a & F::SIGN != 0 { -magnitude } else { magnitude }
}

#[inline(always)]
fn unordered<F: Format>(env: &mut FpEnv, a: u64, b: u64, signal: bool) -> bool {
    let unordered = F::is_nan(a) || F::is_nan(b);
    if unordered && (signal || F::is_signalling(a) || F::is_signalling(b)) {
        env.raise(Fpsr::INVALID);
    }
    unordered
}

/// FPProcessNaNs on bits.
#[inline(always)]
fn first_nan<F: Format>(env: &mut FpEnv, a: u64, b: u64) -> Option<u64> {
    if !F::is_nan(a) && !F::is_nan(b) {
        return None;
    }
    let second = !F::is_nan(a) || F::is_signalling(b) && !F::is_signalling(a);
    Some(process_nan::<F>(env, if second { b } else { a }))
}

#[inline(always)]
fn without_lone_quiet<F: Format>(a: u64, b: u64, instead: u64) -> (u64, u64) {
    let quiet = |x| F::is_nan(x) && !F::is_signalling(x);
    match (quiet(a), quiet(b)) {
        (true, false) => (instead, b),
        (false, true) => (a, instead),
        _ => (a, b),
    }
}
