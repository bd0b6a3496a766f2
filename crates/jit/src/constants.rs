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
    LOW_BYTES = doubles(0x00ff_00ff_00ff_00ff);
    ONES_B = bytes(1);
}
