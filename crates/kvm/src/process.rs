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
