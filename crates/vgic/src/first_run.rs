//! KVM_RUN, as far as the VGIC has a part in it: the checks of a VM's first run, and what a running vCPU holds.

use crate::config::Config;
use crate::errno::{Errno, Refusal};
use crate::locks::{Call, Guard};
use crate::regions::check_layout;
use crate::vcpus::{Vcpu, VcpuState};
use crate::vm::Vm;
use gic::CpuInterface;

/// A vCPU that runs: it holds its lock, also while the guest sleeps, and owns its CPU interface.
pub struct Running<'a> {
    vm: &'a Vm,
    vcpu: &'a Vcpu,
    interface: Option<CpuInterface>,
    _lock: Guard<'a, VcpuState>,
}

impl Running<'_> {
    /// The CPU interface; `None` in a VM without a VGIC. Who takes it out puts it back before this is dropped.
    pub fn interface(&mut self) -> &mut Option<CpuInterface> {
        &mut self.interface
    }
}

impl Drop for Running<'_> {
    fn drop(&mut self) {
        self.vm.config.lock().cpus[self.vcpu.index].interface = self.interface.take();
    }
}

impl Vm {
    /// `KVM_RUN`, until what it gives back is dropped. A check of the first run that fails kills the VM.
    pub fn run<'a>(&'a self, vcpu: &'a Vcpu) -> Result<Running<'a>, Refusal> {
        let _call = Call::Run.begins();
        self.check_alive()?;
        let mut lock = vcpu.lock.lock();
        if !lock.initialised {
            return Err(Errno::NoExec.because("KVM_ARM_VCPU_INIT was not called for this vCPU"));
        }
        if lock.unfinished {
            return Err(Errno::Perm.because("KVM_ARM_VCPU_FINALIZE was not called for a feature of this vCPU"));
        }
        if !self.ready.is_set() {
            self.map(vcpu.has_el2()).inspect_err(|_| self.dead.set())?;
        }
        lock.has_run = true;
        let interface = self.config.lock().cpus[vcpu.index].interface.take();
        Ok(Running { vm: self, vcpu, interface, _lock: lock })
    }

    fn map(&self, el2: bool) -> Result<(), Refusal> {
        let _slots = self.slots.lock();
        let mut config = self.config.lock();
        if self.ready.is_set() || config.dist.is_none() {
            return Ok(());
        }
        check_mapped(self, &config)?;
        let dist = config.dist.as_mut().expect("looked at above");
        if el2 && dist.maintenance == 0 {
            dist.maintenance = 25;
        }
        self.ready.set();
        Ok(())
    }
}

fn check_mapped(vm: &Vm, config: &Config) -> Result<(), Refusal> {
    let dist = config.dist.as_ref().expect("looked at before");
    if let Some(index) = config.cpus.iter().position(|cpu| cpu.placed.is_none()) {
        return Err(Errno::NxIo.because("the redistributor of a vCPU has no address").about(index as u64));
    }
    if dist.base.is_none() {
        return Err(Errno::NxIo.because("the distributor has no address"));
    }
    check_layout(vm, dist)?;
    match config.initialised() {
        true => Ok(()),
        false => Err(Errno::Busy.because("the VGIC is not initialised")),
    }
}
