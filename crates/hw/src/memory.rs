//! Guest memory as a bus master sees it: by physical address, with an error where there is none.

use crate::PhysAddr;
use std::fmt;

/// Nothing that a bus master could read or write is at this address.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Unbacked(pub PhysAddr);

impl fmt::Display for Unbacked {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "no memory at {}", self.0)
    }
}

impl std::error::Error for Unbacked {}

/// Guest memory for what is not a PE: tables of the interrupt controller, rings and buffers of devices.
///
/// Other threads write it meanwhile. Nothing here orders one access with another: the caller's words do.
pub trait GuestMemory: Send + Sync {
    /// Copies out. Bytes that others write meanwhile are old or new, each for itself.
    fn read(&self, at: PhysAddr, out: &mut [u8]) -> Result<(), Unbacked>;

    /// Copies in; nothing is written where part of the range is not memory.
    fn write(&self, at: PhysAddr, bytes: &[u8]) -> Result<(), Unbacked>;

    /// One little-endian 64-bit word, single-copy atomic. Not aligned to 8 is like no memory.
    fn read_u64(&self, at: PhysAddr) -> Result<u64, Unbacked>;

    /// One little-endian 64-bit word, single-copy atomic. Not aligned to 8 is like no memory.
    fn write_u64(&self, at: PhysAddr, value: u64) -> Result<(), Unbacked>;
}
