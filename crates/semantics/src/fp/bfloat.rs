//! Sums of BFloat16 products: BFDotAdd, without the behaviours of FEAT_EBF16.
//!
//! Neither FPCR nor FPSR plays a part: subnormals are zero before and after, every NaN is the default one, and
//! results are rounded to odd, which a later rounding to nearest forgives.

use super::fused::fused;
use super::round::{Exact, round_in};
use super::unpack::{Kind, Unpacked, unpack};
use super::{Format, FpEnv, Fpcr, Fpsr, Rounding, Single};

const ONE: Unpacked = Unpacked { kind: Kind::Finite, sign: false, exp: 0, sig: 1 << 63 };
const NOTHING: Unpacked = Unpacked { kind: Kind::Zero, sign: false, exp: 0, sig: 0 };

/// BFDotAdd: the single `addend` plus the products of the two numbers in `a` with those in `b`.
pub fn bf_dot_add(addend: u32, a: u32, b: u32) -> u32 {
    let low = multiply(a << 16, b << 16);
    let high = multiply(a & 0xffff_0000, b & 0xffff_0000);
    add(addend, add(low, high))
}

/// BFUnpack: subnormals are zero.
fn bf_unpack(a: u32) -> Unpacked {
    unpack::<Single>(&mut FpEnv { fpcr: Fpcr::FZ, fpsr: 0 }, a.into())
}

/// BFMul, of operands whose low halves are zero.
fn multiply(a: u32, b: u32) -> u32 {
    let (x, y) = (bf_unpack(a), bf_unpack(b));
    let sign = x.sign != y.sign;
    if x.is_nan() || y.is_nan() || x.is_inf() && y.is_zero() || x.is_zero() && y.is_inf() {
        Single::DEFAULT_NAN as u32
    } else if x.is_inf() || y.is_inf() {
        infinity(sign)
    } else {
        bf_round(fused(NOTHING, x, y)).unwrap_or(Single::sign(sign) as u32)
    }
}

/// BFAdd.
fn add(a: u32, b: u32) -> u32 {
    let (x, y) = (bf_unpack(a), bf_unpack(b));
    if x.is_nan() || y.is_nan() || x.is_inf() && y.is_inf() && x.sign != y.sign {
        Single::DEFAULT_NAN as u32
    } else if x.is_inf() || y.is_inf() {
        infinity(if x.is_inf() { x.sign } else { y.sign })
    } else {
        let both = x.is_zero() && y.is_zero() && x.sign && y.sign;
        bf_round(fused(x, y, ONE)).unwrap_or(Single::sign(both) as u32)
    }
}

fn infinity(sign: bool) -> u32 {
    (Single::sign(sign) | Single::INF) as u32
}

/// BFRound: to odd, but what is too large is infinite, and what is subnormal is zero.
fn bf_round(value: Option<Exact>) -> Option<u32> {
    let value = value?;
    let mut env = FpEnv { fpcr: Fpcr::FZ, fpsr: 0 };
    let rounded = round_in::<Single>(&mut env, value, Rounding::Odd) as u32;
    Some(if env.fpsr & Fpsr::OVERFLOW != 0 { infinity(value.sign) } else { rounded })
}
