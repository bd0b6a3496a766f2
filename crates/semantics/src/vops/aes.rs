//! The steps of AES (FIPS 197). Byte `i` of a value is row `i % 4`, column `i / 4` of the state.

use super::field;
use super::lanes::Bytes;

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

/// Products with a constant, of every byte.
const fn times(by: u8) -> [u8; 256] {
    let mut table = [0; 256];
    let mut x = 0;
    while x < 256 {
        table[x] = field::multiply(MODULUS, x as u8, by);
        x += 1;
    }
    table
}

static TIMES: [[u8; 256]; 16] = {
    let mut tables = [[0; 256]; 16];
    let mut by = 0;
    while by < 16 {
        tables[by] = times(by as u8);
        by += 1;
    }
    tables
};

/// ShiftRows, SubBytes
pub(super) fn sub(out: &mut Bytes, from: &Bytes) {
    *out = std::array::from_fn(|i| SBOX[usize::from(from[(i + 4 * (i % 4)) % 16])]);
}

/// InvShiftRows, InvSubBytes
pub(super) fn inv_sub(out: &mut Bytes, from: &Bytes) {
    *out = std::array::from_fn(|i| INV_SBOX[usize::from(from[(i + 12 * (i % 4)) % 16])]);
}

/// MixColumns
pub(super) fn mix(out: &mut Bytes, from: &Bytes) {
    columns(out, from, [2, 3, 1, 1]);
}

/// InvMixColumns
pub(super) fn inv_mix(out: &mut Bytes, from: &Bytes) {
    columns(out, from, [14, 11, 13, 9]);
}

/// Each column times the circulant matrix whose first row is given.
#[inline(always)]
fn columns(out: &mut Bytes, from: &Bytes, row: [usize; 4]) {
    *out = std::array::from_fn(|i| {
        let (r, column) = (i % 4, i / 4 * 4);
        (0..4).fold(0, |sum, k| sum ^ TIMES[row[(k + 4 - r) % 4]][usize::from(from[column + k])])
    });
}
