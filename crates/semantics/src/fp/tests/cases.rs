//! Known hard cases, a line each: FPCR, operands, result, flags raised.

use super::*;

const N: u32 = 0;
const RP: u32 = rmode(1);
const RM: u32 = rmode(2);
const RZ: u32 = rmode(3);
const FZ: u32 = Fpcr::FZ;
const DN: u32 = Fpcr::DN;
const FZ16: u32 = Fpcr::FZ16;
const AHP: u32 = Fpcr::AHP;

const OK: u32 = 0;
const IOC: u32 = Fpsr::INVALID;
const DZC: u32 = Fpsr::DIVIDE_BY_ZERO;
const OFC: u32 = Fpsr::OVERFLOW;
const UFC: u32 = Fpsr::UNDERFLOW;
const IXC: u32 = Fpsr::INEXACT;
const IDC: u32 = Fpsr::INPUT_DENORMAL;

const ONE: u64 = 0x3f80_0000;
const TWO: u64 = 0x4000_0000;
const INF: u64 = 0x7f80_0000;
const MAX: u64 = 0x7f7f_ffff;
/// The smallest normal, and the largest and smallest subnormals.
const NORMAL: u64 = 0x0080_0000;
const BELOW: u64 = 0x007f_ffff;
const LEAST: u64 = 0x0000_0001;
const QNAN: u64 = 0x7fc0_0001;
const SNAN: u64 = 0x7f80_0002;
const SQUIET: u64 = 0x7fc0_0002;
const DEFAULT: u64 = 0x7fc0_0000;
/// The sign bit: also minus zero.
const S: u64 = 0x8000_0000;

#[track_caller]
fn one(op: Unary, fpcr: u32, a: u64, result: u64, flags: u32) {
    let got = run(fpcr, |e| op(e, a));
    assert_eq!(got, (result, flags), "got {:#x} flags {:#x}", got.0, got.1);
}

#[track_caller]
fn two(op: Binary, fpcr: u32, a: u64, b: u64, result: u64, flags: u32) {
    let got = run(fpcr, |e| op(e, a, b));
    assert_eq!(got, (result, flags), "got {:#x} flags {:#x}", got.0, got.1);
}

#[track_caller]
fn three(fpcr: u32, c: u64, a: u64, b: u64, result: u64, flags: u32) {
    let got = run(fpcr, |e| mul_add::<Single>(e, c, a, b));
    assert_eq!(got, (result, flags), "got {:#x} flags {:#x}", got.0, got.1);
}

#[test]
fn nans_propagate_in_order() {
    let add = add::<Single>;
    two(add, N, QNAN, ONE, QNAN, OK);
    two(add, N, ONE, QNAN | S, QNAN | S, OK);
    two(add, N, QNAN, QNAN | S, QNAN, OK);
    two(add, N, QNAN, SNAN, SQUIET, IOC);
    two(add, N, SNAN | S, SNAN, SQUIET | S, IOC);
    two(add, DN, ONE, QNAN | S, DEFAULT, OK);
    two(add, DN, SNAN | S, ONE, DEFAULT, IOC);
    // A flushed operand is reported even beside a NaN.
    two(add, FZ, QNAN, LEAST, QNAN, IDC);
    two(sub::<Single>, N, ONE, QNAN, QNAN, OK);
    two(abd::<Single>, N, QNAN | S, ONE, QNAN, OK);
    one(sqrt::<Single>, N, SNAN | S, SQUIET | S, IOC);
    three(N, QNAN, SNAN, ONE, SQUIET, IOC);
    three(N, QNAN, QNAN | S, SNAN, SQUIET, IOC);
    three(N, ONE, QNAN, QNAN | S, QNAN, OK);
    three(N, QNAN | S, QNAN, ONE, QNAN | S, OK);
    three(N, QNAN, INF, 0, DEFAULT, IOC);
    three(N, SNAN, INF, 0, SQUIET, IOC);
    three(N, ONE, S, INF, DEFAULT, IOC);
}

#[test]
fn zeros_keep_or_choose_their_sign() {
    two(add::<Single>, N, ONE, ONE | S, 0, OK);
    two(add::<Single>, RM, ONE, ONE | S, S, OK);
    two(add::<Single>, N, S, S, S, OK);
    two(add::<Single>, N, 0, S, 0, OK);
    two(add::<Single>, RM, 0, S, S, OK);
    two(sub::<Single>, N, S, 0, S, OK);
    two(sub::<Single>, RM, 0, 0, S, OK);
    two(mul::<Single>, N, S, ONE, S, OK);
    two(div::<Single>, N, 0, ONE | S, S, OK);
    one(sqrt::<Single>, N, S, S, OK);
    three(N, S, S, ONE, S, OK);
    three(N, 0, S, ONE, 0, OK);
    three(RM, 0, S, ONE, S, OK);
    three(N, ONE, ONE, ONE | S, 0, OK);
    three(RM, ONE, ONE, ONE | S, S, OK);
}

