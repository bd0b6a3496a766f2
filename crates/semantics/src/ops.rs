//! Integer micro-ops on 64-bit values, each with its one meaning.
//!
//! 32-bit instructions use the 64-bit op and cut the result (`Op1::Uxtw`) wherever that gives the same low
//! half; ops whose 32-bit form differs have one of their own.

/// One operand.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[allow(missing_docs)]
pub enum Op1 {
    Not,
    /// Zero-extend from 8, 16, 32 bits.
    Uxtb,
    Uxth,
    Uxtw,
    /// Sign-extend from 8, 16, 32 bits to 64.
    Sxtb,
    Sxth,
    Sxtw,
    /// Reverse bits of 64, or of the low 32 (zero-extended).
    Rbit,
    Rbit32,
    /// Reverse bytes in each 16-bit, 32-bit, or the 64-bit element.
    Rev16,
    Rev32,
    Rev64,
    /// Count leading zeros of 64, or of the low 32.
    Clz,
    Clz32,
    /// Count leading sign bits, the sign itself not counted.
    Cls,
    Cls32,
    /// Count ones.
    Cnt,
    /// The flags in bits [31:28], N first: C inverted; from the form of other architectures' comparisons and to it.
    Cfinv,
    Axflag,
    Xaflag,
}

/// Two operands.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[allow(missing_docs)]
pub enum Op2 {
    Add,
    Sub,
    And,
    Or,
    Xor,
    /// `a & !b`.
    Bic,
    /// Shifts by the low six bits of `b`.
    Lsl,
    Lsr,
    Asr,
    Ror,
    /// Rotate the low 32 by the low five bits of `b`; zero-extended.
    Ror32,
    Mul,
    /// High half of the 128-bit product.
    Umulh,
    Smulh,
    /// Division by zero gives zero; the one signed overflow wraps.
    Udiv,
    Sdiv,
    Sdiv32,
    /// Signed and unsigned maximum and minimum.
    Smax,
    Smin,
    Umax,
    Umin,
    /// CRC-32 (polynomial 0x04C11DB7) of `a` with the low 8, 16, 32, 64 bits of `b`.
    Crc32b,
    Crc32h,
    Crc32w,
    Crc32x,
    /// CRC-32C (polynomial 0x1EDC6F41).
    Crc32cb,
    Crc32ch,
    Crc32cw,
    Crc32cx,
}

/// NZCV in bits [31:28].
const N: u64 = 1 << 31;
const Z: u64 = 1 << 30;
const C: u64 = 1 << 29;
const V: u64 = 1 << 28;

impl Op1 {
    /// The value of the op.
    #[inline(always)]
    pub const fn eval(self, a: u64) -> u64 {
        match self {
            Op1::Not => !a,
            Op1::Uxtb => a as u8 as u64,
            Op1::Uxth => a as u16 as u64,
            Op1::Uxtw => a as u32 as u64,
            Op1::Sxtb => a as i8 as u64,
            Op1::Sxth => a as i16 as u64,
            Op1::Sxtw => a as i32 as u64,
            Op1::Rbit => a.reverse_bits(),
            Op1::Rbit32 => (a as u32).reverse_bits() as u64,
            Op1::Rev16 => (a & 0x00ff_00ff_00ff_00ff) << 8 | a >> 8 & 0x00ff_00ff_00ff_00ff,
            Op1::Rev32 => a.swap_bytes().rotate_left(32),
            Op1::Rev64 => a.swap_bytes(),
            Op1::Clz => a.leading_zeros() as u64,
            Op1::Clz32 => (a as u32).leading_zeros() as u64,
            Op1::Cls => ((a ^ (a as i64 >> 1) as u64).leading_zeros() - 1) as u64,
            Op1::Cls32 => ((a as u32 ^ (a as i32 >> 1) as u32).leading_zeros() - 1) as u64,
            Op1::Cnt => a.count_ones() as u64,
            Op1::Cfinv => a ^ C,
            // N = 0, Z = Z | V, C = C & !V, V = 0.
            Op1::Axflag => (a | (a & V) << 2) & Z | a & !(a << 1) & C,
            // N = !C & !Z, Z = Z & C, C = C | Z, V = !C & Z.
            Op1::Xaflag => (!a << 2 & !a << 1 & N) | (a & a << 1 & Z) | (a | a >> 1) & C | (!a >> 1 & a >> 2 & V),
        }
    }
}

