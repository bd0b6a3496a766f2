//! Vectors of one expanded immediate: MOVI, MVNI, ORR, BIC, FMOV.

use super::Part;
use crate::vops::{Lane, VOp2};
use crate::{Done, Engine};
use a64::*;

/// `AdvSIMDExpandImm` of the manual, for the integer forms: 64 bits.
const fn expand(cmode: u32, imm8: u32) -> u64 {
    let imm = imm8 as u64;
    match cmode >> 1 {
        shift @ 0..=3 => words(imm << (8 * shift)),
        4 => Lane::H.splat(imm) as u64,
        5 => Lane::H.splat(imm << 8) as u64,
        6 if cmode & 1 == 0 => words(imm << 8 | 0xff),
        6 => words(imm << 16 | 0xffff),
        _ => Lane::B.splat(imm) as u64,
    }
}

const fn words(v: u64) -> u64 {
    Lane::S.splat(v) as u64
}

/// Each bit of the immediate as a byte: MOVI of 64 bits.
const fn bytes(imm8: u32) -> u64 {
    let (mut v, mut bit) = (0, 0);
    while bit < 8 {
        v |= ((imm8 >> bit & 1) as u64 * 0xff) << (8 * bit);
        bit += 1;
    }
    v
}

/// `VFPExpandImm`: sign, three bits of exponent, four of fraction, for `lane` H, S or D.
const fn float(lane: Lane, imm8: u32) -> u64 {
    let (exponent_bits, fraction_bits) = match lane {
        Lane::B | Lane::H => (5, 10),
        Lane::S => (8, 23),
        Lane::D => (11, 52),
    };
    let (sign, b, rest) = ((imm8 >> 7) as u64, imm8 >> 6 & 1, (imm8 & 0x3f) as u64);
    // The exponent is NOT(b), then b repeated, then two bits of the immediate.
    let exponent = if b == 0 { 1 << (exponent_bits - 3) } else { (1 << (exponent_bits - 3)) - 1 };
    sign << (lane.bits() - 1) | exponent << (fraction_bits + 2) | rest << (fraction_bits - 4)
}

fn write<E: Engine>(e: &mut E, q: u32, rd: u32, v: u64) -> Done {
    let v = e.vimm(Lane::D.splat(v));
    Part::vector(q).write(e, rd, v)
}

/// MOVI (8, 16, 32 bits, shifting ones)
pub fn movi_vec<E: Engine>(e: &mut E, i: MoviVec) -> Done {
    write(e, i.q, i.rd, expand(i.cmode, i.imm3 << 5 | i.imm5))
}

/// MVNI
pub fn mvni_vec<E: Engine>(e: &mut E, i: MvniVec) -> Done {
    write(e, i.q, i.rd, !expand(i.cmode, i.imm3 << 5 | i.imm5))
}

/// MOVI (64 bits)
pub fn movi_mask_vec<E: Engine>(e: &mut E, i: MoviMaskVec) -> Done {
    write(e, i.q, i.rd, bytes(i.imm3 << 5 | i.imm5))
}

/// FMOV (vector, immediate), half and single precision
pub fn fmov_imm_vec<E: Engine>(e: &mut E, i: FmovImmVec) -> Done {
    let lane = if i.half == 0 { Lane::S } else { Lane::H };
    write(e, i.q, i.rd, lane.splat(float(lane, i.imm3 << 5 | i.imm5)) as u64)
}

/// FMOV (vector, immediate), double precision
pub fn fmov_imm_vec64<E: Engine>(e: &mut E, i: FmovImmVec64) -> Done {
    write(e, 1, i.rd, float(Lane::D, i.imm3 << 5 | i.imm5))
}

#[inline(always)]
fn modify<E: Engine>(e: &mut E, q: u32, rd: u32, op: VOp2, v: u64) -> Done {
    let (d, imm) = (e.v(rd), e.vimm(Lane::D.splat(v)));
    let result = e.vop2(op, d, imm);
    Part::vector(q).write(e, rd, result)
}

/// ORR (vector, immediate)
pub fn orr_imm_vec<E: Engine>(e: &mut E, i: OrrImmVec) -> Done {
    modify(e, i.q, i.rd, VOp2::Or, expand(i.cmode, i.imm3 << 5 | i.imm5))
}

/// BIC (vector, immediate)
pub fn bic_imm_vec<E: Engine>(e: &mut E, i: BicImmVec) -> Done {
    modify(e, i.q, i.rd, VOp2::Bic, expand(i.cmode, i.imm3 << 5 | i.imm5))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(cmode: u32, imm8: u32, expected: u64) {
        assert_eq!(expand(cmode, imm8), expected, "cmode {cmode:04b}");
    }

    /// ARM DDI 0487, "Modified immediate constants in A64 Advanced SIMD instructions".
    #[test]
    fn integers_expand_by_cmode() {
        check(0b0000, 0xab, 0x0000_00ab_0000_00ab);
        check(0b0010, 0xab, 0x0000_ab00_0000_ab00);
        check(0b0100, 0xab, 0x00ab_0000_00ab_0000);
        check(0b0110, 0xab, 0xab00_0000_ab00_0000);
        check(0b0111, 0xab, 0xab00_0000_ab00_0000); // ORR and BIC set the lowest bit
        check(0b1000, 0xab, 0x00ab_00ab_00ab_00ab);
        check(0b1010, 0xab, 0xab00_ab00_ab00_ab00);
        check(0b1011, 0xab, 0xab00_ab00_ab00_ab00);
        check(0b1100, 0xab, 0x0000_abff_0000_abff);
        check(0b1101, 0xab, 0x00ab_ffff_00ab_ffff);
        check(0b1110, 0xab, 0xabab_abab_abab_abab);
    }

    #[test]
    fn bits_expand_to_bytes() {
        assert_eq!(bytes(0b1010_0101), 0xff00_ff00_00ff_00ff);
        assert_eq!(bytes(0), 0);
        assert_eq!(bytes(0xff), u64::MAX);
    }

    #[track_caller]
    fn check_float(imm8: u32, half: u64, value: f32) {
        assert_eq!(float(Lane::H, imm8), half, "{value}");
        assert_eq!(float(Lane::S, imm8), u64::from(value.to_bits()), "{value}");
        assert_eq!(float(Lane::D, imm8), f64::from(value).to_bits(), "{value}");
    }

    #[test]
    fn floats_expand() {
        check_float(0x00, 0x4000, 2.0);
        check_float(0x70, 0x3c00, 1.0);
        check_float(0xf0, 0xbc00, -1.0);
        check_float(0x3f, 0x4fc0, 31.0);
        check_float(0x40, 0x3000, 0.125);
        check_float(0x7f, 0x3fc0, 1.9375);
        check_float(0x8a, 0xc280, -3.25);
    }
}
