//! Vector by one element: the element is copied to every lane of a fresh operand, and the rest is as in the
//! vector forms.

use super::long::{Doubled, Extend, widened};
use super::{Part, half};
use crate::vops::{Lane, SOp2, SOp3, VOp1, VOp2, VOp3};
use crate::{Done, Engine};
use a64::*;

/// The element of Vm: halfwords have three bits of index and the low sixteen registers.
#[inline(always)]
fn element<E: Engine>(e: &mut E, size: u32, [h, l, m, rm]: [u32; 4]) -> E::V {
    let (register, index) = if size == 1 { (rm, h << 2 | l << 1 | m) } else { (m << 4 | rm, h << 1 | l) };
    let v = e.v(register);
    e.vop1(VOp1::Dup(Lane::of(size), index as u8), v)
}

/// MUL (by element)
pub fn mul_elem<E: Engine>(e: &mut E, i: MulElem) -> Done {
    let (n, m) = (e.v(i.rn), element(e, i.size, [i.h, i.l, i.m, i.rm]));
    let result = e.vop2(VOp2::Mul(Lane::of(i.size)), n, m);
    Part::vector(i.q).write(e, i.rd, result)
}

/// Rows that add the product to, or subtract it from, Vd.
macro_rules! accumulating {
    ($($function:ident $row:ident $sum:ident;)*) => {$(
        #[doc = stringify!($row)]
        pub fn $function<E: Engine>(e: &mut E, i: $row) -> Done {
            let (lane, d, n) = (Lane::of(i.size), e.v(i.rd), e.v(i.rn));
            let m = element(e, i.size, [i.h, i.l, i.m, i.rm]);
            let product = e.vop2(VOp2::Mul(lane), n, m);
            let result = e.vop2(VOp2::$sum(lane), d, product);
            Part::vector(i.q).write(e, i.rd, result)
        }
    )*};
}
accumulating! {
    mla_elem MlaElem Add;
    mls_elem MlsElem Sub;
}

/// Long rows.
macro_rules! long {
    ($($function:ident $row:ident $extend:ident $($sum:ident)?;)*) => {$(
        #[doc = concat!(stringify!($row), " and its 2 form")]
        pub fn $function<E: Engine>(e: &mut E, i: $row) -> Done {
            let (lane, n) = (Lane::of(i.size), half(e, i.q, i.rn));
            let m = element(e, i.size, [i.h, i.l, i.m, i.rm]);
            let result = widened(e, Extend::$extend, lane, VOp2::Mul(lane.double()), n, m);
            $(
                let d = e.v(i.rd);
                let result = e.vop2(VOp2::$sum(lane.double()), d, result);
            )?
            e.set_v(i.rd, result);
            Ok(())
        }
    )*};
}
long! {
    smull_elem SmullElem Signed;
    umull_elem UmullElem Unsigned;
    smlal_elem SmlalElem Signed Add;
    umlal_elem UmlalElem Unsigned Add;
    smlsl_elem SmlslElem Signed Sub;
    umlsl_elem UmlslElem Unsigned Sub;
}

/// Doubling long rows, vector and scalar.
macro_rules! doubling {
    ($($vector:ident $vector_row:ident $scalar:ident $scalar_row:ident $doubled:ident;)*) => {$(
        #[doc = concat!(stringify!($vector_row), " and its 2 form")]
        pub fn $vector<E: Engine>(e: &mut E, i: $vector_row) -> Done {
            let (n, m) = (half(e, i.q, i.rn), element(e, i.size, [i.h, i.l, i.m, i.rm]));
            Doubled::$doubled.execute(e, Part::Whole, Lane::of(i.size), n, m, i.rd)
        }

        #[doc = stringify!($scalar_row)]
        pub fn $scalar<E: Engine>(e: &mut E, i: $scalar_row) -> Done {
            let (lane, n) = (Lane::of(i.size), Part::scalar(i.size).read(e, i.rn));
            let m = element(e, i.size, [i.h, i.l, i.m, i.rm]);
            Doubled::$doubled.execute(e, Part::Low(lane.double()), lane, n, m, i.rd)
        }
    )*};
}
doubling! {
    sqdmull_elem SqdmullElem sqdmull_elem_scalar SqdmullElemScalar Write;
    sqdmlal_elem SqdmlalElem sqdmlal_elem_scalar SqdmlalElemScalar Add;
    sqdmlsl_elem SqdmlslElem sqdmlsl_elem_scalar SqdmlslElemScalar Subtract;
}

