//! The virtual CPU: one PE's state and its connections, owned by one host thread.

use crate::levels::{self, Conduit};
use crate::mmu::Mmu;
use crate::random::Random;
use crate::sysreg::bits::{cptr, hcr, sctlr};
use crate::{
    Alarms, Debug, Exception, Journal, Model, Monitor, Outside, Pmu, Pstate, Regs, ReturnTo, Sys, Timers, TlbiQueue,
    sysreg,
};
use a64::Feature;
use gic::{CpuInterface, Gic, Plug, VirtualInterface};
use hw::{Clock, Leave};
use mem::Bus;
use std::collections::BTreeMap;
use std::sync::Arc;
use sync::Attention;

/// What a vCPU can reach of another: its attention word and its queue of TLB maintenance.
pub struct Peer {
    /// The attention word.
    pub attention: Arc<Attention>,
    /// TLB maintenance broadcast to it.
    pub tlbi: TlbiQueue,
}

impl Peer {
    /// The vCPU's thread has ended without a word: nobody waits for its answers any more.
    pub fn abandon(&self) {
        self.tlbi.park();
    }
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
    /// An access where nothing of the bus answers, of a PE with an `outside`; the PC is still its own.
    Outside,
    /// HVC or SMC for the machine's firmware (PSCI): arguments in X0 to X7, PC already after it.
    Firmware,
    /// Someone posted `CONTROL`.
    Control,
    /// The vector for the exception just taken raises the same exception, for ever.
    Lockup,
}

/// What this PE counted, for tools.
#[derive(Clone, Debug)]
pub struct Stats {
    /// Synchronous exceptions taken, by ESR_ELx.EC.
    pub exceptions: [u64; 64],
    /// Accesses to system registers and instructions that have no row in the table, by `SysReg` encoding.
    pub unknown_sysregs: BTreeMap<u16, u64>,
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
    /// The GIC CPU interface of this PE, which is in it while the PE runs.
    pub gic: Plug,
    /// The virtual CPU interface, with EL2.
    pub virt: Option<Box<VirtualInterface>>,
    /// Cache of the level of the maintenance interrupt last driven.
    pub(crate) maintenance: bool,
    /// Cache: has it any of EL2, EL3 and FEAT_NMI?
    pub(crate) layered: bool,
    /// What calls the machine's firmware.
    pub conduit: Conduit,
    /// Generic timers.
    pub timers: Timers,
    /// Performance monitors.
    pub pmu: Pmu,
    /// Self-hosted debug.
    pub debug: Debug,
    /// The local exclusive monitor.
    pub monitor: Monitor,
    /// The event register (WFE, SEV).
    pub event: bool,
    /// With `Leave::Exception`: which.
    pub exception: Exception,
    /// With `Leave::Exit`: why.
    pub exit: Exit,
    /// Cache: SIMD&FP instructions do not trap (CPACR_EL1 and its kin, at the current Exception level).
    pub(crate) fp_open: bool,
    /// The stores of this PE, while someone wants to know them.
    pub journal: Option<Box<Journal>>,
    /// Somebody answers where nothing of the bus does; else it is an external abort.
    pub outside: Option<Box<Outside>>,
    /// For RNDR.
    pub(crate) random: Random,
    /// What was counted.
    pub stats: Stats,
    /// What all vCPUs share.
    pub shared: Arc<Shared>,
    /// This vCPU's own attention word (`shared.peers[index].attention`).
    pub attention: Arc<Attention>,
}

impl Vcpu {
    /// A PE in reset state at EL1, PC 0.
    pub fn new(spec: VcpuSpec, shared: Arc<Shared>) -> Vcpu {
        let interface = shared.gic.cpu_interface(spec.index);
        Vcpu::with_interface(spec, shared, interface)
    }

    /// The same, whose CPU interface comes from who configures the GIC.
    pub fn with_interface(spec: VcpuSpec, shared: Arc<Shared>, interface: CpuInterface) -> Vcpu {
        let mut vcpu = Vcpu {
            regs: Regs::default(),
            sys: Sys::default(),
            index: spec.index,
            mpidr: spec.mpidr,
            model: spec.model,
            mmu: Mmu::new(),
            gic: Plug::new(interface),
            virt: levels::virtual_interface(spec.model),
            maintenance: false,
            layered: spec.model.is_layered(),
            conduit: Conduit::of(spec.model),
            timers: Timers::default(),
            pmu: Pmu::default(),
            debug: Debug::default(),
            monitor: Monitor::default(),
            event: false,
            exception: Exception { class: 0, iss: 0, far: None, return_to: ReturnTo::This, to: 0 },
            exit: Exit::Control,
            fp_open: false,
            journal: None,
            outside: None,
            random: Random::new(),
            stats: Stats { exceptions: [0; 64], unknown_sysregs: BTreeMap::new() },
            attention: shared.peers[spec.index].attention.clone(),
            shared,
        };
        vcpu.reset();
        vcpu
    }

