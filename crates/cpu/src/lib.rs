//! One PE as software sees it: registers, system registers, exceptions, MMU and TLB, timers, debug.
//!
//! Engines execute instructions; everything an instruction asks of the rest of the PE is a method of
//! `Vcpu`, the same one for every engine.
#![forbid(unsafe_code)]

mod address;
mod alarm;
mod bti;
mod debug;
pub mod exception;
mod fault;
mod levels;
mod memory;
pub mod mmu;
mod model;
mod monitor;
mod mops;
pub mod pauth;
mod pmu;
mod pstate;
mod random;
mod regs;
mod state;
pub mod sysreg;
pub mod timer;
mod vcpu;
mod wait;

pub use alarm::Alarms;
pub use debug::Debug;
pub use fault::{Abort, Exception, Fault, FaultStatus, ReturnTo};
pub use levels::Conduit;
pub use memory::{Asked, Journal, Outside, Written};
pub use mmu::TlbiQueue;
pub use model::{Extras, Ids, Model};
pub use monitor::Monitor;
pub use pmu::Pmu;
pub use pstate::Pstate;
pub use regs::{Regs, Sys};
pub use state::{Examiner, VcpuState};
pub use timer::Timers;
pub use vcpu::{Exit, Peer, Shared, Stats, Vcpu, VcpuSpec};