/// High-half rows, vector and scalar. Cutting Vn is enough: a product with zero does not saturate.
macro_rules! high {
    ($($vector:ident $vector_row:ident $scalar:ident $scalar_row:ident $op:ident;)*) => {$(
        #[doc = concat!(stringify!($op), " (by element, vector)")]
        pub fn $vector<E: Engine>(e: &mut E, i: $vector_row) -> Done {
            let (n, m) = (Part::vector(i.q).read(e, i.rn), element(e, i.size, [i.h, i.l, i.m, i.rm]));
            let result = e.sop2(SOp2::$op(Lane::of(i.size)), n, m);
            e.set_v(i.rd, result);
            Ok(())
        }

        #[doc = concat!(stringify!($op), " (by element, scalar)")]
        pub fn $scalar<E: Engine>(e: &mut E, i: $scalar_row) -> Done {
            let (n, m) = (Part::scalar(i.size).read(e, i.rn), element(e, i.size, [i.h, i.l, i.m, i.rm]));
            let result = e.sop2(SOp2::$op(Lane::of(i.size)), n, m);
            e.set_v(i.rd, result);
            Ok(())
        }
    )*};
}
high! {
    sqdmulh_elem SqdmulhElem sqdmulh_elem_scalar SqdmulhElemScalar Sqdmulh;
    sqrdmulh_elem SqrdmulhElem sqrdmulh_elem_scalar SqrdmulhElemScalar Sqrdmulh;
}

/// High-half rows that accumulate, vector and scalar.
macro_rules! high_accumulating {
    ($($vector:ident $vector_row:ident $scalar:ident $scalar_row:ident $op:ident;)*) => {$(
        #[doc = concat!(stringify!($op), " (by element, vector)")]
        pub fn $vector<E: Engine>(e: &mut E, i: $vector_row) -> Done {
            let part = Part::vector(i.q);
            let (d, n, m) = (part.read(e, i.rd), part.read(e, i.rn), element(e, i.size, [i.h, i.l, i.m, i.rm]));
            let result = e.sop3(SOp3::$op(Lane::of(i.size)), d, n, m);
            e.set_v(i.rd, result);
            Ok(())
        }

        #[doc = concat!(stringify!($op), " (by element, scalar)")]
        pub fn $scalar<E: Engine>(e: &mut E, i: $scalar_row) -> Done {
            let part = Part::scalar(i.size);
            let (d, n, m) = (part.read(e, i.rd), part.read(e, i.rn), element(e, i.size, [i.h, i.l, i.m, i.rm]));
            let result = e.sop3(SOp3::$op(Lane::of(i.size)), d, n, m);
            e.set_v(i.rd, result);
            Ok(())
        }
    )*};
}
high_accumulating! {
    sqrdmlah_elem SqrdmlahElem sqrdmlah_elem_scalar SqrdmlahElemScalar Sqrdmlah;
    sqrdmlsh_elem SqrdmlshElem sqrdmlsh_elem_scalar SqrdmlshElemScalar Sqrdmlsh;
}

/// Vd = op(Vd, Vn, four bytes of Vm in every lane)
#[inline(always)]
fn dot<E: Engine>(e: &mut E, q: u32, op: VOp3, index: u32, [rn, rm, rd]: [u32; 3]) -> Done {
    let (d, n, m) = (e.v(rd), e.v(rn), e.v(rm));
    let bytes = e.vop1(VOp1::Dup(Lane::S, index as u8), m);
    let result = e.vop3(op, d, n, bytes);
    Part::vector(q).write(e, rd, result)
}

/// SDOT (by element)
pub fn sdot_elem<E: Engine>(e: &mut E, i: SdotElem) -> Done {
    dot(e, i.q, VOp3::Sdot, i.h << 1 | i.l, [i.rn, i.rm, i.rd])
}

/// UDOT (by element)
pub fn udot_elem<E: Engine>(e: &mut E, i: UdotElem) -> Done {
    dot(e, i.q, VOp3::Udot, i.h << 1 | i.l, [i.rn, i.rm, i.rd])
}

/// USDOT (by element)
pub fn usdot_elem<E: Engine>(e: &mut E, i: UsdotElem) -> Done {
    dot(e, i.q, VOp3::Usdot, i.h << 1 | i.l, [i.rn, i.rm, i.rd])
}

/// SUDOT (by element): the micro-op wants the unsigned bytes first
pub fn sudot_elem<E: Engine>(e: &mut E, i: SudotElem) -> Done {
    let (d, n, m) = (e.v(i.rd), e.v(i.rn), e.v(i.rm));
    let bytes = e.vop1(VOp1::Dup(Lane::S, (i.h << 1 | i.l) as u8), m);
    let result = e.vop3(VOp3::Usdot, d, bytes, n);
    Part::vector(i.q).write(e, i.rd, result)
}
