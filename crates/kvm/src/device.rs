//! A device's file.

use crate::process::Process;
use crate::{Result, bindings::kvm_device_attr, error};
use vgic::{Device, DeviceAttr};

/// A VGIC or an ITS. Dropping it leaves the device where it is.
#[derive(Clone)]
pub struct DeviceFd {
    pub(crate) device: Device,
}

fn attribute(attr: &kvm_device_attr) -> DeviceAttr {
    DeviceAttr { flags: attr.flags, group: attr.group, attr: attr.attr, addr: attr.addr }
}

impl DeviceFd {
    /// `KVM_HAS_DEVICE_ATTR`.
    pub fn has_device_attr(&self, device_attr: &kvm_device_attr) -> Result<()> {
        self.device.has_attr(&attribute(device_attr)).map_err(error)
    }

    /// `KVM_SET_DEVICE_ATTR`; the value is read from `addr`.
    pub fn set_device_attr(&self, device_attr: &kvm_device_attr) -> Result<()> {
        self.device.set_attr(&attribute(device_attr), &Process).map_err(error)
    }

    /// `KVM_GET_DEVICE_ATTR`; the value is written to `addr`.
    ///
    /// # Safety
    /// Memory at `addr` changes behind the compiler's back.
    pub unsafe fn get_device_attr(&self, device_attr: &mut kvm_device_attr) -> Result<()> {
        self.device.get_attr(&attribute(device_attr), &Process).map_err(error)
    }

    /// The device itself, to see more than KVM shows.
    pub fn device(&self) -> &Device {
        &self.device
    }
}
