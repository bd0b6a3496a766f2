//! FPMul and FPMulX.

use super::host::{Borrowed, borrow2};
use super::nan::{invalid, process_nans};
use super::round::{Exact, round};
use super::unpack::{Unpacked, unpack};
use super::{Format, FpEnv};

/// FPMul.
#[inline(always)]
pub fn mul<F: Format>(env: &mut FpEnv, a: u64, b: u64) -> u64 {
    match borrow2(F::BITS, Borrowed::Mul, env, a, b) {
        Some(product) => product,
        None => soft_mul::<F>(env, a, b),
    }
}

/// FPMulX: as FPMul, but zero times infinity is two.
pub fn mul_x<F: Format>(env: &mut FpEnv, a: u64, b: u64) -> u64 {
    let (x, y) = (unpack::<F>(env, a), unpack::<F>(env, b));
    if x.is_inf() && y.is_zero() || x.is_zero() && y.is_inf() {
        return F::sign(x.sign != y.sign) | F::TWO;
    }
    mul::<F>(env, a, b)
}

#[inline(never)]
pub(super) fn soft_mul<F: Format>(env: &mut FpEnv, a: u64, b: u64) -> u64 {
    let (x, y) = (unpack::<F>(env, a), unpack::<F>(env, b));
    process_nans::<F, 2>(env, [&x, &y], [a, b]).unwrap_or_else(|| product::<F>(env, x, y))
}

#[inline(always)]
fn product<F: Format>(env: &mut FpEnv, x: Unpacked, y: Unpacked) -> u64 {
    let sign = x.sign != y.sign;
    if x.is_inf() && y.is_zero() || x.is_zero() && y.is_inf() {
        return invalid::<F>(env);
    }
    if x.is_inf() || y.is_inf() {
        return F::sign(sign) | F::INF;
    }
    if x.is_zero() || y.is_zero() {
        return F::sign(sign);
    }
    let wide = u128::from(x.sig) * u128::from(y.sig);
    let up = wide.leading_zeros();
    let wide = wide << up;
    let sig = (wide >> 64) as u64 | u64::from(wide as u64 != 0);
    round::<F>(env, Exact { sign, exp: x.exp + y.exp + 1 - up as i32, sig })
}
