//! The rules of the conformance checklist that concern the virtual CPU interface, by number.

use armagic_gic::{ListRegistersError, PhysicalDeactivation, VirtualInterface, VirtualSignals, VirtualSpec};
use hw::IntId;

const NONE: u64 = 1023;
const QUIET: VirtualSignals = VirtualSignals { irq: false, fiq: false, nmi: false };
const IRQ: VirtualSignals = VirtualSignals { irq: true, ..QUIET };
const FIQ: VirtualSignals = VirtualSignals { fiq: true, ..QUIET };
const SUPERPRIORITY: VirtualSignals = VirtualSignals { nmi: true, ..IRQ };

const SPEC: VirtualSpec = VirtualSpec { list_registers: 4, nmi: true, extended_range: true };

// ICH_LR<n>_EL2 fields.
const PENDING: u64 = 1 << 62;
const ACTIVE: u64 = 1 << 63;
const STATE: u64 = PENDING | ACTIVE;
const HW: u64 = 1 << 61;
const GROUP1: u64 = 1 << 60;
const NMI: u64 = 1 << 59;
const EOI: u64 = 1 << 41;

// ICH_HCR_EL2 and ICH_MISR_EL2 fields.
const EN: u64 = 1;
const UIE: u64 = 1 << 1;
const LRENPIE: u64 = 1 << 2;
const NPIE: u64 = 1 << 3;
const VGRP0EIE: u64 = 1 << 4;
const VGRP0DIE: u64 = 1 << 5;
const VGRP1EIE: u64 = 1 << 6;
const VGRP1DIE: u64 = 1 << 7;

// ICV_CTLR_EL1 fields.
const CBPR: u64 = 1;
const EOIMODE: u64 = 2;

fn group1(id: u64, priority: u64) -> u64 {
    PENDING | GROUP1 | priority << 48 | id
}

fn group0(id: u64, priority: u64) -> u64 {
    PENDING | priority << 48 | id
}

fn nmi(id: u64) -> u64 {
    PENDING | GROUP1 | NMI | id
}

/// Off, as after reset.
fn off(spec: VirtualSpec) -> VirtualInterface {
    VirtualInterface::new(spec).unwrap()
}

/// On, both groups enabled, nothing masked, these list registers.
fn with(lists: &[u64]) -> VirtualInterface {
    let mut it = off(VirtualSpec { list_registers: 16, ..SPEC });
    it.set_hcr(EN);
    it.set_igrpen0(1);
    it.set_igrpen1(1);
    it.set_pmr(0xff);
    lists.iter().enumerate().for_each(|(n, &list)| it.set_lr(n, list));
    it
}

fn deactivation(id: u32) -> Option<PhysicalDeactivation> {
    Some(PhysicalDeactivation(IntId(id)))
}

fn eoicount(it: &VirtualInterface) -> u64 {
    it.hcr() >> 27
}

#[test]
fn an_interrupt_goes_all_the_way() {
    let mut it = with(&[group1(40, 0x80)]);
    assert_eq!((it.signals(), it.iar1()), (IRQ, 40));
    assert_eq!((it.signals(), it.lr(0) & STATE, it.ap1r0(), it.rpr()), (QUIET, ACTIVE, 1 << 16, 0x80));
    assert_eq!(it.set_eoir1(40), None);
    assert_eq!((it.signals(), it.lr(0) & STATE, it.ap1r0(), it.rpr()), (QUIET, 0, 0, 0xff));
}

#[test]
fn the_spec_is_checked() {
    for list_registers in [0, 3, 17] {
        let refused = VirtualInterface::new(VirtualSpec { list_registers, ..SPEC });
        assert_eq!(refused.unwrap_err(), ListRegistersError(list_registers));
    }
    assert!(ListRegistersError(3).to_string().contains("3 list registers"));
}

#[test]
fn reset_leaves_nothing() {
    let mut it = with(&[group1(40, 0x80), nmi(41), ACTIVE | 42]);
    it.set_ap0r0(!0);
    it.set_ap1r0(!0);
    it.reset();
    assert_eq!(it, off(it.spec()));
    assert_eq!((it.hcr(), it.vmcr(), it.ap0r0(), it.ap1r0(), it.lr(0)), (0, 0x004c_0008, 0, 0, 0));
}

// 6: registers and fields.