impl Op2 {
    /// The value of the op.
    #[inline(always)]
    pub const fn eval(self, a: u64, b: u64) -> u64 {
        match self {
            Op2::Add => a.wrapping_add(b),
            Op2::Sub => a.wrapping_sub(b),
            Op2::And => a & b,
            Op2::Or => a | b,
            Op2::Xor => a ^ b,
            Op2::Bic => a & !b,
            Op2::Lsl => a << (b & 63),
            Op2::Lsr => a >> (b & 63),
            Op2::Asr => (a as i64 >> (b & 63)) as u64,
            Op2::Ror => a.rotate_right((b & 63) as u32),
            Op2::Ror32 => (a as u32).rotate_right((b & 31) as u32) as u64,
            Op2::Mul => a.wrapping_mul(b),
            Op2::Umulh => ((a as u128 * b as u128) >> 64) as u64,
            Op2::Smulh => ((a as i64 as i128 * b as i64 as i128) >> 64) as u64,
            Op2::Udiv => match a.checked_div(b) {
                Some(q) => q,
                None => 0,
            },
            Op2::Sdiv => match b {
                0 => 0,
                _ => (a as i64).wrapping_div(b as i64) as u64,
            },
            Op2::Sdiv32 => match b as u32 {
                0 => 0,
                _ => (a as i32).wrapping_div(b as i32) as u32 as u64,
            },
            Op2::Smax => {
                if a as i64 > b as i64 {
                    a
                } else {
                    b
                }
            }
            Op2::Smin => {
                if (a as i64) < b as i64 {
                    a
                } else {
                    b
                }
            }
            Op2::Umax => {
                if a > b {
                    a
                } else {
                    b
                }
            }
            Op2::Umin => {
                if a < b {
                    a
                } else {
                    b
                }
            }
            Op2::Crc32b => crc(0xedb8_8320, a, b, 8),
            Op2::Crc32h => crc(0xedb8_8320, a, b, 16),
            Op2::Crc32w => crc(0xedb8_8320, a, b, 32),
            Op2::Crc32x => crc(0xedb8_8320, a, b, 64),
            Op2::Crc32cb => crc(0x82f6_3b78, a, b, 8),
            Op2::Crc32ch => crc(0x82f6_3b78, a, b, 16),
            Op2::Crc32cw => crc(0x82f6_3b78, a, b, 32),
            Op2::Crc32cx => crc(0x82f6_3b78, a, b, 64),
        }
    }
}

/// Bit-serial CRC with the reflected polynomial, over the low `bits` of `data`.
const fn crc(poly: u32, acc: u64, data: u64, bits: u32) -> u64 {
    let mut crc = acc as u32;
    let mut bit = 0;
    while bit < bits {
        let feed = (crc ^ (data >> bit) as u32) & 1;
        crc = crc >> 1 ^ if feed != 0 { poly } else { 0 };
        bit += 1;
    }
    crc as u64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn crc_of_the_check_string() {
        let crc = |op: Op2| b"123456789".iter().fold(0xffff_ffff, |a, &b| op.eval(a, b.into())) ^ 0xffff_ffff;
        assert_eq!(crc(Op2::Crc32b), 0xcbf4_3926); // the "check" value of CRC-32/ISO-HDLC
        assert_eq!(crc(Op2::Crc32cb), 0xe306_9283); // and of CRC-32/ISCSI
    }

    /// The tables of ARM DDI 0487, "AXFLAG" and "XAFLAG", by the comparisons they translate; CFINV.
    #[test]
    fn flags_of_other_architectures() {
        let check = |op: Op1, before: u64, after: u64| {
            assert_eq!(op.eval(before << 28), after << 28, "{op:?} {before:04b}");
        };
        // Less, equal, greater, unordered, as FCMP leaves them and as they come out.
        for (arm, other) in [(0b1000, 0b0000), (0b0110, 0b0110), (0b0010, 0b0010), (0b0011, 0b0100)] {
            check(Op1::Axflag, arm, other);
        }
        for (other, arm) in [(0b0000, 0b1000), (0b0110, 0b0110), (0b0010, 0b0010), (0b0100, 0b0011)] {
            check(Op1::Xaflag, other, arm);
        }
        for nzcv in 0..16 {
            let (z, c, v) = (nzcv >> 2 & 1, nzcv >> 1 & 1, nzcv & 1);
            check(Op1::Axflag, nzcv, (z | v) << 2 | (c & (v ^ 1)) << 1);
            check(Op1::Xaflag, nzcv, ((c | z) ^ 1) << 3 | (z & c) << 2 | (c | z) << 1 | ((c ^ 1) & z));
            check(Op1::Cfinv, nzcv, nzcv ^ 2);
        }
    }

    #[test]
    fn corners() {
        assert_eq!(Op2::Sdiv.eval(i64::MIN as u64, u64::MAX), i64::MIN as u64);
        assert_eq!(Op2::Sdiv32.eval(0x8000_0000, 0xffff_ffff), 0x8000_0000);
        assert_eq!(Op2::Udiv.eval(7, 0), 0);
        assert_eq!(Op1::Cls.eval(0), 63);
        assert_eq!(Op1::Cls32.eval(0xffff_ffff), 31);
        assert_eq!(Op1::Rev16.eval(0x0102_0304_0506_0708), 0x0201_0403_0605_0807);
        assert_eq!(Op1::Rev32.eval(0x0102_0304_0506_0708), 0x0403_0201_0807_0605);
        assert_eq!(Op2::Smulh.eval(u64::MAX, 2), u64::MAX);
    }
}
