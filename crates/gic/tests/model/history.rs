//! Histories: operations of threads that use the GIC at once, each with when it began and when it was over.
//!
//! Each thread owns a PE and is a device and a configuring CPU besides.

mod commands;
mod memory;
mod order;
mod random;
mod rig;
mod step;

pub use order::{Verdict, order};
pub use random::{Random, Theme};
pub use rig::Rig;
pub use step::Forwarded;

/// Threads, each with a PE.
pub const PES: usize = if cfg!(shuttle) { 4 } else { 3 };
pub const AFFINITIES: [u64; 4] = [0, 1, 2, 3];
/// The shared interrupts that histories are about: few, so that threads meet, and no two in one register, so that a
/// write of a register is one step.
pub const SHARED: [u64; 3] = [32, 64, 4096];
/// As a target: 1-of-N.
pub const ANY: u64 = 1 << 31;
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
    /// To a PE, or to `ANY`.
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
    /// GICR_CTLR.DPG, a bit for each group and a step for each.
    Decline {
        pe: usize,
        groups: u64,
    },
    // LPIs: number n is event n of the device.
    /// The device writes to GITS_TRANSLATER.
    Send {
        n: usize,
    },
    /// GICR_SETLPIR, GICR_CLRLPIR.
    Lpi {
        pe: usize,
        n: usize,
        pending: bool,
    },
    /// A byte of the configuration table.
    Configure {
        n: usize,
        byte: u8,
    },
    /// GICR_INVLPIR.
    Reload {
        pe: usize,
        n: usize,
    },
    /// GICR_CTLR.EnableLPIs.
    EnableLpis {
        pe: usize,
        on: bool,
    },
    // Commands; collection n is at PE n. The result is 1 of one that fails.
    Inv {
        n: usize,
    },
    Movi {
        n: usize,
        pe: usize,
    },
    Movall {
        from: usize,
        to: usize,
    },
    Discard {
        n: usize,
    },
    Mapti {
        n: usize,
        pe: usize,
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
