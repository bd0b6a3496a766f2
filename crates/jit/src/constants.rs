//! Sixteen-byte constants of compiled code, in `Context`, where rbx leads.

use crate::context::at;

/// Declares each as its displacement from rbx, and the table.
macro_rules! constants {
    ($($(#[$meta:meta])* $name:ident = $value:expr;)*) => {
        #[allow(non_camel_case_types, clippy::upper_case_acronyms)]
        enum Number { $($name),* }
        $($(#[$meta])*        pub(crate) const $name: i32 = at::CONSTANTS + 16 * Number::$name as i32;)*
        /// In that order.
        pub(crate) const TABLE: [u128; COUNT] = [$($value),*];
        pub(crate) const COUNT: usize = [$(Number::$name as usize),*].len();
    };
}

const fn bytes(v: u8) -> u128 {
    v as u128 * (u128::MAX / 0xff)
}
const fn halves(v: u16) -> u128 {
    v as u128 * (u128::MAX / 0xffff)
}
const fn words(v: u32) -> u128 {
    v as u128 * (u128::MAX / 0xffff_ffff)
}
const fn doubles(v: u64) -> u128 {
    v as u128 * (u128::MAX / 0xffff_ffff_ffff_ffff)
}
const fn f32s(v: f32) -> u128 {
    words(v.to_bits())
}
const fn f64s(v: f64) -> u128 {
    doubles(v.to_bits())
}

/// Sixteen bytes, each computed from its number.
macro_rules! table {
    ($n:ident => $value:expr) => {{
        let (mut v, mut i) = (0, 0u8);
        while i < 16 {
            let $n = i;
            v |= ($value as u8 as u128) << (8 * i as u32);
            i += 1;
        }
        v
    }};
}

constants! {
    /// All of a number but its sign, in each lane; then in the lowest lane, the rest zero.
    MAGNITUDE_S = words(0x7fff_ffff);
    MAGNITUDE_D = doubles(!(1 << 63));
    MAGNITUDE_S1 = 0x7fff_ffff;
    MAGNITUDE_D1 = 0x7fff_ffff_ffff_ffff;
    /// Its sign.
    SIGN_S = words(1 << 31);
    SIGN_D = doubles(1 << 63);
    SIGN_S1 = 1 << 31;
    SIGN_D1 = 1 << 63;
    /// The smallest normals.
    NORMAL_S = f32s(f32::MIN_POSITIVE);
    NORMAL_D = f64s(f64::MIN_POSITIVE);
    /// From here on every number is an integer.
    INTEGRAL_S = f32s((1u32 << 23) as f32);
    INTEGRAL_D = f64s((1u64 << 52) as f64);
    HALF_S = f32s(0.5);
    HALF_D = f64s(0.5);
    ONE_S = f32s(1.0);
    ONE_D = f64s(1.0);
    TWO_31_S = f32s((1u64 << 31) as f32);
    TWO_32_S = f32s((1u64 << 32) as f32);
    TWO_32_D = f64s((1u64 << 32) as f64);
    TWO_63_S = f32s((1u64 << 63) as f32);
    TWO_63_D = f64s((1u64 << 63) as f64);
    TWO_16_S = f32s((1u32 << 16) as f32);
    ONES_B = bytes(1);
    ONES_H = halves(1);
    ONES_S = words(1);
    ONES_D = doubles(1);
    FOUR_B = bytes(4);
    EIGHT_B = bytes(8);
    EIGHT_H = halves(8);
    SIXTEEN_B = bytes(16);
    SIXTEEN_H = halves(16);
    SIXTEEN_S = words(16);
    THIRTY_TWO_B = bytes(32);
    FORTY_EIGHT_B = bytes(48);
    TWO_30_D = doubles(1 << 30);
    GREATEST_B = bytes(0x7f);
    GREATEST_H = halves(0x7fff);
    LEAST_B = bytes(0x80);
    LEAST_H = halves(0x8000);
    /// The low half of lanes.
    LOW_NIBBLES = bytes(0x0f);
    LOW_BYTES = halves(0xff);
    LOW_HALVES = words(0xffff);
    LOW_WORDS = doubles(0xffff_ffff);
    /// The lowest byte of lanes.
    LOW_BYTE_S = words(0xff);
    LOW_BYTE_D = doubles(0xff);
    LOWEST_B = 0xff;
    LOWEST_H = 0xffff;
    /// Added with saturation: the top bit of bytes above 7, above 15.
    ABOVE_SEVEN = bytes(0x78);
    ABOVE_FIFTEEN = bytes(0x70);
    /// Tables of nibbles: how many bits are set, how many are clear from the top, reversed in the low, in the high half.
    BITS_OF_NIBBLE = table!(n => n.count_ones() as u8);
    ZEROS_OF_NIBBLE = table!(n => n.leading_zeros() as u8 - 4);
    REVERSED_NIBBLE = table!(n => n.reverse_bits() >> 4);
    REVERSED_NIBBLE_HIGH = table!(n => n.reverse_bits());
    /// For VGF2P8AFFINEQB: bytes with their bits in the other order.
    BITS_REVERSED = doubles(0x8040_2010_0804_0201);
    /// `2^(n - 8)`; `2^(8 - n)`, of 1 to 8.
    POWERS_OF_TWO = table!(n => if n < 8 { 0 } else { 1 << (n - 8) });
    POWERS_TO_256 = table!(n => if n == 0 || n > 8 { 0 } else { 1 << (8 - n) });
    /// Orders for PSHUFB: every other lane to the low half; lanes reversed in containers.
    EVEN_B = table!(i => if i < 8 { 2 * i } else { 0x80 });
    EVEN_H = table!(i => if i < 8 { 4 * (i / 2) + i % 2 } else { 0x80 });
    EVEN_S = table!(i => if i < 8 { 8 * (i / 4) + i % 4 } else { 0x80 });
    ODD_B = table!(i => if i < 8 { 2 * i + 1 } else { 0x80 });
    ODD_H = table!(i => if i < 8 { 4 * (i / 2) + i % 2 + 2 } else { 0x80 });
    REV16_B = table!(i => i ^ 1);
    REV32_B = table!(i => i ^ 3);
    REV32_H = table!(i => i ^ 2);
    REV64_B = table!(i => i ^ 7);
    REV64_H = table!(i => i ^ 6);
    /// FIPS 180-4, 4.2.1.
    SHA1_0 = words(0x5a82_7999);
    SHA1_1 = words(0x6ed9_eba1);
    SHA1_2 = words(0x8f1b_bcdc);
}
