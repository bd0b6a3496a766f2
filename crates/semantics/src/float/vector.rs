//! Advanced SIMD floating point: three same, two-register miscellaneous, pairwise, across lanes.

use crate::fops::{FOp1, FOp2, FOp3, Fn1, Fn2, Fn3, Meeting, Rounding, Shape};
use crate::{Done, Engine};
use a64::*;

// Advanced SIMD three same.

two_operands! { |i| Shape::vector(2 + i.sz, i.q), Meeting::Lanewise;
    FmaxnmVec  fmaxnm_vec  Fn2::MaxNum;
    FaddVec    fadd_vec    Fn2::Add;
    FmulxVec   fmulx_vec   Fn2::MulX;
    FcmeqVec   fcmeq_vec   Fn2::Eq;
    FmaxVec    fmax_vec    Fn2::Max;
    FrecpsVec  frecps_vec  Fn2::RecipStep;
    FminnmVec  fminnm_vec  Fn2::MinNum;
    FsubVec    fsub_vec    Fn2::Sub;
    FminVec    fmin_vec    Fn2::Min;
    FrsqrtsVec frsqrts_vec Fn2::RSqrtStep;
    FmulVec    fmul_vec    Fn2::Mul;
    FcmgeVec   fcmge_vec   Fn2::Ge;
    FacgeVec   facge_vec   Fn2::AbsGe;
    FdivVec    fdiv_vec    Fn2::Div;
    FabdVec    fabd_vec    Fn2::Abd;
    FcmgtVec   fcmgt_vec   Fn2::Gt;
    FacgtVec   facgt_vec   Fn2::AbsGt;
}

two_operands! { |i| Shape::vector(1, i.q), Meeting::Lanewise;
    FmaxnmVecH  fmaxnm_vec_h  Fn2::MaxNum;
    FaddVecH    fadd_vec_h    Fn2::Add;
    FmulxVecH   fmulx_vec_h   Fn2::MulX;
    FcmeqVecH   fcmeq_vec_h   Fn2::Eq;
    FmaxVecH    fmax_vec_h    Fn2::Max;
    FrecpsVecH  frecps_vec_h  Fn2::RecipStep;
    FminnmVecH  fminnm_vec_h  Fn2::MinNum;
    FsubVecH    fsub_vec_h    Fn2::Sub;
    FminVecH    fmin_vec_h    Fn2::Min;
    FrsqrtsVecH frsqrts_vec_h Fn2::RSqrtStep;
    FmulVecH    fmul_vec_h    Fn2::Mul;
    FcmgeVecH   fcmge_vec_h   Fn2::Ge;
    FacgeVecH   facge_vec_h   Fn2::AbsGe;
    FdivVecH    fdiv_vec_h    Fn2::Div;
    FabdVecH    fabd_vec_h    Fn2::Abd;
    FcmgtVecH   fcmgt_vec_h   Fn2::Gt;
    FacgtVecH   facgt_vec_h   Fn2::AbsGt;
}

two_operands! { |i| Shape::vector(2 + i.sz, i.q), Meeting::Pairwise;
    FmaxnmpVec fmaxnmp_vec Fn2::MaxNum;
    FaddpVec   faddp_vec   Fn2::Add;
    FmaxpVec   fmaxp_vec   Fn2::Max;
    FminnmpVec fminnmp_vec Fn2::MinNum;
    FminpVec   fminp_vec   Fn2::Min;
}

two_operands! { |i| Shape::vector(1, i.q), Meeting::Pairwise;
    FmaxnmpVecH fmaxnmp_vec_h Fn2::MaxNum;
    FaddpVecH   faddp_vec_h   Fn2::Add;
    FmaxpVecH   fmaxp_vec_h   Fn2::Max;
    FminnmpVecH fminnmp_vec_h Fn2::MinNum;
    FminpVecH   fminp_vec_h   Fn2::Min;
}

/// Rows that accumulate into Rd.
macro_rules! accumulate {
    (|$i:ident| $shape:expr; $($row:ident $function:ident $op:expr;)*) => {$(
        #[doc = stringify!($row)]
        pub fn $function<E: Engine>(e: &mut E, $i: $row) -> Done {
            let (d, n, m) = (e.v($i.rd), e.v($i.rn), e.v($i.rm));
            let d = e.fop3(FOp3 { op: $op, shape: $shape, meeting: Meeting::Lanewise }, d, n, m);
            e.set_v($i.rd, d);
            Ok(())
        }
    )*};
}

