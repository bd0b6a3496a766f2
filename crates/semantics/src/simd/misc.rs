//! Two-register miscellaneous, scalar pairwise, across lanes.

use super::{Part, half, pure1, saturating1, write_half};
use crate::vops::{Lane, SOp1, SOp2, VOp1, VOp2};
use crate::{Done, Engine};
use a64::*;

/// Vector rows whose meaning is one pure micro-op of Vn; `size` names the lane where the op has one.
macro_rules! vector {
    ($($function:ident $row:ident |$i:ident| $op:expr;)*) => {$(
        #[doc = concat!(stringify!($row), ": ", stringify!($op))]
        pub fn $function<E: Engine>(e: &mut E, $i: $row) -> Done {
            pure1(e, Part::vector($i.q), $op, $i.rn, $i.rd)
        }
    )*};
}
vector! {
    rev64_vec Rev64Vec |i| VOp1::Rev(Lane::D, Lane::of(i.size));
    rev32_vec Rev32Vec |i| VOp1::Rev(Lane::S, Lane::of(i.size));
    rev16_vec Rev16Vec |i| VOp1::Rev(Lane::H, Lane::B);
    saddlp_vec SaddlpVec |i| VOp1::Saddlp(Lane::of(i.size));
    uaddlp_vec UaddlpVec |i| VOp1::Uaddlp(Lane::of(i.size));
    cls_vec ClsVec |i| VOp1::Cls(Lane::of(i.size));
    clz_vec ClzVec |i| VOp1::Clz(Lane::of(i.size));
    cnt_vec CntVec |i| VOp1::Cnt;
    not_vec NotVec |i| VOp1::Not;
    rbit_vec RbitVec |i| VOp1::Rbit;
    abs_vec AbsVec |i| VOp1::Abs(Lane::of(i.size));
}

/// ABS (scalar)
pub fn abs_scalar<E: Engine>(e: &mut E, i: AbsScalar) -> Done {
    pure1(e, Part::Low(Lane::D), VOp1::Abs(Lane::D), i.rn, i.rd)
}

/// SADALP
pub fn sadalp_vec<E: Engine>(e: &mut E, i: SadalpVec) -> Done {
    add_pairs(e, i.q, i.size, VOp1::Saddlp(Lane::of(i.size)), [i.rn, i.rd])
}

/// UADALP
pub fn uadalp_vec<E: Engine>(e: &mut E, i: UadalpVec) -> Done {
    add_pairs(e, i.q, i.size, VOp1::Uaddlp(Lane::of(i.size)), [i.rn, i.rd])
}

#[inline(always)]
fn add_pairs<E: Engine>(e: &mut E, q: u32, size: u32, op: VOp1, [rn, rd]: [u32; 2]) -> Done {
    let (d, n) = (e.v(rd), e.v(rn));
    let pairs = e.vop1(op, n);
    let result = e.vop2(VOp2::Add(Lane::of(size).double()), d, pairs);
    Part::vector(q).write(e, rd, result)
}

/// Which operand of a two-operand op is zero.
enum Order {
    ZeroFirst,
    ZeroSecond,
}

/// Vd = Vn `op` 0, or 0 `op` Vn.
#[inline(always)]
fn with_zero<E: Engine>(e: &mut E, part: Part, op: VOp2, order: Order, [rn, rd]: [u32; 2]) -> Done {
    let (n, zero) = (e.v(rn), e.vimm(0));
    let result = match order {
        Order::ZeroSecond => e.vop2(op, n, zero),
        Order::ZeroFirst => e.vop2(op, zero, n),
    };
    part.write(e, rd, result)
}

