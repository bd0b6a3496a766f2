//! CPU models: which features each one has, and what its identification registers say.
//!
//! The features are the fact; the fields that describe them are derived, so what a model claims and what it
//! does cannot differ. A row of the instruction table, a system register, or a rule of the PE asks for a
//! feature. Fields that no row of `FIELDS` mentions read as zero, which the manual defines as "absent".

use a64::{Feature, FeatureSet};
use std::sync::LazyLock;

/// Identification register values that differ between models.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[allow(missing_docs)]
pub struct Ids {
    pub pfr0: u64,
    pub pfr1: u64,
    pub dfr0: u64,
    pub isar0: u64,
    pub isar1: u64,
    pub isar2: u64,
    pub mmfr0: u64,
    pub mmfr1: u64,
    pub mmfr2: u64,
    pub ctr: u64,
    pub clidr: u64,
}

/// One CPU model.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Model {
    /// The name users give, such as `neoverse-n1`.
    pub name: &'static str,
    /// The device tree's `compatible`.
    pub compatible: &'static str,
    /// EL2 is implemented, in Non-secure state.
    pub el2: bool,
    /// EL3 is implemented, and with it two security states.
    pub el3: bool,
    /// MIDR_EL1.
    pub midr: u64,
    /// CCSIDR_EL1 by CSSELR_EL1: L1 data, L1 instruction, L2 unified.
    pub ccsidr: [u64; 3],
    /// What it has beyond Armv8.0.
    pub features: FeatureSet,
    /// The ID registers.
    pub id: Ids,
}

/// A four-bit field of an ID register, and the value that each feature gives it; the highest counts.
struct Field {
    register: Register,
    low: u32,
    values: &'static [(Feature, u64)],
}

/// Registers with fields that features give.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Register {
    Pfr0,
    Pfr1,
    Isar0,
    Isar1,
    Isar2,
    Mmfr1,
    Mmfr2,
}

const fn field(register: Register, low: u32, values: &'static [(Feature, u64)]) -> Field {
    Field { register, low, values }
}

/// ARM DDI 0487, "ID_AA64..._EL1". FP and AdvSIMD tell half precision, and 0 is floating point without it.
#[rustfmt::skip]
const FIELDS: &[Field] = {
    use Feature::*;
    use Register::*;
    &[
        field(Pfr0,  16, &[(FP16, 1)]),                    // FP
        field(Pfr0,  20, &[(FP16, 1)]),                    // AdvSIMD
        field(Pfr0,  28, &[(RAS, 1)]),
        field(Pfr0,  48, &[(DIT, 1)]),
        field(Pfr1,   0, &[(BTI, 1)]),                     // BT
        field(Pfr1,   4, &[(SSBS, 1), (SSBS2, 2)]),
        field(Pfr1,  36, &[(NMI, 1)]),
        field(Isar0,  4, &[(AES, 1), (PMULL, 2)]),
        field(Isar0,  8, &[(SHA1, 1)]),
        field(Isar0, 12, &[(SHA256, 1), (SHA512, 2)]),     // SHA2
        field(Isar0, 16, &[(CRC32, 1)]),
        field(Isar0, 20, &[(LSE, 2)]),                     // Atomic
        field(Isar0, 28, &[(RDM, 1)]),
        field(Isar0, 32, &[(SHA3, 1)]),
        field(Isar0, 36, &[(SM3, 1)]),
        field(Isar0, 40, &[(SM4, 1)]),
        field(Isar0, 44, &[(DotProd, 1)]),                 // DP
        field(Isar0, 48, &[(FHM, 1)]),
        field(Isar0, 52, &[(FlagM, 1), (FlagM2, 2)]),      // TS
        field(Isar0, 56, &[(TLBIOS, 1), (TLBIRANGE, 2)]),  // TLB
        field(Isar0, 60, &[(RNG, 1)]),                     // RNDR
        field(Isar1,  0, &[(DPB, 1), (DPB2, 2)]),
        field(Isar1,  4, &[(PACQARMA5, 1)]),               // APA
        field(Isar1,  8, &[(PACIMP, 1)]),                  // API
        field(Isar1, 12, &[(JSCVT, 1)]),
        field(Isar1, 16, &[(FCMA, 1)]),
        field(Isar1, 20, &[(LRCPC, 1), (LRCPC2, 2)]),
        field(Isar1, 24, &[(PACQARMA5, 1)]),               // GPA
        field(Isar1, 28, &[(PACIMP, 1)]),                  // GPI
        field(Isar1, 32, &[(FRINTTS, 1)]),
        field(Isar1, 36, &[(SB, 1)]),
        field(Isar1, 40, &[(SPECRES, 1)]),
        field(Isar1, 44, &[(BF16, 1)]),
        field(Isar1, 52, &[(I8MM, 1)]),
        field(Isar1, 56, &[(XS, 1)]),
        field(Isar2,  0, &[(WFxT, 2)]),
        field(Isar2,  8, &[(PACQARMA3, 1)]),               // GPA3
        field(Isar2, 12, &[(PACQARMA3, 1)]),               // APA3
        field(Isar2, 16, &[(MOPS, 1)]),
        field(Isar2, 20, &[(HBC, 1)]),                     // BC
        field(Isar2, 52, &[(CSSC, 1)]),
        field(Mmfr1,  0, &[(HAFDBS, 2)]),
        field(Mmfr1, 12, &[(HPDS, 1)]),
        field(Mmfr1, 20, &[(PAN, 1), (PAN2, 2)]),
        field(Mmfr2,  4, &[(UAO, 1)]),
        field(Mmfr2, 32, &[(LSE2, 1)]),                    // AT
        field(Mmfr2, 60, &[(E0PD, 1)]),
    ]
};