#[test]
fn invalid_and_infinite() {
    two(add::<Single>, N, INF, INF | S, DEFAULT, IOC);
    two(sub::<Single>, N, INF, INF, DEFAULT, IOC);
    two(add::<Single>, N, INF, ONE, INF, OK);
    two(mul::<Single>, N, INF, S, DEFAULT, IOC);
    two(mul_x::<Single>, N, INF, S, TWO | S, OK);
    two(mul_x::<Single>, FZ, LEAST | S, INF, TWO | S, IDC);
    two(mul_x::<Single>, N, TWO, ONE, TWO, OK);
    two(div::<Single>, N, ONE, S, INF | S, DZC);
    two(div::<Single>, N, INF, 0, INF, OK);
    two(div::<Single>, N, 0, 0, DEFAULT, IOC);
    two(div::<Single>, N, INF, INF, DEFAULT, IOC);
    two(div::<Single>, FZ, ONE, LEAST, INF, DZC | IDC);
    one(sqrt::<Single>, N, ONE | S, DEFAULT, IOC);
    one(sqrt::<Single>, N, INF, INF, OK);
    three(N, INF | S, INF, ONE, DEFAULT, IOC);
    three(N, INF, INF, ONE, INF, OK);
}

#[test]
fn overflow_by_mode() {
    let mul = mul::<Single>;
    two(mul, N, MAX, TWO, INF, OFC | IXC);
    two(mul, RP, MAX, TWO, INF, OFC | IXC);
    two(mul, RP, MAX | S, TWO, MAX | S, OFC | IXC);
    two(mul, RM, MAX, TWO, MAX, OFC | IXC);
    two(mul, RM, MAX | S, TWO, INF | S, OFC | IXC);
    two(mul, RZ, MAX, TWO, MAX, OFC | IXC);
    // Half a unit in the last place of the largest normal ties to infinity; less does not.
    two(add::<Single>, N, MAX, 0x7300_0000, INF, OFC | IXC);
    two(add::<Single>, N, MAX, 0x72ff_ffff, MAX, IXC);
}

#[test]
fn ties_go_to_even() {
    let add = add::<Single>;
    two(add, N, ONE, 0x3380_0000, ONE, IXC);
    two(add, N, ONE + 1, 0x3380_0000, ONE + 2, IXC);
    two(add, N, ONE, 0x3380_0001, ONE + 1, IXC);
    two(add, RP, ONE, LEAST, ONE + 1, IXC);
    two(add, RM, ONE, LEAST | S, ONE - 1, IXC);
    two(add, RZ, ONE, LEAST | S, ONE - 1, IXC);
}

#[test]
fn tininess_is_before_rounding() {
    let mul = mul::<Single>;
    // (2^-126 + 2^-149) * (1 - 2^-24) is below 2^-126 and rounds to it.
    two(mul, N, NORMAL, ONE - 1, NORMAL, UFC | IXC);
    two(mul, FZ, NORMAL, ONE - 1, 0, UFC);
    two(mul, N, NORMAL, 0x3f00_0000, 0x0040_0000, OK);
    two(mul, FZ, NORMAL | S, 0x3f00_0000, S, UFC);
    two(mul, N, LEAST, 0x3f00_0000, 0, UFC | IXC);
    two(mul, RP, LEAST, 0x3f00_0000, LEAST, UFC | IXC);
    two(mul, N, LEAST, 0x3f40_0000, LEAST, UFC | IXC);
    two(add::<Single>, N, BELOW, LEAST, NORMAL, OK);
    two(add::<Single>, FZ, BELOW, LEAST, 0, IDC);
    two(sub::<Single>, FZ, NORMAL + 1, NORMAL, 0, UFC);
    // Double precision rounds to the smallest normal likewise.
    two(super::mul::<Double>, N, 1 << 52, 0x3fef_ffff_ffff_ffff, 1 << 52, UFC | IXC);
}

#[test]
fn half_precision_flushes_by_its_own_bit_and_in_silence() {
    two(add::<Half>, FZ, 1, 1, 2, OK);
    two(add::<Half>, FZ16, 1, 0x3c00, 0x3c00, OK);
    two(mul::<Half>, FZ16, 0x0400, 0x3800, 0, UFC);
    two(mul::<Half>, AHP, 0x7bff, 0x4000, 0x7c00, OFC | IXC);
    two(add::<Single>, FZ16, LEAST, LEAST, 2, OK);
}