/// Rows that are a two-operand op with zero, vector and scalar (of 64 bits).
macro_rules! zero {
    ($($vector:ident $vector_row:ident $scalar:ident $scalar_row:ident $op:ident $order:ident;)*) => {$(
        #[doc = concat!(stringify!($op), " with zero (vector)")]
        pub fn $vector<E: Engine>(e: &mut E, i: $vector_row) -> Done {
            with_zero(e, Part::vector(i.q), VOp2::$op(Lane::of(i.size)), Order::$order, [i.rn, i.rd])
        }

        #[doc = concat!(stringify!($op), " with zero (scalar)")]
        pub fn $scalar<E: Engine>(e: &mut E, i: $scalar_row) -> Done {
            with_zero(e, Part::Low(Lane::D), VOp2::$op(Lane::D), Order::$order, [i.rn, i.rd])
        }
    )*};
}
zero! {
    cmgt0_vec Cmgt0Vec cmgt0_scalar Cmgt0Scalar Cmgt ZeroSecond;
    cmge0_vec Cmge0Vec cmge0_scalar Cmge0Scalar Cmge ZeroSecond;
    cmeq0_vec Cmeq0Vec cmeq0_scalar Cmeq0Scalar Cmeq ZeroSecond;
    cmle0_vec Cmle0Vec cmle0_scalar Cmle0Scalar Cmge ZeroFirst;
    cmlt0_vec Cmlt0Vec cmlt0_scalar Cmlt0Scalar Cmgt ZeroFirst;
    neg_vec NegVec neg_scalar NegScalar Sub ZeroFirst;
}

/// Saturating rows of one operand, vector and scalar.
macro_rules! saturating {
    ($($vector:ident $vector_row:ident $scalar:ident $scalar_row:ident $op:ident;)*) => {$(
        #[doc = concat!(stringify!($op), " (vector)")]
        pub fn $vector<E: Engine>(e: &mut E, i: $vector_row) -> Done {
            saturating1(e, Part::vector(i.q), SOp1::$op(Lane::of(i.size)), i.rn, i.rd)
        }

        #[doc = concat!(stringify!($op), " (scalar)")]
        pub fn $scalar<E: Engine>(e: &mut E, i: $scalar_row) -> Done {
            saturating1(e, Part::scalar(i.size), SOp1::$op(Lane::of(i.size)), i.rn, i.rd)
        }
    )*};
}
saturating! {
    sqabs_vec SqabsVec sqabs_scalar SqabsScalar Sqabs;
    sqneg_vec SqnegVec sqneg_scalar SqnegScalar Sqneg;
}

/// Rows that add Vn to Vd, saturating, vector and scalar.
macro_rules! accumulating {
    ($($vector:ident $vector_row:ident $scalar:ident $scalar_row:ident $op:ident;)*) => {$(
        #[doc = concat!(stringify!($op), " (vector)")]
        pub fn $vector<E: Engine>(e: &mut E, i: $vector_row) -> Done {
            super::saturating2(e, Part::vector(i.q), SOp2::$op(Lane::of(i.size)), i.rd, i.rn, i.rd)
        }

        #[doc = concat!(stringify!($op), " (scalar)")]
        pub fn $scalar<E: Engine>(e: &mut E, i: $scalar_row) -> Done {
            super::saturating2(e, Part::scalar(i.size), SOp2::$op(Lane::of(i.size)), i.rd, i.rn, i.rd)
        }
    )*};
}
accumulating! {
    suqadd_vec SuqaddVec suqadd_scalar SuqaddScalar Suqadd;
    usqadd_vec UsqaddVec usqadd_scalar UsqaddScalar Usqadd;
}

/// Narrowing saturating rows, vector and scalar.
macro_rules! narrowing {
    ($($vector:ident $vector_row:ident $scalar:ident $scalar_row:ident $op:ident;)*) => {$(
        #[doc = concat!(stringify!($op), ", ", stringify!($op), "2 (vector)")]
        pub fn $vector<E: Engine>(e: &mut E, i: $vector_row) -> Done {
            let n = e.v(i.rn);
            let narrow = e.sop1(SOp1::$op(Lane::of(i.size)), n);
            write_half(e, i.q, i.rd, narrow)
        }

        #[doc = concat!(stringify!($op), " (scalar)")]
        pub fn $scalar<E: Engine>(e: &mut E, i: $scalar_row) -> Done {
            saturating1(e, Part::scalar(i.size + 1), SOp1::$op(Lane::of(i.size)), i.rn, i.rd)
        }
    )*};
}
narrowing! {
    sqxtn_vec SqxtnVec sqxtn_scalar SqxtnScalar Sqxtn;
    sqxtun_vec SqxtunVec sqxtun_scalar SqxtunScalar Sqxtun;
    uqxtn_vec UqxtnVec uqxtn_scalar UqxtnScalar Uqxtn;
}

