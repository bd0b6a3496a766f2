//! Random instruction words, the same in every run.

#![allow(dead_code)] // each test file uses its part

pub mod unclaimed;

use armagic_a64::RowInfo;

/// SplitMix64.
pub struct Random(u64);

impl Random {
    pub fn new(seed: u64) -> Random {
        Random(seed)
    }

    pub fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let z = (self.0 ^ self.0 >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let z = (z ^ z >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ z >> 31
    }

    pub fn word(&mut self) -> u32 {
        self.next() as u32
    }

    pub fn below(&mut self, n: u32) -> u32 {
        (self.next() % u64::from(n)) as u32
    }

    /// A word of the row: ignored bits random, a quarter of the fields all zeros or all ones, the rest random.
    pub fn of_row(&mut self, row: &RowInfo) -> u32 {
        for _ in 0..100_000 {
            let mut word = self.word();
            for f in row.fields {
                let ones = (((1u64 << f.width) - 1) as u32) << f.lsb;
                match self.below(8) {
                    0 => word &= !ones,
                    1 => word |= ones,
                    _ => (),
                }
            }
            let word = word & !row.mask | row.value;
            if (row.guard)(word) {
                return word;
            }
        }
        panic!("{}: the guard refused 100000 words", row.name)
    }
}
