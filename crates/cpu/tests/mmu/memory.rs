//! Accesses of every kind: what memory and devices see, and which fault comes first.

use crate::harness::{Outcome::*, *};
use a64::SysReg;
use hw::AccessSize::{Byte, Double, Half, Word};
use hw::{Access, Order};
use mem::Atomic;

/// Two pages next to each other, at physical pages that are not; then a hole.
const VA: u64 = 0x1000_0000;
const EDGE: u64 = VA + 0x1000;
const HOLE: u64 = VA + 0x2000;
const PA: [u64; 2] = [RAM + 0x5000, RAM + 0x3000];
/// The device: as Device memory, and as Normal memory.
const IO: u64 = VA + 0x10_0000;
const IO_NORMAL: u64 = VA + 0x10_1000;
/// Nothing answers here.
const NOWHERE: u64 = VA + 0x10_2000;

const TRANSLATION_2: u32 = 0b000110;
const TRANSLATION_3: u32 = 0b000111;
const PERMISSION_3: u32 = 0b001111;
const ALIGNMENT: u32 = 0b100001;
const EXTERNAL: u32 = 0b010000;
const UNSUPPORTED: u32 = 0b110101;
const WNR: u32 = 1 << 6;
const CM: u32 = 1 << 8;

fn rig() -> Rig {
    let mut rig = Rig::new();
    rig.map(VA, PA[0] | PAGE).map(EDGE, PA[1] | PAGE);
    rig.map(IO, DEVICE | DEVICE_ATTR).map(IO_NORMAL, DEVICE | PAGE).map(NOWHERE, 0x1000_0000 | DEVICE_ATTR);
    rig
}

/// Every byte of the two pages is its distance from `VA`, modulo 251.
fn patterned() -> Rig {
    let rig = rig();
    for (page, pa) in PA.iter().enumerate() {
        let bytes: Vec<u8> = (0..4096).map(|i| pattern(4096 * page as u64 + i)).collect();
        rig.machine.shared.bus.ram().write_bytes(hw::PhysAddr(*pa), &bytes).unwrap();
    }
    rig
}

fn pattern(offset: u64) -> u8 {
    (offset % 251) as u8
}

fn bytes(offset: u64, n: u64) -> u128 {
    (0..n).fold(0, |v, i| v | u128::from(pattern(offset + i)) << (8 * i))
}

#[test]
fn loads_of_every_width_at_every_place() {
    let mut rig = patterned();
    // Twice: the second time the TLB knows both pages.
    for _ in 0..2 {
        for at in (0..40).chain(0x1000 - 40..0x1000 + 8) {
            for size in 0..4 {
                let how = Access::plain(size);
                let seen = rig.cpu.load(VA + at, how).unwrap();
                assert_eq!(u128::from(seen), bytes(at, how.bytes()), "{at:#x}, size {size}");
                let (a, b) = rig.cpu.load2(VA + at, how).unwrap();
                let both = u128::from(a) | u128::from(b) << (8 * how.bytes());
                assert_eq!(both, bytes(at, 2 * how.bytes()), "pair at {at:#x}, size {size}");
            }
            assert_eq!(rig.cpu.load16(VA + at, Access::plain(4)).unwrap(), bytes(at, 16), "{at:#x}, 16 bytes");
        }
    }
}

