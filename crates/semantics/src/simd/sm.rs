//! SM3 and SM4.

use super::{Part, pure2};
use crate::vops::{VOp2, VOp3};
use crate::{Done, Engine};
use a64::*;

/// SM3SS1
pub fn sm3ss1<E: Engine>(e: &mut E, i: Sm3ss1) -> Done {
    let (n, m, a) = (e.v(i.rn), e.v(i.rm), e.v(i.ra));
    let result = e.vop3(VOp3::Sm3ss1, n, m, a);
    e.set_v(i.rd, result);
    Ok(())
}

/// Rows whose meaning is one micro-op of Vd, Vn and Vm.
macro_rules! three {
    (|$i:ident| $($function:ident $row:ident $op:expr;)*) => {$(
        #[doc = stringify!($row)]
        pub fn $function<E: Engine>(e: &mut E, $i: $row) -> Done {
            let (d, n, m) = (e.v($i.rd), e.v($i.rn), e.v($i.rm));
            let result = e.vop3($op, d, n, m);
            e.set_v($i.rd, result);
            Ok(())
        }
    )*};
}
three! { |i|
    sm3partw1 Sm3partw1 VOp3::Sm3partw1;
    sm3partw2 Sm3partw2 VOp3::Sm3partw2;
    sm3tt1a Sm3tt1a VOp3::Sm3tt1a(i.imm2 as u8);
    sm3tt1b Sm3tt1b VOp3::Sm3tt1b(i.imm2 as u8);
    sm3tt2a Sm3tt2a VOp3::Sm3tt2a(i.imm2 as u8);
    sm3tt2b Sm3tt2b VOp3::Sm3tt2b(i.imm2 as u8);
}

/// SM4E
pub fn sm4e<E: Engine>(e: &mut E, i: Sm4e) -> Done {
    pure2(e, Part::Whole, VOp2::Sm4e, i.rd, i.rn, i.rd)
}

/// SM4EKEY
pub fn sm4ekey<E: Engine>(e: &mut E, i: Sm4ekey) -> Done {
    pure2(e, Part::Whole, VOp2::Sm4ekey, i.rn, i.rm, i.rd)
}
