//! A vCPU's file.

use crate::regs::{self, Registers};
use crate::{Error, Result, bindings::*, error};
use std::marker::PhantomData;
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use vgic::{Errno, Vcpu, Vm};

/// Why `run` came back. No guest code runs, so it is only ever `Intr`.
#[derive(Debug)]
#[non_exhaustive]
#[allow(missing_docs)]
pub enum VcpuExit<'a> {
    MmioRead(u64, &'a mut [u8]),
    MmioWrite(u64, &'a [u8]),
    SystemEvent(u32, &'a [u64]),
    FailEntry(u64, u32),
    InternalError,
    Intr,
    Unsupported(u32),
}

/// Makes a `run` return from another thread, as a signal does.
#[derive(Clone, Default)]
pub struct Kick(Arc<(Mutex<bool>, Condvar)>);

impl Kick {
    /// The `run` that is under way, or else the next, returns.
    pub fn kick(&self) {
        *self.0.0.lock().unwrap_or_else(PoisonError::into_inner) = true;
        self.0.1.notify_all();
    }

    fn wait(&self) {
        let mut kicked = self.0.0.lock().unwrap_or_else(PoisonError::into_inner);
        while !std::mem::take(&mut *kicked) {
            kicked = self.0.1.wait(kicked).unwrap_or_else(PoisonError::into_inner);
        }
    }
}

/// A vCPU.
pub struct VcpuFd {
    vm: Arc<Vm>,
    vcpu: Arc<Vcpu>,
    registers: Mutex<Registers>,
    mp_state: Mutex<kvm_mp_state>,
    target: Mutex<Option<kvm_vcpu_init>>,
    kick: Kick,
    immediate_exit: bool,
    /// Not shared between threads, as the original is not.
    _not_sync: PhantomData<std::cell::Cell<()>>,
}

fn plain(errno: Errno) -> Error {
    Error::new(errno.number())
}

/// Features that this project's vCPUs can have.
const FEATURES: u32 = 1 << KVM_ARM_VCPU_POWER_OFF
    | 1 << KVM_ARM_VCPU_PSCI_0_2
    | 1 << KVM_ARM_VCPU_PMU_V3
    | 1 << KVM_ARM_VCPU_PTRAUTH_ADDRESS
    | 1 << KVM_ARM_VCPU_PTRAUTH_GENERIC
    | 1 << KVM_ARM_VCPU_HAS_EL2;

impl VcpuFd {
    pub(crate) fn new(vm: Arc<Vm>, vcpu: Arc<Vcpu>) -> VcpuFd {
        VcpuFd {
            vm,
            vcpu,
            registers: Mutex::default(),
            mp_state: Mutex::default(),
            target: Mutex::default(),
            kick: Kick::default(),
            immediate_exit: false,
            _not_sync: PhantomData,
        }
    }

    /// `KVM_ARM_VCPU_INIT`. Again only with the same target and features.
    pub fn vcpu_init(&self, kvi: &kvm_vcpu_init) -> Result<()> {
        let unknown = kvi.features[0] & !FEATURES != 0 || kvi.features[1..].iter().any(|&word| word != 0);
        if unknown {
            return Err(plain(Errno::NoEnt));
        }
        let mut target = self.target.lock().unwrap_or_else(PoisonError::into_inner);
        if kvi.target != KVM_ARM_TARGET_GENERIC_V8 || target.is_some_and(|before| before != *kvi) {
            return Err(plain(Errno::Inval));
        }
        let el2 = kvi.features[0] >> KVM_ARM_VCPU_HAS_EL2 & 1 != 0;
        self.vm.initialise_vcpu(&self.vcpu, el2).map_err(error)?;
        *target = Some(*kvi);
        let stopped = kvi.features[0] >> KVM_ARM_VCPU_POWER_OFF & 1 != 0;
        let mp_state = if stopped { KVM_MP_STATE_STOPPED } else { KVM_MP_STATE_RUNNABLE };
        *self.mp_state.lock().unwrap_or_else(PoisonError::into_inner) = kvm_mp_state { mp_state };
        self.registers().reset(self.vcpu.default_affinity().packed());
        Ok(())
    }

    /// `KVM_ARM_VCPU_FINALIZE`: no feature here needs it.
    pub fn vcpu_finalize(&self, _: &std::os::raw::c_int) -> Result<()> {
        self.ioctl(|_| Err(Errno::Inval))
    }

    /// `KVM_GET_ONE_REG`; the bytes of the register.
    pub fn get_one_reg(&self, reg_id: u64, data: &mut [u8]) -> Result<usize> {
        let out = data.get_mut(..regs::size(reg_id)).ok_or_else(|| plain(Errno::Inval))?;
        self.ioctl(|registers| registers.get(reg_id, out))?;
        Ok(regs::size(reg_id))
    }

    /// `KVM_SET_ONE_REG`; the bytes of the register.
    pub fn set_one_reg(&self, reg_id: u64, data: &[u8]) -> Result<usize> {
        let data = data.get(..regs::size(reg_id)).ok_or_else(|| plain(Errno::Inval))?;
        self.ioctl(|registers| registers.set(reg_id, data))?;
        Ok(data.len())
    }

    /// `KVM_GET_MP_STATE`.
    pub fn get_mp_state(&self) -> Result<kvm_mp_state> {
        let state = || *self.mp_state.lock().unwrap_or_else(PoisonError::into_inner);
        self.vm.with_vcpu(&self.vcpu, state).map_err(error)
    }

    /// `KVM_SET_MP_STATE`.
    pub fn set_mp_state(&self, mp_state: kvm_mp_state) -> Result<()> {
        if ![KVM_MP_STATE_RUNNABLE, KVM_MP_STATE_STOPPED].contains(&mp_state.mp_state) {
            return Err(plain(Errno::Inval));
        }
        let set = || *self.mp_state.lock().unwrap_or_else(PoisonError::into_inner) = mp_state;
        self.vm.with_vcpu(&self.vcpu, set).map_err(error)
    }

    /// `kvm_run.immediate_exit`: the next `run` returns `EINTR` at once.
    pub fn set_kvm_immediate_exit(&mut self, val: u8) {
        self.immediate_exit = val != 0;
    }

    /// Makes `run` return from another thread.
    pub fn kick_handle(&self) -> Kick {
        self.kick.clone()
    }

    /// `KVM_RUN`: the checks of a first run, then the vCPU's lock is held until somebody kicks it.
    pub fn run(&mut self) -> Result<VcpuExit<'_>> {
        let running = self.vm.run(&self.vcpu).map_err(error)?;
        if !self.immediate_exit {
            self.kick.wait();
        }
        drop(running);
        Err(plain(Errno::Intr))
    }

    /// The vCPU itself, to see more than KVM shows.
    pub fn vcpu(&self) -> &Arc<Vcpu> {
        &self.vcpu
    }

    fn registers(&self) -> std::sync::MutexGuard<'_, Registers> {
        self.registers.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// An ioctl on registers: not before `KVM_ARM_VCPU_INIT`.
    fn ioctl<R>(&self, work: impl FnOnce(&mut Registers) -> std::result::Result<R, Errno>) -> Result<R> {
        let done =
            self.vm.with_vcpu(&self.vcpu, || match *self.target.lock().unwrap_or_else(PoisonError::into_inner) {
                Some(_) => work(&mut self.registers()),
                None => Err(Errno::NoExec),
            });
        done.map_err(error)?.map_err(plain)
    }
}
