//! What the user wants of a machine, and its limits.

use crate::engine::{EngineKind, Tuning};
use cpu::Model;
use gic::Fidelity;
use std::path::PathBuf;

/// Smallest RAM, in bytes.
pub const MIN_MEMORY: u64 = 64 << 20;
/// Most vCPUs.
pub const MAX_CPUS: usize = 64;

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
    /// What the GIC shows of delays and misuse.
    pub fidelity: Fidelity,
    /// What is started.
    pub payload: Payload,
    /// Initial RAM disk.
    pub initrd: Option<PathBuf>,
    /// Kernel command line.
    pub append: String,
    /// A device tree blob instead of the board's own; command line, initrd and memory are written into it.
    pub dtb: Option<PathBuf>,
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
        if !(MIN_MEMORY..=crate::map::RAM.size).contains(&self.memory) || !self.memory.is_multiple_of(1 << 20) {
            return Err(SpecError::Memory(self.memory));
        }
        Ok(())
    }
}
