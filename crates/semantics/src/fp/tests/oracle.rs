//! Against APFloat, in every mode and format, flags included.
//!
//! APFloat knows IEEE 754, not Arm: NaN propagation, flushing and tininess are put around it here.

use super::*;
use rustc_apfloat::{Float, FloatConvert, Round, Status, StatusAnd, ieee};

pub(super) trait Oracle: Format {
    type Ap: Float
        + FloatConvert<ieee::Half>
        + FloatConvert<ieee::Single>
        + FloatConvert<ieee::Double>
        + FloatConvert<ieee::Quad>;
}

impl Oracle for Half {
    type Ap = ieee::Half;
}

impl Oracle for Single {
    type Ap = ieee::Single;
}

impl Oracle for Double {
    type Ap = ieee::Double;
}

impl Oracle for Brain {
    type Ap = ieee::BFloat;
}

const MODES: [Round; 4] = [Round::NearestTiesToEven, Round::TowardPositive, Round::TowardNegative, Round::TowardZero];

fn mode(fpcr: u32) -> Round {
    MODES[(fpcr >> 22 & 3) as usize]
}

/// FPUnpack's flushing of an operand.
fn flushed<F: Format>(fpcr: u32, flags: &mut u32, a: u64) -> u64 {
    let half = F::HALF;
    let flush = fpcr & if half { Fpcr::FZ16 } else { Fpcr::FZ } != 0;
    let subnormal = a & F::INF == 0 && a & F::FRAC_MASK != 0;
    if flush && subnormal && !half {
        *flags |= Fpsr::INPUT_DENORMAL;
    }
    if flush && subnormal { a & F::SIGN } else { a }
}

/// Arm's NaN result, if an operand is a NaN.
fn nan<F: Format>(fpcr: u32, flags: &mut u32, operands: &[u64]) -> Option<u64> {
    let quiet = |a: u64| a & F::QUIET != 0;
    let mut nans: Vec<u64> = operands.iter().copied().filter(|a| a & !F::SIGN > F::INF).collect();
    nans.sort_by_key(|&a| quiet(a)); // stable: signalling first, else in order
    let first = *nans.first()?;
    if !quiet(first) {
        *flags |= Fpsr::INVALID;
    }
    Some(if fpcr & Fpcr::DN != 0 { F::DEFAULT_NAN } else { first | F::QUIET })
}

/// What is computed; operands in the order of ours.
#[derive(Clone, Copy, Debug)]
enum Op {
    Add,
    Sub,
    Mul,
    Div,
    MulAdd,
    Convert,
}

impl Op {
    fn apply<A: Float>(self, operands: &[A], round: Round) -> StatusAnd<A> {
        match (self, operands) {
            (Op::Add, &[a, b]) => a.add_r(b, round),
            (Op::Sub, &[a, b]) => a.sub_r(b, round),
            (Op::Mul, &[a, b]) => a.mul_r(b, round),
            (Op::Div, &[a, b]) => a.div_r(b, round),
            (Op::MulAdd, &[c, a, b]) => a.mul_add_r(b, c, round),
            (Op::Convert, &[a]) => Status::OK.and(a),
            _ => unreachable!("{self:?} has other operands"),
        }
    }
}

/// Arm's bits and flags for `op`, given its operands (flushed here) and what APFloat makes of them.
fn expect<F: Oracle, To: Oracle>(
    fpcr: u32,
    op: Op,
    operands: &[u64],
    rounded: impl Fn(&[F::Ap], Round) -> StatusAnd<To::Ap>,
) -> (u64, u32) {
    let mut flags = 0;
    let operands: Vec<u64> = operands.iter().map(|&a| flushed::<F>(fpcr, &mut flags, a)).collect();
    if let Some(nan) = nan::<F>(fpcr, &mut flags, &operands) {
        return (nan, flags);
    }
    let numbers: Vec<F::Ap> = operands.iter().map(|&a| F::Ap::from_bits(a.into())).collect();
    let result = rounded(&numbers, mode(fpcr));
    if result.value.is_nan() {
        return (To::DEFAULT_NAN, flags | Fpsr::INVALID);
    }
    // The exact result cut to 113 bits, with an exponent range that nothing here can leave.
    let wide: Vec<ieee::Quad> = numbers.iter().map(|&a| a.convert(&mut false).value).collect();
    let exact = op.apply(&wide, Round::TowardZero).value.abs();
    let power = |exp: i32| ieee::Quad::from_bits(((exp + 0x3fff) as u128) << 112);
    let (tiny, huge) = (!exact.is_zero() && exact < power(To::MIN_EXP), exact >= power(To::BIAS + 1));

    let bits = result.value.to_bits() as u64;
    if tiny && fpcr & (if To::HALF { Fpcr::FZ16 } else { Fpcr::FZ }) != 0 {
        return (bits & To::SIGN, flags | Fpsr::UNDERFLOW);
    }
    // APFloat detects tininess after rounding, and has no overflow where the result stays finite.
    flags |= u32::from((result.status - Status::UNDERFLOW).bits());
    let inexact = result.status.contains(Status::INEXACT);
    if tiny && inexact {
        flags |= Fpsr::UNDERFLOW;
    }
    if huge && exact.is_finite() {
        flags |= Fpsr::OVERFLOW;
    }
    (bits, flags)
}

