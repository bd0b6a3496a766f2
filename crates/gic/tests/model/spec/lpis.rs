//! LPIs of the model: few, each the event of the same number of one device.

use super::{Best, GROUP_1};

/// The first LPI.
pub const LPI: usize = 8192;
pub const LPIS: usize = 2;
/// PEs at most.
const PES: usize = 4;

/// One LPI at one redistributor.
#[derive(Clone, Copy, Default, PartialEq, Eq, Hash)]
pub struct Lpi {
    /// EnableLPIs has come to it.
    pub on: bool,
    pub pending: bool,
    /// Its configuration, as it was last read, and how often that was.
    pub byte: u8,
    pub read: u8,
    /// In the pending table.
    pub saved: bool,
}

#[derive(Clone, Hash)]
pub struct Lpis {
    /// The configuration table.
    pub table: [u8; LPIS],
    /// By PE.
    pub at: [[Lpi; LPIS]; PES],
    /// The PE to which each event goes.
    pub events: [Option<usize>; LPIS],
    /// While a command changes that: where it may still go.
    pub before: [Option<Option<usize>>; LPIS],
    /// Commands are executed one after another; GICR_CTLR of a PE is written by one at a time.
    pub executing: bool,
    pub writing: [bool; PES],
}

impl Lpis {
    /// All enabled at this configuration and on; event n goes to PE n.
    pub fn new(byte: u8) -> Lpis {
        Lpis {
            table: [byte; LPIS],
            at: [[Lpi { on: true, byte, ..Lpi::default() }; LPIS]; PES],
            events: std::array::from_fn(Some),
            before: [None; LPIS],
            executing: false,
            writing: [false; PES],
        }
    }

    pub fn ready(&self, pe: usize) -> impl Iterator<Item = Best> {
        let ready = self.at[pe].iter().enumerate().filter(|(_, it)| it.on && it.pending && it.byte & 1 != 0);
        ready.map(|(n, it)| Best { priority: (it.byte & 0xf8).into(), maskable: true, id: LPI + n, group: GROUP_1 })
    }

    /// A message has come.
    pub fn pend(&mut self, pe: usize, n: usize) {
        let it = &mut self.at[pe][n];
        it.pending |= it.on;
    }

    /// What is configured now was read.
    pub fn configure(&mut self, pe: usize, n: usize, byte: u8) {
        let it = &mut self.at[pe][n];
        (it.byte, it.read) = (byte, it.read.wrapping_add(1));
    }

    /// EnableLPIs is 0 for it from now on.
    pub fn stop(&mut self, pe: usize, n: usize) {
        let it = &mut self.at[pe][n];
        *it = Lpi { saved: it.pending, read: it.read.wrapping_add(1), ..Lpi::default() };
    }
}
