//! GF(2^8), from which S-boxes are made. A modulus is written without its term x^8. For constants: not fast.

/// The product of `x` and `y`.
pub(super) const fn multiply(modulus: u8, mut x: u8, mut y: u8) -> u8 {
    let mut product = 0;
    while y != 0 {
        product ^= if y & 1 != 0 { x } else { 0 };
        x = x << 1 ^ if x & 0x80 != 0 { modulus } else { 0 };
        y >>= 1;
    }
    product
}

/// The inverse of `x`, which is `x^254`; of zero, zero.
pub(super) const fn inverse(modulus: u8, x: u8) -> u8 {
    let (mut inverse, mut n) = (1, 0);
    while n < 254 {
        inverse = multiply(modulus, inverse, x);
        n += 1;
    }
    inverse
}
