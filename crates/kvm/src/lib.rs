//! KVM for arm64 on any host: the names and signatures of the crates `kvm-ioctls` and `kvm-bindings` that a VMM's set-up of
//! vCPUs, VGIC and ITS uses, over [`vgic`]. A VMM's unit tests run against it by
//!
//! ```toml
//! kvm-ioctls = { package = "armagic-kvm", git = "…" }
//! kvm-bindings = { package = "armagic-kvm", git = "…" }
//! ```
//!
//! Every call checks what KVM checks, in its order, under its locks, and fails with its error number ([`Error::errno`]).
//! What the numbers do not say, [`last_refusal`] does: which check it was.
//!
//! Pointers in structures are addresses of this process. They are read and written by the kernel on our behalf, so one
//! that is wrong gives `EFAULT`, as from KVM, whatever it points to.
//!
//! Guest code is not executed: [`VcpuFd::run`] makes the checks of a first run, holds the vCPU's lock as KVM does until it
//! is told to return (`set_kvm_immediate_exit` from before, or [`VcpuFd::kick_handle`]), and returns `EINTR`.
mod bindings;
mod device;
mod irq;
mod memory;
mod process;
mod regs;
mod system;
mod vcpu;
mod vm;

pub use bindings::*;
pub use device::DeviceFd;
pub use system::{Cap, Kvm};
pub use vcpu::{Kick, VcpuExit, VcpuFd};
pub use vm::VmFd;
pub use vmm_sys_util::errno::{Error, Result};

use std::cell::Cell;
use vgic::Refusal;

thread_local! {
    static LAST: Cell<Option<Refusal>> = const { Cell::new(None) };
}

/// Which check refused this thread's last call that the VGIC refused.
pub fn last_refusal() -> Option<Refusal> {
    LAST.get()
}

/// Linux's error number, which is all that the interface gives.
fn error(refusal: Refusal) -> Error {
    LAST.set(Some(refusal));
    Error::new(refusal.errno.number())
}
