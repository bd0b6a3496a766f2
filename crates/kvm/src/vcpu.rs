//! A vCPU's file. What `run` does is in `run.rs`.

use crate::board::{Inner, workbench};
use crate::pe::{Kick, Pe};
use crate::psci::version;
use crate::regs;
use crate::run::Exchange;
use crate::{RegList, Result, bindings::*, error, plain};
use cpu::{Extras, Model, VcpuSpec};
use std::cell::RefCell;
use std::sync::Arc;
use vgic::{Errno, Vcpu};

/// Why `run` came back. Those of other architectures do not occur.
#[derive(Debug)]
#[non_exhaustive]
#[allow(missing_docs)]
pub enum VcpuExit<'a> {
    MmioRead(u64, &'a mut [u8]),
    MmioWrite(u64, &'a [u8]),
    SystemEvent(u32, &'a [u64]),
    Unknown,
    Exception,
    Hlt,
    Shutdown,
    FailEntry(u64, u32),
    Intr,
    InternalError,
    MemoryFault { flags: u64, gpa: u64, size: u64 },
    Unsupported(u32),
}

/// A vCPU.
pub struct VcpuFd {
    pub(crate) inner: Arc<Inner>,
    pub(crate) vcpu: Arc<Vcpu>,
    pub(crate) pe: Arc<Pe>,
    /// From `KVM_ARM_VCPU_INIT` on. A `RefCell`, so the file is not shared between threads, as the original is not.
    pub(crate) state: RefCell<Option<State>>,
    /// `kvm_run`, as far as it carries data.
    pub(crate) exchange: Exchange,
    pub(crate) immediate_exit: bool,
}

/// What a vCPU's lock protects of it.
pub(crate) struct State {
    /// Absent only while it runs. Its CPU interface is then the VGIC's, and else one that stands in for that.
    pub cpu: Option<Box<cpu::Vcpu>>,
    pub firmware: Firmware,
    /// It was asked for a PMU; the INTID of its interrupt was set; and it was initialised.
    pub has_pmu: bool,
    pub pmu_irq: bool,
    pub pmu_ready: bool,
}

/// The firmware's registers.
#[derive(Clone)]
pub(crate) struct Firmware {
    inner: Arc<Inner>,
    /// It was asked for PSCI 0.2 or later.
    modern: bool,
}

impl Firmware {
    /// PSCI_VERSION, and what is said of three workarounds.
    pub const COUNT: usize = 4;
    /// Nothing here speculates.
    const WORKAROUNDS: [u32; 3] = [
        KVM_REG_ARM_SMCCC_ARCH_WORKAROUND_1_NOT_REQUIRED,
        KVM_REG_ARM_SMCCC_ARCH_WORKAROUND_2_NOT_REQUIRED,
        KVM_REG_ARM_SMCCC_ARCH_WORKAROUND_3_NOT_REQUIRED,
    ];

    /// The newest that this Linux has.
    fn latest(&self) -> u32 {
        if self.inner.vm.kernel().name.starts_with("v6") { version::V1_1 } else { version::V1_3 }
    }

    pub fn psci(&self) -> u32 {
        match self.modern {
            true => self.inner.psci().unwrap_or_else(|| self.latest()),
            false => version::V0_1,
        }
    }

    pub fn get(&self, n: usize) -> u64 {
        if n == 0 { self.psci().into() } else { Firmware::WORKAROUNDS[n - 1].into() }
    }

    /// A version that there is; a workaround is at most as good as it is.
    pub fn set(&mut self, n: usize, value: u64) -> std::result::Result<(), Errno> {
        use version::*;
        let there = match n {
            0 if self.modern => {
                [V0_2, V1_0, V1_1, V1_2, V1_3].map(u64::from).contains(&value) && value <= self.latest().into()
            }
            0 => value == u64::from(V0_1),
            _ => value <= self.get(n),
        };
        if !there {
            return Err(Errno::Inval);
        }
        if n == 0 && self.modern {
            self.inner.set_psci(value as u32);
        }
        Ok(())
    }
}

/// Features that this project's vCPUs can have.
const FEATURES: u32 = 1 << KVM_ARM_VCPU_POWER_OFF
    | 1 << KVM_ARM_VCPU_PSCI_0_2
    | 1 << KVM_ARM_VCPU_PMU_V3
    | POINTER_AUTHENTICATION
    | 1 << KVM_ARM_VCPU_HAS_EL2;
/// Both, or neither.
const POINTER_AUTHENTICATION: u32 = 1 << KVM_ARM_VCPU_PTRAUTH_ADDRESS | 1 << KVM_ARM_VCPU_PTRAUTH_GENERIC;
/// More than there are.
const NO_FEATURE: u32 = KVM_ARM_VCPU_HAS_EL2_E2H0 + 1;

fn has(features: u32, feature: u32) -> bool {
    features >> feature & 1 != 0
}

fn check_features(kvi: &kvm_vcpu_init) -> std::result::Result<(), Errno> {
    let features = kvi.features[0];
    if features >> NO_FEATURE != 0 || kvi.features[1..].iter().any(|&word| word != 0) {
        return Err(Errno::NoEnt);
    }
    let pointers = features & POINTER_AUTHENTICATION;
    let some = pointers != 0 && pointers != POINTER_AUTHENTICATION;
    if features & !FEATURES != 0 || some { Err(Errno::Inval) } else { Ok(()) }
}

/// The processor that a vCPU with these features is. One without PSTATE of EL2 is the default.
fn model(features: u32) -> &'static Model {
    let name = if features & POINTER_AUTHENTICATION != 0 { "max" } else { "neoverse-n1" };
    let model = Model::by_name(name).expect("there is this model");
    model.with(Extras { el2: has(features, KVM_ARM_VCPU_HAS_EL2), ..Extras::default() })
}

impl VcpuFd {
    pub(crate) fn new(inner: Arc<Inner>, vcpu: Arc<Vcpu>, pe: Arc<Pe>) -> VcpuFd {
        VcpuFd { inner, vcpu, pe, state: RefCell::default(), exchange: Exchange::default(), immediate_exit: false }
    }

    /// `KVM_ARM_VCPU_INIT`: resets the vCPU. Again only with the same target and features, apart from `POWER_OFF`.
    pub fn vcpu_init(&self, kvi: &kvm_vcpu_init) -> Result<()> {
        if kvi.target != KVM_ARM_TARGET_GENERIC_V8 {
            return Err(plain(Errno::Inval));
        }
        check_features(kvi).map_err(plain)?;
        let mut init = *kvi;
        init.features[0] &= !(1 << KVM_ARM_VCPU_POWER_OFF);
        // All vCPUs of a VM have the same.
        if !self.inner.agree_on_features(init.features[0]) {
            return Err(plain(Errno::Inval));
        }
        self.inner.vm.initialise_vcpu(&self.vcpu, has(init.features[0], KVM_ARM_VCPU_HAS_EL2)).map_err(error)?;
        let mpidr = self.vcpu.default_affinity().mpidr();
        let mut state = self.state.borrow_mut();
        match state.as_mut().and_then(|state| state.cpu.as_mut()) {
            Some(cpu) => regs::reset(cpu),
            None => *state = Some(State::new(&self.inner, init.features[0], mpidr)),
        }
        self.pe.initialise(mpidr, has(kvi.features[0], KVM_ARM_VCPU_POWER_OFF));
        Ok(())
    }

    /// `KVM_ARM_VCPU_FINALIZE`: no feature here needs it.
    pub fn vcpu_finalize(&self, _: &std::os::raw::c_int) -> Result<()> {
        self.ioctl(|_| Err(Errno::Inval))
    }

    /// `KVM_GET_REG_LIST`: every register that the other two know. A list that is too short is `E2BIG`.
    pub fn get_reg_list(&self, reg_list: &mut RegList) -> Result<()> {
        let list = self.ioctl(|state| Ok(regs::list(state.cpu())))?;
        if reg_list.as_slice().len() < list.len() {
            return Err(plain(Errno::TooBig));
        }
        *reg_list = RegList::from_entries(&list).map_err(|_| plain(Errno::NoMem))?;
        Ok(())
    }

    /// `KVM_GET_ONE_REG`; the bytes of the register.
    pub fn get_one_reg(&self, reg_id: u64, data: &mut [u8]) -> Result<usize> {
        let out = data.get_mut(..regs::size(reg_id)).ok_or_else(|| plain(Errno::Inval))?;
        self.ioctl(|state| regs::get(state.cpu(), &state.firmware.clone(), reg_id, out))?;
        Ok(regs::size(reg_id))
    }

    /// `KVM_SET_ONE_REG`; the bytes of the register.
    pub fn set_one_reg(&self, reg_id: u64, data: &[u8]) -> Result<usize> {
        let data = data.get(..regs::size(reg_id)).ok_or_else(|| plain(Errno::Inval))?;
        self.ioctl(|State { cpu, firmware, .. }| {
            regs::set(cpu.as_mut().expect("it does not run"), firmware, reg_id, data)
        })?;
        Ok(data.len())
    }

    /// `KVM_GET_MP_STATE`.
    pub fn get_mp_state(&self) -> Result<kvm_mp_state> {
        let stopped = self.inner.vm.with_vcpu(&self.vcpu, || self.pe.is_stopped()).map_err(error)?;
        let mp_state = if stopped { KVM_MP_STATE_STOPPED } else { KVM_MP_STATE_RUNNABLE };
        Ok(kvm_mp_state { mp_state })
    }

    /// `KVM_SET_MP_STATE`.
    pub fn set_mp_state(&self, mp_state: kvm_mp_state) -> Result<()> {
        let stopped = match mp_state.mp_state {
            KVM_MP_STATE_RUNNABLE => false,
            KVM_MP_STATE_STOPPED => true,
            _ => return Err(plain(Errno::Inval)),
        };
        self.inner.vm.with_vcpu(&self.vcpu, || self.pe.set_stopped(stopped)).map_err(error)
    }

    /// `kvm_run.immediate_exit`: the next `run` returns `EINTR` at once.
    pub fn set_kvm_immediate_exit(&mut self, val: u8) {
        self.immediate_exit = val != 0;
    }

    /// Makes `run` return from another thread.
    pub fn kick_handle(&self) -> Kick {
        Kick(self.pe.clone())
    }

    /// The vCPU itself, to see more than KVM shows.
    pub fn vcpu(&self) -> &Arc<Vcpu> {
        &self.vcpu
    }

    /// An ioctl on registers: not before `KVM_ARM_VCPU_INIT`.
    pub(crate) fn ioctl<R>(&self, work: impl FnOnce(&mut State) -> std::result::Result<R, Errno>) -> Result<R> {
        let done = self.inner.vm.with_vcpu(&self.vcpu, || match &mut *self.state.borrow_mut() {
            Some(state) => work(state),
            None => Err(Errno::NoExec),
        });
        done.map_err(error)?.map_err(plain)
    }
}

impl State {
    fn new(inner: &Arc<Inner>, features: u32, mpidr: u64) -> State {
        let spec = VcpuSpec { index: 0, mpidr, model: model(features) };
        let mut cpu = Box::new(cpu::Vcpu::new(spec, workbench(inner.clock)));
        cpu.outside = Some(Box::default());
        let firmware = Firmware { inner: inner.clone(), modern: has(features, KVM_ARM_VCPU_PSCI_0_2) };
        let has_pmu = has(features, KVM_ARM_VCPU_PMU_V3);
        State { cpu: Some(cpu), firmware, has_pmu, pmu_irq: false, pmu_ready: false }
    }

    fn cpu(&self) -> &cpu::Vcpu {
        self.cpu.as_ref().expect("it does not run")
    }
}

impl std::fmt::Debug for VcpuFd {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("VcpuFd").field("id", &self.vcpu.id()).finish()
    }
}

/// A file moves to the thread that runs it.
const _: fn() = || {
    fn moves<T: Send>() {}
    moves::<VcpuFd>();
};
