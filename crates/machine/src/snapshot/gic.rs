//! The GIC in a snapshot: through the attributes of the configuration interface, in the order that a restore needs.
//!
//! Some things have no attribute: inputs and what Non-secure accesses see of GICx_STATUSR (`gic/inputs.rs`), and what KVM's
//! GIC does not have of power management. And what the attributes of a CPU interface do not show (banks of security states, NMIs, what CBPR hides) goes with its PE.

use super::SnapshotError;
use super::registers::*;
use crate::board::GicConfig;
use gic::{Frame, Input, Product};
use hw::IntId;
use serde::{Deserialize, Serialize};
use vgic::uapi::{control, group};
use vgic::{Device, Refusal};

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
    /// GICx_STATUSR as Non-secure accesses see them: GICD's, and each GICR's.
    statuses: Vec<u32>,
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
            // Security states are what they are before what depends on them.
            if let (How::Without(_), Some(gic)) = (how, device.vm().gic()) {
                gic.settle();
            }
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
    // What is late comes now; and commands that wait are executed by a thread that has no part in the pause.
    gic.settle();
    let translator = its.translator().expect("it was initialised");
    translator.run();
    let its_registers = |registers: &[(u64, &str)]| -> Result<Vec<u64>, SnapshotError> {
        registers.iter().map(|(at, name)| named(format!("GITS_{name}"), its.get(group::ITS_REGS, *at))).collect()
    };
    let mut tables = its_registers(ITS)?;
    let enabled = named("GITS_CTLR", its.get(group::ITS_REGS, GITS_CTLR))? & ENABLED;
    tables.extend(ITS_BESIDES.iter().map(|(at, _)| translator.raw_read(*at as u32).unwrap_or(0)));
    if product == Product::Kvm && enabled != 0 {
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
    Ok(GicState { distributor, pes, levels, inputs, statuses: gic.statuses(), its: tables })
}

/// Into a GIC as it is after initialisation, whose RAM is restored.
pub(super) fn restore(config: &GicConfig, product: Product, spis: u32, state: &GicState) -> Result<(), SnapshotError> {
    let (vgic, its) = (&config.vgic, &config.its);
    let gic = config.vm.gic().expect("the board has initialised it");
    let content = |what| SnapshotError::Content { part: "GIC", what };
    let translator = its.translator().expect("it was initialised");
    let lengths = (state.pes.len(), state.levels.len(), state.its.len());
    if lengths != (config.affinities().count(), GicConfig::blocks(spis).count(), ITS.len() + ITS_BESIDES.len() + 1) {
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
    if !gic.restore_statuses(&state.statuses) {
        return Err(content("GICD_STATUSR or GICR_STATUSR"));
    }
    let (registers, besides) = state.its.split_at(ITS.len());
    let (besides, enabled) = besides.split_at(ITS_BESIDES.len());
    for ((at, name), value) in ITS.iter().zip(registers) {
        named(format!("GITS_{name}"), its.set(group::ITS_REGS, *at, *value))?;
    }
    ITS_BESIDES.iter().zip(besides).for_each(|((at, _), value)| _ = translator.raw_write(*at as u32, *value));
    if product == Product::Kvm && enabled[0] != 0 {
        named("RESTORE_TABLES", its.set(group::CTRL, control::RESTORE_TABLES, 0))?;
    }
    named("GITS_CTLR", its.set(group::ITS_REGS, GITS_CTLR, enabled[0]))?;
    // Nothing of this is to be waited for.
    gic.settle();
    Ok(())
}
