//! Scalar and vector floating point instructions.
//!
//! Most rows differ from their neighbours in one micro-op, so each class is a table: row, function, micro-op.

/// Rows with operands Rn to Rd.
macro_rules! one_operand {
    (|$i:ident| $shape:expr; $($row:ident $function:ident $op:expr;)*) => {$(
        #[doc = stringify!($row)]
        pub fn $function<E: Engine>(e: &mut E, $i: $row) -> Done {
            let n = e.v($i.rn);
            let d = e.fop1(FOp1 { op: $op, shape: $shape }, n);
            e.set_v($i.rd, d);
            Ok(())
        }
    )*};
}

/// Rows with operands Rn, Rm to Rd.
macro_rules! two_operands {
    (|$i:ident| $shape:expr, $meeting:expr; $($row:ident $function:ident $op:expr;)*) => {$(
        #[doc = stringify!($row)]
        pub fn $function<E: Engine>(e: &mut E, $i: $row) -> Done {
            let (n, m) = (e.v($i.rn), e.v($i.rm));
            let d = e.fop2(FOp2 { op: $op, shape: $shape, meeting: $meeting }, n, m);
            e.set_v($i.rd, d);
            Ok(())
        }
    )*};
}

mod brain;
mod compare;
mod complex;
mod convert;
mod element;
mod long;
mod moves;
mod scalar;
mod vector;
mod vector_convert;

pub use brain::*;
pub use compare::*;
pub use complex::*;
pub use convert::*;
pub use element::*;
pub use long::*;
pub use moves::*;
pub use scalar::*;
pub use vector::*;
pub use vector_convert::*;

/// Lane size (1 half, 2 single, 3 double) of an `ftype` field; 2 is unallocated.
const fn esize(ftype: u32) -> u32 {
    match ftype {
        0 => 2,
        1 => 3,
        _ => 1,
    }
}
