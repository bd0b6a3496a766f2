//! The RFC, but waiting for each vCPU instead of trying: never EBUSY once the access is allowed, and the caller waits
//! until no guest runs, so somebody must kick them. Another alternative that the RFC names.

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
    let mut vcpus = vm.is_initialised().then(|| vm.vcpus.lock_all());
    let mut config = vm.config.lock();
    if vm.is_initialised() && vcpus.is_none() {
        drop(config);
        vcpus = Some(vm.vcpus.lock_all());
        config = vm.config.lock();
    }
    access(&mut config);
    drop(config);
    drop(vcpus);
    Ok(())
}
