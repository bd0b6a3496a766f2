//! What TLBs keep and what drops it. Every test changes a descriptor behind the TLB's back, and sees by the
//! value that is read which translation was used.

use crate::harness::{Outcome::*, *};
use a64::SysReg;

const LOW: u64 = 0x1000_0000;
const HIGH: u64 = 0xffff_0000_1000_0000;
/// Two pages with different contents.
const FIRST: u64 = RAM + 0x1000;
const SECOND: u64 = RAM + 0x2000;

const fn tlbi(crm: u32, op2: u32) -> SysReg {
    SysReg::new(1, 0, 8, crm, op2)
}
const VMALLE1: SysReg = tlbi(7, 0);
const VAE1: SysReg = tlbi(7, 1);
const ASIDE1: SysReg = tlbi(7, 2);
const VAAE1: SysReg = tlbi(7, 3);
const VALE1: SysReg = tlbi(7, 5);
const VAALE1: SysReg = tlbi(7, 7);

/// `FIRST` at LOW (ASID 1, not global) and at HIGH (global), both in the TLB; then both tables say `SECOND`.
fn stale() -> Rig {
    let mut rig = Rig::new();
    rig.machine.poke(FIRST, 1);
    rig.machine.poke(SECOND, 2);
    rig.asid(1).map(LOW, FIRST | PAGE | NG).map(HIGH, FIRST | PAGE);
    assert_eq!([rig.read(LOW), rig.read(HIGH), rig.fetch(HIGH)], [Value(1), Value(1), Value(FIRST)]);
    rig.map(LOW, SECOND | PAGE | NG).map(HIGH, SECOND | PAGE);
    rig
}

/// After `op` with `asid` and `va`, which of LOW and HIGH are looked up again?
#[track_caller]
fn check(op: SysReg, asid: u64, va: u64, low: u64, high: u64) {
    let mut rig = stale();
    rig.cpu.tlbi(op, asid << 48 | va >> 12 & 0xfff_ffff_ffff);
    let code = [FIRST, SECOND][high as usize - 1];
    let seen = [rig.read(LOW), rig.read(HIGH), rig.fetch(HIGH)];
    assert_eq!(seen, [Value(low), Value(high), Value(code)]);
}

#[test]
fn nothing_changes_without_maintenance() {
    let mut rig = stale();
    assert_eq!([rig.read(LOW), rig.read(HIGH)], [Value(1), Value(1)]);
}
#[test]
fn all_drops_all() {
    check(VMALLE1, 0, 0, 2, 2)
}
#[test]
fn va_drops_the_asids_own() {
    check(VAE1, 1, LOW, 2, 1)
}
#[test]
fn va_leaves_another_asids() {
    check(VAE1, 2, LOW, 1, 1)
}
#[test]
fn va_drops_global_whatever_the_asid() {
    check(VAE1, 7, HIGH, 1, 2)
}
#[test]
fn last_level_va_drops_the_asids_own() {
    check(VALE1, 1, LOW, 2, 1)
}
#[test]
fn va_of_all_asids() {
    check(VAAE1, 9, LOW, 2, 1)
}
#[test]
fn last_level_va_of_all_asids_drops_global() {
    check(VAALE1, 9, HIGH, 1, 2)
}
#[test]
fn asid_keeps_global() {
    check(ASIDE1, 1, 0, 2, 1)
}
#[test]
fn asid_keeps_other_asids() {
    check(ASIDE1, 2, 0, 1, 1)
}

#[test]
fn asids_keep_their_translations_without_flushes() {
    let mut rig = Rig::new();
    // One table tree; what each ASID saw first is what it keeps seeing.
    for asid in 1..=8 {
        rig.machine.poke(RAM + 0x1000 * asid, asid);
        rig.asid(asid).map(LOW, (RAM + 0x1000 * asid) | PAGE | NG);
        assert_eq!(rig.read(LOW), Value(asid));
    }
    for asid in 1..=8 {
        assert_eq!(rig.asid(asid).read(LOW), Value(asid));
    }
    // Maintenance by ASID reaches one that is not current.
    rig.cpu.tlbi(ASIDE1, 3 << 48);
    assert_eq!(rig.asid(3).read(LOW), Value(8));
    // And so does maintenance by address.
    rig.asid(1).cpu.tlbi(VAE1, 4 << 48 | LOW >> 12);
    assert_eq!(rig.asid(4).read(LOW), Value(8));
    assert_eq!(rig.asid(5).read(LOW), Value(5));
}

