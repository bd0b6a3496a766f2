//! Interrupts that the VMM raises.

use crate::{Error, Result, VmFd, bindings::*, error};
use std::os::raw::c_int;
use vgic::{Errno, Line, Msi};

impl VmFd {
    /// `KVM_IRQ_LINE`: `irq` has the index of the vCPU in bits 31:28 and 23:16, a type in 27:24, and an INTID in 15:0.
    pub fn set_irq_line(&self, irq: u32, active: bool) -> Result<()> {
        let field = |shift: u32, mask: u32| irq >> shift & mask;
        let intid = field(KVM_ARM_IRQ_NUM_SHIFT, KVM_ARM_IRQ_NUM_MASK);
        let vcpu = field(KVM_ARM_IRQ_VCPU2_SHIFT, KVM_ARM_IRQ_VCPU2_MASK) * (KVM_ARM_IRQ_VCPU_MASK + 1)
            + field(KVM_ARM_IRQ_VCPU_SHIFT, KVM_ARM_IRQ_VCPU_MASK);
        let line = match field(KVM_ARM_IRQ_TYPE_SHIFT, KVM_ARM_IRQ_TYPE_MASK) {
            KVM_ARM_IRQ_TYPE_SPI => Line::Spi(intid),
            KVM_ARM_IRQ_TYPE_PPI => Line::Ppi(vcpu as usize, intid),
            // The pins of a vCPU are a VMM's only where KVM has no VGIC.
            KVM_ARM_IRQ_TYPE_CPU => return Err(Error::new(Errno::NxIo.number())),
            _ => return Err(Error::new(Errno::Inval.number())),
        };
        self.vm.irq_line(line, active).map_err(error)
    }

    /// `KVM_SIGNAL_MSI`: 1 if it was delivered, 0 if the guest does not want it.
    pub fn signal_msi(&self, msi: kvm_msi) -> Result<c_int> {
        let address = u64::from(msi.address_hi) << 32 | u64::from(msi.address_lo);
        let msi = Msi { address, data: msi.data, flags: msi.flags, device: msi.devid };
        self.vm.signal_msi(msi).map(c_int::from).map_err(error)
    }
}
