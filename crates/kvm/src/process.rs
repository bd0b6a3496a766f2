//! This process's memory by address, as a system call copies it: an address without memory is an error, never a fault.

use nix::sys::uio::{RemoteIoVec, process_vm_readv, process_vm_writev};
use nix::unistd::Pid;
use std::io::{IoSlice, IoSliceMut};
use vgic::{Unmapped, UserMemory};

/// All of it.
pub(crate) struct Process;

impl UserMemory for Process {
    fn read(&self, at: u64, out: &mut [u8]) -> Result<(), Unmapped> {
        let remote = [RemoteIoVec { base: at as usize, len: out.len() }];
        let length = out.len();
        complete(process_vm_readv(Pid::this(), &mut [IoSliceMut::new(out)], &remote), length)
    }

    fn write(&self, at: u64, bytes: &[u8]) -> Result<(), Unmapped> {
        let remote = [RemoteIoVec { base: at as usize, len: bytes.len() }];
        complete(process_vm_writev(Pid::this(), &[IoSlice::new(bytes)], &remote), bytes.len())
    }
}

fn complete(copied: nix::Result<usize>, length: usize) -> Result<(), Unmapped> {
    if copied == Ok(length) { Ok(()) } else { Err(Unmapped) }
}

/// Is all of `[at, at + size)` mapped, readable and writable? As the kernel lists it, a moment ago.
pub(crate) fn is_mapped(at: u64, size: u64) -> bool {
    let Ok(maps) = std::fs::read_to_string("/proc/self/maps") else { return false };
    let Some(end) = at.checked_add(size) else { return false };
    // Lines are "from-to rwxp ...", in order.
    let ranges = maps.lines().filter_map(|line| {
        let (range, rest) = line.split_once(' ')?;
        let (from, to) = range.split_once('-')?;
        let number = |text| u64::from_str_radix(text, 16).ok();
        number(from).zip(number(to)).filter(|_| rest.starts_with("rw"))
    });
    let covered = ranges.fold(at, |covered, (from, to)| if from <= covered { covered.max(to) } else { covered });
    covered >= end
}
