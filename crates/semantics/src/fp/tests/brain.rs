//! What the `max` model adds: BFloat16, integers of a width rounded to in floating point, JavaScript's conversion.

use super::*;
use rustc_apfloat::ieee::Single as Ap;
use rustc_apfloat::{Float, Round, Status, StatusAnd};

const INVALID: u32 = Fpsr::INVALID;
const INEXACT: u32 = Fpsr::INEXACT;

/// Rounds to odd, flushes: what BFRound makes of an exact value, of which `cut` is the part towards zero, and
/// `half` that of half of it. (APFloat does not say that a value is too large if it cuts it to the largest.)
fn odd(cut: StatusAnd<Ap>, half: Ap) -> Ap {
    let bits = cut.value.to_bits();
    if cut.value.is_nan() {
        Ap::from_bits(0x7fc0_0000)
    } else if half.abs() >= Ap::from_bits(0x7f00_0000) {
        Ap::from_bits(bits & 0x8000_0000 | 0x7f80_0000)
    } else if bits & 0x7f80_0000 == 0 {
        Ap::from_bits(bits & 0x8000_0000)
    } else {
        Ap::from_bits(bits | u128::from(cut.status.contains(Status::INEXACT)))
    }
}

fn half(a: Ap) -> Ap {
    a.mul_r(Ap::from_bits(0x3f00_0000), Round::TowardZero).value
}

/// A subnormal is zero.
fn input(bits: u32) -> Ap {
    let a = Ap::from_bits(bits.into());
    odd(Status::OK.and(a), half(a))
}

/// BFAdd: sums that cancel are positive whatever the mode, which towards zero they are.
fn sum(a: Ap, b: Ap) -> Ap {
    odd(a.add_r(b, Round::TowardZero), half(a).add_r(half(b), Round::TowardZero).value)
}

fn product(a: u64, b: u64) -> Ap {
    let (a, b) = (input((a << 16) as u32), input((b << 16) as u32));
    odd(a.mul_r(b, Round::TowardZero), half(a).mul_r(b, Round::TowardZero).value)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(20_000))]

    #[test]
    fn dot_products_against_apfloat(
        addend in operand::<Single>(),
        [a, b, c, d] in [operand::<Brain>(), operand::<Brain>(), operand::<Brain>(), operand::<Brain>()],
    ) {
        let got = bf_dot_add(addend as u32, (b << 16 | a) as u32, (d << 16 | c) as u32);
        let expected = sum(input(addend as u32), sum(product(a, c), product(b, d)));
        prop_assert_eq!(u128::from(got), expected.to_bits(), "{:#x} + {:#x} * {:#x} + {:#x} * {:#x}", addend, a, c, b, d);
    }

    /// As FRINTX, which is tested elsewhere, where the result is in range.
    #[test]
    fn integers_within(fpcr in any_fpcr(), a in operand::<Double>(), narrow in operand::<Single>()) {
        for bits in [32, 64] {
            let limit = 2f64.powi(bits as i32 - 1);
            let rounding = FpEnv { fpcr, fpsr: 0 }.rounding();
            let (plain, flags) = run(fpcr, |e| round_int::<Double>(e, a, rounding, true));
            let value = f64::from_bits(plain);
            let least = ((-limit).to_bits(), flags & Fpsr::INPUT_DENORMAL | INVALID);
            let expected = if (-limit..limit).contains(&value) { (plain, flags) } else { least };
            let got = run(fpcr, |e| round_int_within::<Double>(e, a, bits, rounding));
            prop_assert_eq!(got, expected, "{:#x} within {}", a, bits);

            let limit = limit as f32;
            let (plain, flags) = run(fpcr, |e| round_int::<Single>(e, narrow, rounding, true));
            let value = f32::from_bits(plain as u32);
            let least = (u64::from((-limit).to_bits()), flags & Fpsr::INPUT_DENORMAL | INVALID);
            let expected = if (-limit..limit).contains(&value) { (plain, flags) } else { least };
            let got = run(fpcr, |e| round_int_within::<Single>(e, narrow, bits, rounding));
            prop_assert_eq!(got, expected, "{:#x} within {}", narrow, bits);
        }
    }

    /// ToInt32 of ECMA-262 in the host's arithmetic, in which all but the division by zero bits is exact.
    #[test]
    fn javascript(a in operand::<Double>(), exp in 0..100u64) {
        for a in [a, a & !(0x7ff << 52) | (1020 + exp) << 52] {
            let number = f64::from_bits(a);
            let modulo = (number.trunc() % 2f64.powi(32)) as i64 as u32;
            let got = run(0, |e| to_javascript::<Double>(e, a).0.into()).0;
            prop_assert_eq!(got, u64::from(if number.is_finite() { modulo } else { 0 }), "{:#x}", a);
        }
    }

    #[test]
    fn from_singles(fpcr in any_fpcr(), a in operand::<Single>()) {
        oracle::check_convert::<Single, Brain>(fpcr, a);
    }
}

