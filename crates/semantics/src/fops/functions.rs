//! The functions of floating-point micro-ops: what happens in one lane.

use super::{FpEnv, Rounding};
use crate::fp::{self, Brain, Double, Format, Half, Single};

/// On one lane.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[allow(missing_docs)]
pub enum Fn1 {
    Abs,
    Neg,
    Sqrt,
    RecipEstimate,
    RSqrtEstimate,
    RecipExponent,
    /// URECPE, URSQRTE: of unsigned 32-bit fractions, whatever the shape.
    UnsignedRecip,
    UnsignedRSqrt,
    /// To an integral value; `None` is the mode of FPCR. `exact` can raise Inexact.
    RoundInt {
        rounding: Option<Rounding>,
        exact: bool,
    },
    /// To an integral value that fits a signed integer of `bits`, else the least such integer; can raise Inexact.
    RoundIntWithin {
        bits: u8,
        rounding: Option<Rounding>,
    },
    /// To BFloat16, low lanes to low lanes, in the mode of FPCR.
    ToBrain,
    /// Halves to singles, low lanes to low lanes, as FPMulAddH reads them: NaNs are not yet processed.
    ExtendHalf,
    /// A double to a 32-bit integer modulo 2^32, with NZCV in bits [63:60]: Z if it was that integer.
    ToJavascript,
    /// To another format, 1 to 3: low lanes to low lanes. `None` is the mode of FPCR.
    Convert {
        to: u8,
        rounding: Option<Rounding>,
    },
    /// To an integer of `1 << to` bytes with `fbits` fraction bits, saturated.
    ToFixed {
        to: u8,
        fbits: u8,
        unsigned: bool,
        rounding: Rounding,
    },
    /// The shape is of integers with `fbits` fraction bits; `to` is the format.
    FromFixed {
        to: u8,
        fbits: u8,
        unsigned: bool,
    },
    /// Compared with zero: a lane of ones or zeros.
    EqZero,
    GeZero,
    GtZero,
    LeZero,
    LtZero,
    /// All lanes to one: the lower half's result with the upper half's, down to single lanes.
    Reduce(Fn2),
}

/// On two lanes.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[allow(missing_docs)]
pub enum Fn2 {
    Add,
    Sub,
    Mul,
    /// Multiply, then negate (NaNs too).
    NegMul,
    MulX,
    Div,
    Max,
    Min,
    MaxNum,
    MinNum,
    /// `|a - b|`.
    Abd,
    RecipStep,
    RSqrtStep,
    /// A lane of ones or zeros.
    Eq,
    Ge,
    Gt,
    /// The same of magnitudes.
    AbsGe,
    AbsGt,
    /// NZCV in bits [31:28]. `signal`: quiet NaNs are invalid too.
    Compare {
        signal: bool,
    },
}

/// On three lanes, of which the first is the addend.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[allow(missing_docs)]
pub enum Fn3 {
    /// `a + b * c`, rounded once.
    MulAdd,
    /// `a - b * c`.
    MulSub,
    /// `-a - b * c`.
    NegMulAdd,
    /// `-a + b * c`.
    NegMulSub,
}

impl Fn1 {
    #[inline(always)]
    pub(super) fn lane<F: Format>(self, env: &mut FpEnv, a: u64) -> u64 {
        match self {
            Fn1::Abs => fp::abs::<F>(a),
            Fn1::Neg => fp::neg::<F>(a),
            Fn1::Sqrt => fp::sqrt::<F>(env, a),
            Fn1::RecipEstimate => fp::recip_estimate::<F>(env, a),
            Fn1::RSqrtEstimate => fp::rsqrt_estimate::<F>(env, a),
            Fn1::RecipExponent => fp::recip_exponent::<F>(env, a),
            Fn1::RoundInt { rounding, exact } => {
                let rounding = rounding.unwrap_or(env.rounding());
                fp::round_int::<F>(env, a, rounding, exact)
            }
            Fn1::RoundIntWithin { bits, rounding } => {
                let rounding = rounding.unwrap_or(env.rounding());
                fp::round_int_within::<F>(env, a, bits.into(), rounding)
            }
            Fn1::ToBrain => {
                let rounding = env.rounding();
                fp::convert::<F, Brain>(env, a, rounding)
            }
            Fn1::ExtendHalf => fp::extend_half(env, a),
            Fn1::ToJavascript => {
                let (integer, exact) = fp::to_javascript::<F>(env, a);
                u64::from(integer) | u64::from(exact) << 62
            }
            Fn1::Convert { to, rounding } => {
                let rounding = rounding.unwrap_or(env.rounding());
                match to {
                    1 => fp::convert::<F, Half>(env, a, rounding),
                    2 => fp::convert::<F, Single>(env, a, rounding),
                    _ => fp::convert::<F, Double>(env, a, rounding),
                }
            }
            Fn1::ToFixed { to, fbits, unsigned, rounding } => {
                fp::to_fixed::<F>(env, a, fbits.into(), 8 << to, unsigned, rounding)
            }
            Fn1::EqZero => ones::<F>(fp::compare_eq::<F>(env, a, 0)),
            Fn1::GeZero => ones::<F>(fp::compare_ge::<F>(env, a, 0)),
            Fn1::GtZero => ones::<F>(fp::compare_gt::<F>(env, a, 0)),
            Fn1::LeZero => ones::<F>(fp::compare_ge::<F>(env, 0, a)),
            Fn1::LtZero => ones::<F>(fp::compare_gt::<F>(env, 0, a)),
            // Not of a floating-point operand, or not of one lane: `FOp1` never asks.
            Fn1::FromFixed { .. } | Fn1::UnsignedRecip | Fn1::UnsignedRSqrt | Fn1::Reduce(_) => a,
        }
    }
}

