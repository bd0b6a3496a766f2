//! Which redistributor each collection goes to: a list in guest memory, and an index to it.

use super::entry::{Baser, Cte, ENTRY};
use super::error::Fault;
use crate::prim::{AtomicU32, Ordering::*};
use crate::wires::Gic;
use hw::{GuestMemory, PhysAddr};

/// ICIDs there are.
const ICIDS: usize = if cfg!(any(loom, shuttle, miri)) { 4 } else { 1 << 16 };

/// For translations: by ICID, one more than the number of the redistributor; 0 is unmapped, and so is `GONE`. Relaxed for
/// the same reason as the cache.
pub(super) struct Collections(Box<[AtomicU32]>);

/// Unmapped by MAPC, or with its table. To translations that is as never mapped; who saves tables tells them apart.
const GONE: u32 = u32::MAX;

/// For commands: the ICIDs in the order of the list in memory.
#[derive(Default)]
pub(super) struct List {
    order: Vec<u16>,
}

fn capacity(baser: Baser) -> usize {
    (baser.entries() as usize).min(ICIDS)
}

/// Can the table hold this collection?
pub(super) fn in_range(baser: Baser, icid: u16) -> bool {
    baser.valid() && usize::from(icid) < capacity(baser)
}

fn place(baser: Baser, position: usize) -> PhysAddr {
    baser.base().offset(position as u64 * ENTRY)
}

impl Collections {
    pub fn new() -> Collections {
        Collections((0..ICIDS).map(|_| AtomicU32::new(0)).collect())
    }

    #[inline]
    pub fn find(&self, icid: u16) -> Result<usize, Fault> {
        match self.0.get(usize::from(icid)).map_or(0, |pe| pe.load(Relaxed)) {
            0 | GONE => Err(Fault::CollectionUnmapped),
            found => Ok(found as usize - 1),
        }
    }

    /// Was it unmapped since an event last named it?
    pub fn is_gone(&self, icid: u16) -> bool {
        self.0.get(usize::from(icid)).is_some_and(|pe| pe.load(Relaxed) == GONE)
    }

    /// An event names it. Commands only.
    pub fn named(&self, icid: u16) {
        if self.is_gone(icid) {
            self.set(icid, None);
        }
    }

    /// All that are not mapped are gone, or none is. Only while no translations are made.
    pub fn set_gone(&self, gone: bool) {
        for pe in self.0.iter().filter(|pe| matches!(pe.load(Relaxed), 0 | GONE)) {
            pe.store(if gone { GONE } else { 0 }, Relaxed);
        }
    }

    fn set(&self, icid: u16, pe: Option<usize>) {
        self.0[usize::from(icid)].store(pe.map_or(0, |pe| pe as u32 + 1), Relaxed);
    }

    /// Reads the list. It ends where an entry is not valid. What is no collection of ours, such as one that another
    /// implementation saved as unmapped, is taken out.
    pub fn load(&self, list: &mut List, memory: &dyn GuestMemory, baser: Baser, gic: &Gic) {
        self.unload(list);
        let mut strangers = false;
        for position in 0..if baser.valid() { capacity(baser) } else { 0 } {
            let entry = memory.read_u64(place(baser, position)).ok().map(Cte).filter(|cte| cte.valid());
            let Some(entry) = entry else { break };
            let ours = in_range(baser, entry.icid()) && self.find(entry.icid()).is_err();
            let pe = gic.numbered(entry.number()).filter(|_| ours);
            strangers |= pe.is_none();
            if pe.is_some() {
                self.set(entry.icid(), pe);
                list.order.push(entry.icid());
            }
        }
        if strangers {
            self.write(list, memory, baser, gic);
        }
    }

    /// Writes the list as it is.
    fn write(&self, list: &List, memory: &dyn GuestMemory, baser: Baser, gic: &Gic) {
        let entry = |icid: u16| self.find(icid).map_or(0, |pe| Cte::new(gic.number(pe), icid).0);
        let entries = list.order.iter().map(|icid| entry(*icid)).chain([0]);
        for (position, entry) in entries.take(capacity(baser)).enumerate() {
            // It was read from there.
            _ = memory.write_u64(place(baser, position), entry);
        }
    }

    /// Forgets the index; the list stays in memory.
    pub fn unload(&self, list: &mut List) {
        list.order.drain(..).for_each(|icid| self.set(icid, None));
    }

    /// MAPC with V=1.
    pub fn map(
        &self,
        list: &mut List,
        memory: &dyn GuestMemory,
        baser: Baser,
        icid: u16,
        (gic, pe): (&Gic, usize),
    ) -> Result<(), Fault> {
        if !in_range(baser, icid) {
            return Err(Fault::CollectionOutOfRange);
        }
        let known = self.find(icid).is_ok();
        let position = list.order.iter().position(|at| known && *at == icid).unwrap_or(list.order.len());
        if position == capacity(baser) {
            return Err(Fault::CollectionOutOfRange);
        }
        if !known && position + 1 < capacity(baser) {
            memory.write_u64(place(baser, position + 1), 0).map_err(|_| Fault::Unbacked)?;
        }
        memory.write_u64(place(baser, position), Cte::new(gic.number(pe), icid).0).map_err(|_| Fault::Unbacked)?;
        if !known {
            list.order.push(icid);
        }
        self.set(icid, Some(pe));
        Ok(())
    }

    /// MAPC with V=0. The last entry of the list takes the place.
    pub fn unmap(
        &self,
        list: &mut List,
        memory: &dyn GuestMemory,
        baser: Baser,
        icid: u16,
        gic: &Gic,
    ) -> Result<(), Fault> {
        if !in_range(baser, icid) {
            return Err(Fault::CollectionOutOfRange);
        }
        let Some(position) = list.order.iter().position(|at| *at == icid) else {
            self.0[usize::from(icid)].store(GONE, Relaxed);
            return Ok(());
        };
        let last = list.order.len() - 1;
        let moved = list.order[last];
        let pe = self.find(moved).expect("what is in the list is mapped");
        memory.write_u64(place(baser, position), Cte::new(gic.number(pe), moved).0).map_err(|_| Fault::Unbacked)?;
        memory.write_u64(place(baser, last), 0).map_err(|_| Fault::Unbacked)?;
        list.order.swap_remove(position);
        self.0[usize::from(icid)].store(GONE, Relaxed);
        Ok(())
    }
}