/// Every ASID maps LOW and its neighbours, and the tables change; then ASID 9 performs `ops` operations on other pages and
/// one on LOW. What ASID 1 and ASID 2 see of LOW.
fn others_after(ops: u64, op: SysReg, asid: u64, global: u64) -> [Outcome; 2] {
    let mut rig = Rig::new();
    rig.machine.poke(FIRST, 1);
    rig.machine.poke(SECOND, 2);
    rig.map(LOW, FIRST | PAGE | global);
    [1, 2, 9].into_iter().for_each(|asid| assert_eq!(rig.asid(asid).read(LOW), Value(1)));
    rig.map(LOW, SECOND | PAGE | global);
    (1..=ops).for_each(|n| rig.cpu.tlbi(op, (asid << 48) | ((LOW >> 12) + 0x1000 * n)));
    rig.cpu.tlbi(op, asid << 48 | LOW >> 12);
    [1, 2].map(|asid| rig.asid(asid).read(LOW))
}

#[test]
fn maintenance_by_address_reaches_spaces_that_are_not_current() {
    for ops in [0, 1, 14, 15, 16, 17, 40] {
        assert_eq!(others_after(ops, VAAE1, 9, NG), [Value(2), Value(2)], "all ASIDs, {ops}");
        assert_eq!(others_after(ops, VAE1, 1, NG), [Value(2), Value(1)], "ASID 1, {ops}");
        assert_eq!(others_after(ops, VAE1, 3, NG), [Value(1), Value(1)], "an ASID that is not known, {ops}");
        assert_eq!(others_after(ops, VAE1, 3, 0), [Value(2), Value(2)], "global, {ops}");
    }
}

#[test]
fn a_space_that_missed_nothing_keeps_its_pages() {
    let mut rig = Rig::new();
    rig.machine.poke(FIRST, 1);
    rig.machine.poke(SECOND, 2);
    rig.map(LOW, FIRST | PAGE | NG);
    [1, 2].into_iter().for_each(|asid| assert_eq!(rig.asid(asid).read(LOW), Value(1)));
    // Performed by ASID 2 itself, and long before ASID 1 is current again.
    (1..40).for_each(|n| rig.cpu.tlbi(VAE1, (2 << 48) | ((LOW >> 12) + n)));
    // Nor do pages of the other range concern it.
    (0..40).for_each(|n| rig.cpu.tlbi(VAAE1, (HIGH >> 12 & 0xfff_ffff_ffff) + n));
    rig.map(LOW, SECOND | PAGE | NG);
    assert_eq!([1, 2].map(|asid| rig.asid(asid).read(LOW)), [Value(1), Value(1)]);
}

#[test]
fn a_recycled_space_holds_nothing_of_its_former_asid() {
    let mut rig = Rig::new();
    for asid in 1..=100 {
        rig.machine.poke(RAM + 0x1000 * asid, asid);
        rig.asid(asid).map(LOW, (RAM + 0x1000 * asid) | PAGE | NG);
        assert_eq!(rig.read(LOW), Value(asid), "ASID {asid} found another's translation");
    }
    // ASID 1 was forgotten long ago: it sees the present tables.
    assert_eq!(rig.asid(1).read(LOW), Value(100));
}

#[test]
fn global_pages_of_the_upper_range_serve_every_asid() {
    let mut rig = stale();
    assert_eq!(rig.asid(2).read(HIGH), Value(1));
    // The first non-global page up there gives every ASID banks of its own.
    rig.map(HIGH + 0x1000, FIRST | PAGE | NG);
    assert_eq!(rig.read(HIGH + 0x1000), Value(1));
    rig.map(HIGH + 0x1000, SECOND | PAGE | NG);
    assert_eq!(rig.asid(3).read(HIGH + 0x1000), Value(2));
    assert_eq!(rig.asid(2).read(HIGH + 0x1000), Value(1));
    // Global ones are still dropped for all of them.
    rig.cpu.tlbi(VAE1, HIGH >> 12 & 0xfff_ffff_ffff);
    assert_eq!([rig.asid(2).read(HIGH), rig.asid(3).read(HIGH)], [Value(2), Value(2)]);
}

#[test]
fn one_operation_drops_every_page_of_a_block() {
    let mut rig = Rig::new();
    let block = 0x4000_0000;
    let slot = rig.slot(block, 2);
    rig.machine.poke(slot, RAM | BLOCK);
    let pages: Vec<u64> = (0..512).map(|i| block + 0x1000 * i).collect();
    rig.machine.poke(RAM + (2 << 20), 7);
    for va in &pages {
        assert_eq!(rig.write(*va, *va), Value(*va));
    }
    rig.machine.poke(slot, (RAM + (2 << 20)) | BLOCK);
    assert_eq!(rig.read(pages[3]), Value(pages[3]));
    rig.cpu.tlbi(VAE1, pages[300] >> 12);
    assert_eq!(rig.read(pages[0]), Value(7));
    assert!(pages[1..].iter().all(|va| rig.read(*va) == Value(0)));
}