/// What a feature cannot be without (ARM DDI 0487, "Features"), as far as models choose.
const NEEDS: &[(Feature, Feature)] = {
    use Feature::*;
    &[
        (PMULL, AES),
        (SHA256, SHA1),
        (SHA512, SHA256),
        (SHA3, SHA512),
        (SHA512, SHA3),
        (SM3, SM4),
        (SM4, SM3),
        (FHM, FP16),
        (FlagM2, FlagM),
        (LRCPC2, LRCPC),
        (PAN2, PAN),
        (DPB2, DPB),
        (SSBS2, SSBS),
        (TLBIRANGE, TLBIOS),
        (LSE2, LSE),
        (PACQARMA5, PAuth),
        (PACQARMA3, PAuth),
        (PACIMP, PAuth),
    ]
};

/// Values of the fields that count or number something: ID_AA64MMFR0_EL1 and ID_AA64DFR0_EL1.
#[rustfmt::skip]
mod number {
    pub mod pfr0 {
        pub const EL0: u32 = 0;      pub const EL1: u32 = 4;      pub const EL2: u32 = 8;
        pub const EL3: u32 = 12;     pub const GIC: u32 = 24;
        pub const CSV2: u32 = 56;    pub const CSV3: u32 = 60;
    }
    pub mod dfr0 {
        pub const DEBUGVER: u32 = 0; pub const PMUVER: u32 = 8;   pub const BRPS: u32 = 12;
        pub const WRPS: u32 = 20;    pub const CTX_CMPS: u32 = 28;
    }
    pub mod mmfr0 {
        pub const PARANGE: u32 = 0;  pub const ASIDBITS: u32 = 4; pub const TGRAN16: u32 = 20;
    }
}
use crate::debug::{BREAKPOINTS, CONTEXT_AWARE, WATCHPOINTS};
use number::*;

/// EL0 and EL1 in AArch64 only, the GIC's system registers; CSV2 and CSV3: nothing here speculates.
const PFR0: u64 = of(&[(pfr0::EL0, 1), (pfr0::EL1, 1), (pfr0::GIC, 1), (pfr0::CSV2, 1), (pfr0::CSV3, 1)]);

/// ID_AA64DFR0_EL1 with the debug architecture and PMU version given, and as many comparators as there are.
const fn debug(debug: u64, pmu: u64) -> u64 {
    of(&[
        (dfr0::DEBUGVER, debug),
        (dfr0::PMUVER, pmu),
        (dfr0::BRPS, BREAKPOINTS as u64 - 1),
        (dfr0::WRPS, WATCHPOINTS as u64 - 1),
        (dfr0::CTX_CMPS, CONTEXT_AWARE as u64 - 1),
    ])
}

