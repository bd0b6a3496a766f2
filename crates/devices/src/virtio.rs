//! Virtio devices (Virtual I/O Device 1.2): what a device does, what all have in common, and how a driver reaches it.
//!
//! A device (`Device`) serves its queues; `Core` is the negotiation that every transport shows in registers of its own;
//! `pci` is the transport over PCI. Queues and descriptor chains are rust-vmm's, which check what a driver puts there.

mod core;
mod device;
mod pci;
mod rng;

pub use device::{Broken, Device};
pub use pci::{VirtioPci, VirtioPciState};
pub use rng::Rng;
