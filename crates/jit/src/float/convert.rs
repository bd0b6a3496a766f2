//! Conversions: between formats, to integral values, to and from integers.

use super::{Doubt, predicate, sized};
use crate::code::Offset;
use crate::constants::*;
use crate::emit::{Emitter, RAX, asm};
use crate::evaluate::Op;
use crate::thunks::cc;
use crate::vector::evex::Evex;
use crate::vector::{T0, T1, T2};
use dynasmrt::{DynasmApi, dynasm};
use semantics::fops::{FOp1, Rounding, Shape};

/// Of VROUND: does not raise Inexact.
const QUIET: i8 = 8;

/// The operand of VROUND for a mode; `None` is that of FPCR. Ties away from zero it does not have.
fn mode(rounding: Option<Rounding>) -> i8 {
    match rounding {
        Some(Rounding::TieEven) => 0,
        Some(Rounding::MinusInf) => 1,
        Some(Rounding::PlusInf) => 2,
        Some(Rounding::Zero) => 3,
        _ => 4,
    }
}

impl Emitter {
    /// Between single and double precision.
    pub(super) fn convert(&mut self, op: FOp1, to_esize: u8, a: u8) -> u8 {
        let to = self.vector();
        self.begin_float();
        match (to_esize, op.shape.lanes) {
            (3, 1) => asm!(self ; vpxor Rx(to), Rx(to), Rx(to) ; vcvtss2sd Rx(to), Rx(to), Rx(a)),
            (3, _) => asm!(self ; vcvtps2pd Rx(to), Rx(a)),
            (_, 1) => asm!(self ; vpxor Rx(to), Rx(to), Rx(to) ; vcvtsd2ss Rx(to), Rx(to), Rx(a)),
            (_, _) => asm!(self ; vcvtpd2ps Rx(to), Rx(a)),
        }
        // A NaN keeps its leading bits here as there.
        let doubt = if to_esize == 3 { Doubt::No } else { Doubt::NanOrTiny };
        if let Some(from) = self.doubt(doubt, Shape { esize: to_esize, ..op.shape }, to) {
            self.or_evaluate([from], Op::F1(op), to, [a, 0, 0]);
        }
        to
    }

    /// `to` is `a` with each lane that counts rounded.
    fn rounded(&mut self, shape: Shape, to: u8, a: u8, mode: i8) {
        let esize = shape.esize;
        match shape.lanes {
            1 => sized!(self, esize; vroundss vroundsd Rx(to), Rx(a), Rx(a), mode),
            _ => sized!(self, esize; vroundps vroundpd Rx(to), Rx(a), mode),
        }
    }

    /// The same, ties away from zero, which the host has not, without Inexact: a half is compared with what is cut
    /// off. Jumps for NaNs, and for what is surely integral. Uses T1 and T2.
    fn rounded_away(&mut self, shape: Shape, to: u8, a: u8) -> Offset {
        let (esize, scalar) = (shape.esize, shape.lanes == 1);
        let [magnitude, sign, half, one, integral] = match esize {
            2 => [MAGNITUDE_S, SIGN_S, HALF_S, ONE_S, INTEGRAL_S],
            _ => [MAGNITUDE_D, SIGN_D, HALF_D, ONE_D, INTEGRAL_D],
        };
        asm!(self ; vandps Rx(T1), Rx(a), [rbx + magnitude] ; vmovaps Rx(T2), [rbx + integral]);
        let from = match scalar {
            true => {
                sized!(self, esize; vucomiss vucomisd Rx(T2), Rx(T1));
                self.forward(cc::BE)
            }
            false => {
                self.compare_lanes(esize, T1, T1, T2, predicate::NOT_LESS);
                self.any(esize, T1)
            }
        };
        self.rounded(shape, to, a, 3 | QUIET);
        // Exact differences, of numbers.
        match scalar {
            true => sized!(self, esize; vsubss vsubsd Rx(T1), Rx(a), Rx(to)),
            false => sized!(self, esize; vsubps vsubpd Rx(T1), Rx(a), Rx(to)),
        }
        asm!(self ; vandps Rx(T1), Rx(T1), [rbx + magnitude] ; vmovaps Rx(T2), [rbx + half]);
        self.compare_shape(shape, T1, T1, T2, predicate::GREATER_OR_EQUAL);
        asm!(self
            ; vandps Rx(T1), Rx(T1), [rbx + one]
            ; vandps Rx(T2), Rx(a), [rbx + sign]
            ; vorps Rx(T1), Rx(T1), Rx(T2)
        );
        match scalar {
            true => sized!(self, esize; vaddss vaddsd Rx(to), Rx(to), Rx(T1)),
            false => sized!(self, esize; vaddps vaddpd Rx(to), Rx(to), Rx(T1)),
        }
        from
    }

