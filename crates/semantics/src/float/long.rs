//! FMLAL, FMLSL and their 2 forms: halves multiplied, singles added to, rounded once.

use crate::fops::{FOp1, FOp3, Fn1, Fn3, Meeting, Shape};
use crate::vops::{Lane, VOp1};
use crate::{Done, Engine};
use a64::*;

/// Rows by vector and by element; `part` 1 reads the upper half of Vn, and of Vm if that is a vector.
macro_rules! long {
    ($($vector_row:ident $vector:ident $elem_row:ident $elem:ident $part:literal $op:ident;)*) => {$(
        #[doc = stringify!($vector_row)]
        pub fn $vector<E: Engine>(e: &mut E, i: $vector_row) -> Done {
            let m = e.v(i.rm);
            let m = extended(e, i.q, $part, m);
            accumulate(e, Fn3::$op, i.q, $part, m, [i.rn, i.rd])
        }

        #[doc = stringify!($elem_row)]
        pub fn $elem<E: Engine>(e: &mut E, i: $elem_row) -> Done {
            let (m, index) = (e.v(i.rm), i.h << 2 | i.l << 1 | i.m);
            let m = e.vop1(VOp1::Dup(Lane::H, index as u8), m);
            let m = extended(e, i.q, 0, m);
            accumulate(e, Fn3::$op, i.q, $part, m, [i.rn, i.rd])
        }
    )*};
}
long! {
    FmlalVec  fmlal_vec  FmlalElem  fmlal_elem  0 MulAdd;
    FmlslVec  fmlsl_vec  FmlslElem  fmlsl_elem  0 MulSub;
    Fmlal2Vec fmlal2_vec Fmlal2Elem fmlal2_elem 1 MulAdd;
    Fmlsl2Vec fmlsl2_vec Fmlsl2Elem fmlsl2_elem 1 MulSub;
}

/// Half number `part` of what counts of `v`, as singles.
#[inline(always)]
fn extended<E: Engine>(e: &mut E, q: u32, part: u32, v: E::V) -> E::V {
    let half = e.vget(v, 2 + q, part);
    let half = e.vfrom(half);
    e.fop1(FOp1 { op: Fn1::ExtendHalf, shape: Shape { esize: 1, lanes: 2 << q } }, half)
}

#[inline(always)]
fn accumulate<E: Engine>(e: &mut E, op: Fn3, q: u32, part: u32, m: E::V, [rn, rd]: [u32; 2]) -> Done {
    let (d, n) = (e.v(rd), e.v(rn));
    let n = extended(e, q, part, n);
    let d = e.fop3(FOp3 { op, shape: Shape::vector(2, q), meeting: Meeting::Lanewise }, d, n, m);
    e.set_v(rd, d);
    Ok(())
}
