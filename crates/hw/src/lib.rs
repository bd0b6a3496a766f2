//! Shared vocabulary of the board: addresses, interrupt numbers, access sizes, devices, wires, time.
//!
//! Only words; nothing here has behaviour beyond its own arithmetic.
#![forbid(unsafe_code)]

mod access;
mod addr;
mod clock;
mod device;

pub use access::{Access, Leave, Order};
pub use addr::{AccessSize, IntId, PhysAddr, VirtAddr};
pub use clock::Clock;
pub use device::{IrqLine, MmioDevice, Wire};
