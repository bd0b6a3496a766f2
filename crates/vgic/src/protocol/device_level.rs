//! GICD_IIDR and GICD_TYPER2 say what the VM's GIC is, and no vCPU's state: C is enough, at any time, and no vCPU is
//! needed. One of the alternatives that the RFC names. Everything else is accessed in upstream's way.

use super::{Access, upstream};
use crate::access::Request;
use crate::errno::Refusal;
use crate::vcpus::Vcpu;
use crate::vm::Vm;

pub(super) fn run(vm: &Vm, request: Request, vcpu: Option<&Vcpu>, access: Access) -> Result<(), Refusal> {
    if !request.is_of_vm() {
        return upstream::run(vm, request, vcpu, access);
    }
    let mut config = vm.config.lock();
    vm.check_ready_for(request)?;
    access(&mut config);
    Ok(())
}
