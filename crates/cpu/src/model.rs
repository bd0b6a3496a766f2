//! CPU models: what each one's identification registers say.
//!
//! An ID register never advertises what is not implemented: `IMPLEMENTED` lists every field that may be
//! non-zero and its highest value, and no model compiles that claims more. Fields that no model mentions
//! read as zero, which the manual defines as "absent" for all but the fields named in `IMPLEMENTED`.

/// Identification register values that differ between models.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[allow(missing_docs)]
pub struct Ids {
    pub pfr0: u64,
    pub pfr1: u64,
    pub dfr0: u64,
    pub isar0: u64,
    pub isar1: u64,
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
    /// Highest implemented Exception level.
    pub highest_el: u8,
    /// MIDR_EL1.
    pub midr: u64,
    /// CCSIDR_EL1 by CSSELR_EL1: L1 data, L1 instruction, L2 unified.
    pub ccsidr: [u64; 3],
    /// The ID registers.
    pub id: Ids,
}

/// Names and low bits of the four-bit fields that models set (ARM DDI 0487, "ID_AA64..._EL1").
#[rustfmt::skip]
mod field {
    pub mod pfr0 {
        pub const EL0: u32 = 0;      pub const EL1: u32 = 4;      pub const FP: u32 = 16;
        pub const ADVSIMD: u32 = 20; pub const GIC: u32 = 24;     pub const RAS: u32 = 28;
        pub const CSV2: u32 = 56;    pub const CSV3: u32 = 60;
    }
    pub mod pfr1 {
        pub const SSBS: u32 = 4;
    }
    pub mod dfr0 {
        pub const DEBUGVER: u32 = 0; pub const PMUVER: u32 = 8;   pub const BRPS: u32 = 12;
        pub const WRPS: u32 = 20;    pub const CTX_CMPS: u32 = 28;
    }
    pub mod isar0 {
        pub const AES: u32 = 4;      pub const SHA1: u32 = 8;     pub const SHA2: u32 = 12;
        pub const CRC32: u32 = 16;   pub const ATOMIC: u32 = 20;  pub const RDM: u32 = 28;
        pub const DP: u32 = 44;
    }
    pub mod isar1 {
        pub const DPB: u32 = 0;      pub const LRCPC: u32 = 20;
    }
    pub mod mmfr0 {
        pub const PARANGE: u32 = 0;  pub const ASIDBITS: u32 = 4; pub const TGRAN16: u32 = 20;
    }
    pub mod mmfr1 {
        pub const HAFDBS: u32 = 0;   pub const HPDS: u32 = 12;    pub const PAN: u32 = 20;
    }
    pub mod mmfr2 {
        pub const UAO: u32 = 4;
    }
}
use crate::debug::{BREAKPOINTS, CONTEXT_AWARE, WATCHPOINTS};
use field::*;

/// Every field that may be non-zero, and the highest value that is implemented. TGran4 and TGran64 are
/// implemented where they read as zero.
#[rustfmt::skip]
const IMPLEMENTED: Ids = Ids {
    pfr0: of(&[(pfr0::EL0, 1), (pfr0::EL1, 1), (pfr0::FP, 1), (pfr0::ADVSIMD, 1), (pfr0::GIC, 1),
               (pfr0::RAS, 1), (pfr0::CSV2, 1), (pfr0::CSV3, 1)]),
    pfr1: of(&[(pfr1::SSBS, 2)]),
    dfr0: of(&[(dfr0::DEBUGVER, 8), (dfr0::PMUVER, 4), (dfr0::BRPS, BREAKPOINTS as u64 - 1),
               (dfr0::WRPS, WATCHPOINTS as u64 - 1), (dfr0::CTX_CMPS, CONTEXT_AWARE as u64 - 1)]),
    isar0: of(&[(isar0::AES, 2), (isar0::SHA1, 1), (isar0::SHA2, 1), (isar0::CRC32, 1), (isar0::ATOMIC, 2),
                (isar0::RDM, 1), (isar0::DP, 1)]),
    isar1: of(&[(isar1::DPB, 1), (isar1::LRCPC, 1)]),
    mmfr0: of(&[(mmfr0::PARANGE, 5), (mmfr0::ASIDBITS, 2), (mmfr0::TGRAN16, 1)]),
    mmfr1: of(&[(mmfr1::HAFDBS, 2), (mmfr1::HPDS, 1), (mmfr1::PAN, 2)]),
    mmfr2: of(&[(mmfr2::UAO, 1)]),
    ctr: u64::MAX,
    clidr: u64::MAX,
};

