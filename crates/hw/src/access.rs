//! How an instruction asks for memory, and how it can fail to finish.

use crate::AccessSize;

/// Ordering of one access (ARM DDI 0487, B2.3 "Ordered-before").
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Order {
    /// LDR, STR.
    Plain,
    /// LDAR, LDAXR: RCsc acquire.
    Acquire,
    /// LDAPR: RCpc acquire.
    AcquirePc,
    /// STLR, STLXR.
    Release,
    /// Both, for the AL forms of atomics.
    AcquireRelease,
}

/// One memory access of an instruction.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Access {
    /// log2 of the width in bytes, 0 to 4; of the whole for exclusive pairs.
    pub size: u8,
    /// LDTR/STTR: permissions of EL0 (unless PSTATE.UAO).
    pub unprivileged: bool,
    /// Must be naturally aligned whatever SCTLR_ELx.A says: exclusives, atomics, acquire/release.
    pub aligned: bool,
    /// Ordering.
    pub order: Order,
}

impl Access {
    /// An ordinary access of `1 << size` bytes.
    #[inline(always)]
    pub const fn plain(size: u32) -> Access {
        Access { size: size as u8, unprivileged: false, aligned: false, order: Order::Plain }
    }

    /// An LDTR/STTR access.
    #[inline(always)]
    pub const fn unprivileged(size: u32) -> Access {
        Access { unprivileged: true, ..Access::plain(size) }
    }

    /// An access that must be aligned, with `order`.
    #[inline(always)]
    pub const fn ordered(size: u32, order: Order) -> Access {
        Access { aligned: true, order, ..Access::plain(size) }
    }

    /// Width in bytes.
    #[inline(always)]
    pub const fn bytes(self) -> u64 {
        1 << self.size
    }

    /// The bus width; 16-byte accesses are two double words.
    #[inline(always)]
    pub const fn bus_size(self) -> AccessSize {
        AccessSize::from_log2(if self.size > 3 { 3 } else { self.size as u32 })
    }
}

/// Why an instruction did not simply finish. The particulars stand in the vCPU.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Leave {
    /// It raised the exception that the vCPU holds; nothing of it happened architecturally beyond what
    /// the manual allows.
    Exception,
    /// It finished, and the machine must act before the next one (WFI, HVC to the machine, halt).
    Exit,
    /// It finished, and changed the context: fetch and interrupt state must be looked at afresh.
    Resync,
}
