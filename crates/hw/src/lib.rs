//! Shared vocabulary of the board: addresses, interrupt numbers, access sizes, devices, wires, time.
//!
//! Only words; nothing here has behaviour beyond its own arithmetic.
#![deny(unsafe_code)] // `ticks.rs` reads the host's counter

mod access;
mod addr;
mod clock;
mod device;
mod memory;
mod ticks;

pub use access::{Access, Leave, Order};
pub use addr::{AccessSize, IntId, PhysAddr, VirtAddr};
pub use clock::Clock;
pub use device::{IrqLine, MessagePort, MessageSink, MmioDevice, Requester, Wire};
pub use memory::{GuestMemory, Unbacked};
pub use ticks::{Ticks, prepare};