fn expect_arith<F: Oracle>(fpcr: u32, op: Op, operands: &[u64]) -> (u64, u32) {
    expect::<F, F>(fpcr, op, operands, |numbers, round| op.apply(numbers, round))
}

#[track_caller]
fn check_two<F: Oracle>(fpcr: u32, a: u64, b: u64) {
    let ops: [(Op, Binary); 4] = [(Op::Add, add::<F>), (Op::Sub, sub::<F>), (Op::Mul, mul::<F>), (Op::Div, div::<F>)];
    for (op, ours) in ops {
        let expected = expect_arith::<F>(fpcr, op, &[a, b]);
        assert_eq!(run(fpcr, |e| ours(e, a, b)), expected, "{op:?} {a:#x} {b:#x} fpcr {fpcr:#x}");
    }
}

#[track_caller]
fn check_fused<F: Oracle>(fpcr: u32, c: u64, a: u64, b: u64) {
    let got = run(fpcr, |e| mul_add::<F>(e, c, a, b));
    let mut expected = expect_arith::<F>(fpcr, Op::MulAdd, &[c, a, b]);
    let [x, y] = [a, b].map(|v| flushed::<F>(fpcr, &mut 0, v) & !F::SIGN);
    let quiet_addend = c & !F::SIGN >= F::DEFAULT_NAN;
    if quiet_addend && (x == 0 && y == F::INF || x == F::INF && y == 0) {
        expected = (F::DEFAULT_NAN, expected.1 | Fpsr::INVALID);
    }
    assert_eq!(got, expected, "{a:#x} * {b:#x} + {c:#x} fpcr {fpcr:#x}");
}

#[track_caller]
fn check_round_int<F: Oracle>(fpcr: u32, a: u64, rounding: Rounding, round: Round) {
    let mut flags = 0;
    let value = flushed::<F>(fpcr, &mut flags, a);
    let expected = nan::<F>(fpcr, &mut flags, &[value]).unwrap_or_else(|| {
        let result = F::Ap::from_bits(value.into()).round_to_integral(round);
        flags |= u32::from(result.status.bits());
        result.value.to_bits() as u64
    });
    assert_eq!(run(fpcr, |e| round_int::<F>(e, a, rounding, true)), (expected, flags), "{a:#x} {round:?} {fpcr:#x}");
    let silent = (expected, flags & !Fpsr::INEXACT);
    assert_eq!(run(fpcr, |e| round_int::<F>(e, a, rounding, false)), silent, "{a:#x} {round:?} {fpcr:#x}");
}

const ROUNDINGS: [(Rounding, Round); 5] = [
    (Rounding::TieEven, Round::NearestTiesToEven),
    (Rounding::PlusInf, Round::TowardPositive),
    (Rounding::MinusInf, Round::TowardNegative),
    (Rounding::Zero, Round::TowardZero),
    (Rounding::TieAway, Round::NearestTiesToAway),
];

#[track_caller]
fn check_to_int<F: Oracle>(fpcr: u32, a: u64, rounding: Rounding, round: Round) {
    let mut flags = 0;
    let value = F::Ap::from_bits(flushed::<F>(fpcr, &mut flags, a).into());
    for bits in [16, 32, 64] {
        let at = format!("{a:#x} {round:?} to {bits} bits");
        let mut exact = false;
        let signed = value.to_i128_r(bits as usize, round, &mut exact);
        let expected = (signed.value as u64 & u64::MAX >> (64 - bits), flags | u32::from(signed.status.bits()));
        assert_eq!(run(fpcr, |e| to_fixed::<F>(e, a, 0, bits, false, rounding)), expected, "{at}");
        let unsigned = value.to_u128_r(bits as usize, round, &mut exact);
        let expected = (unsigned.value as u64, flags | u32::from(unsigned.status.bits()));
        assert_eq!(run(fpcr, |e| to_fixed::<F>(e, a, 0, bits, true, rounding)), expected, "unsigned {at}");
    }
}

#[track_caller]
fn check_from_int<F: Oracle>(fpcr: u32, a: u64, rounding: Rounding, round: Round) {
    // Only halves can overflow; APFloat says so only where the result is infinite.
    let overflow = |magnitude: u64| if F::BITS == 16 && magnitude >= 1 << 16 { Fpsr::OVERFLOW } else { 0 };
    let signed = F::Ap::from_i128_r(a as i64 as i128, round);
    let flags = u32::from(signed.status.bits()) | overflow((a as i64).unsigned_abs());
    let expected = (signed.value.to_bits() as u64, flags);
    assert_eq!(run(fpcr, |e| from_fixed::<F>(e, a, 0, 64, false, rounding)), expected, "{a:#x} {round:?}");
    let unsigned = F::Ap::from_u128_r(a.into(), round);
    let expected = (unsigned.value.to_bits() as u64, u32::from(unsigned.status.bits()) | overflow(a));
    assert_eq!(run(fpcr, |e| from_fixed::<F>(e, a, 0, 64, true, rounding)), expected, "unsigned {a:#x} {round:?}");
}