#[test]
fn stores_of_every_width_at_every_place() {
    const V: u128 = 0x0f1e_2d3c_4b5a_6978_8796_a5b4_c3d2_e1f0;
    type Store = fn(&mut Rig, u64, u32);
    let stores: [(Store, u64); 3] = [
        (|r, va, size| r.cpu.store(va, Access::plain(size), V as u64).unwrap(), 1),
        (|r, va, size| r.cpu.store2(va, Access::plain(size), (V as u64, (V >> (8 << size)) as u64)).unwrap(), 2),
        (|r, va, _| r.cpu.store16(va, Access::plain(4), V).unwrap(), 0),
    ];
    for (store, elements) in stores {
        let mut rig = patterned();
        for at in (8..40).chain(0x1000 - 40..0x1000 + 8) {
            for size in 0..4 {
                let n = if elements == 0 { 16 } else { elements << size };
                store(&mut rig, VA + at, size);
                for i in 0..n + 16 {
                    let at = at + i - 8;
                    let (page, offset) = ((at >> 12) as usize, at & 0xfff);
                    let seen = rig.machine.shared.bus.read(hw::PhysAddr(PA[page] + offset), Byte).unwrap() as u8;
                    let inside = (8..8 + n).contains(&i);
                    let want = if inside { (V >> (8 * (i - 8))) as u8 } else { pattern(at) };
                    assert_eq!(seen, want, "{n} bytes at {at:#x}");
                }
                (0..n).for_each(|i| rig.cpu.store(VA + at + i, Access::plain(0), pattern(at + i).into()).unwrap());
            }
        }
    }
}

/// A faulting access: syndrome, FAR.
#[track_caller]
fn check(rig: &mut Rig, access: impl FnOnce(&mut cpu::Vcpu) -> Result<u64, hw::Leave>, iss: u32, far: u64) {
    let result = access(&mut rig.cpu);
    assert_eq!(outcome(&rig.cpu, result), Fault { iss, far });
}

#[test]
fn an_access_over_two_pages_writes_nothing_if_either_faults() {
    let mut rig = patterned();
    for at in 1..8 {
        let va = HOLE - at;
        check(&mut rig, |c| c.load(va, Access::plain(3)), TRANSLATION_3, HOLE);
        check(&mut rig, |c| c.store(va, Access::plain(3), 0).map(|()| 0), TRANSLATION_3 | WNR, HOLE);
        check(&mut rig, |c| c.store16(va, Access::plain(4), 0).map(|()| 0), TRANSLATION_3 | WNR, HOLE);
        assert_eq!(rig.cpu.load(VA + 0x1ff8, Access::plain(3)).unwrap() as u128, bytes(0x1ff8, 8));
        // The first page is the one that faults.
        check(&mut rig, |c| c.load(VA - at, Access::plain(3)), TRANSLATION_2, VA - at);
    }
    check(&mut rig, |c| c.store2(HOLE - 8, Access::plain(3), (0, 0)).map(|()| 0), TRANSLATION_3 | WNR, HOLE);
    assert_eq!(rig.cpu.load(VA + 0x1ff8, Access::plain(3)).unwrap() as u128, bytes(0x1ff8, 8));
}

#[test]
fn addresses_wrap_at_the_end_of_the_address_space() {
    let mut rig = rig();
    rig.map(!0xfff, PA[0] | PAGE);
    // The lower range starts with a hole; the upper page is there.
    check(&mut rig, |c| c.load(!0, Access::plain(3)), TRANSLATION_2, 0);
    assert_eq!(rig.cpu.load(!7, Access::plain(3)), Ok(0));
}

#[test]
fn sctlr_a_wants_elements_aligned() {
    let mut rig = rig();
    rig.set(|c| c.sys.sctlr[1] |= A);
    check(&mut rig, |c| c.load(VA + 1, Access::plain(1)), ALIGNMENT, VA + 1);
    check(&mut rig, |c| c.store(VA + 4, Access::plain(3), 0).map(|()| 0), ALIGNMENT | WNR, VA + 4);
    check(&mut rig, |c| c.load16(VA + 8, Access::plain(4)).map(|v| v as u64), ALIGNMENT, VA + 8);
    assert_eq!(rig.cpu.load2(VA + 8, Access::plain(3)), Ok((0, 0)));
    // Before anything about the page: it is not even mapped.
    check(&mut rig, |c| c.load(HOLE + 1, Access::plain(3)), ALIGNMENT, HOLE + 1);
}

