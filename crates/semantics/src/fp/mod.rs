//! Floating-point arithmetic as the architecture defines it, in integers.
//!
//! Names and case order follow ARM DDI 0487, "shared/functions/float". Everything works on the bits of a value
//! in the low end of a `u64`, is generic over its `Format`, reads FPCR and accumulates into FPSR.
//! Nothing here depends on the host's rounding mode or flags; `host` says where host arithmetic is borrowed.

mod add;
mod bfloat;
mod compare;
mod convert;
mod divide;
mod env;
mod estimate;
mod fixed;
mod format;
mod fused;
mod host;
mod multiply;
mod nan;
mod round;
#[cfg(test)]
mod tests;
mod unpack;

pub use add::{abd, add, sub};
pub use bfloat::bf_dot_add;
pub use compare::{compare, compare_eq, compare_ge, compare_gt, max, max_num, min, min_num};
pub use convert::{convert, extend_half};
pub use divide::{div, sqrt};
pub use env::{FpEnv, Fpcr, Fpsr, Rounding};
pub use estimate::{recip_estimate, recip_exponent, rsqrt_estimate, unsigned_recip_estimate, unsigned_rsqrt_estimate};
pub use fixed::{from_fixed, round_int, round_int_within, to_fixed, to_javascript};
pub use format::{Brain, Double, Format, Half, Single};
pub use fused::{mul_add, recip_step, rsqrt_step};
pub use multiply::{mul, mul_x};

/// FPAbs: clears the sign, of NaNs too.
#[inline(always)]
pub fn abs<F: Format>(a: u64) -> u64 {
    a & !F::SIGN
}

/// FPNeg: inverts the sign, of NaNs too.
#[inline(always)]
pub fn neg<F: Format>(a: u64) -> u64 {
    a ^ F::SIGN
}
