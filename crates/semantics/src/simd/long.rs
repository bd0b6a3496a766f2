//! Three registers of different kinds: long, wide and narrow forms.
//!
//! A long form extends the lanes and computes at twice the width, which is exact. The "2" forms read, or
//! write, upper halves.

use super::{Part, half, write_half};
use crate::vops::{Lane, SOp2, VOp1, VOp2};
use crate::{Done, Engine};
use a64::*;

/// How lanes grow.
#[derive(Clone, Copy)]
pub(super) enum Extend {
    Signed,
    Unsigned,
}

impl Extend {
    #[inline(always)]
    pub(super) fn op(self, lane: Lane) -> VOp1 {
        match self {
            Extend::Signed => VOp1::Sxtl(lane),
            Extend::Unsigned => VOp1::Uxtl(lane),
        }
    }
}

/// `op` of the extended low halves of `n` and `m`.
#[inline(always)]
pub(super) fn widened<E: Engine>(e: &mut E, extend: Extend, lane: Lane, op: VOp2, n: E::V, m: E::V) -> E::V {
    let (n, m) = (e.vop1(extend.op(lane), n), e.vop1(extend.op(lane), m));
    e.vop2(op, n, m)
}

/// Long rows.
macro_rules! long {
    ($($function:ident $row:ident $extend:ident $op:ident;)*) => {$(
        #[doc = concat!(stringify!($row), " and its 2 form")]
        pub fn $function<E: Engine>(e: &mut E, i: $row) -> Done {
            let (lane, n, m) = (Lane::of(i.size), half(e, i.q, i.rn), half(e, i.q, i.rm));
            let result = widened(e, Extend::$extend, lane, VOp2::$op(lane.double()), n, m);
            e.set_v(i.rd, result);
            Ok(())
        }
    )*};
}
long! {
    saddl_vec SaddlVec Signed Add;
    uaddl_vec UaddlVec Unsigned Add;
    ssubl_vec SsublVec Signed Sub;
    usubl_vec UsublVec Unsigned Sub;
    sabdl_vec SabdlVec Signed Sabd;
    uabdl_vec UabdlVec Unsigned Uabd;
    smull_vec SmullVec Signed Mul;
    umull_vec UmullVec Unsigned Mul;
}

/// Long rows that add to, or subtract from, Vd.
macro_rules! accumulating {
    ($($function:ident $row:ident $extend:ident $op:ident $sum:ident;)*) => {$(
        #[doc = concat!(stringify!($row), " and its 2 form")]
        pub fn $function<E: Engine>(e: &mut E, i: $row) -> Done {
            let (lane, n, m) = (Lane::of(i.size), half(e, i.q, i.rn), half(e, i.q, i.rm));
            let term = widened(e, Extend::$extend, lane, VOp2::$op(lane.double()), n, m);
            let d = e.v(i.rd);
            let result = e.vop2(VOp2::$sum(lane.double()), d, term);
            e.set_v(i.rd, result);
            Ok(())
        }
    )*};
}
accumulating! {
    sabal_vec SabalVec Signed Sabd Add;
    uabal_vec UabalVec Unsigned Uabd Add;
    smlal_vec SmlalVec Signed Mul Add;
    umlal_vec UmlalVec Unsigned Mul Add;
    smlsl_vec SmlslVec Signed Mul Sub;
    umlsl_vec UmlslVec Unsigned Mul Sub;
}

/// Wide rows: only Vm grows.
macro_rules! wide {
    ($($function:ident $row:ident $extend:ident $op:ident;)*) => {$(
        #[doc = concat!(stringify!($row), " and its 2 form")]
        pub fn $function<E: Engine>(e: &mut E, i: $row) -> Done {
            let (lane, n, m) = (Lane::of(i.size), e.v(i.rn), half(e, i.q, i.rm));
            let m = e.vop1(Extend::$extend.op(lane), m);
            let result = e.vop2(VOp2::$op(lane.double()), n, m);
            e.set_v(i.rd, result);
            Ok(())
        }
    )*};
}
wide! {
    saddw_vec SaddwVec Signed Add;
    uaddw_vec UaddwVec Unsigned Add;
    ssubw_vec SsubwVec Signed Sub;
    usubw_vec UsubwVec Unsigned Sub;
}

