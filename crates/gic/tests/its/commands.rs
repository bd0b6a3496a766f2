//! Every command: its effect, and each of its checks by error code (section 14).

use crate::rig::*;
use hw::IntId;

#[test]
fn chk_14_movi() {
    let mut rig = Rig::mapped(2, Options::default());
    rig.send(1, 0);
    rig.ok(&[movi(1, 0, 1), sync(0), sync(1)]);
    assert!(!rig.pending(0, 8192) && !rig.irq(0), "the pending state moves");
    assert_eq!(rig.taken(1), [8192]);
    rig.send(1, 0);
    assert_eq!((rig.taken(0), rig.taken(1)), (vec![], vec![8192]));
    assert_eq!(rig.command(movi(1, 0x1_0000, 0)), Some(0x010105));
    assert_eq!(rig.command(movi(9000, 0, 0)), Some(0x010101));
    assert_eq!(rig.command(movi(2, 0, 0)), Some(0x010104));
    assert_eq!(rig.command(movi(1, 32, 0)), Some(0x010105));
    rig.ok(&[discard(1, 2)]);
    assert_eq!(rig.command(movi(1, 2, 0)), Some(0x010107));
    assert_eq!(rig.command(movi(1, 0, 5)), Some(0x010109));
}

#[test]
fn chk_14_movi_with_lpis_off_at_one_side() {
    let mut rig = Rig::mapped(2, Options::default());
    rig.r(1, 0, 0);
    rig.send(1, 0);
    rig.ok(&[movi(1, 0, 1)]);
    assert!(!rig.pending(0, 8192));
    rig.r(1, 0, 1);
    assert_eq!(rig.taken(1), [0; 0]);
}

#[test]
fn chk_14_int() {
    let mut rig = Rig::mapped(1, Options::default());
    rig.config(8193, 0xa0);
    rig.ok(&[inv(1, 1), int(1, 0), int(1, 1)]);
    assert!(rig.pending(0, 8193), "not enabled, but a message");
    assert_eq!(rig.taken(0), [8192]);
    rig.ok(&[discard(1, 2)]);
    assert_eq!(rig.command(int(1, 2)), Some(0x010307));
    assert_eq!(rig.command(int(2, 2)), Some(0x010304));
    rig.ok(&[unmapc(0)]);
    assert_eq!(rig.command(int(1, 0)), Some(0x010309));
}

#[test]
fn chk_14_clear() {
    let rig = Rig::mapped(1, Options::default());
    rig.send(1, 0);
    rig.ok(&[clear(1, 0)]);
    assert!(!rig.irq(0) && !rig.pending(0, 8192));
    rig.ok(&[clear(1, 0), discard(1, 0)]);
    assert_eq!(rig.command(clear(1, 0)), Some(0x010507));
}

#[test]
fn chk_14_mapd() {
    let mut rig = Rig::mapped(1, Options::default());
    assert_eq!(rig.word(DEVICES + 8), 1 << 63 | itt(1) >> 8 << 5 | 4);
    assert_eq!(rig.command(mapd(8192, 5)), Some(0x010801), "beyond the table");
    assert_eq!(rig.command(mapd(0x1_0000, 5)), Some(0x010801));
    assert_eq!(rig.command(mapd(3, 17)), Some(0x010802));
    assert_eq!(rig.command(unmapd(9000)), Some(0x010801));
    rig.ok(&[mapd(3, 16), unmapd(1)]);
    rig.send(1, 0);
    assert_eq!((rig.taken(0).len(), rig.syndrome()), (0, Some(0b0011)), "not from the cache either");
    // With another table of events.
    rig.ok(&[mapd(1, 1), mapti(1, 1, 8200, 0)]);
    rig.send(1, 1);
    rig.send(1, 2);
    assert_eq!(rig.taken(0), [8200]);
}

#[test]
fn chk_14_mapc() {
    let mut rig = Rig::mapped(2, Options::default());
    assert_eq!((rig.word(COLLECTIONS), rig.word(COLLECTIONS + 8)), (1 << 63, 1 << 63 | 1 << 16 | 1));
    rig.send(1, 3);
    rig.ok(&[mapc(0, 1)]);
    assert!(rig.pending(0, 8195), "what is pending stays");
    rig.send(1, 4);
    assert_eq!((rig.taken(0), rig.taken(1)), (vec![8195], vec![8196]));
    assert_eq!(rig.command(mapc(0, 2)), Some(0x010902));
    assert_eq!(rig.command(mapc(512, 0)), Some(0x010903), "4 KiB hold 512");
    assert_eq!(rig.command(unmapc(512)), Some(0x010903));
    rig.ok(&[unmapc(0)]);
    assert_eq!(rig.word(COLLECTIONS), 1 << 63 | 1 << 16 | 1, "the list has no holes");
    assert_eq!(rig.word(COLLECTIONS + 8), 0);
    rig.send(1, 4);
    assert_eq!(rig.taken(1), [0; 0]);
    rig.ok(&[unmapc(0), mapc(0, 0)]);
    rig.send(1, 4);
    assert_eq!(rig.taken(0), [8196]);
}

