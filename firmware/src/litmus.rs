//! Litmus tests of the memory model as a bare-metal program, and what the architecture allows of each.
//!
//! The program runs every test on up to four CPUs, with its locations in separate cache lines and again
//! (`NAME@line`) in one, prints a line `litmus NAME: ran=… met=… OUTCOME=COUNT …` for each and `LITMUS-OK` at the
//! end, and powers off. `docs/litmus.md` says how to read it.

mod insn;
mod model;
mod table;

pub use insn::*;
pub use model::{Model, Outcome, outcomes, parse};
pub use table::TESTS;

/// Offset in the image: iterations of every test, 8 bytes.
const ITERATIONS: usize = 8;
/// Iterations between two looks at the outcomes; what is asked for is rounded up to a multiple.
pub const BATCH: u64 = 128;

/// The program, for `iterations` of every test, at least one.
pub fn program(iterations: u64) -> Vec<u8> {
    let mut image = include_bytes!(concat!(env!("OUT_DIR"), "/litmus.bin")).to_vec();
    image[ITERATIONS..ITERATIONS + 8].copy_from_slice(&iterations.max(1).to_le_bytes());
    image
}