/// Armv8.0 and its optional parts, as Cortex-A57 has them.
const V8_0: FeatureSet = {
    use Feature::*;
    FeatureSet::of(&[A64, AES, PMULL, SHA1, SHA256, CRC32])
};

/// Armv8.2 and its optional parts, as Neoverse N1 has them.
const V8_2: FeatureSet = {
    use Feature::*;
    V8_0.and(FeatureSet::of(&[LSE, RDM, FP16, DotProd, LRCPC, PAN, PAN2, UAO, DPB, RAS, SSBS, SSBS2, HAFDBS, HPDS]))
};

/// All that is implemented, but for the algorithm of pointer authentication.
const EVERYTHING: FeatureSet = {
    use Feature::*;
    V8_2.and(FeatureSet::of(&[
        FlagM, FlagM2, LRCPC2, SB, DIT, SPECRES, BTI, PAuth, MOPS, CSSC, HBC, RNG, WFxT, E0PD, XS, TLBIOS, TLBIRANGE,
        DPB2, FCMA, JSCVT, FRINTTS, FHM, I8MM, BF16, SHA512, SHA3, SM3, SM4, LSE2,
    ]))
};

/// All models; the first is the default.
static MODELS: [Model; 5] = [
    // Armv8.2-A without AArch32, SPE and LOR; EL2 and EL3 are the board's to add.
    Model {
        name: "neoverse-n1",
        compatible: "arm,neoverse-n1",
        el2: false,
        el3: false,
        midr: 0x413f_d0c1, // r3p1
        ccsidr: [cache(64 << 10, 4), cache(64 << 10, 4), cache(1 << 20, 8)],
        features: V8_2,
        id: Ids::of(
            V8_2,
            Ids {
                dfr0: debug(8, 4),
                mmfr0: of(&[(mmfr0::PARANGE, 5), (mmfr0::ASIDBITS, 2), (mmfr0::TGRAN16, 1)]),
                ctr: CTR | CTR_IDC,
                clidr: CLIDR, // IDC: LoUU and LoUIS are 0
                ..NOTHING
            },
        ),
    },
    // Armv8.0-A without AArch32; EL2 and EL3 are the board's to add.
    Model {
        name: "cortex-a57",
        compatible: "arm,cortex-a57",
        el2: false,
        el3: false,
        midr: 0x411f_d070, // r1p0
        ccsidr: [cache(32 << 10, 2), cache(48 << 10, 3), cache(2 << 20, 16)],
        features: V8_0,
        id: Ids::of(
            V8_0,
            Ids {
                dfr0: debug(6, 1),
                mmfr0: of(&[(mmfr0::PARANGE, 4), (mmfr0::ASIDBITS, 2)]),
                ctr: CTR,
                clidr: CLIDR | CLIDR_LOU1,
                ..NOTHING
            },
        ),
    },
    max("max", Feature::PACIMP),
    max("max-qarma5", Feature::PACQARMA5),
    max("max-qarma3", Feature::PACQARMA3),
];

/// What a board may add to any model.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Extras {
    /// EL2.
    pub el2: bool,
    /// EL3.
    pub el3: bool,
    /// FEAT_NMI, for a GIC that has non-maskable interrupts.
    pub nmi: bool,
}

/// The models with every other choice of extras.
static VARIANTS: LazyLock<Vec<Model>> = LazyLock::new(|| {
    let bit = |n: u32, i: u32| n >> i & 1 != 0;
    let variant = |model: &Model, n: u32| {
        let extras = Extras { el2: bit(n, 0), el3: bit(n, 1), nmi: bit(n, 2) };
        let features = if extras.nmi { model.features.with(Feature::NMI) } else { model.features };
        let numbers = Ids { pfr0: 0, pfr1: 0, isar0: 0, isar1: 0, isar2: 0, mmfr1: 0, mmfr2: 0, ..model.id };
        let mut id = Ids::of(features, numbers);
        id.pfr0 |= of(&[(pfr0::EL2, extras.el2.into()), (pfr0::EL3, extras.el3.into())]);
        Model { el2: extras.el2, el3: extras.el3, features, id, ..*model }
    };
    MODELS.iter().flat_map(|model| (1..8).map(move |n| variant(model, n))).collect()
});

