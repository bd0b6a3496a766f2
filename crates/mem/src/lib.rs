//! Guest memory: RAM that every vCPU and device shares, and the physical bus that finds it.
//!
//! Guest memory is never `&[u8]`: other vCPUs write it while we look. All raw access is in `ram.rs`.

mod bus;
mod code;
mod pages;
mod ram;

pub use bus::{Bus, BusError, Target};
pub use code::CodePages;
pub use ram::{Atomic, HostAddr, Piece, Ram, RamError};
