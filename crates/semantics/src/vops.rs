//! Integer vector micro-ops on 128-bit values, each with its one meaning.
//!
//! Ops work on all 128 bits and know nothing of the Q bit: an instruction of 64 bits or a scalar cuts its
//! result (`VOp1::Cut`), or its operands where lanes that do not exist could be seen (saturation, pairs).
//! All saturating ops leave zero lanes zero and unsaturated, so cut operands are enough for them.

#[macro_use]
mod lanes;
mod aes;
mod field;
mod permute;
mod saturate;
mod sha;
mod sha512;
mod shift;
mod sm3;
mod sm4;
#[cfg(test)]
mod tests;
mod widen;

pub use lanes::Lane;
use lanes::{Bytes, Element, Outcome};

ops! {
    /// One operand, pure.
    enum VOp1(a) -> u128;
    lanes by each {
        /// Absolute value; the least value stays.
        Abs signed |x| x.wrapping_abs();
        /// Count leading zeros.
        Clz unsigned |x| x.leading_zeros() as T;
        /// Count leading sign bits, the sign itself not counted.
        Cls signed |x| (x ^ (x >> 1)).leading_zeros() as T - 1;
    }
    vector {
        /// Bits set in each byte.
        Cnt = widen::cnt;
        /// Reverse the lanes (second) in each container (first).
        Rev(container: Lane, lane: Lane) = permute::rev;
        /// Shifts by an immediate, at most the width of the lane for shifts right.
        Shl(lane: Lane, n: u8) = shift::shl;
        Sshr(lane: Lane, n: u8) = shift::sshr;
        Ushr(lane: Lane, n: u8) = shift::ushr;
        /// The same, rounding half up; the shift is at least 1.
        Srshr(lane: Lane, n: u8) = shift::srshr;
        Urshr(lane: Lane, n: u8) = shift::urshr;
        /// Rotates right by an immediate.
        Ror(lane: Lane, n: u8) = shift::ror;
        /// The low half's lanes, extended to twice their width.
        Sxtl(lane: Lane) = widen::sxtl;
        Uxtl(lane: Lane) = widen::uxtl;
        /// Lanes of twice the width, cut to `lane`, in the low half; the high half zero.
        Xtn(lane: Lane) = widen::xtn;
        /// Sums of adjacent lanes, of twice the width.
        Saddlp(lane: Lane) = widen::saddlp;
        Uaddlp(lane: Lane) = widen::uaddlp;
        /// One lane from all lanes; the rest zero.
        Addv(lane: Lane) = widen::addv;
        Smaxv(lane: Lane) = widen::smaxv;
        Umaxv(lane: Lane) = widen::umaxv;
        Sminv(lane: Lane) = widen::sminv;
        Uminv(lane: Lane) = widen::uminv;
        /// ShiftRows then SubBytes (FIPS 197), and their inverses.
        AesSub = aes::sub;
        AesInvSub = aes::inv_sub;
        /// MixColumns and its inverse.
        AesMix = aes::mix;
        AesInvMix = aes::inv_mix;
    }
    whole {
        Sha1h => u128::from((a as u32).rotate_left(30));
        Not => !a;
        /// Lane 0, the rest zero.
        Cut(lane: Lane) => match lane {
            Lane::D => u128::from(a as u64),
            _ => a & ((1 << lane.bits()) - 1),
        };
        /// Lane `index` in every lane.
        Dup(lane: Lane, index: u8) => lane.splat((a >> ((u32::from(index) * lane.bits()) & 127)) as u64);
        /// Reverse the bits of each byte.
        Rbit => a.swap_bytes().reverse_bits();
    }
}

