//! The logic of SHA-3: exclusive or with a third operand, and rotations.

use crate::vops::{Lane, VOp1, VOp2};
use crate::{Done, Engine};
use a64::*;

/// EOR3
pub fn eor3<E: Engine>(e: &mut E, i: Eor3) -> Done {
    let (n, m, a) = (e.v(i.rn), e.v(i.rm), e.v(i.ra));
    let others = e.vop2(VOp2::Xor, m, a);
    let result = e.vop2(VOp2::Xor, n, others);
    e.set_v(i.rd, result);
    Ok(())
}

/// BCAX: Vn ^ (Vm & !Va)
pub fn bcax<E: Engine>(e: &mut E, i: Bcax) -> Done {
    let (n, m, a) = (e.v(i.rn), e.v(i.rm), e.v(i.ra));
    let cleared = e.vop2(VOp2::Bic, m, a);
    let result = e.vop2(VOp2::Xor, n, cleared);
    e.set_v(i.rd, result);
    Ok(())
}

/// RAX1: Vn ^ (Vm rotated left by one)
pub fn rax1<E: Engine>(e: &mut E, i: Rax1) -> Done {
    let (n, m) = (e.v(i.rn), e.v(i.rm));
    let rotated = e.vop1(VOp1::Ror(Lane::D, 63), m);
    let result = e.vop2(VOp2::Xor, n, rotated);
    e.set_v(i.rd, result);
    Ok(())
}

/// XAR: (Vn ^ Vm) rotated right
pub fn xar<E: Engine>(e: &mut E, i: Xar) -> Done {
    let (n, m) = (e.v(i.rn), e.v(i.rm));
    let both = e.vop2(VOp2::Xor, n, m);
    let result = e.vop1(VOp1::Ror(Lane::D, i.imm6 as u8), both);
    e.set_v(i.rd, result);
    Ok(())
}
