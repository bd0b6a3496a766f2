//! FPRound: from an exact value to bits, with the flags that costs.

use super::{Format, FpEnv, Fpcr, Fpsr, Rounding};

/// A nonzero finite value, `sig / 2^63 * 2^exp`, bit 63 of `sig` set, its last bit sticky.
#[derive(Clone, Copy, Debug)]
pub(super) struct Exact {
    pub sign: bool,
    pub exp: i32,
    pub sig: u64,
}

/// `sig >> n`, with whatever is shifted out left visible in the last bit.
#[inline(always)]
pub(super) const fn shift_right_sticky(sig: u64, n: u32) -> u64 {
    match n {
        0 => sig,
        1..64 => sig >> n | (sig << (64 - n) != 0) as u64,
        _ => (sig != 0) as u64,
    }
}

/// The same in 128 bits.
#[inline(always)]
pub(super) const fn shift_right_sticky_wide(sig: u128, n: u32) -> u128 {
    match n {
        0 => sig,
        1..128 => sig >> n | (sig << (128 - n) != 0) as u128,
        _ => (sig != 0) as u128,
    }
}

/// FPRound in the mode FPCR selects.
#[inline(always)]
pub(super) fn round<F: Format>(env: &mut FpEnv, value: Exact) -> u64 {
    let rounding = env.rounding();
    round_in::<F>(env, value, rounding)
}

/// FPRound: flushes if FPCR says so; half precision is never alternative.
#[inline(always)]
pub(super) fn round_in<F: Format>(env: &mut FpEnv, value: Exact, rounding: Rounding) -> u64 {
    let flush = F::flushes(env);
    round_as::<F>(env, value, rounding, flush, false)
}

/// FPRoundCV: for conversions between formats. FZ16 does not apply, AHP does.
#[inline(always)]
pub(super) fn round_cv<F: Format>(env: &mut FpEnv, value: Exact, rounding: Rounding) -> u64 {
    let (flush, alternative) = (!F::HALF && F::flushes(env), F::HALF && env.has(Fpcr::AHP));
    round_as::<F>(env, value, rounding, flush, alternative)
}

#[inline(always)]
fn round_as<F: Format>(env: &mut FpEnv, value: Exact, rounding: Rounding, flush: bool, alternative: bool) -> u64 {
    let Exact { sign, exp, sig } = value;
    debug_assert!(sig >> 63 == 1);
    let tiny = exp < F::MIN_EXP;
    if tiny && flush {
        // Not inexact, though it is: flushing has its own rules.
        env.raise(Fpsr::UNDERFLOW);
        return F::sign(sign);
    }
    // `lead` counts in units of the leading bit, which itself adds one to the exponent field.
    let (lead, sig) = match tiny {
        true => (0, shift_right_sticky(sig, (F::MIN_EXP - exp) as u32)),
        false => ((exp - F::MIN_EXP) as u64, sig),
    };
    let cut = 63 - F::FRAC;
    let (kept, rest) = (sig >> cut, sig << (64 - cut));
    let mut error = rest != 0;
    if tiny && error {
        // Tininess is detected before rounding.
        env.raise(Fpsr::UNDERFLOW);
    }
    // A carry out of the fraction increments the exponent field by itself.
    let mut magnitude = (lead << F::FRAC) + kept + u64::from(rounding.up(sign, kept & 1 == 1, rest));
    if rounding == Rounding::Odd && error {
        magnitude |= 1;
    }
    if alternative {
        if magnitude >= F::SIGN {
            env.raise(Fpsr::INVALID);
            return F::sign(sign) | (F::SIGN - 1);
        }
    } else if magnitude >= F::INF {
        env.raise(Fpsr::OVERFLOW);
        error = true;
        magnitude = if rounding.overflows_to_infinity(sign) { F::INF } else { F::MAX_NORMAL };
    }
    if error {
        env.raise(Fpsr::INEXACT);
    }
    F::sign(sign) | magnitude
}