ops! {
    /// Two operands, pure.
    enum VOp2(a, b) -> u128;
    lanes by each {
        Add unsigned |x, y| x.wrapping_add(y);
        Sub unsigned |x, y| x.wrapping_sub(y);
        Mul unsigned |x, y| x.wrapping_mul(y);
        /// Half of the exact sum, rounded down, or half up.
        Shadd signed |x, y| (x & y) + ((x ^ y) >> 1);
        Uhadd unsigned |x, y| (x & y) + ((x ^ y) >> 1);
        Srhadd signed |x, y| (x | y) - ((x ^ y) >> 1);
        Urhadd unsigned |x, y| (x | y) - ((x ^ y) >> 1);
        /// Half of the exact difference, rounded down.
        Shsub signed |x, y| ((x ^ y) >> 1).wrapping_sub(!x & y);
        Uhsub unsigned |x, y| ((x ^ y) >> 1).wrapping_sub(!x & y);
        Smax signed |x, y| x.max(y);
        Umax unsigned |x, y| x.max(y);
        Smin signed |x, y| x.min(y);
        Umin unsigned |x, y| x.min(y);
        Sabd signed |x, y| x.abs_diff(y) as T;
        Uabd unsigned |x, y| x.abs_diff(y);
        /// Comparisons: all ones where true.
        Cmeq unsigned |x, y| T::from(x == y).wrapping_neg();
        Cmtst unsigned |x, y| T::from(x & y != 0).wrapping_neg();
        Cmgt signed |x, y| T::from(x > y).wrapping_neg();
        Cmge signed |x, y| T::from(x >= y).wrapping_neg();
        Cmhi unsigned |x, y| T::from(x > y).wrapping_neg();
        Cmhs unsigned |x, y| T::from(x >= y).wrapping_neg();
        /// Shift left by the signed low byte of `b`'s lane, right if it is negative.
        Sshl signed |x, n| shift::signed(x.into(), n as i8, T::BITS) as T;
        Ushl unsigned |x, n| shift::unsigned(x.into(), n as i8, T::BITS) as T;
        /// The same; shifts right round half up.
        Srshl signed |x, n| shift::signed_rounding(x.into(), n as i8, T::BITS) as T;
        Urshl unsigned |x, n| shift::unsigned_rounding(x.into(), n as i8, T::BITS) as T;
    }
    vector {
        /// Polynomial product of bytes, low half of each.
        Pmul = widen::pmul;
        /// Polynomial products of the low half's lanes, of twice the width; lanes B and D exist.
        Pmull(lane: Lane) = widen::pmull;
        /// Even, odd lanes of `b:a`.
        Uzp1(lane: Lane) = permute::uzp1;
        Uzp2(lane: Lane) = permute::uzp2;
        /// Low, high halves interleaved.
        Zip1(lane: Lane) = permute::zip1;
        Zip2(lane: Lane) = permute::zip2;
        /// Even, odd lanes interleaved.
        Trn1(lane: Lane) = permute::trn1;
        Trn2(lane: Lane) = permute::trn2;
        /// Of each pair of lanes of `b:a`.
        Addp(lane: Lane) = permute::addp;
        Smaxp(lane: Lane) = permute::smaxp;
        Umaxp(lane: Lane) = permute::umaxp;
        Sminp(lane: Lane) = permute::sminp;
        Uminp(lane: Lane) = permute::uminp;
    }
    whole {
        And => a & b;
        Or => a | b;
        Xor => a ^ b;
        /// `a & !b`.
        Bic => a & !b;
        /// `a | !b`.
        Orn => a | !b;
        /// 16 bytes of `b:a` from byte `n` (below 16).
        Ext(n: u8) => permute::ext(n, a, b);
        /// `a` is Vd, `b` is Vn.
        Sha1su1 => sha::sha1su1(a, b);
        Sha256su0 => sha::sha256su0(a, b);
        Sha512su0 => sha512::su0(a, b);
        Sm4e => sm4::encrypt(a, b);
        /// `a` is Vn, `b` is Vm.
        Sm4ekey => sm4::expand_key(a, b);
    }
}

ops! {
    /// Three operands, pure.
    enum VOp3(a, b, c) -> u128;
    lanes by each {}
    vector {
        /// Byte `c[i] - base` of `b` where that is below 16, else byte `i` of `a`.
        Tbx(base: u8) = permute::tbx;
        /// `a` plus products of four bytes, in lanes of 32 bits.
        Sdot = widen::sdot;
        Udot = widen::udot;
        /// The same, of unsigned bytes of `b` and signed bytes of `c`.
        Usdot = widen::usdot;
        /// `a` plus products of two BFloat16 numbers, in lanes of 32 bits. FPCR and FPSR play no part.
        Bfdot = widen::bfdot;
    }
    whole {
        /// Bits of `b` where `a` is set, of `c` where it is clear.
        Bsl => b & a | c & !a;
        /// `a`, `b`, `c` are Vd, Vn, Vm.
        Sha1c => sha::sha1_rounds(sha::choose, a, b, c);
        Sha1p => sha::sha1_rounds(sha::parity, a, b, c);
        Sha1m => sha::sha1_rounds(sha::majority, a, b, c);
        Sha1su0 => sha::sha1su0(a, b, c);
        Sha256h => sha::sha256_rounds(a, b, c).0;
        Sha256h2 => sha::sha256_rounds(b, a, c).1;
        Sha256su1 => sha::sha256su1(a, b, c);
        Sha512h => sha512::h(a, b, c);
        Sha512h2 => sha512::h2(a, b, c);
        Sha512su1 => sha512::su1(a, b, c);
        Sm3partw1 => sm3::partw1(a, b, c);
        Sm3partw2 => sm3::partw2(a, b, c);
        /// The index is of the word of Vm.
        Sm3tt1a(index: u8) => sm3::tt1(sha::parity, index, a, b, c);
        Sm3tt1b(index: u8) => sm3::tt1(sha::majority, index, a, b, c);
        Sm3tt2a(index: u8) => sm3::tt2(sha::parity, index, a, b, c);
        Sm3tt2b(index: u8) => sm3::tt2(sha::choose, index, a, b, c);
        /// `a`, `b`, `c` are Vn, Vm, Va.
        Sm3ss1 => sm3::ss1(a, b, c);
    }
}

