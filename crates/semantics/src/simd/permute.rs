//! Permutations, extraction, table lookup.

use super::{Part, pairwise, pure2};
use crate::vops::{Lane, VOp2, VOp3};
use crate::{Done, Engine};
use a64::*;

/// Rows that read only what a 128-bit permutation leaves in its low half.
macro_rules! low_half {
    ($($function:ident $row:ident;)*) => {$(
        #[doc = stringify!($row)]
        pub fn $function<E: Engine>(e: &mut E, i: $row) -> Done {
            pure2(e, Part::vector(i.q), VOp2::$row(Lane::of(i.size)), i.rn, i.rm, i.rd)
        }
    )*};
}
low_half! {
    trn1 Trn1;
    trn2 Trn2;
    zip1 Zip1;
}

/// ZIP2: of 64-bit operands, the upper half of what ZIP1 makes of 128.
pub fn zip2<E: Engine>(e: &mut E, i: Zip2) -> Done {
    let (lane, n, m) = (Lane::of(i.size), e.v(i.rn), e.v(i.rm));
    let result = if i.q == 0 {
        let both = e.vop2(VOp2::Zip1(lane), n, m);
        e.vop2(VOp2::Ext(8), both, both)
    } else {
        e.vop2(VOp2::Zip2(lane), n, m)
    };
    Part::vector(i.q).write(e, i.rd, result)
}

/// UZP1
pub fn uzp1<E: Engine>(e: &mut E, i: Uzp1) -> Done {
    pairwise(e, i.q, VOp2::Uzp1(Lane::of(i.size)), [i.rn, i.rm, i.rd])
}

/// UZP2
pub fn uzp2<E: Engine>(e: &mut E, i: Uzp2) -> Done {
    pairwise(e, i.q, VOp2::Uzp2(Lane::of(i.size)), [i.rn, i.rm, i.rd])
}

/// EXT: of 64-bit operands, one register holds both.
pub fn ext<E: Engine>(e: &mut E, i: Ext) -> Done {
    let (mut n, m) = (e.v(i.rn), e.v(i.rm));
    if i.q == 0 {
        n = e.vop2(VOp2::Zip1(Lane::D), n, m);
    }
    let result = e.vop2(VOp2::Ext(i.imm4 as u8), n, m);
    Part::vector(i.q).write(e, i.rd, result)
}

/// Looks up each byte of Vm in the `len + 1` registers from Vn, which wrap from V31 to V0.
#[inline(always)]
fn look_up<E: Engine>(e: &mut E, mut result: E::V, len: u32, [rn, rm]: [u32; 2]) -> E::V {
    let m = e.v(rm);
    for k in 0..=len {
        let table = e.v((rn + k) % 32);
        result = e.vop3(VOp3::Tbx(16 * k as u8), result, table, m);
    }
    result
}

/// TBL
pub fn tbl<E: Engine>(e: &mut E, i: Tbl) -> Done {
    let zero = e.vimm(0);
    let result = look_up(e, zero, i.len, [i.rn, i.rm]);
    Part::vector(i.q).write(e, i.rd, result)
}

/// TBX
pub fn tbx<E: Engine>(e: &mut E, i: Tbx) -> Done {
    let d = e.v(i.rd);
    let result = look_up(e, d, i.len, [i.rn, i.rm]);
    Part::vector(i.q).write(e, i.rd, result)
}
