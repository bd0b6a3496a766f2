//! Where the host's own arithmetic may stand in for ours.
//!
//! The host rounds to nearest, ties to even (Rust assumes it), and is correctly rounded for these operations.
//! So its bits are right whenever FPCR asks for that mode and does not flush. Its flags we never see; but if
//! the result is finite and above the smallest normal, the operation can have raised Inexact only: not
//! Invalid (the result would be NaN), nor DivideByZero or Overflow (infinity), nor Underflow (a tiny value
//! rounds to at most the smallest normal), nor InputDenormal (that needs FZ). And Inexact tells nothing new
//! where FPSR has it already, which real programs reach with their first division. No operand needs a look.

use super::{FpEnv, Fpcr, Fpsr};

/// The operations borrowed from the host.
#[derive(Clone, Copy)]
pub(super) enum Borrowed {
    Add,
    Sub,
    Mul,
    Div,
}

/// May the host compute under `env`?
#[inline(always)]
pub(super) const fn allowed(env: &FpEnv) -> bool {
    env.fpcr & (Fpcr::RMODE | Fpcr::FZ) == 0 && env.fpsr & Fpsr::INEXACT != 0
}

/// `op` in a format of `bits`, if the host's answer is provably ours.
#[inline(always)]
pub(super) fn borrow2(bits: u32, op: Borrowed, env: &FpEnv, a: u64, b: u64) -> Option<u64> {
    if bits == 16 || !allowed(env) {
        return None;
    }
    if bits == 32 {
        let (a, b) = (f32::from_bits(a as u32), f32::from_bits(b as u32));
        return plain32(match op {
            Borrowed::Add => a + b,
            Borrowed::Sub => a - b,
            Borrowed::Mul => a * b,
            Borrowed::Div => a / b,
        });
    }
    let (a, b) = (f64::from_bits(a), f64::from_bits(b));
    plain64(match op {
        Borrowed::Add => a + b,
        Borrowed::Sub => a - b,
        Borrowed::Mul => a * b,
        Borrowed::Div => a / b,
    })
}

/// Square root, likewise.
#[inline(always)]
pub(super) fn borrow_sqrt(bits: u32, env: &FpEnv, a: u64) -> Option<u64> {
    match bits {
        32 if allowed(env) => plain32(f32::from_bits(a as u32).sqrt()),
        64 if allowed(env) => plain64(f64::from_bits(a).sqrt()),
        _ => None,
    }
}

/// `c + a * b` rounded once, likewise.
#[inline(always)]
pub(super) fn borrow_mul_add(bits: u32, env: &FpEnv, c: u64, a: u64, b: u64) -> Option<u64> {
    let single = |x: u64| f32::from_bits(x as u32);
    match bits {
        32 if allowed(env) => plain32(single(a).mul_add(single(b), single(c))),
        64 if allowed(env) => plain64(f64::from_bits(a).mul_add(f64::from_bits(b), f64::from_bits(c))),
        _ => None,
    }
}

/// The bits of `r` if it is finite and above the smallest normal.
#[inline(always)]
fn plain32(r: f32) -> Option<u64> {
    (r.abs() > f32::MIN_POSITIVE && r.abs() < f32::INFINITY).then(|| u64::from(r.to_bits()))
}

#[inline(always)]
fn plain64(r: f64) -> Option<u64> {
    (r.abs() > f64::MIN_POSITIVE && r.abs() < f64::INFINITY).then(|| r.to_bits())
}
