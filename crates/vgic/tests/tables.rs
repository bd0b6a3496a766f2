//! Tables of an ITS and of pending LPIs, byte for byte: random mappings, saved, are what an encoder written from the
//! published layouts (docits, "ITS Table ABI REV0"; IHI 0069, "LPI pending tables") makes of a model that knows nothing of
//! our ITS; and restored in another VM they are the same mappings.
#![cfg(not(any(loom, shuttle)))]

use armagic_vgic::uapi::{address, control, device_type, group};
use armagic_vgic::{Device, Kernel, Vm, VmSpec};
use hw::{GuestMemory, IntId, PhysAddr};
use mem::Ram;
use proptest::prelude::*;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

// Guest memory. The device table has 8 pages, or two pages of its second level.
const BASE: u64 = 0x4000_0000;
const SIZE: u64 = 8 << 20;
const QUEUE: u64 = BASE;
const DEVICES: u64 = BASE + 0x8_0000;
const SECOND_LEVEL: [(u64, u64); 2] = [(0, BASE + 0x10_0000), (2, BASE + 0x11_0000)];
const COLLECTIONS: u64 = BASE + 0x18_0000;
const CONFIGURATION: u64 = BASE + 0x20_0000;
const PENDING: u64 = BASE + 0x30_0000;
const ITTS: u64 = BASE + 0x40_0000;
/// Bytes between the ITTs of two MAPD: 256 events.
const ITT: u64 = 0x800;

/// Entries of a page.
const PER_PAGE: u64 = 0x1_0000 / 8;
const VALID: u64 = 1 << 63;

#[derive(Clone, Debug)]
enum Op {
    Mapd(u64, u32),
    Unmapd(u64),
    Mapc(u16, usize),
    Unmapc(u16),
    Mapti(u64, u64, u32, u16),
    Discard(u64, u64),
    Int(u64, u64),
}

/// Numbers of few kinds, so that commands meet: of devices some are near and some farther apart than `next` can say.
fn device() -> impl Strategy<Value = u64> {
    prop::sample::select(vec![0, 1, 2, 77, 8191, 16384, 16385, 24000, 24575])
}

fn op() -> impl Strategy<Value = Op> {
    let event = || prop_oneof![0..4u64, 0..256u64];
    let icid = || prop::sample::select(vec![0, 1, 2, 3, 100, 8191u16]);
    let lpi = prop_oneof![8192..8224u32, Just(65535), 8192..65535u32];
    prop_oneof![
        3 => (device(), 1..=8u32).prop_map(|(device, bits)| Op::Mapd(device, bits)),
        1 => device().prop_map(Op::Unmapd),
        4 => (icid(), 0..3usize).prop_map(|(icid, vcpu)| Op::Mapc(icid, vcpu)),
        1 => icid().prop_map(Op::Unmapc),
        12 => (device(), event(), lpi, icid()).prop_map(|(device, event, lpi, icid)| Op::Mapti(device, event, lpi, icid)),
        2 => (device(), event()).prop_map(|(device, event)| Op::Discard(device, event)),
        3 => (device(), event()).prop_map(|(device, event)| Op::Int(device, event)),
    ]
}

/// An event: its LPI, and its collection unless that was unmapped since.
#[derive(Clone, Copy, Debug)]
struct Event {
    lpi: u32,
    icid: Option<u16>,
}

#[derive(Clone, Debug)]
struct Mapped {
    itt: u64,
    bits: u32,
    events: BTreeMap<u64, Event>,
}

/// What the commands say, and the words that each is.
#[derive(Default)]
struct Model {
    devices: BTreeMap<u64, Mapped>,
    /// Which vCPU, by index; `None` of one that no MAPC has named.
    collections: BTreeMap<u16, Option<usize>>,
    /// Once unmapped, never used again: whether old events come back is not for this test.
    gone: BTreeSet<u16>,
    pending: BTreeSet<u32>,
    /// Where an entry was, and is no more.
    erased: BTreeSet<u64>,
    words: Vec<[u64; 4]>,
    itts: u64,
}

