//! A system register belongs to one vCPU, so that one is locked; for everything else upstream's way. A maintainer of KVM
//! said (October 2025) that this narrowing is conceivable, and that EBUSY stays, because it means "you are still using it".

use super::{Access, upstream};
use crate::access::{Kind, Request};
use crate::errno::{Errno, Refusal};
use crate::vcpus::Vcpu;
use crate::vm::Vm;

pub(super) fn run(vm: &Vm, request: Request, vcpu: Option<&Vcpu>, access: Access) -> Result<(), Refusal> {
    let Some(target) = vcpu.filter(|_| request.kind == Kind::SystemRegister) else {
        return upstream::run(vm, request, vcpu, access);
    };
    let _kvm = vm.kvm.lock();
    let busy = Errno::Busy.because("the vCPU is inside an ioctl, or runs").about(target.index as u64);
    let _vcpu = target.lock.try_lock().ok_or(busy)?;
    let mut config = vm.config.lock();
    vm.check_ready_for(request)?;
    access(&mut config);
    Ok(())
}