    pub(super) fn round_int(&mut self, op: FOp1, rounding: Option<Rounding>, exact: bool, a: u8) -> u8 {
        let (shape, to) = (op.shape, self.vector());
        self.begin_float();
        let x = self.spread(shape, a, T0);
        if rounding == Some(Rounding::TieAway) {
            let from = self.rounded_away(shape, to, x);
            self.finish(shape, to);
            self.or_evaluate([from], Op::F1(op), to, [a, 0, 0]);
        } else {
            self.rounded(shape, to, x, mode(rounding) | if exact { 0 } else { QUIET });
            self.finish(shape, to);
        }
        to
    }

    /// Zeros above what counts.
    fn finish(&mut self, shape: Shape, to: u8) {
        match shape.lanes {
            1 => self.lowest(shape.esize, to, to),
            _ => self.cut(shape, to),
        }
    }

    /// To integers of `1 << to_esize` bytes, saturated; the rare ones are evaluated.
    pub(super) fn float_to_fixed(
        &mut self,
        op: FOp1,
        to_esize: u8,
        unsigned: bool,
        rounding: Rounding,
        a: u8,
    ) -> Option<u8> {
        let shape = op.shape;
        let lane = Shape { lanes: 1, ..shape };
        match (shape.lanes, shape.esize) {
            _ if to_esize < 2 || rounding == Rounding::Odd => return None,
            (1, _) => {}
            (_, 2) => return Some(self.float_lanes_to_fixed(op, unsigned, rounding, a)),
            (_, 3) if self.avx512 && to_esize == 3 => {
                return Some(self.float_lanes_to_fixed(op, unsigned, rounding, a));
            }
            _ if rounding == Rounding::TieAway => return None,
            _ => {}
        }
        let to = self.vector();
        self.begin_float();
        let mut from = Vec::new();
        for i in 0..shape.lanes {
            let x = if i == 0 { a } else { T0 };
            if i > 0 {
                asm!(self ; vunpckhpd Rx(T0), Rx(a), Rx(a));
            }
            self.float_lane_to_fixed(lane, to_esize, unsigned, rounding, x, &mut from);
            match (to_esize, i) {
                (2, _) => asm!(self ; vmovd Rx(to), eax),
                (_, 0) => asm!(self ; vmovq Rx(to), rax),
                _ => asm!(self ; vpinsrq Rx(to), Rx(to), rax, 1),
            }
        }
        self.or_evaluate(from, Op::F1(op), to, [a, 0, 0]);
        Some(to)
    }

    /// One lane, to rax; where it does not fit, and for some that do, jumps that are added to `from`. Uses the last
    /// two scratch registers.
    fn float_lane_to_fixed(
        &mut self,
        lane: Shape,
        to_esize: u8,
        unsigned: bool,
        rounding: Rounding,
        x: u8,
        from: &mut Vec<Offset>,
    ) {
        let esize = lane.esize;
        let mode = mode(Some(rounding));
        let cut = (!unsigned || self.avx512) && rounding == Rounding::Zero;
        let integral = match rounding {
            _ if cut => x,
            Rounding::TieAway => {
                from.push(self.rounded_away(lane, T0, x));
                T0
            }
            _ => {
                self.rounded(lane, T2, x, mode | QUIET);
                T2
            }
        };
        if unsigned && self.avx512 {
            self.float_lane_to_unsigned(esize, to_esize, integral, from);
            if !cut {
                self.rounded(lane, T2, x, mode & 3);
            }
            return;
        }
        if unsigned {
            // Too large would raise what it should not.
            let limit = match (esize, to_esize) {
                (2, 2) => TWO_32_S,
                (2, _) => TWO_63_S,
                (_, 2) => TWO_32_D,
                _ => TWO_63_D,
            };
            sized!(self, esize; vucomiss vucomisd Rx(integral), [rbx + limit]);
            from.push(self.forward(cc::AE));
        }
        // Out of range, and of NaNs, the result is the least integer, and Invalid is raised.
        match to_esize == 3 || unsigned {
            true => sized!(self, esize; vcvttss2si vcvttsd2si rax, Rx(integral)),
            false => sized!(self, esize; vcvttss2si vcvttsd2si eax, Rx(integral)),
        }
        match (unsigned, to_esize) {
            (true, _) => {
                asm!(self ; test rax, rax);
                from.push(self.forward(cc::S));
            }
            (_, 3) => {
                asm!(self ; cmp rax, 1);
                from.push(self.forward(cc::O));
            }
            _ => {
                asm!(self ; cmp eax, 1);
                from.push(self.forward(cc::O));
            }
        }
        if !cut {
            // Inexact, if it was; of ties away the same numbers are.
            self.rounded(lane, T2, x, mode & 3);
        }
    }

