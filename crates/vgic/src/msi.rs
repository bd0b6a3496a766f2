//! `KVM_SIGNAL_MSI`: messages as a VMM's devices send them (Linux, Documentation/virt/kvm/api.rst).

use crate::errno::{Errno, Refusal};
use crate::its;
use crate::vm::Vm;
use std::sync::Arc;

/// Offset of GITS_TRANSLATER in the frames of an ITS.
const DOORBELL: u64 = 0x1_0040;

/// The message names its device.
const MSI_VALID_DEVID: u32 = 1;

/// A message, `struct kvm_msi` without its padding.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Msi {
    /// Where it is written.
    pub address: u64,
    /// What is written: an EventID.
    pub data: u32,
    /// Bit 0: `device` is valid, which an ITS needs.
    pub flags: u32,
    /// DeviceID.
    pub device: u32,
}

impl Vm {
    /// `KVM_SIGNAL_MSI`: has the guest mapped it, so that it was delivered?
    pub fn signal_msi(&self, msi: Msi) -> Result<bool, Refusal> {
        self.check_alive()?;
        let its = self.its_at(msi)?;
        // What the guest has not mapped is dropped, as if it had masked it.
        let delivered = its.as_ref().is_some_and(|its| its.route(msi.device, msi.data).is_ok());
        if let Some(its) = its.filter(|_| delivered) {
            its.write(msi.device, msi.data);
        }
        Ok(delivered)
    }

    fn its_at(&self, msi: Msi) -> Result<Option<Arc<gic::Its>>, Refusal> {
        let config = self.config.lock();
        if config.dist.is_none() || msi.flags & !MSI_VALID_DEVID != 0 {
            return Err(Errno::Inval
                .because("a message needs a VGIC, and no flag but VALID_DEVID")
                .about(msi.flags.into()));
        }
        if !config.has_its {
            return Err(Errno::NoDev.because("the VM has no ITS"));
        }
        if msi.flags & MSI_VALID_DEVID == 0 {
            return Err(Errno::Inval.because("an ITS needs to know the device: VALID_DEVID"));
        }
        let there = |its: &&its::State| its.base().is_some_and(|base| base + DOORBELL == msi.address);
        let its = config.itss.iter().find(there);
        let its = its.ok_or(Errno::Inval.because("no ITS has its doorbell at this address").about(msi.address))?;
        Ok(its.live().cloned())
    }
}
