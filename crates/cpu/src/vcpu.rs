//! The virtual CPU: one PE's state and its connections, owned by one host thread.

use crate::mmu::Mmu;
use crate::{Alarms, Exception, Model, Regs, ReturnTo, Sys, Timers, TlbiQueue};
use gic::{CpuInterface, Gic};
use hw::{Clock, Leave};
use mem::Bus;
use std::sync::Arc;
use sync::Attention;

/// What a vCPU can reach of another: its attention word and its queue of TLB maintenance.
pub struct Peer {
    /// The attention word.
    pub attention: Arc<Attention>,
    /// TLB maintenance broadcast to it.
    pub tlbi: TlbiQueue,
}

/// What all vCPUs of a machine share.
pub struct Shared {
    /// RAM and devices.
    pub bus: Bus,
    /// The interrupt controller.
    pub gic: Arc<Gic>,
    /// Machine time.
    pub clock: Clock,
    /// Timer deadlines of running vCPUs.
    pub alarms: Alarms,
    /// Every vCPU, by index.
    pub peers: Vec<Peer>,
}

/// What makes one vCPU.
pub struct VcpuSpec {
    /// Index among the machine's vCPUs; also the GIC's processor number.
    pub index: usize,
    /// MPIDR_EL1 affinity fields (Aff3 in [39:32]).
    pub mpidr: u64,
    /// Which processor it looks like.
    pub model: &'static Model,
}

/// Why the machine must act before the next instruction (`Leave::Exit`).
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Exit {
    /// WFI, with nothing pending that would wake it.
    Wfi,
    /// WFE, with the event register clear.
    Wfe,
    /// HVC or SMC for the machine's firmware (PSCI): arguments in X0 to X7, PC already after it.
    Firmware,
    /// Someone posted `CONTROL`.
    Control,
}

/// One PE.
pub struct Vcpu {
    /// Registers.
    pub regs: Regs,
    /// System registers.
    pub sys: Sys,
    /// Index among the machine's vCPUs.
    pub index: usize,
    /// MPIDR_EL1.
    pub mpidr: u64,
    /// ID registers.
    pub model: &'static Model,
    /// Translation: contexts and TLBs.
    pub mmu: Mmu,
    /// The GIC CPU interface of this PE.
    pub gic: CpuInterface,
    /// Generic timers.
    pub timers: Timers,
    /// The local exclusive monitor: address, size in bytes, and the value that was loaded.
    pub monitor: Option<(u64, u8, u128)>,
    /// The event register (WFE, SEV).
    pub event: bool,
    /// With `Leave::Exception`: which.
    pub exception: Exception,
    /// With `Leave::Exit`: why.
    pub exit: Exit,
    /// What all vCPUs share.
    pub shared: Arc<Shared>,
    /// This vCPU's own attention word (`shared.peers[index].attention`).
    pub attention: Arc<Attention>,
}

impl Vcpu {
    /// A PE in reset state at EL1, PC 0.
    pub fn new(spec: VcpuSpec, shared: Arc<Shared>) -> Vcpu {
        let mut vcpu = Vcpu {
            regs: Regs::default(),
            sys: Sys::default(),
            index: spec.index,
            mpidr: spec.mpidr,
            model: spec.model,
            mmu: Mmu::new(),
            gic: shared.gic.cpu_interface(spec.index),
            timers: Timers::default(),
            monitor: None,
            event: false,
            exception: Exception { class: 0, iss: 0, far: None, return_to: ReturnTo::This },
            exit: Exit::Control,
            attention: shared.peers[spec.index].attention.clone(),
            shared,
        };
        vcpu.reset();
        vcpu
    }

    /// Remembers `exception`; the engine returns the result and the run loop takes it.
    #[cold]
    pub fn raise(&mut self, exception: Exception) -> Leave {
        self.exception = exception;
        Leave::Exception
    }

    /// Remembers why the machine must act.
    pub fn leave(&mut self, exit: Exit) -> Leave {
        self.exit = exit;
        Leave::Exit
    }
}
