//! Numbers that must not be swapped for one another.

use std::fmt;

/// A guest physical address (the output of the last translation stage).
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct PhysAddr(pub u64);

/// A guest virtual address, tag byte included.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct VirtAddr(pub u64);

/// An interrupt number of the GIC (IHI 0069, "INTIDs").
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct IntId(pub u32);

impl PhysAddr {
    /// The address `bytes` further on; wraps, as bus arithmetic does.
    pub const fn offset(self, bytes: u64) -> PhysAddr {
        PhysAddr(self.0.wrapping_add(bytes))
    }
}

impl IntId {
    /// First private peripheral interrupt.
    pub const PPI_BASE: u32 = 16;
    /// First shared peripheral interrupt.
    pub const SPI_BASE: u32 = 32;

    /// The INTID of PPI `n` (0 to 15), as device trees and the board's map number them.
    pub const fn ppi(n: u32) -> IntId {
        assert!(n < 16);
        IntId(Self::PPI_BASE + n)
    }

    /// The INTID of SPI `n` (0 to 987), as device trees and the board's map number them.
    pub const fn spi(n: u32) -> IntId {
        assert!(n < 988);
        IntId(Self::SPI_BASE + n)
    }
}

/// How wide one bus access is.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum AccessSize {
    /// 8 bits.
    Byte,
    /// 16 bits.
    Half,
    /// 32 bits.
    Word,
    /// 64 bits.
    Double,
}

impl AccessSize {
    /// Width in bytes: 1, 2, 4 or 8.
    #[inline(always)]
    pub const fn bytes(self) -> u64 {
        1 << self as u32
    }

    /// From log2 of the width in bytes (0 to 3).
    #[inline(always)]
    pub const fn from_log2(log2: u32) -> AccessSize {
        match log2 {
            0 => AccessSize::Byte,
            1 => AccessSize::Half,
            2 => AccessSize::Word,
            3 => AccessSize::Double,
            _ => panic!("a bus access is at most 8 bytes wide"),
        }
    }

    /// `value` cut to this width.
    #[inline(always)]
    pub const fn truncate(self, value: u64) -> u64 {
        match self {
            AccessSize::Double => value,
            _ => value & ((1 << (8 * self.bytes())) - 1),
        }
    }
}

macro_rules! hex_format {
    ($($name:ident),*) => {$(
        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, "{:#x}", self.0)
            }
        }
        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, "{:#x}", self.0)
            }
        }
        impl fmt::LowerHex for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                fmt::LowerHex::fmt(&self.0, f)
            }
        }
    )*};
}
hex_format!(PhysAddr, VirtAddr);

impl fmt::Debug for IntId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "INTID {}", self.0)
    }
}

impl fmt::Display for IntId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.0)
    }
}
