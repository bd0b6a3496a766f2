//! Linux up to 7.3: every vCPU is locked without waiting, whether or not anything can run yet. So an access to
//! GICD_IIDR before initialisation fails with EBUSY while any thread is inside any ioctl of any vCPU, and afterwards
//! while a guest runs or sleeps in WFI.

use super::Access;
use crate::access::Request;
use crate::errno::Refusal;
use crate::vcpus::Vcpu;
use crate::vm::Vm;

pub(super) fn run(vm: &Vm, request: Request, _: Option<&Vcpu>, access: Access) -> Result<(), Refusal> {
    let _kvm = vm.kvm.lock();
    let _vcpus = vm.try_lock_all()?;
    let mut config = vm.config.lock();
    vm.check_ready_for(request)?;
    access(&mut config);
    Ok(())
    // C, every V, and K are let go of in this order.
}

/// Wrong: unlocks as many vCPUs as there are at the end, without K. One that came meanwhile was never locked.
pub(super) fn recount_to_unlock(vm: &Vm, request: Request, _: Option<&Vcpu>, access: Access) -> Result<(), Refusal> {
    let kvm = vm.kvm.lock();
    let mut vcpus = vm.try_lock_all()?;
    drop(kvm);
    {
        let mut config = vm.config.lock();
        vm.check_ready_for(request)?;
        access(&mut config);
    }
    for index in (0..vm.vcpus.online()).rev() {
        drop(vcpus.0.pop().unwrap_or_else(|| panic!("V{index} is unlocked, and was not locked")));
    }
    Ok(())
}