impl Model {
    /// Leaves out what software must not do, such as mapping an LPI twice.
    fn perform(&mut self, op: &Op, ids: &[u32], table: Directory) {
        match *op {
            Op::Mapd(device, bits) => {
                let itt = ITTS + self.itts * ITT;
                self.itts += 1;
                self.unmap(device);
                self.devices.insert(device, Mapped { itt, bits, events: BTreeMap::new() });
                self.erased.remove(&table.entry(device));
                self.words.push([0x08 | device << 32, u64::from(bits) - 1, VALID | itt, 0]);
            }
            Op::Unmapd(device) => {
                self.unmap(device);
                self.erased.insert(table.entry(device));
                self.words.push([0x08 | device << 32, 0, 0, 0]);
            }
            Op::Mapc(icid, vcpu) if !self.gone.contains(&icid) => {
                let vcpu = vcpu % ids.len();
                self.collections.insert(icid, Some(vcpu));
                self.words.push([0x09, 0, VALID | u64::from(ids[vcpu]) << 16 | u64::from(icid), 0]);
            }
            Op::Unmapc(icid) => {
                self.gone.insert(icid);
                self.collections.remove(&icid);
                let events = self.devices.values_mut().flat_map(|it| it.events.values_mut());
                events.filter(|event| event.icid == Some(icid)).for_each(|event| {
                    event.icid = None;
                    self.pending.remove(&event.lpi);
                });
                self.words.push([0x09, 0, icid.into(), 0]);
            }
            Op::Mapti(device, event, lpi, icid) if !self.gone.contains(&icid) => {
                let used = self.devices.values().any(|it| it.events.values().any(|event| event.lpi == lpi));
                let Some(it) = self.devices.get_mut(&device).filter(|it| event < 1 << it.bits && !used) else { return };
                if it.events.contains_key(&event) {
                    return;
                }
                it.events.insert(event, Event { lpi, icid: Some(icid) });
                self.collections.entry(icid).or_insert(None);
                self.words.push([0x0a | device << 32, event | u64::from(lpi) << 32, icid.into(), 0]);
            }
            Op::Discard(device, event) => {
                let Some(it) = self.devices.get_mut(&device) else { return };
                // Of an unmapped collection it is a command error.
                if it.events.get(&event).is_none_or(|event| event.icid.is_none()) {
                    return;
                }
                let old = it.events.remove(&event).expect("looked at above");
                self.pending.remove(&old.lpi);
                self.words.push([0x0f | device << 32, event, 0, 0]);
            }
            Op::Int(device, event) => {
                let Some(&event_of) = self.devices.get(&device).and_then(|it| it.events.get(&event)) else { return };
                if self.goes_to(event_of).is_some() {
                    self.pending.insert(event_of.lpi);
                }
                self.words.push([0x03 | device << 32, event, 0, 0]);
            }
            Op::Mapc(..) | Op::Mapti(..) => {}
        }
    }

    fn unmap(&mut self, device: u64) {
        if let Some(old) = self.devices.remove(&device) {
            old.events.values().for_each(|event| _ = self.pending.remove(&event.lpi));
        }
    }

    fn goes_to(&self, event: Event) -> Option<usize> {
        *self.collections.get(&event.icid?)?
    }

    /// The device table and the ITTs: where, and which word.
    fn entries(&self, table: Directory, counts_unmapped: bool) -> BTreeMap<u64, u64> {
        let mut words: BTreeMap<u64, u64> = self.erased.iter().map(|&at| (at, 0)).collect();
        for (&number, it) in &self.devices {
            let following = self.devices.range(number + 1..).next();
            let next = following.map_or(0, |(&next, _)| (next - number).min(0x3fff));
            words.insert(table.entry(number), VALID | next << 49 | it.itt >> 8 << 5 | u64::from(it.bits - 1));
            for event in 0..1 << it.bits {
                let counts = |event: &&Event| event.icid.is_some() || counts_unmapped;
                let following = it.events.range(event + 1..).find(|(_, event)| counts(event));
                let next = following.map_or(0, |(&next, _)| next - event);
                let entry = it.events.get(&event).and_then(|it| Some((it.lpi, it.icid?)));
                let entry = entry.map_or(0, |(lpi, icid)| next << 48 | u64::from(lpi) << 16 | u64::from(icid));
                words.insert(it.itt + 8 * event, entry);
            }
        }
        words
    }

    /// The list of collections, in whatever order. One that is not mapped is in it as long as an event names it.
    fn list(&self, ids: &[u32]) -> BTreeSet<u64> {
        let events = self.devices.values().flat_map(|it| it.events.values());
        let named: BTreeSet<u16> = events.filter_map(|event| event.icid).collect();
        let goes_to = |vcpu: Option<usize>| vcpu.map_or(0xffff_ffff, |vcpu| u64::from(ids[vcpu]));
        let there = self.collections.iter().filter(|(icid, vcpu)| vcpu.is_some() || named.contains(icid));
        there.map(|(&icid, &vcpu)| VALID | goes_to(vcpu) << 16 | u64::from(icid)).collect()
    }

    /// The pending table of each vCPU.
    fn pending_tables(&self, vcpus: usize) -> Vec<Vec<u8>> {
        let mut tables = vec![vec![0; 8192]; vcpus];
        for event in self.devices.values().flat_map(|it| it.events.values()) {
            if let Some(vcpu) = self.goes_to(*event).filter(|_| self.pending.contains(&event.lpi)) {
                tables[vcpu][event.lpi as usize / 8] |= 1 << (event.lpi % 8);
            }
        }
        tables
    }
}

