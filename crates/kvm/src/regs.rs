//! Registers of a vCPU by number: `KVM_GET_ONE_REG` and `KVM_SET_ONE_REG`, as far as set-up uses them. No guest code
//! runs, so they hold what was written.

use crate::bindings::*;
use std::collections::BTreeMap;
use vgic::Errno;

/// `sys_reg(3, 0, 0, 0, 5)`.
const MPIDR_EL1: u64 = sysreg(3, 0, 0, 0, 5);
/// MPIDR_EL1[31] is one.
const MPIDR_RES1: u64 = 1 << 31;

const fn sysreg(op0: u64, op1: u64, crn: u64, crm: u64, op2: u64) -> u64 {
    KVM_REG_ARM64 | KVM_REG_SIZE_U64 | KVM_REG_ARM64_SYSREG as u64 | op0 << 14 | op1 << 11 | crn << 7 | crm << 3 | op2
}

const CLASS: u64 = 0xfff0000;

/// Bytes of a register, as its number says.
pub(crate) fn size(id: u64) -> usize {
    1 << ((id & KVM_REG_SIZE_MASK) >> KVM_REG_SIZE_SHIFT)
}

/// What was written, by number.
#[derive(Default)]
pub(crate) struct Registers(BTreeMap<u64, Vec<u8>>);

impl Registers {
    /// After `KVM_ARM_VCPU_INIT`, with affinity Aff3.Aff2.Aff1.Aff0.
    pub fn reset(&mut self, affinity: u32) {
        self.0.clear();
        let mpidr = MPIDR_RES1 | u64::from(affinity >> 24) << 32 | u64::from(affinity & 0xff_ffff);
        self.0.insert(MPIDR_EL1, mpidr.to_le_bytes().to_vec());
    }

    pub fn get(&self, id: u64, out: &mut [u8]) -> Result<(), Errno> {
        check(id)?;
        match self.0.get(&id) {
            Some(value) => out.copy_from_slice(value),
            None => out.fill(0),
        }
        Ok(())
    }

    pub fn set(&mut self, id: u64, data: &[u8]) -> Result<(), Errno> {
        check(id)?;
        if id == MPIDR_EL1 && self.0.get(&id).is_some_and(|value| value != data) {
            // The GIC has been told of the affinity.
            return Err(Errno::Inval);
        }
        self.0.insert(id, data.to_vec());
        Ok(())
    }
}

/// Core registers have an offset in `kvm_regs` in units of 4 bytes; system registers are of 64 bits. Nothing else is here.
fn check(id: u64) -> Result<(), Errno> {
    let arm64 = id >> 56 == KVM_REG_ARM64 >> 56;
    let known = match (id & CLASS) as u32 {
        KVM_REG_ARM_CORE => ((id & 0xffff) as usize) * 4 + size(id) <= size_of::<kvm_regs>() && size(id) >= 4,
        KVM_REG_ARM64_SYSREG => size(id) == 8,
        _ => false,
    };
    if arm64 && known { Ok(()) } else { Err(Errno::NoEnt) }
}
