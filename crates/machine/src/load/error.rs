//! What can be wrong with what the user gave us: what, where, and the next step.

use super::Packing;
use crate::fdt::FdtError;
use hw::PhysAddr;
use std::fmt;
use std::io;

/// Which file of the request.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Role {
    /// `--kernel`.
    Kernel,
    /// `--initrd`.
    Initrd,
}

impl fmt::Display for Role {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Role::Kernel => "kernel",
            Role::Initrd => "initrd",
        })
    }
}

/// Nothing was started, for this reason.
#[derive(Debug, thiserror::Error)]
pub enum LoadError {
    /// Missing or unreadable.
    #[error("cannot open {role} {name}: {cause}; check --{role}")]
    Open {
        /// Which file.
        role: Role,
        /// Its path.
        name: String,
        /// The host's reason.
        cause: io::Error,
    },
    /// Opened, but a read failed.
    #[error("cannot read {role} {name}: {cause}; check the file and the disk it is on")]
    Read {
        /// Which file.
        role: Role,
        /// Its path.
        name: String,
        /// The host's reason.
        cause: io::Error,
    },
    /// No bytes at all.
    #[error("{role} {name} is empty; fetch or build it again")]
    Empty {
        /// Which file.
        role: Role,
        /// Its path.
        name: String,
    },
    /// Shorter than it says of itself.
    #[error("{role} {name} is truncated: it has {has} bytes of {needs}; fetch or build it again")]
    Truncated {
        /// Which file.
        role: Role,
        /// Its path.
        name: String,
        /// Bytes there are.
        has: u64,
        /// Bytes its headers promise.
        needs: u64,
    },
    /// Compressed data that does not decompress.
    #[error("kernel {name}: its {packing} data is damaged or truncated ({cause}); fetch or build it again")]
    Unpack {
        /// Its path.
        name: String,
        /// How it is packed.
        packing: Packing,
        /// The decompressor's reason.
        cause: io::Error,
    },
    /// Something that this machine cannot start.
    #[error("kernel {name} is {what}; {next}")]
    NotOurs {
        /// Its path.
        name: String,
        /// What it is instead.
        what: String,
        /// What to do.
        next: &'static str,
    },
    /// An ELF file that breaks the format.
    #[error("kernel {name} is a malformed ELF file: {what}; link it again")]
    Elf {
        /// Its path.
        name: String,
        /// What is wrong.
        what: String,
    },
    /// A part of the kernel that is not in RAM.
    #[error("kernel {name} wants {size:#x} bytes at {base}, outside RAM ({ram_base} to {ram_end}); {next}")]
    OutsideRam {
        /// Its path.
        name: String,
        /// Where the part goes.
        base: PhysAddr,
        /// Its bytes.
        size: u64,
        /// First address of RAM.
        ram_base: PhysAddr,
        /// First address after RAM.
        ram_end: PhysAddr,
        /// What to do.
        next: &'static str,
    },
    /// Two parts of the kernel at one address.
    #[error("kernel {name}: its segments at {first} and {second} overlap; link it again")]
    Overlap {
        /// Its path.
        name: String,
        /// The lower segment.
        first: PhysAddr,
        /// The one that begins before the lower ends.
        second: PhysAddr,
    },
    /// The initrd does not fit beside the kernel.
    #[error("initrd {name} has {size} bytes, but beside the kernel there is room for {room}; give more --memory")]
    InitrdTooLarge {
        /// Its path.
        name: String,
        /// Its bytes.
        size: u64,
        /// Bytes there are for it.
        room: u64,
    },
    /// The device tree cannot be built, or the user's is malformed.
    #[error(transparent)]
    Dtb(#[from] FdtError),
    /// The device tree breaks the boot protocol's limit.
    #[error("the device tree has {size} bytes, but a kernel maps 2 MiB at most; make it smaller")]
    DtbTooLarge {
        /// Its bytes.
        size: u64,
    },
    /// The device tree does not fit beside kernel and initrd.
    #[error("there is no room for a device tree of {size} bytes beside kernel and initrd; give more --memory")]
    DtbNoRoom {
        /// Its bytes.
        size: u64,
    },
}
