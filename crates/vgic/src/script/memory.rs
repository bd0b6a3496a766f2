//! The memories of a script: the guest's RAM, and that of the program that makes the calls.

use crate::{Unmapped, UserMemory};
use hw::{GuestMemory, PhysAddr, Unbacked};
use std::cell::RefCell;
use std::ops::Range;
use std::sync::{Mutex, MutexGuard};

/// Guest RAM: one range.
pub(super) struct Ram {
    base: u64,
    bytes: Mutex<Vec<u8>>,
}

impl Ram {
    pub fn new(base: u64, size: usize) -> Ram {
        Ram { base, bytes: Mutex::new(vec![0; size]) }
    }

    fn bytes(&self) -> MutexGuard<'_, Vec<u8>> {
        self.bytes.lock().unwrap_or_else(|poisoned| poisoned.into_inner())
    }
}

/// Where `length` bytes at an address are in memory that begins at `base`.
fn within(base: u64, at: u64, length: usize) -> Option<Range<usize>> {
    let from = usize::try_from(at.checked_sub(base)?).ok()?;
    Some(from..from.checked_add(length)?)
}

impl GuestMemory for Ram {
    fn read(&self, at: PhysAddr, out: &mut [u8]) -> Result<(), Unbacked> {
        let bytes = self.bytes();
        let range = within(self.base, at.0, out.len());
        out.copy_from_slice(range.and_then(|range| bytes.get(range)).ok_or(Unbacked(at))?);
        Ok(())
    }

    fn write(&self, at: PhysAddr, bytes: &[u8]) -> Result<(), Unbacked> {
        let mut memory = self.bytes();
        let range = within(self.base, at.0, bytes.len());
        range.and_then(|range| memory.get_mut(range)).ok_or(Unbacked(at))?.copy_from_slice(bytes);
        Ok(())
    }

    fn read_u64(&self, at: PhysAddr) -> Result<u64, Unbacked> {
        let mut bytes = [0; 8];
        aligned(at)?;
        self.read(at, &mut bytes)?;
        Ok(u64::from_le_bytes(bytes))
    }

    fn write_u64(&self, at: PhysAddr, value: u64) -> Result<(), Unbacked> {
        aligned(at)?;
        self.write(at, &value.to_le_bytes())
    }
}

fn aligned(at: PhysAddr) -> Result<(), Unbacked> {
    if at.0.is_multiple_of(8) { Ok(()) } else { Err(Unbacked(at)) }
}

/// What a pointer is.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Pointer {
    /// To 8 bytes that hold this.
    To(u64),
    /// To its lower 4 bytes, and no memory follows.
    Short(u64),
    /// To nothing.
    Bad,
}

/// The caller's memory: at one place.
pub(super) struct Caller(RefCell<Vec<u8>>);

impl Caller {
    /// Where its memory is.
    pub const BASE: u64 = 0x1_0000;
    /// Where it is not.
    pub const NOWHERE: u64 = 0xdead_0000;

    pub fn new(bytes: Vec<u8>) -> Caller {
        Caller(RefCell::new(bytes))
    }

    /// Memory with the value, and its address.
    pub fn with(pointer: Pointer) -> (Caller, u64) {
        match pointer {
            Pointer::To(value) => (Caller::new(value.to_le_bytes().to_vec()), Caller::BASE),
            Pointer::Short(value) => (Caller::new(value.to_le_bytes()[..4].to_vec()), Caller::BASE),
            Pointer::Bad => (Caller::new(vec![]), Caller::NOWHERE),
        }
    }

    /// The first 8 bytes.
    pub fn value(&self) -> u64 {
        self.0.borrow().iter().take(8).rev().fold(0, |value, byte| value << 8 | u64::from(*byte))
    }
}

impl UserMemory for Caller {
    fn read(&self, at: u64, out: &mut [u8]) -> Result<(), Unmapped> {
        let bytes = self.0.borrow();
        let range = within(Caller::BASE, at, out.len());
        out.copy_from_slice(range.and_then(|range| bytes.get(range)).ok_or(Unmapped)?);
        Ok(())
    }

    fn write(&self, at: u64, bytes: &[u8]) -> Result<(), Unmapped> {
        let mut memory = self.0.borrow_mut();
        let range = within(Caller::BASE, at, bytes.len());
        range.and_then(|range| memory.get_mut(range)).ok_or(Unmapped)?.copy_from_slice(bytes);
        Ok(())
    }
}
