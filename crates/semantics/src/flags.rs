//! Condition flags and conditions (ARM DDI 0487, C1.2.4 "Condition code", `ConditionHolds`).

/// Operand width of an integer instruction.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Width {
    /// 32 bits; results are zero-extended.
    W,
    /// 64 bits.
    X,
}

impl Width {
    /// From an `sf` field.
    #[inline(always)]
    pub const fn of(sf: u32) -> Width {
        if sf == 0 { Width::W } else { Width::X }
    }

    /// 32 or 64.
    #[inline(always)]
    pub const fn bits(self) -> u32 {
        match self {
            Width::W => 32,
            Width::X => 64,
        }
    }
}

/// A condition: the `cond` field of B.cond, CSEL, CCMP.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Cond(pub u32);

/// For each condition, bit `nzcv` says whether it holds under those flags.
const HOLDS: [u16; 16] = {
    let mut table = [0u16; 16];
    let mut cond = 0;
    while cond < 16 {
        let mut nzcv = 0;
        while nzcv < 16 {
            let (n, z, c, v) = (nzcv & 8 != 0, nzcv & 4 != 0, nzcv & 2 != 0, nzcv & 1 != 0);
            let base = match cond >> 1 {
                0 => z,
                1 => c,
                2 => n,
                3 => v,
                4 => c && !z,
                5 => n == v,
                6 => n == v && !z,
                _ => true,
            };
            let invert = cond & 1 == 1 && cond != 15;
            if base != invert {
                table[cond] |= 1 << nzcv;
            }
            nzcv += 1;
        }
        cond += 1;
    }
    table
};

impl Cond {
    /// Does the condition hold under `nzcv` (N in bit 3, V in bit 0)?
    #[inline(always)]
    pub const fn holds(self, nzcv: u32) -> bool {
        HOLDS[self.0 as usize & 15] >> (nzcv & 15) & 1 != 0
    }
}

/// A micro-op with a result and new flags.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum FlagOp {
    /// `a + b`.
    Add,
    /// `a - b`.
    Sub,
    /// `a + b + C`.
    Adc,
    /// `a - b - !C`.
    Sbc,
    /// `a & b`, C and V cleared.
    And,
    /// `a & !b`, C and V cleared.
    Bic,
    /// SETF8: N and Z of the low 8 bits of `a`, V if the bit above differs from N; C stays.
    Setf8,
    /// SETF16: the same of 16 bits.
    Setf16,
}

impl FlagOp {
    /// Result (zero-extended) and NZCV. `carry` is the C flag before.
    #[inline(always)]
    pub const fn eval(self, width: Width, a: u64, b: u64, carry: bool) -> (u64, u32) {
        match self {
            FlagOp::Add => add_with_carry(width, a, b, false),
            FlagOp::Sub => add_with_carry(width, a, !b, true),
            FlagOp::Adc => add_with_carry(width, a, b, carry),
            FlagOp::Sbc => add_with_carry(width, a, !b, carry),
            FlagOp::And => logic(width, a & b),
            FlagOp::Bic => logic(width, a & !b),
            FlagOp::Setf8 => set_flags(a, 8, carry),
            FlagOp::Setf16 => set_flags(a, 16, carry),
        }
    }
}

/// `AddWithCarry` of the manual's pseudocode.
#[inline(always)]
const fn add_with_carry(width: Width, a: u64, b: u64, carry: bool) -> (u64, u32) {
    match width {
        Width::X => {
            let (sum, c1) = a.overflowing_add(b);
            let (sum, c2) = sum.overflowing_add(carry as u64);
            let v = (a ^ sum) & (b ^ sum);
            (sum, nz(sum >> 63 != 0, sum == 0) | ((c1 | c2) as u32) << 1 | (v >> 63) as u32)
        }
        Width::W => {
            let wide = (a as u32 as u64) + (b as u32 as u64) + carry as u64;
            let sum = wide as u32;
            let v = (a as u32 ^ sum) & (b as u32 ^ sum);
            (sum as u64, nz(sum >> 31 != 0, sum == 0) | ((wide >> 32) as u32) << 1 | v >> 31)
        }
    }
}

#[inline(always)]
const fn logic(width: Width, r: u64) -> (u64, u32) {
    match width {
        Width::X => (r, nz(r >> 63 != 0, r == 0)),
        Width::W => (r as u32 as u64, nz(r as u32 >> 31 != 0, r as u32 == 0)),
    }
}

/// SETF8, SETF16. The result is not used.
const fn set_flags(a: u64, bits: u32, carry: bool) -> (u64, u32) {
    let low = a & ((1 << bits) - 1);
    let v = (a >> bits ^ a >> (bits - 1)) as u32 & 1;
    (low, nz(low >> (bits - 1) != 0, low == 0) | (carry as u32) << 1 | v)
}

#[inline(always)]
const fn nz(n: bool, z: bool) -> u32 {
    (n as u32) << 3 | (z as u32) << 2
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(op: FlagOp, width: Width, a: u64, b: u64, carry: bool, result: u64, nzcv: u32) {
        assert_eq!(op.eval(width, a, b, carry), (result, nzcv));
    }

    #[test]
    fn flags_follow_add_with_carry() {
        use {FlagOp::*, Width::*};
        check(Add, X, u64::MAX, 1, false, 0, 0b0110);
        check(Add, W, 0x7fff_ffff, 1, false, 0x8000_0000, 0b1001);
        check(Sub, X, 0, 1, false, u64::MAX, 0b1000);
        check(Sub, X, 5, 5, false, 0, 0b0110);
        check(Sbc, W, 5, 4, false, 0, 0b0110);
        check(Adc, X, u64::MAX, 0, true, 0, 0b0110);
        check(Adc, X, u64::MAX, u64::MAX, true, u64::MAX, 0b1010);
        check(And, W, 0xffff_ffff_8000_0000, u64::MAX, true, 0x8000_0000, 0b1000);
        check(Bic, X, 3, 3, true, 0, 0b0100);
        check(Setf8, W, 0x1_80, 0, true, 0x80, 0b1010);
        check(Setf8, W, 0x80, 0, false, 0x80, 0b1001);
        check(Setf8, W, 0xff00, 0, true, 0, 0b0110 | 1);
        check(Setf16, W, 0x1_0000, 0, false, 0, 0b0101);
        check(Setf16, W, 0x1_ffff, 0, true, 0xffff, 0b1010);
    }

    #[test]
    fn conditions_match_the_manual() {
        for nzcv in 0..16 {
            let (n, z, c, v) = (nzcv & 8 != 0, nzcv & 4 != 0, nzcv & 2 != 0, nzcv & 1 != 0);
            let manual =
                [z, !z, c, !c, n, !n, v, !v, c && !z, !c || z, n == v, n != v, !z && n == v, z || n != v, true, true];
            (0..16).for_each(|cond| assert_eq!(Cond(cond).holds(nzcv), manual[cond as usize], "{cond} {nzcv:04b}"));
        }
    }
}
