//! What can go wrong for a guest: faults of memory accesses, and exceptions with their syndrome.

use hw::VirtAddr;

/// The fault status code of an abort, as in ESR_ELx.ISS.{DFSC, IFSC} (ARM DDI 0487, "ISS encoding for an
/// exception from a Data Abort"). The level, 0 to 3, is in the low two bits where there is one.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum FaultStatus {
    /// Address size fault at a level.
    AddressSize(u8),
    /// Translation fault at a level.
    Translation(u8),
    /// Access flag fault at a level.
    AccessFlag(u8),
    /// Permission fault at a level.
    Permission(u8),
    /// Synchronous external abort, not on a walk.
    External,
    /// Synchronous external abort on the walk at a level.
    ExternalOnWalk(u8),
    /// Alignment fault.
    Alignment,
    /// Unsupported atomic hardware update or atomic to a device.
    UnsupportedAtomic,
}

impl FaultStatus {
    /// The six-bit code.
    pub const fn code(self) -> u32 {
        match self {
            FaultStatus::AddressSize(level) => level as u32,
            FaultStatus::Translation(level) => 0b000100 | level as u32,
            FaultStatus::AccessFlag(level) => 0b001000 | level as u32,
            FaultStatus::Permission(level) => 0b001100 | level as u32,
            FaultStatus::External => 0b010000,
            FaultStatus::ExternalOnWalk(level) => 0b010100 | level as u32,
            FaultStatus::Alignment => 0b100001,
            FaultStatus::UnsupportedAtomic => 0b110101,
        }
    }
}

/// Which kind of access an abort reports.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Abort {
    /// Instruction fetch.
    Fetch,
    /// Data read.
    Read,
    /// Data write, or an atomic that would write (ISS.WnR).
    Write,
    /// Cache maintenance or address translation instruction (ISS.CM, WnR set).
    Maintenance,
}

/// A fault of one memory access.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Fault {
    /// What failed.
    pub status: FaultStatus,
    /// What kind of access it was.
    pub abort: Abort,
    /// The faulting virtual address, for FAR_ELx.
    pub address: VirtAddr,
}

/// Where an exception returns to.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum ReturnTo {
    /// The instruction that raised it.
    This,
    /// The one after it (SVC, HVC, SMC, traps that complete).
    Next,
}

/// A synchronous exception, before its target level is chosen.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Exception {
    /// ESR_ELx.EC for an exception from the same level's point of view: aborts use the "lower EL" class
    /// (0x20, 0x24, ...); taking them to the same level adds one.
    pub class: u32,
    /// ESR_ELx.ISS, 25 bits.
    pub iss: u32,
    /// FAR_ELx, where the exception has one.
    pub far: Option<VirtAddr>,
    /// Preferred return address.
    pub return_to: ReturnTo,
    /// The level whose register traps it, or that an external abort is routed to; 0 if the class says where it goes.
    pub to: u8,
}
