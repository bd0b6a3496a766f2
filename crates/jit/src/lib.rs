//! The compiler: an engine that turns blocks of guest code into x86-64 code.
//!
//! Instructions are compiled by the same functions of `semantics` that the interpreter runs: `Emitter` is an
//! `Engine` whose values are nodes and whose effects are host instructions. What it has no lowering for is a call
//! of the interpreter's handler from inside the block, so every instruction works, and a lowering only makes it
//! faster. The vCPUs of a machine share compiled code (`CodeSpace`); each has jump caches of its own.
#![deny(unsafe_code)]
#![allow(clippy::useless_conversion)] // dynasm! converts every register number, also those that need it not
#![cfg(all(target_arch = "x86_64", target_os = "linux"))]

mod again;
mod atomic;
mod bits;
mod blocks;
mod causes;
#[allow(unsafe_code)]
mod code;
mod constants;
mod context;
mod emit;
mod engine;
#[allow(unsafe_code)]
mod entry;
mod eval;
mod evaluate;
mod exception;
mod exclusive;
mod exits;
mod float;
mod jumps;
mod landing;
mod listing;
mod memory;
mod microops;
mod options;
mod pages;
mod perf;
mod region;
mod regs;
mod removed;
mod rows;
mod run;
mod scout;
mod segments;
mod smc;
mod space;
mod spans;
mod system;
mod tables;
mod tally;
#[cfg(test)]
mod testing;
mod thunks;
mod translate;
mod turn;
mod vector;
mod verify;
mod work;

pub use causes::Causes;
pub use code::CodeError;
pub use listing::{Line, list, table};
pub use microops::micro_ops;
pub use options::{Options, OptionsError};
pub use perf::PerfMap;
pub use smc::CodeStores;
pub use space::CodeSpace;
pub use tally::Inline;
pub use turn::Turn;

use std::any::Any;
use std::sync::Arc;

/// What was counted, besides `interp::Counts`.
#[derive(Clone, Debug, Default)]
pub struct JitCounts {
    /// Blocks compiled.
    pub blocks: u64,
    /// Stretches of accesses that were not in one page of RAM.
    pub misfits: u64,
    /// Guest bytes they were made from.
    pub guest_bytes: u64,
    /// Host bytes they became.
    pub host_bytes: u64,
    /// Bytes of records about it.
    pub record_bytes: u64,
    /// Entries into compiled code from the dispatcher.
    pub entries: u64,
    /// Entries that found their block only by its address: the jump cache did not have it.
    pub lookups: u64,
    /// Exits linked to their target.
    pub links: u64,
    /// Exceptions, returns, and changes of context after which compiled code went on without leaving.
    pub turns: u64,
    /// Blocks interpreted.
    pub interpreted: u64,
    /// Instructions in compiled code that called the interpreter's handler.
    pub calls: u64,
    /// The same by row; one more for words that belong to none.
    pub calls_by_row: Vec<u64>,
    /// System instructions that compiled code had the PE do.
    pub works: u64,
    /// Accesses that the inline probe did not do.
    pub slow: u64,
    /// Why compiled code left, and what it did out of line.
    pub causes: Causes,
    /// Blocks taken out because their words had changed.
    pub stale: u64,
    /// Times that a segment of code was given up to make room.
    pub evictions: u64,
    /// Times that a hot block was interpreted: another vCPU was compiling, or there was no room yet.
    pub busy: u64,
}

/// One vCPU with the compiler as its engine. Lives on the vCPU's thread.
pub struct Jit {
    /// The interpreter, which owns the PE and executes what is cold.
    pub interp: interp::Interp,
    /// What was counted.
    pub counts: JitCounts,
    context: context::Context,
    /// Cache: what code is compiled for now, and by which translations its addresses are found.
    statics: context::Static,
    stamp: u64,
    space: Arc<CodeSpace>,
    progress: space::Progress,
    jumps: jumps::Jumps,
    heat: Box<[u8]>,
    /// `Options::hot`.
    hot: u8,
    forced: options::Forced,
    /// Everything is executed twice, and compared.
    verifier: Option<Box<verify::Verifier>>,
    /// Blocks are compared with memory before they are executed.
    stores: Option<Arc<CodeStores>>,
    perf_map: Option<Arc<PerfMap>>,
    /// A context synchronisation event has happened.
    resynced: bool,
    /// Spans that did not fit, by where their sites are.
    misfits: hashbrown::HashMap<code::Offset, u8>,
    /// A block was taken out that this vCPU may still find.
    purge: bool,
    /// Instructions since compiled code was entered that have been counted.
    accounted: u64,
    left: Option<hw::Leave>,
    panic: Option<Box<dyn Any + Send>>,
}

/// Does this host have the instructions that compiled code uses?
pub fn is_supported() -> bool {
    use std::arch::is_x86_feature_detected as has;
    has!("avx2") && has!("fma") && has!("bmi1") && has!("bmi2") && has!("lzcnt") && has!("sse4.2")
}
