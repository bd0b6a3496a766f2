//! Which registers of the GIC a snapshot holds, in the order that a restore needs; and which not, and why not.

/// Registers of 32 bits, one after another.
pub(super) struct Registers {
    pub name: &'static str,
    pub offset: u32,
    pub count: u32,
    pub how: How,
}

pub(super) enum How {
    /// Replaced.
    Plain,
    /// These bits alone; the same register comes once more at the end.
    Without(u32),
    /// Where writing ones sets, the register 0x80 above clears first.
    Set,
}

const fn plain(offset: u32, count: u32, name: &'static str) -> Registers {
    Registers { name, offset, count, how: How::Plain }
}

const fn set(offset: u32, count: u32, name: &'static str) -> Registers {
    Registers { name, offset, count, how: How::Set }
}

/// GICD_CTLR's group enables.
const ENABLES: u32 = 0b111;

/// GICD. Groups, priorities and routes before what makes an interrupt pending; security states (GICD_CTLR.DS) before
/// the fields that depend on them, group enables after everything.
pub(super) static DISTRIBUTOR: &[Registers] = &[
    plain(0x0008, 1, "IIDR"),
    Registers { name: "CTLR", offset: 0x0000, count: 1, how: How::Without(ENABLES) },
    plain(0x0010, 1, "STATUSR"),
    plain(0x0080, 32, "IGROUPR"),
    plain(0x1000, 32, "IGROUPR_E"),
    plain(0x0d00, 32, "IGRPMODR"),
    plain(0x3400, 32, "IGRPMODR_E"),
    plain(0x0e00, 64, "NSACR"),
    plain(0x3600, 64, "NSACR_E"),
    plain(0x0c00, 64, "ICFGR"),
    plain(0x3000, 64, "ICFGR_E"),
    plain(0x0400, 256, "IPRIORITYR"),
    plain(0x2000, 256, "IPRIORITYR_E"),
    plain(0x0f80, 32, "INMIR"),
    plain(0x3b00, 32, "INMIR_E"),
    plain(0x6100, 2 * 988, "IROUTER"),
    plain(0x8000, 2 * 1024, "IROUTER_E"),
    set(0x0300, 32, "ISACTIVER"),
    plain(0x1a00, 32, "ISACTIVER_E"),
    set(0x0100, 32, "ISENABLER"),
    plain(0x1200, 32, "ISENABLER_E"),
    plain(0x0200, 32, "ISPENDR"),
    plain(0x1600, 32, "ISPENDR_E"),
    plain(0x0000, 1, "CTLR"),
];

/// GICR, with SGI_base at 0x10000. The tables of LPIs before EnableLPIs, which reads them.
pub(super) static REDISTRIBUTOR: &[Registers] = &[
    plain(0x0010, 1, "STATUSR"),
    plain(0x1_0080, 3, "IGROUPR"),
    plain(0x1_0d00, 3, "IGRPMODR"),
    plain(0x1_0e00, 6, "NSACR"),
    plain(0x1_0c00, 6, "ICFGR"),
    plain(0x1_0400, 24, "IPRIORITYR"),
    plain(0x1_0f80, 3, "INMIR"),
    set(0x1_0300, 3, "ISACTIVER"),
    set(0x1_0100, 3, "ISENABLER"),
    plain(0x1_0200, 3, "ISPENDR"),
    plain(0x0070, 2, "PROPBASER"),
    plain(0x0078, 2, "PENDBASER"),
    plain(0x0000, 1, "CTLR"),
];

/// ICC_*_EL1: ICC_CTLR_EL1 says how many active priorities there are, and its CBPR what ICC_BPR1_EL1 is.
pub(super) static SYSTEM: &[(u64, &str)] = &[
    (0xc665, "ICC_SRE_EL1"),
    (0xc664, "ICC_CTLR_EL1"),
    (0xc230, "ICC_PMR_EL1"),
    (0xc643, "ICC_BPR0_EL1"),
    (0xc663, "ICC_BPR1_EL1"),
    (0xc644, "ICC_AP0R0_EL1"),
    (0xc648, "ICC_AP1R0_EL1"),
    (0xc666, "ICC_IGRPEN0_EL1"),
    (0xc667, "ICC_IGRPEN1_EL1"),
];

/// GITS. The queue before where in it, both before the tables; what KVM's does not have; enabling comes last.
pub(super) static ITS: &[(u64, &str)] =
    &[(0x80, "CBASER"), (0x90, "CREADR"), (0x100, "BASER0"), (0x108, "BASER1"), (0x88, "CWRITER")];
pub(super) static ITS_BESIDES: &[(u64, &str)] = &[(0x40, "STATUSR"), (0x48, "UMSIR")];
pub(super) const GITS_CTLR: u64 = 0;
pub(super) const ENABLED: u64 = 1;

/// GICR_WAKER, and GICR_PWRR of some products: what firmware does, which KVM's GIC does not need.
pub(super) const POWER: [u32; 2] = [0x24, 0x14];

#[cfg(test)]
mod tests;
