//! Random numbers for RNDR and RNDRRS.

use crate::Vcpu;
use std::hash::{BuildHasher, RandomState};

/// SplitMix64, begun from the host's randomness. Good for whoever mixes it into a pool; no secret of the guest is
/// safe from its host anyway.
#[derive(Clone, Debug)]
pub struct Random(u64);

impl Random {
    /// Unlike any other.
    pub fn new() -> Random {
        Random(RandomState::new().hash_one(0))
    }

    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let z = (self.0 ^ self.0 >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let z = (z ^ z >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ z >> 31
    }
}

impl Default for Random {
    fn default() -> Self {
        Self::new()
    }
}

impl Vcpu {
    /// RNDR: a number, and NZCV = 0b0000, which says that there was one.
    pub(crate) fn random(&mut self) -> u64 {
        self.regs.nzcv = 0;
        self.random.next()
    }
}