#[test]
fn ordered_accesses_are_aligned_whatever_sctlr_says() {
    let mut rig = rig();
    for order in [Order::Acquire, Order::AcquirePc] {
        check(&mut rig, |c| c.load(VA + 4, Access::ordered(3, order)), ALIGNMENT, VA + 4);
    }
    check(&mut rig, |c| c.store(VA + 4, Access::ordered(3, Order::Release), 1).map(|()| 0), ALIGNMENT | WNR, VA + 4);
    assert_eq!(rig.cpu.store(VA, Access::ordered(3, Order::Release), 5), Ok(()));
    assert_eq!(rig.cpu.load(VA, Access::ordered(3, Order::Acquire)), Ok(5));
    assert_eq!(rig.cpu.load(VA, Access::ordered(3, Order::AcquirePc)), Ok(5));
}

#[test]
fn devices_see_each_access_once_and_whole() {
    let mut rig = rig();
    let seen = |rig: &Rig| std::mem::take(&mut *rig.machine.probe.seen.lock().unwrap());
    assert_eq!(rig.cpu.load(IO + 0x10, Access::plain(2)), Ok(0x4433_2211));
    assert_eq!(rig.cpu.load(IO + 0x10, Access::plain(0)), Ok(0x11));
    rig.cpu.store(IO + 0x18, Access::plain(1), 0xabcd_1234).unwrap();
    assert_eq!(seen(&rig), [(0x10, Word, None), (0x10, Byte, None), (0x18, Half, Some(0x1234))]);
    rig.cpu.store2(IO + 4, Access::plain(2), (0xffff_ffff_0000_0001, 2)).unwrap();
    assert_eq!(seen(&rig), [(4, Word, Some(1)), (8, Word, Some(2))]);
    rig.cpu.store16(IO + 0x20, Access::plain(4), 3 << 64 | 4).unwrap();
    assert_eq!(seen(&rig), [(0x20, Double, Some(4)), (0x28, Double, Some(3))]);
    // Normal memory may be unaligned; a device then sees aligned parts.
    rig.cpu.store(IO_NORMAL + 3, Access::plain(2), 0x4433_2211).unwrap();
    assert_eq!(seen(&rig), [(3, Byte, Some(0x11)), (4, Half, Some(0x3322)), (6, Byte, Some(0x44))]);
}

#[test]
fn what_devices_do_not_do() {
    let mut rig = rig();
    // Twice: by walk, and by TLB.
    for _ in 0..2 {
        check(&mut rig, |c| c.load(IO + 2, Access::plain(2)), ALIGNMENT, IO + 2);
        check(&mut rig, |c| c.store(IO + 2, Access::plain(2), 0).map(|()| 0), ALIGNMENT | WNR, IO + 2);
        check(&mut rig, |c| c.zero_block(IO + 3).map(|()| 0), ALIGNMENT | WNR, IO + 3);
        for va in [IO, IO_NORMAL] {
            check(&mut rig, |c| c.rmw(Atomic::Add, va, Access::plain(2), 1), UNSUPPORTED, va);
            check(&mut rig, |c| c.cas(va, Access::plain(3), 0, 1).map(|v| v as u64), UNSUPPORTED, va);
            check(&mut rig, |c| c.load_exclusive(va, Access::plain(2)).map(|v| v as u64), UNSUPPORTED, va);
        }
        check(&mut rig, |c| c.load(NOWHERE, Access::plain(2)), EXTERNAL, NOWHERE);
        check(&mut rig, |c| c.store(NOWHERE, Access::plain(2), 0).map(|()| 0), EXTERNAL | WNR, NOWHERE);
        check(&mut rig, |c| c.fetch(IO).map(|pa| pa.0), EXTERNAL, IO);
    }
    assert!(rig.machine.probe.seen.lock().unwrap().is_empty());
}

#[test]
fn atomics_report_the_read_before_the_write() {
    let mut rig = rig();
    rig.map(VA, PA[0] | PAGE | READ_ONLY);
    let add = |c: &mut cpu::Vcpu, va| c.rmw(Atomic::Add, va, Access::plain(3), 1);
    check(&mut rig, |c| add(c, HOLE), TRANSLATION_3, HOLE);
    check(&mut rig, |c| add(c, VA), PERMISSION_3 | WNR, VA);
    check(&mut rig, |c| add(c, EDGE + 4), ALIGNMENT, EDGE + 4);
    check(&mut rig, |c| c.cas(EDGE + 8, Access::plain(4), 0, 0).map(|v| v as u64), ALIGNMENT, EDGE + 8);
    // An exclusive store is only a write.
    check(&mut rig, |c| c.store_exclusive(HOLE, Access::plain(3), 0).map(u64::from), TRANSLATION_3 | WNR, HOLE);
    assert_eq!(add(&mut rig.cpu, EDGE), Ok(0));
    assert_eq!(add(&mut rig.cpu, EDGE), Ok(1));
}

