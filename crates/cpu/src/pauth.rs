//! Pointer authentication (ARM DDI 0487, `AddPAC`, `Auth`, `Strip`, `ComputePAC`): FEAT_PAuth without the later
//! refinements, so a failed check corrupts the pointer and faults when it is used.
//!
//! The code takes the bits of a pointer between its address and bit 63, or bit 55 if the top byte is ignored;
//! bit 55 itself always says which address range the pointer is of.

mod qarma;

use crate::Vcpu;
use crate::mmu::{Regime, Stage1, half};
use crate::sysreg::bits::sctlr;
use a64::{Feature, FeatureSet, PacKey, Pauth};

/// A key: APxxKeyLo_EL1 and APxxKeyHi_EL1.
pub type Key = [u64; 2];

/// The five keys.
#[derive(Clone, Copy, Debug, Default, PartialEq, serde::Serialize, serde::Deserialize)]
#[repr(C)]
pub struct Keys {
    /// APIAKey, APIBKey, APDAKey, APDBKey.
    pub pointer: [Key; 4],
    /// APGAKey.
    pub generic: Key,
}

/// What computes the code.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Algorithm {
    /// FEAT_PACQARMA5.
    Qarma5,
    /// FEAT_PACQARMA3.
    Qarma3,
    /// FEAT_PACIMP, our own: two rounds of 128-bit multiplication. Much faster than a cipher, and nothing that
    /// resists an attacker; the guest's secrets are the host's to read anyway.
    Fast,
}

impl Algorithm {
    /// The one of a PE with `features`.
    pub const fn of(features: FeatureSet) -> Algorithm {
        match (features.has(Feature::PACQARMA5), features.has(Feature::PACQARMA3)) {
            (true, _) => Algorithm::Qarma5,
            (_, true) => Algorithm::Qarma3,
            _ => Algorithm::Fast,
        }
    }

    /// `ComputePAC`.
    pub fn code(self, data: u64, modifier: u64, [low, high]: Key) -> u64 {
        match self {
            Algorithm::Qarma5 => qarma::QARMA5.encipher(data, modifier, high, low),
            Algorithm::Qarma3 => qarma::QARMA3.encipher(data, modifier, high, low),
            Algorithm::Fast => fold(fold(data ^ low, modifier ^ high), 0x9e37_79b9_7f4a_7c15 ^ low.rotate_left(32)),
        }
    }
}

/// Both halves of the product, one over the other. The odd constants keep a zero from erasing the other factor.
const fn fold(a: u64, b: u64) -> u64 {
    let product = (a ^ 0xa076_1d64_78bd_642f) as u128 * (b ^ 0xe703_7ed1_a0b4_28db) as u128;
    product as u64 ^ (product >> 64) as u64 ^ a.rotate_left(23)
}

/// Where the code of a pointer is.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Layout {
    /// The top byte is ignored, and not the code's.
    pub tbi: bool,
    /// Bits of the address: the code begins here (`CalculateBottomPACBit`).
    pub bottom: u32,
}

/// Which range a pointer is of.
const SELECT: u64 = 1 << 55;
const TOP_BYTE: u64 = 0xff << 56;

impl Layout {
    /// Bits that an address extends into: all from `bottom` up, without an ignored top byte.
    const fn extension(self) -> u64 {
        (if self.tbi { !TOP_BYTE } else { !0 }) & !0 << self.bottom
    }

    /// Bits that hold the code.
    const fn code(self) -> u64 {
        self.extension() & !SELECT
    }

    /// `ptr` without code: its extension made of bit 55 of `select`.
    const fn strip(self, ptr: u64, select: u64) -> u64 {
        let extension = if select & SELECT != 0 { self.extension() } else { 0 };
        ptr & !self.extension() | extension
    }