impl Fn2 {
    /// The value of one lane of `1 << esize` bytes.
    #[inline(always)]
    pub fn lane_of(self, esize: u8, env: &mut FpEnv, a: u64, b: u64) -> u64 {
        match esize {
            1 => self.lane::<Half>(env, a, b),
            2 => self.lane::<Single>(env, a, b),
            _ => self.lane::<Double>(env, a, b),
        }
    }

    #[inline(always)]
    fn lane<F: Format>(self, env: &mut FpEnv, a: u64, b: u64) -> u64 {
        match self {
            Fn2::Add => fp::add::<F>(env, a, b),
            Fn2::Sub => fp::sub::<F>(env, a, b),
            Fn2::Mul => fp::mul::<F>(env, a, b),
            Fn2::NegMul => fp::neg::<F>(fp::mul::<F>(env, a, b)),
            Fn2::MulX => fp::mul_x::<F>(env, a, b),
            Fn2::Div => fp::div::<F>(env, a, b),
            Fn2::Max => fp::max::<F>(env, a, b),
            Fn2::Min => fp::min::<F>(env, a, b),
            Fn2::MaxNum => fp::max_num::<F>(env, a, b),
            Fn2::MinNum => fp::min_num::<F>(env, a, b),
            Fn2::Abd => fp::abd::<F>(env, a, b),
            Fn2::RecipStep => fp::recip_step::<F>(env, a, b),
            Fn2::RSqrtStep => fp::rsqrt_step::<F>(env, a, b),
            Fn2::Eq => ones::<F>(fp::compare_eq::<F>(env, a, b)),
            Fn2::Ge => ones::<F>(fp::compare_ge::<F>(env, a, b)),
            Fn2::Gt => ones::<F>(fp::compare_gt::<F>(env, a, b)),
            Fn2::AbsGe => ones::<F>(fp::compare_ge::<F>(env, fp::abs::<F>(a), fp::abs::<F>(b))),
            Fn2::AbsGt => ones::<F>(fp::compare_gt::<F>(env, fp::abs::<F>(a), fp::abs::<F>(b))),
            Fn2::Compare { signal } => u64::from(fp::compare::<F>(env, a, b, signal)) << 28,
        }
    }
}

impl Fn3 {
    /// The value of one lane of `1 << esize` bytes.
    #[inline(always)]
    pub fn lane_of(self, esize: u8, env: &mut FpEnv, a: u64, b: u64, c: u64) -> u64 {
        match esize {
            1 => self.lane::<Half>(env, a, b, c),
            2 => self.lane::<Single>(env, a, b, c),
            _ => self.lane::<Double>(env, a, b, c),
        }
    }

    /// Operands are negated as bits, so a NaN among them changes sign.
    #[inline(always)]
    fn lane<F: Format>(self, env: &mut FpEnv, a: u64, b: u64, c: u64) -> u64 {
        let (a, b) = match self {
            Fn3::MulAdd => (a, b),
            Fn3::MulSub => (a, fp::neg::<F>(b)),
            Fn3::NegMulAdd => (fp::neg::<F>(a), fp::neg::<F>(b)),
            Fn3::NegMulSub => (fp::neg::<F>(a), b),
        };
        fp::mul_add::<F>(env, a, b, c)
    }
}

/// FixedToFP to the format of `1 << to` bytes.
#[inline(always)]
pub(super) fn from_fixed(env: &mut FpEnv, a: u64, from: u8, to: u8, fbits: u8, unsigned: bool) -> u64 {
    let (fbits, bits, rounding) = (fbits.into(), 8 << from, env.rounding());
    match to {
        1 => fp::from_fixed::<Half>(env, a, fbits, bits, unsigned, rounding),
        2 => fp::from_fixed::<Single>(env, a, fbits, bits, unsigned, rounding),
        _ => fp::from_fixed::<Double>(env, a, fbits, bits, unsigned, rounding),
    }
}

/// A lane of ones or zeros.
#[inline(always)]
fn ones<F: Format>(condition: bool) -> u64 {
    if condition { u64::MAX >> (64 - F::BITS) } else { 0 }
}
