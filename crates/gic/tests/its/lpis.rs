//! LPIs at a redistributor and a CPU interface (sections 1, 4.1, 7, 10 and 13).

use crate::rig::*;
use armagic_gic::LpiCache;
use hw::{AccessSize, IntId};

const NO_CACHE: Options = Options {
    cache: LpiCache::None,
    direct: false,
    on_error: armagic_gic::OnError::Skip,
    two_states: false,
    strict: false,
};

fn direct(pes: usize) -> Rig {
    let rig = Rig::with(pes, Options { direct: true, ..Options::default() });
    (0..64).for_each(|n| rig.config(8192 + n, 0xa1));
    (0..pes).for_each(|pe| rig.r64(pe, 0xb0, 0));
    rig
}

#[test]
fn an_lpi_goes_all_the_way() {
    let mut rig = Rig::mapped(1, Options::default());
    rig.posted(0);
    rig.send(1, 3);
    assert!(rig.posted(0) && rig.irq(0));
    assert_eq!(rig.pes[0].hppir1(), 8195);
    assert_eq!(rig.pes[0].iar1(), 8195);
    assert_eq!((rig.irq(0), rig.pes[0].rpr()), (false, 0xa0));
    rig.pes[0].set_eoir1(8195);
    assert_eq!((rig.irq(0), rig.pes[0].rpr(), rig.pes[0].iar1()), (false, 0xff, NONE));
}

#[test]
fn chk_1_3_the_distributor_says_that_there_are_lpis() {
    let rig = Rig::off(1, Options::default());
    let typer = rig.gicd.read(4, AccessSize::Word);
    assert_eq!((typer >> 17 & 1, typer >> 19 & 0x1f, typer >> 11 & 0x1f), (1, 15, 0));
    assert_eq!((rig.rr(0, 8) & 0b1001, rig.rr(0, 0) & 0b111), (0b0001, 0b110), "PLPIS, not DirectLPI; IR and CES");
    let rig = Rig::off(1, Options { direct: true, ..Options::default() });
    assert_eq!(rig.rr(0, 8) & 0b1001, 0b1001);
}

#[test]
fn chk_2_2_halves_and_zero_extension() {
    let mut rig = direct(1);
    rig.r(0, 0, 0);
    rig.r64(0, 0x70, 0xffff_ffff_ffff_ffff);
    assert_eq!(rig.rr64(0, 0x70), 0x070f_ffff_ffff_ff9f);
    rig.r(0, 0x74, 0);
    assert_eq!(rig.rr64(0, 0x70), 0xffff_ff9f);
    rig.r(0, 0x70, 0);
    assert_eq!(rig.rr64(0, 0x70), 0);
    rig.lpi_tables(0, 15);
    rig.r(0, 0, 1);
    rig.r(0, 0x44, 8192);
    assert_eq!(rig.taken(0), [0; 0], "the upper half is not the INTID");
    rig.r(0, 0x40, 8193);
    assert_eq!(rig.taken(0), [8193]);
}

#[test]
fn chk_4_1_1_direct_set_and_clear() {
    let mut rig = direct(2);
    for intid in [0, 32, 8191, 65536, 0xffff_ffff] {
        rig.r64(1, 0x40, intid);
    }
    assert!(!rig.irq(1));
    rig.r64(1, 0x40, 8200);
    assert!(rig.irq(1) && !rig.irq(0));
    rig.r64(1, 0x48, 8200);
    assert!(!rig.irq(1) && !rig.pending(1, 8200));
    rig.r64(1, 0x48, 8200);
    rig.r64(1, 0x40, 8200);
    rig.r64(1, 0x40, 8200);
    assert_eq!(rig.taken(1), [8200], "not counted");
    rig.r(1, 0, 0);
    rig.r64(1, 0x40, 8200);
    rig.r(1, 0, 1);
    assert!(!rig.irq(1));
    let rig = Rig::mapped(1, Options::default());
    rig.r64(0, 0x40, 8192);
    assert!(!rig.irq(0), "not without DirectLPI");
}

