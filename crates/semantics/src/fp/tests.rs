//! Laws of the arithmetic: known hard cases, the host's arithmetic, and LLVM's APFloat in every mode.

mod brain;
mod cases;
mod halves;
mod nearest;
mod oracle;

use super::*;
use proptest::prelude::*;

type Unary = fn(&mut FpEnv, u64) -> u64;
type Binary = fn(&mut FpEnv, u64, u64) -> u64;

/// What `f` gives and which flags it raises. Also runs it with Inexact already set, which lets the host
/// compute: that must change nothing.
#[track_caller]
fn run(fpcr: u32, f: impl Fn(&mut FpEnv) -> u64) -> (u64, u32) {
    let mut env = FpEnv { fpcr, fpsr: 0 };
    let got = f(&mut env);
    let mut again = FpEnv { fpcr, fpsr: Fpsr::INEXACT };
    assert_eq!(f(&mut again), got, "with the host's help");
    assert_eq!(again, FpEnv { fpcr, fpsr: env.fpsr | Fpsr::INEXACT }, "with the host's help");
    (got, env.fpsr)
}

/// FPCR of a rounding mode.
const fn rmode(mode: u32) -> u32 {
    mode << 22
}

/// FPCR with any combination of what arithmetic reads.
fn any_fpcr() -> impl Strategy<Value = u32> {
    any::<u32>().prop_map(|v| v & (Fpcr::RMODE | Fpcr::FZ | Fpcr::FZ16 | Fpcr::DN | Fpcr::AHP))
}

/// Bits of `F`, with the corners far more likely than chance has them.
fn operand<F: Format>() -> impl Strategy<Value = u64> {
    let corners = [0, 1, 2, F::MIN_NORMAL - 1, F::MIN_NORMAL, F::MIN_NORMAL + 1, F::TWO, F::TWO - 1, F::TWO + 1];
    let corners = corners.into_iter().chain([F::MAX_NORMAL, F::INF, F::INF + 1, F::DEFAULT_NAN, F::DEFAULT_NAN + 5]);
    let corners: Vec<u64> = corners.collect();
    let mask = F::SIGN | (F::SIGN - 1);
    // Exponents near one, so that sums align and products stay in range; few or many fraction bits.
    let near = move |(r, exp, thin): (u64, u64, u64)| {
        let exp = (F::BIAS as u64 + exp % 8 - 4) << F::FRAC;
        r & F::SIGN | exp | r & thin & F::FRAC_MASK
    };
    let small = move |(r, shift): (u64, u32)| (r & F::SIGN) | (r & F::FRAC_MASK) >> (shift % F::FRAC);
    prop_oneof![
        3 => any::<u64>().prop_map(move |r| r & mask),
        3 => any::<(u64, u64, u64)>().prop_map(near),
        1 => any::<(u64, u32)>().prop_map(small),
        2 => (proptest::sample::select(corners), any::<bool>()).prop_map(|(c, s)| c | F::sign(s)),
    ]
}