    /// `AddPAC`. `select` has the pointer's range in bit 55.
    fn sign(self, ptr: u64, select: u64, code: impl Fn(u64) -> u64) -> u64 {
        let canonical = self.strip(ptr, select);
        let mut code = code(canonical);
        // An extension that is not all zeros or all ones gives a code that does not authenticate.
        let old = ptr & self.extension();
        if old != 0 && old != self.extension() {
            code ^= if self.tbi { 1 << 54 } else { 1 << 62 };
        }
        ptr & !self.extension() | select & SELECT | code & self.code()
    }

    /// `Auth`: the pointer without code, or with an error code that makes it useless. `is_b` tells key B from A.
    fn authenticate(self, ptr: u64, is_b: bool, code: impl Fn(u64) -> u64) -> u64 {
        let canonical = self.strip(ptr, ptr);
        if (code(canonical) ^ ptr) & self.code() == 0 {
            return canonical;
        }
        let (at, error) = (if self.tbi { 53 } else { 61 }, if is_b { 0b10 } else { 0b01 });
        canonical & !(0b11 << at) | error << at
    }
}

impl Vcpu {
    /// PACxx, AUTxx, XPACx, PACGA. A key that SCTLR_ELx does not enable leaves the pointer as it is.
    pub fn pauth(&self, op: Pauth, ptr: u64, modifier: u64) -> u64 {
        let algorithm = Algorithm::of(self.model.features);
        match op {
            Pauth::Generic => algorithm.code(ptr, modifier, self.sys.keys.generic) & !0 << 32,
            Pauth::StripCode => self.pac_layout(ptr, false).strip(ptr, ptr),
            Pauth::StripData => self.pac_layout(ptr, true).strip(ptr, ptr),
            Pauth::Sign(key) | Pauth::Authenticate(key) if !self.is_key_enabled(key) => ptr,
            Pauth::Sign(key) => {
                let select = self.pac_select(ptr, key.is_data());
                let code = |canonical| algorithm.code(canonical, modifier, self.sys.keys.pointer[key as usize]);
                // Whether the top byte is ignored is bit 55's to say; the number of address bits, the range's.
                let bottom = self.pac_layout(select, key.is_data()).bottom;
                Layout { bottom, ..self.pac_layout(ptr, key.is_data()) }.sign(ptr, select, code)
            }
            Pauth::Authenticate(key) => {
                let code = |canonical| algorithm.code(canonical, modifier, self.sys.keys.pointer[key as usize]);
                let is_b = matches!(key, PacKey::Ib | PacKey::Db);
                self.pac_layout(ptr, key.is_data()).authenticate(ptr, is_b, code)
            }
        }
    }

    /// SCTLR_ELx.{EnIA, EnIB, EnDA, EnDB}.
    fn is_key_enabled(&self, key: PacKey) -> bool {
        let bit = match key {
            PacKey::Ia => sctlr::EN_IA,
            PacKey::Ib => sctlr::EN_IB,
            PacKey::Da => sctlr::EN_DA,
            PacKey::Db => sctlr::EN_DB,
        };
        self.sys.sctlr[self.regime()] & bit != 0
    }

    /// The layout of a pointer whose bit 55 is that of `ptr`. A TxSZ out of range acts as the nearest in range.
    fn pac_layout(&self, ptr: u64, is_data: bool) -> Layout {
        let regime = Regime::current(&self.regs.pstate);
        let Stage1 { txsz, tbi, tbid, .. } = Stage1::of(regime, &self.sys, self.model, ptr);
        Layout { tbi: tbi && (is_data || !tbid), bottom: 64 - txsz.clamp(16, 39) }
    }

