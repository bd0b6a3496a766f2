//! What becomes of NaNs: FPProcessNaN and its two- and three-operand forms.

use super::unpack::{Kind, Unpacked};
use super::{Format, FpEnv, Fpcr, Fpsr};

/// FPProcessNaN: the result of an operation on the NaN `a`.
#[cold]
pub(super) fn process_nan<F: Format>(env: &mut FpEnv, a: u64) -> u64 {
    if F::is_signalling(a) {
        env.raise(Fpsr::INVALID);
    }
    if env.has(Fpcr::DN) { F::DEFAULT_NAN } else { a | F::QUIET }
}

/// FPProcessNaNs and FPProcessNaNs3: the first signalling NaN wins, then the first quiet one.
/// `None` if there is no NaN.
#[inline(always)]
pub(super) fn process_nans<F: Format, const N: usize>(
    env: &mut FpEnv,
    unpacked: [&Unpacked; N],
    bits: [u64; N],
) -> Option<u64> {
    if !unpacked.iter().any(|u| u.is_nan()) {
        return None;
    }
    let first = |kind| (0..N).find(|&i| unpacked[i].kind == kind);
    let chosen = first(Kind::Signalling).or_else(|| first(Kind::Quiet))?;
    Some(process_nan::<F>(env, bits[chosen]))
}

/// The result of an operation that is invalid by its operands' values.
#[cold]
pub(super) fn invalid<F: Format>(env: &mut FpEnv) -> u64 {
    env.raise(Fpsr::INVALID);
    F::DEFAULT_NAN
}
