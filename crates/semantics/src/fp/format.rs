//! The formats: IEEE 754 binary16, binary32, binary64, and BFloat16.

use super::{FpEnv, Fpcr};

/// A floating-point format; everything follows from its two widths.
#[allow(missing_docs)]
pub trait Format {
    /// Width of the exponent field in bits.
    const EXP: u32;
    /// Width of the fraction field in bits.
    const FRAC: u32;

    const BITS: u32 = 1 + Self::EXP + Self::FRAC;
    /// Binary16, which FPCR treats apart (FZ16, AHP).
    const HALF: bool = Self::EXP == 5;
    const BIAS: i32 = (1 << (Self::EXP - 1)) - 1;
    /// The exponent of the smallest normal, and of all subnormals.
    const MIN_EXP: i32 = 1 - Self::BIAS;
    /// The exponent field of infinities and NaNs.
    const EXP_ONES: u64 = (1 << Self::EXP) - 1;
    const FRAC_MASK: u64 = (1 << Self::FRAC) - 1;
    const SIGN: u64 = 1 << (Self::BITS - 1);
    const INF: u64 = Self::EXP_ONES << Self::FRAC;
    /// The fraction bit that tells quiet NaNs from signalling ones.
    const QUIET: u64 = 1 << (Self::FRAC - 1);
    const DEFAULT_NAN: u64 = Self::INF | Self::QUIET;
    const MAX_NORMAL: u64 = Self::INF - 1;
    const MIN_NORMAL: u64 = 1 << Self::FRAC;
    const ONE_POINT_FIVE: u64 = (Self::BIAS as u64) << Self::FRAC | Self::QUIET;
    const TWO: u64 = (Self::BIAS as u64 + 1) << Self::FRAC;

    /// Does FPCR flush this format's subnormals?
    #[inline(always)]
    fn flushes(env: &FpEnv) -> bool {
        env.has(if Self::HALF { Fpcr::FZ16 } else { Fpcr::FZ })
    }

    /// The result's sign bit in place.
    #[inline(always)]
    fn sign(sign: bool) -> u64 {
        if sign { Self::SIGN } else { 0 }
    }

    #[inline(always)]
    fn is_nan(a: u64) -> bool {
        a & !Self::SIGN > Self::INF
    }

    #[inline(always)]
    fn is_signalling(a: u64) -> bool {
        Self::is_nan(a) && a & Self::QUIET == 0
    }
}

/// Binary16.
pub struct Half;
/// Binary32.
pub struct Single;
/// Binary64.
pub struct Double;

/// BFloat16: the upper half of a binary32. Only conversions use it.
pub struct Brain;

impl Format for Half {
    const EXP: u32 = 5;
    const FRAC: u32 = 10;
}

impl Format for Single {
    const EXP: u32 = 8;
    const FRAC: u32 = 23;
}

impl Format for Double {
    const EXP: u32 = 11;
    const FRAC: u32 = 52;
}

impl Format for Brain {
    const EXP: u32 = 8;
    const FRAC: u32 = 7;
}
