//! Pointer authentication: instructions of their own, those in the hint space, and branches and loads that
//! authenticate what they use.

use crate::branch::{link, signed};
use crate::dpimm::x_or_sp;
use crate::{BranchKind, Done, Engine, Gpr, Op2};
use a64::*;
use hw::Access;

/// Xd = `op` of Xd with Xn or SP, or with zero.
fn modify<E: Engine>(e: &mut E, op: Pauth, z: u32, rn: u32, rd: u32) -> Done {
    let (ptr, modifier) = (e.x(Gpr(rd)), if z == 1 { e.imm(0) } else { x_or_sp(e, rn) });
    let r = e.pauth(op, ptr, modifier)?;
    e.set_x(Gpr(rd), r);
    Ok(())
}

/// IA or IB; DA or DB.
const fn instruction_key(b: u32) -> PacKey {
    if b == 0 { PacKey::Ia } else { PacKey::Ib }
}

const fn data_key(b: u32) -> PacKey {
    if b == 0 { PacKey::Da } else { PacKey::Db }
}

/// PACIA, PACIB, PACIZA, PACIZB
pub fn paci<E: Engine>(e: &mut E, i: Paci) -> Done {
    modify(e, Pauth::Sign(instruction_key(i.b)), i.z, i.rn, i.rd)
}

/// PACDA, PACDB, PACDZA, PACDZB
pub fn pacd<E: Engine>(e: &mut E, i: Pacd) -> Done {
    modify(e, Pauth::Sign(data_key(i.b)), i.z, i.rn, i.rd)
}

/// AUTIA, AUTIB, AUTIZA, AUTIZB
pub fn auti<E: Engine>(e: &mut E, i: Auti) -> Done {
    modify(e, Pauth::Authenticate(instruction_key(i.b)), i.z, i.rn, i.rd)
}

/// AUTDA, AUTDB, AUTDZA, AUTDZB
pub fn autd<E: Engine>(e: &mut E, i: Autd) -> Done {
    modify(e, Pauth::Authenticate(data_key(i.b)), i.z, i.rn, i.rd)
}

/// XPACI, XPACD
pub fn xpac<E: Engine>(e: &mut E, i: Xpac) -> Done {
    modify(e, if i.d == 1 { Pauth::StripData } else { Pauth::StripCode }, 1, 31, i.rd)
}

/// PACGA
pub fn pacga<E: Engine>(e: &mut E, i: Pacga) -> Done {
    let (v, modifier) = (e.x(Gpr(i.rn)), x_or_sp(e, i.rm));
    let r = e.pauth(Pauth::Generic, v, modifier)?;
    e.set_x(Gpr(i.rd), r);
    Ok(())
}

/// The hint numbered `n`, if it is one of pointer authentication: X17 with X16, or X30 with zero or SP.
pub(crate) fn hint<E: Engine>(e: &mut E, n: u32) -> Done {
    let op = match n {
        7 => Pauth::StripCode,
        8 | 24 | 25 => Pauth::Sign(PacKey::Ia),
        10 | 26 | 27 => Pauth::Sign(PacKey::Ib),
        12 | 28 | 29 => Pauth::Authenticate(PacKey::Ia),
        14 | 30 | 31 => Pauth::Authenticate(PacKey::Ib),
        _ => return Ok(()),
    };
    match n {
        8..=14 => modify(e, op, 0, 16, 17),
        _ => modify(e, op, u32::from(n & 1 == 0 || n == 7), 31, 30),
    }
}

/// The target in Xn, authenticated.
fn target<E: Engine>(e: &mut E, m: u32, rn: u32, modifier: E::W) -> Result<E::W, hw::Leave> {
    let ptr = e.x(Gpr(rn));
    e.pauth(Pauth::Authenticate(instruction_key(m)), ptr, modifier)
}

/// BRAAZ, BRABZ
pub fn braz<E: Engine>(e: &mut E, i: Braz) -> Done {
    let zero = e.imm(0);
    let target = target(e, i.m, i.rn, zero)?;
    e.branch(target, BranchKind::Indirect);
    e.indirect(BranchKind::Indirect, i.rn)
}

/// BRAA, BRAB
pub fn bra<E: Engine>(e: &mut E, i: Bra) -> Done {
    let modifier = x_or_sp(e, i.modifier);
    let target = target(e, i.m, i.rn, modifier)?;
    e.branch(target, BranchKind::Indirect);
    e.indirect(BranchKind::Indirect, i.rn)
}

/// BLRAAZ, BLRABZ
pub fn blraz<E: Engine>(e: &mut E, i: Blraz) -> Done {
    let zero = e.imm(0);
    let target = target(e, i.m, i.rn, zero)?;
    link(e);
    e.branch(target, BranchKind::Call);
    e.indirect(BranchKind::Call, i.rn)
}

/// BLRAA, BLRAB
pub fn blra<E: Engine>(e: &mut E, i: Blra) -> Done {
    let modifier = x_or_sp(e, i.modifier);
    let target = target(e, i.m, i.rn, modifier)?;
    link(e);
    e.branch(target, BranchKind::Call);
    e.indirect(BranchKind::Call, i.rn)
}

/// RETAA, RETAB
pub fn reta<E: Engine>(e: &mut E, i: Reta) -> Done {
    let modifier = e.sp();
    let target = target(e, i.m, 30, modifier)?;
    e.branch(target, BranchKind::Return);
    Ok(())
}

/// ERETAA, ERETAB
pub fn ereta<E: Engine>(e: &mut E, i: Ereta) -> Done {
    e.eret(Some(instruction_key(i.m)))
}

/// LDRAA, LDRAB: the base is authenticated without modifier. With writeback, what is written back is the address.
pub fn ldra<E: Engine>(e: &mut E, i: Ldra) -> Done {
    let (base, zero) = (e.base(Gpr(i.rn))?, e.imm(0));
    let base = e.pauth(Pauth::Authenticate(data_key(i.m)), base, zero)?;
    let offset = e.imm((signed(i.s << 9 | i.imm9, 10) * 8) as u64);
    let at = e.op2(Op2::Add, base, offset);
    let v = e.load(at, Access::plain(3))?;
    e.set_x(Gpr(i.rt), v);
    match (i.w, i.rn) {
        (0, _) => {}
        (_, 31) => e.set_sp(at),
        (_, rn) => e.set_x(Gpr(rn), at),
    }
    Ok(())
}