#[test]
fn chk_4_1_2_invalidation_by_register() {
    let rig = Rig::mapped(1, Options::default());
    rig.config(8195, 0xa0);
    rig.send(1, 3);
    assert!(rig.irq(0), "still as it was read");
    rig.r64(0, 0xa0, 8195);
    assert!(!rig.irq(0) && rig.pending(0, 8195), "recalled, and pending still");
    rig.config(8195, 0xa1);
    rig.r64(0, 0xa0, 8196);
    assert!(!rig.irq(0), "that was another");
    rig.posted(0);
    rig.r64(0, 0xb0, 0);
    assert!(rig.posted(0) && rig.irq(0));
    assert_eq!(rig.rr(0, 0xc0), 0, "SYNCR is never busy");
    for intid in [0, 8191, 65536, u64::MAX] {
        rig.r64(0, 0xa0, intid);
    }
}

#[test]
fn chk_4_1_5_enable_lpis_cleared_discards_and_clears() {
    let mut rig = Rig::mapped(1, Options::default());
    rig.send(1, 3);
    rig.r(0, 0, 0);
    assert_eq!((rig.rr(0, 0) & 0b1001, rig.irq(0)), (0, false), "EnableLPIs and RWP are 0");
    rig.send(1, 4);
    assert_eq!(rig.pes[0].iar1(), NONE);
    rig.r(0, 0, 1);
    assert_eq!(rig.taken(0), [8195], "what came while LPIs were off is lost");
}

#[test]
fn chk_4_1_6_pending_bits_are_loaded_unless_ptz() {
    let mut rig = Rig::mapped(1, Options::default());
    rig.r(0, 0, 0);
    let at = PENDING + 8200 / 8 / 8 * 8;
    rig.set_word(at, 1 << (8200 % 64));
    rig.r(0, 0, 1);
    assert_eq!(rig.taken(0), [8200]);
    rig.r(0, 0, 0);
    rig.set_word(at, 1 << (8200 % 64));
    rig.r64(0, 0x78, PENDING | 1 << 62);
    assert_eq!(rig.rr64(0, 0x78), PENDING, "PTZ reads as 0");
    rig.r(0, 0, 1);
    assert_eq!(rig.taken(0), [0; 0]);
    rig.r(0, 0, 0);
    rig.set_word(at, 1 << (8200 % 64));
    rig.r(0, 0, 1);
    assert_eq!(rig.taken(0), [8200], "PTZ was true of the table as it was then");
}

#[test]
fn chk_4_1_7_table_addresses_are_frozen() {
    let rig = Rig::new(1);
    rig.r64(0, 0x70, 0);
    rig.r64(0, 0x78, 0);
    assert_eq!((rig.rr64(0, 0x70), rig.rr64(0, 0x78)), (CONFIG | 15, PENDING));
}

#[test]
fn chk_4_1_8_id_bits() {
    for (id_bits, first, last) in [(12, NONE, NONE), (13, 8192, 16383), (15, 8192, 65535), (31, 8192, 65535)] {
        let mut rig = Rig::off(1, Options { direct: true, ..Options::default() });
        rig.gicd.write(0, AccessSize::Word, 3);
        rig.r(0, 0x14, 0);
        rig.pes[0].set_pmr(0xf8);
        rig.pes[0].set_igrpen1(1);
        (0..57344 / 8).for_each(|n| rig.set_word(CONFIG + 8 * n, 0xa1a1_a1a1_a1a1_a1a1));
        rig.lpi_tables(0, id_bits);
        rig.r(0, 0, 1);
        for intid in [8192, 16383, 16384, 65535, 65536] {
            rig.r64(0, 0x40, intid);
        }
        let taken = rig.taken(0);
        let (low, high) = (taken.first().unwrap_or(&NONE), taken.last().unwrap_or(&NONE));
        assert_eq!((*low, *high), (first, last), "IDbits {id_bits}");
    }
}

#[test]
fn chk_3_1_4_group_1_gates_lpis() {
    let rig = Rig::mapped(1, Options::default());
    rig.gicd.write(0, AccessSize::Word, 1);
    rig.send(1, 0);
    assert!(!rig.irq(0));
    rig.gicd.write(0, AccessSize::Word, 3);
    assert!(rig.irq(0) && !rig.pes[0].signals().fiq);
}

