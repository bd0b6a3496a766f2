//! Placeholder of the memory accesses of instructions.

use crate::Vcpu;
use hw::{Access, Leave};
use mem::Atomic;

const ABSENT: &str = "the translation unit is not here yet";

impl Vcpu {
    /// Loads up to 8 bytes, zero-extended.
    pub fn load(&mut self, _va: u64, _how: Access) -> Result<u64, Leave> {
        unimplemented!("{ABSENT}")
    }

    /// Stores up to 8 bytes.
    pub fn store(&mut self, _va: u64, _how: Access, _v: u64) -> Result<(), Leave> {
        unimplemented!("{ABSENT}")
    }

    /// LDP.
    pub fn load2(&mut self, _va: u64, _how: Access) -> Result<(u64, u64), Leave> {
        unimplemented!("{ABSENT}")
    }

    /// STP.
    pub fn store2(&mut self, _va: u64, _how: Access, _v: (u64, u64)) -> Result<(), Leave> {
        unimplemented!("{ABSENT}")
    }

    /// Loads 16 bytes.
    pub fn load16(&mut self, _va: u64, _how: Access) -> Result<u128, Leave> {
        unimplemented!("{ABSENT}")
    }

    /// Stores 16 bytes.
    pub fn store16(&mut self, _va: u64, _how: Access, _v: u128) -> Result<(), Leave> {
        unimplemented!("{ABSENT}")
    }

    /// LDXR, LDXP.
    pub fn load_exclusive(&mut self, _va: u64, _how: Access) -> Result<u128, Leave> {
        unimplemented!("{ABSENT}")
    }

    /// STXR, STXP: true if stored.
    pub fn store_exclusive(&mut self, _va: u64, _how: Access, _v: u128) -> Result<bool, Leave> {
        unimplemented!("{ABSENT}")
    }

    /// LSE read-modify-write.
    pub fn rmw(&mut self, _op: Atomic, _va: u64, _how: Access, _operand: u64) -> Result<u64, Leave> {
        unimplemented!("{ABSENT}")
    }

    /// CAS, CASP.
    pub fn cas(&mut self, _va: u64, _how: Access, _expected: u128, _new: u128) -> Result<u128, Leave> {
        unimplemented!("{ABSENT}")
    }

    /// DC ZVA.
    pub fn zero_block(&mut self, _va: u64) -> Result<(), Leave> {
        unimplemented!("{ABSENT}")
    }
}
