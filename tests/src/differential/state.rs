//! What a case starts from and what comes of it.

use a64::RowInfo;

/// What user programs see of a PE.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct State {
    /// X0 to X30.
    pub x: [u64; 31],
    /// SP.
    pub sp: u64,
    /// NZCV in bits [31:28].
    pub nzcv: u32,
    /// FPCR.
    pub fpcr: u32,
    /// FPSR.
    pub fpsr: u32,
    /// V0 to V31.
    pub v: [u128; 32],
}

/// One instruction under test, at a known address, with what it starts from.
#[derive(Clone)]
pub struct Case {
    /// The row that the last word belongs to.
    pub row: &'static RowInfo,
    /// The instruction, after at most one other that it needs (a load-exclusive).
    pub words: Vec<u32>,
    /// The registers.
    pub state: State,
}

impl Case {
    /// The instruction under test.
    pub fn word(&self) -> u32 {
        *self.words.last().expect("a case has an instruction")
    }
}

/// How a case ended.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Outcome {
    /// The instruction after it was reached.
    Finished,
    /// A signal, with the address it came from. A branch ends so too: nothing is mapped at its target.
    Signal {
        /// Linux's number.
        signal: u32,
        /// The instruction that could not be executed or fetched.
        pc: u64,
    },
}

/// Linux's numbers for what can happen.
pub mod signal {
    /// An undefined instruction.
    pub const ILL: u32 = 4;
    /// BRK.
    pub const TRAP: u32 = 5;
    /// A misaligned access that must be aligned.
    pub const BUS: u32 = 7;
    /// An access to unmapped memory.
    pub const SEGV: u32 = 11;
}

/// What came of a case.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Ran {
    /// The registers after it.
    pub state: State,
    /// How it ended.
    pub outcome: Outcome,
    /// Scratch memory after it.
    pub memory: Vec<u8>,
}
