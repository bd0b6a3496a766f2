//! Where things are in the guest process, and the form of cases and results on its pipes.
//!
//! Everything that is mapped has unmapped space around it, so that an access or a branch that goes astray
//! is a fault and not a change of something else. Slots and scratch are in reach of literal loads.

use super::state::{Outcome, Ran, State};

/// The runner's code.
pub const TEXT: u64 = 0x4000_0000;
/// The runner's variables, and the stack of its signal handler.
pub const VARS: u64 = 0x4001_0000;
pub const VARS_SIZE: u64 = 0x1_0000;
/// The memory that instructions under test may access.
pub const SCRATCH: u64 = 0x4003_0000;
pub const SCRATCH_SIZE: u64 = 4096;
/// The code under test, one slot per case. So few that a TBZ (±32 KiB) in any slot can leave them all.
pub const SLOTS: u64 = 0x4010_0000;
pub const SLOT_SIZE: u64 = 272;
/// Instructions that a slot has room for, besides the way in and out.
#[allow(dead_code)]
pub const SLOT_WORDS: usize = SLOT_SIZE as usize / 4 - 3;
/// What a batch brings besides its slots: see `Input`.
pub const INPUT: u64 = 0x4040_0000;
/// What it takes away: a state and the scratch memory per case.
pub const RESULTS: u64 = 0x4100_0000;

/// Cases in a full batch.
pub const BATCH: usize = 112;

/// Offsets in `VARS`.
pub mod var {
    pub const CASE: u32 = 0;
    pub const RESULT: u32 = 8;
    pub const SLOT: u32 = 16;
    pub const LEFT: u32 = 24;
    /// `stack_t`, `struct sigaction` and `struct itimerval` as Linux has them on arm64.
    pub const STACK: u32 = 32;
    pub const ACTION: u32 = 64;
    pub const TIMER: u32 = 96;
    /// The signal stack begins here.
    pub const FREE: u32 = 0x1000;
}

/// Offsets in a state: X0 to X30 come first.
pub mod at {
    pub const SP: u32 = 248;
    pub const NZCV: u32 = 256;
    pub const FPCR: u32 = 264;
    pub const FPSR: u32 = 272;
    /// Of results only: where a signal came from, and which; 0 if none did.
    pub const PC: u32 = 280;
    pub const SIGNAL: u32 = 288;
    pub const V: u32 = 304;
    pub const SIZE: u32 = 816;
}

/// Offsets in `INPUT`.
pub mod input {
    /// How many cases there are.
    pub const COUNT: u64 = 0;
    /// What scratch holds when a case begins.
    pub const MEMORY: u64 = 16;
    pub const CASES: u64 = MEMORY + super::SCRATCH_SIZE;
    pub const SIZE: u64 = CASES + super::BATCH as u64 * super::at::SIZE as u64;
}

/// Bytes of one result.
pub const RESULT_SIZE: usize = at::SIZE as usize + SCRATCH_SIZE as usize;

/// Is anything mapped at `address`?
pub fn is_mapped(address: u64) -> bool {
    // Code and variables, scratch, slots, and all that the runner or QEMU's `brk` may have from INPUT up.
    const MAPPED: &[(u64, u64)] = &[
        (TEXT, VARS + VARS_SIZE),
        (SCRATCH, SCRATCH + SCRATCH_SIZE),
        (SLOTS, SLOTS + BATCH as u64 * SLOT_SIZE),
        (INPUT, RESULTS + 0x0200_0000),
    ];
    MAPPED.iter().any(|(from, to)| (*from..*to).contains(&address))
}

/// The address of the first instruction under test in slot `index`: the runner's own comes before it.
pub fn entry(index: usize) -> u64 {
    SLOTS + index as u64 * SLOT_SIZE + 4
}

/// Appends `s` as the runner reads it.
pub fn write_state(out: &mut Vec<u8>, s: &State) {
    let State { x, sp, nzcv, fpcr, fpsr, v } = s;
    x.iter().for_each(|x| out.extend(x.to_le_bytes()));
    out.extend(sp.to_le_bytes());
    [*nzcv, *fpcr, *fpsr].iter().for_each(|word| out.extend(u64::from(*word).to_le_bytes()));
    out.extend([0; (at::V - at::PC) as usize]);
    v.iter().for_each(|v| out.extend(v.to_le_bytes()));
}

/// What the runner wrote about one case, `RESULT_SIZE` bytes.
pub fn read_result(bytes: &[u8]) -> Ran {
    let u64_at = |at: u32| u64::from_le_bytes(bytes[at as usize..][..8].try_into().expect("8 bytes were cut"));
    let v_at =
        |i: usize| u128::from_le_bytes(bytes[at::V as usize + 16 * i..][..16].try_into().expect("16 bytes were cut"));
    let state = State {
        x: std::array::from_fn(|i| u64_at(8 * i as u32)),
        sp: u64_at(at::SP),
        nzcv: u64_at(at::NZCV) as u32,
        fpcr: u64_at(at::FPCR) as u32,
        fpsr: u64_at(at::FPSR) as u32,
        v: std::array::from_fn(v_at),
    };
    let outcome = match u64_at(at::SIGNAL) {
        0 => Outcome::Finished,
        signal => Outcome::Signal { signal: signal as u32, pc: u64_at(at::PC) },
    };
    Ran { state, outcome, memory: bytes[at::SIZE as usize..].to_vec() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_state_is_as_long_as_the_runner_believes() {
        let mut out = vec![];
        write_state(&mut out, &State::default());
        assert_eq!(out.len(), at::SIZE as usize);
    }

    #[test]
    fn a_state_comes_back() {
        let mut state = State { sp: 5, nzcv: 6, fpcr: 7, fpsr: 8, ..State::default() };
        state.x = std::array::from_fn(|i| i as u64 + 1);
        state.v = std::array::from_fn(|i| (i as u128) << 64 | 9);
        let mut bytes = vec![];
        write_state(&mut bytes, &state);
        bytes.resize(RESULT_SIZE, 0);
        let ran = read_result(&bytes);
        assert_eq!((ran.state, ran.outcome), (state, Outcome::Finished));
    }
}
