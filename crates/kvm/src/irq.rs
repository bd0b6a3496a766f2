//! Interrupts that the VMM raises.

use crate::eventfds::{IoEventAddress, Match};
use crate::{Error, KvmIrqRouting, Result, VmFd, bindings::*, error, plain};
use std::os::raw::c_int;
use vgic::{Errno, Line, Msi};
use vmm_sys_util::eventfd::EventFd;

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

    /// `KVM_SET_GSI_ROUTING`: replaces all routes. Before, and again when the VGIC is initialised, GSI n is SPI 32 + n.
    pub fn set_gsi_routing(&self, irq_routing: &KvmIrqRouting) -> Result<()> {
        let entries = irq_routing.as_slice();
        if entries.len() > KVM_MAX_IRQ_ROUTES || irq_routing.as_fam_struct_ref().flags != 0 {
            return Err(plain(Errno::Inval));
        }
        let set = self.inner.eventfds.with_routes(|routes, vm| routes.set(vm, entries));
        set.map_err(|_| plain(Errno::NoMem))?.map_err(plain)
    }

    /// `KVM_IRQFD`: whenever `fd` is signalled, its GSI is raised. A GSI that leads nowhere is accepted.
    pub fn register_irqfd(&self, fd: &EventFd, gsi: u32) -> Result<()> {
        self.inner.eventfds.assign(fd, gsi).map_err(Error::new)
    }

    /// The same, with an eventfd that is signalled at the end of the interrupt. Refused with `EINVAL`: nothing resamples here.
    pub fn register_irqfd_with_resample(&self, _: &EventFd, _: &EventFd, _: u32) -> Result<()> {
        Err(plain(Errno::Inval))
    }

    /// `KVM_IRQFD` with `KVM_IRQFD_FLAG_DEASSIGN`.
    pub fn unregister_irqfd(&self, fd: &EventFd, gsi: u32) -> Result<()> {
        self.inner.eventfds.deassign(fd, gsi);
        Ok(())
    }

    /// `KVM_IOEVENTFD`: a guest's write of `datamatch`, in as many bytes as `T` has, signals `fd` and does not leave the guest.
    /// [`crate::NoDatamatch`] is any value of any length.
    pub fn register_ioevent<T: Into<u64>>(&self, fd: &EventFd, addr: &IoEventAddress, datamatch: T) -> Result<()> {
        self.inner.eventfds.watch(fd, matching(addr, datamatch)?).map_err(plain)
    }

    /// `KVM_IOEVENTFD` with `KVM_IOEVENTFD_FLAG_DEASSIGN`.
    pub fn unregister_ioevent<T: Into<u64>>(&self, fd: &EventFd, addr: &IoEventAddress, datamatch: T) -> Result<()> {
        self.inner.eventfds.unwatch(fd, matching(addr, datamatch)?).map_err(plain)
    }
}

/// Lengths are those that an access may have.
fn matching<T: Into<u64>>(addr: &IoEventAddress, datamatch: T) -> Result<Match> {
    let (length, address) = (size_of::<T>() as u64, *addr);
    let (IoEventAddress::Pio(at) | IoEventAddress::Mmio(at)) = address;
    if ![0, 1, 2, 4, 8].contains(&length) || at.checked_add(length).is_none() {
        return Err(plain(Errno::Inval));
    }
    Ok(Match { address, length, value: (length > 0).then(|| datamatch.into()) })
}