#[test]
fn chk_6_2_5_off_it_signals_nothing_and_reads_spurious() {
    for list in [group0(40, 0), group1(40, 0), nmi(40), EOI] {
        let mut it = with(&[list]);
        assert!(it.signals() != QUIET || it.maintenance());
        it.set_hcr(UIE | NPIE | VGRP0EIE);
        assert_eq!((it.signals(), it.maintenance()), (QUIET, false));
        assert_eq!([it.iar0(), it.iar1(), it.iar1_without_nmi(), it.nmiar1()], [NONE; 4]);
        assert_eq!((it.lr(0), it.rpr()), (with(&[list]).lr(0), 0xff));
        // Only these are silenced: state and conditions can still be read.
        assert!(it.misr() != 0);
        assert_eq!((it.hppir0(), it.hppir1()), (with(&[list]).hppir0(), with(&[list]).hppir1()));
    }
}

#[test]
fn chk_6_2_7_active_priorities_of_five_bits() {
    let mut it = with(&[]);
    it.set_ap0r0(!0);
    it.set_ap1r0(!0);
    assert_eq!((it.ap0r0(), it.ap1r0()), (0xffff_ffff, 1 << 63 | 0xffff_ffff));
    it.set_ap0r0(0);
    it.set_ap1r0(0);
    assert_eq!((it.ap0r0(), it.ap1r0(), it.rpr()), (0, 0, 0xff));
    let mut it = off(VirtualSpec { nmi: false, ..SPEC });
    it.set_ap1r0(!0);
    assert_eq!(it.ap1r0(), 0xffff_ffff);
}

#[test]
fn chk_6_3_hcr_fields() {
    let mut it = off(SPEC);
    it.set_hcr(!0);
    // TSEI, DVIM and vSGIEOIcount are RES0.
    assert_eq!(it.hcr(), 0xf800_5cff);
    let traps = |it: &VirtualInterface| [it.traps_common(), it.traps_group0(), it.traps_group1(), it.traps_dir()];
    for (n, bit) in [10, 11, 12, 14].into_iter().enumerate() {
        it.set_hcr(1 << bit);
        assert_eq!(traps(&it), std::array::from_fn(|trap| trap == n));
    }
}

#[test]
fn chk_6_3_lr_fields() {
    let stored = |spec, v| {
        let mut it = off(spec);
        it.set_lr(3, v);
        it.lr(3)
    };
    let plain = VirtualSpec { nmi: false, extended_range: false, ..SPEC };
    // Bits 51:48 of the priority's byte start where five bits end; NMI; pINTID.
    assert_eq!(stored(plain, !0), 0xf0f8_03ff_0000_ffff);
    assert_eq!(stored(plain, !HW), 0xd0f8_0200_0000_ffff);
    assert_eq!(stored(VirtualSpec { extended_range: true, ..plain }, !0), 0xf0f8_1fff_0000_ffff);
    assert_eq!(stored(VirtualSpec { extended_range: true, ..plain }, !HW), 0xd0f8_0200_0000_ffff);
    // The priority of an NMI is RES0.
    assert_eq!(stored(SPEC, GROUP1 | NMI | 0xff << 48 | 40), GROUP1 | NMI | 40);
}

#[test]
fn chk_6_3_list_registers_that_are_not_there() {
    let mut it = with(&[]);
    (0..16).for_each(|n| it.set_lr(n, group1(n as u64, 0x80)));
    assert_eq!((it.vtr() & 0x1f, it.lr(15)), (15, group1(15, 0x80)));
    let mut it = off(SPEC);
    it.set_lr(4, !0);
    it.set_lr(usize::MAX, !0);
    assert_eq!((it.vtr() & 0x1f, it.lr(4), it.lr(usize::MAX), it.elrsr()), (3, 0, 0, 0xf));
}

#[test]
fn chk_6_3_vmcr_fields_are_those_of_icv_registers() {
    let mut it = off(SPEC);
    it.set_vmcr(!0);
    // VFIQEn is RES1, VAckCtl RES0.
    assert_eq!(it.vmcr(), 0xf8fc_021b);
    assert_eq!((it.pmr(), it.bpr0(), it.bpr1(), it.ctlr() & 3), (0xf8, 7, 7, CBPR | EOIMODE));
    assert_eq!((it.igrpen0(), it.igrpen1()), (1, 1));
    it.set_vmcr(0);
    assert_eq!(it.vmcr(), 0x004c_0008);
    for (write, field) in [
        ((|it| it.set_igrpen0(!0)) as fn(&mut VirtualInterface), 1),
        (|it| it.set_igrpen1(!0), 1 << 1),
        (|it| it.set_ctlr(CBPR), 1 << 4),
        (|it| it.set_ctlr(EOIMODE), 1 << 9),
        (|it| it.set_bpr1(7), (7 ^ 3) << 18),
        (|it| it.set_bpr0(7), (7 ^ 2) << 21),
        (|it| it.set_pmr(0xa7), 0xa0 << 24),
    ] {
        let mut it = off(SPEC);
        write(&mut it);
        assert_eq!(it.vmcr() ^ 0x004c_0008, field);
    }
}

