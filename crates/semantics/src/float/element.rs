//! Advanced SIMD by element: every lane of Rn with one lane of Rm.

use crate::fops::{FOp2, FOp3, Fn2, Fn3, Meeting, Shape};
use crate::{Done, Engine};
use a64::*;

/// Rows that write `Rn op Rm[index]` to Rd.
macro_rules! by_element {
    (|$i:ident| $shape:expr, $element:expr; $($row:ident $function:ident $op:expr;)*) => {$(
        #[doc = stringify!($row)]
        pub fn $function<E: Engine>(e: &mut E, $i: $row) -> Done {
            let (rm, meeting) = $element;
            let (n, m) = (e.v($i.rn), e.v(rm));
            let d = e.fop2(FOp2 { op: $op, shape: $shape, meeting }, n, m);
            e.set_v($i.rd, d);
            Ok(())
        }
    )*};
}

/// The same, accumulating into Rd.
macro_rules! accumulate_by_element {
    (|$i:ident| $shape:expr, $element:expr; $($row:ident $function:ident $op:expr;)*) => {$(
        #[doc = stringify!($row)]
        pub fn $function<E: Engine>(e: &mut E, $i: $row) -> Done {
            let (rm, meeting) = $element;
            let (d, n, m) = (e.v($i.rd), e.v($i.rn), e.v(rm));
            let d = e.fop3(FOp3 { op: $op, shape: $shape, meeting }, d, n, m);
            e.set_v($i.rd, d);
            Ok(())
        }
    )*};
}

by_element! { |i| Shape::vector(2 + i.sz, i.q), element(i.sz, i.h, i.l, i.rm);
    FmulElem  fmul_elem  Fn2::Mul;
    FmulxElem fmulx_elem Fn2::MulX;
}

accumulate_by_element! { |i| Shape::vector(2 + i.sz, i.q), element(i.sz, i.h, i.l, i.rm);
    FmlaElem fmla_elem Fn3::MulAdd;
    FmlsElem fmls_elem Fn3::MulSub;
}

by_element! { |i| Shape::vector(1, i.q), element_h(i.h, i.l, i.m, i.rm);
    FmulElemH  fmul_elem_h  Fn2::Mul;
    FmulxElemH fmulx_elem_h Fn2::MulX;
}

accumulate_by_element! { |i| Shape::vector(1, i.q), element_h(i.h, i.l, i.m, i.rm);
    FmlaElemH fmla_elem_h Fn3::MulAdd;
    FmlsElemH fmls_elem_h Fn3::MulSub;
}

by_element! { |i| Shape::scalar(2 + i.sz), element(i.sz, i.h, i.l, i.rm);
    FmulScaElem  fmul_sca_elem  Fn2::Mul;
    FmulxScaElem fmulx_sca_elem Fn2::MulX;
}

accumulate_by_element! { |i| Shape::scalar(2 + i.sz), element(i.sz, i.h, i.l, i.rm);
    FmlaScaElem fmla_sca_elem Fn3::MulAdd;
    FmlsScaElem fmls_sca_elem Fn3::MulSub;
}

by_element! { |i| Shape::scalar(1), element_h(i.h, i.l, i.m, i.rm);
    FmulScaElemH  fmul_sca_elem_h  Fn2::Mul;
    FmulxScaElemH fmulx_sca_elem_h Fn2::MulX;
}

accumulate_by_element! { |i| Shape::scalar(1), element_h(i.h, i.l, i.m, i.rm);
    FmlaScaElemH fmla_sca_elem_h Fn3::MulAdd;
    FmlsScaElemH fmls_sca_elem_h Fn3::MulSub;
}

/// Register and lane: H:L of singles, H of doubles.
const fn element(sz: u32, h: u32, l: u32, rm: u32) -> (u32, Meeting) {
    (rm, Meeting::ByElement(if sz == 0 { h << 1 | l } else { h } as u8))
}

/// Of halves the lane is H:L:M, which leaves four bits to the register.
const fn element_h(h: u32, l: u32, m: u32, rm: u32) -> (u32, Meeting) {
    (rm, Meeting::ByElement((h << 2 | l << 1 | m) as u8))
}
