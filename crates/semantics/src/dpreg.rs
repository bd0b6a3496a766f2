//! Data processing -- register.

mod arith;
pub use arith::*;

use crate::dpimm::{cut, set_x_or_sp, x_or_sp};
use crate::{Cond, Done, Engine, FlagOp, Gpr, Op1, Op2, Width};
use a64::*;

/// `ShiftReg` of the manual: Xm shifted by a constant. The upper half of a 32-bit result is not meaningful.
fn shifted<E: Engine>(e: &mut E, width: Width, rm: u32, shift: u32, amount: u32) -> E::W {
    let v = e.x(Gpr(rm));
    if amount == 0 {
        return v;
    }
    let by = e.imm(amount.into());
    shift_by(e, width, v, shift, by)
}

/// `v` shifted LSL, LSR, ASR, ROR (0 to 3) by `by`, which is below the width.
fn shift_by<E: Engine>(e: &mut E, width: Width, v: E::W, shift: u32, by: E::W) -> E::W {
    match (shift, width) {
        (0, _) => e.op2(Op2::Lsl, v, by),
        (1, _) => {
            let v = cut(e, width, v);
            e.op2(Op2::Lsr, v, by)
        }
        (2, Width::X) => e.op2(Op2::Asr, v, by),
        (2, Width::W) => {
            let v = e.op1(Op1::Sxtw, v);
            e.op2(Op2::Asr, v, by)
        }
        (_, Width::X) => e.op2(Op2::Ror, v, by),
        (_, Width::W) => e.op2(Op2::Ror32, v, by),
    }
}

/// `ExtendReg` of the manual: Xm extended as `option` says, then shifted left.
pub(crate) fn extended<E: Engine>(e: &mut E, rm: u32, option: u32, shift: u32) -> E::W {
    let v = e.x(Gpr(rm));
    let v = match option {
        0 => e.op1(Op1::Uxtb, v),
        1 => e.op1(Op1::Uxth, v),
        2 => e.op1(Op1::Uxtw, v),
        4 => e.op1(Op1::Sxtb, v),
        5 => e.op1(Op1::Sxth, v),
        6 => e.op1(Op1::Sxtw, v),
        _ => v, // UXTX, SXTX
    };
    if shift == 0 {
        return v;
    }
    let by = e.imm(shift.into());
    e.op2(Op2::Lsl, v, by)
}

/// Writes Xd; a 32-bit result is zero-extended.
fn set<E: Engine>(e: &mut E, width: Width, rd: u32, v: E::W) -> Done {
    let v = cut(e, width, v);
    e.set_x(Gpr(rd), v);
    Ok(())
}

/// AND (shifted register)
pub fn and_reg<E: Engine>(e: &mut E, i: AndReg) -> Done {
    let width = Width::of(i.sf);
    let (a, b) = (e.x(Gpr(i.rn)), shifted(e, width, i.rm, i.shift, i.imm6));
    let r = e.op2(Op2::And, a, b);
    set(e, width, i.rd, r)
}

/// BIC (shifted register)
pub fn bic_reg<E: Engine>(e: &mut E, i: BicReg) -> Done {
    let width = Width::of(i.sf);
    let (a, b) = (e.x(Gpr(i.rn)), shifted(e, width, i.rm, i.shift, i.imm6));
    let r = e.op2(Op2::Bic, a, b);
    set(e, width, i.rd, r)
}

/// ORR (shifted register), MOV
pub fn orr_reg<E: Engine>(e: &mut E, i: OrrReg) -> Done {
    let width = Width::of(i.sf);
    let (a, b) = (e.x(Gpr(i.rn)), shifted(e, width, i.rm, i.shift, i.imm6));
    let r = e.op2(Op2::Or, a, b);
    set(e, width, i.rd, r)
}

/// ORN (shifted register), MVN
pub fn orn_reg<E: Engine>(e: &mut E, i: OrnReg) -> Done {
    let width = Width::of(i.sf);
    let (a, b) = (e.x(Gpr(i.rn)), shifted(e, width, i.rm, i.shift, i.imm6));
    let b = e.op1(Op1::Not, b);
    let r = e.op2(Op2::Or, a, b);
    set(e, width, i.rd, r)
}

/// EOR (shifted register)
pub fn eor_reg<E: Engine>(e: &mut E, i: EorReg) -> Done {
    let width = Width::of(i.sf);
    let (a, b) = (e.x(Gpr(i.rn)), shifted(e, width, i.rm, i.shift, i.imm6));
    let r = e.op2(Op2::Xor, a, b);
    set(e, width, i.rd, r)
}

/// EON (shifted register)
pub fn eon_reg<E: Engine>(e: &mut E, i: EonReg) -> Done {
    let width = Width::of(i.sf);
    let (a, b) = (e.x(Gpr(i.rn)), shifted(e, width, i.rm, i.shift, i.imm6));
    let b = e.op1(Op1::Not, b);
    let r = e.op2(Op2::Xor, a, b);
    set(e, width, i.rd, r)
}

