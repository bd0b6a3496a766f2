//! Floating-point micro-ops, scalar and vector, each with its one meaning.

/// What floating-point micro-ops read and accumulate.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct FpEnv {
    /// FPCR as the architecture lays it out.
    pub fpcr: u32,
    /// FPSR: cumulative flags; ops only set bits.
    pub fpsr: u32,
}

/// One operand, with FPCR and FPSR.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[allow(missing_docs)]
pub enum FOp1 {}

/// Two operands, with FPCR and FPSR.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[allow(missing_docs)]
pub enum FOp2 {}

/// Three operands, with FPCR and FPSR.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[allow(missing_docs)]
pub enum FOp3 {}

impl FOp1 {
    /// The value of the op.
    #[inline(always)]
    pub fn eval(self, _env: &mut FpEnv, _a: u128) -> u128 {
        match self {}
    }
}

impl FOp2 {
    /// The value of the op.
    #[inline(always)]
    pub fn eval(self, _env: &mut FpEnv, _a: u128, _b: u128) -> u128 {
        match self {}
    }
}

impl FOp3 {
    /// The value of the op.
    #[inline(always)]
    pub fn eval(self, _env: &mut FpEnv, _a: u128, _b: u128, _c: u128) -> u128 {
        match self {}
    }
}