/// Narrow rows: the high halves of lanes of twice the width, cut, or rounded by adding half.
macro_rules! narrow {
    ($($function:ident $row:ident $op:ident $shift:ident;)*) => {$(
        #[doc = concat!(stringify!($row), " and its 2 form")]
        pub fn $function<E: Engine>(e: &mut E, i: $row) -> Done {
            let (lane, n, m) = (Lane::of(i.size), e.v(i.rn), e.v(i.rm));
            let sum = e.vop2(VOp2::$op(lane.double()), n, m);
            let high = e.vop1(VOp1::$shift(lane.double(), lane.bits() as u8), sum);
            let narrow = e.vop1(VOp1::Xtn(lane), high);
            write_half(e, i.q, i.rd, narrow)
        }
    )*};
}
narrow! {
    addhn_vec AddhnVec Add Ushr;
    raddhn_vec RaddhnVec Add Urshr;
    subhn_vec SubhnVec Sub Ushr;
    rsubhn_vec RsubhnVec Sub Urshr;
}

/// PMULL, PMULL2
pub fn pmull_vec<E: Engine>(e: &mut E, i: PmullVec) -> Done {
    let (n, m) = (half(e, i.q, i.rn), half(e, i.q, i.rm));
    let result = e.vop2(VOp2::Pmull(Lane::of(i.size)), n, m);
    e.set_v(i.rd, result);
    Ok(())
}

/// What SQDMULL does with its doubled product.
#[derive(Clone, Copy)]
pub(super) enum Doubled {
    Write,
    Add,
    Subtract,
}

impl Doubled {
    /// Doubled product of the low halves, then the sum with Vd; each step saturates.
    #[inline(always)]
    pub(super) fn execute<E: Engine>(self, e: &mut E, part: Part, lane: Lane, n: E::V, m: E::V, rd: u32) -> Done {
        let product = e.sop2(SOp2::Sqdmull(lane), n, m);
        let sum = match self {
            Doubled::Write => return part.write(e, rd, product),
            Doubled::Add => SOp2::Sqadd(lane.double()),
            Doubled::Subtract => SOp2::Sqsub(lane.double()),
        };
        let d = part.read(e, rd);
        let result = e.sop2(sum, d, product);
        e.set_v(rd, result);
        Ok(())
    }
}

/// Doubling rows, vector and scalar.
macro_rules! doubling {
    ($($vector:ident $vector_row:ident $scalar:ident $scalar_row:ident $doubled:ident;)*) => {$(
        #[doc = concat!(stringify!($vector_row), " and its 2 form")]
        pub fn $vector<E: Engine>(e: &mut E, i: $vector_row) -> Done {
            let (n, m) = (half(e, i.q, i.rn), half(e, i.q, i.rm));
            Doubled::$doubled.execute(e, Part::Whole, Lane::of(i.size), n, m, i.rd)
        }

        #[doc = stringify!($scalar_row)]
        pub fn $scalar<E: Engine>(e: &mut E, i: $scalar_row) -> Done {
            let (lane, part) = (Lane::of(i.size), Part::scalar(i.size));
            let (n, m) = (part.read(e, i.rn), part.read(e, i.rm));
            Doubled::$doubled.execute(e, Part::Low(lane.double()), lane, n, m, i.rd)
        }
    )*};
}
doubling! {
    sqdmull_vec SqdmullVec sqdmull_scalar SqdmullScalar Write;
    sqdmlal_vec SqdmlalVec sqdmlal_scalar SqdmlalScalar Add;
    sqdmlsl_vec SqdmlslVec sqdmlsl_scalar SqdmlslScalar Subtract;
}
