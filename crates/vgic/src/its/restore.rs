//! KVM_DEV_ARM_ITS_RESTORE_TABLES. Our ITS reads its tables when it is enabled; here they are checked as KVM checks them
//! when it makes devices and collections of them.

use super::save::of;
use super::table::{IDS, Table};
use super::{COLLECTIONS, DEVICES};
use crate::config::Config;
use crate::errno::{Errno, Refusal};
use crate::pending;
use crate::vm::Vm;
use gic::its_entry::{Cte, Dte, Ite};
use hw::{PhysAddr, Unbacked};
use std::collections::HashMap;

const FAULT: Refusal = Errno::Fault.because("a table is not in guest memory");

fn in_memory<T>(read: Result<T, Unbacked>) -> Result<T, Refusal> {
    read.map_err(|_| FAULT)
}

pub(super) fn tables(vm: &Vm, config: &mut Config, index: usize) -> Result<(), Refusal> {
    let its = &config.itss[index];
    let (devices, collections) = of(&*vm.spec.memory, its);
    let live = its.used()[COLLECTIONS];
    let mut restored = Restored { vm, config, collections: HashMap::new(), lpis: vec![] };
    let checked = restored.collections(collections, live).and_then(|()| restored.devices(devices));
    let Restored { lpis, .. } = restored;
    let done = checked.and_then(|()| lpis.iter().try_for_each(|&(lpi, vcpu)| pending::take(vm, config, vcpu, lpi)));
    // Where something was wrong, nothing is left.
    let used = [done.is_ok() && devices.valid(), done.is_ok() && collections.valid()];
    debug_assert_eq!((DEVICES, COLLECTIONS), (0, 1));
    config.itss[index].set_used(used);
    done
}

/// What the tables say, so far.
struct Restored<'a> {
    vm: &'a Vm,
    config: &'a Config,
    /// By ICID, the index of the vCPU; `None` of one that is unmapped.
    collections: HashMap<u16, Option<usize>>,
    /// LPIs that go to a vCPU.
    lpis: Vec<(u32, usize)>,
}

impl Restored<'_> {
    /// A list, up to the first entry that is not valid.
    fn collections(&mut self, table: Table, live: bool) -> Result<(), Refusal> {
        for position in 0..if table.valid() { table.entries() } else { 0 } {
            let at = in_memory(table.at(position))?.expect("the table has this many");
            let cte = Cte(in_memory(table.memory.read_u64(at))?);
            if !cte.valid() {
                break;
            }
            let (id, icid) = (cte.number(), cte.icid());
            let vcpu = self.vm.vcpus.iter().position(|it| u64::from(it.id) == id);
            if vcpu.is_none() && id != Cte::UNMAPPED {
                return Err(Errno::Inval.because("a collection goes to a vCPU that is not there").about(id));
            }
            if live || self.collections.insert(icid, vcpu).is_some() {
                return Err(Errno::Exist.because("this collection is there already").about(icid.into()));
            }
            if u64::from(icid) >= table.entries() {
                return Err(Errno::Inval.because("the collection table has no room for this ICID").about(icid.into()));
            }
        }
        Ok(())
    }

    fn devices(&mut self, table: Table) -> Result<(), Refusal> {
        let mut number = 0;
        while table.valid() && number < IDS {
            let Some(at) = in_memory(table.at(number))? else {
                number = table.after_hole(number);
                continue;
            };
            let dte = Dte(in_memory(table.memory.read_u64(at))?);
            if !dte.valid() {
                number += 1;
                continue;
            }
            if dte.event_bits() > 16 {
                return Err(Errno::Inval.because("a device has more than 16 bits of EventID").about(number));
            }
            self.events(dte)?;
            match dte.next() {
                0 => break,
                next => number += next,
            }
        }
        Ok(())
    }

    fn events(&mut self, dte: Dte) -> Result<(), Refusal> {
        let events = 1 << dte.event_bits();
        let mut event = 0;
        while event < events {
            let ite = Ite(in_memory(self.vm.spec.memory.read_u64(dte.event(event)))?);
            match u64::from(ite.intid()) {
                0 => {
                    event += 1;
                    continue;
                }
                intid @ ..8192 => {
                    return Err(Errno::Inval.because("an event is translated to what is no LPI").about(intid));
                }
                _ if event + ite.next() >= events => {
                    return Err(Errno::Inval.because("the next event is beyond its table").about(event));
                }
                _ => self.event(ite)?,
            }
            match ite.next() {
                0 => break,
                next => event += next,
            }
        }
        Ok(())
    }

    /// The LPI of an event is loaded: its configuration is read, and if it goes to a vCPU, whether it is pending there.
    fn event(&mut self, ite: Ite) -> Result<(), Refusal> {
        let absent = Errno::Inval.because("an event's collection is not there").about(ite.icid().into());
        let vcpu = *self.collections.get(&ite.icid()).ok_or(absent)?;
        let (table, mut byte) = (self.config.propbaser(self.vm) & 0x000f_ffff_ffff_f000, [0]);
        in_memory(self.vm.spec.memory.read(PhysAddr(table + u64::from(ite.intid() - 8192)), &mut byte))?;
        if let Some(vcpu) = vcpu {
            pending::check(self.vm, self.config, vcpu, ite.intid())?;
            self.lpis.push((ite.intid(), vcpu));
        }
        Ok(())
    }
}
