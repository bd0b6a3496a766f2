//! KVM_DEV_ARM_ITS_SAVE_TABLES. Our ITS keeps its tables in guest memory anyway; what another reader needs besides is the
//! distance from each entry to the next, and the collection table's end.

use super::registers::Register;
use super::table::{IDS, Table};
use super::{COLLECTIONS, DEVICES, State};
use crate::errno::Refusal;
use crate::vm::Vm;
use gic::its_entry::{Baser, Cte, Dte, Ite};
use hw::{GuestMemory, PhysAddr, Unbacked};
use std::collections::HashSet;

/// The last entry on the way through a table, of which the distance to the next is not known yet.
struct Chain<'a> {
    memory: &'a dyn GuestMemory,
    last: Option<(PhysAddr, u64, u64)>,
    shift: u32,
    most: u64,
}

impl Chain<'_> {
    fn push(&mut self, at: PhysAddr, entry: u64, number: u64) -> Result<(), Unbacked> {
        self.link(Some(number))?;
        self.last = Some((at, entry, number));
        Ok(())
    }

    /// Of the last entry of all it is 0.
    fn link(&self, next: Option<u64>) -> Result<(), Unbacked> {
        let Some((at, entry, number)) = self.last else { return Ok(()) };
        let distance = next.map_or(0, |next| (next - number).min(self.most));
        self.memory.write_u64(at, entry & !(self.most << self.shift) | distance << self.shift)
    }
}

pub(super) fn tables(vm: &Vm, its: &State) -> Result<(), Refusal> {
    save(vm, its).map_err(State::unbacked)
}

fn save(vm: &Vm, its: &State) -> Result<(), Unbacked> {
    let memory = &*vm.spec.memory;
    let (devices, collections) = of(memory, its);
    // A guest that enabled it has told nobody here.
    let fresh = if its.enabled() { [false; 2] } else { its.fresh };
    if devices.valid() && !fresh[DEVICES] {
        let mapped = if fresh[COLLECTIONS] { HashSet::new() } else { mapped(collections)? };
        let counts_unmapped = vm.spec.kernel.next_counts_unmapped;
        let mut chain = Chain { memory, last: None, shift: Dte::NEXT_SHIFT, most: Dte::NEXT_MOST };
        each_device(devices, |at, number, dte| {
            save_events(memory, dte, &mapped, counts_unmapped)?;
            chain.push(at, dte.0, number)
        })?;
        chain.link(None)?;
    }
    // The list is in memory already, unless the table is a new one.
    if collections.valid() && fresh[COLLECTIONS] {
        let first = collections.at(0)?.expect("a table has room for an entry");
        memory.write_u64(first, 0)?;
    }
    Ok(())
}

/// An event whose collection is unmapped is written as 0.
fn save_events(
    memory: &dyn GuestMemory,
    dte: Dte,
    mapped: &HashSet<u16>,
    counts_unmapped: bool,
) -> Result<(), Unbacked> {
    let mut chain = Chain { memory, last: None, shift: Ite::NEXT_SHIFT, most: Ite::NEXT_MOST };
    for event in 0..u64::from(dte.events()) {
        let at = dte.event(event);
        let ite = Ite(memory.read_u64(at)?);
        if ite.intid() == 0 {
            continue;
        }
        if mapped.contains(&ite.icid()) {
            chain.push(at, ite.0, event)?;
        } else {
            memory.write_u64(at, 0)?;
            if counts_unmapped {
                chain.link(Some(event))?;
                chain.last = None;
            }
        }
    }
    chain.link(None)
}

/// The devices that the table can address, in order.
fn each_device(
    devices: Table,
    mut visit: impl FnMut(PhysAddr, u64, Dte) -> Result<(), Unbacked>,
) -> Result<(), Unbacked> {
    let mut number = 0;
    while number < IDS {
        let Some(at) = devices.at(number)? else {
            number = devices.after_hole(number);
            continue;
        };
        let dte = Dte(devices.memory.read_u64(at)?);
        if dte.valid() {
            visit(at, number, dte)?;
        }
        number += 1;
    }
    Ok(())
}

/// ICIDs of the collections that go to a vCPU.
fn mapped(collections: Table) -> Result<HashSet<u16>, Unbacked> {
    let mut found = HashSet::new();
    for position in 0..if collections.valid() { collections.entries() } else { 0 } {
        let at = collections.at(position)?.expect("the table has this many");
        let cte = Cte(collections.memory.read_u64(at)?);
        if !cte.valid() {
            break;
        }
        if cte.number() != Cte::UNMAPPED {
            found.insert(cte.icid());
        }
    }
    Ok(found)
}

pub(super) fn of<'a>(memory: &'a dyn GuestMemory, its: &State) -> (Table<'a>, Table<'a>) {
    let table = |register| Table { memory, baser: Baser(its.get(register)) };
    (table(Register::Devices), table(Register::Collections))
}

/// KVM's ITS has nothing but what was mapped or restored. Ours reads its tables: before it is enabled with tables of which
/// neither happened, what is in them is taken out. Where there is no memory there is nothing.
pub(super) fn clear_stale(vm: &Vm, its: &State) {
    let (devices, collections) = of(&*vm.spec.memory, its);
    if devices.valid() && its.fresh[DEVICES] {
        _ = each_device(devices, |at, _, _| devices.memory.write_u64(at, 0));
    }
    if collections.valid() && its.fresh[COLLECTIONS] {
        _ = collections.at(0).map(|at| collections.memory.write_u64(at.expect("a table has room for an entry"), 0));
    }
}