#[test]
fn chk_14_mapc_until_the_table_is_full() {
    let rig = Rig::new(1);
    (0..512).rev().for_each(|icid| rig.ok(&[mapc(icid, 0)]));
    assert_eq!(rig.word(COLLECTIONS + 511 * 8), 1 << 63);
    rig.ok(&[unmapc(300), mapc(300, 0)]);
    let mut icids: Vec<_> = (0..512).map(|n| rig.word(COLLECTIONS + 8 * n) & 0xffff).collect();
    icids.sort();
    assert_eq!(icids, (0..512).collect::<Vec<_>>());
}

#[test]
fn chk_14_mapti_and_mapi() {
    let mut rig = Rig::mapped(1, Options::default());
    assert_eq!(rig.word(itt(1) + 3 * 8), 8195 << 16);
    assert_eq!(rig.command(mapti(9000, 0, 8192, 0)), Some(0x010a01));
    assert_eq!(rig.command(mapti(2, 0, 8192, 0)), Some(0x010a04));
    assert_eq!(rig.command(mapti(1, 32, 8192, 0)), Some(0x010a05));
    assert_eq!(rig.command(mapti(1, 0, 8191, 0)), Some(0x010a06));
    assert_eq!(rig.command(mapti(1, 0, 65536, 0)), Some(0x010a06));
    assert_eq!(rig.command(mapti(1, 0, 8192, 512)), Some(0x010a03));
    rig.ok(&[mapd(5, 14)]);
    assert_eq!(rig.command(mapi(5, 8191, 0)), Some(0x010b06));
    assert_eq!(rig.command(mapi(5, 16384, 0)), Some(0x010b05));
    rig.config(8222, 0x91);
    rig.ok(&[mapi(5, 8222, 0)]);
    rig.send(5, 8222);
    assert_eq!(rig.taken(0), [8222], "mapped after its byte was written: no INV");
    rig.ok(&[mapti(1, 0, 8222, 0)]);
    rig.send(1, 0);
    assert_eq!(rig.taken(0), [8222], "mapped anew");
}

#[test]
fn chk_14_4_an_intid_beyond_the_redistributors() {
    let rig = Rig::off(1, Options::default());
    rig.lpi_tables(0, 13);
    rig.r(0, 0, 1);
    rig.w(0x100, 1 << 63 | DEVICES | 2 << 8);
    rig.w(0x108, 1 << 63 | COLLECTIONS);
    rig.w(0x80, 1 << 63 | QUEUE);
    rig.ctlr(1);
    rig.ok(&[mapd(1, 5), mapc(0, 0), mapti(1, 0, 16383, 0)]);
    assert_eq!(rig.command(mapti(1, 1, 16384, 0)), Some(0x010a06));
    rig.ok(&[mapti(1, 1, 16384, 1)]);
}

#[test]
fn chk_14_inv_and_invall() {
    let rig = Rig::mapped(2, Options::default());
    rig.send(1, 0);
    rig.config(8192, 0xa0);
    rig.config(8193, 0xa0);
    rig.ok(&[inv(1, 0)]);
    assert!(!rig.irq(0));
    rig.send(1, 1);
    assert!(rig.irq(0));
    rig.ok(&[invall(0)]);
    assert!(!rig.irq(0));
    rig.config(8192, 0x41);
    rig.ok(&[invall(1)]);
    assert!(!rig.irq(0), "another redistributor");
    rig.ok(&[invall(0)]);
    assert_eq!(rig.pes[0].hppir1(), 8192);
    assert_eq!(rig.command(invall(7)), Some(0x010d09));
    rig.ok(&[discard(1, 9)]);
    assert_eq!(rig.command(inv(1, 9)), Some(0x010c07));
}