/// XTN, XTN2
pub fn xtn_vec<E: Engine>(e: &mut E, i: XtnVec) -> Done {
    let n = e.v(i.rn);
    let narrow = e.vop1(VOp1::Xtn(Lane::of(i.size)), n);
    write_half(e, i.q, i.rd, narrow)
}

/// SHLL, SHLL2: a shift by the width of the narrow lane.
pub fn shll_vec<E: Engine>(e: &mut E, i: ShllVec) -> Done {
    let (lane, n) = (Lane::of(i.size), half(e, i.q, i.rn));
    let wide = e.vop1(VOp1::Uxtl(lane), n);
    let result = e.vop1(VOp1::Shl(lane.double(), lane.bits() as u8), wide);
    e.set_v(i.rd, result);
    Ok(())
}

/// ADDP (scalar)
pub fn addp_scalar<E: Engine>(e: &mut E, i: AddpScalar) -> Done {
    pure1(e, Part::Low(Lane::D), VOp1::Addv(Lane::D), i.rn, i.rd)
}

/// Sums across lanes: what is cut adds nothing.
#[inline(always)]
fn sum<E: Engine>(e: &mut E, q: u32, ops: &[VOp1], [rn, rd]: [u32; 2]) -> Done {
    let mut v = Part::vector(q).read(e, rn);
    for &op in ops {
        v = e.vop1(op, v);
    }
    e.set_v(rd, v);
    Ok(())
}

/// ADDV
pub fn addv<E: Engine>(e: &mut E, i: Addv) -> Done {
    sum(e, i.q, &[VOp1::Addv(Lane::of(i.size))], [i.rn, i.rd])
}

/// SADDLV
pub fn saddlv<E: Engine>(e: &mut E, i: Saddlv) -> Done {
    let lane = Lane::of(i.size);
    sum(e, i.q, &[VOp1::Saddlp(lane), VOp1::Addv(lane.double())], [i.rn, i.rd])
}

/// UADDLV
pub fn uaddlv<E: Engine>(e: &mut E, i: Uaddlv) -> Done {
    let lane = Lane::of(i.size);
    sum(e, i.q, &[VOp1::Uaddlp(lane), VOp1::Addv(lane.double())], [i.rn, i.rd])
}

/// Greatest and least across lanes: of 64 bits, the lanes count twice.
#[inline(always)]
fn extreme<E: Engine>(e: &mut E, q: u32, op: VOp1, [rn, rd]: [u32; 2]) -> Done {
    let mut n = e.v(rn);
    if q == 0 {
        n = e.vop1(VOp1::Dup(Lane::D, 0), n);
    }
    let result = e.vop1(op, n);
    e.set_v(rd, result);
    Ok(())
}

/// SMAXV
pub fn smaxv<E: Engine>(e: &mut E, i: Smaxv) -> Done {
    extreme(e, i.q, VOp1::Smaxv(Lane::of(i.size)), [i.rn, i.rd])
}

/// UMAXV
pub fn umaxv<E: Engine>(e: &mut E, i: Umaxv) -> Done {
    extreme(e, i.q, VOp1::Umaxv(Lane::of(i.size)), [i.rn, i.rd])
}

/// SMINV
pub fn sminv<E: Engine>(e: &mut E, i: Sminv) -> Done {
    extreme(e, i.q, VOp1::Sminv(Lane::of(i.size)), [i.rn, i.rd])
}

/// UMINV
pub fn uminv<E: Engine>(e: &mut E, i: Uminv) -> Done {
    extreme(e, i.q, VOp1::Uminv(Lane::of(i.size)), [i.rn, i.rd])
}
