//! Integer loops to measure engines with, and what each must print.
//!
//! One image holds all loops; its header says which one runs, how often, and whether behind an identity map
//! of 2 MiB blocks or with the MMU off. It prints the checksum, a line `LOOPS-OK`, and powers off.

mod layout;

use layout::*;

/// A loop. In the order of the program's own table.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Loop {
    /// Adds, logic, shifts, multiplies and selects, without memory.
    Alu,
    /// A sieve: byte loads and stores.
    Bytes,
    /// Recursion within one page: calls, returns, pairs on the stack.
    Calls,
    /// Calls of functions in other pages of code.
    Far,
    /// CRC-32 bit by bit: branches that depend on data.
    Crc,
    /// Pointers followed through 1 MiB.
    List,
    /// A copy in register pairs.
    Copy,
}

impl Loop {
    /// Every loop.
    pub const ALL: [Loop; 7] = [Loop::Alu, Loop::Bytes, Loop::Calls, Loop::Far, Loop::Crc, Loop::List, Loop::Copy];

    /// Its name in reports.
    pub fn name(self) -> &'static str {
        match self {
            Loop::Alu => "alu",
            Loop::Bytes => "bytes",
            Loop::Calls => "calls",
            Loop::Far => "far",
            Loop::Crc => "crc",
            Loop::List => "list",
            Loop::Copy => "copy",
        }
    }

    /// The image that runs it `rounds` times, at least once.
    pub fn program(self, rounds: u64, mmu: bool) -> Vec<u8> {
        assert!(rounds > 0, "the program counts down to zero");
        let mut image = include_bytes!(concat!(env!("OUT_DIR"), "/loops.bin")).to_vec();
        for (offset, value) in [(ROUNDS, rounds), (WHICH, self as u64), (MMU, mmu.into())] {
            image[offset..offset + 8].copy_from_slice(&value.to_le_bytes());
        }
        image
    }

    /// The checksum after `rounds`: the same computation by the host.
    pub fn checksum(self, rounds: u64) -> u64 {
        match self {
            Loop::Alu => alu(rounds),
            Loop::Bytes => rounds.wrapping_mul((2..SIEVE).filter(|&n| is_prime(n)).sum()),
            Loop::Calls => rounds.wrapping_mul(fib(FIB)),
            Loop::Far => (0..rounds).fold(1, |x, _| (1..=FAR).fold(x, far)),
            Loop::Crc => (1..=rounds).rev().fold(!0, crc).into(),
            Loop::List => list(rounds),
            Loop::Copy => rounds.wrapping_mul((0..COPIED).step_by(2).map(word).fold(0, u64::wrapping_add)),
        }
    }
}

fn alu(rounds: u64) -> u64 {
    let (mut a, mut b, mut c, mut d) = (1u64, 2u64, 3u64, 4u64);
    for _ in 0..rounds {
        a = a.wrapping_add(b << 3);
        b ^= a.rotate_right(17);
        c = c.wrapping_sub(b);
        d = d.wrapping_mul(a).wrapping_add(a | c);
        d = d.wrapping_add(c >> 7 & 0x1f_ffff);
        b = b.wrapping_add(b & 0x00ff_00ff_00ff_00ff);
        a = if d < b { a } else { a.wrapping_add(1) };
        c = c.wrapping_add(d.leading_zeros().into());
        a ^= u64::from((c as u32).wrapping_add(d as u32));
    }
    a ^ b ^ c ^ d
}

fn is_prime(n: u64) -> bool {
    !(2..n).take_while(|d| d * d <= n).any(|d| n.is_multiple_of(d))
}

fn fib(n: u64) -> u64 {
    if n < 2 { n } else { fib(n - 1) + fib(n - 2) }
}

/// Function `k` of `far`.
fn far(mut x: u64, k: u64) -> u64 {
    for _ in 0..2 {
        x ^= x << 13;
        x ^= x >> 7;
        x ^= x << 17;
        x = x.wrapping_add(k);
    }
    x
}

fn crc(mut crc: u32, byte: u64) -> u32 {
    crc ^= byte as u32 & 0xff;
    for _ in 0..8 {
        crc = crc >> 1 ^ if crc & 1 != 0 { POLYNOMIAL } else { 0 };
    }
    crc
}

fn list(rounds: u64) -> u64 {
    let (mut node, mut sum) = (0, 0u64);
    for _ in 0..rounds {
        sum = sum.wrapping_add(node);
        node = (node * STEP + 1) % NODES;
    }
    sum
}

/// Word `i` of what `copy` copies.
fn word(i: u64) -> u64 {
    i << 32 | i
}
