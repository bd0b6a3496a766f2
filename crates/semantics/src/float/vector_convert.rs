//! Advanced SIMD conversions: to and from integers and fixed point, and between formats.

use crate::fops::{FOp1, Fn1, Rounding, Shape};
use crate::{Done, Engine};
use a64::*;

one_operand! { |i| Shape::vector(2 + i.sz, i.q);
    FcvtIntVec  fcvt_int_vec  to_int(2 + i.sz as u8, i.u, Rounding::of(i.m << 1 | i.a));
    FcvtaIntVec fcvta_int_vec to_int(2 + i.sz as u8, i.u, Rounding::TieAway);
    ScvtfIntVec scvtf_int_vec from_int(2 + i.sz as u8, 0);
    UcvtfIntVec ucvtf_int_vec from_int(2 + i.sz as u8, 1);
}

one_operand! { |i| Shape::vector(1, i.q);
    FcvtIntVecH  fcvt_int_vec_h  to_int(1, i.u, Rounding::of(i.m << 1 | i.a));
    FcvtaIntVecH fcvta_int_vec_h to_int(1, i.u, Rounding::TieAway);
    ScvtfIntVecH scvtf_int_vec_h from_int(1, 0);
    UcvtfIntVecH ucvtf_int_vec_h from_int(1, 1);
}

one_operand! { |i| Shape::scalar(2 + i.sz);
    FcvtIntSca  fcvt_int_sca  to_int(2 + i.sz as u8, i.u, Rounding::of(i.m << 1 | i.a));
    FcvtaIntSca fcvta_int_sca to_int(2 + i.sz as u8, i.u, Rounding::TieAway);
    ScvtfIntSca scvtf_int_sca from_int(2 + i.sz as u8, 0);
    UcvtfIntSca ucvtf_int_sca from_int(2 + i.sz as u8, 1);
}

one_operand! { |i| Shape::scalar(1);
    FcvtIntScaH  fcvt_int_sca_h  to_int(1, i.u, Rounding::of(i.m << 1 | i.a));
    FcvtaIntScaH fcvta_int_sca_h to_int(1, i.u, Rounding::TieAway);
    ScvtfIntScaH scvtf_int_sca_h from_int(1, 0);
    UcvtfIntScaH ucvtf_int_sca_h from_int(1, 1);
}

// Fixed point: the position of the leading one of immh is the lane size, the rest counts fraction bits down.

one_operand! { |i| Shape::vector(fixed_esize(i.immh), i.q);
    ScvtfFixedVec  scvtf_fixed_vec  from_fixed(i.immh, i.immb, false);
    UcvtfFixedVec  ucvtf_fixed_vec  from_fixed(i.immh, i.immb, true);
    FcvtzsFixedVec fcvtzs_fixed_vec to_fixed(i.immh, i.immb, false);
    FcvtzuFixedVec fcvtzu_fixed_vec to_fixed(i.immh, i.immb, true);
}

one_operand! { |i| Shape::scalar(fixed_esize(i.immh));
    ScvtfFixedSca  scvtf_fixed_sca  from_fixed(i.immh, i.immb, false);
    UcvtfFixedSca  ucvtf_fixed_sca  from_fixed(i.immh, i.immb, true);
    FcvtzsFixedSca fcvtzs_fixed_sca to_fixed(i.immh, i.immb, false);
    FcvtzuFixedSca fcvtzu_fixed_sca to_fixed(i.immh, i.immb, true);
}

/// FCVTL, FCVTL2: from the lower or upper half to lanes of twice the size
pub fn fcvtl<E: Engine>(e: &mut E, i: Fcvtl) -> Done {
    let n = e.v(i.rn);
    let half = e.vget(n, 3, i.q);
    let half = e.vfrom(half);
    let op = Fn1::Convert { to: 2 + i.sz as u8, rounding: None };
    let d = e.fop1(FOp1 { op, shape: Shape::vector(1 + i.sz, 0) }, half);
    e.set_v(i.rd, d);
    Ok(())
}

/// FCVTN, FCVTN2
pub fn fcvtn<E: Engine>(e: &mut E, i: Fcvtn) -> Done {
    let op = Fn1::Convert { to: 1 + i.sz as u8, rounding: None };
    narrow(e, i.q, FOp1 { op, shape: Shape::vector(2 + i.sz, 1) }, i.rn, i.rd)
}

/// FCVTXN, FCVTXN2
pub fn fcvtxn<E: Engine>(e: &mut E, i: Fcvtxn) -> Done {
    let op = Fn1::Convert { to: 2, rounding: Some(Rounding::Odd) };
    narrow(e, i.q, FOp1 { op, shape: Shape::vector(3, 1) }, i.rn, i.rd)
}

one_operand! { |i| Shape::scalar(3);
    FcvtxnSca fcvtxn_sca Fn1::Convert { to: 2, rounding: Some(Rounding::Odd) };
}

/// To the lower half, the upper zero; or to the upper half where `q` is 1, the lower as it was.
pub(super) fn narrow<E: Engine>(e: &mut E, q: u32, op: FOp1, rn: u32, rd: u32) -> Done {
    let n = e.v(rn);
    let mut d = e.fop1(op, n);
    if q == 1 {
        let half = e.vget(d, 3, 0);
        let old = e.v(rd);
        d = e.vset(old, 3, 1, half);
    }
    e.set_v(rd, d);
    Ok(())
}

const fn to_int(esize: u8, u: u32, rounding: Rounding) -> Fn1 {
    Fn1::ToFixed { to: esize, fbits: 0, unsigned: u == 1, rounding }
}

const fn from_int(esize: u8, u: u32) -> Fn1 {
    Fn1::FromFixed { to: esize, fbits: 0, unsigned: u == 1 }
}

const fn fixed_esize(immh: u32) -> u32 {
    immh.ilog2()
}

const fn fbits(immh: u32, immb: u32) -> u8 {
    ((16 << fixed_esize(immh)) - (immh << 3 | immb)) as u8
}

const fn to_fixed(immh: u32, immb: u32, unsigned: bool) -> Fn1 {
    Fn1::ToFixed { to: fixed_esize(immh) as u8, fbits: fbits(immh, immb), unsigned, rounding: Rounding::Zero }
}

const fn from_fixed(immh: u32, immb: u32, unsigned: bool) -> Fn1 {
    Fn1::FromFixed { to: fixed_esize(immh) as u8, fbits: fbits(immh, immb), unsigned }
}
