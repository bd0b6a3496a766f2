//! The 8-bit estimates: FPRecipEstimate, FPRSqrtEstimate, their unsigned forms, and FPRecpX.
//!
//! Software refines them by Newton's steps, so their bits are visible and exactly defined.

use super::nan::{invalid, process_nan};
use super::unpack::{Kind, squash, unpack};
use super::{Format, FpEnv, Fpsr};

/// RecipEstimate: the nine-bit estimate of `2^17 / a`, for `a` in [256, 512).
const fn recip(a: u64) -> u64 {
    let a = a * 2 + 1;
    let b = (1 << 19) / a;
    b.div_ceil(2)
}

/// RecipSqrtEstimate: for `a` in [128, 512), of which [128, 256) stands for twice the step.
const fn rsqrt(a: u64) -> u64 {
    let a = if a < 256 { a * 2 + 1 } else { ((a >> 1 << 1) + 1) * 2 };
    // The largest b with a * b * b < 2^28.
    let b = (((1 << 28) - 1) / a).isqrt();
    b.div_ceil(2)
}

const RECIP: [u8; 256] = {
    let mut table = [0; 256];
    let mut i = 0;
    while i < 256 {
        table[i] = recip(256 + i as u64) as u8; // the ninth bit is always set
        i += 1;
    }
    table
};

const RSQRT: [u8; 384] = {
    let mut table = [0; 384];
    let mut i = 0;
    while i < 384 {
        table[i] = rsqrt(128 + i as u64) as u8;
        i += 1;
    }
    table
};

/// FPRecipEstimate.
pub fn recip_estimate<F: Format>(env: &mut FpEnv, a: u64) -> u64 {
    let x = unpack::<F>(env, a);
    let sign = F::sign(x.sign);
    match x.kind {
        Kind::Quiet | Kind::Signalling => return process_nan::<F>(env, a),
        Kind::Inf => return sign,
        Kind::Zero => {
            env.raise(Fpsr::DIVIDE_BY_ZERO);
            return sign | F::INF;
        }
        Kind::Finite => {}
    }
    // Two below the smallest normal exponent, 1/a would exceed the largest normal.
    if x.exp < F::MIN_EXP - 2 {
        env.raise(Fpsr::OVERFLOW | Fpsr::INEXACT);
        return sign | if env.rounding().overflows_to_infinity(x.sign) { F::INF } else { F::MAX_NORMAL };
    }
    if F::flushes(env) && x.exp >= -F::MIN_EXP {
        env.raise(Fpsr::UNDERFLOW);
        return sign;
    }
    let estimate = 1 << 8 | u64::from(RECIP[(x.sig >> 55 & 0xff) as usize]);
    // 0.5 <= scaled < 1, so the reciprocal is `estimate / 256` with the exponent negated, less one.
    let field = F::BIAS - 1 - x.exp;
    let frac = estimate << (F::FRAC - 8);
    sign | match field {
        1.. => (field as u64) << F::FRAC | frac & F::FRAC_MASK,
        _ => frac >> (1 - field),
    }
}

/// FPRSqrtEstimate.
pub fn rsqrt_estimate<F: Format>(env: &mut FpEnv, a: u64) -> u64 {
    let x = unpack::<F>(env, a);
    match x.kind {
        Kind::Quiet | Kind::Signalling => return process_nan::<F>(env, a),
        Kind::Zero => {
            env.raise(Fpsr::DIVIDE_BY_ZERO);
            return F::sign(x.sign) | F::INF;
        }
        _ if x.sign => return invalid::<F>(env),
        Kind::Inf => return 0,
        Kind::Finite => {}
    }
    // Scaled to [0.25, 1) with an even exponent; an odd one stands in [0.5, 1).
    let scaled = match x.exp & 1 {
        0 => x.sig >> 56,
        _ => x.sig >> 55,
    };
    let estimate = u64::from(RSQRT[scaled as usize - 128]);
    let field = F::BIAS as i64 - 1 - i64::from(x.exp >> 1);
    (field as u64) << F::FRAC | estimate << (F::FRAC - 8)
}

/// FPRecpX: a power of two near `1 / a`, for scaling.
pub fn recip_exponent<F: Format>(env: &mut FpEnv, a: u64) -> u64 {
    let a = squash::<F>(env, a);
    if F::is_nan(a) {
        return process_nan::<F>(env, a);
    }
    let exp = a & F::INF;
    a & F::SIGN | if exp == 0 { F::MAX_NORMAL & F::INF } else { exp ^ F::INF }
}

/// UnsignedRecipEstimate: of a 32-bit fraction.
pub fn unsigned_recip_estimate(a: u32) -> u32 {
    match a >> 23 {
        0..256 => u32::MAX,
        scaled => 1 << 31 | u32::from(RECIP[scaled as usize - 256]) << 23,
    }
}

/// UnsignedRSqrtEstimate: of a 32-bit fraction.
pub fn unsigned_rsqrt_estimate(a: u32) -> u32 {
    match a >> 23 {
        0..128 => u32::MAX,
        scaled => 1 << 31 | u32::from(RSQRT[scaled as usize - 128]) << 23,
    }
}