    /// The range that a pointer to be signed is of, in bit 55: its bit 63 says, unless a top byte is ignored.
    fn pac_select(&self, ptr: u64, is_data: bool) -> u64 {
        let regime = Regime::current(&self.regs.pstate);
        let ignored = |va| {
            let stage1 = Stage1::of(regime, &self.sys, self.model, va);
            stage1.tbi && (is_data || !stage1.tbid)
        };
        let by_bit_55 = match regime {
            Regime::El10 => ignored(0) || ignored(SELECT),
            // One range, which is the lower.
            _ => return if ignored(ptr) { ptr & SELECT } else { ptr >> 8 & SELECT },
        };
        if by_bit_55 { half(ptr) as u64 * SELECT } else { ptr >> 8 & SELECT }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const KEY: Key = [0xec28_02d4_e0a4_88e9, 0x84be_85ce_9804_e94b];
    const ALL: [Algorithm; 3] = [Algorithm::Qarma5, Algorithm::Qarma3, Algorithm::Fast];

    /// Signing and authenticating come back to the pointer; any other code, key or modifier does not.
    #[test]
    fn codes_authenticate() {
        for (algorithm, tbi, ptr) in ALL.into_iter().flat_map(|a| {
            let ptrs = [0x0000_7fff_1234_5678, 0xffff_8000_1234_5678, 0, !0_u64];
            ptrs.into_iter().flat_map(move |p| [(a, false, p), (a, true, p)])
        }) {
            let layout = Layout { tbi, bottom: 48 };
            let code = |modifier| move |canonical| algorithm.code(canonical, modifier, KEY);
            let signed = layout.sign(ptr, ptr, code(7));
            assert_eq!(signed & 0xffff_ffff_ffff | ptr & SELECT, ptr & 0xffff_ffff_ffff | signed & SELECT);
            assert_eq!(layout.authenticate(signed, false, code(7)), ptr, "{algorithm:?} {ptr:x}");
            assert_eq!(layout.strip(signed, signed), ptr);
            let error = |is_b: bool| {
                let (at, code) = (if tbi { 53 } else { 61 }, if is_b { 2 } else { 1 });
                ptr & !(3 << at) | code << at
            };
            for wrong in (48..55).map(|bit| signed ^ 1 << bit) {
                assert_eq!(layout.authenticate(wrong, false, code(7)), error(false), "{algorithm:?} {ptr:x}");
                assert_eq!(layout.authenticate(wrong, true, code(7)), error(true), "{algorithm:?} {ptr:x}");
            }
            assert_eq!(layout.sign(ptr, ptr, code(7)), signed);
        }
    }

    /// What is signed twice does not authenticate to something usable.
    #[test]
    fn a_bad_extension_spoils_the_code() {
        let layout = Layout { tbi: false, bottom: 48 };
        let code = |canonical| Algorithm::Qarma5.code(canonical, 0, KEY);
        let bad = layout.sign(0x0123_7fff_1234_5678, 0, code);
        let good = layout.sign(0x0000_7fff_1234_5678, 0, code);
        assert_eq!(bad ^ good, 1 << 62);
        assert_eq!(layout.authenticate(bad, false, code), 0x2000_7fff_1234_5678);
    }

    /// Our own algorithm spreads every bit of what goes in: about half the bits of what comes out change.
    #[test]
    fn fast_codes_spread() {
        let base = Algorithm::Fast.code(0x7fff_1234_5678, 0x10, KEY);
        let mut changed = 0;
        for bit in 0..64 {
            for other in [
                Algorithm::Fast.code(0x7fff_1234_5678 ^ 1 << bit, 0x10, KEY),
                Algorithm::Fast.code(0x7fff_1234_5678, 0x10 ^ 1 << bit, KEY),
                Algorithm::Fast.code(0x7fff_1234_5678, 0x10, [KEY[0] ^ 1 << bit, KEY[1]]),
                Algorithm::Fast.code(0x7fff_1234_5678, 0x10, [KEY[0], KEY[1] ^ 1 << bit]),
            ] {
                assert!((12..=52).contains(&(other ^ base).count_ones()), "bit {bit}: {:x}", other ^ base);
                changed += (other ^ base).count_ones();
            }
        }
        assert!((7500..=8900).contains(&changed), "{changed} of 16384");
    }
}
