//! The attributes of a VGICv3, by group (doc3).

use crate::access::{self, Request};
use crate::device::DeviceAttr;
use crate::errno::{Errno, Refusal};
use crate::uapi::{control, group};
use crate::user::UserPointer;
use crate::vm::Vm;
use crate::{address, init, pending};

const UNKNOWN: Refusal = Errno::NxIo.because("a VGICv3 has no such attribute");
const COMMAND: Refusal = Errno::NxIo.because("a command has no value to get");

/// Fewest, most and granularity of interrupts. doc3 allows 1024; the code never did.
const INTERRUPTS: std::ops::RangeInclusive<u32> = 64..=1023;
const INTERRUPTS_STEP: u32 = 32;

/// INTIDs of PPIs.
const PPIS: std::ops::RangeInclusive<u32> = 16..=31;

pub(crate) fn set(vm: &Vm, attr: &DeviceAttr, user: UserPointer) -> Result<(), Refusal> {
    match attr.group {
        group::ADDR => address::set(vm, attr.attr, user),
        group::NR_IRQS => set_interrupts(vm, user.read_u32()?),
        group::CTRL => control(vm, attr.attr),
        group::MAINT_IRQ if vm.spec.kernel.nested => set_maintenance(vm, user.read_u32()?),
        _ => access::set(vm, Request::of(attr).ok_or(UNKNOWN)?, user),
    }
}

pub(crate) fn get(vm: &Vm, attr: &DeviceAttr, user: UserPointer) -> Result<(), Refusal> {
    let dist = |read: fn(&crate::config::Dist) -> u32| read(vm.config.lock().dist.as_ref().expect("the device exists"));
    match attr.group {
        group::ADDR => address::get(vm, attr.attr, user),
        group::NR_IRQS => user.write_u32(dist(|dist| dist.interrupts())),
        group::CTRL => Err(COMMAND),
        group::MAINT_IRQ if vm.spec.kernel.nested => user.write_u32(dist(|dist| dist.maintenance)),
        _ => access::get(vm, Request::of(attr).ok_or(UNKNOWN)?, user),
    }
}

pub(crate) fn has(vm: &Vm, attr: &DeviceAttr) -> Result<(), Refusal> {
    match attr.group {
        group::ADDR => address::has(attr.attr),
        group::NR_IRQS => Ok(()),
        group::CTRL if matches!(attr.attr, control::INIT | control::SAVE_PENDING_TABLES) => Ok(()),
        group::MAINT_IRQ if vm.spec.kernel.nested => Ok(()),
        _ => access::has(vm, Request::of(attr).ok_or(UNKNOWN)?),
    }
}

fn set_interrupts(vm: &Vm, interrupts: u32) -> Result<(), Refusal> {
    if !INTERRUPTS.contains(&interrupts) || !interrupts.is_multiple_of(INTERRUPTS_STEP) {
        return Err(Errno::Inval.because("a VGIC has 64 to 992 interrupts, in steps of 32").about(interrupts.into()));
    }
    let mut config = vm.config.lock();
    let dist = config.dist.as_mut().expect("the device exists");
    if dist.spis != 0 {
        return Err(Errno::Busy.because("the number of interrupts was chosen, by NR_IRQS or by initialisation"));
    }
    dist.spis = interrupts - 32;
    Ok(())
}

fn set_maintenance(vm: &Vm, interrupt: u32) -> Result<(), Refusal> {
    let mut config = vm.config.lock();
    if config.initialised() {
        return Err(Errno::Busy.because("the VGIC is initialised, so its maintenance interrupt stays"));
    }
    if !PPIS.contains(&interrupt) {
        return Err(Errno::Inval.because("the maintenance interrupt is a PPI, INTID 16 to 31").about(interrupt.into()));
    }
    config.dist.as_mut().expect("the device exists").maintenance = interrupt;
    Ok(())
}

fn control(vm: &Vm, attr: u64) -> Result<(), Refusal> {
    match attr {
        control::INIT => init::init(vm),
        control::SAVE_PENDING_TABLES => pending::save(vm),
        _ => Err(UNKNOWN),
    }
}