/// No processor that was ever made: everything there is, so that software can be tried on it.
const fn max(name: &'static str, algorithm: Feature) -> Model {
    let features = EVERYTHING.with(algorithm);
    let numbers = Ids {
        dfr0: debug(8, 4),
        mmfr0: of(&[(mmfr0::PARANGE, 5), (mmfr0::ASIDBITS, 2), (mmfr0::TGRAN16, 1)]),
        ctr: CTR | CTR_IDC,
        clidr: CLIDR,
        ..NOTHING
    };
    Model {
        name,
        compatible: "arm,armv8",
        el2: false,
        el3: false,
        midr: 0x000f_0000, // implementer 0: reserved for software use; architecture 0xf: see the ID registers
        ccsidr: [cache(64 << 10, 4), cache(64 << 10, 4), cache(1 << 20, 8)],
        features,
        id: Ids::of(features, numbers),
    }
}

/// CTR_EL0: 64-byte lines, PIPT instruction cache, write-back and reservation granule of 64 bytes. DIC is 0:
/// engines keep decoded instructions until they see IC.
const CTR: u64 = 1 << 31 | 4 << 24 | 4 << 20 | 4 << 16 | 3 << 14 | 4;
/// CTR_EL0.IDC: no cleaning to the point of unification is needed; stores are seen at once.
const CTR_IDC: u64 = 1 << 28;
/// CLIDR_EL1: separate first level, unified second level, coherent at level 2.
const CLIDR: u64 = 2 << 24 | 4 << 3 | 3;
/// CLIDR_EL1.{LoUU, LoUIS} = 1.
const CLIDR_LOU1: u64 = 1 << 27 | 1 << 21;

const _: () = {
    let mut i = 0;
    while i < MODELS.len() {
        let (features, mut j) = (MODELS[i].features, 0);
        while j < NEEDS.len() {
            let (feature, needed) = NEEDS[j];
            assert!(!features.has(feature) || features.has(needed), "a feature comes without what it needs");
            j += 1;
        }
        i += 1;
    }
};

/// A register from (low bit, value) of its four-bit fields.
const fn of(fields: &[(u32, u64)]) -> u64 {
    let (mut value, mut i) = (0, 0);
    while i < fields.len() {
        assert!(fields[i].1 < 16 && value >> fields[i].0 & 0xf == 0, "a field is set once");
        value |= fields[i].1 << fields[i].0;
        i += 1;
    }
    value
}

/// CCSIDR_EL1 in its 32-bit format, for 64-byte lines.
const fn cache(bytes: u64, ways: u64) -> u64 {
    let sets = bytes / ways / 64;
    (sets - 1) << 13 | (ways - 1) << 3 | 2
}

/// All zero.
const NOTHING: Ids =
    Ids { pfr0: 0, pfr1: 0, dfr0: 0, isar0: 0, isar1: 0, isar2: 0, mmfr0: 0, mmfr1: 0, mmfr2: 0, ctr: 0, clidr: 0 };

impl Ids {
    /// `numbers`, and what `features` says.
    const fn of(features: FeatureSet, numbers: Ids) -> Ids {
        let mut ids = Ids { pfr0: numbers.pfr0 | PFR0, ..numbers };
        let mut i = 0;
        while i < FIELDS.len() {
            let Field { register, low, values } = FIELDS[i];
            let (mut value, mut j) = (0, 0);
            while j < values.len() {
                if features.has(values[j].0) && values[j].1 > value {
                    value = values[j].1;
                }
                j += 1;
            }
            let to = match register {
                Register::Pfr0 => &mut ids.pfr0,
                Register::Pfr1 => &mut ids.pfr1,
                Register::Isar0 => &mut ids.isar0,
                Register::Isar1 => &mut ids.isar1,
                Register::Isar2 => &mut ids.isar2,
                Register::Mmfr1 => &mut ids.mmfr1,
                Register::Mmfr2 => &mut ids.mmfr2,
            };
            assert!(*to >> low & 0xf == 0, "a field has one row");
            *to |= value << low;
            i += 1;
        }
        ids
    }
}

