//! The caller's memory. An attribute call names an address in it; what cannot be read or written gives `EFAULT`.

use crate::errno::{Errno, Refusal};
use std::cell::Cell;

/// No memory of the caller is at an address, or it may not be accessed so.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Unmapped;

impl From<Unmapped> for Refusal {
    fn from(_: Unmapped) -> Refusal {
        Errno::Fault.because("the value is not at an address of the caller's memory")
    }
}

/// Memory of the caller of an ioctl, by address.
pub trait UserMemory {
    /// Copies out.
    fn read(&self, at: u64, out: &mut [u8]) -> Result<(), Unmapped>;

    /// Copies in.
    fn write(&self, at: u64, bytes: &[u8]) -> Result<(), Unmapped>;
}

/// 8 bytes of caller's memory at address 0, and nothing else: for callers in the same process.
#[derive(Default)]
pub struct Value(Cell<[u8; 8]>);

impl Value {
    /// Holds this value; an attribute of 32 bits is its lower half.
    pub fn new(value: u64) -> Value {
        Value(Cell::new(value.to_le_bytes()))
    }

    /// What is there now.
    pub fn get(&self) -> u64 {
        u64::from_le_bytes(self.0.get())
    }
}

impl UserMemory for Value {
    fn read(&self, at: u64, out: &mut [u8]) -> Result<(), Unmapped> {
        let bytes = self.0.get();
        out.copy_from_slice(range(at, out.len()).and_then(|range| bytes.get(range)).ok_or(Unmapped)?);
        Ok(())
    }

    fn write(&self, at: u64, bytes: &[u8]) -> Result<(), Unmapped> {
        let mut value = self.0.get();
        let place = range(at, bytes.len()).and_then(|range| value.get_mut(range)).ok_or(Unmapped)?;
        place.copy_from_slice(bytes);
        self.0.set(value);
        Ok(())
    }
}

fn range(at: u64, length: usize) -> Option<std::ops::Range<usize>> {
    let at = usize::try_from(at).ok()?;
    Some(at..at.checked_add(length)?)
}

/// The value of an attribute where the caller has it.
#[derive(Clone, Copy)]
pub(crate) struct UserPointer<'a> {
    pub memory: &'a dyn UserMemory,
    pub at: u64,
}

impl UserPointer<'_> {
    pub fn read_u32(self) -> Result<u32, Refusal> {
        let mut bytes = [0; 4];
        self.memory.read(self.at, &mut bytes)?;
        Ok(u32::from_le_bytes(bytes))
    }

    pub fn read_u64(self) -> Result<u64, Refusal> {
        let mut bytes = [0; 8];
        self.memory.read(self.at, &mut bytes)?;
        Ok(u64::from_le_bytes(bytes))
    }

    pub fn write_u32(self, value: u32) -> Result<(), Refusal> {
        Ok(self.memory.write(self.at, &value.to_le_bytes())?)
    }

    pub fn write_u64(self, value: u64) -> Result<(), Refusal> {
        Ok(self.memory.write(self.at, &value.to_le_bytes())?)
    }
}
