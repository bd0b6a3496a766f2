//! Pending tables of LPIs in guest memory (doc3, KVM_DEV_ARM_VGIC_SAVE_PENDING_TABLES): one for each vCPU, where its
//! GICR_PENDBASER says; a bit for each INTID.
//!
//! KVM has the LPIs that its ITSs have mapped, and no others, and it has them whether EnableLPIs is 1 or not. Ours are a
//! redistributor's: while EnableLPIs is 0, the table is all there is of them, so nothing is taken out of it or put back.

use crate::config::Config;
use crate::errno::{Errno, Refusal};
use crate::its;
use crate::vm::Vm;
use gic::{Frame, Product};
use hw::{GuestMemory, IntId, PhysAddr, Unbacked};
use std::collections::BTreeMap;

const PENDBASER: u32 = 0x78;
const ADDRESS: u64 = 0x000f_ffff_ffff_0000;

const FAULT: Refusal = Errno::Fault.because("a pending table is not in guest memory");

/// Where the bit of an LPI is, in the table of a vCPU.
struct Bit<'a> {
    memory: &'a dyn GuestMemory,
    byte: PhysAddr,
    mask: u8,
}

impl Bit<'_> {
    fn of<'a>(vm: &'a Vm, config: &Config, vcpu: usize, lpi: u32) -> Bit<'a> {
        let half = |at| config.live().and_then(|live| live.gic.raw_read(Frame::Redistributor(vcpu), at)).unwrap_or(0);
        let table = (u64::from(half(PENDBASER)) | u64::from(half(PENDBASER + 4)) << 32) & ADDRESS;
        Bit { memory: &*vm.spec.memory, byte: PhysAddr(table + u64::from(lpi / 8)), mask: 1 << (lpi % 8) }
    }

    /// The byte that it is in.
    fn byte(&self) -> Result<u8, Unbacked> {
        let mut byte = [0];
        self.memory.read(self.byte, &mut byte)?;
        Ok(byte[0])
    }

    /// Writes only what differs.
    fn set(&self, pending: bool) -> Result<(), Unbacked> {
        let old = self.byte()?;
        let new = if pending { old | self.mask } else { old & !self.mask };
        if new == old { Ok(()) } else { self.memory.write(self.byte, &[new]) }
    }
}

/// Who maps an LPI anew looks whether it is pending: is its bit in guest memory?
pub(crate) fn check(vm: &Vm, config: &Config, vcpu: usize, lpi: u32) -> Result<(), Refusal> {
    match is_kvms(vm) {
        true => Bit::of(vm, config, vcpu, lpi).byte().map(drop).map_err(|_| FAULT),
        false => Ok(()),
    }
}

/// It is pending if its table says so, and then the table says so no more.
pub(crate) fn take(vm: &Vm, config: &Config, vcpu: usize, lpi: u32) -> Result<(), Refusal> {
    let Some(live) = config.live().filter(|_| is_kvms(vm)) else { return Ok(()) };
    let bit = Bit::of(vm, config, vcpu, lpi);
    if live.gic.describe_lpi(vcpu, IntId(lpi)).is_some() && bit.byte().map_err(|_| FAULT)? & bit.mask != 0 {
        bit.set(false).map_err(|_| FAULT)?;
        live.gic.restore_lpi(vcpu, IntId(lpi));
    }
    Ok(())
}

/// Every vCPU must be idle. Writes the bits of LPIs that go to a vCPU, lowest first; other bits stay as they are.
pub(crate) fn save(vm: &Vm) -> Result<(), Refusal> {
    let _kvm = vm.kvm.lock();
    let _vcpus = vm.vcpus.try_lock_all(vm.spec.kernel.lock_all_sees_creation)?;
    let config = vm.config.lock();
    let live = config.live().ok_or(Errno::NxIo.because("the VGIC is not initialised, so it has no pending tables"))?;
    if !is_kvms(vm) {
        return live.gic.save_pending_tables().map_err(|_| FAULT);
    }
    let mut lpis = BTreeMap::new();
    config.itss.iter().for_each(|its| its::destinations(vm, its, &mut lpis));
    for (lpi, vcpu) in lpis {
        let at = |vcpu| live.gic.describe_lpi(vcpu, IntId(lpi));
        if at(vcpu).is_some() {
            // One whose collection has moved may still be where it was when it became pending.
            let pending = (0..vm.vcpus.online()).any(|vcpu| at(vcpu).is_some_and(|it| it.pending));
            Bit::of(vm, &config, vcpu, lpi).set(pending).map_err(|_| FAULT)?;
        }
    }
    Ok(())
}

/// A GIC that is no copy of KVM's has LPIs that no ITS has mapped.
fn is_kvms(vm: &Vm) -> bool {
    vm.spec.features.product == Product::Kvm
}
