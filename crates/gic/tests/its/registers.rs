//! ITS registers, the command queue and messages (section 5).

use crate::rig::*;
use hw::AccessSize;

#[test]
fn identification() {
    let rig = Rig::off(1, Options::default());
    assert_eq!(rig.rd(8), 0x1000_0001_ef71, "16 bits of DeviceID and EventID, 8 bytes, UMSI");
    assert_eq!(rig.gits.read(0xffe8, AccessSize::Word) >> 4 & 0xf, 3);
    assert_eq!(rig.read_ctlr(), 1 << 31, "Quiescent");
    assert_eq!(armagic_gic::Its::register_name(0x10c), Some("BASER"));
}

#[test]
fn chk_5_1_table_types() {
    let rig = Rig::off(1, Options::default());
    let types: Vec<_> = (0..8).map(|n| rig.rd(0x100 + 8 * n) >> 48).collect();
    assert_eq!(types, [0x1907, 0x1c07, 0, 0, 0, 0, 0, 0]);
    for n in 0..8 {
        rig.w(0x100 + 8 * n, u64::MAX);
    }
    assert_eq!(rig.rd(0x100), 0xf9e7_ffff_ffff_ffff);
    assert_eq!(rig.rd(0x108), 0xbce7_ffff_ffff_ffff, "one level");
    assert_eq!(rig.rd(0x110), 0);
}

#[test]
fn chk_5_2_frozen_while_enabled() {
    let rig = Rig::new(1);
    let before = [0x80, 0x100, 0x108].map(|offset| rig.rd(offset));
    [0x80, 0x100, 0x108].iter().for_each(|offset| rig.w(*offset, 0));
    assert_eq!([0x80, 0x100, 0x108].map(|offset| rig.rd(offset)), before);
    rig.ctlr(0);
    [0x80, 0x100, 0x108].iter().for_each(|offset| rig.w(*offset, 0));
    assert_eq!([0x80, 0x100, 0x108].map(|offset| rig.rd(offset) & 1 << 63), [0; 3]);
}

#[test]
fn strict_reports_what_is_unpredictable() {
    let rig = Rig::with(2, Options { strict: true, ..Options::default() });
    let reported = || rig.gic.reports().into_iter().map(|report| report.register).collect::<Vec<_>>();
    assert_eq!(reported(), [""; 0], "setting it up is no mistake");
    [0x80, 0x100].iter().for_each(|offset| rig.w(*offset, 0));
    rig.r64(0, 0x70, 0);
    rig.w(0x88, 0xf_0000);
    assert_eq!(reported(), ["GICR_PROPBASER", "GITS_BASER", "GITS_CBASER", "GITS_CWRITER"]);
    rig.ctlr(0);
    rig.w(0x80, 1 << 63 | QUEUE | 0x1000);
    rig.r(1, 0, 0);
    rig.r64(1, 0x70, CONFIG | 14);
    rig.r(1, 0, 1);
    assert_eq!(reported(), ["GICR_PROPBASER", "GITS_CBASER"]);
    rig.w(0x80, 1 << 63 | QUEUE);
    rig.w(0x88, 0);
    rig.ctlr(1);
    rig.r(1, 0, 0);
    rig.commands(&[mapd(1, 4), mapc(0, 0), mapc(1, 1), mapti(1, 0, 8200, 0), movi(1, 0, 1)]);
    assert_eq!(reported(), ["MOVI"]);
}

#[test]
fn chk_2_2_halves_of_its_registers() {
    let rig = Rig::off(1, Options::default());
    rig.gits.write(0x104, AccessSize::Word, 0x8000_0000);
    rig.gits.write(0x100, AccessSize::Word, 0x1234_5001);
    assert_eq!(rig.rd(0x100), 0x8107_0000_1234_5001);
    rig.gits.write(0x104, AccessSize::Word, 0);
    assert_eq!(rig.gits.read(0x100, AccessSize::Word), 0x1234_5001);
    rig.gits.write(0x84, AccessSize::Word, 0x8000_0000);
    rig.gits.write(0x80, AccessSize::Word, QUEUE | 0xf000);
    assert_eq!(rig.rd(0x80), 1 << 63 | QUEUE, "[15:12] are zero");
    rig.gits.write(0x88, AccessSize::Word, 0x40);
    rig.gits.write(0x8c, AccessSize::Word, 0xffff_ffff);
    assert_eq!(rig.rd(0x88), 0x40);
}