#[test]
fn formats_convert() {
    let (narrow, widen): (Unary, Unary) =
        (|e, a| convert::<Single, Half>(e, a, e.rounding()), |e, a| convert::<Half, Single>(e, a, e.rounding()));
    one(narrow, N, 0x477f_efff, 0x7bff, IXC);
    one(narrow, N, 0x477f_f000, 0x7c00, OFC | IXC);
    one(narrow, RZ, 0x477f_f000, 0x7bff, IXC);
    one(narrow, RZ, 0x4780_0000, 0x7bff, OFC | IXC);
    one(narrow, N, INF, 0x7c00, OK);
    one(narrow, N, SNAN, 0x7e00, IOC);
    one(narrow, N, QNAN | 0x2000 | S, 0xfe01, OK);
    one(narrow, AHP, 0x477f_f000, 0x7c00, IXC);
    one(narrow, AHP, INF | S, 0xffff, IOC);
    one(narrow, AHP, QNAN | S, 0x8000, IOC);
    one(narrow, AHP, 0x4800_0000, 0x7fff, IOC);
    one(narrow, N, 0x3300_0000, 0, UFC | IXC); // 2^-25, half the least half
    one(narrow, FZ16, 0x3380_0000, 1, OK); // FZ16 leaves conversions alone
    one(narrow, FZ, LEAST, 0, IDC);
    one(widen, N, 1, 0x3380_0000, OK);
    one(widen, FZ | FZ16, 1, 0x3380_0000, OK);
    one(widen, AHP, 0x7c00, 0x4780_0000, OK);
    one(widen, DN, 0xfd00, DEFAULT, IOC);
    let odd: Unary = |e, a| convert::<Double, Single>(e, a, Rounding::Odd);
    one(odd, N, 0x3ff0_0000_0000_0001, ONE | 1, IXC);
    one(odd, N, 0x7fef_ffff_ffff_ffff, MAX, OFC | IXC);
    one(odd, N, 1, LEAST, UFC | IXC);
    one(odd, N, 0x3ff0_0000_0000_0000, ONE, OK);
}

#[test]
fn comparisons() {
    let quiet: Binary = |e, a, b| compare::<Single>(e, a, b, false).into();
    let signal: Binary = |e, a, b| compare::<Single>(e, a, b, true).into();
    two(quiet, N, 0, S, 0b0110, OK);
    two(quiet, N, ONE | S, ONE, 0b1000, OK);
    two(quiet, N, ONE, LEAST | S, 0b0010, OK);
    two(quiet, N, ONE, QNAN, 0b0011, OK);
    two(quiet, N, SNAN, ONE, 0b0011, IOC);
    two(signal, N, ONE, QNAN, 0b0011, IOC);
    two(quiet, FZ, LEAST, LEAST | S, 0b0110, IDC);
    two(quiet, N, INF | S, INF, 0b1000, OK);
    let eq: Binary = |e, a, b| compare_eq::<Single>(e, a, b).into();
    let ge: Binary = |e, a, b| compare_ge::<Single>(e, a, b).into();
    two(eq, N, QNAN, QNAN, 0, OK);
    two(ge, N, QNAN, QNAN, 0, IOC);
    two(ge, N, S, 0, 1, OK);
}

#[test]
fn maxima_and_minima() {
    two(max::<Single>, N, 0, S, 0, OK);
    two(max::<Single>, N, S, S, S, OK);
    two(min::<Single>, N, 0, S, S, OK);
    two(max::<Single>, N, ONE, QNAN, QNAN, OK);
    two(max::<Single>, FZ, LEAST, ONE | S, 0, IDC);
    two(max_num::<Single>, N, ONE | S, QNAN, ONE | S, OK);
    two(min_num::<Single>, N, QNAN, INF, INF, OK);
    two(min_num::<Single>, N, QNAN, SNAN, SQUIET, IOC);
    two(max_num::<Single>, N, QNAN, QNAN | S, QNAN, OK);
    two(max_num::<Single>, DN, QNAN, ONE, ONE, OK);
    two(min::<Single>, N, LEAST, NORMAL, LEAST, OK);
}

