//! KVM_DEV_ARM_ITS_RESTORE_TABLES. Our ITS reads its tables when it is enabled; here they are checked as KVM checks them
//! when it makes devices and collections of them.

use super::save::of;
use super::table::{IDS, Table};
use super::{COLLECTIONS, DEVICES};
use crate::config::Config;
use crate::errno::{Errno, Refusal};
use crate::vm::Vm;
use gic::its_entry::{Cte, Dte, Ite};
use hw::{GuestMemory, PhysAddr, Unbacked};
use std::collections::HashSet;

const FAULT: Refusal = Errno::Fault.because("a table is not in guest memory");

fn in_memory<T>(read: Result<T, Unbacked>) -> Result<T, Refusal> {
    read.map_err(|_| FAULT)
}

pub(super) fn tables(vm: &Vm, config: &mut Config, index: usize) -> Result<(), Refusal> {
    let its = &config.itss[index];
    let (devices, collections) = of(&*vm.spec.memory, its);
    let live = !its.fresh[COLLECTIONS];
    let propbaser = propbaser(config);
    let checked = check_collections(vm, collections, live)
        .and_then(|known| check_devices(&*vm.spec.memory, devices, &known, propbaser));
    let its = &mut config.itss[index];
    // Where something was wrong, nothing is left.
    its.fresh = [checked.is_err() || !devices.valid(), checked.is_err() || !collections.valid()];
    debug_assert_eq!((DEVICES, COLLECTIONS), (0, 1));
    checked
}

/// The address of the configuration table.
fn propbaser(config: &Config) -> u64 {
    const PROPBASER: u32 = 0x70;
    let word = |live: &crate::config::Live, at| live.gic.raw_read(gic::Frame::Redistributor(0), at).unwrap_or(0);
    let value = config.live().map(|live| u64::from(word(live, PROPBASER)) | u64::from(word(live, PROPBASER + 4)) << 32);
    value.unwrap_or(config.propbaser) & 0x000f_ffff_ffff_f000
}

/// A list, up to the first entry that is not valid. The collections there are.
fn check_collections(vm: &Vm, table: Table, live: bool) -> Result<HashSet<u16>, Refusal> {
    let mut known = HashSet::new();
    for position in 0..if table.valid() { table.entries() } else { 0 } {
        let at = in_memory(table.at(position))?.expect("the table has this many");
        let cte = Cte(in_memory(table.memory.read_u64(at))?);
        if !cte.valid() {
            break;
        }
        let vcpu = cte.number();
        if vcpu != Cte::UNMAPPED && !vm.vcpus.iter().any(|it| u64::from(it.id) == vcpu) {
            return Err(Errno::Inval.because("a collection goes to a vCPU that is not there").about(vcpu));
        }
        let icid = cte.icid();
        if live || !known.insert(icid) {
            return Err(Errno::Exist.because("this collection is there already").about(icid.into()));
        }
        if u64::from(icid) >= table.entries() {
            return Err(Errno::Inval.because("the collection table has no room for this ICID").about(icid.into()));
        }
    }
    Ok(known)
}

fn check_devices(memory: &dyn GuestMemory, table: Table, known: &HashSet<u16>, propbaser: u64) -> Result<(), Refusal> {
    let mut number = 0;
    while table.valid() && number < IDS {
        let Some(at) = in_memory(table.at(number))? else {
            number = table.after_hole(number);
            continue;
        };
        let dte = Dte(in_memory(memory.read_u64(at))?);
        if !dte.valid() {
            number += 1;
            continue;
        }
        if dte.event_bits() > 16 {
            return Err(Errno::Inval.because("a device has more than 16 bits of EventID").about(number));
        }
        check_events(memory, dte, known, propbaser)?;
        match dte.next() {
            0 => break,
            next => number += next,
        }
    }
    Ok(())
}

fn check_events(memory: &dyn GuestMemory, dte: Dte, known: &HashSet<u16>, propbaser: u64) -> Result<(), Refusal> {
    let events = 1 << dte.event_bits();
    let mut event = 0;
    while event < events {
        let ite = Ite(in_memory(memory.read_u64(dte.event(event)))?);
        match u64::from(ite.intid()) {
            0 => {
                event += 1;
                continue;
            }
            intid @ ..8192 => {
                return Err(Errno::Inval.because("an event is translated to what is no LPI").about(intid));
            }
            intid => {
                if event + ite.next() >= events {
                    return Err(Errno::Inval.because("the next event is beyond its table").about(event));
                }
                if !known.contains(&ite.icid()) {
                    return Err(Errno::Inval.because("an event's collection is not there").about(ite.icid().into()));
                }
                let mut byte = [0];
                in_memory(memory.read(PhysAddr(propbaser + intid - 8192), &mut byte))?;
            }
        }
        match ite.next() {
            0 => break,
            next => event += next,
        }
    }
    Ok(())
}