ops! {
    /// One operand, saturating: the value, and whether any lane saturated.
    enum SOp1(a) -> (u128, bool);
    lanes by each_saturating {
        Sqabs signed |x| (x.saturating_abs(), x == T::MIN);
        Sqneg signed |x| (x.saturating_neg(), x == T::MIN);
    }
    vector {
        /// Lanes of twice the width, saturated to `lane`, in the low half; the high half zero.
        Sqxtn(lane: Lane) = saturate::sqxtn;
        Uqxtn(lane: Lane) = saturate::uqxtn;
        /// Signed to unsigned.
        Sqxtun(lane: Lane) = saturate::sqxtun;
    }
    whole {
    }
}

ops! {
    /// Two operands, saturating: the value, and whether any lane saturated.
    enum SOp2(a, b) -> (u128, bool);
    lanes by each_saturating {
        Sqadd signed |x, y| (x.saturating_add(y), x.checked_add(y).is_none());
        Uqadd unsigned |x, y| (x.saturating_add(y), x.checked_add(y).is_none());
        Sqsub signed |x, y| (x.saturating_sub(y), x.checked_sub(y).is_none());
        Uqsub unsigned |x, y| (x.saturating_sub(y), x.checked_sub(y).is_none());
        /// Signed `a` plus unsigned `b`, and the reverse.
        Suqadd signed |x, y| (x.saturating_add_unsigned(y.cast_unsigned()), x.checked_add_unsigned(y.cast_unsigned()).is_none());
        Usqadd unsigned |x, y| (x.saturating_add_signed(y.cast_signed()), x.checked_add_signed(y.cast_signed()).is_none());
        /// Shift left by the signed low byte of `b`'s lane, right if it is negative.
        Sqshl signed |x, n| saturate::cut_signed(saturate::shl(x.into(), n as i8), T::MIN.into(), T::MAX.into(), |v| v as T);
        Uqshl unsigned |x, n| saturate::cut_unsigned(saturate::ushl(x.into(), n as i8), T::MAX.into(), |v| v as T);
        /// The same; shifts right round half up.
        Sqrshl signed |x, n| saturate::cut_signed(saturate::rshl(x.into(), n as i8), T::MIN.into(), T::MAX.into(), |v| v as T);
        Uqrshl unsigned |x, n| saturate::cut_unsigned(saturate::urshl(x.into(), n as i8), T::MAX.into(), |v| v as T);
        /// Shift signed lanes left, saturate to unsigned.
        Sqshlu signed |x, n| saturate::cut_signed(saturate::shl(x.into(), n as i8), 0, T::cast_unsigned(-1).into(), |v| v as T);
    }
    vector {
        /// High half of the doubled product, cut or rounded; lanes H and S exist.
        Sqdmulh(lane: Lane) = saturate::sqdmulh;
        Sqrdmulh(lane: Lane) = saturate::sqrdmulh;
        /// Doubled products of the low half's lanes, of twice the width; lanes H and S exist.
        Sqdmull(lane: Lane) = saturate::sqdmull;
    }
    whole {
    }
}

ops! {
    /// Three operands, saturating: the value, and whether any lane saturated.
    enum SOp3(a, b, c) -> (u128, bool);
    lanes by each_saturating {}
    vector {
        /// `a` plus or minus the doubled product of `b` and `c`, rounded, high half; lanes H and S exist.
        Sqrdmlah(lane: Lane) = saturate::sqrdmlah;
        Sqrdmlsh(lane: Lane) = saturate::sqrdmlsh;
    }
    whole {
    }
}