#[test]
fn blocks_beyond_the_spans_that_are_kept_apart_are_dropped_too() {
    let mut rig = Rig::new();
    let block = |i: u64| 0x10_0000_0000 * (i + 1);
    for i in 0..40 {
        let slot = rig.slot(block(i), 2);
        rig.machine.poke(slot, RAM | BLOCK);
        assert_eq!(rig.read(block(i) + i * 0x1000), Value(0));
        rig.machine.poke(slot, (RAM + (2 << 20)) | BLOCK);
    }
    (0..256).for_each(|i| rig.machine.poke(RAM + (2 << 20) + 0x1000 * i, 5));
    for i in 0..40 {
        rig.cpu.tlbi(VAE1, (block(i) + 0x1f_f000) >> 12);
        assert_eq!(rig.read(block(i) + i * 0x1000), Value(5), "block {i}");
    }
}

#[test]
fn tagged_addresses_are_dropped_with_the_untagged() {
    let mut rig = stale();
    rig.set(|c| c.sys.tcr[1] |= 1 << 37);
    let tagged = LOW | 0x5a << 56;
    rig.map(LOW, FIRST | PAGE | NG);
    assert_eq!(rig.read(tagged), Value(1));
    rig.map(LOW, SECOND | PAGE | NG);
    assert_eq!(rig.read(tagged), Value(1));
    rig.cpu.tlbi(VAE1, 1 << 48 | LOW >> 12);
    assert_eq!(rig.read(tagged), Value(2));
}

#[test]
fn control_registers_take_effect_without_maintenance() {
    let mut rig = stale();
    rig.set(|c| c.sys.tcr[1] ^= 1 << 37);
    assert_eq!([rig.read(LOW), rig.read(HIGH)], [Value(2), Value(2)]);
}

#[test]
fn stage_1_off_and_on_again() {
    let mut rig = stale();
    rig.set(|c| c.sys.sctlr[1] &= !M);
    assert_eq!([rig.read(FIRST), rig.read(SECOND)], [Value(1), Value(2)]);
    rig.set(|c| c.sys.sctlr[1] |= M);
    assert_eq!(rig.read(LOW), Value(2));
    assert_eq!(rig.read(FIRST), Fault { iss: 0b000100 + 1, far: FIRST });
}

#[test]
fn pan_toggles_without_maintenance() {
    let mut rig = Rig::new();
    rig.map(LOW, FIRST | PAGE | USER).map(LOW + 0x1000, SECOND | PAGE);
    for _ in 0..2 {
        assert_eq!(rig.set(|c| c.regs.pstate.pan = false).read(LOW), Value(0));
        assert_eq!(rig.read(LOW + 0x1000), Value(0));
        assert_eq!(rig.set(|c| c.regs.pstate.pan = true).read(LOW), Fault { iss: 0xf, far: LOW });
        assert_eq!(rig.read(LOW + 0x1000), Value(0));
        assert_eq!(rig.el(0).read(LOW), Value(0));
        assert_eq!(rig.read(LOW + 0x1000), Fault { iss: 0xf, far: LOW + 0x1000 });
        rig.el(1);
    }
}

#[test]
fn pages_of_other_granules_are_dropped_whole() {
    for (tg, log2) in [(2, 14), (1, 16)] {
        let mut rig = Rig::new();
        let root = RAM + (12 << 20);
        // One table: T0SZ makes the walk start at level 3.
        let txsz = if log2 == 14 { 39 } else { 35 };
        rig.set(|c| {
            c.sys.tcr[1] = c.sys.tcr[1] & !0x3f & !(3 << 14) | tg << 14 | txsz;
            c.sys.ttbr0[1] = root;
        });
        rig.machine.poke(root + 8, (RAM + (1 << 16)) | PAGE);
        let pages: Vec<u64> = (0..1 << (log2 - 12)).map(|i| (1 << log2) + 0x1000 * i).collect();
        pages.iter().for_each(|va| assert_eq!(rig.read(*va), Value(0)));
        rig.machine.poke(root + 8, (RAM + (2 << 16)) | PAGE);
        (0..16).for_each(|i| rig.machine.poke(RAM + (2 << 16) + 0x1000 * i, 9));
        pages.iter().for_each(|va| assert_eq!(rig.read(*va), Value(0)));
        rig.cpu.tlbi(VAE1, pages[pages.len() - 1] >> 12);
        pages.iter().for_each(|va| assert_eq!(rig.read(*va), Value(9), "{log2} {va:#x}"));
    }
}
