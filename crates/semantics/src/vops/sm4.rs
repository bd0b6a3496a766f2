//! The steps of SM4 (GB/T 32907-2016), in the words of the manual's SM4 instructions.

use super::field;
use super::sha::{join, words};

/// The inverse in GF(2^8) modulo x^8 + x^7 + x^6 + x^5 + x^4 + x^2 + 1, between two affine transformations.
/// (The standard gives the table only; this form was found by its cryptanalysts.)
static SBOX: [u8; 256] = {
    const fn affine(x: u8) -> u8 {
        x ^ x.rotate_left(1) ^ x.rotate_left(3) ^ x.rotate_left(6) ^ x.rotate_left(7) ^ 0xd3
    }
    let mut table = [0; 256];
    let mut x = 0;
    while x < 256 {
        table[x] = affine(field::inverse(0xf5, affine(x as u8)));
        x += 1;
    }
    table
};

/// The nonlinear transformation: the S-box on each byte.
fn tau(x: u32) -> u32 {
    u32::from_le_bytes(x.to_le_bytes().map(|byte| SBOX[usize::from(byte)]))
}

/// Four rounds on the words of `x`, with one word of `keys` each and `linear` of the cipher or of its keys.
#[inline(always)]
fn rounds(linear: fn(u32) -> u32, x: u128, keys: u128) -> u128 {
    let [mut x0, mut x1, mut x2, mut x3] = words(x);
    for key in words(keys) {
        let next = x0 ^ linear(tau(x1 ^ x2 ^ x3 ^ key));
        (x0, x1, x2, x3) = (x1, x2, x3, next);
    }
    join([x0, x1, x2, x3])
}

/// SM4E
pub(super) fn encrypt(d: u128, n: u128) -> u128 {
    let linear = |b: u32| b ^ b.rotate_left(2) ^ b.rotate_left(10) ^ b.rotate_left(18) ^ b.rotate_left(24);
    rounds(linear, d, n)
}

/// SM4EKEY
pub(super) fn expand_key(n: u128, m: u128) -> u128 {
    rounds(|b| b ^ b.rotate_left(13) ^ b.rotate_left(23), n, m)
}
