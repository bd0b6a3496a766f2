//! The GIC in a snapshot: through the attributes of the configuration interface, in the order that a restore needs.
//!
//! Two things have no attribute: inputs (`gic::Input`), and what KVM's GIC does not have of power management. And what the
//! attributes of a CPU interface do not show (banks of security states, NMIs, what CBPR hides) goes with its PE.

use super::SnapshotError;
use crate::board::GicConfig;
use gic::{Frame, Input, Product};
use hw::IntId;
use serde::{Deserialize, Serialize};
use vgic::uapi::{control, group};
use vgic::{Device, Refusal};

/// Registers of 32 bits, one after another.
struct Registers {
    name: &'static str,
    offset: u32,
    count: u32,
    how: How,
}

enum How {
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
static DISTRIBUTOR: &[Registers] = &[
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
static REDISTRIBUTOR: &[Registers] = &[
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
static SYSTEM: &[(u64, &str)] = &[
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
static ITS: &[(u64, &str)] =
    &[(0x80, "CBASER"), (0x90, "CREADR"), (0x100, "BASER0"), (0x108, "BASER1"), (0x88, "CWRITER")];
static ITS_BESIDES: &[(u64, &str)] = &[(0x40, "STATUSR"), (0x48, "UMSIR")];
const GITS_CTLR: u64 = 0;
const ENABLED: u64 = 1;

/// GICR_WAKER, and GICR_PWRR of some products: what firmware does, which KVM's GIC does not need.
const POWER: [u32; 2] = [0x24, 0x14];

/// The state of a GIC.
#[derive(Serialize, Deserialize)]
pub(super) struct GicState {
    distributor: Vec<u32>,
    /// Of each PE: registers of its redistributor and of its CPU interface, levels of its lines, power.
    pes: Vec<PeState>,
    /// Levels of SPIs from INTID 32 on, as LEVEL_INFO has them.
    levels: Vec<u32>,
    /// PE, INTID, line, message.
    inputs: Vec<(u32, u32, bool, bool)>,
    its: Vec<u64>,
}

#[derive(Serialize, Deserialize)]
struct PeState {
    redistributor: Vec<u32>,
    system: Vec<u64>,
    levels: u32,
    power: [u32; POWER.len()],
}

/// What an access to a register says when it is refused.
fn named<T>(what: impl ToString, result: Result<T, Refusal>) -> Result<T, SnapshotError> {
    result.map_err(|cause| SnapshotError::Gic { what: what.to_string(), cause })
}

fn get_all(device: &Device, group: u32, affinity: u64, all: &[Registers]) -> Result<Vec<u32>, SnapshotError> {
    let mut values = Vec::new();
    for Registers { name, offset, count, .. } in all {
        for n in 0..*count {
            let value = named(name, device.get(group, affinity | u64::from(offset + 4 * n)))?;
            values.push(value as u32);
        }
    }
    Ok(values)
}

fn set_all(device: &Device, group: u32, affinity: u64, all: &[Registers], values: &[u32]) -> Result<(), SnapshotError> {
    let mut values = values.iter();
    for Registers { name, offset, count, how } in all {
        for n in 0..*count {
            let what = "the number of registers";
            let value = *values.next().ok_or(SnapshotError::Content { part: "GIC", what })?;
            let (at, mut value) = (affinity | u64::from(offset + 4 * n), value);
            match how {
                How::Plain => {}
                How::Without(bits) => value &= !bits,
                How::Set => named(name, device.set(group, at + 0x80, 0xffff_ffff))?,
            }
            named(name, device.set(group, at, value.into()))?;
        }
    }
    Ok(())
}

impl GicConfig {
    fn affinities(&self) -> impl Iterator<Item = (usize, u64)> {
        let affinity = |n| self.vm.vcpu(n).map(|vcpu| u64::from(vcpu.default_affinity().packed()) << 32);
        (0..).map_while(move |n| affinity(n).map(|affinity| (n, affinity)))
    }

    /// INTIDs from which on LEVEL_INFO tells the levels of 32 SPIs.
    fn blocks(spis: u32) -> impl Iterator<Item = u64> {
        (1..=spis.div_ceil(32)).map(|n| u64::from(32 * n))
    }
}

/// While no PE runs. Pending tables of LPIs, and what KVM's ITS puts into its tables, go to guest memory, which is saved
/// after this.
pub(super) fn save(config: &GicConfig, product: Product, spis: u32) -> Result<GicState, SnapshotError> {
    let (vgic, its) = (&config.vgic, &config.its);
    let gic = config.vm.gic().expect("the board has initialised it");
    // Commands that wait are executed by a thread that has no part in the pause.
    its.translator().expect("it was initialised").run();
    let its_registers = |registers: &[(u64, &str)]| -> Result<Vec<u64>, SnapshotError> {
        registers.iter().map(|(at, name)| named(format!("GITS_{name}"), its.get(group::ITS_REGS, *at))).collect()
    };
    let mut tables = its_registers(ITS)?;
    let enabled = named("GITS_CTLR", its.get(group::ITS_REGS, GITS_CTLR))? & ENABLED;
    if product != Product::Kvm {
        tables.extend(its_registers(ITS_BESIDES)?);
    } else if enabled != 0 {
        named("SAVE_TABLES", its.set(group::CTRL, control::SAVE_TABLES, 0))?;
    }
    tables.push(enabled);
    named("SAVE_PENDING_TABLES", vgic.set(group::CTRL, control::SAVE_PENDING_TABLES, 0))?;
    let mut pes = Vec::new();
    for (pe, affinity) in config.affinities() {
        let system = SYSTEM.iter().map(|(at, name)| named(name, vgic.get(group::CPU_SYSREGS, affinity | at)));
        pes.push(PeState {
            redistributor: get_all(vgic, group::REDIST_REGS, affinity, REDISTRIBUTOR)?,
            system: system.collect::<Result<_, _>>()?,
            levels: named("LEVEL_INFO", vgic.get(group::LEVEL_INFO, affinity))? as u32,
            power: POWER.map(|at| gic.raw_read(Frame::Redistributor(pe), at).unwrap_or(0)),
        });
    }
    let levels = GicConfig::blocks(spis).map(|at| named("LEVEL_INFO", vgic.get(group::LEVEL_INFO, at)));
    let levels = levels.map(|level| level.map(|level| level as u32)).collect::<Result<_, _>>()?;
    let inputs = gic.inputs().into_iter().map(|it| (it.pe as u32, it.id.0, it.line, it.message)).collect();
    let distributor = get_all(vgic, group::DIST_REGS, 0, DISTRIBUTOR)?;
    Ok(GicState { distributor, pes, levels, inputs, its: tables })
}

/// Into a GIC as it is after initialisation, whose RAM is restored.
pub(super) fn restore(config: &GicConfig, product: Product, spis: u32, state: &GicState) -> Result<(), SnapshotError> {
    let (vgic, its) = (&config.vgic, &config.its);
    let gic = config.vm.gic().expect("the board has initialised it");
    let content = |what| SnapshotError::Content { part: "GIC", what };
    let besides: &[_] = if product == Product::Kvm { &[] } else { ITS_BESIDES };
    let lengths = (state.pes.len(), state.levels.len(), state.its.len());
    if lengths != (config.affinities().count(), GicConfig::blocks(spis).count(), ITS.len() + besides.len() + 1) {
        return Err(content("the number of registers"));
    }
    set_all(vgic, group::DIST_REGS, 0, DISTRIBUTOR, &state.distributor)?;
    for ((pe, affinity), it) in config.affinities().zip(&state.pes) {
        POWER.into_iter().zip(it.power).for_each(|(at, v)| _ = gic.raw_write(Frame::Redistributor(pe), at, v));
        set_all(vgic, group::REDIST_REGS, affinity, REDISTRIBUTOR, &it.redistributor)?;
        if it.system.len() != SYSTEM.len() {
            return Err(content("the number of system registers"));
        }
        for ((at, name), value) in SYSTEM.iter().zip(&it.system) {
            named(name, vgic.set(group::CPU_SYSREGS, affinity | at, *value))?;
        }
        named("LEVEL_INFO", vgic.set(group::LEVEL_INFO, affinity, it.levels.into()))?;
    }
    for (at, levels) in GicConfig::blocks(spis).zip(&state.levels) {
        named("LEVEL_INFO", vgic.set(group::LEVEL_INFO, at, (*levels).into()))?;
    }
    for &(pe, id, line, message) in &state.inputs {
        if !gic.restore_input(Input { pe: pe as usize, id: IntId(id), line, message }) {
            return Err(content("a line of an interrupt that is not there"));
        }
    }
    let (registers, enabled) = state.its.split_at(ITS.len() + besides.len());
    for ((at, name), value) in ITS.iter().chain(besides).zip(registers) {
        named(format!("GITS_{name}"), its.set(group::ITS_REGS, *at, *value))?;
    }
    if product == Product::Kvm && enabled[0] != 0 {
        named("RESTORE_TABLES", its.set(group::CTRL, control::RESTORE_TABLES, 0))?;
    }
    named("GITS_CTLR", its.set(group::ITS_REGS, GITS_CTLR, enabled[0]))
}
