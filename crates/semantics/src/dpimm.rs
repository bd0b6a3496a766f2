//! Data processing -- immediate.

use crate::branch::signed;
use crate::{Done, Engine, FlagOp, Gpr, Op1, Op2, Width};
use a64::*;

/// ADR
pub fn adr<E: Engine>(e: &mut E, i: Adr) -> Done {
    let offset = e.imm(signed(i.immhi << 2 | i.immlo, 21) as u64);
    let pc = e.pc();
    let at = e.op2(Op2::Add, pc, offset);
    e.set_x(Gpr(i.rd), at);
    Ok(())
}

/// ADRP
pub fn adrp<E: Engine>(e: &mut E, i: Adrp) -> Done {
    let offset = e.imm((signed(i.immhi << 2 | i.immlo, 21) << 12) as u64);
    let (pc, low) = (e.pc(), e.imm(0xfff));
    let page = e.op2(Op2::Bic, pc, low);
    let at = e.op2(Op2::Add, page, offset);
    e.set_x(Gpr(i.rd), at);
    Ok(())
}

/// Xn, or SP where the register field is 31.
pub(crate) fn x_or_sp<E: Engine>(e: &mut E, r: u32) -> E::W {
    if r == 31 { e.sp() } else { e.x(Gpr(r)) }
}

/// Writes Xd, or SP where the register field is 31; 32-bit results are zero-extended.
pub(crate) fn set_x_or_sp<E: Engine>(e: &mut E, width: Width, r: u32, v: E::W) {
    let v = cut(e, width, v);
    if r == 31 { e.set_sp(v) } else { e.set_x(Gpr(r), v) }
}

/// The value an instruction of `width` writes to a register.
pub(crate) fn cut<E: Engine>(e: &mut E, width: Width, v: E::W) -> E::W {
    match width {
        Width::W => e.op1(Op1::Uxtw, v),
        Width::X => v,
    }
}

fn imm12<E: Engine>(e: &mut E, sh: u32, imm12: u32) -> E::W {
    e.imm(u64::from(imm12) << (12 * sh))
}

/// ADD (immediate)
pub fn add_imm<E: Engine>(e: &mut E, i: AddImm) -> Done {
    let (a, b) = (x_or_sp(e, i.rn), imm12(e, i.sh, i.imm12));
    let sum = e.op2(Op2::Add, a, b);
    set_x_or_sp(e, Width::of(i.sf), i.rd, sum);
    Ok(())
}

/// SUB (immediate)
pub fn sub_imm<E: Engine>(e: &mut E, i: SubImm) -> Done {
    let (a, b) = (x_or_sp(e, i.rn), imm12(e, i.sh, i.imm12));
    let difference = e.op2(Op2::Sub, a, b);
    set_x_or_sp(e, Width::of(i.sf), i.rd, difference);
    Ok(())
}

/// ADDS (immediate), CMN
pub fn adds_imm<E: Engine>(e: &mut E, i: AddsImm) -> Done {
    let (a, b) = (x_or_sp(e, i.rn), imm12(e, i.sh, i.imm12));
    let sum = e.flag_op(FlagOp::Add, Width::of(i.sf), a, b);
    e.set_x(Gpr(i.rd), sum);
    Ok(())
}

/// SUBS (immediate), CMP
pub fn subs_imm<E: Engine>(e: &mut E, i: SubsImm) -> Done {
    let (a, b) = (x_or_sp(e, i.rn), imm12(e, i.sh, i.imm12));
    let difference = e.flag_op(FlagOp::Sub, Width::of(i.sf), a, b);
    e.set_x(Gpr(i.rd), difference);
    Ok(())
}
