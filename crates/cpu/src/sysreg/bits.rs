//! Bits of control registers that the PE itself looks at, by the manual's names.
#![allow(missing_docs)]

/// SCTLR_ELx.
pub mod sctlr {
    use a64::Feature;

    pub const M: u64 = 1 << 0;
    pub const A: u64 = 1 << 1;
    pub const C: u64 = 1 << 2;
    pub const SA: u64 = 1 << 3;
    pub const SA0: u64 = 1 << 4;
    pub const NAA: u64 = 1 << 6;
    pub const UMA: u64 = 1 << 9;
    pub const EN_RCTX: u64 = 1 << 10;
    pub const I: u64 = 1 << 12;
    pub const EN_DB: u64 = 1 << 13;
    pub const DZE: u64 = 1 << 14;
    pub const UCT: u64 = 1 << 15;
    pub const NTWI: u64 = 1 << 16;
    pub const NTWE: u64 = 1 << 18;
    pub const WXN: u64 = 1 << 19;
    pub const SPAN: u64 = 1 << 23;
    pub const UCI: u64 = 1 << 26;
    pub const EN_DA: u64 = 1 << 27;
    pub const EN_IB: u64 = 1 << 30;
    pub const EN_IA: u64 = 1 << 31;
    pub const MSC_EN: u64 = 1 << 33;
    pub const BT0: u64 = 1 << 35;
    pub const BT1: u64 = 1 << 36;
    pub const DSSBS: u64 = 1 << 44;
    pub const NMI: u64 = 1 << 61;
    pub const SPINTMASK: u64 = 1 << 62;
    /// LSMAOE, nTLSMD, EIS, TSCXT, EOS, SED, ITD: fixed without the features that make them writable.
    pub const RES1: u64 = 1 << 29 | 1 << 28 | 1 << 22 | 1 << 20 | 1 << 11 | 1 << 8 | 1 << 7;
    /// Writable on every model. EE and E0E are not: ID_AA64MMFR0_EL1 says there is no mixed endianness.
    pub const RW: u64 = M | A | C | SA | SA0 | UMA | I | DZE | UCT | NTWI | NTWE | WXN | UCI;
    /// Writable with a feature.
    pub const BY_FEATURE: &[(Feature, u64)] = &[
        (Feature::PAN, SPAN),
        (Feature::SSBS, DSSBS),
        (Feature::LSE2, NAA),
        (Feature::SPECRES, EN_RCTX),
        (Feature::PAuth, EN_IA | EN_IB | EN_DA | EN_DB),
        (Feature::MOPS, MSC_EN),
        (Feature::BTI, BT0 | BT1),
        (Feature::NMI, NMI | SPINTMASK),
    ];
    /// Of SCTLR_EL2 and SCTLR_EL3.
    pub const RES1_HIGH: u64 = 0x30c5_0830;
    pub const RW_HIGH: u64 = M | A | C | SA | I | WXN;
    /// Writable there with a feature; BT1 is at BT0's twin, bit 36.
    pub const HIGH_BY_FEATURE: &[(Feature, u64)] = &[
        (Feature::SSBS, DSSBS),
        (Feature::LSE2, NAA),
        (Feature::PAuth, EN_IA | EN_IB | EN_DA | EN_DB),
        (Feature::BTI, BT1),
        (Feature::NMI, NMI | SPINTMASK),
    ];
}

/// TCR_EL1.
pub mod tcr {
    use a64::Feature;

    pub const HA: u64 = 1 << 39;
    pub const HD: u64 = 1 << 40;
    pub const HPD0: u64 = 1 << 41;
    pub const HPD1: u64 = 1 << 42;
    pub const TBID0: u64 = 1 << 51;
    pub const TBID1: u64 = 1 << 52;
    pub const E0PD0: u64 = 1 << 55;
    pub const E0PD1: u64 = 1 << 56;
    /// T0SZ, EPD0, IRGN0, ORGN0, SH0, TG0, T1SZ, A1, EPD1, IRGN1, ORGN1, SH1, TG1, IPS, AS, TBI0, TBI1.
    pub const RW: u64 = 0x77_ffff_ffbf;
    /// Writable with a feature, besides HA and HD.
    pub const BY_FEATURE: &[(Feature, u64)] =
        &[(Feature::HPDS, HPD0 | HPD1), (Feature::PAuth, TBID0 | TBID1), (Feature::E0PD, E0PD0 | E0PD1)];
}

/// HCR_EL2.
pub mod hcr {
    pub const FMO: u64 = 1 << 3;
    pub const IMO: u64 = 1 << 4;
    pub const AMO: u64 = 1 << 5;
    pub const VF: u64 = 1 << 6;
    pub const VI: u64 = 1 << 7;
    pub const VSE: u64 = 1 << 8;
    pub const TWI: u64 = 1 << 13;
    pub const TWE: u64 = 1 << 14;
    pub const TSC: u64 = 1 << 19;
    pub const TGE: u64 = 1 << 27;
    pub const HCD: u64 = 1 << 29;
    /// RW: EL1 is AArch64.
    pub const RES1: u64 = 1 << 31;
    /// What has an effect. Stage 2 (VM) and the traps of system registers are not implemented.
    pub const RW: u64 = FMO | IMO | AMO | VF | VI | VSE | TWI | TWE | TSC | TGE | HCD;
}

/// SCR_EL3.
pub mod scr {
    pub const NS: u64 = 1 << 0;
    pub const IRQ: u64 = 1 << 1;
    pub const FIQ: u64 = 1 << 2;
    pub const EA: u64 = 1 << 3;
    pub const SMD: u64 = 1 << 7;
    pub const HCE: u64 = 1 << 8;
    pub const SIF: u64 = 1 << 9;
    pub const ST: u64 = 1 << 11;
    pub const TWI: u64 = 1 << 12;
    pub const TWE: u64 = 1 << 13;
    /// RW, since lower levels are AArch64; and two bits that are reserved.
    pub const RES1: u64 = 1 << 10 | 3 << 4;
    /// What has an effect. SIF has none, since all of RAM is common.
    pub const RW: u64 = NS | IRQ | FIQ | EA | SMD | HCE | SIF | ST | TWI | TWE;
}

/// CPTR_EL2 and CPTR_EL3.
pub mod cptr {
    pub const TFP: u64 = 1 << 10;
    /// CPTR_EL2 without FEAT_VHE.
    pub const RES1_EL2: u64 = 0x33ff;
}

/// CNTHCTL_EL2.
pub mod cnthctl {
    pub const EL1PCTEN: u64 = 1 << 0;
    pub const EL1PCEN: u64 = 1 << 1;
    /// Those and EVNTEN, EVNTDIR, EVNTI.
    pub const RW: u64 = 0xff;
}

/// CNTKCTL_EL1.
pub mod cntkctl {
    pub const EL0PCTEN: u64 = 1 << 0;
    pub const EL0VCTEN: u64 = 1 << 1;
    pub const EL0VTEN: u64 = 1 << 8;
    pub const EL0PTEN: u64 = 1 << 9;
    /// Those and EVNTEN, EVNTDIR, EVNTI.
    pub const RW: u64 = 0x3ff;
}

/// MDSCR_EL1.
pub mod mdscr {
    pub const SS: u64 = 1 << 0;
    pub const TDCC: u64 = 1 << 12;
    pub const KDE: u64 = 1 << 13;
    pub const MDE: u64 = 1 << 15;
    /// SS, ERR, TDCC, KDE, HDE, MDE.
    pub const RW: u64 = 0xf041;
}
