//! What a PE writes to memory, for those who execute twice and compare, or look for stores to code.
//!
//! While there is a journal no TLB entry promises a store, so every one comes to `slow.rs`, which writes it down
//! before it happens. Loads stay fast; accesses to devices can be refused.

use crate::Vcpu;
use hw::{AccessSize, PhysAddr};

/// A doubleword of RAM that was about to be written, perhaps in part, perhaps not after all.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Written {
    /// Its address, a multiple of 8.
    pub at: PhysAddr,
    /// What it held.
    pub before: u64,
    /// The address of the instruction that writes.
    pub pc: u64,
}

/// The stores since it was last emptied, in order.
#[derive(Clone, Debug, Default)]
pub struct Journal {
    /// In order; the same doubleword as often as it was written.
    pub written: Vec<Written>,
    /// Accesses to devices end with `Leave::Resync`, and nothing happens.
    pub refuses_devices: bool,
}

impl Vcpu {
    /// Begins to keep a journal of stores.
    pub fn keep_journal(&mut self) {
        self.journal = Some(Box::default());
        self.mmu.flush();
    }

    /// `bytes` of RAM at `pa` are about to be written; if there is a journal.
    #[inline(always)]
    pub(super) fn note_store(&mut self, pa: u64, bytes: u64) {
        if self.journal.is_some() && bytes > 0 {
            self.note(pa, bytes);
        }
    }

    #[cold]
    fn note(&mut self, pa: u64, bytes: u64) {
        let (ram, pc) = (self.shared.bus.ram(), self.regs.pc);
        let Some(journal) = &mut self.journal else { return };
        for at in (pa & !7..pa + bytes).step_by(8).map(PhysAddr) {
            if let Some(host) = ram.host(at) {
                journal.written.push(Written { at, before: ram.load(host, AccessSize::Double), pc });
            }
        }
    }

    /// Are devices not to be accessed now?
    #[inline(always)]
    pub(super) fn refuses_devices(&self) -> bool {
        self.journal.as_ref().is_some_and(|journal| journal.refuses_devices)
    }
}