/// All models; the first is the default.
#[rustfmt::skip]
static MODELS: [Model; 2] = [
    // Armv8.2-A without AArch32, EL2 and EL3, SPE and LOR. CSV2 and CSV3: nothing here speculates.
    Model {
        name: "neoverse-n1",
        compatible: "arm,neoverse-n1",
        highest_el: 1,
        midr: 0x413f_d0c1, // r3p1
        ccsidr: [cache(64 << 10, 4), cache(64 << 10, 4), cache(1 << 20, 8)],
        id: Ids {
            pfr0: of(&[(pfr0::EL0, 1), (pfr0::EL1, 1), (pfr0::FP, 1), (pfr0::ADVSIMD, 1), (pfr0::GIC, 1),
                       (pfr0::RAS, 1), (pfr0::CSV2, 1), (pfr0::CSV3, 1)]),
            pfr1: of(&[(pfr1::SSBS, 2)]),
            dfr0: of(&[(dfr0::DEBUGVER, 8), (dfr0::PMUVER, 4), (dfr0::BRPS, 5), (dfr0::WRPS, 3),
                       (dfr0::CTX_CMPS, 1)]),
            isar0: of(&[(isar0::AES, 2), (isar0::SHA1, 1), (isar0::SHA2, 1), (isar0::CRC32, 1),
                        (isar0::ATOMIC, 2), (isar0::RDM, 1), (isar0::DP, 1)]),
            isar1: of(&[(isar1::DPB, 1), (isar1::LRCPC, 1)]),
            mmfr0: of(&[(mmfr0::PARANGE, 5), (mmfr0::ASIDBITS, 2), (mmfr0::TGRAN16, 1)]),
            mmfr1: of(&[(mmfr1::HAFDBS, 2), (mmfr1::HPDS, 1), (mmfr1::PAN, 2)]),
            mmfr2: of(&[(mmfr2::UAO, 1)]),
            ctr: CTR | CTR_IDC,
            clidr: CLIDR, // IDC: LoUU and LoUIS are 0
        },
    },
    // Armv8.0-A without AArch32, EL2 and EL3.
    Model {
        name: "cortex-a57",
        compatible: "arm,cortex-a57",
        highest_el: 1,
        midr: 0x411f_d070, // r1p0
        ccsidr: [cache(32 << 10, 2), cache(48 << 10, 3), cache(2 << 20, 16)],
        id: Ids {
            pfr0: of(&[(pfr0::EL0, 1), (pfr0::EL1, 1), (pfr0::GIC, 1), (pfr0::CSV2, 1), (pfr0::CSV3, 1)]),
            pfr1: 0,
            dfr0: of(&[(dfr0::DEBUGVER, 6), (dfr0::PMUVER, 1), (dfr0::BRPS, 5), (dfr0::WRPS, 3),
                       (dfr0::CTX_CMPS, 1)]),
            isar0: of(&[(isar0::AES, 2), (isar0::SHA1, 1), (isar0::SHA2, 1), (isar0::CRC32, 1)]),
            isar1: 0,
            mmfr0: of(&[(mmfr0::PARANGE, 4), (mmfr0::ASIDBITS, 2)]),
            mmfr1: 0,
            mmfr2: 0,
            ctr: CTR,
            clidr: CLIDR | CLIDR_LOU1,
        },
    },
];

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
        assert!(MODELS[i].id.is_within(&IMPLEMENTED), "a model claims what is not implemented");
        assert!(MODELS[i].highest_el == 1, "EL2 and EL3 are not implemented");
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

/// Every four-bit field of `claimed` at most that of `limit`.
const fn within(claimed: u64, limit: u64) -> bool {
    let mut shift = 0;
    while shift < 64 {
        if claimed >> shift & 0xf > limit >> shift & 0xf {
            return false;
        }
        shift += 4;
    }
    true
}

impl Ids {
    const fn is_within(&self, limit: &Ids) -> bool {
        within(self.pfr0, limit.pfr0)
            && within(self.pfr1, limit.pfr1)
            && within(self.dfr0, limit.dfr0)
            && within(self.isar0, limit.isar0)
            && within(self.isar1, limit.isar1)
            && within(self.mmfr0, limit.mmfr0)
            && within(self.mmfr1, limit.mmfr1)
            && within(self.mmfr2, limit.mmfr2)
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

    /// Physical address bits (ID_AA64MMFR0_EL1.PARange).
    pub const fn pa_bits(&self) -> u32 {
        [32, 36, 40, 42, 44, 48][get(self.id.mmfr0, mmfr0::PARANGE) as usize]
    }

    /// FEAT_PAN.
    pub const fn pan(&self) -> bool {
        get(self.id.mmfr1, mmfr1::PAN) >= 1
    }

    /// FEAT_PAN2: AT S1E1RP and S1E1WP.
    pub const fn pan2(&self) -> bool {
        get(self.id.mmfr1, mmfr1::PAN) >= 2
    }

    /// FEAT_UAO.
    pub const fn uao(&self) -> bool {
        get(self.id.mmfr2, mmfr2::UAO) >= 1
    }

    /// FEAT_SSBS2: the register, not only the bit.
    pub const fn ssbs(&self) -> bool {
        get(self.id.pfr1, pfr1::SSBS) >= 2
    }

    /// Hardware update of the Access flag (1) and of dirty state (2), in TCR_ELx.
    pub const fn hafdbs(&self) -> u64 {
        get(self.id.mmfr1, mmfr1::HAFDBS)
    }

    /// FEAT_HPDS: hierarchical permission disables.
    pub const fn hpds(&self) -> bool {
        get(self.id.mmfr1, mmfr1::HPDS) >= 1
    }

    /// 16 KiB granule.
    pub const fn granule_16k(&self) -> bool {
        get(self.id.mmfr0, mmfr0::TGRAN16) >= 1
    }

    /// Half-precision arithmetic.
    pub const fn fp16(&self) -> bool {
        get(self.id.pfr0, pfr0::FP) == 1
    }

    /// FEAT_RAS.
    pub const fn ras(&self) -> bool {
        get(self.id.pfr0, pfr0::RAS) >= 1
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
        get(self.id.isar1, isar1::DPB) >= 1
    }
}
