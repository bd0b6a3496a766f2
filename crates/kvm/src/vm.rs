//! A VM's file.

use crate::device::DeviceFd;
use crate::memory::Memory;
use crate::vcpu::VcpuFd;
use crate::{Cap, Error, Kvm, Result, bindings::*, error};
use std::sync::Arc;
use vgic::{Errno, Host, Kernel, LockProtocol, Vm, VmSpec};

/// A VM.
#[derive(Clone)]
pub struct VmFd {
    pub(crate) vm: Arc<Vm>,
    memory: Arc<Memory>,
    address_bits: u8,
}

fn plain(errno: Errno) -> Error {
    Error::new(errno.number())
}

impl VmFd {
    pub(crate) fn new(kernel: &'static Kernel, host: Host, protocol: LockProtocol) -> VmFd {
        let memory = Arc::new(Memory::default());
        let spec = VmSpec { kernel, host, protocol, ..VmSpec::new(memory.clone()) };
        VmFd { vm: Vm::new(spec), memory, address_bits: host.address_bits }
    }

    /// `KVM_SET_USER_MEMORY_REGION`.
    ///
    /// # Safety
    /// The memory stays the VM's: it is read and written when tables in it are used.
    pub unsafe fn set_user_memory_region(&self, region: kvm_userspace_memory_region) -> Result<()> {
        self.memory.set(region, 1 << self.address_bits).map_err(plain)
    }

    /// `KVM_CREATE_VCPU`.
    pub fn create_vcpu(&self, id: u64) -> Result<VcpuFd> {
        let id = u32::try_from(id).map_err(|_| plain(Errno::Inval))?;
        let vcpu = self.vm.create_vcpu(id).map_err(error)?;
        Ok(VcpuFd::new(self.vm.clone(), vcpu))
    }

    /// `KVM_CREATE_DEVICE`. With `KVM_CREATE_DEVICE_TEST` what it gives back is no device: every call of it fails.
    pub fn create_device(&self, device: &mut kvm_create_device) -> Result<DeviceFd> {
        match self.vm.create_device(device.type_, device.flags).map_err(error)? {
            Some(device) => Ok(DeviceFd { device }),
            // There is no file to give; kvm-ioctls would make one of number 0.
            None => Err(plain(Errno::Perm)),
        }
    }

    /// `KVM_CREATE_DEVICE` with `KVM_CREATE_DEVICE_TEST`.
    pub fn test_device(&self, type_: u32) -> Result<()> {
        self.vm.create_device(type_, KVM_CREATE_DEVICE_TEST).map(drop).map_err(error)
    }

    /// `KVM_CREATE_IRQCHIP`, which makes a GICv2 on hosts that have one. Ours do not.
    pub fn create_irq_chip(&self) -> Result<()> {
        Err(plain(Errno::NoDev))
    }

    /// `KVM_ARM_PREFERRED_TARGET`.
    pub fn get_preferred_target(&self, kvi: &mut kvm_vcpu_init) -> Result<()> {
        *kvi = kvm_vcpu_init { target: KVM_ARM_TARGET_GENERIC_V8, features: [0; 7] };
        Ok(())
    }

    /// `KVM_CHECK_EXTENSION`: 0 if it is not there.
    pub fn check_extension_int(&self, cap: Cap) -> i32 {
        Kvm::new().map_or(0, |kvm| kvm.check_extension_int(cap))
    }

    /// Is it there?
    pub fn check_extension(&self, cap: Cap) -> bool {
        self.check_extension_int(cap) > 0
    }

    /// The VM itself, to see more than KVM shows, and to choose another locking protocol.
    pub fn vm(&self) -> &Arc<Vm> {
        &self.vm
    }
}
