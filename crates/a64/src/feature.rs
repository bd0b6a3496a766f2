//! Features of the architecture, by the manual's names without `FEAT_`, and sets of them.
//!
//! A row of the instruction table belongs to a feature, and so does a system register or a rule of the PE. Which
//! features a PE has is its model's to say (`cpu`); a word whose row it lacks is UNDEFINED there.

/// One feature (ARM DDI 0487, "Armv8-A Architecture Extensions" and "Armv9-A Architecture Extensions").
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, PartialOrd, Ord)]
#[allow(missing_docs, clippy::upper_case_acronyms)]
#[repr(u8)]
pub enum Feature {
    /// What every PE has: Armv8.0 with floating point and Advanced SIMD.
    A64,
    // Instructions.
    AES,
    BF16,
    BTI,
    CRC32,
    CSSC,
    DotProd,
    FCMA,
    FHM,
    FP16,
    FRINTTS,
    FlagM,
    FlagM2,
    HBC,
    I8MM,
    JSCVT,
    LRCPC,
    LRCPC2,
    LSE,
    MOPS,
    PAuth,
    PMULL,
    RDM,
    SB,
    SHA1,
    SHA256,
    SHA3,
    SHA512,
    SM3,
    SM4,
    WFxT,
    XS,
    // System registers and instructions.
    DIT,
    DPB,
    DPB2,
    /// Non-maskable interrupts: PSTATE.ALLINT.
    NMI,
    PAN,
    PAN2,
    RAS,
    RNG,
    SPECRES,
    SSBS,
    SSBS2,
    TLBIOS,
    TLBIRANGE,
    UAO,
    // What existing instructions do.
    E0PD,
    HAFDBS,
    HPDS,
    LSE2,
    /// The algorithm of FEAT_PAuth: QARMA5, QARMA3, or our own.
    PACQARMA5,
    PACQARMA3,
    PACIMP,
}

/// A set of features.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Default, Debug)]
pub struct FeatureSet(u128);

impl FeatureSet {
    /// No feature.
    pub const EMPTY: FeatureSet = FeatureSet(0);

    /// Exactly these.
    pub const fn of(features: &[Feature]) -> FeatureSet {
        let (mut set, mut i) = (FeatureSet::EMPTY, 0);
        while i < features.len() {
            set = set.with(features[i]);
            i += 1;
        }
        set
    }

    /// And `feature`.
    #[inline]
    pub const fn with(self, feature: Feature) -> FeatureSet {
        FeatureSet(self.0 | 1 << feature as u8)
    }

    /// All of both.
    #[inline]
    pub const fn and(self, other: FeatureSet) -> FeatureSet {
        FeatureSet(self.0 | other.0)
    }

    /// Is `feature` in it?
    #[inline]
    pub const fn has(self, feature: Feature) -> bool {
        self.0 >> feature as u8 & 1 != 0
    }

    /// Are all of `other` in it?
    #[inline]
    pub const fn contains(self, other: FeatureSet) -> bool {
        other.0 & !self.0 == 0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sets() {
        let set = FeatureSet::of(&[Feature::LSE, Feature::PACIMP]);
        assert!(set.has(Feature::LSE) && set.has(Feature::PACIMP) && !set.has(Feature::A64));
        assert!(set.contains(FeatureSet::EMPTY) && set.contains(FeatureSet::of(&[Feature::LSE])));
        assert!(!set.contains(FeatureSet::EMPTY.with(Feature::LSE2)));
        assert_eq!(FeatureSet::of(&[Feature::LSE]).and(FeatureSet::of(&[Feature::PACIMP])), set);
    }
}