#[test]
fn chk_6_3_vtr_and_ctlr_say_what_there_is() {
    let mut it = off(SPEC);
    // PRIbits 4, PREbits 4, IDbits 0, SEIS 0, A3V, nV4, TDS, DVIM 0, ListRegs 3.
    assert_eq!(it.vtr(), 0x9038_0003);
    it.set_ctlr(!0);
    assert_eq!(it.ctlr(), 1 << 19 | 1 << 18 | 1 << 15 | 4 << 8 | EOIMODE | CBPR);
    assert_eq!(off(VirtualSpec { extended_range: false, ..SPEC }).ctlr(), 1 << 18 | 1 << 15 | 4 << 8);
}

/// With this cause enabled: MISR and the maintenance interrupt.
fn cause(it: &mut VirtualInterface, enable: u64) -> bool {
    it.set_hcr(it.hcr() & !0xfe);
    assert_eq!((it.misr() & !1, it.maintenance()), (0, it.eisr() != 0), "without the enable");
    it.set_hcr(it.hcr() | enable);
    assert_eq!(it.maintenance(), it.misr() != 0);
    assert_eq!(it.misr() & !enable & !1, 0, "another cause");
    it.misr() & enable != 0
}

#[test]
fn chk_6_3_misr_underflow() {
    for valid in [PENDING, ACTIVE, STATE] {
        let mut it = with(&[valid | 40, valid | 41]);
        assert!(!cause(&mut it, UIE));
        it.set_lr(1, EOI);
        it.set_lr(2, HW);
        assert!(cause(&mut it, UIE), "one is valid");
        it.set_lr(0, 0);
        assert!(cause(&mut it, UIE), "none is valid");
    }
}

#[test]
fn chk_6_3_misr_entry_not_present() {
    let mut it = with(&[]);
    assert!(!cause(&mut it, LRENPIE));
    it.set_hcr(EN | 1 << 31);
    assert!(cause(&mut it, LRENPIE));
}

#[test]
fn chk_6_3_misr_no_pending() {
    let mut it = with(&[PENDING | 1020]);
    assert!(!cause(&mut it, NPIE), "whether it can be delivered does not matter");
    for not_only_pending in [0, EOI, ACTIVE, STATE] {
        let mut it = with(&[not_only_pending | 40]);
        assert!(cause(&mut it, NPIE), "{not_only_pending:#x}");
    }
}

#[test]
fn chk_6_3_misr_groups() {
    for (enabled, disabled, set) in [
        (VGRP0EIE, VGRP0DIE, VirtualInterface::set_igrpen0 as fn(&mut VirtualInterface, u64)),
        (VGRP1EIE, VGRP1DIE, VirtualInterface::set_igrpen1),
    ] {
        let mut it = with(&[]);
        assert!(cause(&mut it, enabled) && !cause(&mut it, disabled));
        set(&mut it, 0);
        assert!(!cause(&mut it, enabled) && cause(&mut it, disabled));
        // The guest changes it while the cause is enabled.
        set(&mut it, 1);
        assert!(!it.maintenance());
    }
}

#[test]
fn chk_6_3_misr_eoi_eisr_elrsr() {
    let mut it = with(&[PENDING | 40, 0, EOI, HW, HW | EOI, ACTIVE | EOI | 41, STATE | 42]);
    // A bit 41 of a pINTID is no EOI request.
    assert_eq!((it.eisr(), it.elrsr()), (0b100, 0b1111_1111_1001_1010));
    assert_eq!((it.misr(), it.maintenance()), (1, true));
    it.set_hcr(EN | UIE | VGRP0EIE);
    assert_eq!(it.misr(), VGRP0EIE | 1, "beside others");
    it.set_hcr(EN);
    it.set_lr(2, 0);
    assert_eq!((it.eisr(), it.misr(), it.maintenance()), (0, 0, false));
    it.set_ap0r0(1);
    assert_eq!(it.set_eoir0(41), None);
    assert_eq!((it.eisr(), it.elrsr() & 1 << 5, it.maintenance()), (1 << 5, 0, true));
}

// 7: the state machine.

#[test]
fn chk_7_4_active_and_pending_is_not_signalled() {
    let mut it = with(&[STATE | GROUP1 | 40]);
    assert_eq!((it.signals(), it.hppir1(), it.iar1()), (QUIET, NONE, NONE));
    // Deactivation leaves it pending.
    it.set_ap1r0(1);
    assert_eq!(it.set_eoir1(40), None);
    assert_eq!((it.signals(), it.lr(0) & STATE, it.eisr()), (IRQ, PENDING, 0));
}

