//! `/dev/kvm`, without the file.

use crate::routes::MAX_ROUTES;
use crate::vm::VmFd;
use crate::{Error, Result, bindings::*};
use vgic::{Errno, Host, Kernel, LockProtocol};

/// Capabilities that a VMM's set-up on arm64 asks for.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[repr(u32)]
#[allow(missing_docs)]
pub enum Cap {
    Irqchip = 0,
    UserMemory = 3,
    NrVcpus = 9,
    NrMemslots = 10,
    MpState = 14,
    IrqRouting = 25,
    Irqfd = 32,
    Ioeventfd = 36,
    VcpuEvents = 41,
    MaxVcpus = 66,
    OneReg = 70,
    SignalMsi = 77,
    DeviceCtrl = 89,
    ArmPsci02 = 102,
    MaxVcpuId = 128,
    MsiDevid = 131,
    ImmediateExit = 136,
    ArmVmIPASize = 165,
}

/// The handle that VMs are made from. It also says how they behave, which of KVM the kernel decides.
#[derive(Clone, Debug)]
pub struct Kvm {
    kernel: &'static Kernel,
    host: Host,
    protocol: LockProtocol,
}

impl Kvm {
    /// The newest Linux this project knows, with its own locking protocol, on an ordinary host.
    pub fn new() -> Result<Kvm> {
        Ok(Kvm { kernel: &Kernel::V7_3, host: Host::default(), protocol: LockProtocol::Upstream })
    }

    /// Another Linux, another host, another protocol: ours, no VMM has it.
    pub fn like(kernel: &'static Kernel, host: Host, protocol: LockProtocol) -> Kvm {
        Kvm { kernel, host, protocol }
    }

    /// `KVM_GET_API_VERSION`.
    pub fn get_api_version(&self) -> i32 {
        KVM_API_VERSION as i32
    }

    /// Bits of guest physical address at most.
    pub fn get_host_ipa_limit(&self) -> i32 {
        48
    }

    /// `KVM_CHECK_EXTENSION`: 0 if it is not there.
    pub fn check_extension_int(&self, cap: Cap) -> i32 {
        match cap {
            Cap::NrVcpus | Cap::MaxVcpus | Cap::MaxVcpuId => 512,
            Cap::NrMemslots => 32767,
            Cap::ArmVmIPASize => self.get_host_ipa_limit(),
            Cap::IrqRouting => MAX_ROUTES as i32,
            _ => 1,
        }
    }

    /// Is it there?
    pub fn check_extension(&self, cap: Cap) -> bool {
        self.check_extension_int(cap) > 0
    }

    /// vCPUs that can be made well.
    pub fn get_nr_vcpus(&self) -> usize {
        512
    }

    /// vCPUs that can be made.
    pub fn get_max_vcpus(&self) -> usize {
        512
    }

    /// One more than the greatest id of a vCPU.
    pub fn get_max_vcpu_id(&self) -> usize {
        512
    }

    /// Regions of memory that a VM can have.
    pub fn get_nr_memslots(&self) -> usize {
        32767
    }

    /// `KVM_CREATE_VM` with 40 bits of guest physical address.
    pub fn create_vm(&self) -> Result<VmFd> {
        self.create_vm_with_type(0)
    }

    /// `KVM_CREATE_VM` with that many bits of guest physical address: 32 to 48.
    pub fn create_vm_with_ipa_size(&self, ipa_size: u32) -> Result<VmFd> {
        self.create_vm_with_type((ipa_size & KVM_VM_TYPE_ARM_IPA_SIZE_MASK).into())
    }

    /// `KVM_CREATE_VM`.
    pub fn create_vm_with_type(&self, vm_type: u64) -> Result<VmFd> {
        let bits = match vm_type {
            0 => 40,
            32..=48 => vm_type as u8,
            _ => return Err(Error::new(Errno::Inval.number())),
        };
        Ok(VmFd::new(self.kernel, Host { address_bits: bits, ..self.host }, self.protocol))
    }
}
