//! BFloat16: conversions, dot products, matrix multiplication, multiply-add.

use super::vector_convert::narrow;
use crate::fops::{FOp1, FOp3, Fn1, Fn3, Meeting, Shape};
use crate::vops::{Lane, VOp1, VOp2, VOp3};
use crate::{Done, Engine};
use a64::*;

one_operand! { |_i| Shape::scalar(2);
    Bfcvt bfcvt Fn1::ToBrain;
}

/// BFCVTN, BFCVTN2
pub fn bfcvtn<E: Engine>(e: &mut E, i: Bfcvtn) -> Done {
    narrow(e, i.q, FOp1 { op: Fn1::ToBrain, shape: Shape::vector(2, 1) }, i.rn, i.rd)
}

/// BFDOT (vector)
pub fn bfdot_vec<E: Engine>(e: &mut E, i: BfdotVec) -> Done {
    let m = e.v(i.rm);
    dot(e, i.q, m, [i.rn, i.rd])
}

/// BFDOT (by element): the element is two numbers
pub fn bfdot_elem<E: Engine>(e: &mut E, i: BfdotElem) -> Done {
    let (m, index) = (e.v(i.rm), i.h << 1 | i.l);
    let m = e.vop1(VOp1::Dup(Lane::S, index as u8), m);
    dot(e, i.q, m, [i.rn, i.rd])
}

#[inline(always)]
fn dot<E: Engine>(e: &mut E, q: u32, m: E::V, [rn, rd]: [u32; 2]) -> Done {
    let (d, n) = (e.v(rd), e.v(rn));
    let mut d = e.vop3(VOp3::Bfdot, d, n, m);
    if q == 0 {
        d = e.vop1(VOp1::Cut(Lane::D), d);
    }
    e.set_v(rd, d);
    Ok(())
}

/// BFMMLA: the 2 by 2 matrix Vd plus the 2 by 4 matrix Vn times the transpose of the 2 by 4 matrix Vm
pub fn bfmmla<E: Engine>(e: &mut E, i: Bfmmla) -> Done {
    crate::simd::matrix(e, VOp3::Bfdot, [i.rn, i.rm, i.rd])
}

/// BFMLALB, BFMLALT (vector): the even numbers, the odd ones
pub fn bfmlal_vec<E: Engine>(e: &mut E, i: BfmlalVec) -> Done {
    let m = e.v(i.rm);
    let m = singles(e, i.q, m);
    multiply_add(e, i.q, m, [i.rn, i.rd])
}

/// BFMLALB, BFMLALT (by element)
pub fn bfmlal_elem<E: Engine>(e: &mut E, i: BfmlalElem) -> Done {
    let (m, index) = (e.v(i.rm), i.h << 2 | i.l << 1 | i.m);
    let m = e.vop1(VOp1::Dup(Lane::H, index as u8), m);
    let m = singles(e, 1, m);
    multiply_add(e, i.q, m, [i.rn, i.rd])
}

/// The even (`top` 0) or odd numbers as singles.
#[inline(always)]
fn singles<E: Engine>(e: &mut E, top: u32, v: E::V) -> E::V {
    if top == 0 {
        return e.vop1(VOp1::Shl(Lane::S, 16), v);
    }
    let upper = e.vimm(Lane::S.splat(0xffff_0000));
    e.vop2(VOp2::And, v, upper)
}

/// In single precision, with FPCR and FPSR.
#[inline(always)]
fn multiply_add<E: Engine>(e: &mut E, top: u32, m: E::V, [rn, rd]: [u32; 2]) -> Done {
    let (d, n) = (e.v(rd), e.v(rn));
    let n = singles(e, top, n);
    let op = FOp3 { op: Fn3::MulAdd, shape: Shape::vector(2, 1), meeting: Meeting::Lanewise };
    let d = e.fop3(op, d, n, m);
    e.set_v(rd, d);
    Ok(())
}
