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
//! [`VcpuFd::run`] executes guest code with this project's interpreter, in the memory of the VMM's regions, with the VGIC
//! behind its frames and system registers, generic timers, and PSCI. It holds the vCPU's lock as KVM does, and comes back for
//! accesses where nothing answers, for the end of the system, and when it is kicked (`EINTR`): by `set_kvm_immediate_exit` from
//! before, by a signal to its thread, or by [`VcpuFd::kick_handle`].
//!
//! The names are those of `kvm-ioctls` 0.25 and `kvm-bindings` 0.14 that a VMM for arm64 uses. What is not as there:
//!
//! | name | here |
//! |---|---|
//! | `AsRawFd`, `create_vmfd_from_rawfd`, `create_vcpu_from_rawfd`, `open_with_cloexec` | absent: there are no files |
//! | `VcpuFd::get_kvm_run`, `map_coalesced_mmio_ring`, `register_coalesced_mmio` | absent: there is no memory to map |
//! | `VcpuFd::set_guest_debug` | absent; `Cap::SetGuestDebug` is 0 |
//! | `set_user_memory_region2`, `create_guest_memfd`, `set_memory_attributes` | absent: there is no private memory |
//! | `KVM_MEM_READONLY` | `EINVAL`; `Cap::ReadonlyMem` is 0 |
//! | `get_dirty_log` | every page |
//! | `register_irqfd_with_resample` | `EINVAL`; `Cap::IrqfdResample` is 0 |
//! | an eventfd of `register_irqfd` | raises its interrupt a moment after the write |
//! | `set_vcpu_events` | `EINVAL`, but for no event |
//! | `VcpuFd::set_device_attr` | the PMU and two timers, with the INTIDs that they have; no filters, no stolen time |
//! | `VmFd::enable_cap`, `VmFd::set_device_attr` | `EINVAL`, `ENXIO`: a VM has no choices |
//! | `vcpu_init` with SVE, or AArch32 | `EINVAL`. Pointer authentication makes a vCPU a `max`, else it is a Neoverse N1 |
//! | ID registers | those of that processor; a PMU is in them whether asked for or not; other values are `EINVAL` |
//! | hypercalls of KVM's own, TRNG, stolen time | `NOT_SUPPORTED` to guests |
//! | SMC | UNDEFINED to guests, as on a host without EL3; with `HAS_EL2` it is what calls PSCI |
mod attributes;
mod bindings;
mod board;
mod device;
mod eventfds;
mod fam;
mod gate;
mod irq;
mod memory;
mod pe;
mod process;
mod psci;
mod regs;
mod routes;
mod run;
mod signals;
mod syndrome;
mod system;
mod ticker;
mod vcpu;
mod vm;

pub use bindings::*;
pub use device::DeviceFd;
pub use eventfds::{IoEventAddress, NoDatamatch};
pub use fam::{__IncompleteArrayField, KvmIrqRouting, RegList, kvm_irq_routing, kvm_reg_list};
pub use pe::Kick;
pub use system::{Cap, Kvm};
pub use vcpu::{VcpuExit, VcpuFd};
pub use vm::VmFd;
pub use vmm_sys_util::errno::{Error, Result};

use std::cell::Cell;
use vgic::{Errno, Refusal};

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

/// The same, where this crate has looked and not the VGIC.
fn plain(errno: Errno) -> Error {
    Error::new(errno.number())
}