#[test]
fn chk_5_3_no_table_no_translation() {
    let rig = Rig::mapped(1, Options::default());
    rig.ctlr(0);
    rig.w(0x100, DEVICES);
    rig.ctlr(1);
    rig.send(1, 0);
    assert_eq!((rig.irq(0), rig.syndrome()), (false, None));
    rig.ctlr(0);
    rig.w(0x100, 1 << 63 | DEVICES | 2 << 8);
    rig.w(0x108, COLLECTIONS);
    rig.ctlr(1);
    rig.send(1, 0);
    assert_eq!((rig.irq(0), rig.syndrome()), (false, Some(0b0111)));
}

#[test]
fn chk_5_4_the_queue_wraps_and_cbaser_zeroes_creadr() {
    let rig = Rig::mapped(1, Options::default());
    for n in 0..1000u64 {
        rig.ok(&[sync(0)]);
        assert_eq!(rig.rd(0x90), rig.rd(0x88), "{n}");
    }
    // Once round but one: full.
    let full = vec![clear(1, 0); 127];
    rig.send(1, 0);
    rig.commands(&full);
    assert!(!rig.pending(0, 8192) && rig.rd(0x90) == rig.rd(0x88));
    rig.ctlr(0);
    rig.w(0x80, 1 << 63 | QUEUE);
    assert_eq!(rig.rd(0x90), 0);
}

#[test]
fn chk_5_5_cwriter_outside_the_queue() {
    let rig = Rig::mapped(1, Options::default());
    let before = rig.rd(0x90);
    rig.w(0x88, 0x1000);
    assert_eq!((rig.rd(0x90), rig.rd(0x88)), (before, 0x1000));
    rig.w(0x88, before);
    rig.ok(&[int(1, 0)]);
    assert!(rig.irq(0));
}

#[test]
fn chk_5_6_stall_and_retry() {
    let rig = Rig::with(1, Options { on_error: armagic_gic::OnError::Stall, ..Options::default() });
    rig.config(8192, 0xa1);
    rig.commands(&[mapd(1, 5), mapti(2, 0, 8192, 0), mapc(0, 0), mapti(1, 0, 8192, 0), inv(1, 0), int(1, 0)]);
    assert_eq!(rig.rd(0x90), 32 | 1, "at the command, Stalled");
    assert_eq!(rig.its.failed_commands().last().unwrap().error.code, 0x010a04);
    rig.w(0x88, rig.rd(0x88));
    assert_eq!((rig.rd(0x90), rig.its.failed_commands().len()), (33, 1), "without Retry nothing happens");
    rig.w(0x88, rig.rd(0x88) | 1);
    assert_eq!((rig.rd(0x90), rig.its.failed_commands().len()), (33, 2));
    let [a, b, ..] = mapti(1, 1, 8192, 0);
    rig.set_word(QUEUE + 32, a);
    rig.set_word(QUEUE + 40, b);
    rig.w(0x88, rig.rd(0x88) | 1);
    assert_eq!((rig.rd(0x90), rig.rd(0x88)), (6 * 32, 6 * 32));
    assert!(rig.irq(0));
}

#[test]
fn chk_5_6_skip() {
    let rig = Rig::new(1);
    rig.config(8192, 0xa1);
    rig.commands(&[mapd(1, 5), mapti(2, 0, 8192, 0), mapc(0, 0), mapti(1, 0, 8192, 0), inv(1, 0), int(1, 0)]);
    assert_eq!((rig.rd(0x90), rig.irq(0)), (6 * 32, true));
}

#[test]
fn chk_5_7_unmapped_messages_are_reported() {
    let rig = Rig::mapped(1, Options::default());
    let check = |device, event, syndrome| {
        rig.send(device, event);
        assert_eq!(rig.rd(0x48), u64::from(device) << 32 | u64::from(event));
        assert_eq!(rig.syndrome(), Some(syndrome), "{device} {event}");
    };
    check(8192, 0, 0b0010);
    check(0x1_0001, 0, 0b0010);
    check(2, 0, 0b0011);
    check(1, 32, 0b0100);
    check(1, 0x1_0000, 0b0100);
    rig.ok(&[discard(1, 7)]);
    check(1, 7, 0b0101);
    rig.ok(&[unmapc(0)]);
    check(1, 3, 0b0111);
    rig.ok(&[mapc(0, 0)]);
    rig.command(int(9, 9));
    assert_eq!(rig.syndrome(), Some(0b0011), "INT too");
    rig.send(1, 3);
    assert_eq!(rig.syndrome(), None);
    assert!(rig.irq(0));
}

