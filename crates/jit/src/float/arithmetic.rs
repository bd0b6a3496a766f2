//! Arithmetic: sums, products, quotients, roots, the greater and the lesser; one lane or all.

use super::{Doubt, is_whole, predicate, sized};
use crate::code::Offset;
use crate::constants::*;
use crate::emit::{Emitter, asm};
use crate::evaluate::Op;
use crate::thunks::cc;
use crate::vector::{T0, T1, T2, Vex};
use dynasmrt::{DynasmApi, dynasm};
use semantics::fops::{FOp1, FOp2, FOp3, Fn1, Fn2, Fn3, Meeting, Rounding, Shape};

impl Emitter {
    pub(crate) fn lower_f1(&mut self, op: FOp1, a: u8) -> Option<u8> {
        let FOp1 { op: function, shape } = op;
        if matches!(function, Fn1::Abs | Fn1::Neg) && shape.esize >= 2 {
            return Some(self.change_sign(function, shape, a));
        }
        if !self.is_native(shape) {
            return None;
        }
        match function {
            Fn1::Sqrt => Some(self.root(op, a)),
            Fn1::Reduce(function) => self.reduce(op, function, a),
            // Ties away with Inexact no instruction has.
            Fn1::RoundInt { rounding: Some(Rounding::TieAway), exact: true } => None,
            Fn1::RoundInt { rounding, exact } => Some(self.round_int(op, rounding, exact, a)),
            Fn1::Convert { to, rounding: None } if to >= 2 => Some(self.convert(op, to, a)),
            Fn1::ToFixed { to, fbits: 0, unsigned, rounding } => self.float_to_fixed(op, to, unsigned, rounding, a),
            Fn1::FromFixed { to, fbits, unsigned } if to >= 2 => Some(self.fixed_to_float(op, to, fbits, unsigned, a)),
            Fn1::EqZero | Fn1::GeZero | Fn1::GtZero | Fn1::LeZero | Fn1::LtZero => {
                Some(self.compare_with_zero(function, shape, a))
            }
            _ => None,
        }
    }

    pub(crate) fn lower_f2(&mut self, op: FOp2, a: u8, b: u8) -> Option<u8> {
        let FOp2 { op: function, shape, meeting } = op;
        if !self.is_native(shape) {
            return None;
        }
        let original = (Op::F2(op), [a, b, 0]);
        match function {
            Fn2::Add | Fn2::Sub | Fn2::Mul | Fn2::NegMul | Fn2::Div | Fn2::Abd => {
                self.begin_float();
                let (x, y) = self.meet(shape, meeting, a, b);
                Some(self.compute(function, shape, x, y, original))
            }
            Fn2::Max | Fn2::Min | Fn2::MaxNum | Fn2::MinNum => {
                self.begin_float();
                let (x, y) = self.meet(shape, meeting, a, b);
                Some(self.extreme(function, shape, x, y, original))
            }
            Fn2::Eq | Fn2::Ge | Fn2::Gt | Fn2::AbsGe | Fn2::AbsGt => {
                self.begin_float();
                let (x, y) = self.meet(shape, meeting, a, b);
                Some(self.compare_vectors(function, shape, x, y))
            }
            Fn2::MulX | Fn2::RecipStep | Fn2::RSqrtStep | Fn2::Compare { .. } => None,
        }
    }

    /// `a` plus or minus `b * c`: the addend is not on the way of the copy that the instruction wants.
    pub(crate) fn lower_f3(&mut self, op: FOp3, a: u8, b: u8, c: u8) -> Option<u8> {
        let FOp3 { op: function, shape, meeting } = op;
        if !self.is_native(shape) {
            return None;
        }
        self.begin_float();
        let (esize, scalar) = (shape.esize, shape.lanes == 1);
        let (x, y) = self.meet(shape, meeting, b, c);
        let to = self.vector();
        match scalar {
            true if !self.narrow.is(esize, x) => self.lowest(esize, to, x),
            _ => asm!(self ; vmovaps Rx(to), Rx(x)),
        }
        let addend = self.spread(shape, a, T0);
        match (function, scalar) {
            (Fn3::MulAdd, true) => sized!(self, esize; vfmadd213ss vfmadd213sd Rx(to), Rx(y), Rx(addend)),
            (Fn3::MulSub, true) => sized!(self, esize; vfnmadd213ss vfnmadd213sd Rx(to), Rx(y), Rx(addend)),
            (Fn3::NegMulAdd, true) => sized!(self, esize; vfnmsub213ss vfnmsub213sd Rx(to), Rx(y), Rx(addend)),
            (Fn3::NegMulSub, true) => sized!(self, esize; vfmsub213ss vfmsub213sd Rx(to), Rx(y), Rx(addend)),
            (Fn3::MulAdd, _) if esize == 2 => asm!(self ; vfmadd213ps Rx(to), Rx(y), Rx(addend)),
            (Fn3::MulSub, _) if esize == 2 => asm!(self ; vfnmadd213ps Rx(to), Rx(y), Rx(addend)),
            (Fn3::NegMulAdd, _) if esize == 2 => asm!(self ; vfnmsub213ps Rx(to), Rx(y), Rx(addend)),
            (Fn3::NegMulSub, _) if esize == 2 => asm!(self ; vfmsub213ps Rx(to), Rx(y), Rx(addend)),
            (Fn3::MulAdd, _) => self.vex_without(Vex::Fmadd213pd, to, y, addend),
            (Fn3::MulSub, _) => self.vex_without(Vex::Fnmadd213pd, to, y, addend),
            (Fn3::NegMulAdd, _) => self.vex_without(Vex::Fnmsub213pd, to, y, addend),
            (Fn3::NegMulSub, _) => self.vex_without(Vex::Fmsub213pd, to, y, addend),
        }
        let from = self.doubt(Doubt::NanOrTiny, shape, to);
        self.cut(shape, to);
        self.or_evaluate(from, Op::F3(op), to, [a, b, c]);
        self.narrow.note(to, scalar.then_some(esize));
        Some(to)
    }

