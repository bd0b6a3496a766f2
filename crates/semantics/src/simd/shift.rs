//! Shifts by an immediate.

use super::{Part, half, write_half};
use crate::vops::{Lane, SOp1, SOp2, VOp1, VOp2, VOp3};
use crate::{Done, Engine};
use a64::*;

/// `immh:immb`: its highest bit that is set gives the lane; the distance to the next lane's is the shift
/// right, the distance from it the shift left.
#[derive(Clone, Copy)]
struct Amount {
    lane: Lane,
    imm: u32,
}

impl Amount {
    #[inline(always)]
    fn of(immh: u32, immb: u32) -> Amount {
        Amount { lane: Lane::of(31 - (immh | 1).leading_zeros()), imm: immh << 3 | immb }
    }

    /// Scalar rows of 64 bits, whose `immh` begins with a one.
    #[inline(always)]
    fn of_d(imm6: u32) -> Amount {
        Amount { lane: Lane::D, imm: 64 + imm6 }
    }

    #[inline(always)]
    fn right(self) -> u8 {
        (2 * self.lane.bits() - self.imm) as u8
    }

    #[inline(always)]
    fn left(self) -> u8 {
        (self.imm - self.lane.bits()) as u8
    }
}

/// What becomes of the shifted value.
#[derive(Clone, Copy)]
enum Into {
    /// It is written.
    Write,
    /// It is added to Vd.
    Add,
    /// It is inserted into Vd, which keeps the bits that the shift emptied.
    Insert,
}

#[inline(always)]
fn shift<E: Engine>(e: &mut E, part: Part, amount: Amount, op: VOp1, into: Into, [rn, rd]: [u32; 2]) -> Done {
    let n = e.v(rn);
    let shifted = e.vop1(op, n);
    let result = match into {
        Into::Write => shifted,
        Into::Add => {
            let d = e.v(rd);
            e.vop2(VOp2::Add(amount.lane), d, shifted)
        }
        Into::Insert => {
            // The micro-op itself says which bits it fills.
            let (d, filled) = (e.v(rd), e.vimm(op.eval(u128::MAX)));
            e.vop3(VOp3::Bsl, filled, shifted, d)
        }
    };
    part.write(e, rd, result)
}

/// Rows of one shift per lane: vector, and scalar of 64 bits.
macro_rules! plain {
    ($($vector:ident $vector_row:ident $scalar:ident $scalar_row:ident $op:ident $direction:ident $into:ident;)*) => {$(
        #[doc = concat!(stringify!($vector_row), ": ", stringify!($op))]
        pub fn $vector<E: Engine>(e: &mut E, i: $vector_row) -> Done {
            let amount = Amount::of(i.immh, i.immb);
            let op = VOp1::$op(amount.lane, amount.$direction());
            shift(e, Part::vector(i.q), amount, op, Into::$into, [i.rn, i.rd])
        }

        #[doc = concat!(stringify!($scalar_row), ": ", stringify!($op))]
        pub fn $scalar<E: Engine>(e: &mut E, i: $scalar_row) -> Done {
            let amount = Amount::of_d(i.imm6);
            let op = VOp1::$op(Lane::D, amount.$direction());
            shift(e, Part::Low(Lane::D), amount, op, Into::$into, [i.rn, i.rd])
        }
    )*};
}
plain! {
    sshr_vec SshrVec sshr_scalar SshrScalar Sshr right Write;
    ushr_vec UshrVec ushr_scalar UshrScalar Ushr right Write;
    srshr_vec SrshrVec srshr_scalar SrshrScalar Srshr right Write;
    urshr_vec UrshrVec urshr_scalar UrshrScalar Urshr right Write;
    ssra_vec SsraVec ssra_scalar SsraScalar Sshr right Add;
    usra_vec UsraVec usra_scalar UsraScalar Ushr right Add;
    srsra_vec SrsraVec srsra_scalar SrsraScalar Srshr right Add;
    ursra_vec UrsraVec ursra_scalar UrsraScalar Urshr right Add;
    shl_vec ShlVec shl_scalar ShlScalar Shl left Write;
    sri_vec SriVec sri_scalar SriScalar Ushr right Insert;
    sli_vec SliVec sli_scalar SliScalar Shl left Insert;
}

/// Vd = Vn shifted left by a constant, saturating.
#[inline(always)]
fn saturating<E: Engine>(e: &mut E, part: Part, op: SOp2, amount: Amount, [rn, rd]: [u32; 2]) -> Done {
    let (n, by) = (part.read(e, rn), e.vimm(amount.lane.splat(amount.left().into())));
    let result = e.sop2(op, n, by);
    e.set_v(rd, result);
    Ok(())
}

