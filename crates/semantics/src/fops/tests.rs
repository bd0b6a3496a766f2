//! Which lanes meet, and where results land. Values are of halves where nothing else is said: 3c00 is one,
//! 4000 two, 4200 three, 4400 four, 4500 five, 4600 six, 4700 seven, 4800 eight.

use super::*;

const ONE_TO_EIGHT: u128 = 0x4800_4700_4600_4500_4400_4200_4000_3c00;

/// Runs `eval` with every cumulative flag clear; gives the flags too.
fn run(eval: impl FnOnce(&mut FpEnv) -> u128) -> (u128, u32) {
    let mut env = FpEnv::default();
    (eval(&mut env), env.fpsr)
}

#[track_caller]
fn one(op: Fn1, shape: Shape, a: u128, result: u128) {
    let (got, _) = run(|env| FOp1 { op, shape }.eval(env, a));
    assert_eq!(got, result, "got {got:032x}");
}

#[track_caller]
fn two(op: Fn2, shape: Shape, meeting: Meeting, a: u128, b: u128, result: u128) {
    let (got, _) = run(|env| FOp2 { op, shape, meeting }.eval(env, a, b));
    assert_eq!(got, result, "got {got:032x}");
}

#[track_caller]
fn three(op: Fn3, shape: Shape, meeting: Meeting, a: u128, b: u128, c: u128, result: u128) {
    let (got, _) = run(|env| FOp3 { op, shape, meeting }.eval(env, a, b, c));
    assert_eq!(got, result, "got {got:032x}");
}

#[test]
fn lanes_outside_the_shape_are_zero() {
    use Meeting::Lanewise;
    let v = ONE_TO_EIGHT;
    two(Fn2::Add, Shape::vector(1, 1), Lanewise, v, v, 0x4c00_4b00_4a00_4900_4800_4600_4400_4000);
    two(Fn2::Add, Shape::vector(1, 0), Lanewise, v, v, 0x4800_4600_4400_4000);
    two(Fn2::Add, Shape::scalar(1), Lanewise, v, v, 0x4000);
    one(Fn1::Neg, Shape::vector(1, 0), v, 0xc400_c200_c000_bc00);
    one(Fn1::Abs, Shape::scalar(2), u128::MAX, 0x7fff_ffff);
    one(Fn1::Neg, Shape::scalar(3), u128::MAX, 0x7fff_ffff_ffff_ffff);
}

#[test]
fn pairs_are_of_the_second_operand_above_the_first() {
    let (a, b) = (ONE_TO_EIGHT, 0x0000_0000_3c00_0000_0000_4000_0000_0000);
    two(Fn2::Add, Shape::vector(1, 1), Meeting::Pairwise, a, b, 0x0000_3c00_4000_0000_4b80_4980_4700_4200);
    two(Fn2::Add, Shape::vector(1, 0), Meeting::Pairwise, a, b, 0x4000_0000_4700_4200);
    // Within a pair the lower lane is the first operand: its NaN wins.
    two(Fn2::Max, Shape::vector(1, 0), Meeting::Pairwise, 0x7e02_7e01, 0, 0x7e01);
}

#[test]
fn an_element_meets_every_lane() {
    let v = ONE_TO_EIGHT;
    two(Fn2::Mul, Shape::vector(1, 0), Meeting::ByElement(7), v, v, 0x5000_4e00_4c00_4800);
    two(Fn2::Sub, Shape::vector(2, 1), Meeting::ByElement(3), 0, 1 << 127, 0);
    let two_and_three = 0x4008_0000_0000_0000_4000_0000_0000_0000;
    two(Fn2::Mul, Shape::scalar(3), Meeting::ByElement(1), two_and_three, two_and_three, 0x4018_0000_0000_0000);
    three(Fn3::MulAdd, Shape::vector(1, 0), Meeting::ByElement(1), v, v, v, 0x4a00_4880_4600_4200);
}

#[test]
fn reduction_folds_halves() {
    one(Fn1::Reduce(Fn2::Max), Shape::vector(1, 1), ONE_TO_EIGHT, 0x4800);
    one(Fn1::Reduce(Fn2::Min), Shape::vector(1, 0), ONE_TO_EIGHT, 0x3c00);
    one(Fn1::Reduce(Fn2::Add), Shape { esize: 1, lanes: 2 }, ONE_TO_EIGHT, 0x4200);
    // The lower half's result comes first, so the lowest quiet NaN wins; a number loses to it.
    one(Fn1::Reduce(Fn2::Max), Shape::vector(2, 1), 0x7fc0_0004_3f80_0000_7fc0_0002_7fc0_0001, 0x7fc0_0001);
    one(Fn1::Reduce(Fn2::MaxNum), Shape::vector(2, 1), 0x7fc0_0004_3f80_0000_7fc0_0002_7fc0_0001, 0x3f80_0000);
}

