//! `/dev/kvm`, without the file.

use crate::vm::VmFd;
use crate::{Error, Result, bindings::*};
use gic::MAX_PES;
use std::ffi::{CStr, c_ulong};
use vgic::{Errno, Host, Kernel, LockProtocol};

macro_rules! capabilities {
    ($($name:ident $number:literal $answer:expr;)*) => {
        /// Capabilities that a VMM on arm64 asks for.
        #[derive(Clone, Copy, PartialEq, Eq, Debug)]
        #[repr(u32)]
        #[allow(missing_docs)]
        pub enum Cap {
            $($name = $number,)*
        }

        /// What `KVM_CHECK_EXTENSION` answers to a number.
        fn answer(number: u64) -> i32 {
            match number {
                $($number => $answer,)*
                _ => 0,
            }
        }
    };
}

capabilities! {
    Irqchip 0 1;
    UserMemory 3 1;
    NrVcpus 9 MAX_PES as i32;
    NrMemslots 10 32767;
    MpState 14 1;
    DestroyMemoryRegionWorks 21 1;
    // Nothing steps or stops guests for a VMM.
    SetGuestDebug 23 0;
    IrqRouting 25 KVM_MAX_IRQ_ROUTES as i32;
    Irqfd 32 1;
    Ioeventfd 36 1;
    VcpuEvents 41 1;
    MaxVcpus 66 MAX_PES as i32;
    OneReg 70 1;
    SignalMsi 77 1;
    ReadonlyMem 81 0;
    IrqfdResample 82 0;
    DeviceCtrl 89 1;
    ArmEl132bit 93 0;
    ArmPsci02 102 1;
    CheckExtensionVm 105 1;
    ArmPmuV3 126 1;
    MaxVcpuId 128 MAX_PES as i32;
    MsiDevid 131 1;
    ImmediateExit 136 1;
    ArmVmIPASize 165 IPA_BITS;
    ArmSve 170 0;
    ArmPtrAuthAddress 171 1;
    ArmPtrAuthGeneric 172 1;
}

/// Bits of guest physical address at most.
const IPA_BITS: i32 = 48;

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

    /// The same: no file is opened.
    pub fn new_with_path<P: AsRef<CStr>>(_: P) -> Result<Kvm> {
        Kvm::new()
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
        IPA_BITS
    }

    /// Breakpoints that a VMM may set: none.
    pub fn get_guest_debug_hw_bps(&self) -> i32 {
        0
    }

    /// Watchpoints that a VMM may set: none.
    pub fn get_guest_debug_hw_wps(&self) -> i32 {
        0
    }

    /// `KVM_GET_VCPU_MMAP_SIZE`: `kvm_run` is a page, which is not mapped here.
    pub fn get_vcpu_mmap_size(&self) -> Result<usize> {
        Ok(4096)
    }

    /// `KVM_CHECK_EXTENSION`: 0 if it is not there.
    pub fn check_extension_int(&self, cap: Cap) -> i32 {
        answer(cap as u64)
    }

    /// The same by number.
    pub fn check_extension_raw(&self, number: c_ulong) -> i32 {
        answer(number)
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
