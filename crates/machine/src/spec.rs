//! What the user wants of a machine, and its limits.

use crate::engine::{EngineKind, Tuning};
use cpu::Model;
use gic::{Fidelity, LpiCache, OnError, Product};
use std::path::PathBuf;

/// Smallest RAM, in bytes.
pub const MIN_MEMORY: u64 = 64 << 20;
/// Most vCPUs.
pub const MAX_CPUS: usize = gic::MAX_PES;

/// One machine.
#[derive(Clone, Debug)]
pub struct MachineSpec {
    /// Number of vCPUs, 1 to `MAX_CPUS`.
    pub cpus: usize,
    /// Bytes of RAM, from `MIN_MEMORY` to what the map has room for.
    pub memory: u64,
    /// Which processor the vCPUs look like.
    pub model: &'static Model,
    /// How instructions are executed.
    pub engine: EngineKind,
    /// What of the compiler is not as usual.
    pub tuning: Tuning,
    /// What GIC the board has.
    pub gic: GicChoice,
    /// What is on PCIe, in the order of device numbers.
    pub devices: Vec<DeviceSpec>,
    /// What is started.
    pub payload: Payload,
    /// Initial RAM disk.
    pub initrd: Option<PathBuf>,
    /// Kernel command line.
    pub append: String,
    /// A device tree blob instead of the board's own; command line, initrd and memory are written into it.
    pub dtb: Option<PathBuf>,
}

/// What of the board's GIC can be chosen.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct GicChoice {
    /// What it shows of delays and misuse.
    pub fidelity: Fidelity,
    /// Whose identification and power management it has.
    pub product: Product,
    /// Shared interrupts: a multiple of 32, or 988.
    pub spis: u32,
    /// Extended SPIs: a multiple of 32 up to 1024.
    pub espis: u32,
    /// Extended PPIs of each PE: 0, 32 or 64.
    pub eppis: u32,
    /// There is an ITS. Without one no device has MSI-X, and LPIs come from GICR_SETLPIR only, if that exists.
    pub its: bool,
    /// GICR_SETLPIR and GICR_CLRLPIR exist.
    pub direct_lpis: bool,
    /// When redistributors read the configuration of LPIs.
    pub lpi_cache: LpiCache,
    /// What a command error does to the ITS's queue.
    pub its_errors: OnError,
}

impl Default for GicChoice {
    fn default() -> GicChoice {
        GicChoice {
            fidelity: Fidelity::Fast,
            product: Product::Architecture,
            spis: crate::map::SPIS,
            espis: 0,
            eppis: 0,
            its: true,
            direct_lpis: false,
            lpi_cache: LpiCache::default(),
            its_errors: OnError::default(),
        }
    }
}

impl GicChoice {
    /// The fewest SPIs that this board's devices can do with.
    pub const MIN_SPIS: u32 = 64;
}

/// A device on PCIe.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct DeviceSpec {
    /// Which.
    pub kind: DeviceKind,
    /// MSI-X vectors; with none, it interrupts by INTx.
    pub vectors: u16,
}

/// What devices there are for PCIe.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum DeviceKind {
    /// Virtio entropy device.
    VirtioRng,
}

impl DeviceKind {
    /// All of them.
    pub const ALL: [DeviceKind; 1] = [DeviceKind::VirtioRng];

    /// What QEMU calls it.
    pub fn name(self) -> &'static str {
        match self {
            DeviceKind::VirtioRng => "virtio-rng-pci",
        }
    }

    /// MSI-X vectors unless others are asked for: one for each queue, and one for the configuration.
    pub fn vectors(self) -> u16 {
        match self {
            DeviceKind::VirtioRng => 2,
        }
    }
}

/// What is started.
#[derive(Clone, Debug)]
pub enum Payload {
    /// A kernel or firmware file.
    File(PathBuf),
    /// A raw program in memory, entered at RAM + 0x80000 with X0 pointing at the device tree.
    Program(Vec<u8>),
}

/// The machine cannot be made as specified.
#[derive(Debug, thiserror::Error)]
pub enum SpecError {
    /// Too few or too many vCPUs.
    #[error("--smp {0}: a machine has 1 to {MAX_CPUS} CPUs")]
    Cpus(usize),
    /// Fewer SPIs than devices are wired to.
    #[error("--gic spis={0}: the board's devices need {min}", min = GicChoice::MIN_SPIS)]
    Spis(u32),
    /// More devices than a bus has room for.
    #[error("--device: {0} are more than the {max} that the board has room for", max = crate::map::PCIE_DEVICES)]
    Devices(usize),
    /// More MSI-X vectors than we have.
    #[error("--device {name},vectors={vectors}: a device has 0 to {max} vectors", max = devices::VirtioPci::MAX_VECTORS)]
    Vectors {
        /// Of which device.
        name: &'static str,
        /// How many.
        vectors: u16,
    },
    /// Too little or too much RAM.
    #[error("--memory {} MiB: RAM is {} MiB to {} GiB, in steps of 1 MiB", .0 >> 20, MIN_MEMORY >> 20, crate::map::RAM.size >> 30)]
    Memory(u64),
}

impl MachineSpec {
    /// Checks the numbers against the board's limits.
    pub fn check(&self) -> Result<(), SpecError> {
        if !(1..=MAX_CPUS).contains(&self.cpus) {
            return Err(SpecError::Cpus(self.cpus));
        }
        if self.gic.spis < GicChoice::MIN_SPIS {
            return Err(SpecError::Spis(self.gic.spis));
        }
        if self.devices.len() > crate::map::PCIE_DEVICES {
            return Err(SpecError::Devices(self.devices.len()));
        }
        if let Some(it) = self.devices.iter().find(|it| it.vectors > devices::VirtioPci::MAX_VECTORS) {
            return Err(SpecError::Vectors { name: it.kind.name(), vectors: it.vectors });
        }
        if !(MIN_MEMORY..=crate::map::RAM.size).contains(&self.memory) || !self.memory.is_multiple_of(1 << 20) {
            return Err(SpecError::Memory(self.memory));
        }
        Ok(())
    }
}
