//! A VM's file.

use crate::board::Inner;
use crate::device::DeviceFd;
use crate::memory::Memory;
use crate::vcpu::VcpuFd;
use crate::{Cap, Kvm, Result, bindings::*, error, plain};
use mem::Piece;
use std::ffi::c_ulong;
use std::sync::Arc;
use vgic::{Errno, Host, Kernel, LockProtocol, Vm, VmSpec};

/// A VM.
#[derive(Clone)]
pub struct VmFd {
    pub(crate) vm: Arc<Vm>,
    pub(crate) inner: Arc<Inner>,
    address_bits: u8,
}

impl VmFd {
    pub(crate) fn new(kernel: &'static Kernel, host: Host, protocol: LockProtocol) -> VmFd {
        let memory = Arc::new(Memory::default());
        let spec = VmSpec { kernel, host, protocol, ..VmSpec::new(memory.clone()) };
        let vm = Vm::new(spec);
        VmFd { vm: vm.clone(), inner: Arc::new(Inner::new(vm, memory)), address_bits: host.address_bits }
    }

    /// `KVM_SET_USER_MEMORY_REGION`. vCPUs stand still meanwhile. A region where this process has no memory that can be read
    /// and written is accepted, as by KVM, and `run` gives `EFAULT` when a guest comes there. `KVM_MEM_READONLY` is refused.
    ///
    /// # Safety
    /// The memory stays mapped, readable and writable until the region is taken away or the VM is gone: guests read and write
    /// it at any time, so nobody may hold a reference to it.
    pub unsafe fn set_user_memory_region(&self, region: kvm_userspace_memory_region) -> Result<()> {
        // SAFETY: the caller promises what a piece needs, and `set` has looked that it consists of mapped pages.
        let piece = |base, start, size| unsafe { Piece::new(base, start, size) };
        self.inner.while_still(|| self.inner.memory.set(region, 1 << self.address_bits, piece)).map_err(plain)
    }

    /// `KVM_CREATE_VCPU`.
    pub fn create_vcpu(&self, id: u64) -> Result<VcpuFd> {
        let id = u32::try_from(id).map_err(|_| plain(Errno::Inval))?;
        let vcpu = self.vm.create_vcpu(id).map_err(error)?;
        let pe = self.inner.add(&vcpu);
        Ok(VcpuFd::new(self.inner.clone(), vcpu, pe))
    }

    /// `KVM_CREATE_DEVICE`. With `KVM_CREATE_DEVICE_TEST` KVM makes no file, and `kvm-ioctls` takes the number that the caller
    /// left in `fd`, mostly 0, for one: what comes back is no device, and every call of it fails with `ENOTTY`. When that is
    /// dropped there, the process's file 0 is closed; here it is not.
    pub fn create_device(&self, device: &mut kvm_create_device) -> Result<DeviceFd> {
        let device = self.vm.create_device(device.type_, device.flags).map_err(error)?;
        Ok(DeviceFd { device })
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
        self.check_extension_raw(cap as c_ulong)
    }

    /// The same by number.
    pub fn check_extension_raw(&self, number: c_ulong) -> i32 {
        Kvm::new().map_or(0, |kvm| kvm.check_extension_raw(number))
    }

    /// `KVM_ENABLE_CAP`: `EINVAL`, since no capability of a VM here is off at first.
    pub fn enable_cap(&self, _: &kvm_enable_cap) -> Result<()> {
        Err(plain(Errno::Inval))
    }

    /// `KVM_GET_DIRTY_LOG`: one bit for each page. Stores are not watched, so every page may be dirty, and is; `ENOENT` of a
    /// slot without `KVM_MEM_LOG_DIRTY_PAGES`.
    pub fn get_dirty_log(&self, slot: u32, memory_size: usize) -> Result<Vec<u64>> {
        if !self.inner.memory.is_logged(slot) {
            return Err(plain(Errno::NoEnt));
        }
        let pages = memory_size.div_ceil(4096);
        let word = |first: usize| u64::MAX >> (64 - (pages - first).min(64));
        Ok((0..pages).step_by(64).map(word).collect())
    }

    /// `KVM_HAS_DEVICE_ATTR` of the VM: `ENXIO`, there are none.
    pub fn has_device_attr(&self, _: &kvm_device_attr) -> Result<()> {
        Err(plain(Errno::NxIo))
    }

    /// `KVM_SET_DEVICE_ATTR` of the VM: `ENXIO`, there are none.
    pub fn set_device_attr(&self, _: &kvm_device_attr) -> Result<()> {
        Err(plain(Errno::NxIo))
    }

    /// Bytes of `kvm_run`, which is not mapped here.
    pub fn run_size(&self) -> usize {
        4096
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