#[test]
fn chk_7_8_an_lpi_in_a_list_register() {
    for eoimode in [0, EOIMODE] {
        let mut it = with(&[group1(8192, 0x80)]);
        it.set_ctlr(eoimode);
        // ICH_LR<n>_EL2.State: active "regardless of the interrupt type".
        assert_eq!((it.iar1(), it.lr(0) & STATE), (8192, ACTIVE));
        // It may become pending again meanwhile.
        it.set_lr(0, it.lr(0) | PENDING);
        assert_eq!((it.set_eoir1(8192), it.lr(0) & STATE, it.rpr()), (None, PENDING, 0xff));
        assert_eq!((it.signals(), it.iar1(), it.set_eoir1(8192), it.lr(0) & STATE), (IRQ, 8192, None, 0));
    }
}

// 8: priorities.

#[test]
fn chk_8_1_the_highest_priority_goes_first_and_ties_go_to_the_lowest_list_register() {
    let mut it = with(&[group1(40, 0x80), group1(41, 0x40), group0(42, 0x40), group1(43, 0x38)]);
    assert_eq!((it.signals(), it.hppir0(), it.hppir1()), (IRQ, NONE, 43));
    it.set_lr(3, 0);
    assert_eq!((it.signals(), it.hppir0(), it.hppir1()), (IRQ, NONE, 41));
    it.set_lr(1, 0);
    assert_eq!((it.signals(), it.hppir0(), it.hppir1()), (FIQ, 42, NONE));
}

#[test]
fn chk_8_6_strictly_above_the_mask() {
    let mut it = with(&[group1(40, 0x80)]);
    for (pmr, signals) in [(0x80, QUIET), (0x87, QUIET), (0x88, IRQ), (0, QUIET), (0xff, IRQ), (0x7f, QUIET)] {
        it.set_pmr(pmr);
        assert_eq!(it.signals(), signals, "{pmr:#x}");
        assert_eq!(it.pmr(), pmr & 0xf8);
    }
    let mut it = with(&[group1(40, 0xf8)]);
    assert_eq!((it.pmr(), it.signals(), it.iar1()), (0xf8, QUIET, NONE));
}

#[test]
fn chk_8_6_equal_group_priority_does_not_preempt() {
    let mut it = with(&[group1(40, 0x80)]);
    assert_eq!(it.iar1(), 40);
    for (priority, signals) in [(0x80, QUIET), (0x88, QUIET), (0x78, IRQ)] {
        it.set_lr(1, group1(41, priority));
        assert_eq!(it.signals(), signals, "{priority:#x}");
    }
}

#[test]
fn chk_8_6_subpriority_does_not_preempt() {
    let mut it = with(&[group1(40, 0x80)]);
    it.set_bpr1(5);
    assert_eq!((it.iar1(), it.rpr()), (40, 0x80));
    it.set_bpr1(6);
    for (priority, signals) in [(0x78, IRQ), (0x40, IRQ), (0x80, QUIET), (0xb8, QUIET)] {
        it.set_lr(1, group1(41, priority));
        assert_eq!(it.signals(), signals, "{priority:#x}");
    }
}

#[test]
fn chk_8_6_the_pending_interrupts_binary_point_is_for_both_priorities() {
    let mut it = with(&[group0(40, 0x98)]);
    it.set_bpr1(6);
    assert_eq!((it.iar0(), it.rpr()), (40, 0x98));
    // Or else 0xb8, being of group priority 0x80, would preempt a higher priority.
    for (priority, signals) in [(0xb8, QUIET), (0x98, QUIET), (0x80, QUIET), (0x78, IRQ)] {
        it.set_lr(1, group1(41, priority));
        assert_eq!(it.signals(), signals, "{priority:#x}");
    }
    // With no bits left nothing preempts, but everything is taken when nothing is active.
    let mut it = with(&[group0(40, 0xf0)]);
    it.set_bpr0(7);
    assert_eq!(it.signals(), FIQ);
    it.set_ap1r0(1 << 31);
    assert_eq!(it.signals(), QUIET);
}

#[test]
fn chk_8_6_preemption_is_as_deep_as_there_are_priorities() {
    let mut it = with(&[]);
    it.set_ctlr(EOIMODE);
    for depth in (0..31).rev() {
        let id = 32 + depth;
        it.set_lr(0, [group0(id, 8 * depth), group1(id, 8 * depth)][depth as usize % 2]);
        assert_eq!([it.iar0(), it.iar1()], [[id, NONE], [NONE, id]][depth as usize % 2]);
        assert_eq!((it.rpr(), it.signals()), (8 * depth, QUIET));
    }
    assert_eq!((it.ap0r0(), it.ap1r0()), (0x5555_5555, 0x2aaa_aaaa));
    for depth in 0..31 {
        assert_eq!(it.rpr(), 8 * depth);
        let ended = if depth % 2 == 0 { it.set_eoir0(32 + depth) } else { it.set_eoir1(32 + depth) };
        assert_eq!(ended, None);
    }
    assert_eq!((it.ap0r0(), it.ap1r0(), it.rpr()), (0, 0, 0xff));
}

