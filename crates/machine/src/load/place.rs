//! Where initrd and device tree go (Linux, `Documentation/arch/arm64/booting.rst`).
//!
//! The initrd lies within 32 GiB of the kernel and clear of all that the kernel occupies before it can
//! reserve anything. The device tree has a 2 MiB block of its own where there is room for that.

use super::{Kernel, KernelKind, LoadError, Source};
use hw::PhysAddr;
use mem::Ram;

const MIB: u64 = 1 << 20;
/// Both the largest device tree and the alignment that gives it a block of its own.
const DTB_BLOCK: u64 = 2 * MIB;
/// Kernels that move themselves at boot do so by less than this; initrds go after it where RAM allows.
const CLEAR_OF_KERNEL: u64 = 128 * MIB;
const PAGE: u64 = 4096;

fn ram_end(ram: &Ram) -> u64 {
    ram.base().0 + ram.size()
}

/// `at` rounded up; saturates, since what follows is compared with the end of RAM.
fn align(at: u64, to: u64) -> u64 {
    at.checked_next_multiple_of(to).unwrap_or(u64::MAX)
}

/// Where initrd and device tree begin when nothing is short.
fn preferred(kernel: &Kernel, ram: &Ram) -> u64 {
    let half = ram.base().0 + CLEAR_OF_KERNEL.min(ram.size() / 2);
    align(kernel.range.end.0.max(half), DTB_BLOCK)
}

/// An address for an initrd of `size` bytes: 128 MiB into RAM, or halfway if there is less than 256 MiB, or
/// right after the kernel if that is the only way; a block at the end is left to the device tree.
pub(super) fn initrd(source: &Source<'_>, size: u64, kernel: &Kernel, ram: &Ram) -> Result<PhysAddr, LoadError> {
    let end = ram_end(ram).saturating_sub(DTB_BLOCK);
    let places = [preferred(kernel, ram), align(kernel.range.end.0, PAGE)];
    let room = |at: u64| end.saturating_sub(at);
    let found = places.into_iter().find(|&at| size <= room(at));
    found.map(PhysAddr).ok_or_else(|| LoadError::InitrdTooLarge { name: source.name(), size, room: room(places[1]) })
}

/// An address for a device tree of `size` bytes.
pub(super) fn dtb(
    size: u64,
    kernel: &Kernel,
    initrd: Option<(PhysAddr, u64)>,
    ram: &Ram,
) -> Result<PhysAddr, LoadError> {
    if size > DTB_BLOCK {
        return Err(LoadError::DtbTooLarge { size });
    }
    let after = initrd.map_or(kernel.range.end.0, |(at, bytes)| kernel.range.end.0.max(at.0 + bytes));
    let fits = |at: u64, end: u64| at.checked_add(size).is_some_and(|e| e <= end);
    // Programs of their own look for it at the start of RAM, as the public `virt` board puts it.
    let start = ram.base().0;
    if kernel.kind == KernelKind::Elf && fits(start, kernel.range.start.0) {
        return Ok(ram.base());
    }
    let roomy = initrd.map_or_else(|| preferred(kernel, ram), |_| align(after, DTB_BLOCK));
    let places = [roomy, align(after, PAGE)];
    let found = places.into_iter().find(|&at| fits(at, ram_end(ram)));
    found.map(PhysAddr).ok_or(LoadError::DtbNoRoom { size })
}
