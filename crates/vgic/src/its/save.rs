//! KVM_DEV_ARM_ITS_SAVE_TABLES. Our ITS keeps its tables in guest memory anyway; what another reader needs besides is the
//! distance from each entry to the next, and the collection table's end.

use super::registers::Register;
use super::table::{IDS, Table};
use super::{COLLECTIONS, DEVICES, State};
use crate::errno::Refusal;
use crate::vm::Vm;
use gic::its_entry::{Baser, Cte, Dte, Ite};
use hw::{GuestMemory, PhysAddr, Unbacked};
use std::collections::{BTreeMap, HashMap, HashSet};

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
    let mut saved = Events { its, icids: collections.entries(), named: vec![], known: HashSet::new() };
    if devices.valid() && its.used()[DEVICES] {
        let counts_unmapped = vm.spec.kernel.next_counts_unmapped;
        let mut chain = Chain { memory, last: None, shift: Dte::NEXT_SHIFT, most: Dte::NEXT_MOST };
        each_device(devices, |at, number, dte| {
            saved.save(memory, dte, counts_unmapped)?;
            chain.push(at, dte.0, number)
        })?;
        chain.link(None)?;
    }
    if collections.valid() {
        save_collections(collections, its.used()[COLLECTIONS], &saved.named)?;
    }
    Ok(())
}

/// The list of those that go to a vCPU is in memory already, unless the table is a new one. To it belong those that events
/// name and no command has mapped, and an end, unless the table is full.
fn save_collections(table: Table, used: bool, named: &[u16]) -> Result<(), Unbacked> {
    let mapped = if used { listed(table)? } else { vec![] };
    let known: HashSet<u16> = mapped.iter().map(|cte| cte.icid()).collect();
    let unmapped = named.iter().filter(|icid| !known.contains(icid)).map(|&icid| Cte::new(u32::MAX, icid).0);
    for (position, entry) in (mapped.len() as u64..table.entries()).zip(unmapped.chain([0])) {
        table.memory.write_u64(table.at(position)?.expect("the table has this many"), entry)?;
    }
    Ok(())
}

/// Events on their way into the tables.
struct Events<'a> {
    its: &'a State,
    /// How many collections there can be.
    icids: u64,
    /// Collections that they name, in order.
    named: Vec<u16>,
    known: HashSet<u16>,
}

impl Events<'_> {
    /// An event whose collection was unmapped is written as 0; one whose collection was never mapped stays.
    fn save(&mut self, memory: &dyn GuestMemory, dte: Dte, counts_unmapped: bool) -> Result<(), Unbacked> {
        let mut chain = Chain { memory, last: None, shift: Ite::NEXT_SHIFT, most: Ite::NEXT_MOST };
        for event in 0..u64::from(dte.events()) {
            let at = dte.event(event);
            let ite = Ite(memory.read_u64(at)?);
            if ite.intid() == 0 {
                continue;
            }
            if self.has(ite.icid()) {
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

    /// Does an event that names this collection have one?
    fn has(&mut self, icid: u16) -> bool {
        let gone = self.its.live().is_some_and(|live| live.is_collection_gone(icid));
        let has = u64::from(icid) < self.icids && !gone;
        if has && self.known.insert(icid) {
            self.named.push(icid);
        }
        has
    }
}

/// The devices that the table can address, in order; where it is not in guest memory it can address none.
fn each_device(
    devices: Table,
    mut visit: impl FnMut(PhysAddr, u64, Dte) -> Result<(), Unbacked>,
) -> Result<(), Unbacked> {
    let mut number = 0;
    while number < IDS {
        let Some(at) = devices.at(number).transpose() else {
            number = devices.after_hole(number);
            continue;
        };
        let entry = at.and_then(|at| Ok((at, Dte(devices.memory.read_u64(at)?))));
        if let Ok((at, dte)) = entry
            && dte.valid()
        {
            visit(at, number, dte)?;
        }
        number += 1;
    }
    Ok(())
}

/// The list of collections.
fn listed(table: Table) -> Result<Vec<Cte>, Unbacked> {
    let mut found = vec![];
    for position in 0..if table.valid() { table.entries() } else { 0 } {
        let at = table.at(position)?.expect("the table has this many");
        let cte = Cte(table.memory.read_u64(at)?);
        if !cte.valid() {
            break;
        }
        found.push(cte);
    }
    Ok(found)
}

/// Adds the LPIs that an ITS translates events to, and the index of the vCPU that each goes to. What is not in guest memory
/// is not mapped.
pub(crate) fn destinations(vm: &Vm, its: &State, lpis: &mut BTreeMap<u32, usize>) {
    let memory = &*vm.spec.memory;
    let (devices, collections) = of(memory, its);
    if its.used() != [true; 2] || !devices.valid() {
        return;
    }
    let vcpus: HashMap<u64, usize> = vm.vcpus.iter().map(|vcpu| (vcpu.id.into(), vcpu.index)).collect();
    let listed = listed(collections).unwrap_or_default();
    let goes_to: HashMap<u16, usize> =
        listed.iter().filter_map(|cte| Some((cte.icid(), *vcpus.get(&cte.number())?))).collect();
    _ = each_device(devices, |_, _, dte| {
        for event in 0..u64::from(dte.events()) {
            let Ok(ite) = memory.read_u64(dte.event(event)).map(Ite) else { break };
            if let (8192..0x1_0000, Some(&vcpu)) = (ite.intid(), goes_to.get(&ite.icid())) {
                lpis.insert(ite.intid(), vcpu);
            }
        }
        Ok(())
    });
}

pub(super) fn of<'a>(memory: &'a dyn GuestMemory, its: &State) -> (Table<'a>, Table<'a>) {
    let table = |register| Table { memory, baser: Baser(its.get(register)) };
    (table(Register::Devices), table(Register::Collections))
}

/// KVM's ITS has nothing but what was mapped or restored. Ours reads its tables: before it is enabled with tables of which
/// neither happened, what is in them is taken out. Where there is no memory there is nothing.
pub(super) fn clear_stale(vm: &Vm, its: &State) {
    let (devices, collections) = of(&*vm.spec.memory, its);
    if devices.valid() && !its.used()[DEVICES] {
        _ = each_device(devices, |at, _, _| devices.memory.write_u64(at, 0));
    }
    if collections.valid() && !its.used()[COLLECTIONS] {
        _ = collections.at(0).map(|at| collections.memory.write_u64(at.expect("a table has room for an entry"), 0));
    }
}
