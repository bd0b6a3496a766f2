//! The reviewer's question to the RFC: why not look under C, and decide there whether to lock the vCPUs? It can be read
//! in three ways.

use super::Access;
use crate::access::Request;
use crate::errno::Refusal;
use crate::vcpus::Vcpu;
use crate::vm::Vm;

/// V is tried while C is held. That is against the order of locks, but who tries does not wait, so nobody can wait for
/// ever. A vCPU thread that waits for C still holds its V, which then is busy: the outcomes are the RFC's.
pub(super) fn try_while_held(vm: &Vm, request: Request, _: Option<&Vcpu>, access: Access) -> Result<(), Refusal> {
    let _kvm = vm.kvm.lock();
    let mut config = vm.config.lock();
    vm.check_ready_for(request)?;
    let vcpus = if vm.is_initialised() { Some(vm.try_lock_all()?) } else { None };
    access(&mut config);
    drop(vcpus);
    Ok(())
}

/// C is let go of, and taken again when every V is held: the RFC without its first look, so that an access that is not
/// allowed yet pays for K and C.
pub(super) fn retake(vm: &Vm, request: Request, _: Option<&Vcpu>, access: Access) -> Result<(), Refusal> {
    let _kvm = vm.kvm.lock();
    let mut config = vm.config.lock();
    vm.check_ready_for(request)?;
    let mut vcpus = None;
    if vm.is_initialised() {
        drop(config);
        vcpus = Some(vm.try_lock_all()?);
        config = vm.config.lock();
    }
    access(&mut config);
    drop(config);
    drop(vcpus);
    Ok(())
}

/// Wrong: waits for V while C is held. A first run holds its V and waits for C.
pub(super) fn wait_while_held(vm: &Vm, request: Request, _: Option<&Vcpu>, access: Access) -> Result<(), Refusal> {
    let _kvm = vm.kvm.lock();
    let mut config = vm.config.lock();
    vm.check_ready_for(request)?;
    let vcpus = vm.is_initialised().then(|| vm.vcpus.lock_all_out_of_order());
    access(&mut config);
    drop(vcpus);
    Ok(())
}
