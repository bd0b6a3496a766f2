//! Branches, exception generating instructions.

use crate::{Cond, Done, Engine, Trap};
use a64::*;

/// `imm` of `bits` bits, sign-extended.
pub(crate) const fn signed(imm: u32, bits: u32) -> i64 {
    ((imm as i64) << (64 - bits)) >> (64 - bits)
}

/// B.cond
pub fn bcond<E: Engine>(e: &mut E, i: BCond) -> Done {
    let taken = e.cond(Cond(i.cond));
    e.branch_if(taken, signed(i.imm19, 19) * 4);
    Ok(())
}

/// SVC
pub fn svc<E: Engine>(e: &mut E, i: Svc) -> Done {
    e.trap(Trap::Svc(i.imm16))
}