/// Result, Z, and flags raised.
#[track_caller]
fn script(fpcr: u32, number: f64, result: u32, exact: bool, flags: u32) {
    let mut z = false;
    let mut env = FpEnv { fpcr, fpsr: 0 };
    let got = {
        let (integer, exact) = to_javascript::<Double>(&mut env, number.to_bits());
        z |= exact;
        integer
    };
    assert_eq!((got, z, env.fpsr), (result, exact, flags), "{number}");
}

#[test]
fn javascript_says_what_was_lost() {
    const TWO31: f64 = 2147483648.0;
    script(0, 0.0, 0, true, 0);
    script(0, -0.0, 0, false, 0);
    script(0, 7.0, 7, true, 0);
    script(0, -7.0, 7u32.wrapping_neg(), true, 0);
    script(0, -7.5, 7u32.wrapping_neg(), false, INEXACT);
    script(0, 0.5, 0, false, INEXACT);
    script(0, -TWO31, 0x8000_0000, true, 0);
    script(0, TWO31, 0x8000_0000, false, INVALID);
    script(0, TWO31 - 0.5, 0x7fff_ffff, false, INEXACT);
    script(0, -TWO31 - 0.5, 0x8000_0000, false, INEXACT);
    script(0, -TWO31 - 1.0, 0x7fff_ffff, false, INVALID);
    script(0, 2.0 * TWO31 + 3.0, 3, false, INVALID);
    script(0, 2f64.powi(83) + 2f64.powi(31), 0x8000_0000, false, INVALID);
    script(0, 2f64.powi(84), 0, false, INVALID);
    script(0, f64::MAX, 0, false, INVALID);
    script(0, f64::INFINITY, 0, false, INVALID);
    script(0, f64::NAN, 0, false, INVALID);
    script(0, f64::from_bits(1), 0, false, INEXACT);
    // A flushed subnormal was not zero; QEMU before 9.1 sets Z for a positive one.
    script(Fpcr::FZ, f64::from_bits(1), 0, false, Fpsr::INPUT_DENORMAL);
}

#[test]
fn halves_extend_without_a_flag() {
    let check =
        |fpcr, half, single, flags| assert_eq!(run(fpcr, |e| extend_half(e, half)), (single, flags), "{half:#x}");
    check(0, 0x3c00, 0x3f80_0000, 0);
    check(0, 0x8001, 0xb380_0000, 0);
    check(0, 0x03ff, 0x387f_c000, 0);
    check(Fpcr::FZ16, 0x83ff, 0x8000_0000, 0);
    check(Fpcr::FZ, 0x83ff, 0xb87f_c000, 0);
    check(0, 0xfc00, 0xff80_0000, 0);
    check(Fpcr::AHP, 0x7bff, 0x477f_e000, 0);
    // NaNs are the addition's business.
    check(Fpcr::DN, 0x7c01, 0x7f80_2000, 0);
    check(Fpcr::DN, 0xfe01, 0xffc0_2000, 0);
}
