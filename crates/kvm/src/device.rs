//! A device's file.

use crate::process::Process;
use crate::{Result, bindings::kvm_device_attr, error, plain};
use vgic::{Device, DeviceAttr, Errno};

/// A VGIC or an ITS. Dropping it leaves the device where it is.
#[derive(Clone)]
pub struct DeviceFd {
    /// None is what `KVM_CREATE_DEVICE_TEST` gives.
    pub(crate) device: Option<Device>,
}

fn attribute(attr: &kvm_device_attr) -> DeviceAttr {
    DeviceAttr { flags: attr.flags, group: attr.group, attr: attr.attr, addr: attr.addr }
}

impl DeviceFd {
    /// `KVM_HAS_DEVICE_ATTR`.
    pub fn has_device_attr(&self, device_attr: &kvm_device_attr) -> Result<()> {
        self.call()?.has_attr(&attribute(device_attr)).map_err(error)
    }

    /// `KVM_SET_DEVICE_ATTR`; the value is read from `addr`.
    pub fn set_device_attr(&self, device_attr: &kvm_device_attr) -> Result<()> {
        self.call()?.set_attr(&attribute(device_attr), &Process).map_err(error)
    }

    /// `KVM_GET_DEVICE_ATTR`; the value is written to `addr`.
    ///
    /// # Safety
    /// Memory at `addr` changes behind the compiler's back.
    pub unsafe fn get_device_attr(&self, device_attr: &mut kvm_device_attr) -> Result<()> {
        self.call()?.get_attr(&attribute(device_attr), &Process).map_err(error)
    }

    /// The device itself, to see more than KVM shows; `None` after `KVM_CREATE_DEVICE_TEST`.
    pub fn device(&self) -> Option<&Device> {
        self.device.as_ref()
    }

    fn call(&self) -> Result<&Device> {
        self.device().ok_or_else(|| plain(Errno::NoTty))
    }
}
