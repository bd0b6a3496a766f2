//! Guest memory as the VMM's regions make it.

use crate::bindings::{KVM_MEM_LOG_DIRTY_PAGES, KVM_MEM_READONLY, kvm_userspace_memory_region};
use crate::process::Process;
use hw::{GuestMemory, PhysAddr, Unbacked};
use std::collections::BTreeMap;
use std::sync::RwLock;
use vgic::{Errno, UserMemory};

/// Regions by slot number. Slots of address spaces other than 0 do not exist.
#[derive(Default)]
pub(crate) struct Memory(RwLock<BTreeMap<u32, kvm_userspace_memory_region>>);

const PAGE: u64 = 4096;
const SLOTS: u32 = 32767;

impl Memory {
    /// `KVM_SET_USER_MEMORY_REGION`; a size of 0 takes the slot away.
    pub fn set(&self, region: kvm_userspace_memory_region, limit: u64) -> Result<(), Errno> {
        let kvm_userspace_memory_region { slot, flags, guest_phys_addr: base, memory_size: size, userspace_addr } =
            region;
        let aligned = [base, size, userspace_addr].iter().all(|n| n.is_multiple_of(PAGE));
        let end = base.checked_add(size);
        if slot >= SLOTS || flags & !(KVM_MEM_LOG_DIRTY_PAGES | KVM_MEM_READONLY) != 0 || !aligned || end.is_none() {
            return Err(Errno::Inval);
        }
        let mut slots = self.0.write().expect("no code panics while it holds this lock");
        if size == 0 {
            return slots.remove(&slot).map(drop).ok_or(Errno::Inval);
        }
        let end = base + size;
        if end > limit {
            return Err(Errno::Fault);
        }
        let others = || slots.iter().filter(|(at, _)| **at != slot).map(|(_, other)| other);
        if others().any(|other| base < other.guest_phys_addr + other.memory_size && other.guest_phys_addr < end) {
            return Err(Errno::Exist);
        }
        if slots.get(&slot).is_some_and(|old| old.memory_size != size || old.userspace_addr != userspace_addr) {
            return Err(Errno::Inval);
        }
        slots.insert(slot, region);
        Ok(())
    }

    /// Where the VMM has [at, at + length), which must be in one region.
    fn find(&self, at: PhysAddr, length: u64, write: bool) -> Result<u64, Unbacked> {
        let slots = self.0.read().expect("no code panics while it holds this lock");
        let holds = |region: &&kvm_userspace_memory_region| {
            let within = at.0.checked_sub(region.guest_phys_addr);
            let fits = within.is_some_and(|within| region.memory_size.checked_sub(within).is_some_and(|n| n >= length));
            fits && !(write && region.flags & KVM_MEM_READONLY != 0)
        };
        let region = slots.values().find(holds).ok_or(Unbacked(at))?;
        Ok(region.userspace_addr + (at.0 - region.guest_phys_addr))
    }
}

impl GuestMemory for Memory {
    fn read(&self, at: PhysAddr, out: &mut [u8]) -> Result<(), Unbacked> {
        let user = self.find(at, out.len() as u64, false)?;
        Process.read(user, out).map_err(|_| Unbacked(at))
    }

    fn write(&self, at: PhysAddr, bytes: &[u8]) -> Result<(), Unbacked> {
        let user = self.find(at, bytes.len() as u64, true)?;
        Process.write(user, bytes).map_err(|_| Unbacked(at))
    }

    /// The kernel copies aligned words whole, though it promises nothing: no guest code runs beside it here.
    fn read_u64(&self, at: PhysAddr) -> Result<u64, Unbacked> {
        let mut bytes = [0; 8];
        self.read(aligned(at)?, &mut bytes)?;
        Ok(u64::from_le_bytes(bytes))
    }

    fn write_u64(&self, at: PhysAddr, value: u64) -> Result<(), Unbacked> {
        self.write(aligned(at)?, &value.to_le_bytes())
    }
}

fn aligned(at: PhysAddr) -> Result<PhysAddr, Unbacked> {
    if at.0.is_multiple_of(8) { Ok(at) } else { Err(Unbacked(at)) }
}
