//! Data processing -- register: one, two and three sources that are not sums or logic.

use super::{set, shift_by};
use crate::dpimm::cut;
use crate::{Done, Engine, Gpr, Op1, Op2, Width};
use a64::*;

/// UDIV
pub fn udiv<E: Engine>(e: &mut E, i: Udiv) -> Done {
    let width = Width::of(i.sf);
    let (a, b) = (e.x(Gpr(i.rn)), e.x(Gpr(i.rm)));
    let (a, b) = (cut(e, width, a), cut(e, width, b));
    let r = e.op2(Op2::Udiv, a, b);
    set(e, width, i.rd, r)
}

/// SDIV
pub fn sdiv<E: Engine>(e: &mut E, i: Sdiv) -> Done {
    let op = if i.sf == 0 { Op2::Sdiv32 } else { Op2::Sdiv };
    let (a, b) = (e.x(Gpr(i.rn)), e.x(Gpr(i.rm)));
    let r = e.op2(op, a, b);
    e.set_x(Gpr(i.rd), r);
    Ok(())
}

/// LSLV and its kin: the amount is Rm modulo the width.
fn variable<E: Engine>(e: &mut E, sf: u32, rm: u32, rn: u32, rd: u32, shift: u32) -> Done {
    let width = Width::of(sf);
    let (v, by, modulo) = (e.x(Gpr(rn)), e.x(Gpr(rm)), e.imm((width.bits() - 1).into()));
    let by = e.op2(Op2::And, by, modulo);
    let r = shift_by(e, width, v, shift, by);
    set(e, width, rd, r)
}

/// LSL (register)
pub fn lslv<E: Engine>(e: &mut E, i: Lslv) -> Done {
    variable(e, i.sf, i.rm, i.rn, i.rd, 0)
}

/// LSR (register)
pub fn lsrv<E: Engine>(e: &mut E, i: Lsrv) -> Done {
    variable(e, i.sf, i.rm, i.rn, i.rd, 1)
}

/// ASR (register)
pub fn asrv<E: Engine>(e: &mut E, i: Asrv) -> Done {
    variable(e, i.sf, i.rm, i.rn, i.rd, 2)
}

/// ROR (register)
pub fn rorv<E: Engine>(e: &mut E, i: Rorv) -> Done {
    variable(e, i.sf, i.rm, i.rn, i.rd, 3)
}

/// CRC32B, CRC32H, CRC32W, CRC32X
pub fn crc32<E: Engine>(e: &mut E, i: Crc32) -> Done {
    let op = [Op2::Crc32b, Op2::Crc32h, Op2::Crc32w, Op2::Crc32x][i.sz as usize];
    let (a, b) = (e.x(Gpr(i.rn)), e.x(Gpr(i.rm)));
    let r = e.op2(op, a, b);
    e.set_x(Gpr(i.rd), r);
    Ok(())
}

/// CRC32CB, CRC32CH, CRC32CW, CRC32CX
pub fn crc32c<E: Engine>(e: &mut E, i: Crc32c) -> Done {
    let op = [Op2::Crc32cb, Op2::Crc32ch, Op2::Crc32cw, Op2::Crc32cx][i.sz as usize];
    let (a, b) = (e.x(Gpr(i.rn)), e.x(Gpr(i.rm)));
    let r = e.op2(op, a, b);
    e.set_x(Gpr(i.rd), r);
    Ok(())
}

/// One source: `narrow` or `wide` by `sf`, then the width's cut.
fn unary<E: Engine>(e: &mut E, sf: u32, rn: u32, rd: u32, narrow: Op1, wide: Op1) -> Done {
    let v = e.x(Gpr(rn));
    let r = e.op1(if sf == 0 { narrow } else { wide }, v);
    set(e, Width::of(sf), rd, r)
}

/// RBIT
pub fn rbit<E: Engine>(e: &mut E, i: Rbit) -> Done {
    unary(e, i.sf, i.rn, i.rd, Op1::Rbit32, Op1::Rbit)
}

/// REV16
pub fn rev16<E: Engine>(e: &mut E, i: Rev16) -> Done {
    unary(e, i.sf, i.rn, i.rd, Op1::Rev16, Op1::Rev16)
}

/// REV32, and REV of a W register
pub fn rev32<E: Engine>(e: &mut E, i: Rev32) -> Done {
    unary(e, i.sf, i.rn, i.rd, Op1::Rev32, Op1::Rev32)
}

/// REV of an X register
pub fn rev64<E: Engine>(e: &mut E, i: Rev64) -> Done {
    unary(e, 1, i.rn, i.rd, Op1::Rev64, Op1::Rev64)
}

/// CLZ
pub fn clz<E: Engine>(e: &mut E, i: Clz) -> Done {
    unary(e, i.sf, i.rn, i.rd, Op1::Clz32, Op1::Clz)
}

/// CLS
pub fn cls<E: Engine>(e: &mut E, i: Cls) -> Done {
    unary(e, i.sf, i.rn, i.rd, Op1::Cls32, Op1::Cls)
}

/// CTZ
pub fn ctz<E: Engine>(e: &mut E, i: Ctz) -> Done {
    let v = e.x(Gpr(i.rn));
    let v = e.op1(if i.sf == 0 { Op1::Rbit32 } else { Op1::Rbit }, v);
    let r = e.op1(if i.sf == 0 { Op1::Clz32 } else { Op1::Clz }, v);
    e.set_x(Gpr(i.rd), r);
    Ok(())
}

