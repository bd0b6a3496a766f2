//! FPConvert: between formats.

use super::round::{Exact, round_cv};
use super::unpack::{Kind, unpack, unpack_cv};
use super::{Format, FpEnv, Fpcr, Fpsr, Half, Rounding, Single};

/// FPConvert.
#[inline(never)]
pub fn convert<From: Format, To: Format>(env: &mut FpEnv, a: u64, rounding: Rounding) -> u64 {
    let x = unpack_cv::<From>(env, a);
    let alternative = To::HALF && env.has(Fpcr::AHP);
    let sign = To::sign(x.sign);
    match x.kind {
        Kind::Zero => sign,
        Kind::Finite => round_cv::<To>(env, Exact { sign: x.sign, exp: x.exp, sig: x.sig }, rounding),
        Kind::Inf if alternative => {
            env.raise(Fpsr::INVALID);
            sign | (To::SIGN - 1)
        }
        Kind::Inf => sign | To::INF,
        Kind::Quiet | Kind::Signalling => {
            if x.kind == Kind::Signalling || alternative {
                env.raise(Fpsr::INVALID);
            }
            match (alternative, env.has(Fpcr::DN)) {
                (true, _) => sign,
                (_, true) => To::DEFAULT_NAN,
                _ => sign | To::DEFAULT_NAN | payload::<From, To>(a),
            }
        }
    }
}

/// A half as FPMulAddH sees it, as a single: exact, so no flag is raised; FZ16 flushes, NaNs keep their kind.
#[inline(always)]
pub fn extend_half(env: &mut FpEnv, a: u64) -> u64 {
    let x = unpack::<Half>(env, a);
    Single::sign(x.sign)
        | match x.kind {
            Kind::Zero => 0,
            Kind::Finite => ((x.exp - Single::MIN_EXP) as u64 * Single::MIN_NORMAL) + (x.sig >> (63 - Single::FRAC)),
            Kind::Inf => Single::INF,
            Kind::Quiet | Kind::Signalling => Single::INF | payload::<Half, Single>(a),
        }
}

/// FPConvertNaN: the fraction keeps its leading bits.
fn payload<From: Format, To: Format>(a: u64) -> u64 {
    let leading = (a & From::FRAC_MASK) << (64 - From::FRAC);
    leading >> (64 - To::FRAC)
}