#[test]
fn chk_8_8_binary_points() {
    for (bpr, first_group0, first_group1) in [(2, 0xf8, 0xf8), (3, 0xf0, 0xf8), (5, 0xc0, 0xe0), (6, 0x80, 0xc0)] {
        let mut it = with(&[group0(40, 0xf0), group1(41, 0xf0)]);
        it.set_bpr0(bpr);
        it.set_bpr1(bpr);
        assert_eq!(it.iar0(), 40);
        assert_eq!(it.rpr(), 0xf0 & first_group0, "BPR0={bpr}");
        assert_eq!(it.set_eoir0(40), None);
        assert_eq!(it.iar1(), 41);
        assert_eq!(it.rpr(), 0xf0 & first_group1, "BPR1={bpr}");
    }
    // BPR0=7: Group 0 does not preempt, not even priority 0.
    let mut it = with(&[group0(40, 0xf0)]);
    it.set_bpr0(7);
    assert_eq!((it.iar0(), it.rpr()), (40, 0));
    it.set_lr(1, group0(41, 0));
    assert_eq!(it.signals(), QUIET);
}

#[test]
fn chk_8_9_the_minimum_of_a_binary_point_is_what_less_stores() {
    let mut it = off(SPEC);
    for value in 0..16 {
        it.set_bpr0(value);
        it.set_bpr1(value);
        assert_eq!((it.bpr0(), it.bpr1()), ((value & 7).max(2), (value & 7).max(3)));
        it.set_vmcr(value << 21 & 0xe0_0000 | (value & 7) << 18);
        assert_eq!((it.bpr0(), it.bpr1()), ((value & 7).max(2), (value & 7).max(3)));
    }
}

#[test]
fn chk_8_10_common_binary_point() {
    let mut it = with(&[group1(40, 0xf0)]);
    it.set_bpr1(5);
    it.set_ctlr(CBPR);
    for bpr0 in 2..8 {
        it.set_bpr0(bpr0);
        it.set_bpr1(3);
        assert_eq!((it.bpr0(), it.bpr1()), (bpr0, (bpr0 + 1).min(7)), "BPR1 reads BPR0 + 1, and ignores writes");
    }
    it.set_bpr0(5);
    assert_eq!((it.iar1(), it.rpr()), (40, 0xc0), "as Group 0 is");
    it.set_lr(1, group1(41, 0xc0));
    it.set_bpr0(2);
    it.set_ap1r0(1 << 25);
    for (ctlr, signals) in [(0, QUIET), (CBPR, IRQ), (0, QUIET)] {
        it.set_ctlr(ctlr);
        assert_eq!(it.signals(), signals, "0xc0 preempts 0xc8 by the binary point of Group 0");
    }
    assert_eq!(it.bpr1(), 5);
    // The hypervisor reaches VBPR1 all the same.
    it.set_ctlr(CBPR);
    it.set_vmcr(it.vmcr() | 7 << 18);
    it.set_ctlr(0);
    assert_eq!(it.bpr1(), 7);
}

#[test]
fn chk_8_11_an_nmi_is_before_everything_else() {
    let mut it = with(&[group0(40, 0), group1(41, 0), nmi(42) | 0xf8 << 48]);
    assert_eq!((it.signals(), it.hppir0(), it.hppir1()), (SUPERPRIORITY, NONE, 42));
    it.set_pmr(0);
    assert_eq!(it.signals(), SUPERPRIORITY, "no priority mask");
    it.set_igrpen1(0);
    assert_eq!(it.signals(), QUIET, "but the group enable");
    it.set_igrpen1(1);
    // It preempts an active priority 0x00.
    it.set_pmr(0xff);
    it.set_lr(2, 0);
    assert_eq!(it.iar0(), 40);
    it.set_lr(2, nmi(42));
    assert_eq!((it.signals(), it.nmiar1()), (SUPERPRIORITY, 42));
    it.set_lr(3, nmi(43));
    assert_eq!((it.signals(), it.nmiar1()), (QUIET, NONE), "but not another NMI");
}

#[test]
fn chk_8_11_only_group_1_interrupts_that_are_no_lpis_are_nmis() {
    for list in [group0(40, 0x80) | NMI, group1(8192, 0x80) | NMI] {
        let mut it = with(&[list]);
        assert_eq!(it.lr(0), list, "it reads as written");
        assert!([IRQ, FIQ].contains(&it.signals()));
        it.set_pmr(0x80);
        assert_eq!(it.signals(), QUIET);
    }
    let mut it = off(VirtualSpec { nmi: false, ..SPEC });
    it.set_hcr(EN);
    it.set_vmcr(0xff00_0003);
    it.set_lr(0, nmi(40) | 0x80 << 48);
    assert_eq!((it.lr(0), it.signals(), it.nmiar1()), (group1(40, 0x80), IRQ, NONE));
}

