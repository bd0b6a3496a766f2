//! Attributes of a vCPU, and events that wait for it: as far as a VMM's set-up uses them.

use crate::process::Process;
use crate::vcpu::VcpuFd;
use crate::{Result, bindings::*};
use vgic::{Errno, UserMemory};

/// INTIDs of the PE's lines, which cannot be moved.
const PMU: u32 = 23;
const VIRTUAL_TIMER: u32 = 27;
const PHYSICAL_TIMER: u32 = 30;

/// An attribute: its group and number, the line it is the INTID of, and whether it needs `KVM_ARM_VCPU_PMU_V3`.
type Row = (u32, u32, Option<u32>, bool);

#[rustfmt::skip]
const ROWS: [Row; 4] = [
    (KVM_ARM_VCPU_PMU_V3_CTRL, KVM_ARM_VCPU_PMU_V3_IRQ,        Some(PMU),            true),
    (KVM_ARM_VCPU_PMU_V3_CTRL, KVM_ARM_VCPU_PMU_V3_INIT,       None,                 true),
    (KVM_ARM_VCPU_TIMER_CTRL,  KVM_ARM_VCPU_TIMER_IRQ_VTIMER,  Some(VIRTUAL_TIMER),  false),
    (KVM_ARM_VCPU_TIMER_CTRL,  KVM_ARM_VCPU_TIMER_IRQ_PTIMER,  Some(PHYSICAL_TIMER), false),
];

fn row(attr: &kvm_device_attr) -> Option<&'static Row> {
    ROWS.iter().find(|(group, number, ..)| (*group, u64::from(*number)) == (attr.group, attr.attr))
}

impl VcpuFd {
    /// `KVM_HAS_DEVICE_ATTR` of a vCPU: the PMU's interrupt and its initialisation, and the interrupts of two timers. `ENXIO` of
    /// all others, such as filters of events, another PMU, and stolen time.
    pub fn has_device_attr(&self, device_attr: &kvm_device_attr) -> Result<()> {
        self.ioctl(|state| match row(device_attr) {
            Some((.., needs_pmu)) if !needs_pmu || state.has_pmu => Ok(()),
            _ => Err(Errno::NxIo),
        })
    }

    /// `KVM_SET_DEVICE_ATTR` of a vCPU. Interrupts are where they are, PPIs 23, 27 and 30, and other INTIDs are `EINVAL`, which
    /// from KVM only those are that are no PPI.
    pub fn set_device_attr(&self, device_attr: &kvm_device_attr) -> Result<()> {
        let initialised = self.inner.vm.is_initialised();
        self.ioctl(|state| match row(device_attr) {
            None => Err(Errno::NxIo),
            Some((.., true)) if !state.has_pmu => Err(Errno::NoDev),
            Some((_, _, Some(line), needs_pmu)) => {
                let mut bytes = [0; 4];
                Process.read(device_attr.addr, &mut bytes).map_err(|_| Errno::Fault)?;
                if u32::from_le_bytes(bytes) != *line {
                    return Err(Errno::Inval);
                }
                state.pmu_irq |= needs_pmu;
                Ok(())
            }
            Some((_, _, None, _)) if !initialised => Err(Errno::NoDev),
            Some((_, _, None, _)) if !state.pmu_irq => Err(Errno::NxIo),
            Some((_, _, None, _)) => match std::mem::replace(&mut state.pmu_ready, true) {
                true => Err(Errno::Busy),
                false => Ok(()),
            },
        })
    }

    /// `KVM_GET_VCPU_EVENTS`: nothing waits to be injected.
    pub fn get_vcpu_events(&self) -> Result<kvm_vcpu_events> {
        self.ioctl(|_| Ok(kvm_vcpu_events::default()))
    }

    /// `KVM_SET_VCPU_EVENTS`: `EINVAL` of anything but nothing. SErrors and external aborts cannot be injected.
    pub fn set_vcpu_events(&self, vcpu_events: &kvm_vcpu_events) -> Result<()> {
        let nothing = *vcpu_events == kvm_vcpu_events::default();
        self.ioctl(|_| if nothing { Ok(()) } else { Err(Errno::Inval) })
    }
}
