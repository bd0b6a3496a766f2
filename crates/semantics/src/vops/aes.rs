//! The steps of AES (FIPS 197). Byte `i` of a value is row `i % 4`, column `i / 4` of the state.

use super::field;
use super::lanes::{Bytes, Element};

/// x^8 + x^4 + x^3 + x + 1, without its first term.
const MODULUS: u8 = 0x1b;

/// FIPS 197, 5.1.1: the inverse in the field, then an affine transformation.
static SBOX: [u8; 256] = {
    let mut table = [0; 256];
    let mut x = 0;
    while x < 256 {
        let i = field::inverse(MODULUS, x as u8);
        table[x] = i ^ i.rotate_left(1) ^ i.rotate_left(2) ^ i.rotate_left(3) ^ i.rotate_left(4) ^ 0x63;
        x += 1;
    }
    table
};

static INV_SBOX: [u8; 256] = {
    let mut table = [0; 256];
    let mut x = 0;
    while x < 256 {
        table[SBOX[x] as usize] = x as u8;
        x += 1;
    }
    table
};

/// ShiftRows, SubBytes
pub(super) fn sub(out: &mut Bytes, from: &Bytes) {
    *out = std::array::from_fn(|i| SBOX[usize::from(from[(i + 4 * (i % 4)) % 16])]);
}

/// InvShiftRows, InvSubBytes
pub(super) fn inv_sub(out: &mut Bytes, from: &Bytes) {
    *out = std::array::from_fn(|i| INV_SBOX[usize::from(from[(i + 12 * (i % 4)) % 16])]);
}

/// MixColumns: each byte becomes twice itself, three times the next one of its column, and the other two. The
/// columns are words, so a rotation of a word brings the next bytes.
pub(super) fn mix(out: &mut Bytes, from: &Bytes) {
    each!(u32, out, |column = from| mix_column(column))
}

/// InvMixColumns: its matrix is that of MixColumns times one of 5, 0, 4, 0.
pub(super) fn inv_mix(out: &mut Bytes, from: &Bytes) {
    each!(u32, out, |column = from| mix_column(column ^ twice(twice(column ^ column.rotate_right(16)))))
}

#[inline(always)]
fn mix_column(a: u32) -> u32 {
    let next = a.rotate_right(8);
    twice(a ^ next) ^ next ^ (a ^ next).rotate_right(16)
}

/// Twice each byte, in the field.
#[inline(always)]
fn twice(a: u32) -> u32 {
    let carries = a >> 7 & 0x0101_0101;
    // Times MODULUS, whose bits are 4, 3, 1, 0.
    (a & 0x7f7f_7f7f) << 1 ^ carries << 4 ^ carries << 3 ^ carries << 1 ^ carries
}