#[test]
fn where_a_message_would_go() {
    let rig = Rig::mapped(2, Options::default());
    rig.ok(&[movi(1, 4, 1)]);
    assert_eq!(rig.its.route(1, 4), Ok((1, hw::IntId(8196))));
    let words = |device, event| rig.its.route(device, event).unwrap_err().to_string();
    assert_eq!(words(2, 0), "the device is unmapped");
    assert_eq!(words(1, 32), "the EventID is out of the device's range");
    rig.ctlr(0);
    assert_eq!(words(1, 4), "the ITS is disabled or has no device table");
    assert_eq!((rig.syndrome(), rig.pending(1, 8196)), (None, false));
}

#[test]
fn chk_5_7_overflow() {
    let rig = Rig::mapped(1, Options::default());
    rig.send(2, 5);
    rig.send(1, 99);
    let status = || rig.gits.read(0x40, AccessSize::Word);
    assert_eq!((status(), rig.rd(0x48)), (0b11 << 4 | 0b0011 << 6, 2 << 32 | 5), "the first");
    rig.gits.write(0x40, AccessSize::Word, 1 << 5);
    assert_eq!(status(), 1 << 4 | 0b0011 << 6);
    rig.gits.write(0x40, AccessSize::Word, 1 << 4);
    assert_eq!(status(), 0);
    rig.ctlr(0);
    rig.send(2, 5);
    assert_eq!(status(), 0, "not while disabled");
}

#[test]
fn chk_5_7_statusr_of_accesses() {
    let rig = Rig::off(1, Options::default());
    let status = || {
        let status = rig.gits.read(0x40, AccessSize::Word);
        rig.gits.write(0x40, AccessSize::Word, 0xf);
        status
    };
    rig.gits.read(0x200, AccessSize::Word);
    assert_eq!(status(), 1);
    rig.gits.write(0x200, AccessSize::Word, 0);
    assert_eq!(status(), 2);
    rig.gits.read(0x10040, AccessSize::Word);
    assert_eq!(status(), 4);
    rig.gits.write(0x90, AccessSize::Double, 0);
    assert_eq!(status(), 8);
    rig.gits.write(0x104, AccessSize::Double, 0);
    assert_eq!(status(), 2, "unaligned");
}

#[test]
fn chk_5_8_translater_takes_16_and_32_bits() {
    let mut rig = Rig::mapped(1, Options::default());
    let frames = rig.its.frames(1);
    frames.write(0x10040, AccessSize::Word, 4);
    frames.write(0x10040, AccessSize::Half, 0xffff_0005);
    frames.write(0x10040, AccessSize::Byte, 6);
    frames.write(0x10040, AccessSize::Double, 7);
    frames.write(0x10040, AccessSize::Word, 0x1_0008);
    assert_eq!(rig.taken(0), [8196, 8197]);
}

#[test]
fn chk_5_9_quiescent() {
    let rig = Rig::new(1);
    assert_eq!(rig.read_ctlr(), 1);
    rig.ctlr(0);
    assert_eq!(rig.read_ctlr(), 1 << 31);
}

#[test]
fn chk_5_10_disabled_and_enabled_again() {
    let mut rig = Rig::mapped(2, Options::default());
    rig.ok(&[movi(1, 1, 1)]);
    rig.ctlr(0);
    rig.send(1, 0);
    assert!(!rig.irq(0));
    rig.ctlr(1);
    rig.send(1, 0);
    rig.send(1, 1);
    assert_eq!((rig.taken(0), rig.taken(1)), (vec![8192], vec![8193]), "the tables are in memory");
}

#[test]
fn chk_5_11_no_collections_of_its_own() {
    let rig = Rig::off(1, Options::default());
    assert_eq!((rig.rd(8) >> 24 & 0xff, rig.rd(8) >> 36 & 1), (0, 0));
}

#[test]
fn host_accesses() {
    let rig = Rig::mapped(1, Options::default());
    assert_eq!(rig.its.raw_read(0x90), Some(rig.rd(0x90)));
    assert_eq!((rig.its.raw_read(0x94), rig.its.raw_read(0x10040)), (None, None));
    assert!(rig.its.raw_write(0x90, 0x20));
    assert_ne!(rig.rd(0x90), 0x20, "not while enabled");
    rig.ctlr(0);
    assert!(rig.its.raw_write(0x90, 0x20));
    assert_eq!(rig.rd(0x90), 0x20);
    assert!(!rig.its.raw_write(8, 0));
}

