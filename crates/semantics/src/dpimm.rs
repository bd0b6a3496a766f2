//! Data processing -- immediate.

use crate::branch::{pc_plus, signed};
use crate::{Done, Engine, FlagOp, Gpr, Op1, Op2, Width};
use a64::*;

/// ADR
pub fn adr<E: Engine>(e: &mut E, i: Adr) -> Done {
    let at = pc_plus(e, signed(i.immhi << 2 | i.immlo, 21));
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

/// Xd = `op` of Xn, cut to the width by `extend` if that is 32, and a constant.
fn min_max<E: Engine>(e: &mut E, sf: u32, op: Op2, extend: Op1, rn: u32, imm: u64, rd: u32) -> Done {
    let (a, b) = (e.x(Gpr(rn)), e.imm(imm));
    let a = if sf == 0 { e.op1(extend, a) } else { a };
    let r = e.op2(op, a, b);
    let r = cut(e, Width::of(sf), r);
    e.set_x(Gpr(rd), r);
    Ok(())
}

/// SMAX (immediate)
pub fn smax_imm<E: Engine>(e: &mut E, i: SmaxImm) -> Done {
    min_max(e, i.sf, Op2::Smax, Op1::Sxtw, i.rn, signed(i.imm8, 8) as u64, i.rd)
}

/// SMIN (immediate)
pub fn smin_imm<E: Engine>(e: &mut E, i: SminImm) -> Done {
    min_max(e, i.sf, Op2::Smin, Op1::Sxtw, i.rn, signed(i.imm8, 8) as u64, i.rd)
}

/// UMAX (immediate)
pub fn umax_imm<E: Engine>(e: &mut E, i: UmaxImm) -> Done {
    min_max(e, i.sf, Op2::Umax, Op1::Uxtw, i.rn, i.imm8.into(), i.rd)
}

/// UMIN (immediate)
pub fn umin_imm<E: Engine>(e: &mut E, i: UminImm) -> Done {
    min_max(e, i.sf, Op2::Umin, Op1::Uxtw, i.rn, i.imm8.into(), i.rd)
}

/// The value of a logical immediate; the row's guard has refused the reserved ones.
fn bit_mask<E: Engine>(e: &mut E, n: u32, immr: u32, imms: u32) -> E::W {
    e.imm(a64::bit_mask(n, immr, imms).unwrap_or(0))
}

/// AND (immediate)
pub fn and_imm<E: Engine>(e: &mut E, i: AndImm) -> Done {
    let (a, b) = (e.x(Gpr(i.rn)), bit_mask(e, i.n, i.immr, i.imms));
    let r = e.op2(Op2::And, a, b);
    set_x_or_sp(e, Width::of(i.sf), i.rd, r);
    Ok(())
}

/// ORR (immediate)
pub fn orr_imm<E: Engine>(e: &mut E, i: OrrImm) -> Done {
    let (a, b) = (e.x(Gpr(i.rn)), bit_mask(e, i.n, i.immr, i.imms));
    let r = e.op2(Op2::Or, a, b);
    set_x_or_sp(e, Width::of(i.sf), i.rd, r);
    Ok(())
}

/// EOR (immediate)
pub fn eor_imm<E: Engine>(e: &mut E, i: EorImm) -> Done {
    let (a, b) = (e.x(Gpr(i.rn)), bit_mask(e, i.n, i.immr, i.imms));
    let r = e.op2(Op2::Xor, a, b);
    set_x_or_sp(e, Width::of(i.sf), i.rd, r);
    Ok(())
}

/// ANDS (immediate), TST
pub fn ands_imm<E: Engine>(e: &mut E, i: AndsImm) -> Done {
    let (a, b) = (e.x(Gpr(i.rn)), bit_mask(e, i.n, i.immr, i.imms));
    let r = e.flag_op(FlagOp::And, Width::of(i.sf), a, b);
    e.set_x(Gpr(i.rd), r);
    Ok(())
}

/// MOVN
pub fn movn<E: Engine>(e: &mut E, i: Movn) -> Done {
    let v = !(u64::from(i.imm16) << (16 * i.hw));
    let v = e.imm(if i.sf == 0 { v as u32 as u64 } else { v });
    e.set_x(Gpr(i.rd), v);
    Ok(())
}

/// MOVZ
pub fn movz<E: Engine>(e: &mut E, i: Movz) -> Done {
    let v = e.imm(u64::from(i.imm16) << (16 * i.hw));
    e.set_x(Gpr(i.rd), v);
    Ok(())
}

/// MOVK
pub fn movk<E: Engine>(e: &mut E, i: Movk) -> Done {
    let (old, hole, new) = (e.x(Gpr(i.rd)), e.imm(0xffff << (16 * i.hw)), e.imm(u64::from(i.imm16) << (16 * i.hw)));
    let kept = e.op2(Op2::Bic, old, hole);
    let v = e.op2(Op2::Or, kept, new);
    let v = cut(e, Width::of(i.sf), v);
    e.set_x(Gpr(i.rd), v);
    Ok(())
}

/// The field of a bitfield move at its place in the destination, extended by `right` (LSR or ASR) above,
/// zeros below: its top bit goes up to bit 63, then down to where it belongs.
fn place<E: Engine>(e: &mut E, width: Width, rn: u32, immr: u32, imms: u32, right: Op2) -> E::W {
    let up = 63 - imms;
    let down = if imms >= immr { up + immr } else { up + immr - width.bits() };
    let (source, up, down) = (e.x(Gpr(rn)), e.imm(up.into()), e.imm(down.into()));
    let top = e.op2(Op2::Lsl, source, up);
    e.op2(right, top, down)
}

/// SBFM: ASR, SBFIZ, SBFX, SXTB, SXTH, SXTW
pub fn sbfm<E: Engine>(e: &mut E, i: Sbfm) -> Done {
    let width = Width::of(i.sf);
    let v = place(e, width, i.rn, i.immr, i.imms, Op2::Asr);
    let v = cut(e, width, v);
    e.set_x(Gpr(i.rd), v);
    Ok(())
}

/// UBFM: LSL, LSR, UBFIZ, UBFX, UXTB, UXTH
pub fn ubfm<E: Engine>(e: &mut E, i: Ubfm) -> Done {
    let v = place(e, Width::of(i.sf), i.rn, i.immr, i.imms, Op2::Lsr);
    e.set_x(Gpr(i.rd), v);
    Ok(())
}

/// BFM: BFC, BFI, BFXIL
pub fn bfm<E: Engine>(e: &mut E, i: Bfm) -> Done {
    let width = Width::of(i.sf);
    let (bits, lsb) = if i.imms >= i.immr { (i.imms - i.immr + 1, 0) } else { (i.imms + 1, width.bits() - i.immr) };
    let field = place(e, width, i.rn, i.immr, i.imms, Op2::Lsr);
    let (old, hole) = (e.x(Gpr(i.rd)), e.imm(u64::MAX >> (64 - bits) << lsb));
    let kept = e.op2(Op2::Bic, old, hole);
    let v = e.op2(Op2::Or, kept, field);
    let v = cut(e, width, v);
    e.set_x(Gpr(i.rd), v);
    Ok(())
}

/// EXTR, ROR (immediate): the bits of Rn:Rm from `imms` up
pub fn extr<E: Engine>(e: &mut E, i: Extr) -> Done {
    let width = Width::of(i.sf);
    let low = e.x(Gpr(i.rm));
    let low = cut(e, width, low);
    let v = if i.imms == 0 {
        low
    } else {
        let (high, right, left) = (e.x(Gpr(i.rn)), e.imm(i.imms.into()), e.imm((width.bits() - i.imms).into()));
        let (high, low) = (e.op2(Op2::Lsl, high, left), e.op2(Op2::Lsr, low, right));
        let both = e.op2(Op2::Or, high, low);
        cut(e, width, both)
    };
    e.set_x(Gpr(i.rd), v);
    Ok(())
}