    /// All ones are for what does not fit, and that raised Invalid; of 32 bits they may be right, too.
    fn float_lane_to_unsigned(&mut self, esize: u8, to_esize: u8, integral: u8, from: &mut Vec<Offset>) {
        let op = match (esize, to_esize) {
            (2, 2) => Evex::Cvttss2usi,
            (2, _) => Evex::Cvttss2usi64,
            (_, 2) => Evex::Cvttsd2usi,
            _ => Evex::Cvttsd2usi64,
        };
        self.evex_of(op, RAX, integral);
        match to_esize {
            2 => asm!(self ; cmp eax, -1),
            _ => asm!(self ; cmp rax, -1),
        }
        from.push(self.forward(cc::E));
    }

    /// The same for all lanes, to integers of their size: of 32 bits, or with AVX-512 of 64.
    fn float_lanes_to_fixed(&mut self, op: FOp1, unsigned: bool, rounding: Rounding, a: u8) -> u8 {
        let (shape, to) = (op.shape, self.vector());
        let esize = shape.esize;
        self.begin_float();
        let mut from = Vec::new();
        let mode = mode(Some(rounding));
        let x = self.spread(shape, a, T0);
        let cut = (!unsigned || self.avx512) && rounding == Rounding::Zero;
        let integral = match rounding {
            _ if cut => x,
            Rounding::TieAway => {
                from.push(self.rounded_away(shape, to, x));
                to
            }
            _ => {
                self.rounded(shape, to, x, mode | QUIET);
                to
            }
        };
        if unsigned && !self.avx512 {
            asm!(self ; vmovaps Rx(T2), [rbx + TWO_31_S]);
            self.compare_lanes(2, T2, integral, T2, predicate::NOT_LESS);
            from.push(self.any(2, T2));
        }
        match (esize, unsigned) {
            (2, true) if self.avx512 => self.evex_of(Evex::Cvttps2udq, to, integral),
            (2, _) => asm!(self ; vcvttps2dq Rx(to), Rx(integral)),
            (_, true) => self.evex_of(Evex::Cvttpd2uqq, to, integral),
            (_, false) => self.evex_of(Evex::Cvttpd2qq, to, integral),
        }
        // What does not fit becomes this.
        match (esize, unsigned) {
            (2, true) if self.avx512 => asm!(self ; vpcmpeqd Rx(T2), Rx(T2), Rx(T2) ; vpcmpeqd Rx(T2), Rx(T2), Rx(to)),
            (2, true) => {}
            (2, false) => asm!(self ; vpcmpeqd Rx(T2), Rx(to), [rbx + SIGN_S]),
            (_, true) => asm!(self ; vpcmpeqd Rx(T2), Rx(T2), Rx(T2) ; vpcmpeqq Rx(T2), Rx(T2), Rx(to)),
            (_, false) => asm!(self ; vpcmpeqq Rx(T2), Rx(to), [rbx + SIGN_D]),
        }
        let doubt = if esize == 2 && unsigned && !self.avx512 { to } else { T2 };
        from.push(self.any(esize, doubt));
        if !cut {
            self.rounded(shape, T2, x, mode & 3);
        }
        self.cut(shape, to);
        self.or_evaluate(from, Op::F1(op), to, [a, 0, 0]);
        to
    }

