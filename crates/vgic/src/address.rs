//! Group ADDR: where the frames are in guest physical memory (doc3 and docits, KVM_DEV_ARM_VGIC_GRP_ADDR).

use crate::errno::{Errno, Refusal};
use crate::regions::{self, RegionValue};
use crate::uapi::{UNSET, address};
use crate::user::UserPointer;
use crate::vm::Vm;

/// Bytes of GICD, and the alignment of everything.
pub(crate) const FRAME: u64 = 0x1_0000;

/// The rules for a range: unset so far, aligned, not around the end of the address space, and within the guest's.
pub(crate) fn check_range(vm: &Vm, set: bool, base: u64, align: u64, size: u64) -> Result<(), Refusal> {
    if set {
        return Err(Errno::Exist.because("this address is set already"));
    }
    if !base.is_multiple_of(align) || !size.is_multiple_of(align) {
        return Err(Errno::Inval.because("a base address is a multiple of its frames' 64 KiB").about(base));
    }
    let end = base.checked_add(size).ok_or(Errno::Inval.because("the frames wrap around").about(base))?;
    let limit = 1u64 << vm.spec.host.address_bits;
    match base >= limit || end > limit {
        true => Err(Errno::TooBig.because("the frames are beyond the guest's physical addresses").about(base)),
        false => Ok(()),
    }
}

/// Do [a, a + la) and [b, b + lb) have an address in common? An empty range may.
pub(crate) fn overlap((a, la): (u64, u64), (b, lb): (u64, u64)) -> bool {
    a.saturating_add(la) > b && a < b.saturating_add(lb)
}

fn known(attr: u64) -> Result<(), Refusal> {
    match attr {
        address::DIST | address::REDIST | address::REDIST_REGION => Ok(()),
        address::V2_DIST | address::V2_CPU => Err(Errno::NxIo.because("this address is of a GICv2").about(attr)),
        _ => Err(Errno::NxIo.because("no address of a VGIC has this number").about(attr)),
    }
}

pub(crate) fn has(attr: u64) -> Result<(), Refusal> {
    known(attr)
}

pub(crate) fn set(vm: &Vm, attr: u64, user: UserPointer) -> Result<(), Refusal> {
    let value = user.read_u64()?;
    let slots = vm.slots.lock();
    known(attr)?;
    match attr {
        address::DIST => {
            let mut config = vm.config.lock();
            let dist = config.dist.as_mut().expect("the device exists");
            check_range(vm, dist.base.is_some(), value, FRAME, FRAME)?;
            dist.base = Some(value);
            Ok(())
        }
        address::REDIST => regions::add(vm, &slots, RegionValue { index: 0, base: value, count: 0 }),
        _ => regions::add(vm, &slots, RegionValue::parse(value)?),
    }
}

pub(crate) fn get(vm: &Vm, attr: u64, user: UserPointer) -> Result<(), Refusal> {
    let asked = if attr == address::REDIST_REGION { user.read_u64()? } else { 0 };
    let value = {
        let _slots = vm.slots.lock();
        known(attr)?;
        let config = vm.config.lock();
        let dist = config.dist.as_ref().expect("the device exists");
        match attr {
            address::DIST => dist.base_or_unset(),
            address::REDIST => dist.regions.first().map_or(UNSET, |region| region.base),
            _ => regions::describe(dist, asked)?,
        }
    };
    user.write_u64(value)
}
