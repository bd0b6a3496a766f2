//! Every micro-op against a second statement of it: formulas in unbounded integers, one lane at a time, for
//! arithmetic; data for permutations; the standards' own vectors for AES and SHA.

mod arithmetic;
mod crypto;
mod permutations;

use super::Lane;
use proptest::prelude::*;

pub const LANES: [Lane; 4] = [Lane::B, Lane::H, Lane::S, Lane::D];

/// How a lane is read as a number.
#[derive(Clone, Copy)]
pub enum Sign {
    Signed,
    Unsigned,
}
pub use Sign::{Signed, Unsigned};

impl Sign {
    /// The least and greatest number in `bits`.
    pub fn range(self, bits: u32) -> (i128, i128) {
        match self {
            Signed => (-1 << (bits - 1), (1 << (bits - 1)) - 1),
            Unsigned => (0, (1 << bits) - 1),
        }
    }
}

/// The numbers in `v`, lane 0 first. `bits` may be 128, if the number then fits.
pub fn numbers(v: u128, bits: u32, sign: Sign) -> Vec<i128> {
    (0..128 / bits)
        .map(|i| {
            let (up, field) = (128 - bits, v >> (i * bits));
            match sign {
                Signed => ((field << up) as i128) >> up,
                Unsigned => ((field << up) >> up) as i128,
            }
        })
        .collect()
}

/// The numbers cut to `bits` and packed, lane 0 first; what they do not fill is zero.
pub fn pack(numbers: impl IntoIterator<Item = i128>, bits: u32) -> u128 {
    let cut = |n: i128| n as u128 & (u128::MAX >> (128 - bits));
    numbers.into_iter().enumerate().fold(0, |v, (i, n)| v | cut(n) << (i as u32 * bits))
}

/// Vectors: anything, and lanes at the edges and of the size of a shift.
pub fn vector() -> impl Strategy<Value = u128> {
    let edges = prop::sample::select(vec![0u8, 1, 2, 0x7f, 0x80, 0xfe, 0xff]);
    let bytes = prop::array::uniform16(edges).prop_map(u128::from_le_bytes);
    let extremes = (prop::sample::select(LANES.to_vec()), any::<[u8; 16]>()).prop_map(|(lane, picks)| {
        let bits = lane.bits();
        let pick = |pick: u8| match pick % 8 {
            0 => 0,
            1 => -1,
            2 => 1 << (bits - 1),
            3 => (1 << (bits - 1)) - 1,
            4 | 5 => i128::from(pick / 8) * 4 % (2 * i128::from(bits)),
            _ => -(i128::from(pick / 8) * 4 % (2 * i128::from(bits))),
        };
        pack(picks.iter().take(128 / bits as usize).map(|&p| pick(p)), bits)
    });
    prop_oneof![2 => any::<u128>(), 1 => bytes, 2 => extremes]
}
