//! FMOV and FCSEL: bits move, nothing is computed.

use super::esize;
use crate::{Cond, Done, Engine, Gpr, Op1};
use a64::*;

/// FMOV (register)
pub fn fmov<E: Engine>(e: &mut E, i: Fmov) -> Done {
    let n = low(e, i.rn, i.ftype);
    write(e, i.rd, n)
}

/// FMOV (scalar, immediate)
pub fn fmov_imm<E: Engine>(e: &mut E, i: FmovImm) -> Done {
    let v = e.vimm(expand_imm8(i.ftype, i.imm8).into());
    e.set_v(i.rd, v);
    Ok(())
}

/// FMOV (general): to Wd or Xd
pub fn fmov_to_gpr<E: Engine>(e: &mut E, i: FmovToGpr) -> Done {
    let n = low(e, i.rn, i.ftype);
    e.set_x(Gpr(i.rd), n);
    Ok(())
}

/// FMOV (general): from Wn or Xn
pub fn fmov_from_gpr<E: Engine>(e: &mut E, i: FmovFromGpr) -> Done {
    let n = e.x(Gpr(i.rn));
    let n = match esize(i.ftype) {
        1 => e.op1(Op1::Uxth, n),
        2 => e.op1(Op1::Uxtw, n),
        _ => n,
    };
    write(e, i.rd, n)
}

/// FMOV (general): Xd from Vn.D\[1\]
pub fn fmov_top_to_gpr<E: Engine>(e: &mut E, i: FmovTopToGpr) -> Done {
    let n = e.v(i.rn);
    let top = e.vget(n, 3, 1);
    e.set_x(Gpr(i.rd), top);
    Ok(())
}

/// FMOV (general): Vd.D\[1\] from Xn; the lower half stays
pub fn fmov_top_from_gpr<E: Engine>(e: &mut E, i: FmovTopFromGpr) -> Done {
    let (d, n) = (e.v(i.rd), e.x(Gpr(i.rn)));
    let d = e.vset(d, 3, 1, n);
    e.set_v(i.rd, d);
    Ok(())
}

/// FCSEL
pub fn fcsel<E: Engine>(e: &mut E, i: Fcsel) -> Done {
    let (n, m) = (low(e, i.rn, i.ftype), low(e, i.rm, i.ftype));
    let holds = e.cond(Cond(i.cond));
    let chosen = e.select(holds, n, m);
    write(e, i.rd, chosen)
}

/// The value in Hn, Sn or Dn, zero-extended.
fn low<E: Engine>(e: &mut E, r: u32, ftype: u32) -> E::W {
    let v = e.v(r);
    e.vget(v, esize(ftype), 0)
}

/// Writes Vd with `v` zero-extended.
fn write<E: Engine>(e: &mut E, r: u32, v: E::W) -> Done {
    let v = e.vfrom(v);
    e.set_v(r, v);
    Ok(())
}

/// VFPExpandImm: sign, a three-bit exponent, a four-bit fraction.
const fn expand_imm8(ftype: u32, imm8: u32) -> u64 {
    let (exp_bits, frac_bits) = match esize(ftype) {
        1 => (5, 10),
        2 => (8, 23),
        _ => (11, 52),
    };
    let (sign, b6, low6) = ((imm8 >> 7) as u64, (imm8 >> 6 & 1) as u64, (imm8 & 0x3f) as u64);
    // Exponent: NOT(b6), b6 repeated, then imm8<5:4>.
    let repeated = if b6 == 1 { (1 << (exp_bits - 3)) - 1 } else { 0 };
    let exp = (b6 ^ 1) << (exp_bits - 1) | repeated << 2 | low6 >> 4;
    sign << (exp_bits + frac_bits) | exp << frac_bits | (low6 & 15) << (frac_bits - 4)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(ftype: u32, imm8: u32, bits: u64) {
        assert_eq!(expand_imm8(ftype, imm8), bits, "{ftype} {imm8:#x}");
    }

    #[test]
    fn immediates_are_sixteenths_from_an_eighth_to_31() {
        for imm8 in 0..256u32 {
            // C2.2, "Modified immediate constants": (16 + defgh's low four) / 16 * 2^n, n from -3 to 4.
            let n = (imm8 >> 4 & 7) as i32;
            let n = if n >= 4 { n - 7 } else { n + 1 };
            let value = f64::from(16 + (imm8 & 15)) / 16.0 * 2f64.powi(n);
            let value = if imm8 & 0x80 != 0 { -value } else { value };
            check(0, imm8, (value as f32).to_bits().into());
            check(1, imm8, value.to_bits());
        }
        check(3, 0x70, 0x3c00);
        check(3, 0x00, 0x4000);
        check(3, 0xff, 0xbfc0);
    }
}