/// ANDS (shifted register), TST
pub fn ands_reg<E: Engine>(e: &mut E, i: AndsReg) -> Done {
    let width = Width::of(i.sf);
    let (a, b) = (e.x(Gpr(i.rn)), shifted(e, width, i.rm, i.shift, i.imm6));
    let r = e.flag_op(FlagOp::And, width, a, b);
    e.set_x(Gpr(i.rd), r);
    Ok(())
}

/// BICS (shifted register)
pub fn bics_reg<E: Engine>(e: &mut E, i: BicsReg) -> Done {
    let width = Width::of(i.sf);
    let (a, b) = (e.x(Gpr(i.rn)), shifted(e, width, i.rm, i.shift, i.imm6));
    let r = e.flag_op(FlagOp::Bic, width, a, b);
    e.set_x(Gpr(i.rd), r);
    Ok(())
}

/// ADDS (shifted register), CMN
pub fn adds_reg<E: Engine>(e: &mut E, i: AddsReg) -> Done {
    let width = Width::of(i.sf);
    let (a, b) = (e.x(Gpr(i.rn)), shifted(e, width, i.rm, i.shift, i.imm6));
    let r = e.flag_op(FlagOp::Add, width, a, b);
    e.set_x(Gpr(i.rd), r);
    Ok(())
}

/// SUBS (shifted register), CMP, NEGS
pub fn subs_reg<E: Engine>(e: &mut E, i: SubsReg) -> Done {
    let width = Width::of(i.sf);
    let (a, b) = (e.x(Gpr(i.rn)), shifted(e, width, i.rm, i.shift, i.imm6));
    let r = e.flag_op(FlagOp::Sub, width, a, b);
    e.set_x(Gpr(i.rd), r);
    Ok(())
}

/// ADD (shifted register)
pub fn add_reg<E: Engine>(e: &mut E, i: AddReg) -> Done {
    let width = Width::of(i.sf);
    let (a, b) = (e.x(Gpr(i.rn)), shifted(e, width, i.rm, i.shift, i.imm6));
    let r = e.op2(Op2::Add, a, b);
    set(e, width, i.rd, r)
}

/// SUB (shifted register), NEG
pub fn sub_reg<E: Engine>(e: &mut E, i: SubReg) -> Done {
    let width = Width::of(i.sf);
    let (a, b) = (e.x(Gpr(i.rn)), shifted(e, width, i.rm, i.shift, i.imm6));
    let r = e.op2(Op2::Sub, a, b);
    set(e, width, i.rd, r)
}

/// ADD (extended register)
pub fn add_ext<E: Engine>(e: &mut E, i: AddExt) -> Done {
    let (a, b) = (x_or_sp(e, i.rn), extended(e, i.rm, i.option, i.imm3));
    let r = e.op2(Op2::Add, a, b);
    set_x_or_sp(e, Width::of(i.sf), i.rd, r);
    Ok(())
}

/// SUB (extended register)
pub fn sub_ext<E: Engine>(e: &mut E, i: SubExt) -> Done {
    let (a, b) = (x_or_sp(e, i.rn), extended(e, i.rm, i.option, i.imm3));
    let r = e.op2(Op2::Sub, a, b);
    set_x_or_sp(e, Width::of(i.sf), i.rd, r);
    Ok(())
}

/// ADDS (extended register), CMN
pub fn adds_ext<E: Engine>(e: &mut E, i: AddsExt) -> Done {
    let (a, b) = (x_or_sp(e, i.rn), extended(e, i.rm, i.option, i.imm3));
    let r = e.flag_op(FlagOp::Add, Width::of(i.sf), a, b);
    e.set_x(Gpr(i.rd), r);
    Ok(())
}

/// SUBS (extended register), CMP
pub fn subs_ext<E: Engine>(e: &mut E, i: SubsExt) -> Done {
    let (a, b) = (x_or_sp(e, i.rn), extended(e, i.rm, i.option, i.imm3));
    let r = e.flag_op(FlagOp::Sub, Width::of(i.sf), a, b);
    e.set_x(Gpr(i.rd), r);
    Ok(())
}

/// ADC
pub fn adc<E: Engine>(e: &mut E, i: Adc) -> Done {
    let (a, b) = (e.x(Gpr(i.rn)), e.x(Gpr(i.rm)));
    let r = e.add_carry(a, b);
    set(e, Width::of(i.sf), i.rd, r)
}

/// SBC, NGC
pub fn sbc<E: Engine>(e: &mut E, i: Sbc) -> Done {
    let (a, b) = (e.x(Gpr(i.rn)), e.x(Gpr(i.rm)));
    let b = e.op1(Op1::Not, b);
    let r = e.add_carry(a, b);
    set(e, Width::of(i.sf), i.rd, r)
}

/// ADCS
pub fn adcs<E: Engine>(e: &mut E, i: Adcs) -> Done {
    let (a, b) = (e.x(Gpr(i.rn)), e.x(Gpr(i.rm)));
    let r = e.flag_op(FlagOp::Adc, Width::of(i.sf), a, b);
    e.set_x(Gpr(i.rd), r);
    Ok(())
}

