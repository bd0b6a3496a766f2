//! The interpreter: evaluates micro-ops at once. The reference engine.
//!
//! `run` executes from the PE's PC until the machine must act. Instructions are decoded once per page of
//! guest code (`code.rs`) and then called through a table of handlers, one per row of the instruction
//! table; what they mean is in `semantics`, what they ask of the PE is in `cpu`.
#![forbid(unsafe_code)]

mod code;
mod engine;
mod run;
mod step;

pub use run::{Counts, Interp};