#[test]
fn compare_and_swap_of_every_width() {
    let mut rig = patterned();
    for size in 0..5 {
        let how = Access::plain(size);
        let old = bytes(0x40, how.bytes());
        assert_eq!(rig.cpu.cas(VA + 0x40, how, old ^ 1, 0), Ok(old));
        assert_eq!(rig.cpu.cas(VA + 0x40, how, old, 0x77), Ok(old));
        assert_eq!(rig.cpu.cas(VA + 0x40, how, 0x77, old), Ok(0x77));
    }
}

#[test]
fn exclusives_store_only_what_they_loaded() {
    let mut rig = patterned();
    let how = Access::plain(3);
    let (other, pair) = (VA + 0x80, Access::plain(4));
    let load = |rig: &mut Rig| rig.cpu.load_exclusive(VA, how).unwrap();
    let store = |rig: &mut Rig, va, how, v| rig.cpu.store_exclusive(va, how, v).unwrap();
    assert!(!store(&mut rig, VA, how, 1), "no load before");
    load(&mut rig);
    assert!(!store(&mut rig, other, how, 1), "another address");
    assert!(!store(&mut rig, VA, how, 1), "the failure cleared the monitor");
    load(&mut rig);
    assert!(!store(&mut rig, VA, Access::plain(2), 1), "another width");
    load(&mut rig);
    rig.cpu.store(VA, how, 9).unwrap();
    assert!(!store(&mut rig, VA, how, 1), "memory changed");
    assert_eq!(load(&mut rig), 9);
    assert!(store(&mut rig, VA, how, 1));
    assert_eq!(load(&mut rig), 1);
    // The monitor is of physical memory.
    rig.map(VA + 0x2000, PA[0] | PAGE);
    assert!(store(&mut rig, VA + 0x2000, how, 2));
    let old = rig.cpu.load_exclusive(other, pair).unwrap();
    assert_eq!(old, bytes(0x80, 16));
    assert!(store(&mut rig, other, pair, old << 1));
    assert_eq!(rig.cpu.load16(other, pair), Ok(old << 1));
}

#[test]
fn unprivileged_accesses_are_judged_as_el0_unless_uao() {
    let mut rig = rig();
    rig.map(VA, PA[0] | PAGE | USER);
    let how = Access::unprivileged(3);
    assert_eq!(rig.cpu.load(VA, how), Ok(0));
    check(&mut rig, |c| c.load(EDGE, how), PERMISSION_3, EDGE);
    rig.set(|c| c.regs.pstate.pan = true);
    assert_eq!(rig.cpu.load(VA, how), Ok(0));
    rig.set(|c| c.regs.pstate.uao = true);
    assert_eq!(rig.cpu.load(EDGE, how), Ok(0));
    check(&mut rig, |c| c.load(VA, how), PERMISSION_3, VA);
}

