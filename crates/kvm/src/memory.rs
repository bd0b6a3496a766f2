//! Guest memory as the VMM's regions make it.

use crate::bindings::{KVM_MEM_LOG_DIRTY_PAGES, kvm_userspace_memory_region};
use crate::process::{self, Process};
use hw::{GuestMemory, PhysAddr, Unbacked};
use mem::{Piece, Ram};
use std::collections::BTreeMap;
use std::sync::{RwLock, RwLockReadGuard};
use vgic::{Errno, UserMemory};

struct Slot {
    region: kvm_userspace_memory_region,
    /// What guests execute from and write, if the VMM really has memory there.
    piece: Option<Piece>,
}

#[derive(Default)]
struct Slots {
    by_number: BTreeMap<u32, Slot>,
    ram: Option<Ram>,
    version: u64,
}

/// Regions by slot number. Slots of address spaces other than 0 do not exist.
#[derive(Default)]
pub(crate) struct Memory(RwLock<Slots>);

const PAGE: u64 = 4096;
const SLOTS: u32 = 32767;

impl Memory {
    fn slots(&self) -> RwLockReadGuard<'_, Slots> {
        self.0.read().expect("no code panics while it holds this lock")
    }

    /// `KVM_SET_USER_MEMORY_REGION`; a size of 0 takes the slot away. `piece` says that memory is the guest's from now on.
    /// No guest code may execute meanwhile. There are no read-only regions.
    pub fn set(
        &self,
        region: kvm_userspace_memory_region,
        limit: u64,
        piece: impl FnOnce(PhysAddr, usize, usize) -> Piece,
    ) -> Result<(), Errno> {
        let kvm_userspace_memory_region { slot, flags, guest_phys_addr: base, memory_size: size, userspace_addr } =
            region;
        let aligned = [base, size, userspace_addr].iter().all(|n| n.is_multiple_of(PAGE));
        let end = base.checked_add(size);
        if slot >= SLOTS || flags & !KVM_MEM_LOG_DIRTY_PAGES != 0 || !aligned || end.is_none() {
            return Err(Errno::Inval);
        }
        let mut slots = self.0.write().expect("no code panics while it holds this lock");
        if size == 0 {
            slots.by_number.remove(&slot).ok_or(Errno::Inval)?;
            slots.changed();
            return Ok(());
        }
        let end = base + size;
        if end > limit {
            return Err(Errno::Fault);
        }
        let others = || slots.by_number.iter().filter(|(at, _)| **at != slot).map(|(_, other)| &other.region);
        if others().any(|other| base < other.guest_phys_addr + other.memory_size && other.guest_phys_addr < end) {
            return Err(Errno::Exist);
        }
        let old = slots.by_number.get(&slot).map(|old| &old.region);
        if old.is_some_and(|old| old.memory_size != size || old.userspace_addr != userspace_addr) {
            return Err(Errno::Inval);
        }
        let mapped = process::is_mapped(userspace_addr, size);
        let piece = mapped.then(|| piece(PhysAddr(base), userspace_addr as usize, size as usize));
        slots.by_number.insert(slot, Slot { region, piece });
        slots.changed();
        Ok(())
    }

    /// Another number whenever it is not what it was.
    pub fn version(&self) -> u64 {
        self.slots().version
    }

    /// What guests see; `None` without any.
    pub fn ram(&self) -> Option<Ram> {
        self.slots().ram.clone()
    }

    /// Is there a slot at `pa`, which then is one without memory of the VMM's behind it, or it would not be asked?
    pub fn is_slot(&self, pa: u64) -> bool {
        self.find(PhysAddr(pa), 1).is_ok()
    }

    /// Is there a slot of this number, with `KVM_MEM_LOG_DIRTY_PAGES`?
    pub fn is_logged(&self, slot: u32) -> bool {
        let slots = self.slots();
        slots.by_number.get(&slot).is_some_and(|slot| slot.region.flags & KVM_MEM_LOG_DIRTY_PAGES != 0)
    }

    /// Where the VMM has [at, at + length), which must be in one region.
    fn find(&self, at: PhysAddr, length: u64) -> Result<u64, Unbacked> {
        let holds = |region: &&kvm_userspace_memory_region| {
            let within = at.0.checked_sub(region.guest_phys_addr);
            within.is_some_and(|within| region.memory_size.checked_sub(within).is_some_and(|n| n >= length))
        };
        let slots = self.slots();
        let region = slots.by_number.values().map(|slot| &slot.region).find(holds).ok_or(Unbacked(at))?;
        Ok(region.userspace_addr + (at.0 - region.guest_phys_addr))
    }
}

impl Slots {
    fn changed(&mut self) {
        let pieces: Vec<_> = self.by_number.values().filter_map(|slot| slot.piece).collect();
        (self.ram, self.version) = (Ram::of(&pieces), self.version + 1);
    }
}

impl GuestMemory for Memory {
    fn read(&self, at: PhysAddr, out: &mut [u8]) -> Result<(), Unbacked> {
        let user = self.find(at, out.len() as u64)?;
        Process.read(user, out).map_err(|_| Unbacked(at))
    }

    fn write(&self, at: PhysAddr, bytes: &[u8]) -> Result<(), Unbacked> {
        let user = self.find(at, bytes.len() as u64)?;
        Process.write(user, bytes).map_err(|_| Unbacked(at))
    }

    fn read_u64(&self, at: PhysAddr) -> Result<u64, Unbacked> {
        self.slots().ram.as_ref().ok_or(Unbacked(at))?.read_u64(at)
    }

    fn write_u64(&self, at: PhysAddr, value: u64) -> Result<(), Unbacked> {
        self.slots().ram.as_ref().ok_or(Unbacked(at))?.write_u64(at, value)
    }
}
