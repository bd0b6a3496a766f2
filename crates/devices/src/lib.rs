//! Board devices: PL011 UART, PL031 real-time clock, empty virtio-mmio slots, a PCIe host bridge with virtio devices.
//!
//! A device is a plain register state, which is pure, and a shell that owns its lock, its wire and its
//! time. Devices see offsets, never addresses, and do not know who listens to their line.
#![forbid(unsafe_code)]

mod pcie;
mod pl011;
mod pl031;
mod primecell;
mod virtio;
mod virtio_mmio;

pub use pcie::{HostBridge, IntxLines};
pub use pl011::{CharSink, Pl011, Pl011State};
pub use pl031::{Pl031, Pl031State};
pub use virtio::{Broken, Device, Rng, VirtioPci, VirtioPciState};
pub use virtio_mmio::VirtioMmioSlot;
