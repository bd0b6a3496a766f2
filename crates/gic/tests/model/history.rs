//! Histories: operations of threads that use the GIC at once, each with when it began and when it was over.
//!
//! Each thread owns a PE and is a device and a configuring CPU besides.

mod order;
mod rig;

pub use order::{Verdict, order};
pub use rig::Rig;

/// Threads, each with a PE.
pub const PES: usize = if cfg!(shuttle) { 4 } else { 3 };
pub const AFFINITIES: [u64; 4] = [0, 1, 2, 3];
/// The shared interrupts that histories are about: few, so that threads meet, and no two in one register, so that a
/// write of a register is one step.
pub const SHARED: [u64; 3] = [32, 64, 4096];
/// The PPI of each PE.
pub const PPI: u64 = 20;
pub const NONE: u64 = 1023;

#[derive(Clone, Copy, Debug)]
pub enum Op {
    Wire {
        id: u64,
        high: bool,
    },
    Ppi {
        pe: usize,
        high: bool,
    },
    Enable {
        id: u64,
        on: bool,
    },
    Pend {
        id: u64,
        on: bool,
    },
    Group {
        id: u64,
        one: bool,
    },
    Edge {
        id: u64,
        on: bool,
    },
    NonMaskable {
        id: u64,
        on: bool,
    },
    Priority {
        id: u64,
        value: u64,
    },
    Route {
        id: u64,
        pe: u64,
    },
    Sgi {
        id: u64,
        pe: u64,
    },
    ReadPending {
        id: u64,
    },
    ReadActive {
        id: u64,
    },
    /// GICD_CTLR: a step for each PE and group.
    Forward {
        value: u64,
    },
    /// GICR_WAKER: a step for each group.
    Sleep {
        pe: usize,
        asleep: bool,
    },
    // Of the PE's own.
    Pmr {
        value: u64,
    },
    Bpr {
        value: u64,
    },
    Open {
        group: usize,
        on: bool,
    },
    Acknowledge {
        group: usize,
    },
    End {
        group: usize,
        id: u64,
    },
    Highest {
        group: usize,
    },
}

/// One operation of a history.
#[derive(Clone, Debug)]
pub struct Event {
    pub pe: usize,
    pub op: Op,
    pub result: u64,
    pub began: u64,
    pub over: u64,
}

pub struct Random(pub u64);

impl Random {
    pub fn below(&mut self, n: u64) -> u64 {
        self.0 = self.0.wrapping_mul(6364136223846793005).wrapping_add(1442695040888963407);
        (self.0 >> 33) % n
    }

    /// Group 1 and open gates more often than not.
    fn mostly(&mut self) -> bool {
        self.below(3) != 0
    }

    pub fn op(&mut self) -> Op {
        let id = SHARED[self.below(3) as usize];
        let pe = self.below(PES as u64);
        match self.below(40) {
            0..6 => Op::Wire { id, high: self.mostly() },
            6 => Op::Ppi { pe: pe as usize, high: self.mostly() },
            7..9 => Op::Enable { id, on: self.below(2) != 0 },
            9..12 => Op::Pend { id, on: self.mostly() },
            12 => Op::Group { id, one: self.mostly() },
            13 => Op::Edge { id, on: self.mostly() },
            14 => Op::NonMaskable { id, on: self.below(2) != 0 },
            15..18 => Op::Priority { id, value: [0x40, 0x80, 0xa0][self.below(3) as usize] },
            18..20 => Op::Route { id, pe },
            20 => Op::Sgi { id: self.below(2), pe },
            21 => Op::ReadPending { id },
            22 => Op::ReadActive { id },
            23 => Op::Forward { value: [3, 3, 2, 1, 0][self.below(5) as usize] },
            24 => Op::Sleep { pe: pe as usize, asleep: !self.mostly() },
            25 => Op::Pmr { value: [0x40, 0x80, 0xf0][self.below(3) as usize] },
            26 => Op::Bpr { value: self.below(8) },
            27 => Op::Open { group: self.below(2) as usize, on: self.mostly() },
            28..30 => Op::Highest { group: self.below(2) as usize },
            _ => Op::Acknowledge { group: usize::from(self.below(4) != 0) },
        }
    }
}