    /// What meets, lane by lane, in registers that are not written any more: the operands, or the first two scratch
    /// registers.
    fn meet(&mut self, shape: Shape, meeting: Meeting, a: u8, b: u8) -> (u8, u8) {
        match (meeting, shape.esize) {
            (Meeting::Lanewise, _) | (Meeting::ByElement(0), _) if shape.lanes == 1 => (a, b),
            (Meeting::Lanewise, _) => (self.spread(shape, a, T0), self.spread(shape, b, T1)),
            (Meeting::ByElement(index), 2) => {
                asm!(self ; vpshufd Rx(T1), Rx(b), ((index & 3) * 0x55) as i8);
                (self.spread(shape, a, T0), T1)
            }
            (Meeting::ByElement(index), _) => {
                match index {
                    0 => asm!(self ; vmovddup Rx(T1), Rx(b)),
                    _ => asm!(self ; vunpckhpd Rx(T1), Rx(b), Rx(b)),
                }
                (self.spread(shape, a, T0), T1)
            }
            (Meeting::Pairwise, 2) => {
                let (low, high) = match is_whole(shape) {
                    true => (a, b),
                    false => {
                        asm!(self ; vunpcklpd Rx(T1), Rx(a), Rx(b));
                        (T1, T1)
                    }
                };
                self.vex(Vex::Shufps, T0, low, high, 0x88);
                self.vex(Vex::Shufps, T1, low, high, 0xdd);
                (T0, T1)
            }
            (Meeting::Pairwise, _) => {
                asm!(self ; vunpcklpd Rx(T0), Rx(a), Rx(b) ; vunpckhpd Rx(T1), Rx(a), Rx(b));
                (T0, T1)
            }
        }
    }

    fn compute(&mut self, op: Fn2, shape: Shape, x: u8, y: u8, original: (Op, [u8; 3])) -> u8 {
        let (esize, to) = (shape.esize, self.vector());
        if shape.lanes == 1 {
            // The result has above it what the first operand has. If no operand is known to have zeros there, one is
            // copied; of a sum or a product the second, since the first is likely to be what a chain of operations
            // waits for. Which is first matters to NaNs only.
            let commutes = matches!(op, Fn2::Add | Fn2::Mul | Fn2::NegMul);
            let (x, y) = match commutes && !self.narrow.is(esize, x) {
                true => (y, x),
                false => (x, y),
            };
            let x = match self.narrow.is(esize, x) {
                true => x,
                false => {
                    self.lowest(esize, to, x);
                    to
                }
            };
            match op {
                Fn2::Add => sized!(self, esize; vaddss vaddsd Rx(to), Rx(x), Rx(y)),
                Fn2::Mul | Fn2::NegMul => sized!(self, esize; vmulss vmulsd Rx(to), Rx(x), Rx(y)),
                Fn2::Div => sized!(self, esize; vdivss vdivsd Rx(to), Rx(x), Rx(y)),
                _ => sized!(self, esize; vsubss vsubsd Rx(to), Rx(x), Rx(y)),
            }
            self.narrow.note(to, Some(esize));
        } else {
            match op {
                Fn2::Add => sized!(self, esize; vaddps vaddpd Rx(to), Rx(x), Rx(y)),
                Fn2::Mul | Fn2::NegMul => sized!(self, esize; vmulps vmulpd Rx(to), Rx(x), Rx(y)),
                Fn2::Div => sized!(self, esize; vdivps vdivpd Rx(to), Rx(x), Rx(y)),
                _ => sized!(self, esize; vsubps vsubpd Rx(to), Rx(x), Rx(y)),
            }
        }
        // A tiny sum is exact.
        let doubt = match op {
            Fn2::Add | Fn2::Sub | Fn2::Abd => Doubt::Nan,
            _ => Doubt::NanOrTiny,
        };
        let from = self.doubt(doubt, shape, to);
        match op {
            Fn2::NegMul => self.negate(shape, to, to),
            Fn2::Abd if esize == 2 => asm!(self ; vandps Rx(to), Rx(to), [rbx + MAGNITUDE_S]),
            Fn2::Abd => asm!(self ; vandps Rx(to), Rx(to), [rbx + MAGNITUDE_D]),
            _ => {}
        }
        self.cut(shape, to);
        self.or_evaluate(from, original.0, to, original.1);
        to
    }