accumulate! { |i| Shape::vector(2 + i.sz, i.q);
    FmlaVec fmla_vec Fn3::MulAdd;
    FmlsVec fmls_vec Fn3::MulSub;
}

accumulate! { |i| Shape::vector(1, i.q);
    FmlaVecH fmla_vec_h Fn3::MulAdd;
    FmlsVecH fmls_vec_h Fn3::MulSub;
}

// Advanced SIMD scalar three same.

two_operands! { |i| Shape::scalar(2 + i.sz), Meeting::Lanewise;
    FmulxSca   fmulx_sca   Fn2::MulX;
    FcmeqSca   fcmeq_sca   Fn2::Eq;
    FrecpsSca  frecps_sca  Fn2::RecipStep;
    FrsqrtsSca frsqrts_sca Fn2::RSqrtStep;
    FcmgeSca   fcmge_sca   Fn2::Ge;
    FacgeSca   facge_sca   Fn2::AbsGe;
    FabdSca    fabd_sca    Fn2::Abd;
    FcmgtSca   fcmgt_sca   Fn2::Gt;
    FacgtSca   facgt_sca   Fn2::AbsGt;
}

two_operands! { |i| Shape::scalar(1), Meeting::Lanewise;
    FmulxScaH   fmulx_sca_h   Fn2::MulX;
    FcmeqScaH   fcmeq_sca_h   Fn2::Eq;
    FrecpsScaH  frecps_sca_h  Fn2::RecipStep;
    FrsqrtsScaH frsqrts_sca_h Fn2::RSqrtStep;
    FcmgeScaH   fcmge_sca_h   Fn2::Ge;
    FacgeScaH   facge_sca_h   Fn2::AbsGe;
    FabdScaH    fabd_sca_h    Fn2::Abd;
    FcmgtScaH   fcmgt_sca_h   Fn2::Gt;
    FacgtScaH   facgt_sca_h   Fn2::AbsGt;
}

// Advanced SIMD two-register miscellaneous.

one_operand! { |i| Shape::vector(2 + i.sz, i.q);
    FrintVec     frint_vec      Fn1::RoundInt { rounding: Some(Rounding::of(i.m << 1 | i.a)), exact: false };
    FrintaVec    frinta_vec     Fn1::RoundInt { rounding: Some(Rounding::TieAway), exact: false };
    FrintxVec    frintx_vec     Fn1::RoundInt { rounding: None, exact: true };
    FrintiVec    frinti_vec     Fn1::RoundInt { rounding: None, exact: false };
    Frint32zVec  frint32z_vec   Fn1::RoundIntWithin { bits: 32, rounding: Some(Rounding::Zero) };
    Frint32xVec  frint32x_vec   Fn1::RoundIntWithin { bits: 32, rounding: None };
    Frint64zVec  frint64z_vec   Fn1::RoundIntWithin { bits: 64, rounding: Some(Rounding::Zero) };
    Frint64xVec  frint64x_vec   Fn1::RoundIntWithin { bits: 64, rounding: None };
    FcmgtZeroVec fcmgt_zero_vec Fn1::GtZero;
    FcmeqZeroVec fcmeq_zero_vec Fn1::EqZero;
    FcmltZeroVec fcmlt_zero_vec Fn1::LtZero;
    FcmgeZeroVec fcmge_zero_vec Fn1::GeZero;
    FcmleZeroVec fcmle_zero_vec Fn1::LeZero;
    FabsVec      fabs_vec       Fn1::Abs;
    FnegVec      fneg_vec       Fn1::Neg;
    FsqrtVec     fsqrt_vec      Fn1::Sqrt;
    FrecpeVec    frecpe_vec     Fn1::RecipEstimate;
    FrsqrteVec   frsqrte_vec    Fn1::RSqrtEstimate;
}

one_operand! { |i| Shape::vector(1, i.q);
    FrintVecH     frint_vec_h      Fn1::RoundInt { rounding: Some(Rounding::of(i.m << 1 | i.a)), exact: false };
    FrintaVecH    frinta_vec_h     Fn1::RoundInt { rounding: Some(Rounding::TieAway), exact: false };
    FrintxVecH    frintx_vec_h     Fn1::RoundInt { rounding: None, exact: true };
    FrintiVecH    frinti_vec_h     Fn1::RoundInt { rounding: None, exact: false };
    FcmgtZeroVecH fcmgt_zero_vec_h Fn1::GtZero;
    FcmeqZeroVecH fcmeq_zero_vec_h Fn1::EqZero;
    FcmltZeroVecH fcmlt_zero_vec_h Fn1::LtZero;
    FcmgeZeroVecH fcmge_zero_vec_h Fn1::GeZero;
    FcmleZeroVecH fcmle_zero_vec_h Fn1::LeZero;
    FabsVecH      fabs_vec_h       Fn1::Abs;
    FnegVecH      fneg_vec_h       Fn1::Neg;
    FsqrtVecH     fsqrt_vec_h      Fn1::Sqrt;
    FrecpeVecH    frecpe_vec_h     Fn1::RecipEstimate;
    FrsqrteVecH   frsqrte_vec_h    Fn1::RSqrtEstimate;
}

