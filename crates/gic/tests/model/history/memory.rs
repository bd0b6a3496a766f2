//! Guest memory for the tables of LPIs. Its words are the host's also under shuttle, so that an access is one step.

use hw::{GuestMemory, PhysAddr, Unbacked};
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU64, Ordering::SeqCst};

// Where what is.
pub const QUEUE: u64 = 0x1_0000;
pub const DEVICES: u64 = 0x2_0000;
pub const COLLECTIONS: u64 = 0x2_1000;
pub const ITT: u64 = 0x2_2000;
pub const CONFIG: u64 = 0x3_0000;
pub const PENDING: u64 = 0x4_0000;
const END: u64 = 0x8_0000;

/// In pages that are made when they are first used.
pub struct Memory(Vec<OnceLock<Box<[AtomicU64]>>>);

impl Memory {
    pub fn new() -> Memory {
        Memory((0..END / 4096).map(|_| OnceLock::new()).collect())
    }

    fn word(&self, at: PhysAddr) -> Result<&AtomicU64, Unbacked> {
        let page = self.0.get((at.0 / 4096) as usize).ok_or(Unbacked(at))?;
        Ok(&page.get_or_init(|| (0..512).map(|_| AtomicU64::new(0)).collect())[at.0 as usize % 4096 / 8])
    }
}

impl GuestMemory for Memory {
    fn read(&self, at: PhysAddr, out: &mut [u8]) -> Result<(), Unbacked> {
        for (n, byte) in out.iter_mut().enumerate() {
            let at = at.offset(n as u64);
            *byte = self.word(at)?.load(SeqCst).to_le_bytes()[at.0 as usize % 8];
        }
        Ok(())
    }

    fn write(&self, at: PhysAddr, bytes: &[u8]) -> Result<(), Unbacked> {
        for (n, byte) in bytes.iter().enumerate() {
            let at = at.offset(n as u64);
            let shift = at.0 % 8 * 8;
            let with = |word| Some(word & !(0xff << shift) | u64::from(*byte) << shift);
            _ = self.word(at)?.fetch_update(SeqCst, SeqCst, with);
        }
        Ok(())
    }

    fn read_u64(&self, at: PhysAddr) -> Result<u64, Unbacked> {
        Ok(self.word(at)?.load(SeqCst))
    }

    fn write_u64(&self, at: PhysAddr, value: u64) -> Result<(), Unbacked> {
        self.word(at)?.store(value, SeqCst);
        Ok(())
    }
}