#[test]
fn chk_8_12_an_active_nmi_is_in_ap1r0_and_rpr() {
    let mut it = with(&[nmi(40), group1(41, 0x80)]);
    assert_eq!(it.nmiar1(), 40);
    assert_eq!((it.ap1r0(), it.rpr(), it.signals()), (1 << 63, 1 << 63, QUIET));
    // A Group 0 EOIR is not for it.
    assert_eq!((it.set_eoir0(40), it.ap1r0()), (None, 1 << 63));
    assert_eq!((it.set_eoir1(40), it.ap1r0(), it.rpr(), it.lr(0) & STATE), (None, 0, 0xff, 0));
    assert_eq!(it.signals(), IRQ);
}

// 9: acknowledge and HPPIR.

#[test]
fn chk_9_1_hppir_ignores_mask_and_running_priority_but_not_group_enables() {
    let mut it = with(&[group0(40, 0x80), group1(41, 0x88)]);
    it.set_pmr(0);
    it.set_ap0r0(1);
    assert_eq!((it.hppir0(), it.hppir1(), it.iar0()), (40, NONE, NONE));
    it.set_igrpen0(0);
    assert_eq!((it.hppir0(), it.hppir1(), it.iar1()), (NONE, 41, NONE));
    it.set_igrpen1(0);
    assert_eq!((it.hppir0(), it.hppir1()), (NONE, NONE));
}

#[test]
fn chk_9_2_special_intids() {
    // The other group's register says 1023 and nothing else.
    let mut it = with(&[group0(40, 0x80)]);
    assert_eq!((it.iar1(), it.iar1_without_nmi(), it.hppir1(), it.nmiar1()), (NONE, NONE, NONE, NONE));
    let mut it = with(&[group1(40, 0x80)]);
    assert_eq!((it.iar0(), it.hppir0(), it.nmiar1()), (NONE, NONE, NONE));
    assert_eq!(it.iar1_without_nmi(), 40);
    // SCTLR_EL1.NMI=1: IAR1 says that NMIAR1 is the register to use; HPPIR1 is not affected.
    let mut it = with(&[nmi(40)]);
    assert_eq!((it.iar1_without_nmi(), it.signals(), it.hppir1()), (1022, SUPERPRIORITY, 40));
    assert_eq!(it.clone().iar1(), 40, "SCTLR_EL1.NMI=0");
    it.set_hcr(0);
    assert_eq!(it.iar1_without_nmi(), NONE, "nothing is signalled");
}

#[test]
fn chk_9_2_special_vintids_are_not_presented() {
    for id in 1020..1024 {
        let mut it = with(&[group1(id, 0), group1(40, 0x80)]);
        assert_eq!((it.hppir1(), it.iar1(), it.signals()), (40, 40, QUIET));
    }
}

#[test]
fn chk_9_5_acknowledge_uses_the_binary_point_of_then() {
    let mut it = with(&[group1(40, 0xb8)]);
    it.set_bpr1(6);
    assert_eq!((it.iar1(), it.rpr()), (40, 0x80));
    it.set_bpr1(3);
    assert_eq!(it.rpr(), 0x80);
}

#[test]
fn chk_9_6_spurious_reads_change_nothing() {
    for list in [0, group1(40, 0xf8), STATE | 40, group0(1022, 0)] {
        let mut it = with(&[list]);
        let before = it.clone();
        assert_eq!([it.iar0(), it.iar1(), it.iar1_without_nmi(), it.nmiar1()], [NONE; 4]);
        assert_eq!(it, before);
    }
}

// 10: end of interrupt.

#[test]
fn chk_10_2_eoimode() {
    let mut it = with(&[group1(40, 0x80) | EOI]);
    it.set_ctlr(EOIMODE);
    assert_eq!(it.iar1(), 40);
    assert_eq!((it.set_eoir1(40), it.rpr(), it.lr(0) & STATE, it.eisr()), (None, 0xff, ACTIVE, 0), "only the drop");
    assert_eq!((it.set_dir(40), it.lr(0) & STATE, it.eisr()), (None, 0, 1));
    // Without: both at once.
    let mut it = with(&[group1(40, 0x80) | EOI]);
    assert_eq!((it.iar1(), it.set_eoir1(40)), (40, None));
    assert_eq!((it.rpr(), it.lr(0) & STATE, it.eisr()), (0xff, 0, 1));
}