#[test]
fn hardware_marks_pages_accessed_and_dirty() {
    let mut rig = Rig::new();
    let (clean, old) = (PA[0] | PAGE | DBM | READ_ONLY, PA[1] | PAGE & !AF);
    rig.map(VA, clean).map(EDGE, old);
    let slots = [rig.slot(VA, 3), rig.slot(EDGE, 3)];
    check(&mut rig, |c| c.load(EDGE, Access::plain(3)), 0b001011, EDGE);
    check(&mut rig, |c| c.store(VA, Access::plain(3), 1).map(|()| 0), PERMISSION_3 | WNR, VA);
    rig.set(|c| c.sys.tcr[1] |= 1 << 39 | 1 << 40);
    rig.read(VA);
    rig.read(EDGE);
    assert_eq!(slots.map(|s| rig.machine.peek(s)), [clean, old | AF]);
    assert_eq!(rig.write(VA, 1), Value(1));
    assert_eq!(slots.map(|s| rig.machine.peek(s)), [clean & !READ_ONLY, old | AF]);
    // Once clean again, and the TLB told, the next write marks it again.
    rig.map(VA, clean);
    rig.cpu.tlbi(SysReg::new(1, 0, 8, 7, 1), VA >> 12);
    assert_eq!(rig.cpu.cas(VA, Access::plain(3), 1, 2), Ok(1));
    assert_eq!(rig.machine.peek(slots[0]), clean & !READ_ONLY);
}

#[test]
fn zeroing_a_block() {
    let mut rig = patterned();
    for _ in 0..2 {
        assert_eq!(rig.cpu.zero_block(VA + 0x7f), Ok(()));
        assert_eq!(rig.cpu.load(VA + 0x38, Access::plain(3)).unwrap() as u128, bytes(0x38, 8));
        assert!((0..8).all(|i| rig.cpu.load(VA + 0x40 + 8 * i, Access::plain(3)) == Ok(0)));
        assert_eq!(rig.cpu.load(VA + 0x80, Access::plain(3)).unwrap() as u128, bytes(0x80, 8));
        rig.cpu.store(VA + 0x40, Access::plain(3), 1).unwrap();
    }
    check(&mut rig, |c| c.zero_block(HOLE + 9).map(|()| 0), TRANSLATION_3 | WNR, HOLE + 9);
}

#[test]
fn cache_maintenance_checks_the_translation() {
    let mut rig = rig();
    rig.map(VA, PA[0] | PAGE | USER);
    assert_eq!(rig.cpu.probe_maintenance(VA + 5), Ok(Some(hw::PhysAddr(PA[0] + 5))));
    assert_eq!(rig.cpu.probe_maintenance(IO), Ok(None));
    rig.set(|c| c.regs.pstate.pan = true);
    assert_eq!(rig.cpu.probe_maintenance(VA), Ok(Some(hw::PhysAddr(PA[0]))));
    let probe = |c: &mut cpu::Vcpu, va| c.probe_maintenance(va).map(|_| 0);
    check(&mut rig, |c| probe(c, HOLE), TRANSLATION_3 | WNR | CM, HOLE);
    rig.el(0);
    assert_eq!(rig.cpu.probe_maintenance(VA), Ok(Some(hw::PhysAddr(PA[0]))));
    check(&mut rig, |c| probe(c, EDGE), PERMISSION_3 | WNR | CM, EDGE);
}

#[test]
fn with_stage_1_off_data_is_device_memory() {
    let mut rig = Rig::new();
    rig.set(|c| c.sys.sctlr[1] &= !M);
    assert_eq!(rig.write(RAM + 8, 3), Value(3));
    assert_eq!(rig.fetch(RAM + 8), Value(RAM + 8));
    check(&mut rig, |c| c.load(RAM + 1, Access::plain(3)), ALIGNMENT, RAM + 1);
    check(&mut rig, |c| c.load(1 << 48, Access::plain(3)), 0, 1 << 48);
    check(&mut rig, |c| c.load(0, Access::plain(3)), EXTERNAL, 0);
    // Locks work before the MMU does.
    assert_eq!(rig.cpu.load_exclusive(RAM + 8, Access::plain(3)), Ok(3));
    assert_eq!(rig.cpu.store_exclusive(RAM + 8, Access::plain(3), 4), Ok(true));
    assert_eq!(rig.cpu.rmw(Atomic::Add, RAM + 8, Access::plain(3), 1), Ok(4));
}

#[test]
fn misaligned_pcs_are_not_translated() {
    let mut rig = rig();
    let leave = rig.cpu.fetch(VA + 2).unwrap_err();
    assert_eq!((leave, rig.cpu.exception.class), (hw::Leave::Exception, 0x22));
}
