//! KVM's configuration interface to a VGICv3 and its ITSs, errno for errno, over the GIC that guests run on.
//!
//! A [`Vm`] has vCPUs and devices. A VMM creates them, sets addresses and sizes, initialises, saves and restores by
//! device attributes: a group, a number in it, and an address of its own memory where the value is. Every check is
//! made in KVM's order, under the locks that KVM takes, and every refusal says which check it was besides the number
//! that KVM would give ([`Refusal`]).
//!
//! Which locks an access to registers takes is a value, [`LockProtocol`]: upstream's, which locks every vCPU without
//! waiting and so meets spurious `EBUSY` before anything can run; those proposed instead; and others. Each is one page
//! in `protocol/`. What differs between versions of Linux is data, [`Kernel`].
//!
//! Where the sources of a behaviour are named: "doc3" is Linux, Documentation/virt/kvm/devices/arm-vgic-v3.rst,
//! "docits" its neighbour arm-vgic-its.rst. What these leave open was found by reading and by Linux's own selftests.
#![forbid(unsafe_code)]

mod access;
mod address;
mod attributes;
mod config;
mod create;
mod device;
mod errno;
mod first_run;
mod flags;
mod frames;
mod init;
mod irq;
mod its;
mod kernel;
mod locks;
mod msi;
mod peek;
mod pending;
mod prim;
mod protocol;
mod regions;
mod registers;
// Its threads are the host's: under a model checker there are no scripts.
#[cfg(not(any(loom, shuttle)))]
pub mod script;
pub mod uapi;
mod user;
mod vcpus;
mod vm;

pub use device::{Device, DeviceAttr};
pub use errno::{Errno, Refusal};
pub use first_run::Running;
pub use irq::Line;
pub use kernel::{Host, Kernel};
pub use locks::{Call, LockState};
pub use msi::Msi;
pub use protocol::LockProtocol;
pub use user::{Unmapped, UserMemory, Value};
pub use vcpus::Vcpu;
pub use vm::{Vm, VmSpec};