/// SBCS, NGCS
pub fn sbcs<E: Engine>(e: &mut E, i: Sbcs) -> Done {
    let (a, b) = (e.x(Gpr(i.rn)), e.x(Gpr(i.rm)));
    let r = e.flag_op(FlagOp::Sbc, Width::of(i.sf), a, b);
    e.set_x(Gpr(i.rd), r);
    Ok(())
}

/// RMIF: bits [3:0] of Xn turned right by `imm6` to N, Z, C, V, where `mask` says so
pub fn rmif<E: Engine>(e: &mut E, i: Rmif) -> Done {
    let (v, by, up) = (e.x(Gpr(i.rn)), e.imm(i.imm6.into()), e.imm(28));
    let (old, mask) = (e.nzcv(), e.imm(u64::from(i.mask) << 28));
    let turned = e.op2(Op2::Ror, v, by);
    let turned = e.op2(Op2::Lsl, turned, up);
    let (new, kept) = (e.op2(Op2::And, turned, mask), e.op2(Op2::Bic, old, mask));
    let nzcv = e.op2(Op2::Or, new, kept);
    e.set_nzcv(nzcv);
    Ok(())
}

/// SETF8, SETF16
pub fn setf<E: Engine>(e: &mut E, i: Setf) -> Done {
    let v = e.x(Gpr(i.rn));
    e.flag_op(if i.sz == 0 { FlagOp::Setf8 } else { FlagOp::Setf16 }, Width::W, v, v);
    Ok(())
}

/// CCMN (register)
pub fn ccmn_reg<E: Engine>(e: &mut E, i: CcmnReg) -> Done {
    let (a, b, holds) = (e.x(Gpr(i.rn)), e.x(Gpr(i.rm)), e.cond(Cond(i.cond)));
    e.flag_op_if(holds, FlagOp::Add, Width::of(i.sf), a, b, i.nzcv);
    Ok(())
}

/// CCMN (immediate)
pub fn ccmn_imm<E: Engine>(e: &mut E, i: CcmnImm) -> Done {
    let (a, b, holds) = (e.x(Gpr(i.rn)), e.imm(i.imm5.into()), e.cond(Cond(i.cond)));
    e.flag_op_if(holds, FlagOp::Add, Width::of(i.sf), a, b, i.nzcv);
    Ok(())
}

/// CCMP (register)
pub fn ccmp_reg<E: Engine>(e: &mut E, i: CcmpReg) -> Done {
    let (a, b, holds) = (e.x(Gpr(i.rn)), e.x(Gpr(i.rm)), e.cond(Cond(i.cond)));
    e.flag_op_if(holds, FlagOp::Sub, Width::of(i.sf), a, b, i.nzcv);
    Ok(())
}

/// CCMP (immediate)
pub fn ccmp_imm<E: Engine>(e: &mut E, i: CcmpImm) -> Done {
    let (a, b, holds) = (e.x(Gpr(i.rn)), e.imm(i.imm5.into()), e.cond(Cond(i.cond)));
    e.flag_op_if(holds, FlagOp::Sub, Width::of(i.sf), a, b, i.nzcv);
    Ok(())
}

/// CSEL and its kin: Rn where the condition holds, else `otherwise`.
fn choose<E: Engine>(e: &mut E, sf: u32, cond: u32, rn: u32, otherwise: E::W, rd: u32) -> Done {
    let (holds, v) = (e.cond(Cond(cond)), e.x(Gpr(rn)));
    let r = e.select(holds, v, otherwise);
    set(e, Width::of(sf), rd, r)
}

/// CSEL
pub fn csel<E: Engine>(e: &mut E, i: Csel) -> Done {
    let otherwise = e.x(Gpr(i.rm));
    choose(e, i.sf, i.cond, i.rn, otherwise, i.rd)
}

/// CSINC, CINC, CSET
pub fn csinc<E: Engine>(e: &mut E, i: Csinc) -> Done {
    let (v, one) = (e.x(Gpr(i.rm)), e.imm(1));
    let otherwise = e.op2(Op2::Add, v, one);
    choose(e, i.sf, i.cond, i.rn, otherwise, i.rd)
}

/// CSINV, CINV, CSETM
pub fn csinv<E: Engine>(e: &mut E, i: Csinv) -> Done {
    let v = e.x(Gpr(i.rm));
    let otherwise = e.op1(Op1::Not, v);
    choose(e, i.sf, i.cond, i.rn, otherwise, i.rd)
}

/// CSNEG, CNEG
pub fn csneg<E: Engine>(e: &mut E, i: Csneg) -> Done {
    let (zero, v) = (e.imm(0), e.x(Gpr(i.rm)));
    let otherwise = e.op2(Op2::Sub, zero, v);
    choose(e, i.sf, i.cond, i.rn, otherwise, i.rd)
}