#[test]
fn chk_7_8_pending_again_before_end_of_interrupt() {
    let mut rig = Rig::mapped(1, Options::default());
    rig.send(1, 0);
    assert_eq!(rig.pes[0].iar1(), 8192);
    rig.send(1, 0);
    assert!(rig.pending(0, 8192) && !rig.irq(0), "the running priority holds it");
    rig.pes[0].set_eoir1(8192);
    assert!(rig.irq(0));
    assert_eq!((rig.pes[0].iar1(), rig.pes[0].acknowledged(IntId(8192))), (8192, 2), "LPIs are counted as others are");
    rig.pes[0].reset();
    assert_eq!(rig.pes[0].acknowledged(IntId(8192)), 0);
}

#[test]
fn chk_8_6_priorities_and_the_order_at_one() {
    let mut rig = Rig::mapped(1, Options::default());
    // An ordinary SPI of the same priority comes first, as its INTID is lower.
    for (offset, value) in [(0x84, 1), (0x420, 0xa0), (0xc08, 2), (0x104, 1)] {
        rig.gicd.write(offset, AccessSize::Word, value);
    }
    rig.config(8200, 0x41);
    rig.ok(&[inv(1, 8)]);
    [20, 5, 8, 9].iter().for_each(|event| rig.send(1, *event));
    rig.gic.set_spi(IntId(32), true);
    assert_eq!(rig.pes[0].hppir1(), 8200);
    rig.pes[0].set_pmr(0x40);
    assert!(!rig.irq(0), "equal is not below");
    rig.pes[0].set_pmr(0xf8);
    let order: Vec<_> = (0..5)
        .map(|_| {
            let id = rig.pes[0].iar1();
            rig.pes[0].set_eoir1(id);
            id
        })
        .collect();
    assert_eq!(order, [8200, 32, 8197, 8201, 8212]);
}

#[test]
fn chk_8_5_with_two_security_states() {
    let mut rig = Rig::mapped(1, Options { two_states: true, ..Options::default() });
    rig.config(8192, 0x41);
    rig.ok(&[inv(1, 0)]);
    assert_eq!(rig.gic.describe_lpi(0, IntId(8192)).unwrap().priority, 0xa0, "the table is Non-secure software's");
    rig.send(1, 0);
    assert!(rig.irq(0), "Group 1 Non-secure");
    rig.gicd.write(0, AccessSize::Word, 0);
    assert!(!rig.irq(0), "EnableGrp1NS");
    rig.gicd.write(0, AccessSize::Word, 2);
    assert_eq!(rig.taken(0), [8192]);
    rig.r(0, 0, 0);
    assert_eq!(rig.rr(0, 0) & 1, 0, "EnableLPIs is Non-secure software's too");
}

#[test]
fn chk_10_6_end_drops_the_priority_and_dir_is_nothing() {
    let mut rig = Rig::mapped(1, Options::default());
    rig.pes[0].set_ctlr(2);
    rig.send(1, 0);
    assert_eq!(rig.pes[0].iar1(), 8192);
    rig.pes[0].set_dir(8192);
    assert_eq!(rig.pes[0].rpr(), 0xa0);
    rig.pes[0].set_eoir1(8192);
    assert_eq!(rig.pes[0].rpr(), 0xff);
    rig.send(1, 0);
    assert!(rig.irq(0), "without DIR");
}

#[test]
fn chk_13_1_low_priority_bits_are_not_implemented() {
    let mut rig = Rig::mapped(1, Options::default());
    rig.config(8192, 0xff);
    rig.ok(&[inv(1, 0)]);
    rig.send(1, 0);
    assert!(!rig.irq(0), "0xf8 is not below the mask");
    rig.config(8192, 0xa7);
    rig.ok(&[inv(1, 0)]);
    assert_eq!((rig.pes[0].iar1(), rig.pes[0].rpr()), (8192, 0xa0));
}

#[test]
fn chk_13_2_pending_table_layout() {
    let rig = Rig::mapped(2, Options::default());
    rig.ok(&[movi(1, 8, 1)]);
    rig.send(1, 8);
    rig.send(1, 9);
    rig.gic.save_pending_tables().unwrap();
    assert!(rig.pending_bit(1, 8200) && rig.pending_bit(0, 8201));
    assert_eq!(rig.word(PENDING + 0x1_0000 + 1024), 1 << 8, "bit 0 of byte 1025");
    rig.ok(&[clear(1, 8)]);
    rig.set_word(PENDING + 8, 0x1234);
    rig.gic.save_pending_tables().unwrap();
    assert!(!rig.pending_bit(1, 8200));
    assert_eq!(rig.word(PENDING + 8), 0x1234, "the first kilobyte is not ours");
}