#[test]
fn chk_14_movall_merges() {
    let mut rig = Rig::mapped(2, Options::default());
    rig.pes.iter_mut().for_each(|pe| pe.set_pmr(0));
    rig.ok(&[movi(1, 9, 1)]);
    [3, 4, 9].iter().for_each(|event| rig.send(1, *event));
    rig.config(8196, 0xa0);
    rig.ok(&[mapc(0, 1), movall(0, 1), sync(0), sync(1)]);
    rig.pes.iter_mut().for_each(|pe| pe.set_pmr(0xf8));
    assert_eq!((rig.taken(0), rig.taken(1)), (vec![], vec![8195, 8201]));
    assert!(rig.pending(1, 8196), "with the configuration there is");
    assert!(!rig.pending(0, 8196));
    rig.ok(&[movall(1, 1)]);
    assert!(rig.pending(1, 8196));
    assert_eq!(rig.command(movall(2, 0)), Some(0x010e01));
    assert_eq!(rig.command(movall(0, 0xf_ffff_ffff)), Some(0x010e01));
}

#[test]
fn chk_14_discard() {
    let mut rig = Rig::mapped(1, Options::default());
    rig.send(1, 0);
    rig.ok(&[discard(1, 0), sync(0)]);
    assert!(!rig.irq(0) && !rig.pending(0, 8192));
    rig.send(1, 0);
    assert_eq!(rig.taken(0), [0; 0]);
    assert_eq!(rig.command(discard(1, 0)), Some(0x010f07));
    assert_eq!(rig.word(itt(1)), 0);
}

#[test]
fn chk_14_unknown_commands() {
    let rig = Rig::mapped(1, Options::default());
    for op in [0, 2, 6, 7, 0x10, 0x20, 0x21, 0x22, 0x23, 0x25, 0x29, 0x2a, 0x2b, 0x2d, 0x2e, 0xff] {
        assert_eq!(rig.command([op, 0, 0, 0]), Some(0x01_0000 | (op as u32) << 8));
        assert_eq!(rig.its.failed_commands().last().unwrap().error.fault, armagic_gic::Fault::Unknown);
        if rig.its.failed_commands().len() > 14 {
            break;
        }
    }
    assert_eq!(rig.command(sync(77)), None, "SYNC has no error");
}

#[test]
fn chk_14_1_two_level_device_table() {
    let mut rig = Rig::off(1, Options::default());
    rig.gicd.write(0, hw::AccessSize::Word, 3);
    rig.r(0, 0x14, 0);
    rig.lpi_tables(0, 15);
    rig.config(8192, 0xa1);
    rig.r(0, 0, 1);
    rig.pes[0].set_pmr(0xf8);
    rig.pes[0].set_igrpen1(1);
    // One page of 4 KiB at the first level; pages of 512 devices at the second.
    rig.w(0x100, 0b11 << 62 | DEVICES);
    rig.w(0x108, 1 << 63 | COLLECTIONS);
    rig.w(0x80, 1 << 63 | QUEUE);
    rig.ctlr(1);
    assert_eq!(rig.command(mapd(600, 5)), Some(0x010801), "no page");
    rig.send(600, 0);
    assert_eq!(rig.syndrome(), Some(0b0011));
    rig.set_word(DEVICES + 8, 1 << 63 | (DEVICES + 0x4000));
    rig.ok(&[mapc(0, 0), mapd(600, 5), mapti(600, 3, 8192, 0)]);
    assert_eq!(rig.word(DEVICES + 0x4000 + 88 * 8) >> 63, 1);
    rig.send(600, 3);
    assert_eq!(rig.taken(0), [8192]);
    rig.set_word(DEVICES + 16, 1 << 63 | 0xf_ffff_ffff_f000);
    rig.send(1100, 0);
    assert_eq!(rig.syndrome(), None, "no memory there");
    assert_eq!(rig.command(mapd(1100, 5)), Some(0x010800));
}

#[test]
fn chk_14_2_events_beyond_the_devices() {
    let rig = Rig::mapped(1, Options::default());
    rig.ok(&[mapd(2, 1)]);
    assert_eq!(rig.command(mapti(2, 2, 8192, 0)), Some(0x010a05));
    rig.ok(&[mapti(2, 1, 8192, 0)]);
}

#[test]
fn chk_14_7_commands_see_what_came_before() {
    let mut rig = Rig::new(2);
    (0..4).for_each(|n| rig.config(8192 + n, 0xa1));
    rig.commands(&[
        mapd(1, 2),
        mapc(0, 0),
        mapc(1, 1),
        mapti(1, 0, 8192, 0),
        int(1, 0),
        movi(1, 0, 1),
        mapti(1, 1, 8193, 1),
        int(1, 1),
        discard(1, 1),
        sync(1),
    ]);
    assert_eq!((rig.taken(0), rig.taken(1)), (vec![], vec![8192]));
    assert!(rig.gic.describe_lpi(1, IntId(8193)).is_some_and(|view| !view.pending));
}
