//! Devices as KVM makes them, and the checks that are the same for all (Linux, KVM_CREATE_DEVICE and
//! KVM_{SET,GET,HAS}_DEVICE_ATTR).

use crate::errno::{Errno, Refusal};
use crate::its::{self, Its};
use crate::locks::Call;
use crate::uapi::{self, device_type, request};
use crate::user::{UserMemory, UserPointer, Value};
use crate::vm::Vm;
use crate::{attributes, create};
use std::sync::Arc;

/// Which attribute, and where its value is: `struct kvm_device_attr`.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct DeviceAttr {
    /// Never looked at.
    pub flags: u32,
    /// One of [`uapi::group`].
    pub group: u32,
    /// The attribute in the group.
    pub attr: u64,
    /// Address of the value in the caller's memory.
    pub addr: u64,
}

impl DeviceAttr {
    /// Reads the 24 bytes of the structure: `flags`, `group`, `attr` and `addr`, in this order.
    fn read(at: u64, memory: &dyn UserMemory) -> Result<DeviceAttr, Refusal> {
        let mut bytes = [0; 24];
        memory.read(at, &mut bytes)?;
        let word = |n: usize| u32::from_le_bytes(bytes[4 * n..][..4].try_into().expect("4 bytes"));
        let double = |n: usize| u64::from(word(n)) | u64::from(word(n + 1)) << 32;
        Ok(DeviceAttr { flags: word(0), group: word(1), attr: double(2), addr: double(4) })
    }
}

/// A device of a VM. Dropping it does not take it away: it lives as long as the VM.
#[derive(Clone)]
pub struct Device {
    vm: Arc<Vm>,
    kind: Kind,
}

#[derive(Clone)]
enum Kind {
    Vgic,
    Its(Arc<Its>),
}

impl Vm {
    /// `KVM_CREATE_DEVICE`. `None` if `flags` only ask whether it could be made.
    pub fn create_device(self: &Arc<Self>, kind: u32, flags: u32) -> Result<Option<Device>, Refusal> {
        let _call = Call::CreateDevice.begins();
        self.check_alive()?;
        let available = match kind {
            device_type::VGIC_V3 | device_type::ITS => true,
            device_type::VGIC_V2 => self.spec.host.gicv2,
            _ => false,
        };
        if !available {
            return Err(Errno::NoDev.because("no device of this type can be made on this host").about(kind.into()));
        }
        if flags & uapi::CREATE_DEVICE_TEST != 0 {
            return Ok(None);
        }
        let kvm = self.kvm.lock();
        if kind == device_type::VGIC_V2 {
            create::check_absent(&self.config.lock())?;
            return Err(Errno::NoDev.because("this project has no GICv2"));
        }
        let kind = match kind {
            device_type::ITS => Kind::Its(its::create(self, &kvm)),
            _ => {
                create::vgic(self, &kvm)?;
                Kind::Vgic
            }
        };
        Ok(Some(Device { vm: self.clone(), kind }))
    }
}

impl Device {
    /// The VM it belongs to.
    pub fn vm(&self) -> &Arc<Vm> {
        &self.vm
    }

    /// The ITS that translates, for devices that send it messages and for a bus; `None` of a VGIC, and before that is
    /// initialised.
    pub fn translator(&self) -> Option<Arc<gic::Its>> {
        match &self.kind {
            Kind::Vgic => None,
            Kind::Its(its) => self.vm.config.lock().itss[its.index].live().cloned(),
        }
    }

    /// `KVM_SET_DEVICE_ATTR`.
    pub fn set_attr(&self, attr: &DeviceAttr, memory: &dyn UserMemory) -> Result<(), Refusal> {
        let _call = Call::SetAttr.begins();
        self.vm.check_alive()?;
        let user = UserPointer { memory, at: attr.addr };
        match &self.kind {
            Kind::Vgic => attributes::set(&self.vm, attr, user),
            Kind::Its(its) => its::set(&self.vm, its, attr, user),
        }
    }

    /// `KVM_GET_DEVICE_ATTR`.
    pub fn get_attr(&self, attr: &DeviceAttr, memory: &dyn UserMemory) -> Result<(), Refusal> {
        let _call = Call::GetAttr.begins();
        self.vm.check_alive()?;
        let user = UserPointer { memory, at: attr.addr };
        match &self.kind {
            Kind::Vgic => attributes::get(&self.vm, attr, user),
            Kind::Its(its) => its::get(&self.vm, its, attr, user),
        }
    }

    /// `KVM_HAS_DEVICE_ATTR`.
    pub fn has_attr(&self, attr: &DeviceAttr) -> Result<(), Refusal> {
        let _call = Call::HasAttr.begins();
        self.vm.check_alive()?;
        match &self.kind {
            Kind::Vgic => attributes::has(&self.vm, attr),
            Kind::Its(_) => its::has(attr),
        }
    }

    /// An ioctl by its number. `at` is where the caller has its `struct kvm_device_attr`.
    pub fn ioctl(&self, request: u32, at: u64, memory: &dyn UserMemory) -> Result<(), Refusal> {
        self.vm.check_alive()?;
        let perform = match request {
            request::SET_DEVICE_ATTR => Device::set_attr,
            request::GET_DEVICE_ATTR => Device::get_attr,
            request::HAS_DEVICE_ATTR => |device: &Device, attr: &DeviceAttr, _: &dyn UserMemory| device.has_attr(attr),
            _ => return Err(Errno::NoTty.because("a device has no such ioctl").about(request.into())),
        };
        perform(self, &DeviceAttr::read(at, memory)?, memory)
    }

    /// `set_attr` of a value in this process.
    pub fn set(&self, group: u32, attr: u64, value: u64) -> Result<(), Refusal> {
        self.set_attr(&DeviceAttr { group, attr, ..DeviceAttr::default() }, &Value::new(value))
    }

    /// `get_attr` into a value in this process, which began as 0.
    pub fn get(&self, group: u32, attr: u64) -> Result<u64, Refusal> {
        self.exchange(group, attr, 0)
    }

    /// `get_attr` of an attribute that reads its value first.
    pub fn exchange(&self, group: u32, attr: u64, value: u64) -> Result<u64, Refusal> {
        let value = Value::new(value);
        self.get_attr(&DeviceAttr { group, attr, ..DeviceAttr::default() }, &value)?;
        Ok(value.get())
    }

    /// `has_attr`.
    pub fn has(&self, group: u32, attr: u64) -> Result<(), Refusal> {
        self.has_attr(&DeviceAttr { group, attr, ..DeviceAttr::default() })
    }
}
