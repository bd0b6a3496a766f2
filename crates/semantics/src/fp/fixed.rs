//! Integers and fixed point: FPRoundInt, FPToFixed, FixedToFP.

use super::nan::process_nan;
use super::round::{Exact, round_in, shift_right_sticky};
use super::unpack::{Kind, unpack};
use super::{Format, FpEnv, Fpsr, Rounding};

/// FPRoundInt: to an integral value in the same format. `exact` makes a changed value Inexact (FRINTX).
#[inline(never)]
pub fn round_int<F: Format>(env: &mut FpEnv, a: u64, rounding: Rounding, exact: bool) -> u64 {
    let x = unpack::<F>(env, a);
    match x.kind {
        Kind::Quiet | Kind::Signalling => return process_nan::<F>(env, a),
        Kind::Zero => return F::sign(x.sign),
        Kind::Inf => return a,
        // Every bit of the significand is integral.
        Kind::Finite if x.exp >= F::FRAC as i32 => return a,
        Kind::Finite => {}
    }
    let (int, rest) = parts(x.exp, x.sig);
    let int = int + u64::from(rounding.up(x.sign, int & 1 == 1, rest));
    if rest != 0 && exact {
        env.raise(Fpsr::INEXACT);
    }
    integral::<F>(env, x.sign, int)
}

/// FPRoundIntN: as `round_int`, and what does not fit a signed integer of `bits` (32 or 64) is the least one.
#[inline(never)]
pub fn round_int_within<F: Format>(env: &mut FpEnv, a: u64, bits: u32, rounding: Rounding) -> u64 {
    let x = unpack::<F>(env, a);
    let limit = (1 << (bits - 1)) - u64::from(!x.sign);
    let (int, rest) = match x.kind {
        Kind::Zero => return F::sign(x.sign),
        Kind::Finite if x.exp <= 63 => parts(x.exp, x.sig),
        _ => (u64::MAX, 0),
    };
    // No carry out: a value of 64 integral bits has no fraction.
    let int = int + u64::from(rounding.up(x.sign, int & 1 == 1, rest));
    if int > limit {
        env.raise(Fpsr::INVALID);
        return F::SIGN | (F::BIAS as u64 + u64::from(bits) - 1) << F::FRAC;
    }
    if rest != 0 {
        env.raise(Fpsr::INEXACT);
    }
    integral::<F>(env, x.sign, int)
}

/// `int`, which was a value of the format but for rounding, with a sign.
#[inline(always)]
fn integral<F: Format>(env: &mut FpEnv, sign: bool, int: u64) -> u64 {
    if int == 0 {
        return F::sign(sign);
    }
    let up = int.leading_zeros();
    round_in::<F>(env, Exact { sign, exp: 63 - up as i32, sig: int << up }, Rounding::Zero)
}

/// FPToFixedJS: the integer part of `a` modulo 2^32, and whether that is `a`, but for a zero with a sign.
#[inline(never)]
pub fn to_javascript<F: Format>(env: &mut FpEnv, a: u64) -> (u32, bool) {
    let x = unpack::<F>(env, a);
    let (int, rest, fits) = match x.kind {
        // Minus zero is not the integer zero, nor is a subnormal that was flushed.
        Kind::Zero => return (0, a == 0),
        Kind::Finite if x.exp <= 63 => {
            let (int, rest) = parts(x.exp, x.sig);
            (int, rest, int <= (1 << 31) - u64::from(!x.sign))
        }
        Kind::Finite => (x.sig.unbounded_shl((x.exp - 63) as u32), 0, false),
        Kind::Inf | Kind::Quiet | Kind::Signalling => (0, 0, false),
    };
    match fits {
        false => env.raise(Fpsr::INVALID),
        true if rest != 0 => env.raise(Fpsr::INEXACT),
        true => {}
    }
    let low = int as u32;
    (if x.sign { low.wrapping_neg() } else { low }, fits && rest == 0)
}

/// FPToFixed: `a * 2^fbits` as an integer of `bits` (16, 32 or 64), saturated; zero-extended.
#[inline(never)]
pub fn to_fixed<F: Format>(env: &mut FpEnv, a: u64, fbits: u32, bits: u32, unsigned: bool, rounding: Rounding) -> u64 {
    let x = unpack::<F>(env, a);
    let ones = u64::MAX >> (64 - bits);
    let limit = match (unsigned, x.sign) {
        (true, false) => ones,
        (true, true) => 0,
        (false, false) => ones >> 1,
        (false, true) => (ones >> 1) + 1,
    };
    let exp = x.exp + fbits as i32;
    let (int, rest, fits) = match x.kind {
        Kind::Zero => return 0,
        Kind::Quiet | Kind::Signalling => {
            env.raise(Fpsr::INVALID);
            return 0;
        }
        Kind::Inf => (0, 0, false),
        Kind::Finite if exp > 63 => (0, 0, false),
        Kind::Finite => {
            let (int, rest) = parts(exp, x.sig);
            // No carry: a value of 64 integral bits has no fraction.
            let int = int + u64::from(rounding.up(x.sign, int & 1 == 1, rest));
            (int, rest, int <= limit)
        }
    };
    match fits {
        false => env.raise(Fpsr::INVALID),
        true if rest != 0 => env.raise(Fpsr::INEXACT),
        true => {}
    }
    let magnitude = if fits { int } else { limit };
    (if x.sign { magnitude.wrapping_neg() } else { magnitude }) & ones
}

/// FixedToFP: the integer of `bits` (16, 32 or 64) at the low end of `a`, over `2^fbits`.
#[inline(never)]
pub fn from_fixed<F: Format>(
    env: &mut FpEnv,
    a: u64,
    fbits: u32,
    bits: u32,
    unsigned: bool,
    rounding: Rounding,
) -> u64 {
    let a = a << (64 - bits);
    let sign = !unsigned && a >> 63 == 1;
    // Still at the high end: `magnitude / 2^(64 - bits)` is the integer.
    let magnitude = if sign { a.wrapping_neg() } else { a };
    if magnitude == 0 {
        return 0;
    }
    let up = magnitude.leading_zeros();
    let exp = bits as i32 - 1 - up as i32 - fbits as i32;
    round_in::<F>(env, Exact { sign, exp, sig: magnitude << up }, rounding)
}

/// The integral part of `sig / 2^63 * 2^exp` (`exp` at most 63) and its fraction, the last bit sticky.
#[inline(always)]
fn parts(exp: i32, sig: u64) -> (u64, u64) {
    match exp {
        63 => (sig, 0),
        0.. => (sig >> (63 - exp), sig << (exp + 1)),
        _ => (0, shift_right_sticky(sig, (-1 - exp) as u32)),
    }
}
