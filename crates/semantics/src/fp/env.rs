//! FPCR and FPSR as arithmetic sees them, and rounding modes.

/// What floating-point micro-ops read and accumulate.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct FpEnv {
    /// FPCR as the architecture lays it out.
    pub fpcr: u32,
    /// FPSR: cumulative flags; ops only set bits.
    pub fpsr: u32,
}

/// Fields of FPCR that arithmetic reads. Trapped exceptions are not implemented, so their enables are RES0.
#[allow(missing_docs)]
pub struct Fpcr;

#[allow(missing_docs)]
impl Fpcr {
    /// Flush half-precision subnormals to zero.
    pub const FZ16: u32 = 1 << 19;
    pub const RMODE: u32 = 0b11 << 22;
    /// Flush single- and double-precision subnormals to zero.
    pub const FZ: u32 = 1 << 24;
    /// Every NaN result is the default NaN.
    pub const DN: u32 = 1 << 25;
    /// Half precision in conversions is the alternative format: no infinities, no NaNs.
    pub const AHP: u32 = 1 << 26;
}

/// Cumulative exception bits of FPSR.
#[allow(missing_docs)]
pub struct Fpsr;

#[allow(missing_docs)]
impl Fpsr {
    pub const INVALID: u32 = 1 << 0;
    pub const DIVIDE_BY_ZERO: u32 = 1 << 1;
    pub const OVERFLOW: u32 = 1 << 2;
    pub const UNDERFLOW: u32 = 1 << 3;
    pub const INEXACT: u32 = 1 << 4;
    pub const INPUT_DENORMAL: u32 = 1 << 7;
}

/// How an inexact result is rounded (`FPRounding`). The first four are FPCR.RMode in its order.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[allow(missing_docs)]
pub enum Rounding {
    TieEven,
    PlusInf,
    MinusInf,
    Zero,
    TieAway,
    /// Inexact results get an odd last bit, so that a second rounding does no harm (FCVTXN).
    Odd,
}

impl Rounding {
    /// From a two-bit `rmode` field: of FPCR, and of the conversions that name their rounding.
    #[inline(always)]
    pub const fn of(rmode: u32) -> Rounding {
        match rmode & 3 {
            0 => Rounding::TieEven,
            1 => Rounding::PlusInf,
            2 => Rounding::MinusInf,
            _ => Rounding::Zero,
        }
    }

    /// Is the magnitude rounded up? `rest` is the cut fraction as a 64-bit binary fraction, its last bit
    /// sticky; `odd` is the last kept bit.
    #[inline(always)]
    pub(super) const fn up(self, sign: bool, odd: bool, rest: u64) -> bool {
        const HALF: u64 = 1 << 63;
        match self {
            Rounding::TieEven => rest > HALF || rest == HALF && odd,
            Rounding::TieAway => rest >= HALF,
            Rounding::PlusInf => rest != 0 && !sign,
            Rounding::MinusInf => rest != 0 && sign,
            Rounding::Zero | Rounding::Odd => false,
        }
    }

    /// Does a result too large become infinity (else the largest normal)?
    #[inline(always)]
    pub(super) const fn overflows_to_infinity(self, sign: bool) -> bool {
        match self {
            Rounding::TieEven | Rounding::TieAway => true,
            Rounding::PlusInf => !sign,
            Rounding::MinusInf => sign,
            Rounding::Zero | Rounding::Odd => false,
        }
    }
}

impl FpEnv {
    /// FPRoundingMode: the mode FPCR selects.
    #[inline(always)]
    pub const fn rounding(&self) -> Rounding {
        Rounding::of(self.fpcr >> 22)
    }

    /// Is this FPCR bit set?
    #[inline(always)]
    pub(super) const fn has(&self, fpcr_bit: u32) -> bool {
        self.fpcr & fpcr_bit != 0
    }

    /// FPProcessException, untrapped: accumulates.
    #[inline(always)]
    pub(super) const fn raise(&mut self, fpsr_bits: u32) {
        self.fpsr |= fpsr_bits;
    }

    /// The sign of a sum that cancels exactly.
    #[inline(always)]
    pub(super) fn zero_sign(&self) -> bool {
        self.rounding() == Rounding::MinusInf
    }
}
