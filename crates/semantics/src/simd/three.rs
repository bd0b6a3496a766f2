//! Three registers of the same kind: integer arithmetic, comparison, logic, dot products.

use super::{Part, pairwise, pure2, saturating2};
use crate::vops::{Lane, SOp3, VOp2, VOp3};
use crate::{Done, Engine};
use a64::*;

/// Vector rows whose meaning is one pure micro-op on lanes.
macro_rules! vector {
    ($($function:ident $row:ident $op:ident;)*) => {$(
        #[doc = concat!(stringify!($op), " (vector)")]
        pub fn $function<E: Engine>(e: &mut E, i: $row) -> Done {
            pure2(e, Part::vector(i.q), VOp2::$op(Lane::of(i.size)), i.rn, i.rm, i.rd)
        }
    )*};
}
vector! {
    shadd_vec ShaddVec Shadd;
    uhadd_vec UhaddVec Uhadd;
    srhadd_vec SrhaddVec Srhadd;
    urhadd_vec UrhaddVec Urhadd;
    shsub_vec ShsubVec Shsub;
    uhsub_vec UhsubVec Uhsub;
    cmgt_vec CmgtVec Cmgt;
    cmhi_vec CmhiVec Cmhi;
    cmge_vec CmgeVec Cmge;
    cmhs_vec CmhsVec Cmhs;
    sshl_vec SshlVec Sshl;
    ushl_vec UshlVec Ushl;
    srshl_vec SrshlVec Srshl;
    urshl_vec UrshlVec Urshl;
    smax_vec SmaxVec Smax;
    umax_vec UmaxVec Umax;
    smin_vec SminVec Smin;
    umin_vec UminVec Umin;
    sabd_vec SabdVec Sabd;
    uabd_vec UabdVec Uabd;
    add_vec AddVec Add;
    sub_vec SubVec Sub;
    cmtst_vec CmtstVec Cmtst;
    cmeq_vec CmeqVec Cmeq;
    mul_vec MulVec Mul;
}

/// Scalar rows, of 64 bits.
macro_rules! scalar {
    ($($function:ident $row:ident $op:ident;)*) => {$(
        #[doc = concat!(stringify!($op), " (scalar)")]
        pub fn $function<E: Engine>(e: &mut E, i: $row) -> Done {
            pure2(e, Part::Low(Lane::D), VOp2::$op(Lane::D), i.rn, i.rm, i.rd)
        }
    )*};
}
scalar! {
    cmgt_scalar CmgtScalar Cmgt;
    cmhi_scalar CmhiScalar Cmhi;
    cmge_scalar CmgeScalar Cmge;
    cmhs_scalar CmhsScalar Cmhs;
    sshl_scalar SshlScalar Sshl;
    ushl_scalar UshlScalar Ushl;
    srshl_scalar SrshlScalar Srshl;
    urshl_scalar UrshlScalar Urshl;
    add_scalar AddScalar Add;
    sub_scalar SubScalar Sub;
    cmtst_scalar CmtstScalar Cmtst;
    cmeq_scalar CmeqScalar Cmeq;
}

/// Saturating rows, vector and scalar.
macro_rules! saturating {
    ($($vector:ident $vector_row:ident $scalar:ident $scalar_row:ident $op:ident;)*) => {$(
        #[doc = concat!(stringify!($op), " (vector)")]
        pub fn $vector<E: Engine>(e: &mut E, i: $vector_row) -> Done {
            saturating2(e, Part::vector(i.q), crate::vops::SOp2::$op(Lane::of(i.size)), i.rn, i.rm, i.rd)
        }

        #[doc = concat!(stringify!($op), " (scalar)")]
        pub fn $scalar<E: Engine>(e: &mut E, i: $scalar_row) -> Done {
            saturating2(e, Part::scalar(i.size), crate::vops::SOp2::$op(Lane::of(i.size)), i.rn, i.rm, i.rd)
        }
    )*};
}
saturating! {
    sqadd_vec SqaddVec sqadd_scalar SqaddScalar Sqadd;
    uqadd_vec UqaddVec uqadd_scalar UqaddScalar Uqadd;
    sqsub_vec SqsubVec sqsub_scalar SqsubScalar Sqsub;
    uqsub_vec UqsubVec uqsub_scalar UqsubScalar Uqsub;
    sqshl_vec SqshlVec sqshl_scalar SqshlScalar Sqshl;
    uqshl_vec UqshlVec uqshl_scalar UqshlScalar Uqshl;
    sqrshl_vec SqrshlVec sqrshl_scalar SqrshlScalar Sqrshl;
    uqrshl_vec UqrshlVec uqrshl_scalar UqrshlScalar Uqrshl;
    sqdmulh_vec SqdmulhVec sqdmulh_scalar SqdmulhScalar Sqdmulh;
    sqrdmulh_vec SqrdmulhVec sqrdmulh_scalar SqrdmulhScalar Sqrdmulh;
}

