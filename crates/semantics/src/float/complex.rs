//! FCADD and FCMLA: pairs of lanes are complex numbers, the real part in the lower lane.

use crate::fops::{FOp2, FOp3, Fn2, Fn3, Meeting, Shape};
use crate::vops::{Lane, VOp1, VOp2};
use crate::{Done, Engine};
use a64::*;

/// FCADD: Vn plus Vm turned by 90 degrees (`rot` 0) or 270.
pub fn fcadd_vec<E: Engine>(e: &mut E, i: FcaddVec) -> Done {
    let (lane, n, m) = (Lane::of(i.size), e.v(i.rn), e.v(i.rm));
    let m = swapped(e, lane, m);
    let m = negated(e, lane, i.rot == 0, i.rot == 1, m);
    let d = e.fop2(FOp2 { op: Fn2::Add, shape: Shape::vector(i.size, i.q), meeting: Meeting::Lanewise }, n, m);
    e.set_v(i.rd, d);
    Ok(())
}

/// FCMLA
pub fn fcmla_vec<E: Engine>(e: &mut E, i: FcmlaVec) -> Done {
    let m = e.v(i.rm);
    multiply_add(e, i.size, i.q, i.rot, m, [i.rn, i.rd])
}

/// FCMLA (by element): the element is a complex number.
pub fn fcmla_elem<E: Engine>(e: &mut E, i: FcmlaElem) -> Done {
    let (m, index) = (e.v(i.rm), if i.size == 1 { i.h << 1 | i.l } else { i.h });
    let m = e.vop1(VOp1::Dup(Lane::of(i.size + 1), index as u8), m);
    multiply_add(e, i.size, i.q, i.rot, m, [i.rn, i.rd])
}

/// Adds half of a complex product to Vd: what the real parts of Vn (`rot` 0, 2) or the imaginary ones (1, 3)
/// contribute, turned by `rot` quarters when the latter are taken for real.
#[inline(always)]
fn multiply_add<E: Engine>(e: &mut E, size: u32, q: u32, rot: u32, m: E::V, [rn, rd]: [u32; 2]) -> Done {
    let (lane, d, n) = (Lane::of(size), e.v(rd), e.v(rn));
    let (part, m) = match rot & 1 {
        0 => (VOp2::Trn1(lane), m),
        _ => (VOp2::Trn2(lane), swapped(e, lane, m)),
    };
    let part = e.vop2(part, n, n);
    let m = negated(e, lane, rot == 1 || rot == 2, rot == 2 || rot == 3, m);
    let op = FOp3 { op: Fn3::MulAdd, shape: Shape::vector(size, q), meeting: Meeting::Lanewise };
    let d = e.fop3(op, d, part, m);
    e.set_v(rd, d);
    Ok(())
}

/// Each pair's lanes exchanged.
#[inline(always)]
fn swapped<E: Engine>(e: &mut E, lane: Lane, v: E::V) -> E::V {
    match lane {
        Lane::D => e.vop2(VOp2::Ext(8), v, v),
        _ => e.vop1(VOp1::Rev(lane.double(), lane), v),
    }
}

/// The signs of each pair's lower lane, upper lane inverted, of NaNs too.
#[inline(always)]
fn negated<E: Engine>(e: &mut E, lane: Lane, lower: bool, upper: bool, v: E::V) -> E::V {
    let sign = 1u128 << (lane.bits() - 1);
    let pair = if lower { sign } else { 0 } | if upper { sign << lane.bits() } else { 0 };
    let signs = match lane {
        Lane::D => pair,
        _ => lane.double().splat(pair as u64),
    };
    let signs = e.vimm(signs);
    e.vop2(VOp2::Xor, v, signs)
}
