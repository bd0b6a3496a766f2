//! The attributes of an ITS, by group (docits).

use super::{Its, State, registers, restore, save};
use crate::access::Direction;
use crate::address::{FRAME, check_range};
use crate::config::Config;
use crate::device::DeviceAttr;
use crate::errno::{Errno, Refusal};
use crate::uapi::{address, control, group};
use crate::user::UserPointer;
use crate::vm::Vm;
use gic::Product;

const UNKNOWN: Refusal = Errno::NxIo.because("an ITS has no such attribute");
const COMMAND: Refusal = Errno::NxIo.because("a command has no value to get");

pub(crate) fn set(vm: &Vm, its: &Its, attr: &DeviceAttr, user: UserPointer) -> Result<(), Refusal> {
    match attr.group {
        group::ADDR => set_address(vm, its, attr.attr, user),
        group::CTRL => control(vm, its, attr.attr),
        group::ITS_REGS => {
            let value = user.read_u64()?;
            access(vm, its, attr.attr, Direction::Set(value)).map(drop)
        }
        _ => Err(UNKNOWN),
    }
}

pub(crate) fn get(vm: &Vm, its: &Its, attr: &DeviceAttr, user: UserPointer) -> Result<(), Refusal> {
    match attr.group {
        group::ADDR => {
            check_type(attr.attr)?;
            user.write_u64(its.base.get())
        }
        group::CTRL => Err(COMMAND),
        group::ITS_REGS => user.write_u64(access(vm, its, attr.attr, Direction::Get)?),
        _ => Err(UNKNOWN),
    }
}

pub(crate) fn has(attr: &DeviceAttr) -> Result<(), Refusal> {
    use control::{INIT, RESET, RESTORE_TABLES, SAVE_TABLES};
    match (attr.group, attr.attr) {
        (group::ADDR, address::ITS) => Ok(()),
        (group::CTRL, INIT | SAVE_TABLES | RESTORE_TABLES | RESET) => Ok(()),
        (group::ITS_REGS, offset) => {
            registers::check_alignment(offset)?;
            registers::check_exists(offset).map(drop)
        }
        _ => Err(UNKNOWN),
    }
}

fn check_type(attr: u64) -> Result<(), Refusal> {
    match attr {
        address::ITS => Ok(()),
        _ => Err(Errno::NoDev.because("an ITS has one address, of type ITS").about(attr)),
    }
}

/// The range is checked without a lock, so of two who set it one is told that it exists, or, if both have passed the
/// check, that it is busy. Overlaps with other frames are not looked for.
fn set_address(vm: &Vm, its: &Its, attr: u64, user: UserPointer) -> Result<(), Refusal> {
    check_type(attr)?;
    let base = user.read_u64()?;
    check_range(vm, its.base.is_set(), base, FRAME, 2 * FRAME)?;
    let _slots = vm.slots.lock();
    if its.base.is_set() {
        return Err(Errno::Busy.because("the address was set meanwhile"));
    }
    its.base.set(base);
    Ok(())
}

/// An access, under every lock, to an ITS that has an address.
fn access(vm: &Vm, its: &Its, offset: u64, direction: Direction) -> Result<u64, Refusal> {
    registers::check_alignment(offset)?;
    idle(vm, |config| {
        if !its.base.is_set() {
            return Err(Errno::NxIo.because("the ITS has no address"));
        }
        if let (true, Some(live)) = (vm.spec.features.product != Product::Kvm, config.itss[its.index].live()) {
            return Ok(plain(live, offset, direction));
        }
        let offset = registers::check_exists(offset)?;
        let state = &mut config.itss[its.index];
        let enabling = offset == 0 && matches!(direction, Direction::Set(value) if value & 1 != 0);
        if enabling {
            save::clear_stale(vm, state);
        }
        registers::access(state, offset, direction)
    })
}

/// Of a GIC that is not KVM's product: every register's raw column as it is; where there is none, it is 0 and ignored.
fn plain(live: &gic::Its, offset: u64, direction: Direction) -> u64 {
    let Ok(offset) = u32::try_from(offset) else { return 0 };
    match direction {
        Direction::Get => live.raw_read(offset).unwrap_or(0),
        Direction::Set(value) => {
            live.raw_write(offset, value);
            0
        }
    }
}

fn control(vm: &Vm, its: &Its, attr: u64) -> Result<(), Refusal> {
    if attr == control::INIT {
        // There is nothing to do, and nobody to wait for.
        return Ok(());
    }
    idle(vm, |config| match attr {
        control::RESET => {
            config.itss[its.index].reset();
            Ok(())
        }
        control::SAVE_TABLES => save::tables(vm, &config.itss[its.index]),
        control::RESTORE_TABLES => restore::tables(vm, config, its.index),
        _ if vm.spec.kernel.unknown_its_control_succeeds => Ok(()),
        _ => Err(UNKNOWN),
    })
}

/// While no vCPU does anything.
fn idle<R>(vm: &Vm, work: impl FnOnce(&mut Config) -> Result<R, Refusal>) -> Result<R, Refusal> {
    let _kvm = vm.kvm.lock();
    let _vcpus = vm.vcpus.try_lock_all(vm.spec.kernel.lock_all_sees_creation)?;
    work(&mut vm.config.lock())
}

impl State {
    pub(super) fn unbacked(_: hw::Unbacked) -> Refusal {
        Errno::Fault.because("a table is not in guest memory")
    }
}