one_operand! { |i| Shape::vector(2, i.q);
    Urecpe  urecpe  Fn1::UnsignedRecip;
    Ursqrte ursqrte Fn1::UnsignedRSqrt;
}

// Advanced SIMD scalar two-register miscellaneous.

one_operand! { |i| Shape::scalar(2 + i.sz);
    FcmgtZeroSca fcmgt_zero_sca Fn1::GtZero;
    FcmeqZeroSca fcmeq_zero_sca Fn1::EqZero;
    FcmltZeroSca fcmlt_zero_sca Fn1::LtZero;
    FcmgeZeroSca fcmge_zero_sca Fn1::GeZero;
    FcmleZeroSca fcmle_zero_sca Fn1::LeZero;
    FrecpeSca    frecpe_sca     Fn1::RecipEstimate;
    FrsqrteSca   frsqrte_sca    Fn1::RSqrtEstimate;
    FrecpxSca    frecpx_sca     Fn1::RecipExponent;
}

one_operand! { |i| Shape::scalar(1);
    FcmgtZeroScaH fcmgt_zero_sca_h Fn1::GtZero;
    FcmeqZeroScaH fcmeq_zero_sca_h Fn1::EqZero;
    FcmltZeroScaH fcmlt_zero_sca_h Fn1::LtZero;
    FcmgeZeroScaH fcmge_zero_sca_h Fn1::GeZero;
    FcmleZeroScaH fcmle_zero_sca_h Fn1::LeZero;
    FrecpeScaH    frecpe_sca_h     Fn1::RecipEstimate;
    FrsqrteScaH   frsqrte_sca_h    Fn1::RSqrtEstimate;
    FrecpxScaH    frecpx_sca_h     Fn1::RecipExponent;
}

// Advanced SIMD scalar pairwise.

one_operand! { |i| Shape { lanes: 2, ..Shape::scalar(2 + i.sz) };
    FmaxnmpSca fmaxnmp_sca Fn1::Reduce(Fn2::MaxNum);
    FaddpSca   faddp_sca   Fn1::Reduce(Fn2::Add);
    FmaxpSca   fmaxp_sca   Fn1::Reduce(Fn2::Max);
    FminnmpSca fminnmp_sca Fn1::Reduce(Fn2::MinNum);
    FminpSca   fminp_sca   Fn1::Reduce(Fn2::Min);
}

one_operand! { |i| Shape { lanes: 2, ..Shape::scalar(1) };
    FmaxnmpScaH fmaxnmp_sca_h Fn1::Reduce(Fn2::MaxNum);
    FaddpScaH   faddp_sca_h   Fn1::Reduce(Fn2::Add);
    FmaxpScaH   fmaxp_sca_h   Fn1::Reduce(Fn2::Max);
    FminnmpScaH fminnmp_sca_h Fn1::Reduce(Fn2::MinNum);
    FminpScaH   fminp_sca_h   Fn1::Reduce(Fn2::Min);
}

// Advanced SIMD across lanes.

one_operand! { |i| Shape::vector(2, 1);
    FmaxnmAcross fmaxnm_across Fn1::Reduce(Fn2::MaxNum);
    FmaxAcross   fmax_across   Fn1::Reduce(Fn2::Max);
    FminnmAcross fminnm_across Fn1::Reduce(Fn2::MinNum);
    FminAcross   fmin_across   Fn1::Reduce(Fn2::Min);
}

one_operand! { |i| Shape::vector(1, i.q);
    FmaxnmAcrossH fmaxnm_across_h Fn1::Reduce(Fn2::MaxNum);
    FmaxAcrossH   fmax_across_h   Fn1::Reduce(Fn2::Max);
    FminnmAcrossH fminnm_across_h Fn1::Reduce(Fn2::MinNum);
    FminAcrossH   fmin_across_h   Fn1::Reduce(Fn2::Min);
}