    fn extreme(&mut self, op: Fn2, shape: Shape, x: u8, y: u8, original: (Op, [u8; 3])) -> u8 {
        let to = self.vector();
        let from = self.unordered(shape, x, y);
        self.extreme_of_numbers(op, shape, to, x, y);
        self.cut(shape, to);
        self.or_evaluate([from], original.0, to, original.1);
        to
    }

    /// Jumps where a lane of `x` or of `y` is a NaN.
    fn unordered(&mut self, shape: Shape, x: u8, y: u8) -> Offset {
        if shape.lanes == 1 {
            sized!(self, shape.esize; vucomiss vucomisd Rx(x), Rx(y));
            return self.forward(cc::P);
        }
        self.compare_lanes(shape.esize, T2, x, y, predicate::UNORDERED);
        self.any(shape.esize, T2)
    }

    /// The host takes its second operand where both are zeros: both orders, and the signs together.
    fn extreme_of_numbers(&mut self, op: Fn2, shape: Shape, to: u8, x: u8, y: u8) {
        let (esize, greater) = (shape.esize, matches!(op, Fn2::Max | Fn2::MaxNum));
        for (to, x, y) in [(T2, y, x), (to, x, y)] {
            match (greater, shape.lanes) {
                (true, 1) => sized!(self, esize; vmaxss vmaxsd Rx(to), Rx(x), Rx(y)),
                (true, _) => sized!(self, esize; vmaxps vmaxpd Rx(to), Rx(x), Rx(y)),
                (false, 1) => sized!(self, esize; vminss vminsd Rx(to), Rx(x), Rx(y)),
                (false, _) => sized!(self, esize; vminps vminpd Rx(to), Rx(x), Rx(y)),
            }
        }
        match greater {
            true => asm!(self ; vandps Rx(to), Rx(to), Rx(T2)),
            false => asm!(self ; vorps Rx(to), Rx(to), Rx(T2)),
        }
        if shape.lanes == 1 {
            self.lowest(esize, to, to);
        }
    }

    /// Two lanes, or the greatest and the least of four.
    fn reduce(&mut self, op: FOp1, function: Fn2, a: u8) -> Option<u8> {
        let original = (Op::F1(op), [a, 0, 0]);
        let extreme = matches!(function, Fn2::Max | Fn2::Min | Fn2::MaxNum | Fn2::MinNum);
        let one = Shape { lanes: 1, ..op.shape };
        match op.shape.lanes {
            2 if extreme || function == Fn2::Add => {
                self.begin_float();
                match op.shape.esize {
                    2 => asm!(self ; vmovshdup Rx(T1), Rx(a)),
                    _ => asm!(self ; vunpckhpd Rx(T1), Rx(a), Rx(a)),
                }
                Some(match extreme {
                    true => self.extreme(function, one, a, T1, original),
                    false => self.compute(function, one, a, T1, original),
                })
            }
            4 if extreme => {
                self.begin_float();
                let to = self.vector();
                // Numbers give the same in any order.
                let from = self.unordered(op.shape, a, a);
                asm!(self ; vmovshdup Rx(T1), Rx(a));
                self.extreme_of_numbers(function, op.shape, T0, a, T1);
                asm!(self ; vunpckhpd Rx(T1), Rx(T0), Rx(T0));
                self.extreme_of_numbers(function, one, to, T0, T1);
                self.or_evaluate([from], original.0, to, original.1);
                Some(to)
            }
            _ => None,
        }
    }

    fn root(&mut self, op: FOp1, a: u8) -> u8 {
        let (shape, esize, to) = (op.shape, op.shape.esize, self.vector());
        self.begin_float();
        if shape.lanes == 1 {
            asm!(self ; vpxor Rx(to), Rx(to), Rx(to));
            sized!(self, esize; vsqrtss vsqrtsd Rx(to), Rx(to), Rx(a));
        } else {
            let x = self.spread(shape, a, T0);
            sized!(self, esize; vsqrtps vsqrtpd Rx(to), Rx(x));
        }
        let from = self.doubt(Doubt::Nan, shape, to);
        self.cut(shape, to);
        self.or_evaluate(from, Op::F1(op), to, [a, 0, 0]);
        to
    }
}
