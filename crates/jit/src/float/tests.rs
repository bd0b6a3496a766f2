use crate::evaluate::Op;
use crate::testing::Lowering;
use semantics::fops::{FOp1, FOp2, FOp3, Fn1, Fn2, Fn3, Meeting, Rounding, Shape};

const CASES: u32 = 6000;
/// Every rounding mode; DN, FZ, FZ16 and AHP.
const FPCRS: [u32; 8] = [0, 1 << 22, 2 << 22, 3 << 22, 1 << 25, 1 << 24, 1 << 19, 1 << 26];

/// Single and double; a scalar, 64 bits, 128 bits.
const SHAPES: [Shape; 5] =
    [Shape::scalar(2), Shape::scalar(3), Shape::vector(2, 0), Shape::vector(2, 1), Shape::vector(3, 1)];
const HALVES: [Shape; 2] = [Shape::scalar(1), Shape::vector(1, 1)];

#[track_caller]
fn check(ops: impl IntoIterator<Item = Op>) {
    let mut lowerings = [Lowering::new(false), Lowering::new(true)];
    for op in ops {
        for lowering in &mut lowerings {
            lowering.check(op, CASES, &FPCRS);
        }
        let [without, with] = lowerings.each_mut().map(|lowering| lowering.is_lowered(op));
        if !with || !without {
            println!("evaluated: {op:?}, with AVX-512 {}, without {}", !with, !without);
        }
    }
}

#[track_caller]
fn check1(ops: &[Fn1], shapes: &[Shape]) {
    for shape in shapes {
        check(ops.iter().map(|op| Op::F1(FOp1 { op: *op, shape: *shape })));
    }
}

fn roundings() -> Vec<Option<Rounding>> {
    use Rounding::*;
    [TieEven, PlusInf, MinusInf, Zero, TieAway].map(Some).into_iter().chain([None]).collect()
}

#[test]
fn one_operand() {
    use Fn1::*;
    check1(&[Abs, Neg, Sqrt, RecipEstimate, RSqrtEstimate, EqZero, GeZero, GtZero, LeZero, LtZero], &SHAPES);
    check1(&[Abs, Neg, Sqrt, EqZero, GtZero], &HALVES);
}

#[test]
fn rounding_to_integers() {
    for rounding in roundings() {
        check1(&[false, true].map(|exact| Fn1::RoundInt { rounding, exact }), &SHAPES);
        check1(&[Fn1::RoundInt { rounding, exact: true }], &HALVES);
    }
}

#[test]
fn conversions_between_formats() {
    let shapes = [(1, 1), (2, 1), (1, 4), (2, 2)];
    for (esize, lanes) in shapes {
        for to in (1..4).filter(|to| *to != esize) {
            if (8 * u32::from(lanes)) << to <= 128 {
                check1(&[Fn1::Convert { to, rounding: None }], &[Shape { esize, lanes }]);
            }
        }
    }
    for lanes in [1, 2] {
        let shape = Shape { esize: 3, lanes };
        check1(&[None, Some(Rounding::Odd)].map(|rounding| Fn1::Convert { to: 2, rounding }), &[shape]);
        check1(&[Fn1::Convert { to: 1, rounding: None }], &[shape]);
    }
    check1(&[Fn1::ToJavascript], &[Shape::scalar(3)]);
}

#[test]
fn conversions_to_integers() {
    for rounding in roundings().into_iter().flatten() {
        for unsigned in [false, true] {
            for shape in SHAPES {
                let same = Fn1::ToFixed { to: shape.esize, fbits: 0, unsigned, rounding };
                check1(&[same, Fn1::ToFixed { to: shape.esize, fbits: 7, unsigned, rounding }], &[shape]);
            }
            for (from, to) in [(2, 3), (3, 2)] {
                check1(&[Fn1::ToFixed { to, fbits: 0, unsigned, rounding }], &[Shape::scalar(from)]);
            }
        }
    }
}

#[test]
fn conversions_from_integers() {
    for unsigned in [false, true] {
        for fbits in [0, 1, 32] {
            for shape in SHAPES {
                check1(&[Fn1::FromFixed { to: shape.esize, fbits, unsigned }], &[shape]);
            }
            for (from, to) in [(2, 3), (3, 2)] {
                check1(&[Fn1::FromFixed { to, fbits, unsigned }], &[Shape::scalar(from)]);
            }
        }
    }
}

#[test]
fn reductions() {
    for op in [Fn2::Add, Fn2::Max, Fn2::Min, Fn2::MaxNum, Fn2::MinNum] {
        check1(&[Fn1::Reduce(op)], &[2, 3].map(|esize| Shape { esize, lanes: 2 }));
        check1(&[Fn1::Reduce(op)], &[Shape::vector(2, 1)]);
    }
}

#[test]
fn two_operands() {
    use Fn2::*;
    let ops = [
        Add, Sub, Mul, NegMul, MulX, Div, Max, Min, MaxNum, MinNum, Abd, RecipStep, RSqrtStep, Eq, Ge, Gt, AbsGe, AbsGt,
    ];
    for op in ops {
        for shape in SHAPES {
            let meet = |meeting| Op::F2(FOp2 { op, shape, meeting });
            let last = if shape.esize == 2 { 3 } else { 0 };
            check([Meeting::Lanewise, Meeting::ByElement(1), Meeting::ByElement(last)].map(meet));
            if shape.lanes > 1 {
                check([meet(Meeting::Pairwise)]);
            }
        }
        check(HALVES.map(|shape| Op::F2(FOp2 { op, shape, meeting: Meeting::Lanewise })));
    }
    for signal in [false, true] {
        let op = Compare { signal };
        check([1, 2, 3].map(|e| Op::F2(FOp2 { op, shape: Shape::scalar(e), meeting: Meeting::Lanewise })));
    }
}

#[test]
fn three_operands() {
    for op in [Fn3::MulAdd, Fn3::MulSub, Fn3::NegMulAdd, Fn3::NegMulSub] {
        for shape in SHAPES {
            check([Meeting::Lanewise, Meeting::ByElement(1)].map(|meeting| Op::F3(FOp3 { op, shape, meeting })));
        }
        check(HALVES.map(|shape| Op::F3(FOp3 { op, shape, meeting: Meeting::Lanewise })));
    }
}