/// Saturating shifts left, vector and scalar.
macro_rules! saturating {
    ($($vector:ident $vector_row:ident $scalar:ident $scalar_row:ident $op:ident;)*) => {$(
        #[doc = concat!(stringify!($op), " (vector, immediate)")]
        pub fn $vector<E: Engine>(e: &mut E, i: $vector_row) -> Done {
            let amount = Amount::of(i.immh, i.immb);
            saturating(e, Part::vector(i.q), SOp2::$op(amount.lane), amount, [i.rn, i.rd])
        }

        #[doc = concat!(stringify!($op), " (scalar, immediate)")]
        pub fn $scalar<E: Engine>(e: &mut E, i: $scalar_row) -> Done {
            let amount = Amount::of(i.immh, i.immb);
            saturating(e, Part::Low(amount.lane), SOp2::$op(amount.lane), amount, [i.rn, i.rd])
        }
    )*};
}
saturating! {
    sqshlu_vec SqshluVec sqshlu_scalar SqshluScalar Sqshlu;
    sqshl_imm_vec SqshlImmVec sqshl_imm_scalar SqshlImmScalar Sqshl;
    uqshl_imm_vec UqshlImmVec uqshl_imm_scalar UqshlImmScalar Uqshl;
}

/// Narrowing shifts right without saturation: shift lanes of twice the width, then cut them.
macro_rules! narrowing {
    ($($function:ident $row:ident $shift:ident;)*) => {$(
        #[doc = concat!(stringify!($row), " and its 2 form")]
        pub fn $function<E: Engine>(e: &mut E, i: $row) -> Done {
            let (amount, n) = (Amount::of(i.immh, i.immb), e.v(i.rn));
            let shifted = e.vop1(VOp1::$shift(amount.lane.double(), amount.right()), n);
            let narrow = e.vop1(VOp1::Xtn(amount.lane), shifted);
            write_half(e, i.q, i.rd, narrow)
        }
    )*};
}
narrowing! {
    shrn_vec ShrnVec Ushr;
    rshrn_vec RshrnVec Urshr;
}

/// Narrowing shifts right with saturation, vector and scalar.
macro_rules! narrowing_saturating {
    ($($vector:ident $vector_row:ident $scalar:ident $scalar_row:ident $shift:ident $narrow:ident;)*) => {$(
        #[doc = concat!(stringify!($vector_row), " and its 2 form")]
        pub fn $vector<E: Engine>(e: &mut E, i: $vector_row) -> Done {
            let (amount, n) = (Amount::of(i.immh, i.immb), e.v(i.rn));
            let shifted = e.vop1(VOp1::$shift(amount.lane.double(), amount.right()), n);
            let narrow = e.sop1(SOp1::$narrow(amount.lane), shifted);
            write_half(e, i.q, i.rd, narrow)
        }

        #[doc = stringify!($scalar_row)]
        pub fn $scalar<E: Engine>(e: &mut E, i: $scalar_row) -> Done {
            let amount = Amount::of(i.immh, i.immb);
            let n = Part::Low(amount.lane.double()).read(e, i.rn);
            let shifted = e.vop1(VOp1::$shift(amount.lane.double(), amount.right()), n);
            let narrow = e.sop1(SOp1::$narrow(amount.lane), shifted);
            e.set_v(i.rd, narrow);
            Ok(())
        }
    )*};
}
narrowing_saturating! {
    sqshrn_vec SqshrnVec sqshrn_scalar SqshrnScalar Sshr Sqxtn;
    sqrshrn_vec SqrshrnVec sqrshrn_scalar SqrshrnScalar Srshr Sqxtn;
    sqshrun_vec SqshrunVec sqshrun_scalar SqshrunScalar Sshr Sqxtun;
    sqrshrun_vec SqrshrunVec sqrshrun_scalar SqrshrunScalar Srshr Sqxtun;
    uqshrn_vec UqshrnVec uqshrn_scalar UqshrnScalar Ushr Uqxtn;
    uqrshrn_vec UqrshrnVec uqrshrn_scalar UqrshrnScalar Urshr Uqxtn;
}

/// Extend, then shift left.
#[inline(always)]
fn long<E: Engine>(e: &mut E, q: u32, extend: VOp1, amount: Amount, [rn, rd]: [u32; 2]) -> Done {
    let n = half(e, q, rn);
    let mut result = e.vop1(extend, n);
    if amount.left() != 0 {
        result = e.vop1(VOp1::Shl(amount.lane.double(), amount.left()), result);
    }
    e.set_v(rd, result);
    Ok(())
}

/// SSHLL, SXTL and their 2 forms
pub fn sshll_vec<E: Engine>(e: &mut E, i: SshllVec) -> Done {
    let amount = Amount::of(i.immh, i.immb);
    long(e, i.q, VOp1::Sxtl(amount.lane), amount, [i.rn, i.rd])
}

/// USHLL, UXTL and their 2 forms
pub fn ushll_vec<E: Engine>(e: &mut E, i: UshllVec) -> Done {
    let amount = Amount::of(i.immh, i.immb);
    long(e, i.q, VOp1::Uxtl(amount.lane), amount, [i.rn, i.rd])
}
