//! PCI Express as a generic ECAM host bridge has it: one bus with functions on it, no bridges behind.
//!
//! Configuration space is that of conventional PCI (PCI Local Bus 3.0, section 6, whose layout PCI Express keeps): a type 0
//! header, 32-bit memory BARs, capabilities. A function interrupts by MSI-X messages, or by its INTx line.

mod bridge;
mod config;
mod intx;
mod lanes;
pub(crate) mod msix;

pub use bridge::HostBridge;
pub use intx::IntxLines;

pub(crate) use config::{Config, Identity, SIZE as CONFIG_SIZE};
pub(crate) use lanes::{Write, merge, part};
pub(crate) use msix::{Control, Msix};