#[test]
fn chk_13_3_a_change_without_inv() {
    for (options, seen) in [(Options::default(), false), (NO_CACHE, true)] {
        let mut rig = Rig::mapped(1, options);
        rig.config(8192, 0xa0);
        rig.ok(&[inv(1, 0)]);
        rig.config(8192, 0xa1);
        rig.send(1, 0);
        assert_eq!(rig.irq(0), seen, "{:?}", options.cache);
        rig.ok(&[inv(1, 0)]);
        assert_eq!(rig.taken(0), [8192]);
    }
    let mut rig = Rig::mapped(1, NO_CACHE);
    rig.send(1, 0);
    rig.config(8192, 0xa0);
    assert_eq!(rig.taken(0), [0; 0], "the acknowledge looks too");
    assert!(rig.pending(0, 8192));
}

#[test]
fn chk_13_6_a_move_fetches_the_configuration() {
    let rig = Rig::mapped(2, Options::default());
    rig.config(8192, 0xa0);
    rig.ok(&[movi(1, 0, 1)]);
    rig.send(1, 0);
    assert!(!rig.irq(1) && rig.pending(1, 8192));
    rig.config(8192, 0x81);
    rig.ok(&[movi(1, 0, 0)]);
    assert!(rig.irq(0), "PE 0 had it enabled at 0xa0 and looks again");
    assert_eq!(rig.gic.describe_lpi(0, IntId(8192)).unwrap().priority, 0x80);
    rig.config(8193, 0xa0);
    rig.ok(&[mapc(0, 1)]);
    rig.send(1, 1);
    assert!(!rig.irq(1) && rig.pending(1, 8193), "with its collection, too");
}

#[test]
fn chk_13_7_pending_state_survives_a_cycle() {
    let mut rig = Rig::mapped(1, Options::default());
    rig.pes[0].set_pmr(0);
    [3, 17, 31].iter().for_each(|event| rig.send(1, *event));
    rig.config(8209, 0xa0);
    rig.r(0, 0, 0);
    assert!(rig.pending_bit(0, 8195) && rig.pending_bit(0, 8209) && !rig.pending_bit(0, 8196));
    rig.r(0, 0, 1);
    rig.pes[0].set_pmr(0xf8);
    assert_eq!(rig.taken(0), [8195, 8223], "and the configuration was read again");
    assert!(rig.pending(0, 8209));
    rig.r(0, 0, 0);
    assert!(!rig.pending_bit(0, 8195), "what was taken is not pending");
}

#[test]
fn without_memory_tables_are_empty() {
    let mut rig = Rig::off(1, Options { direct: true, ..Options::default() });
    rig.r64(0, 0x70, 0xf_0000_0000_f00f);
    rig.r64(0, 0x78, 0xf_0000_0000_0000);
    rig.r(0, 0, 1);
    rig.r64(0, 0x40, 8192);
    assert!(rig.pending(0, 8192));
    rig.r(0, 0, 0);
    assert_eq!(rig.taken(0), [0; 0]);
}

#[test]
fn ten_thousand_are_taken_in_order() {
    let mut rig = direct(1);
    (0..57344 / 8).for_each(|n| rig.set_word(CONFIG + 8 * n, 0xa1a1_a1a1_a1a1_a1a1));
    rig.r64(0, 0xb0, 0);
    (0..10_000).for_each(|n| rig.r64(0, 0x40, 8192 + 5 * (9999 - n)));
    let all: Vec<_> = (0..10_000).map(|n| 8192 + 5 * n).collect();
    assert_eq!(rig.taken(0), all);
}

#[test]
fn reset_is_power_on() {
    let mut rig = Rig::mapped(1, Options::default());
    rig.send(1, 0);
    rig.gic.reset();
    rig.its.reset();
    rig.pes[0].reset();
    assert_eq!((rig.rr64(0, 0x70), rig.rr(0, 0) & 1, rig.rd(0x100)), (0, 0, 0x1907_0000_0000_0600));
    assert_eq!(rig.read_ctlr(), 1 << 31);
    rig.gicd.write(0, AccessSize::Word, 3);
    rig.r(0, 0x14, 0);
    rig.pes[0].set_pmr(0xf8);
    rig.pes[0].set_igrpen1(1);
    rig.send(1, 0);
    assert_eq!(rig.taken(0), [0; 0]);
}