#[track_caller]
pub(super) fn check_convert<F: Oracle, To: Oracle>(fpcr: u32, a: u64)
where
    F::Ap: FloatConvert<To::Ap>,
{
    // Neither FZ16 nor, in this oracle, AHP applies.
    let fpcr = fpcr & !(Fpcr::FZ16 | Fpcr::AHP);
    let mut flags = 0;
    let value = flushed::<F>(fpcr, &mut flags, a);
    let got = run(fpcr, |e| convert::<F, To>(e, a, e.rounding()));
    let expected = match nan::<F>(fpcr, &mut flags, &[value]) {
        Some(nan) => {
            let kept = To::FRAC.min(F::FRAC);
            let payload = (nan & F::FRAC_MASK) >> (F::FRAC - kept) << (To::FRAC - kept);
            (To::sign(nan & F::SIGN != 0) | To::INF | payload, flags)
        }
        None => expect::<F, To>(fpcr, Op::Convert, &[a], |numbers, r| numbers[0].convert_r(r, &mut false)),
    };
    assert_eq!(got, expected, "{a:#x} fpcr {fpcr:#x}");
}

/// `2^n` scaling is exact, so fixed point is an integer conversion of a scaled value.
#[track_caller]
fn check_fixed<F: Oracle>(a: u64, fbits: u32) {
    let scale = F::Ap::from_bits(u128::from((F::BIAS as u64 + u64::from(fbits)) << F::FRAC));
    let scaled = F::Ap::from_bits(a.into()).mul_r(scale, Round::TowardZero);
    if !scaled.value.is_finite() || scaled.status != Status::OK {
        return;
    }
    let scaled = scaled.value.to_bits() as u64;
    for unsigned in [false, true] {
        let got = run(0, |e| to_fixed::<F>(e, a, fbits, 32, unsigned, Rounding::Zero));
        let integral = run(0, |e| to_fixed::<F>(e, scaled, 0, 32, unsigned, Rounding::Zero));
        assert_eq!(got, integral, "{a:#x} fbits {fbits}");
    }
    let int = a & 0xffff_ffff;
    let (fixed, flags) = run(0, |e| from_fixed::<F>(e, int, fbits, 32, false, Rounding::TieEven));
    let whole = F::Ap::from_i128_r(int as i32 as i128, Round::NearestTiesToEven);
    let divided = whole.value.div_r(scale, Round::NearestTiesToEven);
    if whole.value.is_finite() && divided.status == Status::OK {
        assert_eq!(
            (fixed, flags),
            (divided.value.to_bits() as u64, whole.status.bits().into()),
            "{int:#x} / 2^{fbits}"
        );
    }
}

macro_rules! against_apfloat {
    ($($module:ident $format:ident;)*) => {$(
        mod $module {
            use super::*;

            proptest! {
                #![proptest_config(ProptestConfig::with_cases(20_000))]

                #[test]
                fn two_operands(fpcr in any_fpcr(), a in operand::<$format>(), b in operand::<$format>()) {
                    check_two::<$format>(fpcr, a, b);
                }

                #[test]
                fn fused(
                    fpcr in any_fpcr(),
                    c in operand::<$format>(),
                    a in operand::<$format>(),
                    b in operand::<$format>(),
                ) {
                    check_fused::<$format>(fpcr, c, a, b);
                    // An addend that all but cancels the product.
                    let near = mul::<$format>(&mut FpEnv::default(), a, b) ^ $format::SIGN;
                    if !$format::is_nan(near) {
                        check_fused::<$format>(fpcr, near, a, b);
                        check_fused::<$format>(fpcr, near.wrapping_add(1) & ($format::SIGN | $format::SIGN - 1), a, b);
                    }
                }

                #[test]
                fn integers(fpcr in any_fpcr(), a in operand::<$format>(), i: u64, shift in 0..64u32) {
                    for (rounding, round) in ROUNDINGS {
                        check_round_int::<$format>(fpcr, a, rounding, round);
                        check_to_int::<$format>(fpcr, a, rounding, round);
                        check_from_int::<$format>(fpcr, (i as i64 >> shift) as u64, rounding, round);
                    }
                }

                #[test]
                fn conversions(fpcr in any_fpcr(), a in operand::<$format>()) {
                    check_convert::<$format, Half>(fpcr, a);
                    check_convert::<$format, Single>(fpcr, a);
                    check_convert::<$format, Double>(fpcr, a);
                }

                #[test]
                fn fixed_point(a in operand::<$format>(), fbits in 1..15u32) {
                    check_fixed::<$format>(a, fbits);
                }
            }
        }
    )*};
}

against_apfloat! {
    half Half;
    single Single;
    double Double;
}
