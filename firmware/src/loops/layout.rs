//! Where the loops program keeps its parameters and data: shared by the program and by whoever runs it.

/// Offset in the image: how often the loop goes round, 8 bytes.
pub const ROUNDS: usize = 8;
/// Offset in the image: which loop, 8 bytes.
pub const WHICH: usize = 16;
/// Offset in the image: 1 if the MMU shall be on, 8 bytes.
pub const MMU: usize = 24;

/// Bytes that `bytes` sieves.
pub const SIEVE: u64 = 16384;
/// `calls` computes this Fibonacci number.
pub const FIB: u64 = 12;
/// Functions that `far` calls, each in a page of its own.
pub const FAR: u64 = 8;
/// Nodes of `list`, 64 bytes each: 1 MiB.
pub const NODES: u64 = 16384;
/// The node after node n of `list` is n * `STEP` + 1 modulo `NODES`: a cycle through all, since `STEP` is 1
/// modulo 4.
pub const STEP: u64 = 0x2c9d;
/// Double words that `copy` copies.
pub const COPIED: u64 = 512;
/// CRC-32's polynomial, reflected.
pub const POLYNOMIAL: u32 = 0xedb8_8320;
