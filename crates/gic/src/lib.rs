//! GICv3 as the guest sees it: distributor, redistributors and the system-register CPU interface.
//!
//! Knows wires and attention words, and has never heard of a CPU. A device drives a wire (`set_spi`, `set_ppi`);
//! `state` turns that into one swap of the interrupt's word and, if the target PE would take it, one post; the
//! vCPU asks its own [`CpuInterface`] for `signals` and acknowledges. None of these waits for another thread.
//!
//! This build is IHI 0069 with affinity routing fixed on, one or two security states, Groups 0 and 1, 32 priorities,
//! 1-of-N routing, message-based SPIs, extended ranges, non-maskable interrupts, LPIs and ITSes. Effects of every write
//! are complete when it returns, so RWP and UWP read 0, but in `Fidelity::Relaxed`; ITS commands are executed on a thread
//! of their own.
#![forbid(unsafe_code)]

mod access;
mod cpuif;
mod dist;
mod fidelity;
mod identify;
mod ids;
mod inputs;
mod its;
mod late;
mod lpi;
mod map;
mod posted;
mod power;
mod prim;
mod published;
mod redist;
mod route;
mod spec;
mod state;
mod vcpuif;
mod view;
mod wires;
mod word;

pub use access::Frame;
pub use cpuif::{Accessor, CpuInterface, InterfaceState, Plug, Signals};
pub use fidelity::{Fidelity, Report};
pub use inputs::Input;
pub use its::entry as its_entry;
pub use its::{CommandError, FailedCommand, Fault, Its, ItsSpec, ItsThread, OnError};
pub use late::LateThread;
pub use lpi::{LpiCache, LpiSpec, LpiView};
pub use map::Security;
pub use spec::{Affinity, Features, GicError, GicSpec, MAX_PES, PeSpec, Product};
pub use vcpuif::{ListRegistersError, PhysicalDeactivation, VirtualInterface, VirtualSignals, VirtualSpec};
pub use view::InterruptView;
pub use wires::Gic;
pub use word::{GROUPS, LEVELS};
