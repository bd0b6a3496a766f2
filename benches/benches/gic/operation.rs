//! What is measured: each operation once through, and how its time splits.

use crate::measure::BATCH;
use crate::rig::{EVENTS, Pe};

/// One row of the table.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Operation {
    Edge,
    Level,
    Ppi,
    Sgi,
    Its,
    Direct,
    Pmr,
    Signals,
}
use Operation::*;

impl Operation {
    pub const ALL: [Operation; 8] = [Edge, Level, Ppi, Sgi, Its, Direct, Pmr, Signals];

    pub fn name(self) -> &'static str {
        match self {
            Edge => "SPI, edge: rise, fall, acknowledge, EOI",
            Level => "SPI, level: rise, acknowledge, fall, EOI",
            Ppi => "PPI: rise, acknowledge, fall, EOI",
            Sgi => "SGI to itself: SGI1R, acknowledge, EOI",
            Its => "LPI by the ITS's cache: message, acknowledge, EOI",
            Direct => "LPI by SETLPIR: write, acknowledge, EOI",
            Pmr => "PMR write",
            Signals => "is anything deliverable?",
        }
    }

    /// Makes the interrupt pending.
    #[inline(always)]
    pub fn inject(self, pe: &mut Pe) {
        let n = pe.it.pe();
        match self {
            Edge => {
                pe.rig.spi(32 + n as u32, true);
                pe.rig.spi(32 + n as u32, false);
            }
            Level => pe.rig.spi(64 + n as u32, true),
            Ppi => pe.rig.ppi(n, 27, true),
            Sgi => pe.sgi(pe.to_itself()),
            Its => pe.rig.message(n, 0),
            Direct => pe.rig.lpi(n, 8192 + n as u32 * EVENTS),
            Pmr | Signals => {}
        }
    }

    /// Takes and ends it, or is the operation if nothing is taken.
    #[inline(always)]
    pub fn rest(self, pe: &mut Pe) -> u64 {
        let n = pe.it.pe();
        match self {
            Level => {
                let id = pe.acknowledge();
                pe.rig.spi(64 + n as u32, false);
                pe.end(id);
                id
            }
            Ppi => {
                let id = pe.acknowledge();
                pe.rig.ppi(n, 27, false);
                pe.end(id);
                id
            }
            Pmr => {
                pe.pmr(0xf0);
                0
            }
            Signals => u64::from(pe.signals()),
            _ => pe.take(),
        }
    }

    #[inline(always)]
    pub fn all(self, pe: &mut Pe) -> u64 {
        self.inject(pe);
        self.rest(pe)
    }

    /// `rounds` times; the operation is known to the compiler in each loop.
    pub fn rounds(self, pe: &mut Pe, rounds: u64) -> u64 {
        #[inline(always)]
        fn run(operation: Operation, pe: &mut Pe, rounds: u64) -> u64 {
            (0..rounds).map(|_| operation.all(std::hint::black_box(&mut *pe))).sum()
        }
        match self {
            Edge => run(Edge, pe, rounds),
            Level => run(Level, pe, rounds),
            Ppi => run(Ppi, pe, rounds),
            Sgi => run(Sgi, pe, rounds),
            Its => run(Its, pe, rounds),
            Direct => run(Direct, pe, rounds),
            Pmr => run(Pmr, pe, rounds),
            Signals => run(Signals, pe, rounds),
        }
    }

    /// Rounds of a batch that several threads make: so many that it does not matter that the host wakes one some 5
    /// microseconds after another.
    pub fn rounds_together(self) -> u64 {
        match self {
            Pmr | Signals => 100 * BATCH,
            _ => 5 * BATCH,
        }
    }

    /// The INTID that each round takes.
    pub fn intid(self, pe: usize) -> u64 {
        match self {
            Edge => 32 + pe as u64,
            Level => 64 + pe as u64,
            Ppi => 27,
            Sgi => 5,
            Its | Direct => 8192 + pe as u64 * u64::from(EVENTS),
            Pmr | Signals => 0,
        }
    }
}