    /// From integers of the shape's size with `fbits` fraction bits; the upper half of unsigned 64-bit ones is
    /// evaluated.
    pub(super) fn fixed_to_float(&mut self, op: FOp1, to_esize: u8, fbits: u8, unsigned: bool, a: u8) -> u8 {
        let (shape, to) = (op.shape, self.vector());
        self.begin_float();
        let mut from = Vec::new();
        match (shape.esize, shape.lanes) {
            (2, 1) if unsigned => {
                asm!(self ; vmovd eax, Rx(a) ; vpxor Rx(to), Rx(to), Rx(to));
                sized!(self, to_esize; vcvtsi2ss vcvtsi2sd Rx(to), Rx(to), rax);
            }
            (2, 1) if to_esize == 3 => asm!(self ; vcvtdq2pd Rx(to), Rx(a) ; vmovq Rx(to), Rx(to)),
            (2, 1) => {
                self.lowest(2, to, a);
                asm!(self ; vcvtdq2ps Rx(to), Rx(to));
            }
            (2, _) => {
                let x = self.spread(shape, a, T0);
                self.words_to_float(to, x, unsigned);
            }
            (_, lanes) if self.avx512 => {
                let x = if lanes == 1 { to } else { a };
                if lanes == 1 {
                    asm!(self ; vmovq Rx(to), Rx(a));
                }
                let op = match (to_esize, unsigned) {
                    (2, false) => Evex::Cvtqq2ps,
                    (2, true) => Evex::Cvtuqq2ps,
                    (_, false) => Evex::Cvtqq2pd,
                    (_, true) => Evex::Cvtuqq2pd,
                };
                self.evex_of(op, to, x);
            }
            (_, lanes) => {
                for i in 0..lanes {
                    match i {
                        0 => asm!(self ; vmovq rax, Rx(a)),
                        _ => asm!(self ; vpextrq rax, Rx(a), 1),
                    }
                    if unsigned {
                        asm!(self ; test rax, rax);
                        from.push(self.forward(cc::S));
                    }
                    let x = if i == 0 { to } else { T0 };
                    asm!(self ; vpxor Rx(x), Rx(x), Rx(x));
                    sized!(self, to_esize; vcvtsi2ss vcvtsi2sd Rx(x), Rx(x), rax);
                }
                if lanes == 2 {
                    asm!(self ; vunpcklpd Rx(to), Rx(to), Rx(T0));
                }
            }
        }
        if fbits > 0 {
            self.scale_down(shape, to_esize, fbits, to);
        }
        self.cut(shape, to);
        self.or_evaluate(from, Op::F1(op), to, [a, 0, 0]);
        to
    }

    /// Lanes of 32 bits. The host has no unsigned ones: halves convert exactly, and their sum is rounded once.
    fn words_to_float(&mut self, to: u8, x: u8, unsigned: bool) {
        if unsigned && self.avx512 {
            return self.evex_of(Evex::Cvtudq2ps, to, x);
        }
        if !unsigned {
            return asm!(self ; vcvtdq2ps Rx(to), Rx(x));
        }
        asm!(self
            ; vpsrld Rx(to), Rx(x), 16
            ; vpslld Rx(T1), Rx(x), 16
            ; vpsrld Rx(T1), Rx(T1), 16
            ; vcvtdq2ps Rx(to), Rx(to)
            ; vcvtdq2ps Rx(T1), Rx(T1)
            ; vmulps Rx(to), Rx(to), [rbx + TWO_16_S]
            ; vaddps Rx(to), Rx(to), Rx(T1)
        );
    }

    /// Divides by `2^fbits`, which is exact.
    fn scale_down(&mut self, shape: Shape, esize: u8, fbits: u8, v: u8) {
        let factor = match esize {
            2 => u64::from(2f32.powi(-i32::from(fbits)).to_bits()),
            _ => 2f64.powi(-i32::from(fbits)).to_bits(),
        };
        self.mov_imm(RAX, factor);
        match (esize, shape.lanes) {
            (2, 1) => asm!(self ; vmovd Rx(T0), eax ; vmulss Rx(v), Rx(v), Rx(T0)),
            (2, _) => asm!(self ; vmovd Rx(T0), eax ; vpbroadcastd Rx(T0), Rx(T0) ; vmulps Rx(v), Rx(v), Rx(T0)),
            (_, 1) => asm!(self ; vmovq Rx(T0), rax ; vmulsd Rx(v), Rx(v), Rx(T0)),
            _ => asm!(self ; vmovq Rx(T0), rax ; vpunpcklqdq Rx(T0), Rx(T0), Rx(T0) ; vmulpd Rx(v), Rx(v), Rx(T0)),
        }
    }
}