/// PMUL (vector)
pub fn pmul_vec<E: Engine>(e: &mut E, i: PmulVec) -> Done {
    pure2(e, Part::vector(i.q), VOp2::Pmul, i.rn, i.rm, i.rd)
}

/// Vd = Vd `sum` (Vn `op` Vm)
#[inline(always)]
fn accumulate<E: Engine>(e: &mut E, q: u32, [sum, op]: [VOp2; 2], [rn, rm, rd]: [u32; 3]) -> Done {
    let (d, n, m) = (e.v(rd), e.v(rn), e.v(rm));
    let term = e.vop2(op, n, m);
    let result = e.vop2(sum, d, term);
    Part::vector(q).write(e, rd, result)
}

/// Vector rows that add to, or subtract from, Vd.
macro_rules! accumulating {
    ($($function:ident $row:ident $sum:ident $op:ident;)*) => {$(
        #[doc = concat!(stringify!($sum), " of ", stringify!($op), " to Vd")]
        pub fn $function<E: Engine>(e: &mut E, i: $row) -> Done {
            let lane = Lane::of(i.size);
            accumulate(e, i.q, [VOp2::$sum(lane), VOp2::$op(lane)], [i.rn, i.rm, i.rd])
        }
    )*};
}
accumulating! {
    saba_vec SabaVec Add Sabd;
    uaba_vec UabaVec Add Uabd;
    mla_vec MlaVec Add Mul;
    mls_vec MlsVec Sub Mul;
}

/// Pairwise rows.
macro_rules! pairwise {
    ($($function:ident $row:ident $op:ident;)*) => {$(
        #[doc = concat!(stringify!($op), " (vector)")]
        pub fn $function<E: Engine>(e: &mut E, i: $row) -> Done {
            pairwise(e, i.q, VOp2::$op(Lane::of(i.size)), [i.rn, i.rm, i.rd])
        }
    )*};
}
pairwise! {
    addp_vec AddpVec Addp;
    smaxp_vec SmaxpVec Smaxp;
    umaxp_vec UmaxpVec Umaxp;
    sminp_vec SminpVec Sminp;
    uminp_vec UminpVec Uminp;
}

/// Logical rows.
macro_rules! logical {
    ($($function:ident $row:ident $op:ident;)*) => {$(
        #[doc = concat!(stringify!($op), " (vector)")]
        pub fn $function<E: Engine>(e: &mut E, i: $row) -> Done {
            pure2(e, Part::vector(i.q), VOp2::$op, i.rn, i.rm, i.rd)
        }
    )*};
}
logical! {
    and_vec AndVec And;
    bic_vec BicVec Bic;
    orr_vec OrrVec Or;
    orn_vec OrnVec Orn;
    eor_vec EorVec Xor;
}

/// BSL: Vd selects.
pub fn bsl_vec<E: Engine>(e: &mut E, i: BslVec) -> Done {
    let (d, n, m) = (e.v(i.rd), e.v(i.rn), e.v(i.rm));
    let result = e.vop3(VOp3::Bsl, d, n, m);
    Part::vector(i.q).write(e, i.rd, result)
}

/// BIT: Vn is inserted where Vm is set.
pub fn bit_vec<E: Engine>(e: &mut E, i: BitVec) -> Done {
    let (d, n, m) = (e.v(i.rd), e.v(i.rn), e.v(i.rm));
    let result = e.vop3(VOp3::Bsl, m, n, d);
    Part::vector(i.q).write(e, i.rd, result)
}

/// BIF: Vn is inserted where Vm is clear.
pub fn bif_vec<E: Engine>(e: &mut E, i: BifVec) -> Done {
    let (d, n, m) = (e.v(i.rd), e.v(i.rn), e.v(i.rm));
    let result = e.vop3(VOp3::Bsl, m, d, n);
    Part::vector(i.q).write(e, i.rd, result)
}

