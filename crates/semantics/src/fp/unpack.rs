//! FPUnpack: from bits to a sign, an exponent and a significand.

use super::{Format, FpEnv, Fpcr, Fpsr};

/// What a value is.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Kind {
    Zero,
    /// Normal or subnormal.
    Finite,
    Inf,
    Quiet,
    Signalling,
}

/// A value taken apart. If finite, it is `sig / 2^63 * 2^exp` and bit 63 of `sig` is set.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Unpacked {
    pub kind: Kind,
    pub sign: bool,
    pub exp: i32,
    pub sig: u64,
}

impl Unpacked {
    pub fn is_nan(&self) -> bool {
        matches!(self.kind, Kind::Quiet | Kind::Signalling)
    }
    pub fn is_inf(&self) -> bool {
        self.kind == Kind::Inf
    }
    pub fn is_zero(&self) -> bool {
        self.kind == Kind::Zero
    }
    pub fn negated(self) -> Unpacked {
        Unpacked { sign: !self.sign, ..self }
    }
}

/// FPUnpack: for arithmetic. Subnormals are flushed if FPCR says so; half precision is never alternative.
#[inline(always)]
pub(super) fn unpack<F: Format>(env: &mut FpEnv, bits: u64) -> Unpacked {
    let flush = F::flushes(env);
    unpack_as::<F>(env, bits, flush, false)
}

/// FPUnpackCV: for conversions between formats. FZ16 does not apply, AHP does.
#[inline(always)]
pub(super) fn unpack_cv<F: Format>(env: &mut FpEnv, bits: u64) -> Unpacked {
    let (flush, alternative) = (!F::HALF && F::flushes(env), F::HALF && env.has(Fpcr::AHP));
    unpack_as::<F>(env, bits, flush, alternative)
}

#[inline(always)]
fn unpack_as<F: Format>(env: &mut FpEnv, bits: u64, flush: bool, alternative: bool) -> Unpacked {
    let sign = bits & F::SIGN != 0;
    let (field, frac) = (bits >> F::FRAC & F::EXP_ONES, bits & F::FRAC_MASK);
    let special = |kind| Unpacked { kind, sign, exp: 0, sig: 0 };
    if field == 0 {
        if frac == 0 {
            return special(Kind::Zero);
        }
        if flush {
            input_denormal::<F>(env);
            return special(Kind::Zero);
        }
        let up = frac.leading_zeros();
        return Unpacked {
            kind: Kind::Finite,
            sign,
            exp: F::MIN_EXP - F::FRAC as i32 + 63 - up as i32,
            sig: frac << up,
        };
    }
    if field == F::EXP_ONES && !alternative {
        return special(match frac {
            0 => Kind::Inf,
            _ if frac & F::QUIET != 0 => Kind::Quiet,
            _ => Kind::Signalling,
        });
    }
    Unpacked { kind: Kind::Finite, sign, exp: field as i32 - F::BIAS, sig: 1 << 63 | frac << (63 - F::FRAC) }
}

/// `bits` with a subnormal flushed to zero if FPCR says so: all of FPUnpack that comparisons need.
#[inline(always)]
pub(super) fn squash<F: Format>(env: &mut FpEnv, bits: u64) -> u64 {
    let magnitude = bits & !F::SIGN;
    if magnitude != 0 && magnitude < F::MIN_NORMAL && F::flushes(env) {
        input_denormal::<F>(env);
        return bits & F::SIGN;
    }
    bits
}

/// FZ16 flushes in silence; FZ does not.
#[inline(always)]
fn input_denormal<F: Format>(env: &mut FpEnv) {
    if !F::HALF {
        env.raise(Fpsr::INPUT_DENORMAL);
    }
}
