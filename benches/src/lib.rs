//! Benchmarks: each says which decision it informs. Here is what they share.
#![forbid(unsafe_code)]

pub mod emulator;
pub mod figures;
pub mod kernels;
pub mod session;