#[test]
fn conversions_change_the_lane_size() {
    let widen = |to| Fn1::Convert { to, rounding: None };
    one(widen(2), Shape::vector(1, 0), ONE_TO_EIGHT, 0x4080_0000_4040_0000_4000_0000_3f80_0000);
    one(widen(1), Shape::vector(2, 1), 0x4080_0000_4040_0000_4000_0000_3f80_0000, 0x4400_4200_4000_3c00);
    one(widen(3), Shape::scalar(1), ONE_TO_EIGHT, 0x3ff0_0000_0000_0000);
    let to_x = Fn1::ToFixed { to: 3, fbits: 4, unsigned: false, rounding: Rounding::Zero };
    one(to_x, Shape::scalar(1), 0xbc00, (-16i64) as u64 as u128);
    let from_w = Fn1::FromFixed { to: 3, fbits: 1, unsigned: false };
    one(from_w, Shape::scalar(2), 0xffff_ffff, 0xbfe0_0000_0000_0000);
    one(Fn1::FromFixed { to: 1, fbits: 0, unsigned: true }, Shape::vector(1, 0), 0x0002_0001, 0x4000_3c00);
}

#[test]
fn comparisons_fill_lanes_or_give_nzcv() {
    let (a, b) = (0x7e00_4000_3c00_0000, 0x7e00_3c00_3c00_3c00);
    two(Fn2::Eq, Shape::vector(1, 0), Meeting::Lanewise, a, b, 0x0000_0000_ffff_0000);
    two(Fn2::Ge, Shape::vector(1, 0), Meeting::Lanewise, a, b, 0x0000_ffff_ffff_0000);
    two(Fn2::Gt, Shape::vector(1, 0), Meeting::Lanewise, a, b, 0x0000_ffff_0000_0000);
    two(Fn2::AbsGt, Shape::scalar(3), Meeting::Lanewise, 0xc000 << 48, 0x3ff0 << 48, u64::MAX.into());
    one(Fn1::LtZero, Shape::vector(1, 0), 0x8000_bc00_3c00_fe00, 0x0000_ffff_0000_0000);
    one(Fn1::LeZero, Shape::vector(1, 0), 0x8000_bc00_3c00_fe00, 0xffff_ffff_0000_0000);
    for (signal, flags) in [(false, 0), (true, 1)] {
        let op = FOp2 { op: Fn2::Compare { signal }, shape: Shape::scalar(1), meeting: Meeting::Lanewise };
        assert_eq!(run(|env| op.eval(env, 0x3c00, 0x7e00)), (0x3000_0000, flags));
        assert_eq!(run(|env| op.eval(env, 0x3c00, 0x4000)), (0x8000_0000, 0));
    }
}

#[test]
fn negations_of_the_fused_forms() {
    let (shape, meeting) = (Shape::scalar(1), Meeting::Lanewise);
    let (two_, three_, four) = (0x4000, 0x4200, 0x4400);
    three(Fn3::MulAdd, shape, meeting, four, two_, three_, 0x4900); // 10
    three(Fn3::MulSub, shape, meeting, four, two_, three_, 0xc000); // -2
    three(Fn3::NegMulAdd, shape, meeting, four, two_, three_, 0xc900); // -10
    three(Fn3::NegMulSub, shape, meeting, four, two_, three_, 0x4000); // 2
    // NaNs change sign with the operand they stand in; the product of FNMUL does too.
    three(Fn3::NegMulAdd, shape, meeting, 0x7e01, two_, three_, 0xfe01);
    three(Fn3::MulSub, shape, meeting, four, 0x7e01, three_, 0xfe01);
    two(Fn2::NegMul, shape, meeting, 0x7e01, two_, 0xfe01);
}

#[test]
fn unsigned_estimates_are_of_words() {
    let v = 0xffff_ffff_8000_0000_4000_0000_0000_0000;
    one(Fn1::UnsignedRecip, Shape::vector(2, 1), v, 0x8000_0000_ff80_0000_ffff_ffff_ffff_ffff);
    one(Fn1::UnsignedRSqrt, Shape::vector(2, 0), v, 0xff80_0000_ffff_ffff);
}