#[test]
fn integers() {
    let to_w: Unary = |e, a| to_fixed::<Single>(e, a, 0, 32, false, Rounding::Zero);
    let to_wu: Unary = |e, a| to_fixed::<Single>(e, a, 0, 32, true, Rounding::TieAway);
    one(to_w, N, 0x4f00_0000, 0x7fff_ffff, IOC);
    one(to_w, N, 0xcf00_0000, 0x8000_0000, OK);
    one(to_w, N, 0xcf00_0001, 0x8000_0000, IOC);
    one(to_w, N, 0xbfc0_0000, 0xffff_ffff, IXC);
    one(to_w, N, QNAN, 0, IOC);
    one(to_w, N, INF | S, 0x8000_0000, IOC);
    one(to_w, FZ, LEAST, 0, IDC);
    one(to_w, N, LEAST, 0, IXC);
    one(to_wu, N, 0xbe80_0000, 0, IXC); // -0.25
    one(to_wu, N, 0xbf00_0000, 0, IOC); // -0.5 rounds to -1
    one(to_wu, N, 0x3f00_0000, 1, IXC);
    one(to_wu, N, 0x4f80_0000, 0xffff_ffff, IOC);
    let fixed: Unary = |e, a| to_fixed::<Double>(e, a, 64, 64, true, Rounding::Zero);
    one(fixed, N, 0x3fe0_0000_0000_0000, 1 << 63, OK);
    one(fixed, N, 0x3ff0_0000_0000_0000, u64::MAX, IOC);
    let half: Unary = |e, a| from_fixed::<Half>(e, a, 0, 64, true, e.rounding());
    one(half, N, u64::MAX, 0x7c00, OFC | IXC);
    one(half, RZ, 65535, 0x7bff, IXC);
    one(half, N, 65519, 0x7bff, IXC);
    one(half, N, 65520, 0x7c00, OFC | IXC);
    let small: Unary = |e, a| from_fixed::<Half>(e, a, 20, 32, false, e.rounding());
    one(small, N, 1, 0x0010, OK);
    one(small, FZ16, 0xffff_ffff, 0x8000, UFC);
    let int: Unary = |e, a| round_int::<Single>(e, a, Rounding::TieEven, true);
    one(int, N, 0xbf00_0000, S, IXC);
    one(int, N, 0x3fc0_0000, TWO, IXC);
    one(int, N, MAX, MAX, OK);
    one(int, FZ, LEAST | S, S, IDC);
    one(int, N, SNAN, SQUIET, IOC);
}

#[test]
fn estimates() {
    let recip = recip_estimate::<Single>;
    one(recip, N, ONE, 0x3f7f_8000, OK);
    one(recip, N, 0x3fff_ffff, 0x3f00_0000, OK);
    one(recip, N, S, INF | S, DZC);
    one(recip, N, INF | S, S, OK);
    one(recip, N, 0x0020_0000, 0x7f7f_8000, OK); // 2^-128
    one(recip, N, 0x001f_ffff, INF, OFC | IXC);
    one(recip, RZ, 0x001f_ffff, MAX, OFC | IXC);
    one(recip, RM, 0x801f_ffff, INF | S, OFC | IXC);
    one(recip, FZ, 0x001f_ffff, INF, DZC | IDC);
    one(recip, N, 0x7e80_0000, 0x007f_c000, OK); // 2^126: a subnormal estimate
    one(recip, FZ, 0x7e80_0000, 0, UFC);
    one(recip, N, MAX, 0x0020_0000, OK);
    let rsqrt = rsqrt_estimate::<Single>;
    one(rsqrt, N, ONE, 0x3f7f_8000, OK);
    one(rsqrt, N, 0x4080_0000, 0x3eff_8000, OK);
    one(rsqrt, N, S, INF | S, DZC);
    one(rsqrt, N, ONE | S, DEFAULT, IOC);
    one(rsqrt, N, INF, 0, OK);
    let recpx = recip_exponent::<Single>;
    one(recpx, N, ONE | S, 0xc000_0000, OK);
    one(recpx, N, LEAST, 0x7f00_0000, OK);
    one(recpx, N, INF | S, S, OK);
    one(recpx, FZ, LEAST | S, 0xff00_0000, IDC);
    assert_eq!([0x7fff_ffff, 0x8000_0000, 0xffff_ffff].map(unsigned_recip_estimate), [u32::MAX, 0xff80_0000, 1 << 31]);
    assert_eq!([0x3fff_ffff, 0x4000_0000, 0xffff_ffff].map(unsigned_rsqrt_estimate), [u32::MAX, 0xff80_0000, 1 << 31]);
}

#[test]
fn steps() {
    two(recip_step::<Single>, N, ONE, ONE, ONE, OK);
    two(recip_step::<Single>, N, 0, INF, TWO, OK);
    two(recip_step::<Single>, N, INF, ONE, INF | S, OK);
    two(recip_step::<Single>, RM, ONE, TWO, S, OK);
    two(recip_step::<Single>, N, QNAN, ONE, QNAN | S, OK); // negated before it is propagated
    two(recip_step::<Single>, N, ONE, QNAN, QNAN, OK);
    two(rsqrt_step::<Single>, N, ONE, ONE, ONE, OK);
    two(rsqrt_step::<Single>, N, INF, S, 0x3fc0_0000, OK);
    two(rsqrt_step::<Single>, N, 0, ONE, 0x3fc0_0000, OK);
    two(rsqrt_step::<Single>, N, MAX, TWO, 0xff7f_ffff, IXC); // halved before it can overflow
}