/// The device table: of one level or two.
#[derive(Clone, Copy)]
struct Directory {
    indirect: bool,
}

impl Directory {
    fn baser(self) -> u64 {
        VALID | DEVICES | if self.indirect { 1 << 62 } else { 7 }
    }

    fn entry(self, device: u64) -> u64 {
        let page = SECOND_LEVEL.iter().find(|(page, _)| self.indirect && *page == device / PER_PAGE);
        page.map_or(DEVICES + 8 * device, |(_, at)| at + 8 * (device % PER_PAGE))
    }
}

struct Rig {
    ram: Arc<Ram>,
    vgic: Device,
    its: Device,
}

impl Rig {
    /// A VM as the documentation says that one is restored, up to the ITS's tables.
    fn new(ids: &[u32], kernel: &'static Kernel, contents: Option<&[u8]>) -> Rig {
        let ram = Arc::new(Ram::new(PhysAddr(BASE), SIZE).expect("the host has that"));
        if let Some(contents) = contents {
            ram.write(PhysAddr(BASE), contents).expect("all of it");
        }
        let vm = Vm::new(VmSpec { kernel, ..VmSpec::new(ram.clone()) });
        for &id in ids {
            let vcpu = vm.create_vcpu(id).expect("a new id");
            vm.initialise_vcpu(&vcpu, false).expect("a live VM");
        }
        let create = |kind| vm.create_device(kind, 0).expect("one of each").expect("not only a test");
        let (vgic, its) = (create(device_type::VGIC_V3), create(device_type::ITS));
        vgic.set(group::CTRL, control::INIT, 0).expect("all is there");
        for (n, &id) in ids.iter().enumerate() {
            let at = u64::from(id & 0xf) << 32 | u64::from(id >> 4) << 40;
            let set = |offset, value| vgic.set(group::REDIST_REGS, at | offset, value).expect("nothing runs");
            set(0x70, CONFIGURATION | 0x78f);
            set(0x78, (PENDING + 0x1_0000 * n as u64) | 0x780);
            set(0, 1);
        }
        its.set(group::ADDR, address::ITS, 0x0808_0000).expect("free");
        Rig { ram, vgic, its }
    }

    fn set_register(&self, offset: u64, value: u64) {
        self.its.set(group::ITS_REGS, offset, value).expect("nothing runs");
    }

    fn use_tables(&self, table: Directory) {
        self.set_register(0x80, VALID | QUEUE | 0xf);
        self.set_register(0x100, table.baser());
        self.set_register(0x108, VALID | COLLECTIONS);
    }

    fn save(&self) {
        self.vgic.set(group::CTRL, control::SAVE_PENDING_TABLES, 0).expect("tables are in memory");
        self.its.set(group::CTRL, control::SAVE_TABLES, 0).expect("tables are in memory");
    }

    fn word(&self, at: u64) -> u64 {
        self.ram.read_u64(PhysAddr(at)).expect("it is in memory")
    }

    fn put(&self, at: u64, word: u64) {
        self.ram.write_u64(PhysAddr(at), word).expect("it is in memory");
    }

    fn bytes(&self, at: u64, length: u64) -> Vec<u8> {
        let mut bytes = vec![0; length as usize];
        self.ram.read(PhysAddr(at), &mut bytes).expect("it is in memory");
        bytes
    }

    fn list(&self) -> Vec<u64> {
        (0..PER_PAGE).map(|n| self.word(COLLECTIONS + 8 * n)).take_while(|word| word & VALID != 0).collect()
    }
}

/// Entries that are none, by where they are: what SAVE does not write, it leaves.
fn filler(at: u64) -> u64 {
    at.wrapping_mul(0x9e37_79b9_7f4a_7c15) & !VALID
}

