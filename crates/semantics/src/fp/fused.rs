//! Operations with one rounding after a multiplication and an addition: FPMulAdd, FPRecipStepFused,
//! FPRSqrtStepFused.

use super::host::borrow_mul_add;
use super::nan::{invalid, process_nans};
use super::round::{Exact, round, shift_right_sticky_wide};
use super::unpack::{Kind, Unpacked, unpack};
use super::{Format, FpEnv, neg};

/// FPMulAdd: `addend + a * b`.
#[inline(always)]
pub fn mul_add<F: Format>(env: &mut FpEnv, addend: u64, a: u64, b: u64) -> u64 {
    match borrow_mul_add(F::BITS, env, addend, a, b) {
        Some(sum) => sum,
        None => soft_mul_add::<F>(env, addend, a, b),
    }
}

#[inline(never)]
pub(super) fn soft_mul_add<F: Format>(env: &mut FpEnv, addend: u64, a: u64, b: u64) -> u64 {
    let (c, x, y) = (unpack::<F>(env, addend), unpack::<F>(env, a), unpack::<F>(env, b));
    let impossible = x.is_inf() && y.is_zero() || x.is_zero() && y.is_inf();
    if let Some(nan) = process_nans::<F, 3>(env, [&c, &x, &y], [addend, a, b]) {
        // A quiet addend does not hide the invalid product.
        return if c.kind == Kind::Quiet && impossible { invalid::<F>(env) } else { nan };
    }
    let sign = x.sign != y.sign;
    let infinite = x.is_inf() || y.is_inf();
    if impossible || c.is_inf() && infinite && c.sign != sign {
        return invalid::<F>(env);
    }
    if c.is_inf() || infinite {
        return F::sign(if c.is_inf() { c.sign } else { sign }) | F::INF;
    }
    if c.is_zero() && (x.is_zero() || y.is_zero()) && c.sign == sign {
        return F::sign(sign);
    }
    match fused(c, x, y) {
        Some(value) => round::<F>(env, value),
        None => F::sign(env.zero_sign()),
    }
}

/// FPRecipStepFused: `2 - a * b`.
pub fn recip_step<F: Format>(env: &mut FpEnv, a: u64, b: u64) -> u64 {
    step::<F>(env, a, b, number(1, 1 << 63), F::TWO, 0)
}

/// FPRSqrtStepFused: `(3 - a * b) / 2`.
pub fn rsqrt_step<F: Format>(env: &mut FpEnv, a: u64, b: u64) -> u64 {
    step::<F>(env, a, b, number(1, 3 << 62), F::ONE_POINT_FIVE, 1)
}

const fn number(exp: i32, sig: u64) -> Unpacked {
    Unpacked { kind: Kind::Finite, sign: false, exp, sig }
}

/// `(c - a * b) / 2^halvings`; `default` if the product is zero times infinity.
#[inline(never)]
fn step<F: Format>(env: &mut FpEnv, a: u64, b: u64, c: Unpacked, default: u64, halvings: i32) -> u64 {
    let a = neg::<F>(a);
    let (x, y) = (unpack::<F>(env, a), unpack::<F>(env, b));
    if let Some(nan) = process_nans::<F, 2>(env, [&x, &y], [a, b]) {
        return nan;
    }
    if x.is_inf() && y.is_zero() || x.is_zero() && y.is_inf() {
        return default;
    }
    if x.is_inf() || y.is_inf() {
        return F::sign(x.sign != y.sign) | F::INF;
    }
    match fused(c, x, y) {
        Some(value) => round::<F>(env, Exact { exp: value.exp - halvings, ..value }),
        None => F::sign(env.zero_sign()),
    }
}

/// `c + x * y` of numbers, exact but for a sticky last bit; `None` if it is zero.
#[inline(always)]
pub(super) fn fused(c: Unpacked, x: Unpacked, y: Unpacked) -> Option<Exact> {
    let sign = x.sign != y.sign;
    if x.is_zero() || y.is_zero() {
        return (!c.is_zero()).then_some(Exact { sign: c.sign, exp: c.exp, sig: c.sig });
    }
    // Values are sig / 2^124 * 2^exp: the product below 2^126, the addend below 2^125, so that a sum
    // fits. Significands have at most 53 bits, so nothing is cut here.
    let (mut exp, mut product) = (x.exp + y.exp, (u128::from(x.sig) * u128::from(y.sig)) >> 2);
    let mut addend = u128::from(c.sig) << 61;
    // Alignment loses bits only across a distance at which at most one leading bit can cancel.
    if !c.is_zero() {
        if exp >= c.exp {
            addend = shift_right_sticky_wide(addend, (exp - c.exp) as u32);
        } else {
            product = shift_right_sticky_wide(product, (c.exp - exp) as u32);
            exp = c.exp;
        }
    }
    let (sign, total) = if sign == c.sign {
        (sign, product + addend)
    } else if product >= addend {
        (sign, product - addend)
    } else {
        (c.sign, addend - product)
    };
    if total == 0 {
        return None;
    }
    let up = total.leading_zeros();
    let total = total << up;
    Some(Exact { sign, exp: exp + 3 - up as i32, sig: (total >> 64) as u64 | u64::from(total as u64 != 0) })
}
