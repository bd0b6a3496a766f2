//! The device tree: what the board tells a guest about itself, or what a user's blob is told about the run.
//!
//! Bindings: Devicetree Specification 0.4 and the Linux bindings named in each node's `compatible`.

mod build;
mod flat;
mod patch;
#[cfg(test)]
mod tests;

pub use build::build;
pub use patch::patch;

use cpu::Conduit;
use hw::PhysAddr;

/// One PE.
#[derive(Clone, Copy, Debug)]
pub struct CpuNode {
    /// Affinity as in MPIDR_EL1, flag bits clear.
    pub mpidr: u64,
}

/// What a run decides about its device tree; the rest is `map`.
#[derive(Clone, Debug)]
pub struct FdtSpec {
    /// Every PE; the first boots, the others wait for PSCI.
    pub cpus: Vec<CpuNode>,
    /// `compatible` of every PE, such as `arm,neoverse-n1`.
    pub cpu_compatible: String,
    /// What calls the machine's firmware.
    pub conduit: Conduit,
    /// The GIC has a maintenance interrupt.
    pub has_el2: bool,
    /// Bytes of RAM at `map::RAM`'s base.
    pub ram_size: u64,
    /// The GIC has an ITS.
    pub has_its: bool,
    /// There is a PCIe host bridge.
    pub has_pcie: bool,
    /// Kernel command line; `None` leaves a user's blob as it is.
    pub bootargs: Option<String>,
    /// Where the initrd was loaded, and its bytes.
    pub initrd: Option<(PhysAddr, u64)>,
    /// Seed for the kernel's own placement; `None` for runs that must repeat.
    pub kaslr_seed: Option<u64>,
    /// Seed for the kernel's random numbers.
    pub rng_seed: Option<[u8; 32]>,
}

/// Why there is no device tree.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub enum FdtError {
    /// The user's blob is not a device tree, or is damaged.
    #[error("malformed device tree blob: {reason} at byte {offset:#x}; make it with dtc or --dump-dtb")]
    Malformed {
        /// What is wrong.
        reason: &'static str,
        /// Where, from the start of the blob.
        offset: usize,
    },
    /// The user's blob cannot describe the RAM asked for.
    #[error(
        "the device tree's root has {address} address and {size} size cells, which cannot describe {ram:#x} bytes of RAM; use 2 and 2"
    )]
    Cells {
        /// `#address-cells` of the root.
        address: u32,
        /// `#size-cells` of the root.
        size: u32,
        /// Bytes of RAM.
        ram: u64,
    },
    /// The command line cannot be put in a string property.
    #[error("the kernel command line contains a NUL character; check --append")]
    Bootargs,
    /// The writer refused; only a name or size of ours can be the cause.
    #[error("cannot write the device tree: {0}")]
    Write(String),
}

impl From<vm_fdt::Error> for FdtError {
    fn from(e: vm_fdt::Error) -> FdtError {
        FdtError::Write(e.to_string())
    }
}

/// Whether `bytes` is a well-formed device tree blob: header, bounds, nesting and strings.
pub fn check(bytes: &[u8]) -> Result<(), FdtError> {
    flat::Blob::parse(bytes).map(|_| ())
}