fn check(ops: &[Op], ids: &[u32], table: Directory, kernel: &'static Kernel) {
    let source = Rig::new(ids, kernel, None);
    let pages: &[u64] = if table.indirect { &[DEVICES, SECOND_LEVEL[0].1, SECOND_LEVEL[1].1] } else { &[DEVICES] };
    let length = if table.indirect { 0x1_0000 } else { 0x8_0000 };
    let places = || pages.iter().flat_map(|page| (*page..page + length).step_by(8));
    places().for_each(|at| source.put(at, filler(at)));
    if table.indirect {
        SECOND_LEVEL.iter().for_each(|(n, page)| source.put(DEVICES + 8 * n, VALID | page));
    }
    source.use_tables(table);
    source.set_register(0, 1);
    let mut model = Model::default();
    ops.iter().for_each(|op| model.perform(op, ids, table));
    for (n, word) in model.words.iter().flatten().enumerate() {
        source.put(QUEUE + 8 * n as u64, *word);
    }
    let end = 32 * model.words.len() as u64;
    source.set_register(0x88, end);
    let failed = source.its.translator().expect("initialised").failed_commands();
    // INT of an event that goes nowhere is an error, and all that is.
    assert!(failed.iter().all(|it| it.words[0] as u8 == 0x03), "{failed:x?}");
    source.save();

    // Byte for byte.
    let entries = model.entries(table, kernel.next_counts_unmapped);
    let first_level = |at: u64| table.indirect && SECOND_LEVEL.iter().any(|(n, _)| at == DEVICES + 8 * n);
    for at in places().filter(|at| !first_level(*at)) {
        let wanted = entries.get(&at).copied().unwrap_or(filler(at));
        assert_eq!(source.word(at), wanted, "device table at {at:#x}: {:#x}, not {wanted:#x}", source.word(at));
    }
    for (&at, &wanted) in entries.range(ITTS..) {
        assert_eq!(source.word(at), wanted, "ITT at {at:#x}: {:#x}, not {wanted:#x}", source.word(at));
    }
    let list = source.list();
    assert_eq!(list.iter().copied().collect::<BTreeSet<_>>(), model.list(ids), "collections");
    assert_eq!(list.len(), model.list(ids).len(), "a collection stands twice");
    for (n, wanted) in model.pending_tables(ids.len()).iter().enumerate() {
        let table = source.bytes(PENDING + 0x1_0000 * n as u64, 8192);
        assert!(table == *wanted, "the pending table of vCPU {n}");
    }

    // Restored elsewhere.
    let memory = source.bytes(BASE, SIZE);
    let copy = Rig::new(ids, kernel, Some(&memory));
    copy.use_tables(table);
    copy.set_register(0x88, end);
    copy.set_register(0x90, end);
    copy.its.set(group::CTRL, control::RESTORE_TABLES, 0).expect("what was saved");
    copy.set_register(0, 1);
    let its = copy.its.translator().expect("initialised");
    for (&device, it) in &model.devices {
        for event in 0..1 << it.bits {
            let wanted = it.events.get(&event).and_then(|it| Some((model.goes_to(*it)?, IntId(it.lpi))));
            assert_eq!(its.route(device as u32, event as u32).ok(), wanted, "event {event} of device {device}");
        }
    }
    copy.save();
    // Events whose collection was unmapped did not come along, so nothing counts them now.
    model.devices.values_mut().for_each(|it| it.events.retain(|_, event| event.icid.is_some()));
    for (at, wanted) in model.entries(table, kernel.next_counts_unmapped) {
        assert_eq!(copy.word(at), wanted, "saved again at {at:#x}: {:#x}, not {wanted:#x}", copy.word(at));
    }
    let same = |at: u64, length: u64| copy.bytes(at, length) == source.bytes(at, length);
    assert!(same(PENDING, 0x1_0000 * ids.len() as u64), "pending tables, saved again");
    assert!(pages.iter().all(|page| same(*page, length)), "the device table, saved again");
    assert_eq!(copy.list().into_iter().collect::<BTreeSet<_>>(), model.list(ids), "collections, saved again");
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn random_mappings(
        ops in prop::collection::vec(op(), 0..100),
        ids in prop::sample::subsequence(vec![3u32, 0, 17, 1], 1..4),
        indirect: bool,
        kernel in prop::sample::select(vec![&Kernel::V7_2, &Kernel::V7_3]),
    ) {
        check(&ops, &ids, Directory { indirect }, kernel);
    }
}

/// A collection table that is exactly full has no end: what follows in memory is not the list's.
#[test]
fn a_full_list_has_no_end() {
    let rig = Rig::new(&[0], &Kernel::V7_3, None);
    // Then a MAPC has no configuration to read.
    rig.vgic.set(group::REDIST_REGS, 0, 0).expect("nothing runs");
    let table = Directory { indirect: false };
    rig.use_tables(table);
    rig.set_register(0, 1);
    let after = COLLECTIONS + 8 * PER_PAGE;
    rig.put(after, 0x1234);
    // As many commands as the queue holds at a time, and one less.
    let turn = 0x1_0000 / 32 - 1;
    let mut next = 0;
    for icids in (0..PER_PAGE).collect::<Vec<_>>().chunks(turn as usize) {
        for icid in icids {
            [0x09, 0, VALID | icid, 0]
                .iter()
                .enumerate()
                .for_each(|(n, word)| rig.put(QUEUE + next + 8 * n as u64, *word));
            next = (next + 32) % 0x1_0000;
        }
        rig.set_register(0x88, next);
    }
    rig.save();
    assert_eq!(rig.list().len() as u64, PER_PAGE);
    assert_eq!(rig.word(after), 0x1234);
    rig.its.set(group::CTRL, control::RESET, 0).expect("nothing runs");
    rig.use_tables(table);
    rig.its.set(group::CTRL, control::RESTORE_TABLES, 0).expect("what was saved");
}