/// CNT
pub fn cnt<E: Engine>(e: &mut E, i: Cnt) -> Done {
    let v = e.x(Gpr(i.rn));
    let v = cut(e, Width::of(i.sf), v);
    let r = e.op1(Op1::Cnt, v);
    e.set_x(Gpr(i.rd), r);
    Ok(())
}

/// ABS. The least number is its own.
pub fn abs<E: Engine>(e: &mut E, i: Abs) -> Done {
    let (zero, v) = (e.imm(0), e.x(Gpr(i.rn)));
    let (is_negative, negated) = (e.bit(v, Width::of(i.sf).bits() - 1), e.op2(Op2::Sub, zero, v));
    let r = e.select(is_negative, negated, v);
    set(e, Width::of(i.sf), i.rd, r)
}

/// Xd = `op` of Xn and Xm, extended from 32 bits first if that is the width.
fn min_max<E: Engine>(e: &mut E, sf: u32, op: Op2, extend: Op1, rn: u32, rm: u32, rd: u32) -> Done {
    let (a, b) = (e.x(Gpr(rn)), e.x(Gpr(rm)));
    let (a, b) = if sf == 0 { (e.op1(extend, a), e.op1(extend, b)) } else { (a, b) };
    let r = e.op2(op, a, b);
    set(e, Width::of(sf), rd, r)
}

/// SMAX (register)
pub fn smax<E: Engine>(e: &mut E, i: Smax) -> Done {
    min_max(e, i.sf, Op2::Smax, Op1::Sxtw, i.rn, i.rm, i.rd)
}

/// SMIN (register)
pub fn smin<E: Engine>(e: &mut E, i: Smin) -> Done {
    min_max(e, i.sf, Op2::Smin, Op1::Sxtw, i.rn, i.rm, i.rd)
}

/// UMAX (register)
pub fn umax<E: Engine>(e: &mut E, i: Umax) -> Done {
    min_max(e, i.sf, Op2::Umax, Op1::Uxtw, i.rn, i.rm, i.rd)
}

/// UMIN (register)
pub fn umin<E: Engine>(e: &mut E, i: Umin) -> Done {
    min_max(e, i.sf, Op2::Umin, Op1::Uxtw, i.rn, i.rm, i.rd)
}

/// MADD, MUL
pub fn madd<E: Engine>(e: &mut E, i: Madd) -> Done {
    let (a, b, c) = (e.x(Gpr(i.rn)), e.x(Gpr(i.rm)), e.x(Gpr(i.ra)));
    let product = e.op2(Op2::Mul, a, b);
    let r = e.op2(Op2::Add, c, product);
    set(e, Width::of(i.sf), i.rd, r)
}

/// MSUB, MNEG
pub fn msub<E: Engine>(e: &mut E, i: Msub) -> Done {
    let (a, b, c) = (e.x(Gpr(i.rn)), e.x(Gpr(i.rm)), e.x(Gpr(i.ra)));
    let product = e.op2(Op2::Mul, a, b);
    let r = e.op2(Op2::Sub, c, product);
    set(e, Width::of(i.sf), i.rd, r)
}

/// Xa plus or minus (`op`) the product of Wn and Wm, both extended to 64 bits.
fn long<E: Engine>(e: &mut E, extend: Op1, op: Op2, rn: u32, rm: u32, ra: u32, rd: u32) -> Done {
    let (a, b, c) = (e.x(Gpr(rn)), e.x(Gpr(rm)), e.x(Gpr(ra)));
    let (a, b) = (e.op1(extend, a), e.op1(extend, b));
    let product = e.op2(Op2::Mul, a, b);
    let r = e.op2(op, c, product);
    e.set_x(Gpr(rd), r);
    Ok(())
}

/// SMADDL, SMULL
pub fn smaddl<E: Engine>(e: &mut E, i: Smaddl) -> Done {
    long(e, Op1::Sxtw, Op2::Add, i.rn, i.rm, i.ra, i.rd)
}

/// SMSUBL, SMNEGL
pub fn smsubl<E: Engine>(e: &mut E, i: Smsubl) -> Done {
    long(e, Op1::Sxtw, Op2::Sub, i.rn, i.rm, i.ra, i.rd)
}

/// UMADDL, UMULL
pub fn umaddl<E: Engine>(e: &mut E, i: Umaddl) -> Done {
    long(e, Op1::Uxtw, Op2::Add, i.rn, i.rm, i.ra, i.rd)
}

/// UMSUBL, UMNEGL
pub fn umsubl<E: Engine>(e: &mut E, i: Umsubl) -> Done {
    long(e, Op1::Uxtw, Op2::Sub, i.rn, i.rm, i.ra, i.rd)
}

/// SMULH
pub fn smulh<E: Engine>(e: &mut E, i: Smulh) -> Done {
    let (a, b) = (e.x(Gpr(i.rn)), e.x(Gpr(i.rm)));
    let r = e.op2(Op2::Smulh, a, b);
    e.set_x(Gpr(i.rd), r);
    Ok(())
}

/// UMULH
pub fn umulh<E: Engine>(e: &mut E, i: Umulh) -> Done {
    let (a, b) = (e.x(Gpr(i.rn)), e.x(Gpr(i.rm)));
    let r = e.op2(Op2::Umulh, a, b);
    e.set_x(Gpr(i.rd), r);
    Ok(())
}
