//! Floating-point data-processing with one, two and three sources.

use super::esize;
use crate::fops::{FOp1, FOp2, FOp3, Fn1, Fn2, Fn3, Meeting, Rounding, Shape};
use crate::{Done, Engine};
use a64::*;

one_operand! { |i| Shape::scalar(esize(i.ftype));
    Fabs   fabs   Fn1::Abs;
    Fneg   fneg   Fn1::Neg;
    Fsqrt  fsqrt  Fn1::Sqrt;
    Fcvt   fcvt   Fn1::Convert { to: esize(i.opc) as u8, rounding: None };
    Frint  frint  Fn1::RoundInt { rounding: Some(Rounding::of(i.rmode)), exact: false };
    Frinta frinta Fn1::RoundInt { rounding: Some(Rounding::TieAway), exact: false };
    Frintx frintx Fn1::RoundInt { rounding: None, exact: true };
    Frinti frinti Fn1::RoundInt { rounding: None, exact: false };
}

one_operand! { |i| Shape::scalar(2 + i.sz);
    Frint32z frint32z within(32, Some(Rounding::Zero));
    Frint32x frint32x within(32, None);
    Frint64z frint64z within(64, Some(Rounding::Zero));
    Frint64x frint64x within(64, None);
}

const fn within(bits: u8, rounding: Option<Rounding>) -> Fn1 {
    Fn1::RoundIntWithin { bits, rounding }
}

two_operands! { |i| Shape::scalar(esize(i.ftype)), Meeting::Lanewise;
    Fmul   fmul   Fn2::Mul;
    Fdiv   fdiv   Fn2::Div;
    Fadd   fadd   Fn2::Add;
    Fsub   fsub   Fn2::Sub;
    Fmax   fmax   Fn2::Max;
    Fmin   fmin   Fn2::Min;
    Fmaxnm fmaxnm Fn2::MaxNum;
    Fminnm fminnm Fn2::MinNum;
    Fnmul  fnmul  Fn2::NegMul;
}

/// Rows with operands Ra, Rn, Rm to Rd.
macro_rules! three_operands {
    ($($row:ident $function:ident $op:expr;)*) => {$(
        #[doc = stringify!($row)]
        pub fn $function<E: Engine>(e: &mut E, i: $row) -> Done {
            let (a, n, m) = (e.v(i.ra), e.v(i.rn), e.v(i.rm));
            let shape = Shape::scalar(esize(i.ftype));
            let d = e.fop3(FOp3 { op: $op, shape, meeting: Meeting::Lanewise }, a, n, m);
            e.set_v(i.rd, d);
            Ok(())
        }
    )*};
}

three_operands! {
    Fmadd  fmadd  Fn3::MulAdd;
    Fmsub  fmsub  Fn3::MulSub;
    Fnmadd fnmadd Fn3::NegMulAdd;
    Fnmsub fnmsub Fn3::NegMulSub;
}
