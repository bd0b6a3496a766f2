//! KVM_CREATE_DEVICE of a VGICv3.

use crate::config::{Config, Cpu, Dist};
use crate::errno::{Errno, Refusal};
use crate::kernel::When;
use crate::locks::Guard;
use crate::vm::Vm;

/// GICD_IIDR.Revision of a new VGIC: the newest.
pub(crate) const REVISION: u8 = 3;

/// Makes the VGIC. The caller holds K.
pub(crate) fn vgic(vm: &Vm, _kvm: &Guard<()>) -> Result<(), Refusal> {
    let kernel = vm.spec.kernel;
    let creating = vm.vcpus.created() != vm.vcpus.online();
    if kernel.create_vgic_sees_creation && creating {
        return Err(Errno::Busy.because("a vCPU is being created"));
    }
    let vcpus = vm.vcpus.try_lock_all(kernel.lock_all_sees_creation)?;
    let mut config = vm.config.lock();
    check_absent(&config)?;
    if let Some(index) = vcpus.0.iter().position(|vcpu| vcpu.has_run) {
        return Err(Errno::Busy.because("a vCPU has run without a VGIC").about(index as u64));
    }
    // More than KVM's 512 vCPUs of a VGICv3 no VM of ours can have, so E2BIG does not occur.
    let revision = if kernel.default_revision == When::Created { REVISION } else { 0 };
    config.dist = Some(Dist {
        spis: vm.spec.spis.unwrap_or(0),
        base: None,
        regions: vec![],
        revision,
        direct_sgis: vm.spec.host.direct_sgis,
        direct_sgis_requested: false,
        maintenance: 0,
        live: None,
    });
    vm.revision.set(revision.into());
    vm.has_vgic.set();
    config.cpus.fill_with(Cpu::default);
    Ok(())
}

/// A VM has one VGIC.
pub(crate) fn check_absent(config: &Config) -> Result<(), Refusal> {
    match config.dist.is_some() {
        true => Err(Errno::Exist.because("the VM has a VGIC")),
        false => Ok(()),
    }
}
