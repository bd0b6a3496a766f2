//! Bare-metal guest programs, assembled at build time with dynasm: no cross compiler is needed.
//!
//! Raw binaries for RAM + 0x80000 at EL1 with the MMU off, as the board starts headerless images.
#![forbid(unsafe_code)]

pub mod litmus;
mod loops;

pub use loops::Loop;

/// The demo: brings up the GICv3 on every CPU, counts timer PPIs, plays SGI ping-pong, takes one SPI,
/// prints what it sees, ends with a line `DEMO-OK`, and powers off.
pub fn demo() -> &'static [u8] {
    include_bytes!(concat!(env!("OUT_DIR"), "/demo.bin"))
}

/// Takes interrupts of each group at every Exception level, and virtual ones in a guest of EL2; prints what it finds, and
/// ends with a line `LEVELS-OK`. Begins at EL3 of a PE that has EL2 as well.
pub fn levels() -> &'static [u8] {
    include_bytes!(concat!(env!("OUT_DIR"), "/levels.bin"))
}

/// Prints one byte with its first instructions, and powers off: for measuring what comes before.
pub fn hello() -> &'static [u8] {
    include_bytes!(concat!(env!("OUT_DIR"), "/hello.bin"))
}
