//! The RFC of 2026-05-10: before initialisation nothing can run, so no vCPU is locked. Whether the VGIC is initialised is
//! looked at without a lock and again under C; initialisation may have come between, and then every vCPU is locked after
//! all. It never comes undone, so nothing else needs a second look.

use super::{Access, NOT_INITIALISED};
use crate::access::Request;
use crate::errno::Refusal;
use crate::vcpus::Vcpu;
use crate::vm::Vm;

pub(super) fn run(vm: &Vm, request: Request, _: Option<&Vcpu>, access: Access) -> Result<(), Refusal> {
    if !vm.is_initialised() && !request.is_early(vm) {
        return Err(NOT_INITIALISED);
    }
    let _kvm = vm.kvm.lock();
    let mut vcpus = None;
    if vm.is_initialised() {
        vcpus = Some(vm.try_lock_all()?);
    }
    let mut config = vm.config.lock();
    if vm.is_initialised() && vcpus.is_none() {
        // C is let go of, because V comes before it.
        drop(config);
        vcpus = Some(vm.try_lock_all()?);
        config = vm.config.lock();
    }
    access(&mut config);
    drop(config);
    drop(vcpus);
    Ok(())
}

/// Wrong: without the second look.
pub(super) fn without_recheck(vm: &Vm, request: Request, _: Option<&Vcpu>, access: Access) -> Result<(), Refusal> {
    if !vm.is_initialised() && !request.is_early(vm) {
        return Err(NOT_INITIALISED);
    }
    let _kvm = vm.kvm.lock();
    let vcpus = if vm.is_initialised() { Some(vm.try_lock_all()?) } else { None };
    let mut config = vm.config.lock();
    access(&mut config);
    drop(config);
    drop(vcpus);
    Ok(())
}