    /// Cold reset into the highest implemented Exception level, PC 0, MMU off. Statistics go on.
    pub fn reset(&mut self) {
        let el = self.model.highest_el();
        self.regs = Regs { pstate: Pstate::reset(el), ..Regs::default() };
        self.sys = sysreg::reset_values(self.model);
        self.sys.vmpidr = self.mpidr | sysreg::MPIDR_RES1;
        self.mmu = Mmu::new();
        self.mmu.whole = self.model.has(Feature::LSE2);
        self.gic.reset();
        self.reset_virt();
        self.reset_timers();
        self.reset_pmu();
        self.reset_debug();
        (self.monitor, self.event) = (Monitor::default(), false);
        self.refresh();
    }

    /// Goes on as vCPU `index` of others, over other memory and devices; nothing cached of those before stays. The CPU
    /// interface is the caller's business. Only while it executes nothing, and no timer's line is high in another GIC.
    pub fn move_to(&mut self, index: usize, shared: Arc<Shared>) {
        (self.index, self.attention) = (index, shared.peers[index].attention.clone());
        self.shared = shared;
        self.mmu = Mmu::new();
        self.mmu.whole = self.model.has(Feature::LSE2);
        self.monitor = Monitor::default();
        self.refresh();
    }

    /// Recomputes what is cached of PSTATE and system registers: after a change of Exception level, and
    /// after raw writes from the host.
    pub fn refresh(&mut self) {
        self.refresh_fp();
        self.refresh_debug();
        self.context_changed();
        self.accessor_changed();
    }

    /// The Exception level whose registers control translation at the current one.
    #[inline(always)]
    pub fn regime(&self) -> usize {
        self.regs.pstate.el.max(1) as usize
    }

    /// Must SP be aligned when it is a base (SCTLR_ELx.{SA, SA0})?
    #[inline(always)]
    pub fn sp_alignment_checked(&self) -> bool {
        let bit = if self.regs.pstate.el == 0 { sctlr::SA0 } else { sctlr::SA };
        self.sys.sctlr[self.regime()] & bit != 0
    }

    /// SCTLR_ELx.I: instruction fetches may come from a cache that only IC invalidates.
    #[inline(always)]
    pub fn instruction_cache_on(&self) -> bool {
        self.sys.sctlr[self.regime()] & sctlr::I != 0
    }

    /// Traps if SIMD&FP is not accessible here.
    #[inline(always)]
    pub fn fp_access(&mut self) -> Result<(), Leave> {
        if self.fp_open { Ok(()) } else { Err(self.raise_fp()) }
    }

    /// Do SIMD&FP instructions not trap here?
    #[inline(always)]
    pub fn fp_is_open(&self) -> bool {
        self.fp_open
    }

    /// CPACR_EL1.FPEN is 0b11 for everyone, 0b01 for EL1 only; HCR_EL2.TGE makes EL0 EL2's.
    #[inline]
    pub(crate) fn fp_open_by_cpacr(&self) -> bool {
        let fpen = self.sys.cpacr >> 20 & 3;
        match self.regs.pstate.el {
            0 => fpen == 0b11 || self.layered && self.hcr() & hcr::TGE != 0,
            1 => fpen & 1 != 0,
            _ => true,
        }
    }

    /// Recomputes `fp_open`.
    #[inline]
    pub(crate) fn refresh_fp(&mut self) {
        self.fp_open = self.fp_open_by_cpacr() && !(self.layered && self.fp_trapped_from_above());
    }

    /// CPTR_EL2.TFP, CPTR_EL3.TFP.
    fn fp_trapped_from_above(&self) -> bool {
        let el = self.regs.pstate.el;
        el <= 2 && self.el2_enabled() && self.sys.cptr[2] & cptr::TFP != 0
            || self.model.el3 && self.sys.cptr[3] & cptr::TFP != 0
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
