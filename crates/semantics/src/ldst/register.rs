//! Loads and stores of one register: literal, immediate and register offsets, unprivileged. Prefetches.
//!
//! A prefetch has no effect and does not check SP's alignment (ARM DDI 0487, PRFM).

use super::*;
use crate::branch::{pc_plus, signed};
use crate::dpreg::extended;
use a64::*;

/// LDR (literal)
pub fn ldr_lit<E: Engine>(e: &mut E, i: LdrLit) -> Done {
    let at = pc_plus(e, signed(i.imm19, 19) * 4);
    load(e, at, Access::plain(2 + i.sf), i.rt)
}

/// LDRSW (literal)
pub fn ldrsw_lit<E: Engine>(e: &mut E, i: LdrswLit) -> Done {
    let at = pc_plus(e, signed(i.imm19, 19) * 4);
    load_signed(e, at, Access::plain(2), 0, i.rt)
}

/// PRFM (literal)
pub fn prfm_lit<E: Engine>(_: &mut E, _: PrfmLit) -> Done {
    Ok(())
}

/// STURB, STURH, STUR
pub fn stur<E: Engine>(e: &mut E, i: Stur) -> Done {
    let at = offset_from(e, i.rn, signed(i.imm9, 9))?;
    store(e, at, Access::plain(i.size), i.rt)
}

/// LDURB, LDURH, LDUR
pub fn ldur<E: Engine>(e: &mut E, i: Ldur) -> Done {
    let at = offset_from(e, i.rn, signed(i.imm9, 9))?;
    load(e, at, Access::plain(i.size), i.rt)
}

/// LDURSB, LDURSH, LDURSW
pub fn ldurs<E: Engine>(e: &mut E, i: Ldurs) -> Done {
    let at = offset_from(e, i.rn, signed(i.imm9, 9))?;
    load_signed(e, at, Access::plain(i.size), i.w, i.rt)
}

/// PRFUM
pub fn prfum<E: Engine>(_: &mut E, _: Prfum) -> Done {
    Ok(())
}

/// STTRB, STTRH, STTR
pub fn sttr<E: Engine>(e: &mut E, i: Sttr) -> Done {
    let at = offset_from(e, i.rn, signed(i.imm9, 9))?;
    store(e, at, Access::unprivileged(i.size), i.rt)
}

/// LDTRB, LDTRH, LDTR
pub fn ldtr<E: Engine>(e: &mut E, i: Ldtr) -> Done {
    let at = offset_from(e, i.rn, signed(i.imm9, 9))?;
    load(e, at, Access::unprivileged(i.size), i.rt)
}

/// LDTRSB, LDTRSH, LDTRSW
pub fn ldtrs<E: Engine>(e: &mut E, i: Ldtrs) -> Done {
    let at = offset_from(e, i.rn, signed(i.imm9, 9))?;
    load_signed(e, at, Access::unprivileged(i.size), i.w, i.rt)
}

/// STRB, STRH, STR (immediate, unsigned offset)
pub fn str_imm<E: Engine>(e: &mut E, i: StrImm) -> Done {
    let at = offset_from(e, i.rn, i64::from(i.imm12 << i.size))?;
    store(e, at, Access::plain(i.size), i.rt)
}

/// LDRB, LDRH, LDR (immediate, unsigned offset)
pub fn ldr_imm<E: Engine>(e: &mut E, i: LdrImm) -> Done {
    let at = offset_from(e, i.rn, i64::from(i.imm12 << i.size))?;
    load(e, at, Access::plain(i.size), i.rt)
}

/// LDRSB, LDRSH, LDRSW (immediate, unsigned offset)
pub fn ldrs_imm<E: Engine>(e: &mut E, i: LdrsImm) -> Done {
    let at = offset_from(e, i.rn, i64::from(i.imm12 << i.size))?;
    load_signed(e, at, Access::plain(i.size), i.w, i.rt)
}

/// PRFM (immediate)
pub fn prfm_imm<E: Engine>(_: &mut E, _: PrfmImm) -> Done {
    Ok(())
}

/// STRB, STRH, STR (immediate, post-index)
pub fn str_post<E: Engine>(e: &mut E, i: StrPost) -> Done {
    let to = post(e, i.rn, signed(i.imm9, 9))?;
    store(e, to.at, Access::plain(i.size), i.rt)?;
    set_base(e, i.rn, to.base)
}

/// LDRB, LDRH, LDR (immediate, post-index)
pub fn ldr_post<E: Engine>(e: &mut E, i: LdrPost) -> Done {
    let to = post(e, i.rn, signed(i.imm9, 9))?;
    load(e, to.at, Access::plain(i.size), i.rt)?;
    set_base(e, i.rn, to.base)
}

/// LDRSB, LDRSH, LDRSW (immediate, post-index)
pub fn ldrs_post<E: Engine>(e: &mut E, i: LdrsPost) -> Done {
    let to = post(e, i.rn, signed(i.imm9, 9))?;
    load_signed(e, to.at, Access::plain(i.size), i.w, i.rt)?;
    set_base(e, i.rn, to.base)
}

/// STRB, STRH, STR (immediate, pre-index)
pub fn str_pre<E: Engine>(e: &mut E, i: StrPre) -> Done {
    let to = pre(e, i.rn, signed(i.imm9, 9))?;
    store(e, to.at, Access::plain(i.size), i.rt)?;
    set_base(e, i.rn, to.base)
}

/// LDRB, LDRH, LDR (immediate, pre-index)
pub fn ldr_pre<E: Engine>(e: &mut E, i: LdrPre) -> Done {
    let to = pre(e, i.rn, signed(i.imm9, 9))?;
    load(e, to.at, Access::plain(i.size), i.rt)?;
    set_base(e, i.rn, to.base)
}

/// LDRSB, LDRSH, LDRSW (immediate, pre-index)
pub fn ldrs_pre<E: Engine>(e: &mut E, i: LdrsPre) -> Done {
    let to = pre(e, i.rn, signed(i.imm9, 9))?;
    load_signed(e, to.at, Access::plain(i.size), i.w, i.rt)?;
    set_base(e, i.rn, to.base)
}

/// `[Xn|SP, Xm|Wm, extend #shift]`
fn register_offset<E: Engine>(e: &mut E, rn: u32, rm: u32, option: u32, shift: u32) -> Result<E::W, Leave> {
    let (base, offset) = (e.base(Gpr(rn))?, extended(e, rm, option, shift));
    Ok(e.op2(Op2::Add, base, offset))
}

/// STRB, STRH, STR (register)
pub fn str_reg<E: Engine>(e: &mut E, i: StrReg) -> Done {
    let at = register_offset(e, i.rn, i.rm, i.option, i.s * i.size)?;
    store(e, at, Access::plain(i.size), i.rt)
}

/// LDRB, LDRH, LDR (register)
pub fn ldr_reg<E: Engine>(e: &mut E, i: LdrReg) -> Done {
    let at = register_offset(e, i.rn, i.rm, i.option, i.s * i.size)?;
    load(e, at, Access::plain(i.size), i.rt)
}

/// LDRSB, LDRSH, LDRSW (register)
pub fn ldrs_reg<E: Engine>(e: &mut E, i: LdrsReg) -> Done {
    let at = register_offset(e, i.rn, i.rm, i.option, i.s * i.size)?;
    load_signed(e, at, Access::plain(i.size), i.w, i.rt)
}

/// PRFM (register)
pub fn prfm_reg<E: Engine>(_: &mut E, _: PrfmReg) -> Done {
    Ok(())
}