/// Vd = op(Vd, Vn, Vm), saturating.
#[inline(always)]
fn saturating3<E: Engine>(e: &mut E, part: Part, op: SOp3, [rn, rm, rd]: [u32; 3]) -> Done {
    let (d, n, m) = (part.read(e, rd), part.read(e, rn), part.read(e, rm));
    let result = e.sop3(op, d, n, m);
    e.set_v(rd, result);
    Ok(())
}

/// SQRDMLAH (vector)
pub fn sqrdmlah_vec<E: Engine>(e: &mut E, i: SqrdmlahVec) -> Done {
    saturating3(e, Part::vector(i.q), SOp3::Sqrdmlah(Lane::of(i.size)), [i.rn, i.rm, i.rd])
}

/// SQRDMLSH (vector)
pub fn sqrdmlsh_vec<E: Engine>(e: &mut E, i: SqrdmlshVec) -> Done {
    saturating3(e, Part::vector(i.q), SOp3::Sqrdmlsh(Lane::of(i.size)), [i.rn, i.rm, i.rd])
}

/// SQRDMLAH (scalar)
pub fn sqrdmlah_scalar<E: Engine>(e: &mut E, i: SqrdmlahScalar) -> Done {
    saturating3(e, Part::scalar(i.size), SOp3::Sqrdmlah(Lane::of(i.size)), [i.rn, i.rm, i.rd])
}

/// SQRDMLSH (scalar)
pub fn sqrdmlsh_scalar<E: Engine>(e: &mut E, i: SqrdmlshScalar) -> Done {
    saturating3(e, Part::scalar(i.size), SOp3::Sqrdmlsh(Lane::of(i.size)), [i.rn, i.rm, i.rd])
}

/// Vd = op(Vd, Vn, Vm)
#[inline(always)]
fn dot<E: Engine>(e: &mut E, q: u32, op: VOp3, [rn, rm, rd]: [u32; 3]) -> Done {
    let (d, n, m) = (e.v(rd), e.v(rn), e.v(rm));
    let result = e.vop3(op, d, n, m);
    Part::vector(q).write(e, rd, result)
}

/// SDOT (vector)
pub fn sdot_vec<E: Engine>(e: &mut E, i: SdotVec) -> Done {
    dot(e, i.q, VOp3::Sdot, [i.rn, i.rm, i.rd])
}

/// UDOT (vector)
pub fn udot_vec<E: Engine>(e: &mut E, i: UdotVec) -> Done {
    dot(e, i.q, VOp3::Udot, [i.rn, i.rm, i.rd])
}

/// USDOT (vector)
pub fn usdot_vec<E: Engine>(e: &mut E, i: UsdotVec) -> Done {
    dot(e, i.q, VOp3::Usdot, [i.rn, i.rm, i.rd])
}

/// Vd, 2 by 2 words, plus Vn times the transpose of Vm, 2 rows of 64 bits each: `dot` takes a word of each row.
#[inline(always)]
pub(crate) fn matrix<E: Engine>(e: &mut E, dot: VOp3, [rn, rm, rd]: [u32; 3]) -> Done {
    let (mut d, n, m) = (e.v(rd), e.v(rn), e.v(rm));
    for [row, column] in [[VOp2::Trn1, VOp2::Uzp1], [VOp2::Trn2, VOp2::Uzp2]] {
        let (n, m) = (e.vop2(row(Lane::S), n, n), e.vop2(column(Lane::S), m, m));
        d = e.vop3(dot, d, n, m);
    }
    e.set_v(rd, d);
    Ok(())
}

/// SMMLA
pub fn smmla<E: Engine>(e: &mut E, i: Smmla) -> Done {
    matrix(e, VOp3::Sdot, [i.rn, i.rm, i.rd])
}

/// UMMLA
pub fn ummla<E: Engine>(e: &mut E, i: Ummla) -> Done {
    matrix(e, VOp3::Udot, [i.rn, i.rm, i.rd])
}

/// USMMLA
pub fn usmmla<E: Engine>(e: &mut E, i: Usmmla) -> Done {
    matrix(e, VOp3::Usdot, [i.rn, i.rm, i.rd])
}