#[test]
fn collections_that_another_has_saved() {
    let mut rig = Rig::mapped(1, Options::default());
    rig.ctlr(0);
    let unmapped = 1 << 63 | 0xffff_ffff << 16 | 4;
    for (n, entry) in [unmapped, 1 << 63 | 9, 1 << 63 | 9, 1 << 63, 0, 1 << 63 | 8].into_iter().enumerate() {
        rig.set_word(COLLECTIONS + 8 * n as u64, entry);
    }
    rig.ctlr(1);
    assert_eq!([0, 8, 16].map(|at| rig.word(COLLECTIONS + at)), [1 << 63 | 9, 1 << 63, 0]);
    rig.send(1, 0);
    assert_eq!(rig.taken(0), [8192]);
    rig.ok(&[unmapc(9)]);
    assert_eq!([0, 8].map(|at| rig.word(COLLECTIONS + at)), [1 << 63, 0]);
}

#[test]
fn two_itses_share_the_redistributors() {
    let mut rig = Rig::mapped(2, Options::default());
    let other = armagic_gic::Its::new(rig.gic.clone(), Default::default());
    let frames = other.frames(3);
    // Its own tables and queue, behind the first's.
    let at = |place: u64| place + 0x5_0000;
    frames.write(0x100, AccessSize::Double, 1 << 63 | at(DEVICES));
    frames.write(0x108, AccessSize::Double, 1 << 63 | at(COLLECTIONS));
    frames.write(0x80, AccessSize::Double, 1 << 63 | at(QUEUE));
    frames.write(0, AccessSize::Word, 1);
    let commands = [mapc(0, 1), mapd(3, 5), mapti(3, 7, 8192, 0)];
    for (n, word) in commands.iter().flatten().enumerate() {
        rig.set_word(at(QUEUE) + 8 * n as u64, *word);
    }
    frames.write(0x88, AccessSize::Double, 96);
    assert_eq!(other.failed_commands(), []);
    frames.write(0x10040, AccessSize::Word, 7);
    rig.send(1, 1);
    rig.send(3, 7);
    assert_eq!((rig.taken(0), rig.taken(1)), (vec![8193], vec![8192]));
    assert_eq!(rig.syndrome(), Some(0b0011), "device 3 is the other's");
    assert_eq!(frames.read(0x40, AccessSize::Word), 0);
}

/// UMSIirq and SEIS: a line while there is a report, a pulse at each error of a command.
#[test]
fn chk_5_7_unmapped_messages_and_errors_can_interrupt() {
    use armagic_gic::{Its, ItsSpec};
    use hw::IntId;
    let rig = Rig::mapped(1, Options::default());
    rig.gicd.write(0xc08, AccessSize::Word, 0b10 << 16);
    let line = |id| Some(rig.gic.spi_line(IntId(id)));
    let its = Its::new(rig.gic.clone(), ItsSpec { umsi: line(39), system_error: line(40), ..ItsSpec::default() });
    let frames = its.frames(0);
    let write = |at, value| frames.write(at, AccessSize::Double, value);
    let typer = frames.read(8, AccessSize::Double);
    assert_eq!((typer >> 18 & 1, typer >> 45 & 1), (1, 1));
    assert_eq!(rig.gits.read(8, AccessSize::Double) & (1 << 18 | 1 << 45), 0);
    write(0x80, 1 << 63 | QUEUE);
    write(0x100, 1 << 63 | DEVICES);
    write(0x108, 1 << 63 | COLLECTIONS);
    frames.write(0, AccessSize::Word, 1);
    let state = |id| {
        let view = rig.gic.describe(0, IntId(id)).unwrap();
        (view.line, view.pending)
    };
    its.write(77, 0);
    assert_eq!(state(39), (false, false), "UMSIirq is 0");
    frames.write(0, AccessSize::Word, 1 << 8 | 1);
    assert_eq!((state(39), frames.read(0, AccessSize::Word)), ((true, true), 1 << 8 | 1));
    frames.write(0x40, AccessSize::Word, 1 << 4);
    assert_eq!(state(39), (false, false));
    its.write(77, 0);
    assert!(state(39).0);
    rig.set_word(QUEUE, 0xff);
    write(0x88, 32);
    assert_eq!(state(40), (false, true), "a pulse, of which an edge is left");
    assert_eq!(its.failed_commands().len(), 1);
    its.reset();
    assert_eq!((state(39), frames.read(0, AccessSize::Word)), ((false, false), 1 << 31));
}