const fn get(register: u64, shift: u32) -> u64 {
    register >> shift & 0xf
}

impl Model {
    /// Every model; the first is the default.
    pub fn all() -> &'static [Model] {
        &MODELS
    }

    /// The model that users call `name`.
    pub fn by_name(name: &str) -> Option<&'static Model> {
        MODELS.iter().find(|m| m.name == name)
    }

    /// This model with what a board adds to it.
    pub fn with(&'static self, extras: Extras) -> &'static Model {
        if extras == Extras::default() {
            return self;
        }
        let wanted = |m: &&Model| m.name == self.name && m.extras() == extras;
        VARIANTS.iter().find(wanted).expect("every model has every variant")
    }

    /// What a board has added.
    pub fn extras(&self) -> Extras {
        Extras { el2: self.el2, el3: self.el3, nmi: self.has(Feature::NMI) }
    }

    /// The highest implemented Exception level, into which it resets.
    pub const fn highest_el(&self) -> u8 {
        match (self.el3, self.el2) {
            (true, _) => 3,
            (_, true) => 2,
            _ => 1,
        }
    }

    /// Has it any of what a board may add?
    pub const fn is_layered(&self) -> bool {
        self.el2 || self.el3 || self.has(Feature::NMI)
    }

    /// Physical address bits (ID_AA64MMFR0_EL1.PARange).
    pub const fn pa_bits(&self) -> u32 {
        [32, 36, 40, 42, 44, 48][get(self.id.mmfr0, mmfr0::PARANGE) as usize]
    }

    /// Has it `feature`?
    #[inline(always)]
    pub const fn has(&self, feature: Feature) -> bool {
        self.features.has(feature)
    }

    /// The bits of a register that its features make writable.
    pub(crate) fn bits(&self, by_feature: &[(Feature, u64)]) -> u64 {
        by_feature.iter().filter(|(feature, _)| self.has(*feature)).fold(0, |all, (_, bits)| all | bits)
    }

    /// FEAT_PAN.
    pub const fn pan(&self) -> bool {
        self.has(Feature::PAN)
    }

    /// FEAT_PAN2: AT S1E1RP and S1E1WP.
    pub const fn pan2(&self) -> bool {
        self.has(Feature::PAN2)
    }

    /// FEAT_UAO.
    pub const fn uao(&self) -> bool {
        self.has(Feature::UAO)
    }

    /// FEAT_SSBS2: the register, not only the bit.
    pub const fn ssbs(&self) -> bool {
        self.has(Feature::SSBS2)
    }

    /// Hardware update of the Access flag (1) and of dirty state (2), in TCR_ELx.
    pub const fn hafdbs(&self) -> u64 {
        if self.has(Feature::HAFDBS) { 2 } else { 0 }
    }

    /// FEAT_HPDS: hierarchical permission disables.
    pub const fn hpds(&self) -> bool {
        self.has(Feature::HPDS)
    }

    /// 16 KiB granule.
    pub const fn granule_16k(&self) -> bool {
        get(self.id.mmfr0, mmfr0::TGRAN16) >= 1
    }

    /// Half-precision arithmetic.
    pub const fn fp16(&self) -> bool {
        self.has(Feature::FP16)
    }

    /// FEAT_RAS.
    pub const fn ras(&self) -> bool {
        self.has(Feature::RAS)
    }

    /// PMUv3.
    pub const fn pmu(&self) -> bool {
        get(self.id.dfr0, dfr0::PMUVER) >= 1
    }

    /// PMEVTYPERn_EL0.evtCount: 10 bits, and 16 from PMUv3 for Armv8.1.
    pub const fn pmu_event_bits(&self) -> u64 {
        if get(self.id.dfr0, dfr0::PMUVER) >= 4 { 0xffff } else { 0x3ff }
    }

    /// DC CVAP.
    pub const fn dpb(&self) -> bool {
        self.has(Feature::DPB)
    }
}