#[test]
fn chk_10_2_hw_deactivates_the_physical_interrupt() {
    let list = group1(27, 0x80) | HW | 30 << 32;
    let mut it = with(&[list]);
    assert_eq!((it.iar1(), it.set_eoir1(27), it.lr(0) & STATE), (27, deactivation(30), 0));
    let mut it = with(&[list]);
    it.set_ctlr(EOIMODE);
    assert_eq!((it.iar1(), it.set_eoir1(27)), (27, None));
    assert_eq!((it.set_dir(27), it.lr(0) & STATE, it.elrsr() & 1), (deactivation(30), 0, 1));
    // Extended INTIDs need 13 bits; special ones are nobody's.
    for (pintid, expected) in [(0x1fff, deactivation(0x1fff)), (1020, None), (1023, None), (1024, deactivation(1024))] {
        let mut it = with(&[group1(8200, 0x80) | HW | pintid << 32]);
        assert_eq!((it.iar1(), it.set_eoir1(8200), it.lr(0) & STATE), (8200, expected, 0));
    }
}

#[test]
fn chk_10_2_eoicount_of_eoir() {
    let mut it = with(&[PENDING | GROUP1 | 41]);
    it.set_ap1r0(0b1111);
    // INTID 40 is in no list register, 41 is in one but not active there.
    assert_eq!((it.set_eoir1(40), eoicount(&it), it.ap1r0()), (None, 1, 0b1110));
    assert_eq!((it.set_eoir1(41), eoicount(&it)), (None, 2));
    assert_eq!((it.set_eoir1(1019), eoicount(&it)), (None, 3));
    assert_eq!((it.set_eoir1(8191), eoicount(&it)), (None, 4), "extended INTIDs need deactivation");
    // Not counted: what drops nothing, LPIs, special INTIDs, and any with EOImode.
    assert_eq!((it.set_eoir1(40), eoicount(&it)), (None, 4));
    it.set_ap1r0(0b111);
    assert_eq!((it.set_eoir1(8192), eoicount(&it), it.ap1r0()), (None, 4, 0b110));
    assert_eq!((it.set_eoir1(1023), eoicount(&it), it.ap1r0()), (None, 4, 0b110));
    it.set_ctlr(EOIMODE);
    assert_eq!((it.set_eoir1(40), eoicount(&it), it.ap1r0()), (None, 4, 0b100));
}

#[test]
fn chk_10_2_eoicount_of_dir() {
    let mut it = with(&[ACTIVE | GROUP1 | 41]);
    it.set_hcr(EN | LRENPIE);
    it.set_ctlr(EOIMODE);
    assert_eq!((it.set_dir(40), eoicount(&it), it.misr()), (None, 1, LRENPIE));
    assert_eq!((it.set_dir(41), eoicount(&it), it.lr(0) & STATE), (None, 1, 0), "a list register was found");
    assert_eq!((it.set_dir(41), eoicount(&it)), (None, 2), "and now not");
    for id in [8192, 0xffff, 1020, 1023] {
        assert_eq!((it.set_dir(id), eoicount(&it)), (None, 2));
    }
    it.set_hcr(it.hcr() | 31 << 27);
    assert_eq!((it.set_dir(40), eoicount(&it), it.hcr() & 0xff), (None, 0, EN | LRENPIE), "it wraps");
}

#[test]
fn chk_10_3_special_intids_are_ignored() {
    let mut it = with(&[group1(40, 0x80)]);
    assert_eq!(it.iar1(), 40);
    let before = it.clone();
    for id in 1020..1024 {
        assert_eq!((it.set_eoir1(id), it.set_eoir0(id)), (None, None));
    }
    assert_eq!(it, before);
}

#[test]
fn chk_10_3_another_intid_drops_the_running_priority_and_deactivates_what_it_names() {
    let mut it = with(&[group1(40, 0x80)]);
    assert_eq!(it.iar1(), 40);
    it.set_lr(1, group1(41, 0x40));
    assert_eq!(it.iar1(), 41);
    assert_eq!(it.set_eoir1(40), None);
    assert_eq!((it.rpr(), it.lr(0) & STATE, it.lr(1) & STATE), (0x80, 0, ACTIVE));
}

#[test]
fn chk_10_3_intids_have_16_bits() {
    let mut it = with(&[group1(40, 0x80)]);
    assert_eq!((it.iar1(), it.set_eoir1(0xabcd_0001_0028), it.lr(0) & STATE), (40, None, 0));
}

