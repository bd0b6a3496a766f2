//! Conversions between SIMD&FP and general-purpose registers.

use super::esize;
use crate::fops::{FOp1, Fn1, Rounding, Shape};
use crate::{Done, Engine, Gpr};
use a64::*;

/// FCVTNS, FCVTPS, FCVTMS, FCVTZS and their unsigned forms (scalar)
pub fn fcvt_int<E: Engine>(e: &mut E, i: FcvtInt) -> Done {
    to_gpr(e, i.sf, i.ftype, 0, i.u == 1, Rounding::of(i.rmode), i.rn, i.rd)
}

/// FCVTAS, FCVTAU (scalar)
pub fn fcvta_int<E: Engine>(e: &mut E, i: FcvtaInt) -> Done {
    to_gpr(e, i.sf, i.ftype, 0, i.u == 1, Rounding::TieAway, i.rn, i.rd)
}

/// FCVTZS (scalar, fixed-point)
pub fn fcvtzs_fixed<E: Engine>(e: &mut E, i: FcvtzsFixed) -> Done {
    to_gpr(e, i.sf, i.ftype, 64 - i.scale, false, Rounding::Zero, i.rn, i.rd)
}

/// FCVTZU (scalar, fixed-point)
pub fn fcvtzu_fixed<E: Engine>(e: &mut E, i: FcvtzuFixed) -> Done {
    to_gpr(e, i.sf, i.ftype, 64 - i.scale, true, Rounding::Zero, i.rn, i.rd)
}

/// FJCVTZS: sets Z, clears the other flags
pub fn fjcvtzs<E: Engine>(e: &mut E, i: Fjcvtzs) -> Done {
    let n = e.v(i.rn);
    let both = e.fop1(FOp1 { op: Fn1::ToJavascript, shape: Shape::scalar(3) }, n);
    let (integer, nzcv) = (e.vget(both, 2, 0), e.vget(both, 2, 1));
    e.set_x(Gpr(i.rd), integer);
    e.set_nzcv(nzcv);
    Ok(())
}

/// SCVTF (scalar, integer)
pub fn scvtf_int<E: Engine>(e: &mut E, i: ScvtfInt) -> Done {
    from_gpr(e, i.sf, i.ftype, 0, false, i.rn, i.rd)
}

/// UCVTF (scalar, integer)
pub fn ucvtf_int<E: Engine>(e: &mut E, i: UcvtfInt) -> Done {
    from_gpr(e, i.sf, i.ftype, 0, true, i.rn, i.rd)
}

/// SCVTF (scalar, fixed-point)
pub fn scvtf_fixed<E: Engine>(e: &mut E, i: ScvtfFixed) -> Done {
    from_gpr(e, i.sf, i.ftype, 64 - i.scale, false, i.rn, i.rd)
}

/// UCVTF (scalar, fixed-point)
pub fn ucvtf_fixed<E: Engine>(e: &mut E, i: UcvtfFixed) -> Done {
    from_gpr(e, i.sf, i.ftype, 64 - i.scale, true, i.rn, i.rd)
}

/// Vn's value as an integer with `fbits` fraction bits to Wd or Xd.
#[allow(clippy::too_many_arguments)] // the fields of one encoding
#[inline(always)]
fn to_gpr<E: Engine>(
    e: &mut E,
    sf: u32,
    ftype: u32,
    fbits: u32,
    unsigned: bool,
    rounding: Rounding,
    rn: u32,
    rd: u32,
) -> Done {
    let op = Fn1::ToFixed { to: 2 + sf as u8, fbits: fbits as u8, unsigned, rounding };
    let n = e.v(rn);
    let d = e.fop1(FOp1 { op, shape: Shape::scalar(esize(ftype)) }, n);
    let d = e.vget(d, 3, 0);
    e.set_x(Gpr(rd), d);
    Ok(())
}

/// Wn or Xn, an integer with `fbits` fraction bits, to Vd.
#[inline(always)]
fn from_gpr<E: Engine>(e: &mut E, sf: u32, ftype: u32, fbits: u32, unsigned: bool, rn: u32, rd: u32) -> Done {
    let op = Fn1::FromFixed { to: esize(ftype) as u8, fbits: fbits as u8, unsigned };
    let n = e.x(Gpr(rn));
    let n = e.vfrom(n);
    let d = e.fop1(FOp1 { op, shape: Shape::scalar(2 + sf) }, n);
    e.set_v(rd, d);
    Ok(())
}
