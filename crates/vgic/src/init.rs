//! KVM_DEV_ARM_VGIC_CTRL_INIT: the GIC comes to be, with the vCPUs and sizes that were chosen.

use crate::config::{BASER_RESET, Live};
use crate::create::REVISION;
use crate::errno::{Errno, Refusal};
use crate::its;
use crate::vm::{Vm, VmSpec};
use gic::{Features, Frame, Gic, GicSpec, LpiSpec, PeSpec, Product};
use std::sync::Arc;

/// SPIs, if nobody chose: 256 interrupts in all.
const DEFAULT_SPIS: u32 = 224;

/// Offsets in GICD and in SGI_base.
const IGROUPR: u32 = 0x80;
const ISENABLER: u32 = 0x100;
const ICFGR: u32 = 0xc00;
/// In RD_base.
const WAKER: u32 = 0x14;
const PENDBASER: u32 = 0x78;

/// Initialises the VGIC; again is nothing. Takes C alone: a vCPU that is being created is seen by the count.
pub(crate) fn init(vm: &Vm) -> Result<(), Refusal> {
    let mut config = vm.config.lock();
    if config.initialised() {
        return Ok(());
    }
    if vm.vcpus.created() != vm.vcpus.online() {
        return Err(Errno::Busy.because("a vCPU is being created"));
    }
    let dist = config.dist.as_mut().expect("the device exists");
    if dist.spis == 0 {
        dist.spis = DEFAULT_SPIS;
    }
    if dist.revision == 0 {
        dist.revision = REVISION;
        vm.revision.set(REVISION.into());
    }
    let gic = build(vm, dist.spis)?;
    if vm.spec.features.product == Product::Kvm {
        power_on(&gic, dist.spis, vm.vcpus.online());
    }
    dist.live = Some(Live { redistributors: gic.redistributors(), gic: gic.clone() });
    its::go_live(vm, &mut config, &gic);
    for (index, cpu) in config.cpus.iter_mut().enumerate() {
        cpu.reset(gic.cpu_interface(index), &vm.spec.host);
    }
    assert!(vm.gic.set(gic).is_ok(), "C is held, so this happens once");
    vm.initialised.set();
    Ok(())
}

/// Without vCPUs KVM initialises all the same; no vCPU can be created afterwards, so the GIC serves nobody.
fn build(vm: &Vm, spis: u32) -> Result<Arc<Gic>, Refusal> {
    let pe = |attention, affinity| PeSpec { attention, affinity };
    let mut pes: Vec<_> = vm.vcpus.iter().map(|vcpu| pe(vcpu.attention(), vcpu.default_affinity())).collect();
    if pes.is_empty() {
        pes.push(pe(Arc::new(sync::Attention::new()), Default::default()));
    }
    let VmSpec { memory, lpi_cache: cache, direct_lpis: direct, .. } = &vm.spec;
    let lpis = Some(LpiSpec { memory: memory.clone(), cache: *cache, direct: *direct });
    // An ITS's commands name vCPUs by id.
    let numbers = vm.vcpus.iter().map(|vcpu| vcpu.id).collect();
    let features = Features { numbers, ..vm.spec.features.clone() };
    Gic::new(GicSpec { spis, pes, features, lpis })
        .map_err(|_| Errno::NoMem.because("the GIC cannot be built with these features"))
}

/// How KVM's interrupts are at first, where the architecture leaves it open or says otherwise: all in Group 1, SGIs
/// enabled, SPIs edge-triggered, redistributors awake.
fn power_on(gic: &Gic, spis: u32, pes: usize) {
    for n in 1..=spis / 32 {
        gic.raw_write(Frame::Distributor, IGROUPR + 4 * n, !0);
        for half in 0..2 {
            gic.raw_write(Frame::Distributor, ICFGR + 4 * (2 * n + half), 0xaaaa_aaaa);
        }
    }
    for pe in 0..pes {
        gic.raw_write(Frame::Private(pe), IGROUPR, !0);
        gic.raw_write(Frame::Private(pe), ISENABLER, 0xffff);
        gic.raw_write(Frame::Redistributor(pe), WAKER, 0);
        gic.raw_write(Frame::Redistributor(pe), PENDBASER, BASER_RESET as u32);
    }
}