#[test]
fn chk_10_3_one_intid_twice_is_deactivated_lowest_first() {
    let mut it = with(&[PENDING | 40, ACTIVE | 40, ACTIVE | 40]);
    it.set_ctlr(EOIMODE);
    let states = |it: &VirtualInterface| [it.lr(0) & STATE, it.lr(1) & STATE, it.lr(2) & STATE];
    assert_eq!((it.set_dir(40), states(&it)), (None, [PENDING, 0, ACTIVE]));
    assert_eq!((it.set_dir(0xabcd_0001_0028), states(&it), eoicount(&it)), (None, [PENDING, 0, 0], 0));
}

#[test]
fn chk_10_4_nothing_active() {
    let mut it = with(&[ACTIVE | GROUP1 | HW | 30 << 32 | 40]);
    let before = it.clone();
    assert_eq!((it.set_eoir0(40), it.set_eoir1(40), it.set_eoir1(41)), (None, None, None));
    assert_eq!(it, before);
}

#[test]
fn chk_10_5_a_dropped_priority_lets_the_next_one_through_before_deactivation() {
    let mut it = with(&[group1(40, 0x80), group1(41, 0x80)]);
    it.set_ctlr(EOIMODE);
    assert_eq!((it.iar1(), it.signals()), (40, QUIET));
    assert_eq!((it.set_eoir1(40), it.signals(), it.iar1()), (None, IRQ, 41));
    assert_eq!((it.lr(0) & STATE, it.lr(1) & STATE), (ACTIVE, ACTIVE));
}

#[test]
fn chk_10_6_dir_of_an_lpi_is_ignored() {
    let mut it = with(&[ACTIVE | GROUP1 | 8192]);
    it.set_ctlr(EOIMODE);
    let before = it.clone();
    assert_eq!((it.set_dir(8192), it.set_dir(8193)), (None, None));
    assert_eq!(it, before);
}

#[test]
fn chk_10_7_dir_is_ignored_without_eoimode_and_leaves_the_priority_with_it() {
    let mut it = with(&[group1(40, 0x80)]);
    assert_eq!(it.iar1(), 40);
    let before = it.clone();
    assert_eq!((it.set_dir(40), it.set_dir(41)), (None, None));
    assert_eq!(it, before);
    it.set_ctlr(EOIMODE);
    assert_eq!((it.set_dir(40), it.lr(0) & STATE, it.rpr()), (None, 0, 0x80));
}

#[test]
fn chk_10_10_the_other_groups_eoir_is_ignored() {
    let mut it = with(&[group1(40, 0x80)]);
    assert_eq!(it.iar1(), 40);
    it.set_lr(1, group0(41, 0x40));
    assert_eq!(it.iar0(), 41);
    let before = it.clone();
    assert_eq!((it.set_eoir1(41), it.set_eoir1(40)), (None, None));
    assert_eq!(it, before);
    assert_eq!((it.set_eoir0(41), it.rpr(), it.set_eoir1(40), it.rpr()), (None, 0x80, None, 0xff));
    // The same priority active in both groups is UNPREDICTABLE to write; either group's EOIR finds its own.
    it.set_ap0r0(1);
    it.set_ap1r0(1);
    assert_eq!((it.clone().set_eoir0(40), it.set_eoir1(40)), (None, None));
    assert_eq!((it.ap0r0(), it.ap1r0()), (1, 0));
    assert_eq!((it.set_eoir0(40), it.ap0r0()), (None, 0));
}

// 11: signals.

#[test]
fn chk_11_3_superpriority() {
    let mut it = with(&[group1(40, 0), nmi(41)]);
    assert_eq!(it.signals(), SUPERPRIORITY);
    assert_eq!((it.iar1(), it.signals()), (41, QUIET));
    assert_eq!((it.set_eoir1(41), it.signals()), (None, IRQ));
}

#[test]
fn chk_11_5_a_signal_is_withdrawn_with_its_reason() {
    let closed: [fn(&mut VirtualInterface); 7] = [
        |it| it.set_pmr(0x80),
        |it| it.set_igrpen1(0),
        |it| it.set_hcr(0),
        |it| it.set_lr(0, 0),
        |it| it.set_ap1r0(1 << 16),
        |it| it.set_vmcr(it.vmcr() & !2),
        |it| it.set_vmcr(it.vmcr() & !(0xff << 24)),
    ];
    for close in closed {
        let mut it = with(&[group1(40, 0x80)]);
        assert_eq!(it.signals(), IRQ);
        let (open, hcr, ap1r0, lr) = (it.vmcr(), it.hcr(), it.ap1r0(), it.lr(0));
        close(&mut it);
        assert_eq!(it.signals(), QUIET);
        // And comes back with it.
        it.set_vmcr(open);
        it.set_hcr(hcr);
        it.set_ap1r0(ap1r0);
        it.set_lr(0, lr);
        assert_eq!(it.signals(), IRQ);
    }
}
