//! What rows mean: their class, and what they shall reach.

/// Rows whose geometric mean is given together.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Class {
    Boot,
    Integer,
    Float,
    Memory,
    System,
    Linux,
    /// The library of a guest's programs.
    Library,
    Cold,
}

impl Class {
    /// In the order of tables.
    pub const ALL: &[Class] = &[
        Class::Boot,
        Class::Integer,
        Class::Float,
        Class::Memory,
        Class::System,
        Class::Linux,
        Class::Library,
        Class::Cold,
    ];

    /// A headline.
    pub fn title(self) -> &'static str {
        match self {
            Class::Boot => "Booting Debian",
            Class::Integer => "Integer programs",
            Class::Float => "Floating point programs, scalar and vectorised",
            Class::Memory => "Copying, filling, searching",
            Class::System => "At EL1",
            Class::Linux => "Linux, from a program",
            Class::Library => "The C library of a guest's programs",
            Class::Cold => "Code that runs for the first time, per instruction",
        }
    }

    /// How many times faster than QEMU its geometric mean shall be.
    pub fn target(self) -> Option<f64> {
        match self {
            Class::Integer => Some(2.5),
            Class::Float => Some(5.0),
            _ => None,
        }
    }

    /// How many times slower than native code it may be.
    pub fn slowdown(self) -> Option<f64> {
        match self {
            Class::Integer => Some(3.0),
            Class::Float => Some(4.0),
            _ => None,
        }
    }
}

/// What one row shall be.
#[derive(Clone, Copy, PartialEq, Debug)]
pub enum Target {
    /// Times faster than QEMU, at least.
    Times(f64),
    /// Nanoseconds, at most.
    Nanoseconds(f64),
    /// Nothing is asked.
    Open,
}

use Class::*;
use Target::*;

/// Every row, in the order of tables.
pub const ROWS: &[(&str, Class, Target)] = &[
    // "at most 0.6 of QEMU's time"
    ("userspace-1", Boot, Times(1.0 / 0.6)),
    ("power-off-1", Boot, Open),
    ("userspace-2", Boot, Open),
    ("power-off-2", Boot, Open),
    ("list", Integer, Times(1.2)),
    ("matrix", Integer, Times(1.2)),
    ("state", Integer, Times(1.2)),
    ("crc", Integer, Times(1.2)),
    ("sieve", Integer, Times(1.2)),
    ("qsort", Integer, Times(1.2)),
    ("hash", Integer, Times(1.2)),
    ("sha256", Integer, Times(1.2)),
    ("fib", Integer, Times(1.2)),
    ("nbody", Float, Open),
    ("mandelbrot", Float, Open),
    ("linpack", Float, Open),
    ("saxpy", Float, Open),
    ("spectral", Float, Open),
    ("nbody-v", Float, Open),
    ("mandelbrot-v", Float, Open),
    ("linpack-v", Float, Open),
    ("saxpy-v", Float, Open),
    ("spectral-v", Float, Open),
    ("copy-4k", Memory, Open),
    ("copy-61-bytes", Memory, Open),
    ("set-4k", Memory, Open),
    ("strlen-words", Memory, Open),
    ("strlen-bytes", Memory, Open),
    ("svc-eret", System, Times(8.0)),
    ("svc-eret-el0", System, Times(8.0)),
    ("call-return", System, Times(5.0)),
    ("call-indirect", System, Open),
    ("mmio-read", System, Times(4.0)),
    ("sgi-self", System, Times(4.0)),
    ("sgi-peer", System, Times(4.0)),
    ("sgi-peer-asleep", System, Open),
    ("spi-set-pending", System, Open),
    ("timer-interrupt", System, Open),
    ("timer-set", System, Open),
    ("pmr-write", System, Open),
    ("asid-switch-2", System, Times(10.0)),
    ("asid-switch-64", System, Times(10.0)),
    ("tlbi-page", System, Open),
    ("null-syscall", Linux, Open),
    ("page-fault", Linux, Open),
    ("mmap-touch-munmap", Linux, Open),
    ("fork-exit", Linux, Open),
    ("fork-exec", Linux, Open),
    ("pipe-round-trip", Linux, Open),
    ("signal", Linux, Open),
    ("sched-yield", Linux, Open),
    ("memcpy-4k", Library, Open),
    ("memcpy-61", Library, Open),
    ("memset-4k", Library, Open),
    ("strlen-libc", Library, Open),
    ("cold-first", Cold, Open),
    ("cold-translate", Cold, Nanoseconds(120.0)),
    ("cold-warm", Cold, Open),
];

/// What two vCPUs shall get done of what one does, at least.
pub const SCALING: f64 = 1.85;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_name_once() {
        assert!(ROWS.iter().enumerate().all(|(n, r)| !ROWS[..n].iter().any(|earlier| earlier.0 == r.0)));
    }
}
