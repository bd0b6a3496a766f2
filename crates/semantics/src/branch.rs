//! Branches, and instructions that raise an exception on purpose.

use crate::dpimm::cut;
use crate::{BranchKind, Cond, Done, Engine, Gpr, Op2, Trap, Width};
use a64::*;

/// `imm` of `bits` bits, sign-extended.
pub(crate) const fn signed(imm: u32, bits: u32) -> i64 {
    ((imm as i64) << (64 - bits)) >> (64 - bits)
}

/// The address `offset` bytes from this instruction.
pub(crate) fn pc_plus<E: Engine>(e: &mut E, offset: i64) -> E::W {
    let (pc, offset) = (e.pc(), e.imm(offset as u64));
    e.op2(Op2::Add, pc, offset)
}

/// X30 is where calls return to.
pub(crate) fn link<E: Engine>(e: &mut E) {
    let next = pc_plus(e, 4);
    e.set_x(Gpr(30), next);
}

/// B.cond
pub fn bcond<E: Engine>(e: &mut E, i: BCond) -> Done {
    let taken = e.cond(Cond(i.cond));
    e.branch_if(taken, signed(i.imm19, 19) * 4);
    Ok(())
}

/// BC.cond: a B.cond that is expected to behave as it did before.
pub fn bc_cond<E: Engine>(e: &mut E, i: BcCond) -> Done {
    let taken = e.cond(Cond(i.cond));
    e.branch_if(taken, signed(i.imm19, 19) * 4);
    Ok(())
}

/// B
pub fn b<E: Engine>(e: &mut E, i: B) -> Done {
    let target = pc_plus(e, signed(i.imm26, 26) * 4);
    e.branch(target, BranchKind::Direct);
    Ok(())
}

/// BL
pub fn bl<E: Engine>(e: &mut E, i: Bl) -> Done {
    let target = pc_plus(e, signed(i.imm26, 26) * 4);
    link(e);
    e.branch(target, BranchKind::Call);
    Ok(())
}

/// BR
pub fn br<E: Engine>(e: &mut E, i: Br) -> Done {
    let target = e.x(Gpr(i.rn));
    e.branch(target, BranchKind::Indirect);
    e.indirect(BranchKind::Indirect, i.rn)
}

/// BLR. The target is read first: it may be in X30.
pub fn blr<E: Engine>(e: &mut E, i: Blr) -> Done {
    let target = e.x(Gpr(i.rn));
    link(e);
    e.branch(target, BranchKind::Call);
    e.indirect(BranchKind::Call, i.rn)
}

/// RET
pub fn ret<E: Engine>(e: &mut E, i: Ret) -> Done {
    let target = e.x(Gpr(i.rn));
    e.branch(target, BranchKind::Return);
    Ok(())
}

fn is_zero<E: Engine>(e: &mut E, sf: u32, rt: u32) -> E::C {
    let v = e.x(Gpr(rt));
    let v = cut(e, Width::of(sf), v);
    e.is_zero(v)
}

/// CBZ
pub fn cbz<E: Engine>(e: &mut E, i: Cbz) -> Done {
    let taken = is_zero(e, i.sf, i.rt);
    e.branch_if(taken, signed(i.imm19, 19) * 4);
    Ok(())
}

/// CBNZ
pub fn cbnz<E: Engine>(e: &mut E, i: Cbnz) -> Done {
    let zero = is_zero(e, i.sf, i.rt);
    let taken = e.not(zero);
    e.branch_if(taken, signed(i.imm19, 19) * 4);
    Ok(())
}

/// TBZ
pub fn tbz<E: Engine>(e: &mut E, i: Tbz) -> Done {
    let v = e.x(Gpr(i.rt));
    let set = e.bit(v, i.b5 << 5 | i.b40);
    let taken = e.not(set);
    e.branch_if(taken, signed(i.imm14, 14) * 4);
    Ok(())
}

/// TBNZ
pub fn tbnz<E: Engine>(e: &mut E, i: Tbnz) -> Done {
    let v = e.x(Gpr(i.rt));
    let taken = e.bit(v, i.b5 << 5 | i.b40);
    e.branch_if(taken, signed(i.imm14, 14) * 4);
    Ok(())
}

/// SVC
pub fn svc<E: Engine>(e: &mut E, i: Svc) -> Done {
    e.trap(Trap::Svc(i.imm16))
}

/// HVC
pub fn hvc<E: Engine>(e: &mut E, i: Hvc) -> Done {
    e.trap(Trap::Hvc(i.imm16))
}

/// SMC
pub fn smc<E: Engine>(e: &mut E, i: Smc) -> Done {
    e.trap(Trap::Smc(i.imm16))
}

/// BRK
pub fn brk<E: Engine>(e: &mut E, i: Brk) -> Done {
    e.trap(Trap::Brk(i.imm16))
}

/// HLT
pub fn hlt<E: Engine>(e: &mut E, i: Hlt) -> Done {
    e.trap(Trap::Hlt(i.imm16))
}

/// DCPS1, DCPS2, DCPS3: undefined outside Debug state, which this machine never enters.
pub fn dcps<E: Engine>(e: &mut E, i: Dcps) -> Done {
    e.trap(Trap::Dcps(i.imm16))
}

/// ERET
pub fn eret<E: Engine>(e: &mut E, _: Eret) -> Done {
    e.eret(None)
}

/// DRPS: undefined outside Debug state.
pub fn drps<E: Engine>(e: &mut E, _: Drps) -> Done {
    e.trap(Trap::Undefined)
}
